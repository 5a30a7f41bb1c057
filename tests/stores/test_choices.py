"""What people chose, in a store that processes share and nothing loses."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.stores import choices_file
from lib_embeddings.stores.choices import Choice, Choices

FAVOURITE = Choice(favourite=True)
SYNCHRONOUS = choices_file._SYNCHRONOUS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where choices are kept."""
    return tmp_path / "folder" / "choices.sqlite"


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait for the disk: what was written outlives its process anyway."""
    monkeypatch.setattr(choices_file, "_SYNCHRONOUS", "OFF")


def kept(path: Path) -> dict[str, Choice]:
    """Return what a process that starts now finds."""
    return dict(Choices(str(path)).all())


def run_sql(path: Path, *statements: str) -> None:
    """Change a database as another program does."""
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


# Choosing


def test_choices_are_kept(path: Path) -> None:
    """Another process finds what was chosen, and what was taken back is gone."""
    choices = Choices(str(path))
    assert choices.choose("a", favourite=True)
    assert choices.choose("b", favourite=True, use_partial=True, field="negative")
    assert choices.choose("c", field="auto")
    assert choices.choose("a", favourite=False)
    assert choices.choose("b", field="positive")
    assert choices.all() == kept(path) == {
        "b": Choice(favourite=True, use_partial=True, field="positive"),
        "c": Choice(field="auto"),
    }  # fmt: skip


def test_nothing_new_is_not_written(path: Path) -> None:
    """A choice that was made before changes neither the answer nor the file."""
    choices = Choices(str(path))
    choices.choose("a", favourite=True)
    before = path.read_bytes()
    assert not choices.choose("a")
    assert not choices.choose("a", favourite=True, use_partial=False)
    assert not choices.choose("b", favourite=False)
    assert path.read_bytes() == before


def test_reading_makes_no_file(path: Path) -> None:
    """Reading choices makes no file."""
    choices = Choices(str(path))
    assert not choices.refresh()
    choices.close()
    assert not path.parent.exists()


def test_what_is_known_is_not_changed_under_its_reader(path: Path) -> None:
    """A mapping that was handed out stays as it was."""
    choices = Choices(str(path))
    choices.choose("a", favourite=True)
    before = choices.all()
    choices.choose("b", favourite=True)
    assert before == {"a": FAVOURITE}


@pytest.mark.parametrize("id_", ["", "\0", "'; DROP TABLE choices", "猫", "x" * 100_000])
def test_odd_ids(path: Path, id_: str) -> None:
    """An id is any text."""
    Choices(str(path)).choose(id_, favourite=True)
    assert kept(path) == {id_: FAVOURITE}


def test_an_id_that_is_no_text(path: Path) -> None:
    """A choice that SQLite cannot keep holds in this process, and harms no other."""
    choices = Choices(str(path))
    assert choices.choose("\udce9", favourite=True)
    assert choices.choose("a", favourite=True)
    assert choices.all() == {"\udce9": FAVOURITE, "a": FAVOURITE}
    assert kept(path) == {"a": FAVOURITE}


# Moving


def test_choices_follow_an_id(path: Path) -> None:
    """The choices for one id are copied to the other; nothing else is."""
    choices = Choices(str(path))
    choices.choose("a", favourite=True, field="negative")
    choices.choose("b", use_partial=True)
    choices.choose("c", use_partial=True)
    choices.move({"a": "c"})
    choices.move({"b": "b"})
    choices.move({"nobody's": "b"})
    expected = {"b": Choice(use_partial=True), "c": Choice(favourite=True, field="negative")}
    assert choices.all() == kept(path) == expected


def test_kinds_of_newer_versions_go_along(path: Path) -> None:
    """A choice that only a newer version knows is kept, and follows a rename."""
    choices = Choices(str(path))
    choices.choose("a", favourite=True)
    run_sql(path, "INSERT INTO choices VALUES ('a', 'hidden', 1)", "PRAGMA user_version = 5")
    choices.move({"a": "b"})
    choices.choose("b", favourite=False)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM choices").fetchall() == [("b", "hidden", 1)]


def test_a_move_takes_what_another_process_has_just_chosen(path: Path) -> None:
    """Choices follow a rename even if the renaming process has not read them."""
    choices = Choices(str(path))
    Choices(str(path)).choose("a", favourite=True)
    choices.move({"a": "b"})
    assert kept(path) == {"b": FAVOURITE}


# Several at once


def test_two_processes_see_each_other(path: Path) -> None:
    """After a refresh each knows what the other chose, and that is new once."""
    one, other = Choices(str(path)), Choices(str(path))
    one.choose("a", favourite=True)
    assert other.all() == {}
    assert other.refresh()
    assert not other.refresh()
    other.choose("a", field="negative")
    other.choose("b", favourite=True)
    assert one.refresh()
    assert one.all() == other.all() == {
        "a": Choice(favourite=True, field="negative"), "b": FAVOURITE,
    }  # fmt: skip


def test_the_last_choice_wins(path: Path) -> None:
    """A choice that only seems to be made already is made again."""
    one, other = Choices(str(path)), Choices(str(path))
    one.choose("a", favourite=True)
    other.choose("a", favourite=False)
    assert not one.choose("a", favourite=True)
    assert kept(path) == {"a": FAVOURITE}


def test_threads(path: Path) -> None:
    """Threads that choose at once for the same ids lose nothing."""
    choices = Choices(str(path))
    asked: list[dict[str, Any]] = [{"favourite": True}, {"use_partial": True}, {"field": "auto"}]

    def work(asked: dict[str, Any]) -> None:
        for number in range(50):
            choices.choose(f"{number}", **asked)

    threads = [threading.Thread(target=work, args=(each,)) for each in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    full = Choice(favourite=True, use_partial=True, field="auto")
    assert choices.all() == kept(path) == {f"{number}": full for number in range(50)}


# A process that chooses something for one id after the other, and prints each when it is kept.
WRITER = """
import sys
from lib_embeddings.stores import choices_file
from lib_embeddings.stores.choices import Choices
choices_file._SYNCHRONOUS = "OFF"
path, kind, count = sys.argv[1:]
choices = Choices(path)
for number in range(int(count)):
    choices.choose(f"{number}", **{kind: "negative" if kind == "field" else True})
    print(number, flush=True)
