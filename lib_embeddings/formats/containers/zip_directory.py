"""The directory of a zip archive and its members: the part of the format torch files need.

    local header + data, one after another … central directory … end record

Everything is taken from the central directory at the end, as torch itself does; zip64 records
stand in where a number does not fit 32 bits. An archive that another sound reader might read
differently is refused: members of one name (in any case, with any slash), members that share bytes,
a count that does not match the directory, a name at the data that is not the one in the directory.

Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from lib_embeddings.errors import BrokenFile, NotAnEmbedding, shown
from lib_embeddings.formats.file_bytes import FileBytes
from lib_embeddings.limits import LIMITS, at_most

MAGIC = b"PK\x03\x04"
EMPTY_MAGIC = b"PK\x05\x06"

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_RECORD = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_RECORD_MAGIC = b"PK\x01\x02"
_LONGEST_COMMENT = 0xFFFF
_LONGEST_RECORD = _RECORD.size + 3 * 0xFFFF
_IN_ZIP64 = 0xFFFFFFFF
_COUNT_IN_ZIP64 = 0xFFFF
_ENCRYPTED = 1
_STORED, _DEFLATED = 0, 8


class DirectoryMissing(BrokenFile):
    """The archive ends before its directory, as after a download that broke off."""


class ZipMember(NamedTuple):
    """One file in the archive; sizes and offset in bytes."""

    name: str
    raw_name: bytes
    is_encrypted: bool
    method: int
    crc: int
    stored_size: int
    size: int
    offset: int

    @property
    def is_packed(self) -> bool:
        """Return whether its bytes are compressed in the archive."""
        return self.method != _STORED


def read_directory(file: FileBytes) -> dict[str, ZipMember]:
    """Return the archive's members by name, in their order.

    Raises:
        BrokenFile: the directory is missing, damaged or ambiguous.
    """
    count, size, offset = _find_directory(file)
    at_most(LIMITS.zip_directory_bytes, size, "bytes of zip directory")
    directory = file.read(offset, size)
    members: list[ZipMember] = []
    position = 0
    while position < size:
        member, position = _read_record(directory, position)
        members.append(member)
    if count != len(members):
        raise _damaged(f"it counts {count:,} members, its directory has {len(members):,}")
    _check_names(members)
    _check_overlaps(members, offset)
    return {member.name: member for member in members}


def _check_names(members: Sequence[ZipMember]) -> None:
    """Refuse names that some readers take for the same one, or for a different one."""
    names = [member.raw_name.lower() for member in members]
    joined = b"/".join(names)
    if b"\\" in joined or b"\0" in joined:
        names = [name.replace(b"\\", b"/") for name in names]
        if wrong := next((member for member in members if "\0" in member.name), None):
            raise BrokenFile(
                f"its zip archive has a member with a NUL in its name: {shown(wrong.name)}"
            )
    if len(set(names)) < len(names):
        twice = next(index for index, name in enumerate(names) if name in names[:index])
        raise BrokenFile(f"its zip archive has two members named {shown(members[twice].name)}")


def _check_overlaps(members: Iterable[ZipMember], end: int) -> None:
    """Refuse members that share bytes with another or with the directory, which begins at *end*."""
    for member in sorted(members, key=attrgetter("offset"), reverse=True):
        # A local header may be longer than it has to be, so this is the earliest end.
        if member.offset + _LOCAL.size + len(member.raw_name) + member.stored_size > end:
            raise _damaged(f"{shown(member.name)} overlaps what follows it")
        end = member.offset


def read_member(file: FileBytes, member: ZipMember, limit: int, what: str) -> bytes | memoryview:
    """Return a member's whole content, checked against its checksum.

    Args:
        limit: the most bytes it may have.
        what: what the limit is about, in words.
    """
    at_most(limit, max(member.size, member.stored_size), what)
    data: bytes | memoryview = file.view(data_offset(file, member), member.stored_size)
    if member.method == _DEFLATED:
        data = _inflate(data, member)
    elif member.method != _STORED or member.stored_size != member.size:
        raise BrokenFile(
            f"its zip member {shown(member.name)} is packed in a way that torch does not use"
        )
    if zlib.crc32(data) != member.crc:
        raise BrokenFile(
            f"damaged: the checksum of {shown(member.name)} does not match; download it again"
        )
    return data


def data_offset(file: FileBytes, member: ZipMember) -> int:
    """Return where a member's data begins, after its local header."""
    header = file.read(member.offset, _LOCAL.size + len(member.raw_name))
    magic, *_, name_length, extra_length = _LOCAL.unpack_from(header)
    if magic != MAGIC:
        raise _damaged(f"{shown(member.name)} is not where the directory says")
    if member.is_encrypted:
        raise NotAnEmbedding("this is an encrypted zip archive, not an embedding: unpack it")
    if name_length != len(member.raw_name) or header[_LOCAL.size :] != member.raw_name:
        raise _damaged(f"{shown(member.name)} has another name at its data")
    return member.offset + _LOCAL.size + int(name_length) + int(extra_length)


def first_data_offset(file: FileBytes) -> int:
    """Return where the first member's data begins; needs no directory."""
    *_, name_length, extra_length = _LOCAL.unpack(file.read(0, _LOCAL.size))
    return _LOCAL.size + int(name_length) + int(extra_length)


