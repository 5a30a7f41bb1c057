"""The safetensors format."""

from __future__ import annotations

import json
import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import SafetensorError, deserialize

from lib_embeddings.errors import BrokenFile, EmbeddingError, LimitExceeded, NotAnEmbedding
from lib_embeddings.formats.containers import safetensors
from lib_embeddings.formats.embedding import Contents, Tensor
from lib_embeddings.limits import LIMITS
from tests.builders import BadFile, open_bytes, read, safetensors_file, vectors

GOOD = safetensors_file()
PAIR = {"clip_l": vectors(), "clip_g": vectors(1, 1280)}
_ROW = '"dtype": "F32", "shape": [1, 768], "data_offsets": '
_BODY = vectors().tobytes()
_LACKS = "damaged safetensors header: emb_params lacks dtype, shape or data_offsets; download it"
_DAMAGED = "damaged safetensors header: .*; download it again"
_NO_JSON = "damaged safetensors header: it is not JSON; download it again"


def _with_header(text: str | bytes) -> bytes:
    return safetensors_file(header=text.encode() if isinstance(text, str) else text)


BAD_FILES = (
    BadFile("no length", GOOD[:7], BrokenFile, "not recognised"),
    BadFile(
        "header past the end",
        safetensors_file(length=2**20),
        BrokenFile,
        "cut short: expected at least 1,048,584 bytes, found 3,158; download it again",
    ),
    BadFile(
        "header of 2**47",
        safetensors_file(length=2**47),
        BrokenFile,
        "claims to be 140,737,488,355,328 bytes long",
    ),
    BadFile(
        "header of 2**60", safetensors_file(length=2**60), BrokenFile, "claims to be 1,152,921,504"
    ),
    BadFile("length short by one", safetensors_file(length=77), BrokenFile, _NO_JSON),
    BadFile(
        "length long by one",
        safetensors_file(length=79),
        BrokenFile,
        "it is not text in UTF-8; download it again",
    ),
    BadFile("length 0", safetensors_file(length=0), BrokenFile, _NO_JSON),
    BadFile("not JSON", _with_header("{nothing}"), BrokenFile, _NO_JSON),
    BadFile(
        "not text",
        _with_header(b'{"\xff": 1}'),
        BrokenFile,
        "it is not text in UTF-8; download it again",
    ),
    BadFile(
        "deep", _with_header('{"a":' * 50_000), BrokenFile, "it nests too deep; download it again"
    ),
    BadFile("list", _with_header(" []"), BrokenFile, "it is not a JSON object; download it again"),
    BadFile(
        "name twice",
        _with_header(f'{{"a": {{{_ROW}[0, 3072]}}, "a": {{{_ROW}[0, 3072]}}}}'),
        BrokenFile,
        "damaged safetensors header: it has a name twice; download it again",
    ),
    BadFile(
        "field twice",
        _with_header(f'{{"a": {{{_ROW}[0, 1], {_ROW}[0, 3072]}}}}'),
        BrokenFile,
        "twice",
    ),
    BadFile(
        "metadata list",
        safetensors_file(metadata=[]),
        BrokenFile,
        "its metadata is not text; download it again",
    ),
    BadFile(
        "metadata number",
        safetensors_file(metadata={"a": 1}),
        BrokenFile,
        "its metadata is not text",
    ),
    BadFile("row null", _with_header('{"emb_params": null}'), BrokenFile, _LACKS),
    BadFile("dtype number", safetensors_file(row={"dtype": 1}), BrokenFile, _LACKS),
    BadFile("shape missing", safetensors_file(row={"shape": None}), BrokenFile, _LACKS),
    BadFile("shape negative", safetensors_file(row={"shape": [-1, 768]}), BrokenFile, _LACKS),
    BadFile("shape bool", safetensors_file(row={"shape": [True, 768]}), BrokenFile, _LACKS),
    BadFile("shape float", safetensors_file(row={"shape": [1.0, 768]}), BrokenFile, _LACKS),
    BadFile("offsets missing", safetensors_file(row={"data_offsets": None}), BrokenFile, _LACKS),
    BadFile("three offsets", safetensors_file(row={"data_offsets": [0, 1, 2]}), BrokenFile, _LACKS),
    BadFile(
        "negative offset",
        safetensors_file(row={"data_offsets": [-1, 3072]}),
        BrokenFile,
        _LACKS,
    ),
    BadFile(
        "backwards", safetensors_file(row={"data_offsets": [3073, 3072]}), BrokenFile, _DAMAGED
    ),
    BadFile("gap", safetensors_file(row={"data_offsets": [1, 3072]}), BrokenFile, _DAMAGED),
    BadFile("shape too large", safetensors_file(row={"shape": [2, 768]}), BrokenFile, _DAMAGED),
    BadFile(
        "overflow",
        safetensors_file(row={"shape": [2**63, 2**63, 768]}),
        BrokenFile,
        "the shape of emb_params is too large",
    ),
    BadFile(
        "huge",
        safetensors_file(row={"shape": [2**40, 768]}),
        BrokenFile,
        "emb_params should have 3,377,699,720,527,872 bytes, found 3,072; download it again",
    ),
    BadFile(
        "huge and empty",
        safetensors_file(
            header=b'{"a":{"dtype":"F32","shape":[9223372036854775807,0],"data_offsets":[0,3072]}}'
        ),
        BrokenFile,
        "the shape of a is too large",
    ),
    BadFile("dtype too wide", safetensors_file(row={"dtype": "F64"}), BrokenFile, _DAMAGED),
    BadFile(
        "dtype unknown", safetensors_file(row={"dtype": "F99"}), NotAnEmbedding, "is stored as F99"
    ),
    BadFile(
        "dtype text", safetensors_file(row={"dtype": "<script>\n"}), NotAnEmbedding, r"<script>\\n"
    ),
    BadFile(
        "overlap", safetensors_file(PAIR, row={"data_offsets": [0, 8192]}), BrokenFile, _DAMAGED
    ),
    BadFile(
        "ends late",
        safetensors_file(row={"data_offsets": [0, 3076]}),
        BrokenFile,
        "cut short: expected at least 3,162 bytes, found 3,158; download it again",
    ),
    BadFile(
        "tail",
        safetensors_file(tail=b"1234"),
        BrokenFile,
        "header: it describes 3,158 bytes, the file has 3,162; download it again",
    ),
    BadFile(
        "offset of 4300 digits",
        _with_header(f'{{"emb_params": {{{_ROW}[0, {"9" * 4300}]}}}}'),
        BrokenFile,
        "it has a number of 4,300 digits; download it again",
    ),
    BadFile(
        "shapes of 4300 digits",
        safetensors_file(
            header=json.dumps(
                {
                    name: {"dtype": "F32", "shape": ["LONG", 768], "data_offsets": [0, 3072]}
                    for name in ("clip_l", "emb")
                }
            )
            .replace('"LONG"', "9" * 4300)
            .encode()
        ),
        BrokenFile,
        "it has a number of 4,300 digits; download it again",
    ),
)


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.id)
def test_refuses_a_file_that_is_wrong(bad: BadFile) -> None:
    """A header that is wrong in one way is refused with the numbers that do not agree."""
    with pytest.raises(bad.error, match=bad.message):
        read(bad.data)


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.id)
def test_agrees_with_the_safetensors_library_about_bad_files(bad: BadFile) -> None:
    """We refuse more than the library only for our bounds, and for ambiguous files."""
    stricter = {"metadata list", "name twice", "field twice", "tail"}
    if bad.id in stricter or bad.error is LimitExceeded:
        return
    assert _library_accepts(bad.data) is _we_accept(bad.data) is False