choices.close()
"""


def writer(path: Path, kind: str, count: int = 1000) -> subprocess.Popen[str]:
    """Start a process that makes choices."""
    command = [sys.executable, "-c", WRITER, str(path), kind, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_three_processes_lose_nothing(path: Path) -> None:
    """Three processes make 1,000 choices each for the same ids, and all 3,000 are there."""
    processes = [writer(path, kind) for kind in ("favourite", "use_partial", "field")]
    complaints = [process.communicate()[1] for process in processes]
    assert complaints == ["", "", ""]
    full = Choice(favourite=True, use_partial=True, field="negative")
    assert kept(path) == {f"{number}": full for number in range(1000)}


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_loses_nothing(path: Path, seed: int) -> None:
    """All kept choices survive when two processes are killed while they write."""
    lines = random.Random(seed).randrange(1, 100)
    processes = {kind: writer(path, kind, 100_000) for kind in ("favourite", "use_partial")}
    for process in processes.values():
        assert process.stdout
        for _ in range(lines):
            process.stdout.readline()
        process.kill()
    for kind, process in processes.items():
        assert process.stdout
        printed = lines + len(process.stdout.readlines())
        process.communicate()
        chosen = {id_ for id_, choice in kept(path).items() if getattr(choice, kind)}
        assert {f"{number}" for number in range(printed)} <= chosen
        assert len(chosen) <= printed + 1
    Choices(str(path)).choose("a", favourite=True)
    assert kept(path)["a"] == FAVOURITE
    assert os.listdir(path.parent) == ["choices.sqlite"]


def test_three_processes_on_a_damaged_store(path: Path) -> None:
    """One of them renames it, and none loses a choice to that."""
    path.parent.mkdir()
    path.write_bytes(b"damaged" * 1000)
    processes = [writer(path, kind, 100) for kind in ("favourite", "use_partial", "field")]
    complaints = [process.communicate()[1] for process in processes]
    assert sum(complaint.count("damaged-") for complaint in complaints) == 1
    full = Choice(favourite=True, use_partial=True, field="negative")
    assert kept(path) == {f"{number}": full for number in range(100)}
    assert path.with_name("choices.sqlite.damaged-1").read_bytes() == b"damaged" * 1000


# Damage


def cut(path: Path) -> None:
    """Lose the end of the store, as a copy that was broken off does."""
    os.truncate(path, path.stat().st_size - 1)


def spoil_a_page(path: Path) -> None:
    """Write nonsense over the table, and leave the first page as it is."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)


