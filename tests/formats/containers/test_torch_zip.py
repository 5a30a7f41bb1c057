"""Files written by torch.save since torch 1.6."""

from __future__ import annotations

import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib_embeddings.errors import (
    BrokenFile,
    LimitExceeded,
    NotAnEmbedding,
    PackedEmbedding,
    UnsafeFile,
)
from lib_embeddings.formats.containers import torch_zip as torch_zip_module
from lib_embeddings.formats.containers import zip_directory
from lib_embeddings.formats.embedding import Tensor
from lib_embeddings.limits import LIMITS
from tests.builders import (
    BadFile,
    Call,
    Global,
    Member,
    Raw,
    a1111,
    a1111_pickle,
    op,
    open_bytes,
    pickle_of,
    push,
    read,
    storage_id,
    tensor,
    torch_members,
    torch_zip,
    vectors,
    zip_file,
)

DATA = Path(__file__).parents[2] / "data" / "torch"
FILES = sorted(DATA.glob("*/*"))


def root_of(data: bytes) -> object:
    """Return the value in an archive's pickle."""
    return torch_zip_module.read(open_bytes(data)).tree


def _with_id(**fields: Any) -> bytes:
    """Return a file whose persistent id is wrong."""
    return torch_zip(pickle_of(a1111(tensor(storage_id(**{"count": 768, **fields})))))


def _with_raw_id(value: object) -> bytes:
    identity = Raw(push(value) + op("BINPERSID"))
    return torch_zip(pickle_of(a1111(tensor(identity))))


_FLOAT = Global("torch", "FloatStorage")
_ID = r"its pickle is damaged at byte [\d,]+ \(BINPERSID\)"
_SIZE = "its zip member archive/data/0 has the wrong size: expected "
HOSTILE = pickle_of(Global("posix", "system"))
MEMBERS = torch_members()

