"""What was read before is not read again."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from lib_embeddings.entries import read as read_module
from lib_embeddings.entries.entry import Entry, Found, Reading, entry_of
from lib_embeddings.entries.read import read_file
from lib_embeddings.formats.embedding import VectorsInfo
from lib_embeddings.library.library import Library
from lib_embeddings.our_files import our_path
from lib_embeddings.stores import index_file
from lib_embeddings.stores.index import Index, no_collecting
from tests.builders import safetensors_file, torch_zip, vectors

DAY_NS = 86_400 * 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two embeddings of a day ago and a broken file."""
    folder = tmp_path / "embeddings"
    folder.mkdir()
    for name, data in {
        "cat.safetensors": safetensors_file(metadata={"ss_steps": "500"}),
        "dog.pt": torch_zip(),
        "cut.pt": torch_zip()[:-1],
    }.items():
        (folder / name).write_bytes(data)
        age(folder / name)
    return folder


def age(path: Path, ns: int = DAY_NS) -> None:
    """Make a file look as if it was written that long ago."""
    os.utime(path, ns=(0, time.time_ns() - ns))


class Session:
    """Scans of a folder, each with the index opened anew as a new process would."""

    def __init__(self, folder: Path, index: Path) -> None:
        self.folder = folder
        self.index = index
        self.read: list[str] = []

    def scan(self) -> list[Entry]:
        """Scan once; note what was read."""
        self.read = []
        with Index.open(str(self.index)) as index:
            return entries_of(self.folder, index, self._read)

    def _read(self, found: Found) -> Entry:
        self.read.append(found.place.filename)
        self.read.sort()
        return read_file(found)


def entries_of(
    folder: Path, index: Index, read: Callable[[Found], Entry] = read_file
) -> list[Entry]:
    """Return the entries that a scan with an index finds."""
    library = Library([folder], index, read=read)
    library.rescan()
    return [seen.entry for seen in library.view]


@pytest.fixture
def session(folder: Path, tmp_path: Path) -> Session:
    """Return scans of the folder with an index that does not exist yet."""
    return Session(folder, tmp_path / "cache" / "index.sqlite")


ALL = ["cat.safetensors", "cut.pt", "dog.pt"]


def test_an_unchanged_file_is_not_read_again(session: Session) -> None:
    """The second scan opens nothing, and gives the same entries, warnings and all."""
    first = session.scan()
    assert session.read == ALL
    assert session.scan() == first
    assert session.read == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.write_bytes(b"longer than before" * 999), id="size"),
        pytest.param(lambda path: age(path, 2 * DAY_NS), id="older"),
        pytest.param(lambda path: os.utime(path, ns=(0, path.stat().st_mtime_ns + 1)), id="1 ns"),
    ],
)
def test_a_changed_file_is_read_again(session: Session, change: Callable[[Path], None]) -> None:
    """Another size, or another modification time in either direction, means another file."""
    session.scan()
    change(session.folder / "dog.pt")
    session.scan()
    assert session.read == ["dog.pt"]


def test_a_moved_file_is_read_again(session: Session) -> None:
    """A reading belongs to a path."""
    session.scan()
    (session.folder / "dog.pt").rename(session.folder / "wolf.pt")
    session.scan()
    assert session.read == ["wolf.pt"]


