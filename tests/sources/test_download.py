"""Files that come into a folder, whole and judged, or not at all."""

from __future__ import annotations

import errno
import itertools
import json
import os
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lib_embeddings.entries import writing
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.texts import read_texts
from lib_embeddings.entries.walk import walk
from lib_embeddings.errors import NameRefused, SourceError, Unreachable, WrongHash
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import is_hidden, is_temporary
from lib_embeddings.sources.download import Download, Downloads
from lib_embeddings.sources.source import Offer, RemoteFile, Site
from lib_embeddings.sources.transport import Transport
from tests.builders import Call, Global, pickle_of, safetensors_file, torch_zip, vectors
from tests.killing import calls_of, kill_at
from tests.sources.conftest import Start
from tests.sources.fakes import PAGE, Asked, FakeSite, Reply, as_json, digest, redirect, serve

GOOD = safetensors_file({"emb_params": vectors(64)})  # more than one piece of a stream
OTHER = safetensors_file({"clip_l": vectors(), "clip_g": vectors(1, 1280)})
UNSAFE = torch_zip(pickle_of(Call(Global("posix", "system"), ("true",))), {})
LORA = safetensors_file({"lora_te_x.lora_down.weight": vectors(4)})


@pytest.fixture
def site(start: Start[FakeSite]) -> FakeSite:
    """Return a site that has the good file at every address."""
    return start(FakeSite(lambda asked: serve(GOOD, asked)))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return the folder of downloads that are not complete."""
    return tmp_path / "own"


def remote(site: FakeSite, filename: str = "fox.safetensors", **fields: object) -> RemoteFile:
    """Return a file of a fake."""
    asked = Site("", "Fake", (site.url,), is_mirror=True)
    file = RemoteFile(asked, f"{site.url}/{filename}?signature=s3cret", filename)
    return replace(file, **fields)


def offer_of(file: RemoteFile) -> Offer:
    """Return an offer with one file."""
    return Offer(
        "Fake",
        "Fox v1",
        "https://fake.example/models/1",
        (file,),
        trigger_words=("fox", "foxy"),
        base_model="SD 1.5",
        families=("sd1",),
        author="someone",
        description="A fox",
        ids=(("modelId", 1), ("modelVersionId", 2)),
    )


def add(file: RemoteFile, folder: Path, own: Path, **choices: object) -> Download:
    """Bring a file into a folder."""
    limits = choices.pop("limits", LIMITS)
    downloads = Downloads(Transport(), str(own), limits)
    return downloads.add(offer_of(file), file, str(folder), **choices)


def nothing_is_left(folder: Path, own: Path) -> bool:
    """Return whether neither folder has anything in it."""
    return os.listdir(folder) == [] and (not own.exists() or os.listdir(own) == [])


# What comes


def test_a_file_comes(site: FakeSite, folder: Path, own: Path) -> None:
    """The file is there with a sidecar, and nothing else is anywhere."""
    seen: list[tuple[int, int | None]] = []
    file = remote(site, sha256=digest(GOOD), size=len(GOOD))
    download = add(file, folder, own, on_progress=lambda done, total: seen.append((done, total)))
    assert sorted(os.listdir(folder)) == ["fox.json", "fox.safetensors"]
    assert (folder / "fox.safetensors").read_bytes() == GOOD
    assert download.place == Place.of_root(folder).inside("fox.safetensors")
    assert (download.is_new, download.warnings) == (True, ())
    assert list(download.embedding.vectors) == ["clip_l"]
    assert os.listdir(own) == []
    assert seen[-1] == (len(GOOD), len(GOOD))
    assert len(seen) > 1
    assert len(site.asked) == 1


def test_the_sidecar(site: FakeSite, folder: Path, own: Path) -> None:
    """It has A1111's keys and where the file came from, and no part of an address that is a key."""
    add(remote(site, field="negative", scan="safe", sha256=digest(GOOD)), folder, own)
    text = (folder / "fox.json").read_text()
    document = json.loads(text)
    downloaded = document["source"].pop("downloaded")
    assert downloaded.startswith("20")
    assert document == {
        "description": "A fox",
        "sd version": "SD1",
        "activation text": "fox, foxy",
        "preferred weight": 0,
        "negative text": "",
        "notes": "",
        "modelId": 1,
        "modelVersionId": 2,
        "sha256": digest(GOOD),
        "source": {
            "site": "Fake",
            "title": "Fox v1",
            "page": "https://fake.example/models/1",
            "file": "fox.safetensors",
            "author": "someone",
            "base model": "SD 1.5",
            "general": True,
            "tags": [],
            "scan": "safe",
            "sha256": digest(GOOD),
        },
        "prompt box": "negative",
    }
    assert "s3cret" not in text
    (found,) = next(walk([str(folder)])).files
    texts = read_texts(read_file(found))
    assert (texts.description, texts.field) == ("A fox", "negative")
    assert texts.claims.scan == "safe"


