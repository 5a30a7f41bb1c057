"""The names a torch pickle may use, and what stands there instead."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from lib_embeddings.errors import BrokenFile, EmbeddingError, NotAnEmbedding, UnsafeFile
from lib_embeddings.formats.containers.torch_globals import TORCH_GLOBALS
from lib_embeddings.formats.embedding import Placeholder, Tensor
from tests.builders import (
    ORDERED_DICT,
    BadFile,
    Call,
    Global,
    Raw,
    a1111,
    op,
    parameter,
    parameter_dict,
    pickle_of,
    push,
    storage_id,
    tensor,
    text,
    torch_zip,
    vectors,
)
from tests.builders import read as read_bytes
from tests.counting import cost_of
from tests.formats.containers.test_torch_zip import root_of

ROOT = Path(__file__).parents[3]
SET = Global("builtins", "set")
LIST = Global("builtins", "list")
ENCODE = Global("_codecs", "encode")
SIZE = Global("torch", "Size")
PARAMETER_DICT = Global("torch.nn.modules.container", "ParameterDict")
FROM_TYPE = Global("torch._tensor", "_rebuild_from_type_v2")
TENSOR_V2 = Global("torch._utils", "_rebuild_tensor_v2")
TENSOR_V3 = Global("torch._utils", "_rebuild_tensor_v3")
PARAMETER = Global("torch._utils", "_rebuild_parameter")
NUMPY = Global("torch._utils", "_rebuild_device_tensor_from_numpy")
PLAIN = Global("torch", "Tensor")
UNTYPED = Global("torch.storage", "UntypedStorage")


def numpy_array(  # noqa: PLR0913 - a name for every field
    shape: object = (1, 768),
    data: object = vectors().tobytes(),
    *,
    code: object = "f4",
    order: object = "<",
    is_fortran: bool = False,
    module: str = "numpy.core.multiarray",
) -> Call:
    """Return a tensor on an Apple device: a numpy array and its state."""
    dtype = Call(
        Global("numpy", "dtype"), (code, False, True), (3, order, None, None, None, -1, -1, 0)
    )
    array = Call(
        Global(module, "_reconstruct"),
        (Global("numpy", "ndarray"), (0,), b"b"),
        (1, shape, dtype, is_fortran, data),
    )
    return Call(NUMPY, (array, Global("torch", "float32"), "mps:0", False))


def _bad(identity: str, node: object, message: str) -> BadFile:
    return BadFile(identity, torch_zip(pickle_of(node)), BrokenFile, message)


_REDUCE = r"its pickle is damaged at byte [\d,]+ \(REDUCE\)"
_BUILD = r"its pickle is damaged at byte [\d,]+ \(BUILD\)"

BAD_FILES = (
    _bad("tensor of no storage", tensor({"a": 1}), _REDUCE),
    _bad("tensor of a name", tensor(PLAIN), _REDUCE),
    _bad("tensor of nothing", Call(TENSOR_V2, ()), _REDUCE),
    _bad(
        "tensor of text as shape",
        tensor(storage_id(768), "ab", (1, 1)),
        "the shape and strides of a tensor are not whole numbers",
    ),
    _bad("tensor of None as shape", tensor(storage_id(768), None, (1, 1)), _REDUCE),
    _bad("huge shape", tensor(storage_id(768), (2**500, 768)), "bytes of storage, found 3,072"),
    _bad(
        "huge offset",
        tensor(storage_id(768), offset=2**62),
        "bytes of storage, found 3,072",
    ),
    _bad(
        "one too far",
        tensor(storage_id(768), offset=1),
        "needs 3,076 bytes of storage, found 3,072",
    ),
    _bad(
        "negative offset",
        tensor(storage_id(768), offset=-1),
        "the shape and strides of a tensor are not whole numbers",
    ),
    _bad(
        "third tensor without a type",
        Call(TENSOR_V3, (storage_id(768), 0, (1,), (1,), False, None, "float32")),
        _REDUCE,
    ),
    _bad("parameter of data", Call(PARAMETER, ([1], True, ORDERED_DICT)), _REDUCE),
    _bad("numpy code unknown", numpy_array(code="O8"), _REDUCE),
    _bad("numpy code a list", numpy_array(code=[]), _REDUCE),
    _bad("numpy shape negative", numpy_array((-1, 768)), _REDUCE),
    _bad(
        "numpy shape wrong",
        numpy_array((2, 768)),
        r"damaged: an array of shape \(2, 768\) needs 6,144 bytes, found 3,072",
    ),
    _bad("numpy shape huge", numpy_array((2**400, 768)), "damaged: an array of shape "),
    _bad("numpy shape of 70", numpy_array((1,) * 70, bytes(4)), _REDUCE),
    _bad("numpy shape 0 by 2**70", numpy_array((0, 2**70), b""), _REDUCE),
    _bad("numpy data as text", numpy_array(data="a" * 3072), _REDUCE),
    _bad("numpy without state", Call(NUMPY, (Call(Global("numpy", "ndarray")),)), _REDUCE),
    _bad("numpy of data", Call(NUMPY, ([],)), _REDUCE),
    _bad("numpy type wrong", Call(Global("numpy", "dtype"), ("f4",), []), _BUILD),
    _bad("numpy type short", Call(Global("numpy", "dtype"), ("f4",), (3,)), _BUILD),
    _bad("numpy array of a list", Call(Global("numpy", "ndarray"), (), [1]), _BUILD),
    _bad("OrderedDict of a number", Call(Global("collections", "OrderedDict"), (1,)), _REDUCE),
    _bad(
        "OrderedDict of threes", Call(Global("collections", "OrderedDict"), ([(1, 2, 3)],)), _REDUCE
    ),
    _bad("Size of a list", Call(SIZE, ([],)), _REDUCE),
    _bad("set of a number", Call(SET, (1,)), _REDUCE),
    _bad("bytes of a number", Call(ENCODE, (1, "latin1")), _REDUCE),
    _bad("bytes as utf-8", Call(ENCODE, ("a", "utf-8")), _REDUCE),
    _bad("bytes by rot13", Call(ENCODE, ("a", "rot13")), _REDUCE),
    _bad("text above latin-1", Call(ENCODE, ("\u2028", "latin1")), _REDUCE),
)


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.id)
def test_refuses(bad: BadFile) -> None:
    """A stand-in that is given what torch never gives it refuses."""
    with pytest.raises(bad.error, match=bad.message):
        root_of(bad.data)


def _v2_with(metadata: object) -> Call:
    arguments = (storage_id(768), 0, (1, 768), (768, 1), False, ORDERED_DICT, metadata)
    return Call(TENSOR_V2, arguments)


@pytest.mark.parametrize("metadata", [{"neg": True}, {"conj": True}])
def test_refuses_a_view_that_is_negated(metadata: object) -> None:
    """Torch negates such a tensor's numbers as it reads them."""
    with pytest.raises(NotAnEmbedding, match="its tensor is a negated or conjugated view"):
        root_of(torch_zip(pickle_of(_v2_with(metadata))))