BAD_FILES = (
    BadFile("id of nothing", _with_raw_id(()), BrokenFile, _ID),
    BadFile("id of one", _with_raw_id(("storage",)), BrokenFile, _ID),
    BadFile("id of seven", _with_id(rest=(None, None)), BrokenFile, _ID),
    BadFile("id as a list", _with_raw_id(["storage", _FLOAT, "0", "cpu", 768]), BrokenFile, _ID),
    BadFile("id as text", _with_raw_id("storage"), BrokenFile, _ID),
    BadFile("id as a dict", _with_raw_id({"storage": 1}), BrokenFile, _ID),
    BadFile("kind", _with_id(kind="module"), BrokenFile, _ID),
    BadFile("kind as bytes", _with_id(kind=b"storage"), BrokenFile, _ID),
    BadFile("type as text", _with_id(storage="FloatStorage"), BrokenFile, _ID),
    BadFile("type as a dtype", _with_id(storage=Global("torch", "float32")), BrokenFile, _ID),
    BadFile(
        "type as a callable",
        _with_id(storage=Global("collections", "OrderedDict")),
        BrokenFile,
        _ID,
    ),
    BadFile(
        "type unknown",
        _with_id(storage=Global("torch", "OtherStorage")),
        UnsafeFile,
        "torch.OtherStorage",
    ),
    BadFile("key as a number", _with_id(key=0), BrokenFile, _ID),
    BadFile(
        "key elsewhere",
        _with_id(key="../data.pkl"),
        BrokenFile,
        r"no archive/data/\.\./data\.pkl, which its pickle refers to",
    ),
    BadFile(
        "key missing",
        _with_id(key="1"),
        BrokenFile,
        "its zip archive has no archive/data/1, which its pickle refers to",
    ),
    BadFile(
        "key with breaks",
        _with_id(key="\n\x1b"),
        BrokenFile,
        r"its zip archive has no archive/data/\\n\\x1b, which",
    ),
    BadFile("count too large", _with_id(count=769), BrokenFile, _SIZE + "3,076 bytes, found 3,072"),
    BadFile(
        "count 2**62", _with_id(count=2**62), BrokenFile, _SIZE + "18,446,744,073,709,551,616 bytes"
    ),
    BadFile("count 2**500", _with_id(count=2**500), BrokenFile, _SIZE),
    BadFile("count negative", _with_id(count=-768), BrokenFile, _ID),
    BadFile("count as text", _with_id(count="768"), BrokenFile, _ID),
    BadFile("count as a float", _with_id(count=768.0), BrokenFile, _ID),
    BadFile("count as a bool", _with_id(count=True), BrokenFile, _ID),
    BadFile("view", _with_id(rest=(("0", 0, 768),)), BrokenFile, _ID),
    BadFile("nested id", _with_raw_id(storage_id(768)), BrokenFile, _ID),
    BadFile(
        "storage short",
        torch_zip(storages={"0": bytes(10)}),
        BrokenFile,
        _SIZE + "3,072 bytes, found 10",
    ),
    BadFile(
        "storage missing",
        torch_zip(storages={}),
        BrokenFile,
        "its zip archive has no archive/data/0, which its pickle refers to",
    ),
    BadFile(
        "npz",
        zip_file([Member("arr_0.npy", b"\x93NUMPY"), Member("b.npy", b"")]),
        NotAnEmbedding,
        r"this is a numpy archive \(.npz\) \(arr_0.npy, b.npy\), not an embedding$",
    ),
    BadFile(
        "keras",
        zip_file([Member("metadata.json", b"{}"), Member("model.weights.h5", b"")]),
        NotAnEmbedding,
        r"this is a Keras model \(metadata.json, model.weights.h5\), not an embedding$",
    ),
    BadFile(
        "office",
        zip_file([Member("[Content_Types].xml", b""), Member("word/document.xml", b"")]),
        NotAnEmbedding,
        "this is an Office document",
    ),
    BadFile(
        "byteorder in capitals",
        zip_file([*MEMBERS[:3], Member("archive/BYTEORDER", b"big"), *MEMBERS[4:]]),
        BrokenFile,
        "its zip archive has a member named archive/BYTEORDER, which programs read differently",
    ),
    BadFile(
        "folder in capitals",
        zip_file([*MEMBERS, Member("Archive/other", b"")]),
        BrokenFile,
        "a member named Archive/other, which programs read differently",
    ),
    BadFile(
        "byteorder unknown",
        zip_file(torch_members(byte_order="middle")),
        BrokenFile,
        "its byteorder is 'middle': expected little or big",
    ),
    BadFile(
        "crc",
        torch_zip(crc=0),
        BrokenFile,
        "damaged: the checksum of archive/data.pkl does not match",
    ),
    BadFile(
        "crc of the storage",
        zip_file([replace(m, crc=1) if m.name.endswith("/0") else m for m in MEMBERS]),
        BrokenFile,
        "damaged: the checksum of archive/data/0 does not match; download it again",
    ),
    BadFile(
        "second pickle after the first",
        torch_zip(a1111_pickle() + HOSTILE),
        BrokenFile,
        "its pickle ends too early: expected 320 bytes, found 303",
    ),
    BadFile(
        "second data.pkl",
        zip_file([*MEMBERS, Member("other/data.pkl", HOSTILE)]),
        BrokenFile,
        "its zip archive has 2 pickles: expected 1",
    ),
    BadFile(
        "data.pkl twice",
        zip_file([*MEMBERS, replace(MEMBERS[0], data=HOSTILE)]),
        BrokenFile,
        r"its zip archive has two members named archive/data\.pkl",
    ),
    BadFile(
        "hostile",
        torch_zip(HOSTILE),
        UnsafeFile,
        r"its pickle asks for posix\.system; nothing was run",
    ),
    BadFile(
        "nested pickle",
        torch_zip(pickle_of(Global("torch.storage", "_load_from_bytes"))),
        UnsafeFile,
        r"its pickle asks for torch\.storage\._load_from_bytes; nothing was run",
    ),
    BadFile(
        "program",
        zip_file([*MEMBERS, Member("archive/constants.pkl", b"")]),
        NotAnEmbedding,
        "this is a TorchScript program, not an embedding",
    ),
    BadFile(
        "other archive",
        zip_file([Member("my embedding.pt", b"x"), Member("notes.txt", b"x")]),
        PackedEmbedding,
        r"this is a zip archive \(my embedding\.pt, notes\.txt\): unpack it",
    ),
    BadFile(
        "archive of pictures",
        zip_file([Member("cat.png", b"x")]),
        NotAnEmbedding,
        r"this is a zip archive \(cat\.png\), not an embedding$",
    ),
    BadFile(
        "empty archive",
        zip_file([]),
        NotAnEmbedding,
        "this is an empty zip archive, not an embedding$",
    ),
    BadFile(
        "encrypted",
        torch_zip(flags=1),
        NotAnEmbedding,
        "this is an encrypted zip archive, not an embedding: unpack it",
    ),
    BadFile(
        "pickle bomb",
        torch_zip(bytes(2**24), deflated=True),
        LimitExceeded,
        "16,777,216 bytes of pickle, expected at most 6,291,456",
    ),
    BadFile(
        "byteorder bomb",
        zip_file([*MEMBERS[:3], Member("archive/byteorder", bytes(2**20))]),
        LimitExceeded,
        "1,048,576 bytes of byteorder, expected at most 64",
    ),
)


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.id)
def test_refuses_a_file_that_is_wrong(bad: BadFile) -> None:
    """A file that is wrong in one way is refused with what was expected and found."""
    with pytest.raises(bad.error, match=bad.message):
        read(bad.data)