def test_a_sidecar_that_is_there_stays(site: FakeSite, folder: Path, own: Path) -> None:
    """A text that a person wrote is not replaced."""
    (folder / "fox.json").write_text('{"notes": "mine"}')
    add(remote(site), folder, own)
    assert (folder / "fox.json").read_text() == '{"notes": "mine"}'
    assert sorted(os.listdir(folder)) == ["fox.json", "fox.safetensors"]


def test_a_name_of_ones_own(site: FakeSite, folder: Path, own: Path) -> None:
    """A person may choose the name; the ending stays."""
    add(remote(site), folder, own, name="dog")
    assert sorted(os.listdir(folder)) == ["dog.json", "dog.safetensors"]


def test_our_reader_decides_about_the_model(site: FakeSite, folder: Path, own: Path) -> None:
    """A site that is wrong about the model is contradicted, and the sidecar has what is true."""
    site.answer = lambda asked: serve(OTHER, asked)
    download = add(remote(site), folder, own)
    assert download.warnings == (
        "Fake says SD 1.5, but the vectors are for SDXL (clip_l 768 + clip_g 1280)",
    )
    assert json.loads((folder / "fox.json").read_text())["sd version"] == "SDXL"


def test_a_redirect_within_the_site(site: FakeSite, folder: Path, own: Path) -> None:
    """A site may keep its files elsewhere on itself."""
    site.answer = lambda asked: redirect("/store") if asked.path != "/store" else serve(GOOD, asked)
    assert add(remote(site), folder, own).is_new


# What does not come

REFUSED = [
    (PAGE, "fox.safetensors was not kept: this is a web page, not an embedding"),
    (
        as_json({"error": "Unauthorized"}),
        'fox.safetensors was not kept: this is not the file, but what the site answered: "Unauth',
    ),
    (Reply(200, LORA), "fox.safetensors was not kept: this is a LoRA"),
    (Reply(200, UNSAFE), "fox.safetensors was not kept: its pickle asks for posix.system"),
    (Reply(200, GOOD[:-1]), "fox.safetensors was not kept: cut short"),
    (Reply(200, b""), "fox.safetensors was not kept: this file is empty"),
    (Reply(200, GOOD, length=LIMITS.download_bytes + 1), "expected at most 67,108,864 bytes"),
    (Reply(200, GOOD, {"Content-Encoding": "gzip"}), "Fake sent a compressed answer"),
    (as_json({}, 404), "Fake does not have it"),
    (as_json({}, 403), "Fake does not let you have it"),
    (as_json({}, 429, Retry_After="9"), "too many requests to Fake: wait 9 seconds"),
    (as_json({}, 500), "Fake has a problem"),
    (Reply(206, GOOD, {"Content-Range": "bytes 5-9/10"}), "sent another part of the file"),
    (Reply(416), "sent another part of the file"),
    (redirect("/again"), "redirects more than"),
    (redirect("https://example.com/fox.safetensors"), "which is not one of its hosts"),
    (redirect("/login"), "asks for a login"),
]