def _library_accepts(data: bytes) -> bool:
    try:
        deserialize(data)
    except SafetensorError:
        return False
    return True


def _we_accept(data: bytes) -> bool:
    """Return whether the header is read and every tensor can be fetched."""
    try:
        if not safetensors.accepts(data):
            return False
        for tensor in _tensors(safetensors.read(open_bytes(data))).values():
            tensor.fetch()
    except EmbeddingError:
        return False
    return True


def _tensors(contents: Contents) -> dict[str, Tensor]:
    assert isinstance(contents.tree, dict)
    return contents.tree


@pytest.mark.parametrize(
    "header",
    [
        b'\t{"a":{"dtype":"F32","shape":[768],"data_offsets":[0,3072]}}',
        b'\n {"a":{"dtype":"F32","shape":[768],"data_offsets":[0,3072]}}\n',
        b'{"__metadata__":null,"a":{"dtype":"F32","shape":[768],"data_offsets":[0,3072]}}',
    ],
    ids=["tab", "lines", "no metadata"],
)
def test_reads_what_the_library_reads(header: bytes) -> None:
    """White space around the header, and metadata that is null, are what the library accepts."""
    data = safetensors_file(header=header)
    assert _library_accepts(data)
    assert read(data).vectors["clip_l"].tolist() == vectors().tolist()