@pytest.mark.parametrize("metadata", [{}, None])
def test_reads_a_view_that_is_what_it_seems(metadata: object) -> None:
    """Empty metadata changes nothing."""
    read = root_of(torch_zip(pickle_of(_v2_with(metadata))))
    assert isinstance(read, Tensor)
    assert read.fetch().tolist() == vectors().tolist()


def test_refuses_an_array_that_is_meant_as_another_type() -> None:
    """Torch would round the numbers of such an array as it reads them."""
    array, _dtype, *rest = cast("tuple[object, ...]", numpy_array().arguments)
    node = Call(NUMPY, (array, Global("torch", "bfloat16"), *rest))
    with pytest.raises(BrokenFile, match="its tensor is stored as float32 and meant as bfloat16"):
        root_of(torch_zip(pickle_of(node)))


SPARSE = Call(Global("torch._utils", "_rebuild_sparse_tensor"), ())
FOREIGN = {
    "sparse": (
        Call(
            Global("torch._utils", "_rebuild_sparse_tensor"),
            (Call(Global("torch.serialization", "_get_layout"), ("torch.sparse_coo",)), ()),
        ),
        "this is a sparse tensor, not an embedding",
    ),
    "quantised": (
        Call(
            Global("torch._utils", "_rebuild_qtensor"),
            (
                storage_id(3072, storage=Global("torch", "QUInt8Storage")),
                *(0, (1, 3072), (3072, 1)),
                (Global("torch", "per_tensor_affine"), 0.5, 0),
                *(False, ORDERED_DICT),
            ),
        ),
        "this is quantised weights, not an embedding",
    ),
    "float8": (
        {
            "<a>": Call(
                TENSOR_V3,
                (
                    storage_id(3072, storage=UNTYPED),
                    *(0, (4, 768), (768, 1), False, ORDERED_DICT),
                    Global("torch", "float8_e4m3fn"),
                ),
            )
        },
        "not an embedding: its tensor <a> is stored as float8_e4m3fn",
    ),
    "complex": (
        {
            "<a>": tensor(
                storage_id(384, storage=Global("torch", "ComplexFloatStorage")), (1, 384), (384, 1)
            )
        },
        "not an embedding: its tensor <a> is stored as complex64",
    ),
    "settings of peft": (
        {"config": Call(Global("peft.tuners.lora.config", "LoraConfig"), (), {"r": 8})},
        "this is data of another program, not an embedding",
    ),
    "sparse, under a token": ({"<a>": SPARSE}, "this is a sparse tensor, not an embedding"),
    "sparse, by A1111": (a1111(SPARSE), r"its \* is a sparse tensor, not an embedding"),
    "nested, under a token": (
        {"<a>": Call(Global("torch._utils", "_rebuild_nested_tensor"), ())},
        "this is a nested tensor, not an embedding",
    ),
    "on no device": (
        {"<a>": Call(Global("torch._utils", "_rebuild_meta_tensor_no_storage"), ())},
        r"this is a tensor without its numbers \(on torch's meta device\), not an embedding",
    ),
    "arguments of a trainer": (
        Call(Global("transformers.training_args", "TrainingArguments"), (), {"seed": 1}),
        "this is a training run's state, not an embedding",
    ),
}


