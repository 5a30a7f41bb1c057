"""The living library: rescans, generations, subscribers, renames."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from lib_embeddings.entries.entry import Entry, Found
from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.errors import MoveError
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.library import Library
from lib_embeddings.stores.choices import Member, putting
from lib_embeddings.stores.index import Index
from tests.library import SD1, SDXL, Reader, Writers, names, names_of

# Rescans


def test_a_library_is_empty_before_it_scans(library: Library) -> None:
    """Nothing is read until the first rescan."""
    assert (library.generation, names(library)) == (0, [])


def test_files_come_change_and_go(library: Library, root: Path, reader: Reader) -> None:
    """Every rescan returns what happened since the last, and reads new files."""
    (root / "a.safetensors").write_bytes(SD1)
    (root / "b.safetensors").write_bytes(SD1)
    assert names_of(library.rescan().changes) == [["a", "b"], [], []]
    reader.take()
    (root / "a.safetensors").write_bytes(SDXL)
    (root / "b.safetensors").unlink()
    (root / "sub").mkdir()
    (root / "sub" / "c.safetensors").write_bytes(SD1)
    assert names_of(library.rescan().changes) == [["c"], ["a"], ["b"]]
    assert sorted(reader.take()) == ["a.safetensors", "c.safetensors"]
    assert names(library) == ["a", "c"]


def test_nothing_new_is_no_generation(library: Library, root: Path, reader: Reader) -> None:
    """A rescan of unchanged folders changes nothing and opens nothing."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    reader.take()
    assert not library.rescan().changes
    assert (library.generation, reader.take()) == (1, [])


def test_a_file_that_could_not_be_opened_is_tried_again(root: Path) -> None:
    """A file that the disk refused once is tried again, although it has not changed."""
    file = root / "a.safetensors"
    file.write_bytes(SD1)
    away = [True]

    def read(found: Found) -> Entry:
        if not away:
            return read_file(found)
        away.clear()
        gone = read_file(found._replace(place=found.place.beside("gone")))
        return gone._replace(place=found.place)

    library = Library([root], Index.nowhere(), read=read)
    library.rescan()
    assert [seen.state for seen in library.view] == ["broken"]
    library.rescan()
    assert [seen.state for seen in library.view] == ["ok"]


def test_the_text_beside_a_file_counts(library: Library, root: Path, reader: Reader) -> None:
    """An edit of a sidecar alone is a change; the embedding is not read again."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    reader.take()
    (root / "a.json").write_text('{"notes": "nice"}')
    assert names_of(library.rescan().changes) == [[], ["a"], []]
    assert reader.take() == []


# Files that are not complete


def test_an_incomplete_file_is_not_listed(library: Library, root: Path, writers: Writers) -> None:
    """A new file appears when its writer is done."""
    library.rescan()
    (root / "a.safetensors").write_bytes(SD1[:-1])
    writers.seconds_left["a.safetensors"] = 0.5
    assert not library.rescan().changes
    (root / "a.safetensors").write_bytes(SD1)
    writers.seconds_left.clear()
    library.rescan()
    assert [(seen.name, seen.state) for seen in library.view] == [("a", "ok")]


def test_an_incomplete_change_keeps_the_former_entry(
    library: Library, root: Path, writers: Writers
) -> None:
    """While a file is overwritten, what it was before stays listed."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    (root / "a.safetensors").write_bytes(SDXL[:-1])
    writers.seconds_left["a.safetensors"] = 0.5
    assert not library.rescan().changes
    (root / "a.safetensors").write_bytes(SDXL)
    writers.seconds_left.clear()
    library.rescan()
    (seen,) = library.view
    assert list(seen.entry.reading.vectors) == ["clip_l", "clip_g"]


