"""Files that are sound but for what a format lets a writer say: fields, records, rows and chunks.

A change of bytes rarely gets past a checksum or a length. Here the parts of a file are changed
before they are put together: the members of an archive, the values of a pickle, the rows of a
header, the chunks of a picture. Each maker returns a whole file.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np

from tests.builders import (
    ORDERED_DICT,
    Call,
    Global,
    PersistentId,
    a1111_pickle,
    json_payload,
    parameter,
    parameter_dict,
    pickle_of,
    png_chunk,
    safetensors_file,
    storage_id,
    strip_pixels,
    tensor,
    text_chunk,
    torch_legacy,
    torch_members,
    torch_zip,
    vectors,
    zip_file,
)

# Numbers at the edges of what fields hold.
EDGES = (
    *(0, 1, 2, 3, 7, 8, 30, 46, 127, 128, 255, 256, 767, 768, 769, 3071, 3072, 3073, 65535),
    *(2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1),
)
_WIDTHS = (0, 1, 3, 768, 1024, 1280, 4096)
_NAMES = (
    *("*", "<cat>", "<s1>", "<s10>", "clip_l", "clip_g", "t5", "emb_params", "llama", "qwen"),
    *("string_to_param", "string_to_token", "name", "step", "weight", "mr.bean", "a:b", ""),
    *(
        "bundle_emb.cat.clip_l",
        "lora_unet_a.lora_up.weight",
        "__metadata__",
        "x" * 300,
        "\n\x1b[31m",
    ),
    *("data.pkl", "data/0", "a/data.pkl", "archive/byteorder", "archive/BYTEORDER", "a\0b", "a\\b"),
)
_DTYPES = ("F64", "F32", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "C64", "F99", "", "<x>")
_STORAGES = ("FloatStorage", "HalfStorage", "LongStorage", "QInt8Storage", "ComplexFloatStorage")
_CHUNKS = (b"IHDR", b"IDAT", b"IEND", b"PLTE", b"tEXt", b"zTXt", b"iTXt", b"tRNS", b"eXIf", b"acTL")

Maker = Callable[[Random], bytes]


# Zip archives


def zip_directory(random: Random) -> bytes:
    """Return a torch archive whose members and records say other things than they should."""
    members = torch_members()
    if random.random() < 0.2:
        members = [replace(member, zip64=True) for member in members]
    for _ in range(random.randint(1, 3)):
        position = random.randrange(len(members))
        match random.randrange(6):
            case 0:
                members.insert(position, random.choice(members))
            case 1:
                del members[position : position + random.randint(1, 2)]
            case 2:
                random.shuffle(members)
            case _:
                members[position] = replace(members[position], **_member_fields(random))
        members = members or torch_members()
    fields: dict[str, Any] = {"zip64": random.random() < 0.2, "comment": random.randbytes(3)}
    if random.random() < 0.3:
        fields[random.choice(("size", "offset", "count"))] = random.choice(EDGES[:22])
    if random.random() < 0.1:
        fields["disk"] = random.choice((0, 1, 255))
    return zip_file(members, **fields)


def _member_fields(random: Random) -> dict[str, Any]:
    number = random.choice(EDGES[:22])
    return random.choice(
        (
            {"name": random.choice(_NAMES)},
            {"local_name": random.choice(_NAMES)},
            {"name": "archive/" + random.choice(_NAMES)},
            {"data": random.randbytes(random.choice((0, 1, 64, 3072)))},
            {"deflated": True},
            {"descriptor": True},
            {"flags": random.choice((1, 8, 0x800, 0xFFFF))},
            {"method": random.choice((0, 8, 12, 93, 0xFFFF))},
            {"crc": number},
            {"size": number},
            {"stored_size": number},
            {"offset": number},
            {"extra": random.randbytes(random.choice((0, 3, 4, 28)))},
        )
    )


# Pickles


def pickle(random: Random) -> bytes:
    """Return a torch file around values that picklers can write, and some that none writes."""
    rest = (None,) if random.random() < 0.3 else ()
    root = pickle_of(_value(random, rest, 4))
    if rest:
        return torch_legacy(root, {key: vectors(2) for key in random.sample("012", 2)})
    storages = {key: vectors(2).tobytes() for key in "012"}
    return torch_zip(root, storages, deflated=random.random() < 0.3)


def _value(random: Random, rest: tuple[object, ...], depth: int) -> Any:
    """Return a node for `pickle_of`: a tensor often, a collection where there is room."""
    if depth and random.random() < 0.5:
        items = [_value(random, rest, depth - 1) for _ in range(random.randint(0, 3))]
        match random.randrange(5):
            case 0:
                return items
            case 1:
                return tuple(items)
            case 2:
                return parameter_dict({random.choice(_NAMES): item for item in items}, rest)
            case _:
                return {random.choice(_NAMES): item for item in items}
    return random.choice(
        (
            _tensor,
            _tensor,
            _tensor,
            _call,
            lambda *_: random.choice((None, True, 7, 2**70, "x", b"y")),
        )
    )(random, rest)


def _tensor(random: Random, rest: tuple[object, ...]) -> object:
    """Return a tensor that is right half of the time."""
    count, shape, strides, offset = 1536, (2, 768), (768, 1), 0
    if random.random() < 0.5:
        rank = random.randint(0, 3)
        shape = tuple(random.choice(_WIDTHS + EDGES) for _ in range(rank))
        strides = tuple(random.choice(EDGES) for _ in range(rank + random.choice((0, 0, 0, 1))))
        offset, count = random.choice(EDGES), random.choice((1536, 1536, *EDGES))
    storage = Global("torch", random.choice(_STORAGES) if random.random() < 0.2 else _STORAGES[0])
    key: object = random.choice(("0", "1", "2", "3", 0, "../x"))
    identity = storage_id(count, key=key, storage=storage, rest=rest)
    made = tensor(identity, shape, strides, offset)
    if random.random() < 0.1:
        extra = random.choice(({"neg": True}, {}, [1], 5))
        made = Call(made.function, (*made.arguments, extra))
    return parameter(made) if random.random() < 0.2 else made


def _call(random: Random, rest: tuple[object, ...]) -> object:
    """Return a call of something that may be named, with arguments that need not be right."""
    names = (
        *("collections.OrderedDict", "collections.Counter", "builtins.set", "builtins.frozenset"),
        *("torch.Size", "torch.device", "_codecs.encode", "numpy.dtype", "numpy.ndarray"),
        *("torch._utils._rebuild_tensor_v3", "torch._utils._rebuild_qtensor", "torch.Tensor"),
        *("torch._tensor._rebuild_from_type_v2", "argparse.Namespace", "copyreg._reconstructor"),
        *("torch._utils._rebuild_device_tensor_from_numpy", "posix.system"),
    )
    arguments: tuple[Any, ...] = tuple(
        random.choice(
            (1, "latin1", None, (), [], {"a": 1}, b"x", ORDERED_DICT, Global("torch", "float32"))
        )
        for _ in range(random.randint(0, 4))
    )
    function = Global(*random.choice(names).rsplit(".", 1))
    state = random.choice(((), (), {"_parameters": {"a": 1}}, (1, (1, 768), None, False, b"")))
    identity = (
        PersistentId(("module", function, "", "")) if rest and random.random() < 0.1 else function
    )
    return Call(identity, arguments, state)


# Safetensors headers


def safetensors_header(random: Random) -> bytes:
    """Return a file whose header is JSON, but whose rows need not agree with each other."""
    rows: dict[str, Any] = {}
    end = 0
    for name in random.sample(_NAMES, random.randint(1, 4)):
        length = random.choice((0, 3072, 3072, 5120, 16384))
        row = {"dtype": "F32", "shape": [length // 3072, 768], "data_offsets": [end, end + length]}
        end += length
        rows[name] = _changed_row(random, row) if random.random() < 0.4 else row
    if random.random() < 0.3:
        rows["__metadata__"] = random.choice((None, {}, {"a": "b"}, {"a": 1}, [], "x", {"a": None}))
    if random.random() < 0.2:
        rows = dict(random.sample(list(rows.items()), len(rows)))
    header = json.dumps(rows).encode()
    if random.random() < 0.2:
        header = random.choice((b" ", b"\t", b"\n", b"")) + header + b" " * random.randint(0, 9)
    length = random.choice((None, None, None, *EDGES)) if random.random() < 0.2 else None
    tail = random.randbytes(max(0, end - 3072 + random.choice((0, 0, 0, -1, 1))))
    return safetensors_file(header=header, length=length, tail=tail)


def _changed_row(random: Random, row: dict[str, Any]) -> Any:
    number = random.choice(EDGES)
    field = random.choice(("dtype", "shape", "data_offsets", "more", "row"))
    if field == "row":
        return random.choice((None, [], "x", 5, {}))
    values: dict[str, tuple[Any, ...]] = {
        "dtype": (*_DTYPES, 1, None),
        "shape": (
            [768],
            [1, 1, 768],
            [number],
            [number, 768],
            [2**63, 0],
            [-1],
            [True],
            [1.0],
            None,
        ),
        "data_offsets": (
            [0, number],
            [number, 0],
            [number, number],
            [0],
            [0, 1, 2],
            [-1, 3072],
            None,
        ),
        "more": (1, None, {}),
    }
    return {**row, field: random.choice(values[field])}


# Pictures


def png_chunks(random: Random) -> bytes:
    """Return a picture of chunks in any number and order."""
    pixels = strip_pixels(zlib.compress(json_payload(np.full((1, 768), 0.25).tolist()), 9))
    height, width, _ = pixels.shape
    header = struct.pack(">2L5B", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
    cut = random.randrange(len(packed))
    chunks = [(b"IHDR", header), (b"IDAT", packed[:cut]), (b"IDAT", packed[cut:]), (b"IEND", b"")]
    text = b"sd-ti-embedding\0" + base64.b64encode(json_payload([[0.25] * 768]))
    if random.random() < 0.5:
        chunks.insert(random.randrange(4), (b"tEXt", text))
    for _ in range(random.randint(1, 3)):
        position = random.randrange(len(chunks))
        kind, data = chunks[position]
        match random.randrange(6):
            case 0:
                chunks.insert(position, (random.choice(_CHUNKS), random.randbytes(13)))
            case 1:
                chunks.insert(position, random.choice(chunks))
            case 2:
                del chunks[position]
            case 3:
                chunks[position] = (random.choice(_CHUNKS), data)
            case 4:
                chunks[position] = (kind, _changed(random, data))
            case _:
                random.shuffle(chunks)
        chunks = chunks or [(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(random, *chunk) for chunk in chunks)


def _chunk(random: Random, kind: bytes, data: bytes) -> bytes:
    if random.random() < 0.02:
        return text_chunk(random.randbytes(20), is_packed=True)
    crc = random.choice(EDGES) % 2**32 if random.random() < 0.03 else None
    length = random.choice(EDGES) % 2**32 if random.random() < 0.03 else None
    return png_chunk(kind, data, crc=crc, length=length)


def _changed(random: Random, data: bytes) -> bytes:
    if not data:
        return random.randbytes(4)
    changed = bytearray(data)
    changed[random.randrange(len(changed))] = random.choice((0, 1, 2, 3, 6, 8, 16, 127, 255))
    return bytes(
        changed[: random.choice((len(changed), len(changed), random.randrange(len(changed)))) or 1]
    )


def webp(random: Random) -> bytes:
    """Return a lossless WebP whose chunks say other things than they should."""
    size = random.choice((0, 1, 47, 1023, 16383))
    bits = size | random.choice((0, 63, 16383)) << 14
    data = b"\x2f" + struct.pack("<L", bits) + random.randbytes(random.choice((0, 20, 200)))
    kinds = random.choices(
        (b"VP8L", b"VP8X", b"ICCP", b"ANIM", b"ALPH", b"EXIF"), k=random.randint(1, 4)
    )
    chunks = b"".join(
        kind + struct.pack("<L", random.choice((len(data), len(data), *EDGES)) % 2**32) + data
        for kind in (random.choice((b"VP8L", b"VP8X")), *kinds)
    )
    return b"RIFF" + struct.pack("<L", len(chunks) + 4) + b"WEBP" + chunks


MAKERS: tuple[Maker, ...] = (
    *(zip_directory, zip_directory, pickle, pickle, pickle, safetensors_header, safetensors_header),
    *(png_chunks, webp),
)


def make_structure(random: Random) -> bytes:
    """Return a file of one of the makers; now and then with a pickle that is sound."""
    if random.random() < 0.02:
        return torch_zip(a1111_pickle())
    return random.choice(MAKERS)(random)
