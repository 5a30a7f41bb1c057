"""Every name a torch pickle may use, and the inert thing that stands for it.

Three groups: what embeddings are made of, which is rebuilt as plain values; what files of other
kinds are known to name, which is read as a placeholder so that the file can be recognised; nothing
else. A name belongs here only if it can be given a meaning without running code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

import numpy as np

from lib_embeddings.errors import BrokenFile, NotAnEmbedding, UnsafeFile, shown
from lib_embeddings.formats.containers.pickle_stack import Rebuilder, Stateful
from lib_embeddings.formats.containers.storage import Storage, StorageType, are_counts
from lib_embeddings.formats.embedding import NOTHING, Placeholder, Tensor
from lib_embeddings.formats.file_bytes import DTYPES, OTHER_DTYPES, DType, widen

# Rebuilding tensors


def rebuild_tensor(
    storage: Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *rest: object,
) -> Tensor:
    """Stand for torch._utils._rebuild_tensor and _rebuild_tensor_v2."""
    _check_view(rest[2:])  # after whether it has a gradient, and its hooks
    return storage.tensor(offset, shape, strides)


def rebuild_tensor_v3(
    storage: Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    _requires_grad: object,
    _hooks: object,
    dtype: DType,
    *rest: object,
) -> Tensor:
    """Stand for torch._utils._rebuild_tensor_v3: an untyped storage whose tensor has the type."""
    _check_view(rest)
    return storage.tensor(offset, shape, strides, dtype.name)


def _check_view(metadata: Iterable[object]) -> None:
    """Refuse a tensor whose stored numbers stand for others: torch negates or conjugates them."""
    if any(metadata):
        raise NotAnEmbedding("not an embedding: its tensor is a negated or conjugated view")


def rebuild_parameter(tensor: Tensor, *_: object) -> Tensor:
    """Stand for torch._utils._rebuild_parameter: a parameter is its tensor."""
    if not isinstance(tensor, Tensor):
        raise TypeError
    return tensor


def rebuild_from_type(
    rebuilder: Rebuilder, kind: object, arguments: tuple[object, ...], *_: object
) -> object:
    """Stand for torch._tensor._rebuild_from_type_v2: a plain tensor, or one of a special class."""
    if kind in (PLAIN_TENSOR, PLAIN_PARAMETER) and rebuilder in TENSOR_REBUILDERS:
        return rebuilder.build(*arguments)
    return Placeholder("a special kind of tensor, as quantised models have, not an embedding")


class ParameterDict(dict[str, object], Stateful):
    """Stand for torch.nn.ParameterDict, whose items are in its state."""

    __slots__ = ()

    def set_state(self, state: object) -> None:
        """Take the parameters out of a module's state."""
        parameters = state.get("_parameters") if isinstance(state, dict) else None
        if isinstance(parameters, dict):
            self.update(parameters)


# Rebuilding numpy arrays, as torch does for tensors on Apple's devices


class NumpyType(Stateful):
    """Stand for numpy.dtype; the byte order comes as its state."""

    __slots__ = ("code", "order")

    def __init__(self, code: str, *_: object) -> None:
        if type(code) is not str:
            raise TypeError
        self.code = code
        self.order = "<"

    def set_state(self, state: object) -> None:
        """Take the byte order; `|` means that there is none."""
        self.order = ">" if as_tuple(state)[1] == ">" else "<"


class NumpyArray(Stateful):
    """Stand for numpy.ndarray; everything comes as its state."""

    __slots__ = ("_state",)

    def __init__(self, *_: object) -> None:
        self._state: tuple[object, ...] = ()

    def set_state(self, state: object) -> None:
        """Take (version, shape, type, whether in Fortran order, data)."""
        self._state = as_tuple(state)

    def tensor(self) -> Tensor:
        """Return the array as a tensor; its data is in memory already."""
        _version, shape, kind, is_fortran, data = self._state
        if not are_counts(shape) or type(kind) is not NumpyType or type(data) is not bytes:
            raise TypeError
        dtype = _NUMPY_DTYPES[kind.code]
        if prod(shape) * dtype.itemsize != len(data):
            raise BrokenFile(
                f"damaged: an array of shape {shown(str(shape))} needs "
                f"{prod(shape) * dtype.itemsize:,} bytes, "
                f"found {len(data):,}"
            )
        stored = np.frombuffer(data, kind.order + dtype.code)
        ordered = np.ascontiguousarray(stored.reshape(shape, order="F" if is_fortran else "C"))
        return Tensor(dtype.name, shape, lambda: widen(ordered, dtype.name))