def test_the_values_of_a_long_header_are_counted() -> None:
    """Values in a header are counted before they are made, but not what only looks like values."""
    tags = json.dumps({f"tag {i}": [1, {}] for i in range(100_000)})
    data = safetensors_file(metadata={"ss_tag_frequency": tags, "back\\slash": "\\\\"})
    assert read(data).metadata["ss_tag_frequency"] == tags
    many = b'{"a":[' + b"{}," * 200_000 + b"{}]}"
    with pytest.raises(LimitExceeded, match="400,003 values in JSON, expected at most 170,000"):
        read(safetensors_file(header=many))
    names = b"{" + b",".join(b'"%d":0' % i for i in range(200_000)) + b"}"
    with pytest.raises(LimitExceeded, match="200,000 strings in JSON, expected at most 170,000"):
        read(safetensors_file(header=names))


DTYPES = st.sampled_from(["<f8", "<f4", "<f2", "<i8", "<i4", "|u1", "|b1"]).map(np.dtype)
TENSORS = st.dictionaries(
    st.text(max_size=8).filter(lambda name: name != "__metadata__"),
    DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0))),
    min_size=1,
    max_size=4,
)


@given(TENSORS)
def test_reads_what_was_written(tensors: dict[str, np.ndarray[Any, Any]]) -> None:
    """Any tensors of any names come back with their values, as float32."""
    contents = _tensors(safetensors.read(open_bytes(safetensors_file(tensors))))
    assert list(contents) == list(tensors)
    for name, values in tensors.items():
        with np.errstate(over="ignore", invalid="ignore"):
            expected = values.astype(np.float32)
        assert contents[name].shape == values.shape
        assert np.array_equal(contents[name].fetch(), expected, equal_nan=True)


@given(st.integers(0, len(GOOD) * 8 - 1), st.integers(0, 1))
def test_agrees_with_the_safetensors_library_about_flipped_bits(bit: int, which: int) -> None:
    """Where one bit is changed we accept no file that the library refuses."""
    changed = bytearray((GOOD, safetensors_file(PAIR, metadata={"format": "pt"}))[which])
    changed[bit // 8] ^= 1 << bit % 8
    data = bytes(changed)
    assert not _we_accept(data) or _library_accepts(data)


def test_keeps_the_metadata() -> None:
    """The free text beside the tensors is passed on."""
    data = safetensors_file(metadata={"format": "pt"})
    assert safetensors.read(open_bytes(data)).metadata == {"format": "pt"}


def test_widens_bfloat16_exactly() -> None:
    """BF16 has no numpy type: its bits are the upper half of a float32."""
    bits = np.arange(768, dtype="<u2")
    data = (
        safetensors_file(header=b'{"e":{"dtype":"BF16","shape":[768],"data_offsets":[0,1536]}}')[
            :68
        ]
        + bits.tobytes()
    )
    tensor = _tensors(safetensors.read(open_bytes(data)))["e"]
    assert tensor.dtype == "bfloat16"
    assert (tensor.fetch().view(np.uint32) == bits.astype(np.uint32) << 16).all()


def test_refuses_a_long_header_before_reading_it() -> None:
    """A header above the bound is refused by its length."""
    data = struct.pack("<Q", LIMITS.header_bytes + 1) + b"{" + bytes(LIMITS.header_bytes)
    tracemalloc.start()
    with pytest.raises(
        LimitExceeded, match="6,291,457 bytes of safetensors header, expected at most 6,291,456"
    ):
        read(data)
    assert tracemalloc.get_traced_memory()[1] < LIMITS.header_bytes
    tracemalloc.stop()


def test_refuses_too_many_tensors() -> None:
    """A header of more tensors than any model has is refused."""
    rows = {str(i): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(20_001)}
    data = safetensors_file(header=json.dumps(rows).encode())
    with pytest.raises(LimitExceeded, match="20,001 tensors, expected at most 15,000"):
        read(data)


def test_does_not_read_the_tensors_of_other_files() -> None:
    """Only the header of a huge checkpoint is read."""
    rows = {"first_stage_model.a": {"dtype": "F32", "shape": [2**30], "data_offsets": [0, 2**32]}}
    text = json.dumps(rows).encode()
    head = struct.pack("<Q", len(text)) + text
    file = open_bytes(head)
    file.size = len(head) + 2**32
    assert list(_tensors(safetensors.read(file))) == ["first_stage_model.a"]


def test_does_not_cut_a_file_larger_than_any_embedding() -> None:
    """Tensor data above the bound is not read when it is asked for."""
    length = LIMITS.tensor_bytes + 4
    row = {"dtype": "F32", "shape": [length // 4], "data_offsets": [0, length]}
    text = json.dumps({"a": row}).encode()
    file = open_bytes(struct.pack("<Q", len(text)) + text)
    file.size += length
    tensor = _tensors(safetensors.read(file))["a"]
    with pytest.raises(LimitExceeded, match="bytes of tensor data, expected at most 16,777,216"):
        tensor.fetch()
