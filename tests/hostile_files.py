"""Files that are made to cost as much as a file can: each drives one bound to its edge, or over it.

`hostile_files` returns them by what they try; `benchmarks/hostile.py` measures what they cost, and
`tests/formats/test_bounds.py` counts it.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable

import numpy as np

from lib_embeddings.limits import LIMITS, MIB
from tests.builders import (
    Call,
    Global,
    Member,
    Raw,
    a1111,
    counted,
    json_payload,
    op,
    pickle_of,
    picture_pixels,
    png,
    png_chunk,
    png_text,
    push,
    safetensors_file,
    storage_id,
    strip_pixels,
    tensor,
    text,
    text_chunk,
    torch_legacy,
    torch_members,
    torch_zip,
    zip_file,
)

OPCODES = LIMITS.pickle_opcodes - 20
UNPRINTABLE = "\U000e0001"
BINGET = op("BINGET", b"\0")


def hostile_files() -> dict[str, Callable[[], bytes]]:
    """Return a maker for each file by what the file tries."""
    return {**_pickles(), **_archives(), **_headers(), **_pictures(), **_others()}


# Pickles


def _raw(*parts: bytes) -> bytes:
    return torch_zip(pickle_of(Raw(b"".join(parts))), deflated=True)


def _list_of(item: bytes, length: int) -> bytes:
    """Return a pickle of a list that holds what *item* makes, again and again."""
    return _raw(op("EMPTY_LIST"), op("MARK"), item * length, op("APPENDS"))


def _calls(name: Global, arguments: object, state: bytes = b"") -> bytes:
    """Return a pickle that calls *name* as often as it can, and keeps all that comes."""
    kept = push(name) + op("BINPUT", b"\0") + op("POP")
    kept += push(arguments) + op("BINPUT", b"\1") + op("POP")
    call = BINGET + op("BINGET", b"\1") + op("REDUCE") + state
    length = OPCODES // (3 + 2 * bool(state)) - 20
    return _raw(kept, op("EMPTY_LIST"), op("MARK"), call * length, op("APPENDS"))


def _itself(width: int) -> bytes:
    """Return a dict that holds itself under long names that cannot be printed."""
    names = (text(f"{number:06}" + UNPRINTABLE * 194) + BINGET for number in range(width))
    return _raw(op("EMPTY_DICT"), op("BINPUT", b"\0"), op("MARK"), *names, op("SETITEMS"))


def _nested_names() -> bytes:
    """Return dicts in each other, each with many others under long names."""
    tree: dict[str, object] = {}
    for level in range(LIMITS.nesting):
        tree = {f"{i:04}{'é' * 190}{level}": tree if i == 90 else {} for i in range(100)}
    return torch_zip(pickle_of(tree), deflated=True)


def _memo() -> bytes:
    return _list_of(op("EMPTY_LIST") + op("MEMOIZE"), OPCODES // 2)


def _collisions() -> bytes:
    """Return as many numbers as keys as are read, which a dict stores in quadratic time."""
    mask, number, numbers = (1 << 15) - 1, 0, list[int]()
    while len(numbers) < LIMITS.pickle_number_keys:
        numbers.append(number)
        number = (5 * number + 1) & mask
    items = b"".join(op("BININT", struct.pack("<i", number)) + op("NONE") for number in numbers)
    return _raw(op("EMPTY_DICT"), op("MARK"), items, op("SETITEMS"))


def _pickles() -> dict[str, Callable[[], bytes]]:
    level = op("BINPUT", b"\0") + BINGET + op("TUPLE2")
    row = tensor(storage_id(768))
    return {
        "a dict that holds itself": lambda: _itself(4_000),
        "dicts with long names": _nested_names,
        "a tree of 2**30 leaves": lambda: _raw(op("NONE"), level * 30),
        "empty dicts": lambda: _list_of(op("EMPTY_DICT"), OPCODES),
        "small dicts": lambda: _list_of(
            op("EMPTY_DICT") + op("NONE") + op("NONE") + op("SETITEM"), OPCODES // 4
        ),
        "marks": lambda: _raw(op("MARK") * OPCODES),
        "a memo of lists": _memo,
        "long numbers in decimal": lambda: _list_of(
            op("LONG", b"9" * (LIMITS.pickle_line_bytes - 2) + b"L\n"), 6_000
        ),
        "long fractions in decimal": lambda: _list_of(
            op("FLOAT", b"1" * (LIMITS.pickle_line_bytes - 2) + b"\n"), 6_000
        ),
        "numbers of 64 bytes": lambda: _list_of(
            counted("LONG1", b"\x7f" * LIMITS.pickle_number_bytes, "<B"), 90_000
        ),
        "wide text": lambda: _raw(text("a" * (LIMITS.pickle_bytes - 100) + UNPRINTABLE)),
        "numbers that collide": _collisions,
        "parameter dicts": lambda: _calls(
            Global("torch.nn.modules.container", "ParameterDict"), ()
        ),
        "states of parameter dicts": lambda: _calls(
            Global("torch.nn.modules.container", "ParameterDict"),
            (),
            push({"_parameters": {"a": 1}}) + op("BUILD"),
        ),
        "tensors": lambda: _calls(Global("torch._utils", "_rebuild_tensor_v2"), row.arguments),
        "storages": lambda: _raw(
            push(storage_id(768).value) + op("BINPUT", b"\0") + op("EMPTY_LIST") + op("MARK"),
            (BINGET + op("BINPERSID")) * (OPCODES // 2),
            op("APPENDS"),
        ),
        "numpy types": lambda: _calls(Global("numpy", "dtype"), ("f4",)),
        "copies of a list": lambda: _calls(Global("builtins", "set"), ([None] * 1000,)),
        "copies of text": lambda: _calls(Global("_codecs", "encode"), ("a" * 50_000, "latin1")),
        "five long pickles": lambda: torch_legacy(
            pickle_of(Raw(op("NONE") * (OPCODES - 10))), keys=["a"] * (OPCODES // 2)
        ),
        "an old pickle": lambda: b"(" * 100_000 + b"l" * 99_999 + b".",
    }


# Zip archives


def _rows(keys: list[str], count: int, strides: tuple[int, ...] = (1,)) -> bytes:
    """Return a pickle with a row of each storage."""
    return pickle_of(
        {f"<{key}>": tensor(storage_id(count, key=key), (768,), strides) for key in keys}
    )


def _overlapping() -> bytes:
    """Return 512 members that are one: 64 MiB that a few thousand bytes unpack to."""
    size = 64 * MIB
    keys = [f"{number:3}" for number in range(512)]
    pickle = Member("a/data.pkl", _rows(keys, size // 4))
    first = Member("a/data/0", bytes(size), deflated=True)
    body = pickle.local() + first.local()
    record = first.record(len(pickle.local()))
    names = (f"a/data/{key}".encode() for key in keys)
    directory = pickle.record(0) + b"".join(
        record[:28] + struct.pack("<H", len(name)) + record[30:46] + name for name in names
    )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 513, 513, len(directory), len(body), 0)
    return body + directory + end


def _many_packed() -> bytes:
    """Return many members of their own that each unpack to as much as one may."""
    size = LIMITS.packed_bytes
    keys = [str(number) for number in range(40)]
    storages = dict.fromkeys(keys, b"\0\0\x80\x3c" * (size // 4))
    return torch_zip(_rows(keys, size // 4), storages, deflated=True)


def _packed(size: int) -> bytes:
    return torch_zip(_rows(["0"], size // 4), {"0": bytes(size)}, deflated=True)


def _wide_rows() -> bytes:
    """Return 500 rows that are spread over a storage, so that each needs nearly all of it."""
    count = LIMITS.tensor_bytes // 4
    strides = ((count - 1) // 768,)
    rows = {f"<{i}>": tensor(storage_id(count), (768,), strides, i) for i in range(500)}
    return torch_zip(pickle_of(rows), {"0": bytes(4 * count)})


def _directory() -> bytes:
    """Return an archive with as many members as a directory may have."""
    record = Member("", b"").record(0)[:46]
    names = (struct.pack("<L", number) for number in range(LIMITS.zip_directory_bytes // 52))
    records = b"".join(
        record[:28] + struct.pack("<H", 6) + record[30:] + b"a/" + name.replace(b"\0", b"x")
        for name in names
    )
    return zip_file([Member("a/data.pkl", b"")], directory=records, count=records.count(b"PK\1\2"))


def _largest() -> bytes:
    """Return as many vectors as are read, of the widest kind."""
    widths = {"clip_l": 768, "clip_g": 1280, "t5xxl": 4096}
    random = np.random.default_rng(0)
    return safetensors_file(
        {key: random.normal(0, 0.02, (LIMITS.vectors, width)) for key, width in widths.items()}
    )


def _largest_in_columns() -> bytes:
    shape, strides = (LIMITS.vectors, 4096), (1, LIMITS.vectors)
    count = LIMITS.vectors * 4096
    identity = storage_id(count, storage=Global("torch", "DoubleStorage"))
    return torch_zip(
        pickle_of(a1111(tensor(identity, shape, strides))), {"0": b"\0\0\0\0\0\0\xa0\x3f" * count}
    )


def _archives() -> dict[str, Callable[[], bytes]]:
    return {
        "512 members of one storage": _overlapping,
        "40 packed storages": _many_packed,
        "a packed storage of 64 MiB": lambda: _packed(64 * MIB),
        "a packed storage at the bound": lambda: _packed(LIMITS.packed_bytes),
        "500 rows over a large storage": _wide_rows,
        "a full directory": _directory,
        "a packed pickle of text": lambda: _raw(text("a" * (LIMITS.pickle_bytes - 100))),
        "the largest embedding": _largest,
        "the largest embedding, in columns": _largest_in_columns,
    }


# Safetensors headers


def _header(rows: object) -> bytes:
    return safetensors_file(header=json.dumps(rows, ensure_ascii=False).encode())


def _empty_rows(names: list[str], **fields: object) -> bytes:
    row = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0], **fields}
    body = _header(dict.fromkeys(names, row))
    return body[: 8 + int.from_bytes(body[:8], "little")]


def _headers() -> dict[str, Callable[[], bytes]]:
    most, room = LIMITS.tensors, LIMITS.header_bytes
    return {
        "15,000 tensors": lambda: _empty_rows([f"{n:05}" for n in range(most)]),
        "15,000 long names": lambda: _empty_rows([f"{n:05}.{'a.' * 60}weigh" for n in range(most)]),
        "15,000 tokens": lambda: _empty_rows([f"<{n:05}>" for n in range(most)], shape=[0, 768]),
        "shapes of many dimensions": lambda: _empty_rows(["a"], shape=[0] * 160_000),
        "metadata in wide text": lambda: safetensors_file(
            header=json.dumps(
                {"__metadata__": {"a": "a" * (room - 3_000) + UNPRINTABLE}}, ensure_ascii=False
            ).encode()
        ),
        "metadata of many words": lambda: _header(
            {"__metadata__": {f"{n:06}": "" for n in range(80_000)}}
        ),
        "empty values": lambda: safetensors_file(header=b'{"a":[' + b"{}," * 84_000 + b"{}]}"),
        "fractions": lambda: safetensors_file(header=b'{"a":[' + b"0.5," * 169_000 + b"1]}"),
        "escapes": lambda: safetensors_file(header=b'{"a":"' + b'\\"' * (room // 2 - 10)),
        "quotes": lambda: safetensors_file(header=b'{"a":' + b'"' * (room - 10)),
        "brackets": lambda: safetensors_file(header=b'{"a":' + b"[" * (room - 10)),
    }


# Pictures


def _noise(height: int, width: int) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(1, 255, (height, width, 3), np.uint8)
    pixels[0] = 0
    return pixels


def _as(name: str, **options: object) -> bytes:
    from PIL import Image  # noqa: PLC0415 - few of these files need it

    buffer = io.BytesIO()
    Image.fromarray(_noise(1024, 1500)).save(buffer, name, **options)
    return buffer.getvalue()


def _full_strips() -> bytes:
    numbers = np.random.default_rng(0).normal(0, 0.05, (75, 768)).tolist()
    return png(strip_pixels(zlib.compress(json_payload(numbers), 9), _noise(1024, 600)[1:]))


def _pictures() -> dict[str, Callable[[], bytes]]:
    values, room = LIMITS.json_values - 10, LIMITS.inflated_bytes
    numbers = b'{"TORCHTENSOR":[' + b"0.12345678901234567," * 169_000 + b"1]}"
    bomb = zlib.compressobj(9)
    return {
        "a picture in a black frame": lambda: png(
            _noise(1024, 2048), packed=zlib.compress(bytes(1024 * (2048 * 3 + 1)), 9)
        ),
        "a noisy picture in a black frame": lambda: png(_noise(1000, 2000)),
        "a lossless WebP": lambda: _as("WEBP", lossless=True, quality=0, method=0),
        "strips of 75 vectors": _full_strips,
        "a long text": lambda: png(before=text_chunk(b"A" * (LIMITS.text_chunk_bytes - 100))),
        "a packed text of zeros": lambda: png(
            before=text_chunk(
                b"\0" + bomb.compress(bytes(200 * MIB)) + bomb.flush(), is_packed=False
            ).replace(b"tEXt", b"zTXt")
        ),
        "strips of zeros": lambda: picture_pixels(zlib.compress(bytes(100 * MIB), 9)),
        "a text of numbers": lambda: _packed_text(numbers),
        "a text of lists": lambda: _packed_text(b"[" + b"[]," * (values // 2) + b"0]"),
        "a text of words": lambda: _packed_text(b"[" + b'"",' * (values - 10) + b"0]"),
        "a text of spaces": lambda: _packed_text(b" " * (room - 2) + b"{}"),
        "a text of brackets": lambda: _packed_text(b"[" * (room - 2)),
        "many chunks": lambda: png(before=png_chunk(b"tEXt", b"a") * 300_000),
        "many short pieces": lambda: png(before=png_chunk(b"IDAT", b"") * 300_000),
    }


def _packed_text(json_text: bytes) -> bytes:
    import base64  # noqa: PLC0415 - beside its one use

    return png_text(base64.b64encode(json_text), is_packed=True)


def _others() -> dict[str, Callable[[], bytes]]:
    return {
        "a web page": lambda: b"<html>" + b"a" * 9 * MIB,
        "JSON": lambda: b"[" * 9 * MIB,
        "marks of an old pickle": lambda: b"(" * 9 * MIB,
        "names of an old pickle": lambda: b"cos\nnothing\n" * MIB,
        "a call in an old pickle": lambda: b"(" + b"ccollections\nOrderedDict\n)R" * 20_000,
        "a class that is called": lambda: pickle_of(Call(Global("torch", "Size"), ((1,) * 10**5,))),
        "zeros": lambda: bytes(9 * MIB),
        "noise": lambda: np.random.default_rng(0).bytes(9 * MIB),
        "members of a torch file": lambda: zip_file(
            [*torch_members(), *(Member(f"archive/data/{n}", b"x") for n in range(1, 20_000))]
        ),
    }