def rebuild_from_numpy(array: NumpyArray, dtype: DType, *_: object) -> Tensor:
    """Stand for torch._utils._rebuild_device_tensor_from_numpy, where no number is rounded."""
    tensor = array.tensor()
    if tensor.dtype != dtype.name:
        raise BrokenFile(f"its tensor is stored as {tensor.dtype} and meant as {dtype.name}")
    return tensor


# Plain values


def ordered_dict(items: object = ()) -> dict[str, object]:
    """Stand for collections.OrderedDict: every dict keeps its order."""
    return {key: value for key, value in items if type(key) is str}  # type: ignore[attr-defined]


def as_list(items: list[object] | tuple[object, ...] = (), *_: object) -> list[object]:
    """Stand for set, frozenset and deque: nothing here needs their hashing, or their length."""
    return list(items)


def default_dict(*_: object) -> dict[str, object]:
    """Stand for collections.defaultdict, whose items follow: nothing here reads a missing key."""
    return {}


def type_of(*values: object) -> Placeholder:
    """Stand for type as pickles call it: for the type of None and of the other two constants."""
    if len(values) != 1 or not (values[0] is None or isinstance(values[0], Placeholder)):
        raise UnsafeFile("builtins.type", 0)
    return Placeholder(_OTHER_DATA)


def counter(items: Mapping[str, object] = NOTHING) -> dict[str, object]:
    """Stand for collections.Counter: every dict counts as well."""
    return dict(items)


def as_tuple(items: object = ()) -> tuple[object, ...]:
    """Stand for torch.Size."""
    if type(items) is not tuple:
        raise TypeError
    return items


