"""The living library: rescans, generations, subscribers."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.snapshot import Changes, Told
from lib_embeddings.errors import RenameError
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.choices import Choices
from lib_embeddings.library.index import Index
from lib_embeddings.library.library import Library
from tests.builders import safetensors_file, vectors

SD1 = safetensors_file()
SDXL = safetensors_file({"clip_l": vectors(), "clip_g": vectors(1, 1280)})


class Reader:
    """Reads files and remembers which."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.before_each: Callable[[], object] = lambda: None

    def __call__(self, path: str) -> Told:
        self.before_each()
        self.paths.append(os.path.basename(path))
        return read_file(path)

    def take(self) -> list[str]:
        """Return what was read since the last call."""
        paths, self.paths = self.paths, []
        return paths


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder for embeddings."""
    root = tmp_path / "embeddings"
    root.mkdir()
    return root


@pytest.fixture
def reader() -> Reader:
    """Return what the library reads files with."""
    return Reader()


@pytest.fixture
def index() -> Iterator[Index]:
    """Return an index in memory."""
    with Index.nowhere() as index:
        yield index


@pytest.fixture
def library(root: Path, reader: Reader, index: Index, tmp_path: Path) -> Library:
    """Return a library that has not looked yet."""
    library = Library([root], index, Choices(str(tmp_path / "choices.sqlite")), read=reader)
    library._generation = 0  # it begins at the time of day
    return library


def names(library: Library) -> list[str]:
    """Return the names in the current view."""
    return [entry.name for entry in library.view]


# Rescans


def test_a_library_is_empty_before_it_looks(library: Library) -> None:
    """Nothing is read until the first rescan."""
    assert (library.generation, names(library)) == (0, [])


def test_files_come_change_and_go(library: Library, root: Path, reader: Reader) -> None:
    """Every rescan tells what happened since the last, and reads what is new."""
    (root / "a.safetensors").write_bytes(SD1)
    (root / "b.safetensors").write_bytes(SD1)
    assert [entry.name for entry in library.rescan().added] == ["a", "b"]
    reader.take()
    (root / "a.safetensors").write_bytes(SDXL)
    (root / "b.safetensors").unlink()
    (root / "sub").mkdir()
    (root / "sub" / "c.safetensors").write_bytes(SD1)
    added, modified, deleted = library.rescan()
    assert [[entry.name for entry in kind] for kind in (added, modified, deleted)] == [
        ["c"], ["a"], ["b"],
    ]  # fmt: skip
    assert sorted(reader.take()) == ["a.safetensors", "c.safetensors"]
    assert names(library) == ["a", "c"]


def test_nothing_new_is_no_generation(library: Library, root: Path, reader: Reader) -> None:
    """A rescan of unchanged folders changes nothing and opens nothing."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    reader.take()
    assert not library.rescan()
    assert (library.generation, reader.take()) == (1, [])


def test_a_file_that_could_not_be_opened_is_tried_again(
    root: Path, index: Index, tmp_path: Path
) -> None:
    """What the disk refused once is looked at anew, though the file is the same."""
    file = root / "a.safetensors"
    file.write_bytes(SD1)
    away = [True]

    def read(path: str) -> Told:
        return read_file(path + ".gone" * away.pop()) if away else read_file(path)

    library = Library([root], index, Choices(str(tmp_path / "c.sqlite")), read=read)
    library.rescan()
    assert [entry.state for entry in library.view] == ["broken"]
    library.rescan()
    assert [entry.state for entry in library.view] == ["ok"]


def test_the_text_beside_a_file_counts(library: Library, root: Path, reader: Reader) -> None:
    """An edit of a sidecar alone is a change; the embedding is not read again."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    reader.take()
    (root / "a.json").write_text('{"notes": "nice"}')
    assert [entry.name for entry in library.rescan().modified] == ["a"]
    assert reader.take() == []


# Files that are not whole


def test_an_unfinished_file_is_not_listed(library: Library, root: Path) -> None:
    """A new file appears when it is whole."""
    (root / "a.safetensors").write_bytes(SD1[:-1])
    library.is_whole = lambda *_: False
    assert not library.rescan()
    (root / "a.safetensors").write_bytes(SD1)
    library.is_whole = lambda *_: True
    library.rescan()
    assert [(entry.name, entry.state) for entry in library.view] == [("a", "ok")]


def test_an_unfinished_change_keeps_the_former_entry(library: Library, root: Path) -> None:
    """While a file is overwritten, what it was before stays listed."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    (root / "a.safetensors").write_bytes(SDXL[:-1])
    library.is_whole = lambda *_: False
    assert not library.rescan()
    (root / "a.safetensors").write_bytes(SDXL)
    library.is_whole = lambda *_: True
    library.rescan()
    (entry,) = library.view
    assert list(entry.vectors) == ["clip_l", "clip_g"]


