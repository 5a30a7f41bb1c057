"""What is kept up to date from view to view is what would be made anew."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.snapshot import Snapshot
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES, ModelFamily
from lib_embeddings.prompts.tokens import TokenIds, tokenize
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.prepared import Candidates, Prepared
from lib_embeddings.views.search import Filters
from lib_embeddings.views.view import View, known_of
from tests.records import CLIP_H, CLIP_L, CLIP_L_AND_G, entry

ROOTS = ("/root", "/b")
# Some are read alike, some begin alike, and some are no good names.
NAMES = (
    "cat",
    "Cat",
    "cat dog",
    "cat  dog",
    "marc_allante",
    "marc",
    "5",
    "x #y",
    "ﬁsh",
    "fish",
    "z,",
)
SHAPES = (CLIP_L, CLIP_H, CLIP_L_AND_G)


def some_entry(chance: random.Random) -> Entry:
    """Return a file somewhere, of which others may have the name."""
    folder, ending = chance.choice(("", "a/", "a/b/", "c/")), chance.choice((".pt", ".safetensors"))
    path, root = f"{folder}{chance.choice(NAMES)}{ending}", chance.choice(ROOTS)
    if chance.random() < 0.2:
        return entry(path, {}, root=root, state="broken", reason="cut short")
    return entry(path, chance.choice(SHAPES), root=root, mtime_ns=chance.randrange(3))


def after(snapshot: Snapshot, changed: Iterable[Entry], gone: Collection[Entry]) -> Snapshot:
    """Return the next snapshot, in which folders without a change are the same objects."""
    places = {each.place: each for each in snapshot.entries}
    for each in gone:
        del places[each.place]
    places.update({each.place: each for each in changed})
    fresh = Snapshot.of(ROOTS, places.values())
    same = {
        path: entries if snapshot.folders.get(path) != entries else snapshot.folders[path]
        for path, entries in fresh.folders.items()
    }
    return Snapshot(ROOTS, same)


def assert_same(prepared: Prepared, fresh: Prepared) -> None:
    """Compare all that is prepared of one view in two ways."""
    view, other = prepared.view, fresh.view
    assert (view.named, view.stand_ins, view.folders) == (
        other.named,
        other.stand_ins,
        other.folders,
    )
    assert view.entries == other.entries
    for seen, one in zip(view, other, strict=True):
        assert view.twins(seen) == other.twins(one)
        known = known_of(seen, view.model)
        assert prepared.name_checks.of(known) == fresh.name_checks.of(known)
    candidates, made = prepared.candidates, fresh.candidates
    assert [(each.seen, view.twins(each.seen)) for each in candidates.by_name] == [
        (each.seen, other.twins(each.seen)) for each in made.by_name
    ]
    assert {id_: candidate.folder for id_, candidate in candidates.by_id.items()} == {
        id_: candidate.folder for id_, candidate in made.by_id.items()
    }
    assert (+candidates.tally, candidates.in_folders) == (made.tally, made.in_folders)


@pytest.mark.parametrize("model", [None, *MODEL_FAMILIES.values()], ids=str)
@pytest.mark.parametrize("few", [1.0, 1 / 16])
def test_a_view_that_follows_another(
    model: ModelFamily | None, few: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any changes it is the same as a view that was made anew."""
    monkeypatch.setattr("lib_embeddings.views.prepared._FEW", few)
    chance = random.Random(str(model))
    snapshot = Snapshot.of(ROOTS, ())
    prepared = Prepared(View.of(snapshot, model), tokenize)
    for _ in range(60):
        listed = snapshot.entries
        gone = chance.sample(listed, min(len(listed), chance.choice((0, 0, 1, 2, 9))))
        came = [some_entry(chance) for _ in range(chance.choice((0, 1, 1, 3, 12)))]
        snapshot = after(snapshot, came, gone)
        prepared = prepared.followed_by(View.of(snapshot, model, former=prepared.view), tokenize)
        assert_same(prepared, Prepared(View.of(snapshot, model), tokenize))