def encode(text: str, encoding: str) -> bytes:
    """Stand for _codecs.encode, which old pickle protocols write bytes with."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError
    return text.encode("latin-1")


def device(*_: object) -> str:
    """Stand for torch.device: where a tensor was does not matter."""
    return "cpu"


def stands_for(kind: str) -> Rebuilder:
    """Return a stand-in for a class of which only the *kind* is kept."""
    return Rebuilder(lambda *_: Placeholder(kind))


_OTHER_DATA = "data of another program, not an embedding"
TENSOR_REBUILDERS = (Rebuilder(rebuild_tensor), Rebuilder(rebuild_tensor_v3))
PLAIN_TENSOR = stands_for("an empty tensor")
PLAIN_PARAMETER = Rebuilder(rebuild_parameter)
_TRAINING = stands_for("a training run's state, not an embedding")
_QUANTISED = stands_for("quantised weights, not an embedding")
_SPARSE = stands_for("a sparse tensor, not an embedding")
_NESTED = stands_for("a nested tensor, not an embedding")
_META = stands_for("a tensor without its numbers (on torch's meta device), not an embedding")
_DATA = stands_for(_OTHER_DATA)

_NUMPY_DTYPES = {d.code: d for d in DTYPES.values() if d.name not in ("bfloat16", "bool")}

_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
}
_DTYPES = [*DTYPES.values(), *(DType(name, "u1", size) for name, size in OTHER_DTYPES.items())]

_BUILTINS = ("builtins", "__builtin__")
_SETS = ("set", "frozenset")
# What quantised tensors are quantised by.
_SCHEMES = ("per_tensor_affine", "per_tensor_symmetric", "per_channel_affine")
# Python's own classes that hold data. Their stand-ins hold nothing.
_PLAIN = (
    *("list", "dict", "tuple", "int", "float", "str", "bool", "complex", "bytes", "bytearray"),
    *("slice", "range", "xrange", "object"),
)
_PATHS = ("PurePath", "PurePosixPath", "PureWindowsPath", "Path", "PosixPath", "WindowsPath")
_LIBRARY = {
    "datetime": ("datetime", "date", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "pathlib": _PATHS,
    "pathlib._local": _PATHS,
    "uuid": ("UUID", "SafeUUID"),
}
# Values that pickles name as they name classes.
_CONSTANTS = ("Ellipsis", "NotImplemented")
# Settings that are pickled beside weights.
_PEFT = {
    "peft.utils.peft_types": ("PeftType", "TaskType"),
    "peft.tuners.lora": ("LoraConfig",),
    "peft.tuners.lora.config": ("LoraConfig", "LoraRuntimeConfig"),
}
_TRAINERS = {
    "transformers.training_args": ("TrainingArguments", "OptimizerNames"),
    "transformers.trainer_utils": (
        *("IntervalStrategy", "SchedulerType", "HubStrategy", "SaveStrategy"),
        "EvaluationStrategy",
    ),
    "transformers.trainer_pt_utils": ("AcceleratorConfig",),
    "accelerate.state": ("PartialState",),
    "accelerate.utils.dataclasses": ("DistributedType",),
}

TORCH_GLOBALS: Mapping[tuple[str, str], object] = {
    ("collections", "OrderedDict"): Rebuilder(ordered_dict),
    **{(module, name): Rebuilder(as_list) for module in _BUILTINS for name in _SETS},
    ("collections", "Counter"): Rebuilder(counter),
    ("collections", "defaultdict"): Rebuilder(default_dict),
    ("collections", "deque"): Rebuilder(as_list),
    ("torch", "Size"): Rebuilder(as_tuple),
    ("torch", "device"): Rebuilder(device),
    ("torch", "Tensor"): PLAIN_TENSOR,
    ("torch.nn.parameter", "Parameter"): PLAIN_PARAMETER,
    ("torch.nn.modules.container", "ParameterDict"): Rebuilder(lambda *_: ParameterDict()),
    ("torch._utils", "_rebuild_tensor"): TENSOR_REBUILDERS[0],
    ("torch._utils", "_rebuild_tensor_v2"): TENSOR_REBUILDERS[0],
    ("torch._utils", "_rebuild_tensor_v3"): TENSOR_REBUILDERS[1],
    ("torch._utils", "_rebuild_parameter"): Rebuilder(rebuild_parameter),
    ("torch._utils", "_rebuild_parameter_with_state"): Rebuilder(rebuild_parameter),
    ("torch._utils", "_rebuild_device_tensor_from_numpy"): Rebuilder(rebuild_from_numpy),
    ("torch._utils", "_rebuild_device_tensor_from_cpu_tensor"): Rebuilder(rebuild_parameter),
    ("torch._tensor", "_rebuild_from_type_v2"): Rebuilder(rebuild_from_type),
    ("torch.storage", "UntypedStorage"): StorageType(None),
    **{("torch", name): StorageType(dtype) for name, dtype in _STORAGES.items()},
    **{("torch.cuda", name): StorageType(dtype) for name, dtype in _STORAGES.items()},
    **{("torch", dtype.name): dtype for dtype in _DTYPES},
    ("numpy", "dtype"): Rebuilder(NumpyType),
    ("numpy", "ndarray"): Rebuilder(NumpyArray),
    ("numpy.core.multiarray", "_reconstruct"): Rebuilder(NumpyArray),
    ("numpy._core.multiarray", "_reconstruct"): Rebuilder(NumpyArray),
    ("_codecs", "encode"): Rebuilder(encode),
    # Named by files of other kinds.
    ("torch._utils", "_rebuild_qtensor"): _QUANTISED,
    ("torch._utils", "_rebuild_sparse_tensor"): _SPARSE,
    ("torch._utils", "_rebuild_sparse_csr_tensor"): _SPARSE,
    ("torch._utils", "_rebuild_nested_tensor"): _NESTED,
    ("torch._utils", "_rebuild_meta_tensor_no_storage"): _META,
    ("torch.serialization", "_get_layout"): _SPARSE,
    **{("torch", name): _QUANTISED for name in _SCHEMES},
    **{(module, name): _DATA for module in _BUILTINS for name in _PLAIN},
    **{(module, name): Placeholder(_OTHER_DATA) for module in _BUILTINS for name in _CONSTANTS},
    **{(module, "type"): Rebuilder(type_of) for module in _BUILTINS},
    **{(module, name): _DATA for module, names in _LIBRARY.items() for name in names},
    ("copy_reg", "_reconstructor"): _DATA,
    ("copyreg", "_reconstructor"): _DATA,
    **{(module, name): _DATA for module, names in _PEFT.items() for name in names},
    **{(module, name): _TRAINING for module, names in _TRAINERS.items() for name in names},
    ("numpy.core.multiarray", "scalar"): _TRAINING,
    ("numpy._core.multiarray", "scalar"): _TRAINING,
    ("argparse", "Namespace"): _TRAINING,
    ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"): _TRAINING,
    ("pytorch_lightning.callbacks.early_stopping", "EarlyStopping"): _TRAINING,
    ("pytorch_lightning.utilities.enums", "ModelSummaryMode"): _TRAINING,
    ("omegaconf.listconfig", "ListConfig"): _TRAINING,
    ("omegaconf.dictconfig", "DictConfig"): _TRAINING,
    ("gguf.constants", "GGMLQuantizationType"): _QUANTISED,
    ("invokeai.backend.quantization.gguf.layers", "GGUFTensor"): _QUANTISED,
}