@pytest.mark.parametrize(("node", "message"), FOREIGN.values(), ids=list(FOREIGN))
def test_data_of_another_kind_is_no_code(node: object, message: str) -> None:
    """Values that torch can store but no embedding holds make a file foreign, not unsafe."""
    with pytest.raises(NotAnEmbedding, match=f"^{message}$"):
        read_bytes(torch_zip(pickle_of(node)))


OTHER_DATA = Placeholder("data of another program, not an embedding")
NONE_TYPE = Call(Global("builtins", "type"), (None,))

ACCEPTED: tuple[tuple[str, object, object], ...] = (
    ("OrderedDict", Call(Global("collections", "OrderedDict"), ([("a", 1)],)), {"a": 1}),
    ("set", Call(SET, ([1, 2],)), [1, 2]),
    ("old set", Call(Global("__builtin__", "set"), ([],)), []),
    ("frozenset", Call(Global("__builtin__", "frozenset"), ([1],)), [1]),
    ("Counter", Call(Global("collections", "Counter"), ({"a": 2},)), {"a": 2}),
    ("empty Counter", Call(Global("collections", "Counter")), {}),
    ("deque", Call(Global("collections", "deque"), ([1, 2],)), [1, 2]),
    ("deque with a length", Call(Global("collections", "deque"), ((), 5)), []),
    ("defaultdict", Call(Global("collections", "defaultdict"), (LIST,)), {}),
    ("date", Call(Global("datetime", "date"), (b"\x07\xe8\x01\x01",)), OTHER_DATA),
    ("timedelta", Call(Global("datetime", "timedelta"), (1, 0, 0)), OTHER_DATA),
    ("Decimal", Call(Global("decimal", "Decimal"), ("1.5",)), OTHER_DATA),
    ("UUID", Call(Global("uuid", "UUID"), (), {"int": 1}), OTHER_DATA),
    ("path", Call(Global("pathlib", "PurePosixPath"), ("a", "b")), OTHER_DATA),
    ("range, older", Call(Global("__builtin__", "xrange"), (0, 3, 1)), OTHER_DATA),
    ("Ellipsis", Global("builtins", "Ellipsis"), OTHER_DATA),
    ("type of None", NONE_TYPE, OTHER_DATA),
    ("type of Ellipsis", Call(NONE_TYPE.function, (Global("builtins", "Ellipsis"),)), OTHER_DATA),
    ("Size", Call(SIZE, ((1, 2),)), (1, 2)),
    ("bytes", Call(ENCODE, ("a\xff", "latin1")), b"a\xff"),
    ("device", Call(Global("torch", "device"), ("cuda", 0)), "cpu"),
    ("ParameterDict", parameter_dict({"a": 1}), {"a": 1}),
    ("ParameterDict without state", Call(PARAMETER_DICT), {}),
    ("ParameterDict of a number", Call(PARAMETER_DICT, (), {"_parameters": 5}), {}),
    (
        "training",
        Call(Global("argparse", "Namespace")),
        Placeholder("a training run's state, not an embedding"),
    ),
)