def test_only_what_changed_is_looked_at() -> None:
    """Candidates and token ids of all others are taken as they are."""
    asked: list[str] = []

    def look_up(names: Iterable[str], _tokenize: object) -> dict[str, TokenIds]:
        wanted = list(names)
        asked.extend(wanted)
        return dict(zip(wanted, tokenize(wanted), strict=True))

    entries = [entry(f"{folder}/{number}.pt") for folder in "abc" for number in range(10, 30)]
    snapshot = Snapshot.of(ROOTS, entries)
    prepared = Prepared(View.of(snapshot, None), tokenize, look_up)
    candidates, checks = prepared.candidates, prepared.name_checks
    assert checks.is_complete
    asked.clear()
    later = after(snapshot, [entry("b/new.pt")], ())
    view = View.of(later, None, former=prepared.view)
    assert view.folders["/root/a"] is prepared.view.folders["/root/a"]
    prepared = prepared.followed_by(view, tokenize)
    assert asked == []
    assert prepared.name_checks.is_complete
    assert asked == ["new"]
    kept = [
        candidate
        for candidate in prepared.candidates.by_name
        if candidate is candidates.by_id.get(candidate.id)
    ]
    assert len(kept) == len(entries)


@pytest.mark.parametrize("change", ["another model", "another tokenizer"])
def test_what_no_longer_holds_is_made_anew(change: str) -> None:
    """Another model, or another tokenizer, sees all names otherwise."""
    snapshot = Snapshot.of(ROOTS, [entry("cat.pt"), entry("dog.pt", CLIP_H)])
    prepared = Prepared(View.of(snapshot, None), tokenize)
    assert prepared.name_checks.is_complete
    model = MODEL_FAMILIES["sd1"] if change == "another model" else None

    def letters(texts: Sequence[str]) -> list[TokenIds]:
        return [[ord(letter) for letter in text] for text in texts]

    other = tokenize if model else letters
    view = View.of(snapshot, model, former=prepared.view)
    assert_same(prepared.followed_by(view, other), Prepared(View.of(snapshot, model), other))


def test_a_tokenizer_that_comes_later_is_asked_for_all() -> None:
    """A host's own tokenizer says nothing while no model is loaded."""
    is_loaded = False

    def when_loaded(texts: Sequence[str]) -> list[TokenIds]:
        if not is_loaded:
            raise LookupError
        return tokenize(texts)

    snapshot = Snapshot.of(ROOTS, [entry(f"{number}.pt") for number in range(40)])
    prepared = Prepared(View.of(snapshot, None), when_loaded)
    assert not prepared.name_checks.is_complete
    is_loaded = True
    later = after(snapshot, [entry("cat.pt")], ())
    prepared = prepared.followed_by(View.of(later, None, former=prepared.view), when_loaded)
    assert_same(prepared, Prepared(View.of(later, None), tokenize))


def test_rows_are_in_the_natural_order_of_names() -> None:
    """Files of one name come in the order of roots and paths."""
    entries = [
        *(entry(path) for path in ("z/item 2.pt", "item 10.pt", "a/item 2.pt")),
        entry("item 2.pt", root="/b"),
    ]
    candidates = Candidates.of(View.of(Snapshot.of(ROOTS, entries), None))
    assert [(candidate.folder, candidate.seen.name) for candidate in candidates.by_name] == [
        ("0:a", "item 2"),
        ("0:z", "item 2"),
        ("1:", "item 2"),
        ("0:", "item 10"),
    ]


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Let threads take turns as often as possible."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("eager_threads")
@pytest.mark.parametrize("term", ["e", "embedding"])
def test_all_who_ask_at_once_find_the_same(term: str) -> None:
    """A page asks for two parts of a list at once, and neither says that nothing is found."""
    files = [entry(f"embedding-{number}.pt", CLIP_L, root="/root") for number in range(200)]
    with ThreadPoolExecutor(2) as threads:
        for _ in range(20):
            view = View.of(Snapshot.of(("/root",), files), MODEL_FAMILIES["sd1"])
            catalogue, start = Catalogue(1, Prepared(view)), threading.Barrier(2)

            def found(
                offset: int, catalogue: Catalogue = catalogue, start: threading.Barrier = start
            ) -> tuple[int, int]:
                start.wait()
                total = catalogue.select(Filters(term), offset=offset).total
                return total, id(catalogue.prepared.name_checks)

            one, other = threads.map(found, (0, 100))
            assert one == other
            assert one[0] == len(files)