def test_only_files_that_differ_are_asked_about(library: Library, root: Path) -> None:
    """Whether a file is whole is asked with path, size and time, of new and changed files only."""
    file = root / "a.safetensors"
    file.write_bytes(SD1)
    library.rescan()
    new = root / "b.safetensors"
    new.write_bytes(SD1)
    asked: list[object] = []

    def note(*file: object) -> bool:
        asked.append(file)
        return False

    library.is_whole = note
    library.rescan()
    assert asked == [(str(new), len(SD1), new.stat().st_mtime_ns)]


# Roots


def test_a_missing_root_stops_nobody(
    library: Library, root: Path, reader: Reader, tmp_path: Path
) -> None:
    """A root that is unplugged loses its entries; they come back with it, unread."""
    (root / "a.safetensors").write_bytes(SD1)
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.safetensors").write_bytes(SD1)
    library.set_roots([root, other])
    reader.take()
    root.rename(tmp_path / "unplugged")
    library.rescan()
    assert (names(library), library.unreachable_roots) == (["b"], (str(root),))
    (tmp_path / "unplugged").rename(root)
    library.rescan()
    assert (names(library), library.unreachable_roots) == (["a", "b"], ())
    assert reader.take() == []


def test_a_root_that_is_missing_is_a_generation(library: Library, root: Path) -> None:
    """That a root went is news even when it held nothing."""
    library.rescan()
    before = library.generation
    root.rmdir()
    library.rescan()
    assert library.generation == before + 1


def test_roots_are_changed_live(library: Library, root: Path, tmp_path: Path) -> None:
    """New roots are looked through at once, former ones are forgotten."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.safetensors").write_bytes(SD1)
    changes = library.set_roots([other])
    assert [entry.name for entry in changes.added + changes.deleted] == ["b", "a"]
    assert library.roots == library.view.roots == (str(other),)


def test_a_root_is_exchanged_for_the_folder_above(
    library: Library, root: Path, reader: Reader
) -> None:
    """A file belongs to the root it is found in now, and is not read again."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    reader.take()
    library.set_roots([root.parent])
    (fitted,) = library.view
    assert (fitted.entry.root, fitted.path) == (str(root.parent), f"{root.name}/a.safetensors")
    assert reader.take() == []


# Generations


def test_generations_rise_by_one(library: Library, root: Path) -> None:
    """Entries, model and choices each make a generation when they change, and only then."""
    (root / "a.safetensors").write_bytes(SD1)
    seen = [library.generation]
    for change in (
        library.rescan,
        lambda: library.set_model(MODEL_FAMILIES["sdxl"]),
        lambda: library.set_model(MODEL_FAMILIES["sdxl"]),
        lambda: library.choose(library.view.entries[0].id, use_partial=True),
        lambda: library.choose(library.view.entries[0].id, use_partial=True),
        lambda: library.choose(library.view.entries[0].id, favourite=True),
        lambda: library.choose(library.view.entries[0].id, field="negative"),
        library.rescan,
    ):
        change()
        seen.append(library.generation)
    assert seen == [0, 1, 2, 2, 3, 3, 4, 5, 5]


def test_a_rescan_finds_what_another_process_chose(
    library: Library, root: Path, tmp_path: Path
) -> None:
    """A partial embedding that is switched on elsewhere is usable here, and that is news once."""
    (root / "a.safetensors").write_bytes(SD1)
    library.set_model(MODEL_FAMILIES["sdxl"])
    library.rescan()
    (entry,) = library.view
    Choices(str(tmp_path / "choices.sqlite")).choose(entry.id, use_partial=True)
    before = library.generation
    assert not library.rescan()
    assert (library.view.entries[0].fit, library.generation) == ("usable", before + 1)
    library.rescan()
    assert library.generation == before + 1


def test_a_model_switch_opens_no_file(library: Library, root: Path, reader: Reader) -> None:
    """Fits follow the model while the files are gone."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    reader.take()
    shutil.rmtree(root)
    fits = []
    for key in ("sd1", "sd2", "sdxl", "sd1"):
        library.set_model(MODEL_FAMILIES[key])
        fits += [entry.fit for entry in library.view]
    assert fits == ["usable", "incompatible", "partial", "usable"]
    assert reader.take() == []


def test_the_view_is_kept_for_its_generation(library: Library, root: Path) -> None:
    """A view is computed once for every generation."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    view = library.view
    assert library.view is view
    library.set_model(MODEL_FAMILIES["sd1"])
    assert library.view is not view


def test_an_entry_is_found_by_its_id(library: Library, root: Path) -> None:
    """An id leads to its entry until the file is gone."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    (entry,) = library.view
    assert library.find(entry.id) == entry
    (root / "a.safetensors").unlink()
    library.rescan()
    assert library.find(entry.id) is None


def test_a_hash_is_remembered(library: Library, root: Path) -> None:
    """A file's hash is found by a search once it was asked for."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    sha256 = library.sha256(library.view.entries[0].entry)
    assert list(library.listing.hashes().values()) == [sha256]


# Threads