def test_the_path_is_absolute(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder given by a relative path is the same folder."""
    session.scan()
    monkeypatch.chdir(session.folder.parent)
    session.folder = Path("embeddings")
    session.scan()
    assert session.read == []


@pytest.mark.parametrize("age_ns", [0, 1_000_000_000, -DAY_NS], ids=["now", "1 s", "tomorrow"])
def test_a_young_file_is_read_again(session: Session, age_ns: int) -> None:
    """A file may have been written twice within the clock's grain: a young one is not trusted."""
    age(session.folder / "dog.pt", age_ns)
    session.scan()
    session.scan()
    assert session.read == ["dog.pt"]


def test_what_the_disk_decided_is_not_remembered(folder: Path, tmp_path: Path) -> None:
    """A file that could not be opened is tried again, though its size and time are the same."""
    denied = [True]

    def read(found: Found) -> Entry:
        if denied and found.place.name == "cat":
            denied.pop()
            gone = read_file(found._replace(place=found.place.beside("gone")))
            return gone._replace(place=found.place)
        return read_file(found)

    states = []
    for _ in range(2):
        with Index.open(str(tmp_path / "index.sqlite")) as index:
            found = {
                each.place.path: each.reading.state for each in entries_of(folder, index, read)
            }
        states.append(found["cat.safetensors"])
    assert states == ["broken", "ok"]


def test_no_verdict_of_a_defect_of_ours_is_remembered(
    session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A sound file that once met a defect is read again, by this process and by later ones."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch, Index.open(str(session.index)) as index:
        patch.setattr(read_module, "make_embedding", fail)
        library = Library([session.folder], index)
        library.rescan()
        assert {seen.state for seen in library.view} == {"broken"}
        patch.undo()
        library.rescan()
        assert [seen.name for seen in library.view if seen.state == "ok"] == ["cat", "dog"]
    session.index.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(read_module, "make_embedding", fail)
        session.scan()
    assert [entry.reading.state for entry in session.scan()] == ["ok", "broken", "ok"]
    assert session.read == ["cat.safetensors", "dog.pt"]
    assert "ZeroDivisionError" in caplog.text


def test_a_mended_reader_reads_again_what_it_refused(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another reader may judge otherwise of a file that was refused; sound ones are not read."""
    first = session.scan()
    monkeypatch.setattr(index_file, "_reader_signature", lambda: "another")
    assert session.scan() == first
    assert session.read == ["cut.pt"]
    session.scan()
    assert session.read == []


def test_the_reader_is_another_when_a_module_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that was edited, or came or went, makes another reader; nothing else does."""
    package = tmp_path / "package"
    shutil.copytree(Path(index_file.__file__).parents[1], package)
    monkeypatch.setattr(index_file, "_PACKAGE", str(package))
    signatures = [index_file._reader_signature()]
    (package / "notes.txt").write_text("no module")
    assert index_file._reader_signature() == signatures[0]
    module = package / "formats" / "layouts.py"
    os.utime(module, ns=(0, 0))
    signatures.append(index_file._reader_signature())
    module.write_text(module.read_text() + "\n")
    os.utime(module, ns=(0, 0))
    signatures.append(index_file._reader_signature())
    module.unlink()
    signatures.append(index_file._reader_signature())
    assert len(set(signatures)) == 4


def test_an_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    """All that a file's bytes tell survives the index."""
    path = tmp_path / "cat.pt"
    path.write_bytes(b"")
    age(path)
    original = Reading(
        "ok",
        None,
        "torch-zip",
        "tokens",
        {"clip_l": VectorsInfo(2, 768, "float16"), "clip_g": VectorsInfo(2, 1280, "bfloat16")},
        {"step": 100, "note": "lone surrogate \ud800"},
        ("one warning", "another"),
    )
    told = []
    for read in (lambda found: entry_of(found, original, "<猫>"), read_file):
        with Index.open(str(tmp_path / "index.sqlite")) as index:
            (entry,) = entries_of(tmp_path, index, read)
        told.append((entry.reading, entry.stored_name))
    assert told == [(original, "<猫>")] * 2


# An index that is no good


def test_a_damaged_index_is_made_anew(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    """Bytes that are no database cost one full reading, and a line in the log."""
    first = session.scan()
    session.index.write_bytes(b"this is no database" * 500)
    assert session.scan() == first
    assert session.read == ALL
    assert "is damaged and is rebuilt" in caplog.text
    session.scan()
    assert session.read == []


def test_a_cut_index_is_made_anew(session: Session) -> None:
    """A database that ends in the middle is no reason to stop."""
    first = session.scan()
    session.index.write_bytes(session.index.read_bytes()[:5000])
    assert session.scan() == first
    assert session.scan() == first
    assert session.read == []


@pytest.mark.parametrize("text", ["not JSON", "[]", "null", '["ok"]', "[1,2,3,4,5,6,7,8]"])
def test_a_damaged_row_is_read_again(session: Session, text: str) -> None:
    """A row that makes no sense counts as not remembered."""
    first = session.scan()
    with sqlite3.connect(session.index) as connection:
        connection.execute("UPDATE readings SET reading = ?", (text,))
    connection.close()
    assert session.scan() == first
    assert session.read == ALL


def connect(index: Path) -> sqlite3.Connection:
    """Open an index as another program does, which begins and ends its own transactions."""
    return sqlite3.connect(index, isolation_level=None)


def paths_in(index: Path) -> set[str]:
    """Return the names of the files that an index remembers."""
    with closing(connect(index)) as connection:
        return {os.path.basename(path) for (path,) in connection.execute("SELECT path FROM files")}


def test_a_row_without_its_reading(session: Session) -> None:
    """A file whose reading is lost is read again, and its hash can be kept before that."""
    first = session.scan()
    with sqlite3.connect(session.index) as connection:
        connection.execute("DELETE FROM readings")
    connection.close()
    with Index.open(str(session.index)) as index:
        index.read([str(session.folder)])
        index.sha256(str(session.folder / "dog.pt"))
    assert session.scan() == first
    assert session.read == ALL


def test_another_version_is_emptied(session: Session) -> None:
    """An index of another version is forgotten, whatever its tables."""
    session.scan()
    with sqlite3.connect(session.index) as connection:
        connection.execute("DROP TABLE readings")
        connection.execute("CREATE TABLE readings (other TEXT)")
        connection.execute("PRAGMA user_version = 1000")
    connection.close()
    session.scan()
    assert session.read == ALL
    session.scan()
    assert session.read == []


def test_a_locked_index_is_done_without(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    """While another program holds the index everything is read, and the index stays whole."""
    first = session.scan()
    other = connect(session.index)
    other.execute("BEGIN EXCLUSIVE")
    assert session.scan() == first
    other.close()
    assert session.read == ALL
    assert "could not be opened, continuing without" in caplog.text
    session.scan()
    assert session.read == []


def test_an_index_that_is_locked_later(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    """A lock that comes before the saving costs only the memory of this scan."""
    with Index.open(str(session.index)) as index:
        index.read([str(session.folder)])
        other = connect(session.index)
        other.execute("BEGIN EXCLUSIVE")
        assert len(entries_of(session.folder, index)) == 3
    other.close()
    assert "could not be saved" in caplog.text
    session.scan()
    assert session.read == ALL


def test_a_save_that_failed_is_repeated(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    """The next saving writes also what an earlier one could not."""
    session.scan()
    cat, dog = session.folder / "cat.safetensors", session.folder / "dog.pt"
    with Index.open(str(session.index)) as index, closing(connect(session.index)) as other:
        index.read([str(session.folder)])
        cat.unlink()
        age(dog, 2 * DAY_NS)
        other.execute("BEGIN EXCLUSIVE")
        entries_of(session.folder, index)
        assert "could not be saved" in caplog.text
        age(dog, 3 * DAY_NS)
        other.rollback()
        entries_of(session.folder, index)
    assert paths_in(session.index) == {"cut.pt", "dog.pt"}
    session.scan()
    assert session.read == []


def test_a_save_that_failed_is_repeated_without_anything_new(session: Session) -> None:
    """Nothing has to change for it: closing the index is enough."""
    session.scan()
    age(session.folder / "dog.pt", 2 * DAY_NS)
    with Index.open(str(session.index)) as index, closing(connect(session.index)) as other:
        index.read([str(session.folder)])
        other.execute("BEGIN EXCLUSIVE")
        entries_of(session.folder, index)
        other.rollback()
    session.scan()
    assert session.read == []


def test_a_folder_where_nothing_can_be_written(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a place for the index every scan reads everything, and says so in the log."""
    session.index.parent.write_text("this is a file, not a folder")
    assert session.scan() == session.scan()
    assert session.read == ALL
    assert "could not be made, continuing without" in caplog.text


def test_an_index_in_this_folder(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path without a folder means the current one."""
    monkeypatch.chdir(session.folder.parent)
    session.index = Path("index.sqlite")
    session.scan()
    session.scan()
    assert session.read == []


def test_a_root_whose_name_is_no_text(session: Session, tmp_path: Path) -> None:
    """A folder whose name is no UTF-8 can be scanned; its files are only not remembered."""
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    try:
        session.folder = session.folder.rename(root)
    except OSError:
        pytest.skip("this system has no file names but text")
    assert len(session.scan()) == 3
    assert len(session.scan()) == 3


def test_an_error_during_the_scan_leaves_the_index_whole(session: Session) -> None:
    """Readings from before stay when a scan fails."""
    session.scan()
    with pytest.raises(KeyboardInterrupt), Index.open(str(session.index)):
        raise KeyboardInterrupt
    session.scan()
    assert session.read == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill so")
def test_a_process_killed_while_it_writes(session: Session) -> None:
    """A process killed in the middle of writing leaves the index as it was before."""
    first = session.scan()
    code = (
        "import os, signal, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1])\n"
        "connection.execute('PRAGMA cache_size = 1')\n"
        "connection.execute('UPDATE files SET size = 0, stored_name = hex(randomblob(100000))')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    result = subprocess.run([sys.executable, "-c", code, session.index], check=False)
    assert result.returncode == -signal.SIGKILL
    assert session.index.with_name("index.sqlite-journal").exists()
    assert session.scan() == first
    assert session.read == []


# Where it lies


def test_files_of_other_folders_are_not_read(session: Session, tmp_path: Path) -> None:
    """Only folders that are scanned cost anything; a root that comes later is known, too."""
    other = tmp_path / "embeddings2"  # whose path begins alike
    shutil.copytree(session.folder, other)
    session.scan()
    with Index.open(str(session.index)) as index:
        entries_of(other, index)
    for roots in ([session.folder], [other], [session.folder, other]):
        with Index.open(str(session.index)) as index:
            Library(roots, index).rescan()
            assert {os.path.dirname(path) for path in index._remembered} == set(map(str, roots))
    with Index.open(str(session.index)) as index:
        session.read = []
        library = Library([session.folder], index, read=session._read)
        library.rescan()
        library.scans.set_roots([session.folder, other])
        assert len(library.view) == 6
    assert session.read == []


def test_a_folder_that_nobody_scans_any_more_is_forgotten(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After half a year; a folder that is scanned now and then is not."""
    other = tmp_path / "other"
    shutil.copytree(session.folder, other)
    now = time.time()
    for days, scanned in ((0, session.folder), (100, other), (200, other)):
        monkeypatch.setattr(time, "time", lambda days=days: now + days * 86_400)
        with Index.open(str(session.index)) as index:
            entries_of(scanned, index)
    with closing(sqlite3.connect(session.index)) as file:
        paths = {os.path.dirname(path) for (path,) in file.execute("SELECT path FROM files")}
        roots = {path for (path,) in file.execute("SELECT path FROM roots")}
        assert paths == roots == {str(other)}


def test_nothing_is_remembered_nowhere(folder: Path, tmp_path: Path) -> None:
    """Without an index everything is read each time, and nothing is written."""
    before = sorted(tmp_path.rglob("*"))
    for _ in range(2):
        read: list[str] = []

        def note(found: Found, read: list[str] = read) -> Entry:
            read.append(found.place.filename)
            return read_file(found)

        entries_of(folder, Index.nowhere(), note)
        assert sorted(read) == ALL
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="this variable is not used here")
def test_the_default_place(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default the index lies in the user's cache folder, never among the embeddings."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = sorted(folder.iterdir())
    with Index.open() as index:
        entries_of(folder, index)
    assert our_path("index.sqlite").is_file()
    assert sorted(folder.iterdir()) == before


def test_the_log_is_quiet(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    """An index that works is not worth a line."""
    with caplog.at_level(logging.DEBUG):
        session.scan()
        session.scan()
    assert caplog.text == ""


def test_equal_readings_are_shared(session: Session) -> None:
    """Thousands of files with the same reading hold it once."""
    for number in range(3):
        path = session.folder / f"same {number}.bin"
        path.write_bytes(safetensors_file({"emb_params": vectors()}))
        age(path)
    session.scan()
    readings = [e.reading for e in session.scan() if e.place.name.startswith("same")]
    assert len(readings) == 3
    assert len({id(reading) for reading in readings}) == 1


# The garbage collector


def test_the_collector_does_not_go_through_many_new_objects() -> None:
    """They are put among the old ones, so that it has nothing to do once it works again."""
    collections: list[str] = []

    def note(phase: str, _info: object) -> None:
        collections.append(phase)

    gc.callbacks.append(note)
    try:
        with no_collecting():
            assert not gc.isenabled()
            made: list[list[int]] = [[] for _ in range(10_000)]
        assert gc.isenabled()
        more: list[list[int]] = [[] for _ in range(10)]
    finally:
        gc.callbacks.remove(note)
    assert collections == []
    young = {id(each) for each in gc.get_objects(0)}
    assert young.isdisjoint(map(id, made))
    assert young.issuperset(map(id, more))


def test_few_new_objects_stay_young() -> None:
    """Garbage among them is found soon."""
    gc.collect()
    with no_collecting():
        made: list[list[int]] = [[] for _ in range(10)]
    assert {id(each) for each in gc.get_objects(0)}.issuperset(map(id, made))


def test_what_others_froze_stays_frozen() -> None:
    """A program may have frozen its own objects."""
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        with no_collecting():
            made: list[list[int]] = [[] for _ in range(10_000)]
        assert gc.get_freeze_count() >= before - len(made) // 2
    finally:
        gc.unfreeze()


def test_a_collector_that_does_not_work_is_left_alone() -> None:
    """A collector that somebody has turned off stays off."""
    gc.disable()
    try:
        with no_collecting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_file_that_another_has_just_made_is_not_emptied(tmp_path: Path) -> None:
    """A thread that waited to make it checks again: a WebUI's threads begin together."""
    path = str(tmp_path / "index.sqlite")
    with closing(index_file.connect(path)) as connection, connection:
        connection.execute("INSERT INTO roots VALUES ('a', 0)")
    with closing(index_file.connect(path)) as connection:
        index_file._make_tables(connection)
        assert connection.execute("SELECT path FROM roots").fetchall() == [("a",)]


def test_several_threads_may_make_the_file(tmp_path: Path) -> None:
    """Those of a WebUI begin together, and none of them is refused."""
    for number in range(20):
        path = str(tmp_path / f"{number}.sqlite")
        together = threading.Barrier(6)

        def use(table: str, path: str = path, together: threading.Barrier = together) -> None:
            together.wait()
            with closing(index_file.connect(path)) as connection:
                connection.execute(f"SELECT * FROM {table}").fetchall()

        tables = ("files", "folders", "readings", "token_ids", "reader", "roots")
        with ThreadPoolExecutor(6) as threads:
            assert list(threads.map(use, tables)) == [None] * 6