@pytest.mark.parametrize(("node", "value"), [r[1:] for r in ACCEPTED], ids=[r[0] for r in ACCEPTED])
def test_stands_for(node: object, value: object) -> None:
    """The stand-in for a class of torch's or Python's is a plain value."""
    assert root_of(torch_zip(pickle_of(node))) == value


def test_reads_vectors_beside_data_of_pythons() -> None:
    """A file of A1111's with such data beside its vectors, and they in a defaultdict, is read."""
    items = op("MARK") + push("*") + push(tensor(storage_id(768))) + op("SETITEMS")
    filled = Raw(push(Call(Global("collections", "defaultdict"), (LIST,))) + items)
    root = {"string_to_param": filled, "extra": NONE_TYPE}
    assert read_bytes(torch_zip(pickle_of(root))).vectors["clip_l"].tolist() == vectors().tolist()


@pytest.mark.parametrize("arguments", [("a", (), {}), (1,), ()], ids=["a class", "a number", "-"])
def test_makes_no_class(arguments: tuple[object, ...]) -> None:
    """A pickle that calls type on anything but a constant is unsafe: it may make a class."""
    with pytest.raises(UnsafeFile, match=r"its pickle asks for builtins\.type; nothing was run"):
        root_of(torch_zip(pickle_of(Call(NONE_TYPE.function, arguments))))


def _v3() -> Call:
    untyped = storage_id(3072, storage=UNTYPED)
    return Call(
        TENSOR_V3, (untyped, 0, (1, 768), (768, 1), False, ORDERED_DICT, Global("torch", "float32"))
    )


def _from_type() -> Call:
    arguments = (storage_id(768), 0, (1, 768), (768, 1), False, ORDERED_DICT)
    return Call(FROM_TYPE, (TENSOR_V2, PLAIN, arguments, {}))


TENSORS = (
    ("second", tensor(storage_id(768))),
    ("third", _v3()),
    ("parameter", parameter(tensor(storage_id(768)))),
    ("from a plain type", _from_type()),
    ("on cuda", tensor(storage_id(768, storage=Global("torch.cuda", "FloatStorage")))),
    ("numpy", numpy_array()),
    ("numpy 2", numpy_array(module="numpy._core.multiarray")),
    ("numpy big-endian", numpy_array(data=vectors().astype(">f4").tobytes(), order=">")),
    ("numpy in columns", numpy_array((768, 1), is_fortran=True)),
)


@pytest.mark.parametrize("node", [row[1] for row in TENSORS], ids=[row[0] for row in TENSORS])
def test_rebuilds_tensors(node: object) -> None:
    """Every way torch writes a tensor gives the same numbers."""
    read = root_of(torch_zip(pickle_of(node)))
    assert isinstance(read, Tensor)
    assert read.dtype == "float32"
    assert read.fetch().ravel().tolist() == vectors().ravel().tolist()


def test_rebuilds_numpy_arrays_in_columns() -> None:
    """An array in Fortran order comes out in C order."""
    values = vectors(2)
    read = root_of(
        torch_zip(pickle_of(numpy_array((2, 768), values.tobytes("F"), is_fortran=True)))
    )
    assert isinstance(read, Tensor)
    assert np.array_equal(read.fetch(), values)


def test_tells_a_special_tensor() -> None:
    """A tensor of a class that quantised models have is told apart, not built."""
    quantised = Global("invokeai.backend.quantization.gguf.layers", "GGUFTensor")
    node = Call(FROM_TYPE, (TENSOR_V2, quantised, (), {}))
    assert root_of(torch_zip(pickle_of(node))) == Placeholder(
        "a special kind of tensor, as quantised models have, not an embedding"
    )


def test_names_nothing_that_runs() -> None:
    """Every allowed name stands for something of ours: no function or class of another module."""
    for found in TORCH_GLOBALS.values():
        assert type(found).__module__.startswith("lib_embeddings.")
        built = getattr(found, "build", None)
        assert built is None or built.__module__.startswith("lib_embeddings.")


# Small pickles that make much of little


def _memoized(*parts: bytes) -> bytes:
    """Return a pickle; `parts` may use what they keep in the memo."""
    return torch_zip(pickle_of(Raw(b"".join(parts))))


