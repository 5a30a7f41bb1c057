"""The bytes of every kind of file: good by default, one field wrong by argument.

Nothing here uses torch or the readers under test, so the two can only agree by the format.

    safetensors_file    length, JSON header, tensors
    torch_zip           a pickle and its storages in a zip archive
    torch_legacy        five pickles and their storages, one after another
    png_text            base64 JSON in a text chunk of a PNG
    picture_pixels      packed JSON in the pixels of two strips

`pickle_of` assembles pickles from plain values and the four nodes `Global`, `Call`, `PersistentId`
and `Raw`, with which any sequence of opcodes can be written.
"""

from __future__ import annotations

import base64
import io
import json
import pickletools
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lib_embeddings.errors import EmbeddingError
from lib_embeddings.formats.assemble import make_embedding
from lib_embeddings.formats.containers import FileBytes, read_contents
from lib_embeddings.formats.embedding import Embedding

Array = npt.NDArray[Any]


class BadFile(NamedTuple):
    """A file that is wrong in one way, and what its reader must say."""

    id: str
    data: bytes
    error: type[EmbeddingError]
    message: str


def open_bytes(data: bytes) -> FileBytes:
    """Return a file's bytes as the readers want them."""
    return FileBytes(io.BytesIO(data), len(data))


def read(data: bytes) -> Embedding:
    """Read a file's bytes all the way to its vectors."""
    return make_embedding("name", read_contents(open_bytes(data)))


def vectors(n_vectors: int = 1, hidden_size: int = 768) -> Array:
    """Return float32 vectors of different small numbers, as tests/data/torch has them."""
    counted = np.arange(n_vectors * hidden_size, dtype=np.float32)
    return ((counted % 997 / 997 - np.float32(0.5)) * np.float32(0.05)).reshape(-1, hidden_size)


# safetensors

_SAFETENSORS_DTYPES = {
    "f8": "F64",
    "f4": "F32",
    "f2": "F16",
    "i8": "I64",
    "i4": "I32",
    "u1": "U8",
    "b1": "BOOL",
}