def test_readers_do_not_wait_for_the_disk(library: Library, root: Path, reader: Reader) -> None:
    """While a file is read, others see the former view and may change the model."""
    (root / "a.safetensors").write_bytes(SD1)
    seen: list[list[str]] = []

    def look() -> None:
        seen.append(names(library))
        library.set_model(MODEL_FAMILIES["sd1"])

    def look_elsewhere() -> None:
        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        thread.join(10)

    reader.before_each = look_elsewhere
    library.rescan()
    assert seen == [[]]
    assert [entry.fit for entry in library.view] == ["usable"]


def test_rescans_at_once_agree(library: Library, root: Path) -> None:
    """Rescans from many threads come one after another and count every file once."""
    for number in range(20):
        (root / f"{number}.safetensors").write_bytes(SD1)
    added: list[int] = []
    threads = [
        threading.Thread(target=lambda: added.append(len(library.rescan().added))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == [0] * 7 + [20]
    assert library.generation == 1


# Subscribers


def test_subscribers_are_told_in_order(library: Library, root: Path) -> None:
    """Each generation is told with its changes, until the subscriber has enough."""
    news: list[tuple[int, Changes]] = []
    unsubscribe = library.subscribe(lambda generation, changes: news.append((generation, changes)))
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    library.set_model(MODEL_FAMILIES["sd1"])
    assert [(generation, len(changes.added)) for generation, changes in news] == [(1, 1), (2, 0)]
    unsubscribe()
    unsubscribe()
    library.set_model(None)
    assert len(news) == 2


def test_a_subscriber_may_change_the_library(library: Library) -> None:
    """Subscribers are called outside of locks; news that one makes comes after the present."""
    news: list[tuple[str, int]] = []

    def follow(generation: int, _changes: Changes) -> None:
        news.append(("first", generation))
        library.set_model(None)
        assert library.view.model is None

    library.subscribe(follow)
    library.subscribe(lambda generation, _changes: news.append(("second", generation)))
    library.set_model(MODEL_FAMILIES["sd1"])
    assert news == [("first", 1), ("second", 1), ("first", 2), ("second", 2)]


def test_news_from_many_threads_keeps_its_order(library: Library) -> None:
    """However many threads change things, generations are told one after another."""
    told: list[int] = []
    library.subscribe(lambda generation, _changes: told.append(generation))

    def switch() -> None:
        for _ in range(50):
            for key in ("sd1", "sd2", "sdxl"):
                library.set_model(MODEL_FAMILIES[key])

    threads = [threading.Thread(target=switch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == list(range(1, library.generation + 1))


def test_one_bad_subscriber_stops_nobody(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception in a subscriber is logged, and the next one is told."""
    news: list[int] = []

    def fail(_generation: int, _changes: Changes) -> None:
        raise ValueError("no")

    library.subscribe(fail)
    library.subscribe(lambda generation, _changes: news.append(generation))
    library.set_model(MODEL_FAMILIES["sd1"])
    assert news == [1]
    assert "telling a subscriber of generation 1 failed" in caplog.text


def test_a_storm_ends_with_the_truth(library: Library, root: Path, tmp_path: Path) -> None:
    """After many random changes with rescans between, the list equals a fresh scan."""
    rng = np.random.default_rng(3)
    contents = [SD1, SDXL, SD1[:-1], b"", b"text"]
    for step in range(400):
        file = root / f"{rng.integers(30)}.safetensors"
        other = root / f"{rng.integers(30)}.safetensors"
        match int(rng.integers(3)):
            case 0:
                file.write_bytes(contents[rng.integers(len(contents))])
            case 1:
                file.unlink(missing_ok=True)
            case 2 if file.exists():
                file.rename(other)
        if step % 20 == 0:
            library.rescan()
    library.rescan()
    with Index.nowhere() as nothing:
        fresh = Library([root], nothing, Choices(str(tmp_path / "none.sqlite")))
        fresh.rescan()
    assert list(library.view) == list(fresh.view)


# Renaming


def test_a_rename_is_a_change(root: Path, library: Library, reader: Reader) -> None:
    """Subscribers hear of it, the entry has its new id, and no file is read for it."""
    (root / "a").mkdir()
    (root / "a" / "cat.pt").write_bytes(SD1)
    library.rescan()
    reader.take()
    heard: list[Changes] = []
    library.subscribe(lambda _generation, changes: heard.append(changes))
    cat = next(fitted.entry for fitted in library.view if fitted.name == "cat")
    id_ = library.rename(cat, "cow")
    assert [[entry.path for entry in kind] for kind in heard[0]] == [["a/cow.pt"], [], ["a/cat.pt"]]
    found = library.find(id_)
    assert found is not None
    assert (found.path, reader.take()) == ("a/cow.pt", [])


def test_a_refused_rename_is_no_change(root: Path, library: Library) -> None:
    """A name that another folder has is refused, and no new generation begins."""
    for name in ("cat.pt", "dog.pt"):
        (root / name).write_bytes(SD1)
    library.rescan()
    before, cat = library.generation, next(iter(library.view)).entry
    with pytest.raises(RenameError, match=r"dog\.pt is called so already"):
        library.rename(cat, "dog")
    assert library.generation == before