@pytest.mark.parametrize(("reply", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_what_is_refused(
    site: FakeSite, folder: Path, own: Path, reply: Reply, sentence: str
) -> None:
    """Any answer other than an embedding leaves a sentence, and no file."""
    site.answer = lambda _: reply
    with pytest.raises(SourceError) as caught:
        add(remote(site), folder, own)
    assert sentence in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert nothing_is_left(folder, own)


def test_a_body_without_end(site: FakeSite, folder: Path, own: Path) -> None:
    """A body is read up to the size that was named, and to the bound where none was."""
    site.answer = lambda _: Reply(200, itertools.repeat(GOOD))
    with pytest.raises(SourceError, match=f"expected at most {len(GOOD) + 1024:,} bytes"):
        add(remote(site, size=len(GOOD)), folder, own)
    with pytest.raises(SourceError, match="expected at most 67,108,864 bytes"):
        add(remote(site), folder, own)
    assert nothing_is_left(folder, own)


def test_a_body_that_drips(site: FakeSite, folder: Path, own: Path) -> None:
    """A download has its time, however alive the site looks."""
    closed = threading.Event()

    def drip() -> object:
        while not closed.wait(0.05):
            yield b" "

    site.answer = lambda _: Reply(200, drip())
    with pytest.raises(SourceError, match="Fake is too slow"):
        add(remote(site), folder, own, limits=replace(LIMITS, download_seconds=0.3))
    closed.set()
    assert nothing_is_left(folder, own)


def test_another_size(site: FakeSite, folder: Path, own: Path) -> None:
    """A file of another size than the site names is not the one that it means."""
    with pytest.raises(
        SourceError, match=r"^fox\.safetensors was not kept: expected 250,000 bytes, found 196,697"
    ):
        add(remote(site, size=250_000), folder, own)
    assert nothing_is_left(folder, own)
    assert add(remote(site, size=len(GOOD) - 500), folder, own).is_new  # KB are rounded


def test_another_hash(site: FakeSite, folder: Path, own: Path) -> None:
    """A file with another hash is kept only if a person says so, and then with a warning."""
    file = remote(site, sha256=digest(OTHER))
    sentence = (
        f"fox.safetensors is not the file that Fake names: expected the SHA-256 {digest(OTHER)}, "
        f"found {digest(GOOD)}"
    )
    with pytest.raises(WrongHash) as caught:
        add(file, folder, own)
    assert str(caught.value) == f"{sentence}; it was not kept"
    assert nothing_is_left(folder, own)
    assert add(file, folder, own, keep_wrong_hash=True).warnings == (sentence,)
    document = json.loads((folder / "fox.json").read_text())
    assert (document["sha256"], document["source"]["sha256"]) == (digest(GOOD), digest(OTHER))


def test_a_key_is_needed(site: FakeSite, folder: Path, own: Path) -> None:
    """A site whose terms want a key is not asked without one."""
    key = {"key_page": "https://fake.example/keys", "key_variables": ("FAKE_TOKEN",)}
    file = remote(site)
    asked = replace(file.site, needs_key=True, **key)
    with pytest.raises(SourceError, match=r"only with a key of your own: make one at https://fake"):
        add(replace(file, site=asked), folder, own)
    assert site.asked == []
    assert add(replace(file, site=replace(asked, token="k")), folder, own).is_new
    assert site.asked[0].headers["authorization"] == "Bearer k"


# Names


@pytest.mark.parametrize(
    ("filename", "sentence"),
    [
        ("../../x.pt", "a file's name cannot have / in it"),
        ("..\\x.pt", r"a file's name cannot have \ in it"),
        ("/etc/x.pt", "a file's name cannot have / in it"),
        (".pt", "expected a name that ends in one of"),
        ("..pt", "expected a name that ends in one of"),
        ("con.pt", "Windows keeps this name for a device"),
        ("a\u202eb.pt", "it contains an invisible character"),
        ("a\nb.pt", "it contains an invisible character"),
        ("x.pt.safetensors", "type the name without .pt at its end"),
        ("x.exe", "expected a name that ends in one of .safetensors"),
        ("x.zip", "expected a name that ends in one of .safetensors"),
        ("", "the file: expected a name that ends in one of .safetensors"),
        ("n" * 300 + ".pt", "…: expected at most 255 bytes with its ending"),
    ],
)
def test_names_that_are_none(
    site: FakeSite, folder: Path, own: Path, filename: str, sentence: str
) -> None:
    """A name that no file should have is refused as it is, and not made into another."""
    with pytest.raises(SourceError) as caught:
        add(replace(remote(site), filename=filename), folder, own)
    assert sentence in str(caught.value)
    assert str(caught.value).isprintable()
    assert nothing_is_left(folder, own)
    assert {"embeddings", "own"}.issuperset(os.listdir(folder.parent))


@pytest.mark.parametrize("taken", ["fox.safetensors", "FOX.safetensors", "fox.pt", "Fox.png"])
def test_a_name_that_is_taken(site: FakeSite, folder: Path, own: Path, taken: str) -> None:
    """Nothing is replaced, whatever its ending and letter case; another name will do."""
    (folder / taken).write_bytes(b"mine")
    file = remote(site, sha256=digest(GOOD))
    with pytest.raises(NameRefused, match=f"already taken by {taken}: choose another name"):
        add(file, folder, own)
    assert site.asked == []
    assert (folder / taken).read_bytes() == b"mine"
    assert add(file, folder, own, name="fox-2").is_new


def test_a_file_that_is_there_already(site: FakeSite, folder: Path, own: Path) -> None:
    """The same file is not fetched twice; what its first download could not write is written."""
    file = remote(site, sha256=digest(GOOD))
    add(file, folder, own)
    (folder / "fox.json").unlink()
    again = add(file, folder, own)
    assert not again.is_new
    assert len(site.asked) == 1
    assert sorted(os.listdir(folder)) == ["fox.json", "fox.safetensors"]


def test_a_name_that_is_taken_meanwhile(site: FakeSite, folder: Path, own: Path) -> None:
    """A file that takes the name during the download keeps it."""

    def answer(asked: Asked) -> Reply:
        (folder / "fox.safetensors").write_bytes(b"mine")
        return serve(GOOD, asked)

    site.answer = answer
    with pytest.raises(NameRefused, match=r"already taken by fox\.safetensors"):
        add(remote(site), folder, own)
    assert (folder / "fox.safetensors").read_bytes() == b"mine"
    assert os.listdir(own) == []


def test_a_folder_that_is_gone(site: FakeSite, folder: Path, own: Path) -> None:
    """A folder that cannot be written to is named before anything is fetched."""
    with pytest.raises(SourceError, match=r"gone/fox\.safetensors cannot be written: No such file"):
        add(remote(site), folder / "gone", own)
    assert site.asked == []


# What breaks off


def breaking(*cuts: int) -> Callable[[Asked], Reply]:
    """Return an answer that breaks off after so many bytes, each time it is asked."""
    left = list(cuts)
    return lambda asked: serve(GOOD, asked, cut=left.pop(0) if left else None)


def test_a_connection_that_breaks(site: FakeSite, folder: Path, own: Path) -> None:
    """Bytes that have arrived are not fetched again."""
    site.answer = breaking(100_000, 50_000)
    assert add(remote(site), folder, own).is_new
    assert (folder / "fox.safetensors").read_bytes() == GOOD
    ranges = [asked.headers.get("range") for asked in site.asked]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]
    assert site.asked[1].headers["if-range"] == '"1"'


def test_a_connection_that_always_breaks(site: FakeSite, folder: Path, own: Path) -> None:
    """After some tries it is given up; what has arrived is kept where its hash is known."""
    site.answer = breaking(1000, 1000, 1000)
    file = remote(site, sha256=digest(GOOD))
    with pytest.raises(Unreachable, match="the connection to Fake broke off: try again"):
        add(file, folder, own)
    assert len(site.asked) == LIMITS.download_tries
    assert os.listdir(folder) == []
    assert os.listdir(own) == [f"{digest(GOOD)}.part"]
    assert add(file, folder, own).is_new
    assert site.asked[-1].headers["range"] == "bytes=3000-"
    assert (folder / "fox.safetensors").read_bytes() == GOOD
    assert os.listdir(own) == []


def test_a_person_who_interrupts(site: FakeSite, folder: Path, own: Path) -> None:
    """Bytes that arrived before Ctrl-C are kept for the next time."""
    file = remote(site, sha256=digest(GOOD))

    def interrupt(done: int, _total: int | None) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add(file, folder, own, on_progress=interrupt)
    assert os.listdir(folder) == []
    assert os.listdir(own) == [f"{digest(GOOD)}.part"]
    assert add(file, folder, own).is_new
    assert site.asked[-1].headers["range"].startswith("bytes=1")
    assert (folder / "fox.safetensors").read_bytes() == GOOD


def test_many_words_fill_no_sidecar(site: FakeSite, folder: Path, own: Path) -> None:
    """A site that says very much is written down up to a bound."""
    file = remote(site)
    offer = replace(offer_of(file), trigger_words=("fox",) * 100_000)
    Downloads(Transport(), str(own)).add(offer, file, str(folder))
    assert (folder / "fox.json").stat().st_size < 2 * LIMITS.text_characters


def test_without_a_hash_nothing_is_kept(site: FakeSite, folder: Path, own: Path) -> None:
    """A part of a file that nobody could check is not kept for another time."""
    site.answer = breaking(1000, 1000, 1000)
    with pytest.raises(Unreachable):
        add(remote(site), folder, own)
    assert nothing_is_left(folder, own)


def test_a_connection_that_brings_nothing(site: FakeSite, folder: Path, own: Path) -> None:
    """A site that does not even begin is not asked again and again."""
    site.answer = breaking(0, 0, 0)
    with pytest.raises(Unreachable):
        add(remote(site), folder, own)
    assert len(site.asked) == 1


def test_a_file_that_changes_on_its_way(site: FakeSite, folder: Path, own: Path) -> None:
    """Halves of two files are never put together."""
    replies = iter([serve(OTHER, Asked("", "", [], {}, {}, b""), '"0"', cut=100)])
    site.answer = lambda asked: next(replies, None) or serve(GOOD, asked)
    assert add(remote(site), folder, own).is_new
    assert (folder / "fox.safetensors").read_bytes() == GOOD


def test_a_part_of_another_file(site: FakeSite, folder: Path, own: Path) -> None:
    """A part that was kept and does not fit is thrown away, and the file fetched whole."""
    own.mkdir()
    for part in (b"x" * 1000, b"x" * (len(GOOD) + 5)):
        (own / f"{digest(GOOD)}.part").write_bytes(part)
        assert add(remote(site, sha256=digest(GOOD)), folder, own).is_new
        assert (folder / "fox.safetensors").read_bytes() == GOOD
        for path in folder.iterdir():
            path.unlink()


def test_what_was_left_behind_is_deleted(site: FakeSite, folder: Path, own: Path) -> None:
    """Drafts of processes that were ended, and parts that nobody asked for again, go."""
    own.mkdir()
    for name, age in (("a.tmp", 700), ("b.tmp", 0), ("c.part", 100_000), ("d.part", 700)):
        (own / name).write_bytes(b"x")
        then = (own / name).stat().st_mtime - age
        os.utime(own / name, (then, then))
    add(remote(site), folder, own)
    assert sorted(os.listdir(own)) == ["b.tmp", "d.part"]


def test_what_was_left_in_the_folder_is_deleted(
    site: FakeSite, folder: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ended while it wrote there left a draft, which the next download removes."""
    monkeypatch.setattr(writing, "LIMITS", replace(LIMITS, unfinished_seconds=-1))
    (folder / writing.unfinished_name()).write_bytes(b"half")
    add(remote(site), folder, own)
    assert sorted(os.listdir(folder)) == ["fox.json", "fox.safetensors"]


# Moments


def test_another_disk(
    site: FakeSite, folder: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the folder is on another disk, the file comes through a hidden one beside its place."""
    seen: list[str] = []
    rename = writing._rename_exclusively

    def same_disk_only(source: str, target: str) -> None:
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        seen.append(Path(source).name)
        rename(source, target)

    monkeypatch.setattr(writing, "_rename_exclusively", same_disk_only)
    add(remote(site), folder, own)
    assert sorted(os.listdir(folder)) == ["fox.json", "fox.safetensors"]
    assert (folder / "fox.safetensors").read_bytes() == GOOD
    assert len(seen) == 4  # two of each file
    assert all(is_hidden(name) and is_temporary(name) for name in seen)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_ended_at_any_moment(site: FakeSite, folder: Path, own: Path) -> None:
    """A process that is killed leaves nothing in the folder, or the whole embedding."""
    file = remote(site, sha256=digest(GOOD), size=len(GOOD))
    n_calls = calls_of(lambda: add(file, folder, own))
    moments = random.Random(13).sample(range(1, n_calls), 100)
    outcomes = set()
    for moment in moments:
        for path in folder.iterdir():
            path.unlink()
        kill_at(moment, lambda: add(file, folder, own))
        left = sorted(os.listdir(folder))
        assert left in ([], ["fox.safetensors"], ["fox.json", "fox.safetensors"])
        if left:
            assert (folder / "fox.safetensors").read_bytes() == GOOD
        if len(left) == 2:
            assert json.loads((folder / "fox.json").read_text())["sha256"] == digest(GOOD)
        outcomes.add(len(left))
        add(file, folder, own)
        assert sorted(os.listdir(folder)) == ["fox.json", "fox.safetensors"]
    assert {0, 1} <= outcomes
