"""An ear: which events are hints, and which of them make a file whole."""

from __future__ import annotations

import pytest
from lib_embeddings.watch.ear import Ear

from tests.watch.fakes import Event

FOLDER = "/home/.me/embeddings"


def hear(*events: Event) -> list[str | None]:
    """Return what an ear on the folder passes on."""
    heard: list[str | None] = []
    ear = Ear(FOLDER, heard.append)
    for event in events:
        ear.dispatch(event)
    return heard


def file(kind: str, name: str, goal: str = "") -> Event:
    return Event(kind, f"{FOLDER}/{name}", goal and f"{FOLDER}/{goal}")


def folder(kind: str, name: str, goal: str = "") -> Event:
    return Event(kind, f"{FOLDER}/{name}", goal and f"{FOLDER}/{goal}", is_directory=True)


@pytest.mark.parametrize("kind", ["created", "modified", "attrib", "deleted"])
def test_a_file_that_changes_is_a_hint(kind: str) -> None:
    """Each of these asks for a look and vouches for nothing."""
    assert hear(file(kind, "a.pt")) == [None]


@pytest.mark.parametrize("kind", ["opened", "closed_no_write", "accessed"])
def test_reading_a_file_is_none(kind: str) -> None:
    """What our own scan causes, or nobody knows yet, must not ask for a scan."""
    assert not hear(file(kind, "a.pt"), folder(kind, "sub"))


def test_a_closed_file_is_whole() -> None:
    """A close after writing names the file."""
    assert hear(file("closed", "sub/a.pt")) == [f"{FOLDER}/sub/a.pt"]


def test_a_renamed_file_is_whole_under_its_new_name() -> None:
    """A rename puts a finished file in place."""
    assert hear(file("moved", "a.pt.part", "a.pt")) == [f"{FOLDER}/a.pt"]


def test_a_file_renamed_out_of_sight_is_a_hint() -> None:
    """The old name is gone, and there is no new one to read."""
    assert hear(file("moved", "a.pt", "a.pt~")) == [None]


def test_a_rename_among_temporary_names_is_none() -> None:
    """Nothing that is looked at has changed."""
    assert not hear(file("moved", "a.tmp", "a.part"))


@pytest.mark.parametrize("name", ["a.part", ".a.pt", ".git/a.pt", "sub/a.tmp"])
def test_ignored_names_are_not_heard(name: str) -> None:
    """A temporary name, or a hidden one anywhere below the folder, is not looked at."""
    assert not hear(file("created", name), file("closed", name), file("deleted", name))


def test_a_folder_may_be_called_like_a_temporary_file() -> None:
    """A folder's name says nothing of the files in it."""
    assert hear(folder("created", "x.tmp"), file("closed", "x.tmp/a.pt")) == [
        None,
        f"{FOLDER}/x.tmp/a.pt",
    ]


@pytest.mark.parametrize("kind", ["created", "deleted"])
def test_folders_that_come_or_go_are_hints(kind: str) -> None:
    """A folder that comes or goes brings or takes files; so does the watched one."""
    assert hear(folder(kind, "sub"), Event(kind, FOLDER, is_directory=True)) == [None, None]


def test_a_moved_folder_is_a_hint_and_no_file() -> None:
    """A folder's move asks for a look; only files are judged whole."""
    assert hear(folder("moved", "sub", "other")) == [None]


@pytest.mark.parametrize("kind", ["modified", "attrib"])
def test_the_echo_of_a_file_in_its_folder_is_none(kind: str) -> None:
    """A folder is modified with each ignored file too; the file's own event is enough."""
    assert not hear(folder(kind, "sub"))


def test_paths_may_be_bytes_and_goals_missing() -> None:
    """Newer versions may give bytes, older ones give a dest_path to moves alone."""

    class OldEvent:
        event_type = "closed"
        is_directory = False
        src_path: str | bytes = f"{FOLDER}/é.pt".encode()

    heard: list[str | None] = []
    Ear(FOLDER, heard.append).dispatch(OldEvent())
    assert heard == [f"{FOLDER}/é.pt"]