def test_only_files_that_differ_are_asked_about(
    library: Library, root: Path, writers: Writers
) -> None:
    """Writers are asked with path, size and time, of new and changed files only."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    new = root / "b.safetensors"
    new.write_bytes(SD1)
    writers.seconds_left["b.safetensors"] = 0.5
    library.rescan()
    assert writers.asked == [(str(new), len(SD1), new.stat().st_mtime_ns)]


def test_the_first_scan_takes_all_files_as_they_are(
    library: Library, root: Path, writers: Writers
) -> None:
    """The first scan does not wait for writers."""
    (root / "a.safetensors").write_bytes(SD1)
    writers.seconds_left["a.safetensors"] = 0.5
    assert library.rescan().again_in is None
    assert (names(library), writers.asked) == (["a"], [])


# Roots


def test_a_missing_root_stops_nobody(
    library: Library, root: Path, reader: Reader, tmp_path: Path
) -> None:
    """A root that is unplugged loses its entries; they come back with it, unread."""
    (root / "a.safetensors").write_bytes(SD1)
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.safetensors").write_bytes(SD1)
    library.scans.set_roots([root, other])
    reader.take()
    root.rename(tmp_path / "unplugged")
    library.rescan()
    assert (names(library), library.missing_roots) == (["b"], (str(root),))
    (tmp_path / "unplugged").rename(root)
    library.rescan()
    assert (names(library), library.missing_roots) == (["a", "b"], ())
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
    assert names_of(library.scans.set_roots([other]).changes) == [["b"], [], ["a"]]
    assert library.roots == library.view.roots == (str(other),)


def test_a_root_is_exchanged_for_the_folder_above(
    library: Library, root: Path, reader: Reader
) -> None:
    """A file belongs to the root it is found in now, and is not read again."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    reader.take()
    library.scans.set_roots([root.parent])
    (seen,) = library.view
    place = seen.entry.place
    assert (place.root, place.path) == (str(root.parent), f"{root.name}/a.safetensors")
    assert reader.take() == []


# Generations


def first_id(library: Library) -> str:
    """Return the id of the first entry."""
    return library.view.entries[0].entry.place.id


def test_generations_rise_by_one(library: Library, root: Path) -> None:
    """Entries, model and choices each make a generation when they change, and only then."""
    (root / "a.safetensors").write_bytes(SD1)
    seen = [library.generation]
    for change in (
        library.rescan,
        lambda: library.set_model(MODEL_FAMILIES["sdxl"]),
        lambda: library.set_model(MODEL_FAMILIES["sdxl"]),
        lambda: library.choose(first_id(library), use_partial=True),
        lambda: library.choose(first_id(library), use_partial=True),
        lambda: library.choose(first_id(library), favourite=True),
        library.rescan,
    ):
        change()
        seen.append(library.generation)
    assert seen == [0, 1, 2, 2, 3, 3, 4, 4]


def test_a_model_switch_opens_no_file(library: Library, root: Path, reader: Reader) -> None:
    """Fits follow the model while the files are gone."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    reader.take()
    shutil.rmtree(root)
    fits = []
    for key in ("sd1", "sd2", "sdxl", "sd1"):
        library.set_model(MODEL_FAMILIES[key])
        fits += [seen.fit for seen in library.view]
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
    (seen,) = library.view
    assert library.find(seen.entry.place.id) == seen
    (root / "a.safetensors").unlink()
    library.rescan()
    assert library.find(seen.entry.place.id) is None


def test_a_hash_is_remembered(library: Library, root: Path) -> None:
    """A file's hash is found by a search once it was asked for."""
    (root / "a.safetensors").write_bytes(SD1)
    library.rescan()
    sha256 = library.sha256(library.view.entries[0].entry)
    assert list(library.catalogue.hashes().values()) == [sha256]


# Threads


def test_readers_do_not_wait_for_the_disk(library: Library, root: Path, reader: Reader) -> None:
    """While a file is read, others see the former view and may change the model."""
    (root / "a.safetensors").write_bytes(SD1)
    seen: list[list[str]] = []

    def see() -> None:
        seen.append(names(library))
        library.set_model(MODEL_FAMILIES["sd1"])

    def see_elsewhere() -> None:
        thread = threading.Thread(target=see, daemon=True)
        thread.start()
        thread.join(10)

    reader.before_each = see_elsewhere
    library.rescan()
    assert seen == [[]]
    assert [seen.fit for seen in library.view] == ["usable"]


# A name of two files


