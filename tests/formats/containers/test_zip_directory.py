"""The directory of a zip archive, and its members."""

from __future__ import annotations

import io
import re
import struct
import tracemalloc
import zipfile
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_embeddings.errors import BrokenFile, EmbeddingError, LimitExceeded, NotAnEmbedding
from lib_embeddings.formats.containers.zip_directory import data_offset, read_directory, read_member
from lib_embeddings.formats.file_bytes import FileBytes
from tests.builders import BadFile, Member, open_bytes, zip_file

ONE = Member("a", b"content")
TWO = (ONE, Member("b", bytes(100), deflated=True))
_RECORD = ONE.record(0)
_LOST = "cut short: the directory at the end of its zip archive is missing after"
_OVERLAPS = "damaged zip archive: a overlaps what follows it; download it again"
_MOVED = "damaged zip archive: its directory should end at byte "


def _one(**fields: Any) -> bytes:
    return zip_file([replace(ONE, **fields)])


def read_all(data: bytes) -> dict[str, bytes]:
    """Read every member of an archive."""
    file = open_bytes(data)
    members = read_directory(file)
    return {name: read_member(file, member, 1000, "bytes") for name, member in members.items()}


BAD_FILES = (
    BadFile("no directory", ONE.local(), BrokenFile, f"{_LOST} 38 bytes; download it again"),
    BadFile("empty", b"", BrokenFile, f"{_LOST} 0 bytes"),
    BadFile("end record cut", _one()[:-1], BrokenFile, _LOST),
    BadFile("directory size", zip_file(TWO, size=94 - 1), BrokenFile, f"{_MOVED}169, found 168"),
    BadFile("directory size 2**31", zip_file(TWO, size=2**31), BrokenFile, "found 2,147,483,723"),
    BadFile("directory offset", zip_file(TWO, offset=0), BrokenFile, f"{_MOVED}169, found 94"),
    BadFile(
        "zip64 promised",
        zip_file(TWO, size=2**32 - 1),
        BrokenFile,
        "its zip64 record is missing; download it again",
    ),
    BadFile(
        "zip64 moved",
        zip_file(TWO, zip64=True, zip64_offset=0),
        BrokenFile,
        "its zip64 record is not where the end says",
    ),
    BadFile(
        "zip64 magic",
        zip_file(TWO, zip64=True, zip64_magic=b"PK\6\5"),
        BrokenFile,
        "its zip64 record is not where the end says",
    ),
    BadFile(
        "zip64 far",
        zip_file(TWO, zip64=True, zip64_offset=2**63),
        BrokenFile,
        "cut short: expected at least 9,223,372,036,854,775,864 bytes",
    ),
    BadFile(
        "zip64 size",
        zip_file(TWO, zip64=True, size=2**62),
        BrokenFile,
        "found 4,611,686,018,427,387,979",
    ),
    BadFile("zip64 offset", zip_file(TWO, zip64=True, offset=2**63), BrokenFile, _MOVED),
    BadFile(
        "record magic",
        zip_file([ONE], directory=b"PK\1\1" + _RECORD[4:]),
        BrokenFile,
        "its directory has an unknown record",
    ),
    BadFile(
        "record cut",
        zip_file([ONE], directory=_RECORD[:40]),
        BrokenFile,
        "in the middle of a record",
    ),
    BadFile(
        "name too long",
        zip_file([ONE], directory=_RECORD + b"PK"),
        BrokenFile,
        "middle of a record",
    ),
    BadFile(
        "name twice",
        zip_file([ONE, ONE]),
        BrokenFile,
        "its zip archive has two members named a",
    ),
    BadFile(
        "name twice, in capitals",
        zip_file([ONE, replace(ONE, name="A")]),
        BrokenFile,
        "its zip archive has two members named A",
    ),
    BadFile(
        "name twice, with another slash",
        zip_file([replace(ONE, name="a/b"), replace(ONE, name="a\\b")]),
        BrokenFile,
        r"two members named a\\b",
    ),
    BadFile(
        "NUL in a name",
        zip_file([replace(ONE, name="a\0.txt")]),
        BrokenFile,
        r"its zip archive has a member with a NUL in its name: a\\x00\.txt",
    ),
    BadFile(
        "another name at the data",
        _one(local_name="b"),
        BrokenFile,
        "damaged zip archive: a has another name at its data; download it again",
    ),
    BadFile(
        "members beyond the count",
        zip_file(TWO, count=1),
        BrokenFile,
        "damaged zip archive: it counts 1 members, its directory has 2; download it again",
    ),
    BadFile("count too large", zip_file(TWO, count=3), BrokenFile, "it counts 3 members"),
    BadFile("zip64 count", zip_file(TWO, count=1, zip64=True), BrokenFile, "it counts 1 members"),
    BadFile("a part", zip_file(TWO, disk=1), BrokenFile, "is one part of several: join them first"),
    BadFile(
        "a zip64 part", zip_file(TWO, disk=1, zip64=True), BrokenFile, "is one part of several"
    ),
    BadFile(
        "one data of two members",
        zip_file([ONE, replace(ONE, name="b", offset=0)]),
        BrokenFile,
        "damaged zip archive: [ab] overlaps what follows it; download it again",
    ),
    BadFile(
        "a member in another",
        zip_file(
            [replace(ONE, data=Member("b", b"inner").local()), Member("b", b"inner", offset=31)]
        ),
        BrokenFile,
        "damaged zip archive: a overlaps what follows it; download it again",
    ),
    BadFile(
        "zip64 missing",
        _one(zip64=True, extra=b""),
        BrokenFile,
        "its directory lacks zip64 numbers; download it again",
    ),
    BadFile(
        "other extra",
        _one(zip64=True, extra=struct.pack("<2H", 9, 0)),
        BrokenFile,
        "its directory lacks zip64 numbers",
    ),
    BadFile(
        "extra cut",
        _one(zip64=True, extra=struct.pack("<2H", 1, 24)),
        BrokenFile,
        "damaged zip archive: its directory",
    ),
    BadFile(
        "extra short",
        _one(zip64=True, extra=struct.pack("<2H", 1, 0)),
        BrokenFile,
        _OVERLAPS,
    ),
    BadFile(
        "offset past the end",
        _one(offset=10**6),
        BrokenFile,
        _OVERLAPS,
    ),
    BadFile(
        "offset inside",
        _one(offset=1, stored_size=6, size=6),
        BrokenFile,
        "damaged zip archive: a is not where the directory says; download it again",
    ),
    BadFile(
        "wrong crc",
        _one(crc=1),
        BrokenFile,
        "damaged: the checksum of a does not match; download it again",
    ),
    BadFile(
        "size too small",
        _one(size=6),
        BrokenFile,
        "its zip member a is packed in a way that torch does not use",
    ),
    BadFile(
        "stored too large",
        _one(stored_size=8, size=8),
        BrokenFile,
        _OVERLAPS,
    ),
    BadFile(
        "stored past the end",
        _one(stored_size=999, size=999),
        BrokenFile,
        _OVERLAPS,
    ),
    BadFile("bzip2", _one(method=12), BrokenFile, "packed in a way that torch does not use"),
    BadFile(
        "not deflated",
        _one(method=8),
        BrokenFile,
        "damaged: a should unpack to 7 bytes|damaged: a cannot be unpacked",
    ),
    BadFile(
        "bad deflate",
        _one(data=b"\xff" * 9, method=8),
        BrokenFile,
        "damaged: a should unpack to 7 bytes|damaged: a cannot be unpacked",
    ),
    BadFile(
        "inflates to more",
        _one(deflated=True, size=6),
        BrokenFile,
        "damaged: a should unpack to 6 bytes, found more; download it again",
    ),
    BadFile(
        "inflates to less",
        _one(deflated=True, size=9),
        BrokenFile,
        "damaged: a should unpack to 9 bytes, found 7",
    ),
    BadFile(
        "deflated cut",
        _one(deflated=True, stored_size=4),
        BrokenFile,
        "should unpack to 7 bytes, found ",
    ),
    BadFile(
        "too large",
        _one(size=2**31),
        LimitExceeded,
        "2,147,483,648 bytes, expected at most 1,000",
    ),
    BadFile(
        "encrypted",
        _one(flags=1),
        NotAnEmbedding,
        "this is an encrypted zip archive, not an embedding: unpack it",
    ),
)


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.id)
def test_refuses_a_file_that_is_wrong(bad: BadFile) -> None:
    """An archive that is wrong in one field is refused with what was expected and found."""
    with pytest.raises(bad.error, match=bad.message):
        read_all(bad.data)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)


