"""A pickle interpreter that cannot run anything.

A pickle is a program for a stack machine. This machine knows the opcodes that build plain values;
where a pickle names a Python object (GLOBAL, STACK_GLOBAL, INST) the name is looked up in a closed
table (`torch_globals.py`), and what stands there is ours: nothing is imported, and no attribute is
followed. A name outside the table ends the reading with `UnsafeFile`.

Bounds hold by construction: the memo is a dict, so a huge index costs nothing; a length is checked
against the bytes that are left before anything is taken; opcodes are counted, so memory is too.

Source: the opcode descriptions in Python's `pickletools` module, protocols 0 to 5.
"""

from __future__ import annotations

import pickletools
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from lib_embeddings.errors import BrokenFile, LimitExceeded, UnsafeFile
from lib_embeddings.limits import LIMITS, at_most

Global = object
Globals = Mapping[tuple[str, str], Global]
PersistentLoad = Callable[[object], object]

OPCODE_NAMES = {ord(opcode.code): opcode.name for opcode in pickletools.opcodes}


class Rebuilder:
    """A stand-in for a callable that pickles name: our function, which builds plain values."""

    __slots__ = ("build",)

    def __init__(self, build: Callable[..., object]) -> None:
        self.build = build


@dataclass(frozen=True, slots=True)
class Placeholder:
    """An object that files of other kinds hold; nothing of it is kept but what it is.

    Attributes:
        kind: what it is, in words.
    """

    kind: str


class Stateful(ABC):
    """A value that a pickle finishes with BUILD; the state is data like any other."""

    @abstractmethod
    def set_state(self, state: object) -> None:
        """Take what is worth keeping of *state*."""


def load(data: bytes, find: Globals, persistent_load: PersistentLoad) -> tuple[object, int]:
    """Return the value a pickle describes, and where in *data* it ends.

    Args:
        data: begins with the pickle; what follows it is left alone.
        find: the names the pickle may use.
        persistent_load: turns a persistent id (a storage's description) into a value.

    Raises:
        UnsafeFile: it asks for a name outside *find*.
        BrokenFile: it is cut short, or does what no pickler writes.
    """
    machine = _Machine(data, find, persistent_load)
    try:
        return machine.run()
    except (IndexError, struct.error) as error:
        if machine.position >= len(data):
            raise BrokenFile("its pickle is cut short; download it again") from error
        machine.refuse(error)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        machine.refuse(error)


class _Stop(Exception):
    """The pickle has ended."""


