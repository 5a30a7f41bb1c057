"""A root: where it listens, and what it does when nobody speaks."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from lib_embeddings.watch.pace import Pace
from lib_embeddings.watch.root import REST, Root

from tests.watch.fakes import Clock, Event, Observers, ScriptedObserver

PACE = Pace(poll=10, deaf_poll=2, missing_poll=0.5)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def observers() -> Observers:
    return Observers()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def heard() -> list[str | None]:
    return []


@pytest.fixture
def root(
    folder: Path, heard: list[str | None], clock: Clock, observers: Observers
) -> Iterator[Root]:
    """Give a root that has not looked yet, and end it after the test."""
    root = Root(str(folder), heard.append, PACE, observers, clock)
    yield root
    root.close()
    assert not observers.listening


def change(folder: Path) -> None:
    """Add one more file."""
    (folder / f"{len(list(folder.iterdir()))}.pt").touch()


def test_the_first_look_finds_a_change(root: Root) -> None:
    """Whoever begins to watch wants to know what is there, be it nothing."""
    assert root.look(told=False)
    assert not root.look(told=False)


def test_a_changed_file_is_found(root: Root, folder: Path) -> None:
    """A look finds what came since the last one, once."""
    root.look(told=False)
    change(folder)
    assert root.look(told=True)
    assert not root.look(told=True)


def test_forget_makes_the_next_look_find_a_change(root: Root, observers: Observers) -> None:
    """Forgetting what was there does not disturb the watch."""
    root.look(told=False)
    root.forget()
    assert root.look(told=False)
    assert len(observers.made) == 1


def test_events_are_passed_on(
    root: Root, folder: Path, heard: list[str | None], observers: Observers
) -> None:
    """Hints of the folder reach whoever listens."""
    root.look(told=False)
    observers.made[0].say(Event("closed", str(folder / "a.pt")))
    assert heard == [str(folder / "a.pt")]


def test_a_new_folder_lays_the_watch_anew(root: Root, folder: Path, observers: Observers) -> None:
    """Old observers miss a folder that was moved in; a fresh one does not."""
    root.look(told=False)
    (folder / "sub").mkdir()
    root.look(told=True)
    assert [observer.state for observer in observers.made] == ["ended", "started"]


def test_a_new_file_does_not(root: Root, folder: Path, observers: Observers) -> None:
    """The watch is laid on folders, and stays while these do."""
    root.look(told=False)
    change(folder)
    root.look(told=True)
    assert len(observers.made) == 1


def test_linked_folders_are_watched(
    root: Root, folder: Path, tmp_path: Path, observers: Observers
) -> None:
    """A link that comes is listened to where it leads, and let go when it goes."""
    (tmp_path / "elsewhere").mkdir()
    root.look(told=False)
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    root.look(told=True)
    assert observers.folders() == {str(folder), str(tmp_path / "elsewhere")}
    (folder / "link").unlink()
    root.look(told=True)
    assert observers.folders() == {str(folder)}


def test_a_missing_root_is_polled_until_it_comes(
    root: Root, folder: Path, clock: Clock, observers: Observers
) -> None:
    """A root that is missing raises nothing and is picked up when it comes back."""
    folder.rmdir()
    root.look(told=False)
    assert not observers.made
    assert root.next_look == clock.now + PACE.missing_poll
    folder.mkdir()
    assert root.look(told=False)
    assert observers.folders() == {str(folder)}
    assert root.next_look == clock.now + PACE.poll


def test_a_root_that_goes_away_is_let_go(root: Root, folder: Path, observers: Observers) -> None:
    """An unplugged root is a change, and ends its observer."""
    root.look(told=False)
    shutil.rmtree(folder)
    assert root.look(told=True)
    assert not observers.listening


def test_a_replaced_root_is_listened_to(
    root: Root, folder: Path, tmp_path: Path, observers: Observers
) -> None:
    """A watch follows its folder when that is renamed; the one in its place gets its own."""
    root.look(told=False)
    folder.rename(tmp_path / "old")
    folder.mkdir()
    assert not root.look(told=False)
    assert len(observers.made) == 2


def test_a_root_that_goes_unheard_is_not_deaf(
    root: Root, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A root that is renamed away raises no event, however often; it hears when it is back."""
    root.look(told=False)
    for _ in range(3):
        change(folder)
        root.look(told=True)
        folder.rename(tmp_path / "away")
        assert root.look(told=False)
        (tmp_path / "away").rename(folder)
        assert root.look(told=False)
    assert not caplog.records