def _are_unlike(files: dict[str, object]) -> bool:
    """Return whether no two names are one to readers that do not care for case or slashes."""
    return len(
        {re.sub("[A-Z]", lambda m: m[0].lower(), n).replace("\\", "/") for n in files}
    ) == len(files)


@given(
    st.dictionaries(NAMES, st.tuples(st.binary(max_size=99), *[st.booleans()] * 3)).filter(
        _are_unlike
    ),
    st.booleans(),
    st.sampled_from([b"", b"comment"]),
)
def test_reads_what_was_written(
    files: dict[str, tuple[bytes, bool, bool, bool]], zip64: bool, comment: bytes
) -> None:
    """Stored or deflated, wide or not, with descriptors or comment: the members are the same."""
    members = [
        Member(name, data, deflated=deflated, zip64=wide, descriptor=descriptor)
        for name, (data, deflated, wide, descriptor) in files.items()
    ]
    data = zip_file(members, zip64=zip64, comment=comment)
    assert read_all(data) == {name: row[0] for name, row in files.items()}


@given(st.dictionaries(st.text("abc/", min_size=1), st.binary(max_size=99)))
def test_reads_what_python_writes(files: dict[str, bytes]) -> None:
    """Archives of another writer read the same."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    assert read_all(buffer.getvalue()) == files


def test_notices_every_cut() -> None:
    """An archive that ends early is broken, wherever it ends."""
    data = zip_file([replace(member, zip64=True) for member in TWO], zip64=True)
    for length in range(len(data)):
        with pytest.raises(BrokenFile):
            read_all(data[:length])


def test_finds_data_after_a_padded_local_header() -> None:
    """Torch pads local headers so that data is aligned; the directory does not know of it."""
    padded = bytearray(ONE.local())
    padded[28:30] = struct.pack("<H", 5)
    padded[31:31] = b"FB\1\0Z"
    data = bytes(padded)
    archive = data + zip_file([ONE])[len(ONE.local()) : -22]
    archive += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(_RECORD), len(data), 0)
    assert read_all(archive) == {"a": b"content"}
    file = open_bytes(archive)
    assert data_offset(file, read_directory(file)["a"]) == 36


def test_refuses_a_large_directory_before_reading_it() -> None:
    """A directory above the bound is refused by its size."""
    data = zip_file([ONE], directory=bytes(5 * 2**20))
    tracemalloc.start()
    with pytest.raises(
        LimitExceeded, match="5,242,880 bytes of zip directory, expected at most 2,097,152"
    ):
        read_all(data)
    assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    tracemalloc.stop()


def test_stops_unpacking_a_bomb() -> None:
    """A member that unpacks to more than it says is unpacked no further than it says."""
    bomb = replace(ONE, data=bytes(200 * 2**20), deflated=True, size=1000)
    file = open_bytes(zip_file([bomb]))
    tracemalloc.start()
    with pytest.raises(BrokenFile, match="should unpack to 1,000 bytes, found more"):
        read_member(file, read_directory(file)["a"], 2**20, "bytes")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


class Endless(io.RawIOBase):
    """A file of any size that holds zeros around its beginning and its end; counts what is read."""

    def __init__(self, begin: bytes, size: int, end: bytes) -> None:
        self.parts = {0: begin, size - len(end): end}
        self.position = 0
        self.largest = 0

    def seek(self, position: int, _whence: int = 0) -> int:
        """Go there."""
        self.position = position
        return position

    def read(self, length: int = -1) -> bytes:
        """Return zeros where nothing else is."""
        self.largest = max(self.largest, length)
        data = bytearray(min(length, 2**20))
        for start, part in self.parts.items():
            for index, byte in enumerate(part):
                if 0 <= start + index - self.position < len(data):
                    data[start + index - self.position] = byte
        return bytes(data)


@pytest.mark.parametrize("method", [0, 8])
def test_does_not_read_a_member_that_is_larger_packed_than_its_bound(method: int) -> None:
    """A member of gigabytes is not read to find that it should have held ten bytes."""
    record = replace(ONE, size=10, stored_size=2**31, method=method).record(0)
    size = 2**31 + 1000
    end = record + struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(record), size - 22 - len(record), 0
    )
    endless = Endless(ONE.local(), size, end)
    file = FileBytes(endless, size)
    member = read_directory(file)["a"]
    with pytest.raises(EmbeddingError):
        read_member(file, member, 1000, "bytes")
    assert endless.largest < 2**24