class _Machine:
    """The stack, the memo, and one method for each opcode."""

    __slots__ = ("data", "find", "marks", "memo", "persistent_load", "position", "stack", "start")

    def __init__(self, data: bytes, find: Globals, persistent_load: PersistentLoad) -> None:
        self.data = data
        self.find = find
        self.persistent_load = persistent_load
        self.position = 0
        self.start = 0
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> tuple[object, int]:
        data, opcodes = self.data, OPCODES
        try:
            for _ in range(LIMITS.pickle_opcodes):
                self.start = self.position
                self.position += 1
                opcodes[data[self.start]](self)
        except _Stop:
            return self.stack.pop(), self.position
        raise LimitExceeded("pickle opcodes", LIMITS.pickle_opcodes, LIMITS.pickle_opcodes + 1)

    def refuse(self, error: Exception) -> NoReturn:
        """Say where the pickle stopped making sense."""
        code = self.data[self.start]
        name = OPCODE_NAMES.get(code, f"0x{code:02x}")
        raise BrokenFile(
            f"its pickle is damaged at byte {self.start:,} ({name}); download it again"
        ) from error

    # Reading arguments

    def take(self, length: int) -> bytes:
        end = self.position + length
        if length < 0 or end > len(self.data):
            self.position = len(self.data)
            raise IndexError
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def take_number(self, layout: struct.Struct) -> Any:
        (number,) = layout.unpack_from(self.data, self.position)
        self.position += layout.size
        return number

    def take_counted(self, layout: struct.Struct) -> bytes:
        return self.take(self.take_number(layout))

    def take_line(self) -> bytes:
        end = self.data.find(b"\n", self.position, self.position + LIMITS.pickle_line_bytes)
        if end < 0:
            at_most(
                LIMITS.pickle_line_bytes, len(self.data) - self.position, "text in a pickle line"
            )
            raise IndexError
        line = self.data[self.position : end]
        self.position = end + 1
        return line

    def pop_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.marks.pop()
        return items

    # Plain values

    def op_proto(self) -> None:
        if self.take(1)[0] > 5:
            raise ValueError

    def op_frame(self) -> None:
        if self.take_number(_U64) > len(self.data) - self.position:
            self.position = len(self.data)
            raise IndexError

    def op_stop(self) -> None:
        raise _Stop

    def op_mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def op_pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def op_pop_mark(self) -> None:
        self.pop_mark()

    def op_dup(self) -> None:
        self.stack.append(self.stack[-1])

    def op_int(self) -> None:
        line = self.take_line()
        self.stack.append(_BOOLEANS[line] if line in _BOOLEANS else int(line))

    def op_long(self) -> None:
        self.stack.append(int(self.take_line().removesuffix(b"L")))

    def op_float(self) -> None:
        self.stack.append(float(self.take_line()))

    def push_long(self, length: int) -> None:
        at_most(LIMITS.pickle_number_bytes, length, "pickle number, in bytes")
        self.stack.append(int.from_bytes(self.take(length), "little", signed=True))

    def op_string(self) -> None:
        line = self.take_line()
        if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
            raise ValueError
        self.stack.append(line[1:-1].decode("latin-1"))

    def op_unicode(self) -> None:
        self.stack.append(self.take_line().decode("raw-unicode-escape"))

    def op_binunicode(self) -> None:
        (length,) = _U32.unpack_from(self.data, self.position)
        self.position += 4
        self.stack.append(self.take(length).decode("utf-8", "surrogatepass"))

    # Containers

    def op_append(self) -> None:
        item = self.stack.pop()
        self.extend([item])

    def op_appends(self) -> None:
        self.extend(self.pop_mark())

    def extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is list:
            target.extend(items)
        elif type(target) is not Placeholder:
            raise TypeError

    def op_setitem(self) -> None:
        value = self.stack.pop()
        key = self.stack.pop()
        self.update([key, value])

    def op_setitems(self) -> None:
        self.update(self.pop_mark())

    def update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            target.update(pairs(items))
        elif type(target) is not Placeholder:
            raise TypeError

    def op_dict(self) -> None:
        items = self.pop_mark()
        self.stack.append(pairs(items))

    def op_list(self) -> None:
        items = self.pop_mark()
        self.stack.append(items)

    def op_tuple(self) -> None:
        items = self.pop_mark()
        self.stack.append(tuple(items))

    def op_tuple_of(self, length: int) -> None:
        items = self.stack[-length:]
        if len(items) < length:
            raise IndexError
        self.stack[-length:] = [tuple(items)]

    # Memo

    def remember(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def op_binput(self) -> None:
        self.memo[self.data[self.position]] = self.stack[-1]
        self.position += 1

    # Names, and what is made with them

    def op_global(self) -> None:
        module = self.take_line().decode("utf-8")
        self.push_global(module, self.take_line().decode("utf-8"))

    def op_stack_global(self) -> None:
        name = self.stack.pop()
        module = self.stack.pop()
        if type(module) is not str or type(name) is not str:
            raise TypeError
        self.push_global(module, name)

    def push_global(self, module: str, name: str) -> None:
        found = self.find.get((module, name))
        if found is None:
            raise UnsafeFile(f"{module}.{name}", self.start)
        self.stack.append(found)

    def op_reduce(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = build(self.stack[-1], arguments)

    def op_newobj_ex(self) -> None:
        self.stack.pop()
        self.op_reduce()

    def op_obj(self) -> None:
        named, *arguments = self.pop_mark()
        self.stack.append(build(named, tuple(arguments)))

    def op_inst(self) -> None:
        arguments = tuple(self.pop_mark())
        self.op_global()
        self.stack.append(build(self.stack.pop(), arguments))

    def op_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, Stateful):
            target.set_state(state)
        elif not isinstance(target, (dict, Placeholder)):  # state dicts have attributes too
            raise TypeError

    def op_binpersid(self) -> None:
        self.stack.append(self.persistent_load(self.stack.pop()))

    def op_extension(self) -> None:
        raise UnsafeFile("a registered extension", self.start)

    def op_unknown(self) -> None:
        raise ValueError


def pairs(items: list[Any]) -> dict[Any, Any]:
    """Make a dict of alternating keys and values; keys are text, numbers, None or stand-ins.

    Other keys could be made to collide, which costs quadratic time.
    """
    keys = items[::2]
    for key in keys:
        if type(key) not in _KEY_TYPES or (type(key) is int and abs(key) >= _BIG):
            raise TypeError
    return dict(zip(keys, items[1::2], strict=True))


_KEY_TYPES = (str, int, bool, type(None), Rebuilder)


def build(named: object, arguments: object) -> object:
    """Call the stand-in that a pickle named. Anything but a stand-in is refused."""
    if type(named) is not Rebuilder or type(arguments) is not tuple:
        raise TypeError
    return named.build(*arguments)


def _push(make: Callable[[], object]) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(make())


def _number(layout: struct.Struct) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(machine.take_number(layout))


def _text(layout: struct.Struct, encoding: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(
        machine.take_counted(layout).decode(encoding, "surrogatepass")
    )


def _bytes(layout: struct.Struct) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(machine.take_counted(layout))


def _put(layout: struct.Struct) -> Callable[[_Machine], None]:
    return lambda machine: machine.remember(machine.take_number(layout))


def _get(layout: struct.Struct) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(machine.memo[machine.take_number(layout)])


_BIG = 1 << 63
_BOOLEANS = {b"00": False, b"01": True}
_U8, _U16, _U32, _U64 = (struct.Struct(f"<{code}") for code in "BHIQ")
_I32 = struct.Struct("<i")
_F64_BIG_ENDIAN = struct.Struct(">d")

# What each opcode does. EXT1, EXT2 and EXT4 fetch objects past any lookup by name; PERSID is only
# written by picklers whose persistent ids are text, which torch's are not; the opcodes for
# out-of-band buffers need a channel that a file does not have.
_BY_NAME: dict[str, Callable[[_Machine], None]] = {
    "PROTO": _Machine.op_proto,
    "FRAME": _Machine.op_frame,
    "STOP": _Machine.op_stop,
    "MARK": _Machine.op_mark,
    "POP": _Machine.op_pop,
    "POP_MARK": _Machine.op_pop_mark,
    "DUP": _Machine.op_dup,
    "NONE": lambda machine: machine.stack.append(None),
    "NEWTRUE": lambda machine: machine.stack.append(True),
    "NEWFALSE": lambda machine: machine.stack.append(False),
    "INT": _Machine.op_int,
    "LONG": _Machine.op_long,
    "FLOAT": _Machine.op_float,
    "BININT": _number(_I32),
    "BININT1": _number(_U8),
    "BININT2": _number(_U16),
    "BINFLOAT": _number(_F64_BIG_ENDIAN),
    "LONG1": lambda machine: machine.push_long(machine.take_number(_U8)),
    "LONG4": lambda machine: machine.push_long(machine.take_number(_I32)),
    "STRING": _Machine.op_string,
    "UNICODE": _Machine.op_unicode,
    "BINSTRING": _text(_I32, "latin-1"),
    "SHORT_BINSTRING": _text(_U8, "latin-1"),
    "BINUNICODE": _Machine.op_binunicode,
    "SHORT_BINUNICODE": _text(_U8, "utf-8"),
    "BINUNICODE8": _text(_U64, "utf-8"),
    "BINBYTES": _bytes(_U32),
    "SHORT_BINBYTES": _bytes(_U8),
    "BINBYTES8": _bytes(_U64),
    "BYTEARRAY8": _bytes(_U64),
    "EMPTY_LIST": _push(list),
    "EMPTY_DICT": _push(dict),
    "EMPTY_TUPLE": _push(tuple),
    "EMPTY_SET": _push(list),  # a set is read as a list: nothing here needs its hashing
    "LIST": _Machine.op_list,
    "DICT": _Machine.op_dict,
    "TUPLE": _Machine.op_tuple,
    "TUPLE1": lambda machine: machine.op_tuple_of(1),
    "TUPLE2": lambda machine: machine.op_tuple_of(2),
    "TUPLE3": lambda machine: machine.op_tuple_of(3),
    "FROZENSET": _Machine.op_tuple,
    "APPEND": _Machine.op_append,
    "APPENDS": _Machine.op_appends,
    "ADDITEMS": _Machine.op_appends,
    "SETITEM": _Machine.op_setitem,
    "SETITEMS": _Machine.op_setitems,
    "PUT": lambda machine: machine.remember(int(machine.take_line())),
    "BINPUT": _Machine.op_binput,
    "LONG_BINPUT": _put(_U32),
    "MEMOIZE": lambda machine: machine.remember(len(machine.memo)),
    "GET": lambda machine: machine.stack.append(machine.memo[int(machine.take_line())]),
    "BINGET": _get(_U8),
    "LONG_BINGET": _get(_U32),
    "GLOBAL": _Machine.op_global,
    "STACK_GLOBAL": _Machine.op_stack_global,
    "REDUCE": _Machine.op_reduce,
    "NEWOBJ": _Machine.op_reduce,
    "NEWOBJ_EX": _Machine.op_newobj_ex,
    "OBJ": _Machine.op_obj,
    "INST": _Machine.op_inst,
    "BUILD": _Machine.op_build,
    "BINPERSID": _Machine.op_binpersid,
    "EXT1": _Machine.op_extension,
    "EXT2": _Machine.op_extension,
    "EXT4": _Machine.op_extension,
}

OPCODES = tuple(
    _BY_NAME.get(OPCODE_NAMES.get(code, ""), _Machine.op_unknown) for code in range(256)
)