def spoil_the_schema(path: Path) -> None:
    """Write bytes that are no text where the table is described."""
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"\xff" * 12))


def make_anothers(path: Path) -> None:
    """Put another program's database there."""
    path.unlink()
    run_sql(path, "CREATE TABLE theirs (precious)")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_bytes(b"{}"),
    "zeros": lambda path: path.write_bytes(bytes(8192)),
    "cut": cut,
    "page": spoil_a_page,
    "schema": spoil_the_schema,
    "another's": make_anothers,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_store_is_set_aside(
    path: Path, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    """It is renamed as it is, and logged with both names; the next choices are kept."""
    for number in (1, 2):
        Choices(str(path)).choose("a", favourite=True)
        damage(path)
        data = path.read_bytes()
        caplog.clear()
        choices = Choices(str(path))
        aside = path.with_name(f"choices.sqlite.damaged-{number}")
        (message,) = caplog.messages
        assert message.startswith(
            f"the choices in {path} are damaged: the file is now {aside} ("
        )  # fmt: skip
        assert (choices.all(), aside.read_bytes()) == ({}, data)
        choices.choose("b", favourite=True)
        assert kept(path) == {"b": FAVOURITE}
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_known_outlives_damage(path: Path, damage: Callable[[Path], object]) -> None:
    """A process that runs while the store is damaged writes all it knows into the new one."""
    choices = Choices(str(path))
    choices.choose("a", favourite=True)
    damage(path)
    assert choices.choose("b", favourite=True)
    assert choices.all() == kept(path) == {"a": FAVOURITE, "b": FAVOURITE}


def test_a_store_that_was_mended_is_left_alone(path: Path) -> None:
    """The slower of two processes that find the damage uses the other's new store."""
    Choices(str(path)).choose("a", favourite=True)
    choices_file._set_aside(str(path))
    assert kept(path) == {"a": FAVOURITE}


def test_a_store_that_is_gone_is_made_again(path: Path) -> None:
    """A deleted store is made again."""
    choices = Choices(str(path))
    choices.choose("a", favourite=True)
    path.unlink()
    assert not choices.refresh()
    choices.choose("b", favourite=True)
    assert choices.all() == kept(path) == {"a": FAVOURITE, "b": FAVOURITE}


def test_a_store_that_is_replaced_is_read_again(path: Path, tmp_path: Path) -> None:
    """A store that somebody puts in its place counts, though it has as many changes."""
    choices = Choices(str(path))
    choices.choose("a", favourite=True)
    other = tmp_path / "other.sqlite"
    Choices(str(other)).choose("b", favourite=True)
    other.replace(path)
    assert choices.refresh()
    assert choices.all() == {"b": FAVOURITE}


def test_damaged_rows(path: Path) -> None:
    """A row that makes no sense costs no other row."""
    choices = Choices(str(path))
    choices.choose("a", favourite=True)
    run_sql(
        path,
        "INSERT INTO choices VALUES (CAST(x'ff' AS TEXT), 'favourite', 1)",
        "INSERT INTO choices VALUES ('b', 'favourite', 'yes'), ('b', 'field', x'ff')",
        "INSERT INTO choices VALUES ('c', 'field', 'left'), ('c', 'use_partial', 2)",
    )
    assert kept(path) == {"a": FAVOURITE, "\ufffd": FAVOURITE}


def test_a_store_that_is_cut_is_set_aside(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Wherever it is cut, no row counts as undone."""
    choices = Choices(str(path))
    for number in range(9):
        choices.choose(f"{number}" * 500, favourite=True, field="negative")
    data = path.read_bytes()
    for size in range(2, len(data), 211):  # SQLite takes a single byte for an empty file
        path.write_bytes(data[:size])
        assert Choices(str(path)).all() == {}
        assert f"{path} are damaged" in caplog.messages.pop()
        assert not path.exists()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files cannot be listed here")
def test_a_damaged_store_is_closed_before_it_is_renamed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows renames no file that is open."""
    choices = Choices(str(path))
    choices.choose("a", favourite=True)
    path.write_bytes(b"damaged")
    rename, opened = os.rename, list[str]()

    def note(source: str, target: str) -> None:
        opened.extend(os.readlink(file) for file in Path("/proc/self/fd").iterdir())
        rename(source, target)

    monkeypatch.setattr(os, "rename", note)
    choices.choose("b", favourite=True)
    assert opened
    assert str(path) not in opened


# Trouble that passes


def full_disk(connection: sqlite3.Connection) -> None:
    """Let the file not grow."""
    connection.execute("PRAGMA max_page_count = 1")


def read_only_disk(connection: sqlite3.Connection) -> None:
    """Let nothing be written."""
    connection.execute("PRAGMA query_only = ON")


@pytest.fixture
def hinder(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return how to hinder all connections from now on; by nothing, to end it."""
    connect = sqlite3.connect

    def hinder(hindrance: Callable[[sqlite3.Connection], None] | None = None) -> None:
        def hindered(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection = connect(*arguments, **options)
            if hindrance:
                hindrance(connection)
            return connection

        monkeypatch.setattr(sqlite3, "connect", hindered)

    return hinder


@pytest.mark.parametrize(
    ("hindrance", "problem"),
    [
        pytest.param(full_disk, "database or disk is full", id="full disk"),
        pytest.param(read_only_disk, "attempt to write a readonly database", id="read-only disk"),
    ],
)
def test_a_write_that_fails(
    path: Path,
    hinder: Callable[..., None],
    hindrance: Callable[[sqlite3.Connection], None],
    problem: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Choices are kept in memory, which is logged once, and are written with the next one."""
    choices = Choices(str(path))
    hinder(hindrance)
    assert choices.choose("a", favourite=True)
    assert choices.choose("b", field="negative")
    choices.move({"b": "c"})
    assert choices.all() == {"a": FAVOURITE, "c": Choice(field="negative")}
    assert caplog.messages == [
        f"the choices in {path} cannot be read or written ({problem}): new ones are kept in memory"
    ]
    hinder()
    assert choices.choose("d", favourite=True)
    assert kept(path) == choices.all()
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("later", [Choices.refresh, Choices.close])
def test_what_failed_is_written_later(
    path: Path, hinder: Callable[..., None], later: Callable[[Choices], object]
) -> None:
    """Choices that could not be written are written by a refresh, or at the end."""
    choices = Choices(str(path))
    choices.choose("a", favourite=True)
    hinder(read_only_disk)
    choices.choose("a", favourite=False)
    choices.choose("b", favourite=True)
    hinder()
    later(choices)
    assert kept(path) == choices.all() == {"b": FAVOURITE}


def test_a_write_is_synchronised(
    path: Path, hinder: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write survives a power cut, also in a home on a network."""
    monkeypatch.setattr(choices_file, "_SYNCHRONOUS", SYNCHRONOUS)
    statements: list[str] = []
    hinder(lambda connection: connection.set_trace_callback(statements.append))
    Choices(str(path)).choose("a", favourite=True)
    assert statements[0] == "PRAGMA synchronous = EXTRA"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_another_problem_is_logged_too(
    path: Path, hinder: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """Each problem has a line in the log, and one that comes back has another."""
    choices = Choices(str(path))
    choices.choose("a", favourite=True)
    for hindrance in (read_only_disk, None, read_only_disk):
        hinder(hindrance)
        choices.choose("b", favourite=True)
        choices.choose("b", favourite=False)
    assert len(caplog.messages) == 2


def test_a_store_that_is_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that holds the lock for too long costs no choice."""
    monkeypatch.setattr(choices_file, "_WAITS", 2)
    choices = Choices(str(path))
    choices.choose("a", favourite=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert choices.choose("b", favourite=True)
        assert not choices.refresh()
        assert Choices(str(path)).all() == {}
    assert caplog.text.count("database is locked") == 2
    choices.close()
    assert kept(path) == {"a": FAVOURITE, "b": FAVOURITE}


def make_a_folder(path: Path) -> None:
    """Put a folder where the file should be."""
    path.mkdir(parents=True)


def make_a_file_of_its_folder(path: Path) -> None:
    """Put a file where the folder should be."""
    path.parent.write_text("a file")


def forbid(path: Path) -> None:
    """Let nobody read the store."""
    Choices(str(path)).choose("z", favourite=True)
    path.chmod(0)


@pytest.mark.parametrize(
    "block",
    [
        make_a_folder,
        make_a_file_of_its_folder,
        pytest.param(
            forbid,
            marks=pytest.mark.skipif(
                not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user may read all"
            ),
        ),
    ],
)
def test_a_store_that_cannot_be_opened(
    path: Path, block: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Choices hold for this process, what is there stays as it is, and the log has one line."""
    block(path)
    before = sorted(path.parent.parent.rglob("*"))
    choices = Choices(str(path))
    assert "cannot be read or written" in caplog.text
    assert choices.choose("a", favourite=True)
    assert choices.choose("b", favourite=True)
    assert choices.all() == {"a": FAVOURITE, "b": FAVOURITE}
    assert sorted(path.parent.parent.rglob("*")) == before
    assert len(set(caplog.messages)) == len(caplog.messages)


# What older versions kept


OLD = json.dumps({"favourites": ["a", "b", 1], "use_partial": ["b"]})


def test_what_an_older_version_kept_begins_a_store(path: Path) -> None:
    """It counts until something is chosen, is written then, and never read again."""
    path.parent.mkdir()
    old = path.with_name("preferences.json")
    old.write_text(OLD)
    begun = {
        "a": FAVOURITE, "b": Choice(favourite=True, use_partial=True), "1": FAVOURITE,
    }  # fmt: skip
    choices = Choices(str(path))
    assert choices.all() == kept(path) == begun
    assert not path.exists()
    choices.choose("a", favourite=False)
    del begun["a"]
    assert choices.all() == kept(path) == begun
    assert old.read_text() == OLD


def test_two_processes_begin_a_store(path: Path) -> None:
    """A choice that one of them has undone by then does not come back with the other."""
    path.parent.mkdir()
    path.with_name("preferences.json").write_text(OLD)
    one, other = Choices(str(path)), Choices(str(path))
    one.choose("a", favourite=False)
    other.choose("c", favourite=True)
    assert one.refresh()
    assert one.all() == other.all() == kept(path)
    assert set(kept(path)) == {"b", "1", "c"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"favourites": 1}', "\ufffe", "[" * 100_000]
)
def test_a_damaged_file_of_an_older_version(
    path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, stays as it is, and costs only itself."""
    path.parent.mkdir()
    old = path.with_name("preferences.json")
    old.write_text(text)
    choices = Choices(str(path))
    assert choices.all() == {}
    (message,) = caplog.messages
    assert message.startswith(f"the choices of an older version in {old} cannot be read: ")
    choices.choose("a", favourite=True)
    assert kept(path) == {"a": FAVOURITE}
    assert old.read_text() == text