def _inflate(data: bytes | memoryview, member: ZipMember) -> bytes:
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = decompressor.decompress(data, member.size + 1)
    except zlib.error as error:
        raise BrokenFile(
            f"damaged: {shown(member.name)} cannot be unpacked; download it again"
        ) from error
    if len(inflated) != member.size:
        raise BrokenFile(
            f"damaged: {shown(member.name)} should unpack to {member.size:,} bytes, found "
            f"{'more' if len(inflated) > member.size else f'{len(inflated):,}'}; download it again"
        )
    return inflated


def _find_directory(file: FileBytes) -> tuple[int, int, int]:
    """Return the central directory's count of members, its size and its offset."""
    tail_offset = max(0, file.size - _END.size - _LONGEST_COMMENT)
    if file.size >= _END.size and _ends_with_record(file):
        tail_offset = file.size - _END.size
    tail = file.read_up_to(tail_offset, file.size)
    found = tail.rfind(EMPTY_MAGIC)
    if found < 0 or found + _END.size > len(tail):
        raise DirectoryMissing(
            f"cut short: the directory at the end of its zip archive is missing after "
            f"{file.size:,} bytes; download it again"
        )
    _, *disks, count_here, count, size, offset, _ = _END.unpack_from(tail, found)
    end = tail_offset + found
    if _IN_ZIP64 in (size, offset) or count == _COUNT_IN_ZIP64 or _has_zip64(file, end):
        disks, count_here, count, size, offset, end = _find_directory64(file, end)
    if any(disks) or count_here != count:
        raise BrokenFile("its zip archive is one part of several: join them first")
    if offset + size != end:
        raise _damaged(f"its directory should end at byte {end:,}, found {offset + size:,}")
    return count, size, offset


def ends_with_archive(file: FileBytes) -> bool:
    """Return whether readers that look for an archive at the end of a file would find one.

    They disagree where the directory of an end record lies, so a directory's record anywhere before
    it is enough.
    """
    tail_offset = max(0, file.size - _END.size - _LONGEST_COMMENT)
    found = file.read_up_to(tail_offset, file.size).rfind(EMPTY_MAGIC)
    if found < 0:
        return False
    end = tail_offset + found
    start = max(0, end - _END64.size - _END64_LOCATOR.size - _LONGEST_RECORD)
    return _RECORD_MAGIC in file.read(start, end - start)


def _ends_with_record(file: FileBytes) -> bool:
    """Return whether the end record has no comment: the usual case, which spares reading 64 KiB."""
    return file.read(file.size - _END.size, 4) == EMPTY_MAGIC


def _has_zip64(file: FileBytes, end: int) -> bool:
    start = end - _END64_LOCATOR.size
    return start >= 0 and file.read(start, 4) == b"PK\x06\x07"


def _find_directory64(file: FileBytes, end: int) -> tuple[list[int], int, int, int, int, int]:
    """Return the numbers of the zip64 record before *end*, and where the directory must end."""
    if not _has_zip64(file, end):
        raise _damaged("its zip64 record is missing")
    locator = file.read(end - _END64_LOCATOR.size, _END64_LOCATOR.size)
    record_offset = int(_END64_LOCATOR.unpack(locator)[2])
    magic, _, _, _, *disks, count_here, count, size, offset = _END64.unpack(
        file.read(record_offset, _END64.size)
    )
    if magic != b"PK\x06\x06":
        raise _damaged("its zip64 record is not where the end says")
    return disks, count_here, count, size, offset, record_offset


def _read_record(directory: bytes, position: int) -> tuple[ZipMember, int]:
    """Return the member recorded at *position*, and where the next record begins."""
    if position + _RECORD.size > len(directory):
        raise _damaged("its directory ends in the middle of a record")
    record = _RECORD.unpack_from(directory, position)
    magic, _, _, flags, method, _, _, crc, stored_size, size, name_length, extra_length = record[
        :12
    ]
    if magic != _RECORD_MAGIC:
        raise _damaged("its directory has an unknown record")
    name_end = position + _RECORD.size + name_length
    extra_end = name_end + extra_length
    raw_name = directory[position + _RECORD.size : name_end]
    offset = record[-1]
    if _IN_ZIP64 in (stored_size, size, offset):
        extra = directory[name_end:extra_end]
        size, stored_size, offset = _read_zip64(extra, size, stored_size, offset)
    name = raw_name.decode("utf-8", "backslashreplace")
    is_encrypted = bool(flags & _ENCRYPTED)
    member = ZipMember(name, raw_name, is_encrypted, method, crc, stored_size, size, offset)
    return member, extra_end + record[12]


def _read_zip64(extra: bytes, *numbers: int) -> list[int]:
    """Replace the *numbers* that did not fit with those of the zip64 extra field, in its order."""
    position = 0
    while position + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, position)
        if tag == 1 and position + 4 + length <= len(extra):
            wide = iter(struct.unpack_from(f"<{length // 8}Q", extra, position + 4))
            return [next(wide, number) if number == _IN_ZIP64 else number for number in numbers]
        position += 4 + length
    raise _damaged("its directory lacks zip64 numbers")


def _damaged(what: str) -> BrokenFile:
    return BrokenFile(f"damaged zip archive: {what}; download it again")