def test_a_model_switch_changes_what_a_name_means(
    library: Library, root: Path, reader: Reader
) -> None:
    """Loaded names, completion and the meaning follow the model, and no file is opened for it."""
    for folder, data in (("SD15", SD1), ("SDXL", SDXL)):
        (root / folder).mkdir()
        (root / folder / "lazyneg.safetensors").write_bytes(data)
    library.rescan()
    reader.take()
    shutil.rmtree(root)
    meant = []
    for key in ("sd1", "sdxl", "sd1"):
        library.set_model(MODEL_FAMILIES[key])
        catalogue = library.catalogue
        (loaded,) = (seen for seen in catalogue.view if seen.is_loaded)
        assert catalogue.complete("lazy", 10) == [loaded] == [catalogue.view.named["lazyneg"]]
        meant.append(loaded.entry.place.folder)
    assert meant == ["SD15", "SDXL", "SD15"]
    assert reader.take() == []


def test_a_partial_entry_that_is_switched_on_is_loaded(library: Library, root: Path) -> None:
    """The choice reaches the view, and is a generation."""
    (root / "a.safetensors").write_bytes(SDXL)
    library.rescan()
    library.set_model(MODEL_FAMILIES["sd1"])
    assert [seen.fit for seen in library.view] == ["partial"]
    library.choose(first_id(library), use_partial=True)
    assert [(seen.fit, seen.is_loaded) for seen in library.view] == [("usable", True)]


# Subscribers


def test_subscribers_are_told_in_order(library: Library, root: Path) -> None:
    """Each generation comes with its changes, until the subscriber leaves."""
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
    """Subscribers get generations one after another, however many threads make them."""
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
    """An exception in a subscriber is logged, and the next one is still called."""
    news: list[int] = []

    def fail(_generation: int, _changes: Changes) -> None:
        raise ValueError("no")

    library.subscribe(fail)
    library.subscribe(lambda generation, _changes: news.append(generation))
    library.set_model(MODEL_FAMILIES["sd1"])
    assert news == [1]
    assert "a subscriber of generation 1 failed" in caplog.text


# Renaming


def test_a_rename_is_a_change(root: Path, library: Library, reader: Reader) -> None:
    """Subscribers get it, the entry has its new id, choices follow, and no file is read for it."""
    (root / "a").mkdir()
    (root / "a" / "cat.pt").write_bytes(SD1)
    library.rescan()
    reader.take()
    news: list[Changes] = []
    library.subscribe(lambda _generation, changes: news.append(changes))
    cat = next(seen.entry for seen in library.view if seen.name == "cat")
    library.choose(cat.place.id, favourite=True)
    library.change_sets(putting("s", [Member("cat", "positive")]))
    news.clear()
    id_ = library.files.rename(cat, "cow")
    assert library.sets == {"s": (Member("cow", "positive"),)}
    assert [[entry.place.path for entry in kind] for kind in news[0]] == [
        *(["a/cow.pt"], [], ["a/cat.pt"]),
    ]
    found = library.find(id_)
    assert found is not None
    assert (found.entry.place.path, reader.take()) == ("a/cow.pt", [])
    assert library.catalogue.choice_of(found).favourite


def test_a_misnamed_embedding_is_used_once_it_is_renamed(root: Path, library: Library) -> None:
    """Its warning about the old ending is not remembered for its new name."""
    (root / "cat.safetensors.1").write_bytes(SD1)
    library.rescan()
    (seen,) = library.view
    found = library.find(library.files.rename(seen.entry, "cat"))
    assert found is not None
    assert (found.entry.place.path, found.state) == ("cat.safetensors", "ok")


def test_a_refused_rename_is_no_change(root: Path, library: Library) -> None:
    """A name that another folder has is refused, and no new generation begins."""
    for name in ("cat.pt", "dog.pt"):
        (root / name).write_bytes(SD1)
    library.rescan()
    before, cat = library.generation, next(iter(library.view)).entry
    with pytest.raises(MoveError, match=r"already taken by dog\.pt"):
        library.files.rename(cat, "dog")
    assert library.generation == before