def safetensors_file(  # noqa: PLR0913 - a name for every field
    tensors: Mapping[str, Array] | None = None,
    *,
    metadata: object = None,
    row: Mapping[str, object] | None = None,
    header: bytes | None = None,
    length: int | None = None,
    tail: bytes = b"",
) -> bytes:
    """Return a safetensors file.

    Args:
        tensors: name -> values.
        metadata: free text beside them.
        row: fields that replace those of the last tensor in the header.
        header: replaces the header's text.
        length: replaces the header's length.
        tail: follows the last tensor.
    """
    rows: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    body = b""
    for name, values in (tensors or {"emb_params": vectors()}).items():
        offsets = [len(body), len(body) + values.nbytes]
        dtype = _SAFETENSORS_DTYPES[values.dtype.str[1:]]
        rows[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": offsets}
        body += values.tobytes()
    rows[list(rows)[-1]].update(row or {})
    text = json.dumps(rows).encode() if header is None else header
    return struct.pack("<Q", len(text) if length is None else length) + text + body + tail


# Pickles


@dataclass(frozen=True)
class Global:
    """An object by its name."""

    module: str
    name: str


@dataclass(frozen=True)
class Call:
    """The result of calling something, with a state to BUILD it with unless that is empty."""

    function: object
    arguments: object = ()
    state: object = ()


@dataclass(frozen=True)
class PersistentId:
    """An object that lies outside the pickle; torch describes its storages so."""

    value: object


@dataclass(frozen=True)
class Raw:
    """Opcodes as they are."""

    code: bytes


OPCODES = {opcode.name: opcode.code.encode("latin-1") for opcode in pickletools.opcodes}


def op(name: str, argument: bytes = b"") -> bytes:
    """Return one opcode and its argument."""
    return OPCODES[name] + argument


def counted(name: str, argument: bytes, layout: str = "<I", length: int | None = None) -> bytes:
    """Return an opcode whose argument follows its length, which may be wrong."""
    return op(name, struct.pack(layout, len(argument) if length is None else length) + argument)


def text(value: str) -> bytes:
    """Return the opcode that pushes a text."""
    return counted("BINUNICODE", value.encode("utf-8", "surrogatepass"))


def pickle_of(root: object, *, protocol: int = 2) -> bytes:
    """Return the pickle whose value is *root*."""
    return op("PROTO", bytes([protocol])) + push(root) + op("STOP")


def push(node: object) -> bytes:
    """Return the opcodes that leave *node* on the stack."""
    match node:
        case Raw(code):
            return code
        case Global(module, name):
            return op("GLOBAL", f"{module}\n{name}\n".encode())
        case Call(function, arguments, state):
            build = push(state) + op("BUILD") if state != () else b""
            return push(function) + push(arguments) + op("REDUCE") + build
        case PersistentId(value):
            return push(value) + op("BINPERSID")
        case None | bool():
            return op({None: "NONE", True: "NEWTRUE", False: "NEWFALSE"}[node])
        case int():
            packed = node.to_bytes(node.bit_length() // 8 + 1, "little", signed=True)
            return counted("LONG1", packed, "<B")
        case float():
            return op("BINFLOAT", struct.pack(">d", node))
        case str():
            return text(node)
        case bytes():
            return counted("BINBYTES", node)
        case _:
            return _push_collection(node)


def _push_collection(node: object) -> bytes:
    match node:
        case tuple():
            return op("MARK") + b"".join(map(push, node)) + op("TUPLE")
        case list():
            return op("EMPTY_LIST") + op("MARK") + b"".join(map(push, node)) + op("APPENDS")
        case dict():
            items = b"".join(push(key) + push(value) for key, value in node.items())
            return op("EMPTY_DICT") + op("MARK") + items + op("SETITEMS")
        case _:
            raise TypeError(f"no opcodes for {node!r}")


# Torch's pickles

STORAGES = {"f8": "DoubleStorage", "f4": "FloatStorage", "f2": "HalfStorage", "i8": "LongStorage"}
ORDERED_DICT = Call(Global("collections", "OrderedDict"))


def storage_id(
    count: object,
    *,
    key: object = "0",
    storage: object = Global("torch", "FloatStorage"),
    kind: object = "storage",
    rest: tuple[object, ...] = (),
) -> PersistentId:
    """Return a storage's description: *count* numbers; *rest* is `(None,)` in legacy files."""
    return PersistentId((kind, storage, key, "cpu", count, *rest))


def tensor(
    storage: object, shape: object = (1, 768), strides: object = (768, 1), offset: object = 0
) -> Call:
    """Return a tensor onto a storage."""
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, (storage, offset, shape, strides, False, ORDERED_DICT))


def parameter(of: Call) -> Call:
    """Return a parameter."""
    return Call(Global("torch._utils", "_rebuild_parameter"), (of, True, ORDERED_DICT))


def parameter_dict(items: Mapping[str, object], rest: tuple[object, ...] = ()) -> Call:
    """Return a ParameterDict. A legacy file, where *rest* is not empty, has its source text too."""
    kind: object = Global("torch.nn.modules.container", "ParameterDict")
    if rest:
        kind = PersistentId(("module", kind, "container.py", "class ParameterDict: ..."))
    return Call(kind, (), {"_parameters": dict(items), "_buffers": ORDERED_DICT})


def a1111(vectors_node: object, token: object = 265) -> dict[str, object]:
    """Return the dict that A1111 saves."""
    return {
        "string_to_token": {"*": token},
        "string_to_param": {"*": vectors_node},
        "name": "stored",
        "step": 100,
        "sd_checkpoint": "abcdef12",
        "sd_checkpoint_name": "model",
    }


def a1111_pickle(values: Array | None = None, rest: tuple[object, ...] = ()) -> bytes:
    """Return A1111's dict as a pickle around the storage `0`."""
    values = vectors() if values is None else values
    storage = Global("torch", STORAGES[values.dtype.str[1:]])
    identity = storage_id(values.size, storage=storage, rest=rest)
    strides = tuple(stride // values.itemsize for stride in values.strides)
    return pickle_of(a1111(tensor(identity, values.shape, strides)))


# Zip archives

_NO_NUMBER = 0xFFFFFFFF


@dataclass(frozen=True)
class Member:
    """One file in an archive; a field that is not None replaces the true one in the directory."""

    name: str
    data: bytes
    deflated: bool = False
    zip64: bool = False
    descriptor: bool = False
    flags: int = 0
    method: int | None = None
    crc: int | None = None
    stored_size: int | None = None
    size: int | None = None
    offset: int | None = None
    extra: bytes | None = None
    local_name: str | None = None

    @property
    def stored(self) -> bytes:
        """The data as it lies in the archive."""
        if not self.deflated:
            return self.data
        packer = zlib.compressobj(9, wbits=-15)
        return packer.compress(self.data) + packer.flush()

    def local(self) -> bytes:
        """Return header and data; with a descriptor, sizes and checksum come after the data."""
        numbers = struct.pack("<3L", zlib.crc32(self.data), len(self.stored), len(self.data))
        name = (self.name if self.local_name is None else self.local_name).encode()
        flags, method = self.flags | 8 * self.descriptor, 8 * self.deflated
        header = struct.pack("<4s3H4x", b"PK\x03\x04", 20, flags, method)
        header += bytes(12) if self.descriptor else numbers
        descriptor = b"PK\x07\x08" + numbers if self.descriptor else b""
        return header + struct.pack("<2H", len(name), 0) + name + self.stored + descriptor

    def record(self, offset: int) -> bytes:
        """Return the directory's record of a member whose header lies at *offset*."""
        method = 8 * self.deflated if self.method is None else self.method
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        stored_size = len(self.stored) if self.stored_size is None else self.stored_size
        size = len(self.data) if self.size is None else self.size
        offset = offset if self.offset is None else self.offset
        extra = struct.pack("<2H3Q", 1, 24, size, stored_size, offset) if self.zip64 else b""
        extra = extra if self.extra is None else self.extra
        if self.zip64:
            stored_size = size = offset = _NO_NUMBER
        name, flags = self.name.encode(), self.flags | 8 * self.descriptor
        record = struct.pack("<4s4H4x", b"PK\x01\x02", 20, 20, flags, method)
        record += struct.pack("<3L2H", crc, stored_size, size, len(name), len(extra))
        return record + struct.pack("<10xL", offset) + name + extra


def zip_file(  # noqa: PLR0913 - a name for every field
    members: Sequence[Member],
    *,
    directory: bytes | None = None,
    size: int | None = None,
    offset: int | None = None,
    count: int | None = None,
    disk: int = 0,
    zip64: bool = False,
    zip64_offset: int | None = None,
    zip64_magic: bytes = b"PK\x06\x06",
    comment: bytes = b"",
) -> bytes:
    """Return an archive; *directory*, its *size*, *offset* and *count* replace the true ones."""
    body, records = b"", b""
    for member in members:
        records += member.record(len(body))
        body += member.local()
    records = records if directory is None else directory
    size = len(records) if size is None else size
    offset = len(body) if offset is None else offset
    count = len(members) if count is None else count
    end64 = b""
    if zip64:
        end64_offset = len(body) + len(records) if zip64_offset is None else zip64_offset
        numbers = (disk, disk, count, count, size, offset)
        end64 = struct.pack("<4sQ2H2L4Q", zip64_magic, 44, 45, 45, *numbers)
        end64 += struct.pack("<4sLQL", b"PK\x06\x07", 0, end64_offset, 1)
        size = offset = _NO_NUMBER
    counts = (min(count, 0xFFFF),) * 2
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", disk, disk, *counts, size, offset, len(comment))
    return body + records + end64 + end + comment


def torch_members(
    pickle: bytes | None = None,
    storages: Mapping[str, bytes] | None = None,
    *,
    folder: str = "archive/",
    byte_order: str = "little",
) -> list[Member]:
    """Return the members that torch 2.13 writes, in its order."""
    return [
        Member(f"{folder}data.pkl", a1111_pickle() if pickle is None else pickle),
        Member(f"{folder}.format_version", b"1"),
        Member(f"{folder}.storage_alignment", b"64"),
        Member(f"{folder}byteorder", byte_order.encode()),
        *(
            Member(f"{folder}data/{key}", data)
            for key, data in ({"0": vectors().tobytes()} if storages is None else storages).items()
        ),
        Member(f"{folder}version", b"3\n"),
        Member(f"{folder}.data/serialization_id", b"0" * 40),
    ]


def torch_zip(
    pickle: bytes | None = None, storages: Mapping[str, bytes] | None = None, **fields: Any
) -> bytes:
    """Return a file as torch 2.13 writes it; *fields* replace those of every member."""
    return zip_file([replace(m, **fields) for m in torch_members(pickle, storages)])


# Legacy torch files

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


def torch_legacy(  # noqa: PLR0913 - a name for every field
    root: bytes | None = None,
    storages: Mapping[str, Array] | None = None,
    *,
    magic: object = LEGACY_MAGIC,
    protocol: object = 1001,
    system: object = {"protocol_version": 1001, "little_endian": True},
    keys: object = None,
) -> bytes:
    """Return a file as torch before 1.6 writes it; *root* is a pickle, the others are values."""
    storages = {"0": vectors()} if storages is None else storages
    root = a1111_pickle(rest=(None,)) if root is None else root
    pickles = b"".join(map(pickle_of, (magic, protocol, system)))
    listed = pickle_of(list(storages) if keys is None else keys)
    rows = (struct.pack("<q", row.size) + row.tobytes() for row in storages.values())
    return pickles + root + listed + b"".join(rows)


# Pictures


def json_payload(values: object = None, **fields: object) -> bytes:
    """Return A1111's dict as the JSON that it hides in pictures; *fields* replace its own."""
    rows = vectors().tolist() if values is None else values
    return json.dumps({**a1111({"TORCHTENSOR": rows}), **fields}).encode()


def png_chunk(
    kind: bytes, data: bytes, *, crc: int | None = None, length: int | None = None
) -> bytes:
    """Return one chunk."""
    crc = zlib.crc32(kind + data) if crc is None else crc
    return (
        struct.pack(">L4s", len(data) if length is None else length, kind)
        + data
        + crc.to_bytes(4, "big")
    )


def png(
    pixels: Array | None = None,
    *,
    before: bytes = b"",
    header: bytes | None = None,
    packed: bytes | None = None,
) -> bytes:
    """Return an 8-bit colour picture.

    Args:
        pixels: (height, width, 3); by default a few that are light grey.
        before: chunks that come before the pixels.
        header: replaces the data of IHDR.
        packed: replaces the packed pixels.
    """
    pixels = np.full((4, 4, 3), 222, np.uint8) if pixels is None else pixels
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">2L5B", width, height, 8, 2, 0, 0, 0) if header is None else header
    packed = zlib.compress(rows) if packed is None else packed
    chunks = png_chunk(b"IHDR", header) + before + png_chunk(b"IDAT", packed)
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IEND", b"")


def text_chunk(
    payload: bytes | None = None, *, is_packed: bool = False, crc: int | None = None
) -> bytes:
    """Return the chunk with an embedding: *payload* is what stands in it after the keyword."""
    payload = base64.b64encode(json_payload()) if payload is None else payload
    payload = b"\0" + zlib.compress(payload, 9) if is_packed else payload
    return png_chunk(b"zTXt" if is_packed else b"tEXt", b"sd-ti-embedding\0" + payload, crc=crc)


def png_text(payload: bytes | None = None, *, is_packed: bool = False) -> bytes:
    """Return a picture with an embedding in a text chunk."""
    return png(before=text_chunk(payload, is_packed=is_packed))


def key_stream(length: int) -> Array:
    """Return the keys of four bits that the strips are mixed with."""
    keys, state = np.zeros(length, np.uint8), 0
    for index in range(length):
        state = (1664525 * state + 1013904223) % 2**32
        keys[index] = state % 255 & 15
    return keys


def strip(halves: Array, height: int) -> Array:
    """Return halves of bytes, repeated to fill a strip (height, width, 3) of light colours."""
    size = len(halves) + height - len(halves) % height
    size += 3 * height - size % (3 * height)
    mixed = np.resize(halves, size) ^ key_stream(size)
    return (mixed | 0xA0).astype(np.uint8).reshape(height, -1, 3)


def strip_pixels(packed: bytes | None = None, picture: Array | None = None) -> Array:
    """Return a picture between the two strips that hold *packed* bytes."""
    packed = zlib.compress(json_payload(), 9) if packed is None else packed
    picture = np.full((16, 8, 3), 222, np.uint8) if picture is None else picture
    data = np.frombuffer(packed, np.uint8)
    height = picture.shape[0]
    black = np.zeros((height, 1, 3), np.uint8)
    low, high = strip(data & 15, height), strip(data >> 4, height)
    return np.concatenate([low, black, picture, black, high], axis=1)


def picture_pixels(packed: bytes | None = None) -> bytes:
    """Return a PNG with an embedding in its pixels."""
    return png(strip_pixels(packed))


# One of each


def good_files() -> dict[str, bytes]:
    """Return a small sound file of every kind, by what it shows."""
    flat = np.full((1, 768), 0.25, np.float32)
    rows = flat.tolist()
    parameters = parameter_dict({"*": parameter(tensor(storage_id(768)))})
    legacy_rest: tuple[object, ...] = (None,)
    legacy_parameters = parameter_dict(
        {"*": parameter(tensor(storage_id(768, rest=legacy_rest)))}, legacy_rest
    )
    return {
        "safetensors": safetensors_file(),
        "safetensors pair": safetensors_file(
            {"clip_l": vectors(), "clip_g": vectors(1, 1280)}, metadata={"format": "pt"}
        ),
        "torch zip": torch_zip(),
        "torch zip deflated": torch_zip(deflated=True),
        "torch zip with descriptors": torch_zip(descriptor=True),
        "torch zip64": zip_file([replace(m, zip64=True) for m in torch_members()], zip64=True),
        "torch zip ParameterDict": torch_zip(pickle_of({"string_to_param": parameters})),
        "torch legacy": torch_legacy(),
        "torch legacy ParameterDict": torch_legacy(
            pickle_of({"string_to_param": legacy_parameters})
        ),
        "png text": png_text(base64.b64encode(json_payload(rows))),
        "png packed text": png_text(is_packed=True),
        "picture pixels": picture_pixels(zlib.compress(json_payload(rows), 9)),
    }