def test_one_change_without_an_event_is_no_proof(
    root: Root, folder: Path, clock: Clock, observers: Observers, caplog: pytest.LogCaptureFixture
) -> None:
    """A poll may be ahead of the event: it looks again soon, with a fresh observer."""
    root.look(told=False)
    change(folder)
    assert root.look(told=False)
    assert root.next_look == clock.now + PACE.deaf_poll
    root.look(told=True)
    assert root.next_look == clock.now + PACE.poll
    assert len(observers.made) == 2
    assert not caplog.records


def test_what_comes_while_the_watch_is_laid_is_seen(folder: Path, observers: Observers) -> None:
    """A file that raised no event because nobody listened yet is in the tree all the same."""

    def lay() -> ScriptedObserver:
        (folder / "late.pt").touch()
        return observers()

    root = Root(str(folder), print, PACE, lay)
    root.look(told=False)
    assert not root.look(told=False)
    root.close()


def test_two_changes_without_an_event_make_a_root_deaf(
    root: Root, folder: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Where events do not arrive the root is polled faster from then on, and says so once."""
    root.look(told=False)
    for told in (False, False, True, False, False):  # our own machine's event is no proof either
        change(folder)
        assert root.look(told)
    assert root.next_look == clock.now + PACE.deaf_poll
    assert caplog.messages == [
        f"watching {folder}: changes come without file events; looking every 2 s instead"
    ]


@pytest.mark.parametrize(
    "refusal",
    [OSError(errno.ENOSPC, "inotify watch limit reached"), RuntimeError("cannot start stream")],
    ids=["OSError", "RuntimeError"],
)
def test_an_observer_that_refuses_is_not_asked_again(
    root: Root,
    folder: Path,
    observers: Observers,
    caplog: pytest.LogCaptureFixture,
    refusal: Exception,
) -> None:
    """Without inotify watches to be had, the root is polled, and says so once."""
    observers.refusal = refusal
    for _ in range(3):
        change(folder)
        assert root.look(told=False)
    assert [observer.state for observer in observers.made] == ["ended"]
    assert caplog.messages == [
        f"watching {folder}: file events are not to be had ({refusal}); looking every 2 s instead"
    ]


def test_a_root_without_an_observer_is_polled_faster(
    root: Root, clock: Clock, observers: Observers
) -> None:
    """Where nothing listens, the poll is all there is."""
    observers.refusal = OSError(errno.EMFILE, "inotify instance limit reached")
    root.look(told=False)
    assert root.next_look == clock.now + PACE.deaf_poll


def test_a_folder_that_went_while_the_watch_was_laid_is_tried_again(
    root: Root, folder: Path, observers: Observers, caplog: pytest.LogCaptureFixture
) -> None:
    """A race with a vanishing folder is no reason to give up on events."""
    observers.refusal = FileNotFoundError(errno.ENOENT, "no such folder")
    root.look(told=False)
    observers.refusal = None
    root.look(told=False)
    assert observers.folders() == {str(folder)}
    assert not caplog.records


def test_a_slow_disk_is_given_rest(folder: Path, observers: Observers) -> None:
    """A look that takes long is followed by a longer pause."""

    class SlowClock(Clock):
        def __call__(self) -> float:
            self.now += 3
            return self.now

    clock = SlowClock()
    root = Root(str(folder), print, PACE, observers, clock)
    root.look(told=False)
    assert root.next_look == clock.now + 3 * REST
    root.close()


def test_an_observer_that_hangs_is_left_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An observer that does not end does not hold up the watch."""
    monkeypatch.setattr("lib_embeddings.watch.root.PATIENCE", 0.01)
    released = threading.Event()

    class HangingObserver(ScriptedObserver):
        def join(self) -> None:
            released.wait(10)
            super().join()

    observer = HangingObserver()
    root = Root(str(folder), print, PACE, lambda: observer)
    root.look(told=False)
    root.close()
    assert observer.state == "stopped"
    released.set()
    for thread in threading.enumerate():
        if thread.name == "embeddings-watcher-end":
            thread.join()
    assert observer.state == "ended"