def expected(name: str) -> Any:
    """Return the vectors that write_torch_files.py put into the file *name*."""
    match name:
        case "a1111.pt" | "legacy.pt":
            return vectors(2)
        case "half.bin":
            return vectors().astype(np.float16).astype(np.float32)
        case "bfloat16.bin":
            bits = vectors().view(np.uint32)
            rounded = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
            return rounded.astype(np.uint32).view(np.float32)
        case "slice.bin":
            return vectors(3)[1:2]
        case "columns.bin":
            return vectors(2).reshape(768, 2).T
        case _:
            return vectors()


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_reads_what_torch_wrote(path: Path) -> None:
    """Every file of every torch version gives its vectors, bit for bit."""
    embedding = read(path.read_bytes())
    assert embedding.container == ("torch-legacy" if "legacy" in path.name else "torch-zip")
    assert (
        embedding.vectors["clip_l"].tobytes() == np.ascontiguousarray(expected(path.name)).tobytes()
    )


def test_reads_every_version() -> None:
    """The committed files cover torch from 1.6 to 2.13, and no file is missing."""
    versions = [path.name for path in DATA.iterdir()]
    assert {"torch-1.6.0", "torch-2.13.0"} <= set(versions)
    assert len(FILES) >= 8 * len(versions)


@pytest.mark.parametrize("fields", [{}, {"deflated": True}, {"descriptor": True}, {"zip64": True}])
def test_reads_however_the_archive_is_written(fields: dict[str, bool]) -> None:
    """The same pickle and storage give the same vectors from every kind of archive."""
    assert read(torch_zip(**fields)).vectors["clip_l"].tobytes() == vectors().tobytes()


def test_reads_any_folder() -> None:
    """The folder in the archive may have any name, or none."""
    for folder in ("", "marc_allante/", "a/b/"):
        assert read(zip_file(torch_members(folder=folder))).vectors["clip_l"].shape == (1, 768)


def test_reads_big_endian_storages() -> None:
    """A machine of the other byte order says so, and its numbers are turned."""
    members = torch_members(storages={"0": vectors().astype(">f4").tobytes()}, byte_order="big")
    assert read(zip_file(members)).vectors["clip_l"].tolist() == vectors().tolist()


def _slice(values: Any, **fields: Any) -> bytes:
    """Return a file with the second of two vectors."""
    pickle = pickle_of({"<a>": tensor(storage_id(values.size), (768,), (1,), 768)})
    return torch_zip(pickle, {"0": values.tobytes()}, **fields)


def test_reads_a_slice_of_a_deflated_storage() -> None:
    """A packed storage is unpacked before a part of it is taken."""
    assert (
        read(_slice(vectors(2), deflated=True)).vectors["clip_l"].tolist()
        == vectors(2)[1:].tolist()
    )


def test_unpacks_a_slice_even_where_packing_saved_nothing() -> None:
    """A packed storage is known by its method, not by a size that differs."""
    values = vectors(2).tobytes()
    packed = Member("", values, deflated=True).stored.ljust(len(values), b"\0")
    storage = Member("archive/data/0", packed, method=8, crc=zlib.crc32(values))
    pickle = pickle_of({"<a>": tensor(storage_id(1536), (768,), (1,), 768)})
    found = read(zip_file([Member("archive/data.pkl", pickle), storage])).vectors["clip_l"]
    assert found.tolist() == vectors(2)[1:].tolist()


def test_notices_every_cut() -> None:
    """A file that ends early is broken, wherever it ends."""
    data = torch_zip(storages={"0": vectors().tobytes()})
    for length in range(4, len(data)):
        with pytest.raises(BrokenFile):
            read(data[:length])