def _again(name: Global, argument: bytes, times: int) -> bytes:
    """Return a file that calls *name* on one argument many times."""
    calls = op("BINGET", b"\1") + op("BINGET", b"\0") + op("REDUCE")
    kept = argument + op("BINPUT", b"\0") + push(name) + op("BINPUT", b"\1")
    return _memoized(kept, calls * times)


def _long_list(item: bytes, length: int = 100_000) -> bytes:
    return op("EMPTY_LIST") + op("MARK") + item * length + op("APPENDS") + op("TUPLE1")


def _many_dimensions() -> bytes:
    ones = op("MARK") + op("BININT1", b"\1") * 50_000 + op("TUPLE") + op("BINPUT", b"\2")
    arguments = push(storage_id(768)) + op("BININT1", b"\0") + op("BINGET", b"\2") * 2
    return _again(TENSOR_V2, ones + op("MARK") + arguments + op("TUPLE"), 1000)


def _parameters() -> bytes:
    items = b"".join(text(str(i)) + op("NONE") for i in range(20_000))
    state = op("EMPTY_DICT") + text("_parameters") + op("EMPTY_DICT") + op("MARK") + items
    state += op("SETITEMS") + op("SETITEM") + op("BINPUT", b"\0")
    made = (
        op("BINGET", b"\1") + op("EMPTY_TUPLE") + op("REDUCE") + op("BINGET", b"\0") + op("BUILD")
    )
    return _memoized(state, push(PARAMETER_DICT), op("BINPUT", b"\1"), made * 200)


def _latin_1() -> bytes:
    return _again(ENCODE, text("a" * 2**20) + text("latin1") + op("TUPLE2"), 300)


AMPLIFIERS = {
    "copies of a list": lambda: _again(SET, _long_list(op("NONE")), 300),
    "copies of a text": _latin_1,
    "copies of parameters": _parameters,
    "arguments of a call": lambda: _again(
        Global("argparse", "Namespace"), op("MARK") + op("NONE") * 100_000 + op("TUPLE"), 90_000
    ),
    "pairs of a dict": lambda: _again(
        Global("collections", "OrderedDict"), _long_list(push(("a", 1)), 40_000), 9_000
    ),
    "dimensions": _many_dimensions,
}


@pytest.mark.parametrize("make", AMPLIFIERS.values(), ids=list(AMPLIFIERS))
def test_bounds_what_a_small_pickle_can_make(make: Any) -> None:
    """Calling a stand-in again and again on one large value makes little."""
    data = make()
    cost = cost_of(lambda: try_to_read(data))
    assert cost.peak_bytes < 64_000_000
    assert cost.n_calls < 5_000_000


def try_to_read(data: bytes) -> None:
    """Read a pickle; refusing it is as good."""
    with contextlib.suppress(EmbeddingError):
        root_of(data)


def test_does_not_follow_a_type_into_itself() -> None:
    """A special tensor whose rebuilder is its own rebuilder ends as any damage does."""
    arguments = push(FROM_TYPE) + push(PLAIN) + op("BINGET", b"\0")
    kept = op("EMPTY_LIST") + op("BINPUT", b"\0") + op("MARK") + arguments + op("APPENDS")
    call = op("POP") + push(FROM_TYPE) + arguments + op("TUPLE3") + op("REDUCE")
    with contextlib.suppress(BrokenFile):  # a placeholder is as good
        assert isinstance(root_of(_memoized(kept, call)), Placeholder)


DEEP = op("EMPTY_TUPLE") + op("TUPLE1") * 390_000
NESTED_KEYS = {
    "key of a ParameterDict": push(PARAMETER_DICT)
    + op("EMPTY_LIST")
    + op("MARK")
    + DEEP
    + op("NONE")
    + op("TUPLE2")
    + op("APPENDS")
    + op("TUPLE1")
    + op("REDUCE"),
    "numpy code": push(numpy_array(code=Raw(DEEP))),
}


@pytest.mark.parametrize("program", NESTED_KEYS.values(), ids=list(NESTED_KEYS))
def test_survives_hashing_what_is_deep(program: bytes, tmp_path: Path) -> None:
    """A value nested too deep for Python's own hash does not take the process with it."""
    path = tmp_path / "deep.pt"
    path.write_bytes(_memoized(program))
    script = (
        "import sys; from lib_embeddings.entries.place import Place\n"
        "from lib_embeddings.entries.read import read_file\n"
        "from lib_embeddings.entries.entry import Found\n"
        "print(read_file(Found(Place.of_file(sys.argv[1]))).reading.state)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("broken", "foreign")