def test_refuses_a_huge_tensor_of_few_bytes() -> None:
    """A shape of gigabytes over one number by strides of zero is refused before it is made."""
    data = torch_zip(pickle_of(a1111(tensor(storage_id(768), (2**30, 768), (0, 1)))))
    tracemalloc.start()
    with pytest.raises(LimitExceeded, match="vectors, expected at most 512"):
        read(data)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def rows_of_packed_storages(count: int, *keys: str) -> bytes:
    """Return a hundred rows of packed storages with *count* numbers each, by turns."""
    nodes = {
        f"<{i}>": tensor(storage_id(count, key=keys[i % len(keys)]), (768,), (1,))
        for i in range(100)
    }
    storages = dict.fromkeys(keys, b"\0\0\x80\x3c" * count)
    return torch_zip(pickle_of(nodes), storages, deflated=True)


def test_unpacks_a_storage_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred vectors that share a packed storage do not unpack it a hundred times."""
    n_unpacked = 0
    read_member = zip_directory.read_member

    def count(*arguments: Any) -> Any:
        nonlocal n_unpacked
        n_unpacked += 1
        return read_member(*arguments)

    monkeypatch.setattr(zip_directory, "read_member", count)
    assert read(rows_of_packed_storages(10_000, "0")).info["clip_l"].n_vectors == 100
    assert n_unpacked == 3  # the pickle, the byte order and the storage


def test_bounds_what_is_unpacked() -> None:
    """A storage may unpack to so much, and all of them, however often, to so much more."""
    most = LIMITS.packed_bytes // 4
    with pytest.raises(
        LimitExceeded, match="8,388,612 bytes of packed tensor data, expected at most 8,388,608"
    ):
        read(rows_of_packed_storages(most + 1, "0"))
    with pytest.raises(LimitExceeded, match="bytes to unpack, expected at most 50,331,648"):
        read(rows_of_packed_storages(most, "0", "1"))


def test_bounds_what_is_read() -> None:
    """Rows that are spread over a storage are not read again and again without end."""
    count = LIMITS.tensor_bytes // 4
    rows = {f"<{i}>": tensor(storage_id(count), (768,), (count // 768,), i) for i in range(9)}
    with pytest.raises(LimitExceeded, match="bytes to read, expected at most 67,108,864"):
        read(torch_zip(pickle_of(rows), {"0": bytes(4 * count)}))


def test_survives_walking_a_list_that_holds_itself() -> None:
    """A list of many references to itself is walked once."""
    items = op("BINGET", b"\0") * 40_000
    data = torch_zip(
        pickle_of(Raw(op("EMPTY_LIST") + op("BINPUT", b"\0") + op("MARK") + items + op("APPENDS")))
    )
    tracemalloc.start()
    with pytest.raises(NotAnEmbedding, match="it holds no tensors"):
        read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000


def test_survives_walking_a_billion_laughs() -> None:
    """A tree of 2**30 values that is thirty lists is walked as thirty lists."""
    level = op("BINPUT", b"\0") + op("BINGET", b"\0") + op("TUPLE2")
    with pytest.raises(NotAnEmbedding, match="it holds no tensors"):
        read(torch_zip(pickle_of(Raw(op("NONE") + level * 30))))


def test_tells_what_a_tensor_stands_for() -> None:
    """Tensors stay in the file until they are fetched."""
    root = root_of(torch_zip())
    assert isinstance(root, dict)
    stored = root["string_to_param"]["*"]
    assert isinstance(stored, Tensor)
    assert str(stored) == "float32[1x768]"


def test_a_cut_file_says_how_long_it_should_be() -> None:
    """The pickle comes first and knows the storages' sizes; the directory at the end is missing."""
    whole = torch_zip()
    with pytest.raises(BrokenFile, match=r"at least 3,\d{3} bytes, found 2,000; download"):
        read(whole[:2000])
    with pytest.raises(BrokenFile, match="directory at the end of its zip archive is missing"):
        read(whole[:100])


def test_a_cut_file_that_asks_for_code_is_unsafe() -> None:
    """The rest of a hostile file that was cut is still unsafe."""
    whole = torch_zip(pickle_of(Call(Global("posix", "system"), ("true",))))
    with pytest.raises(UnsafeFile, match=r"posix\.system"):
        read(whole[:-30])
