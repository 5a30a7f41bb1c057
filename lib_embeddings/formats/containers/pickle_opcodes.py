"""A pickle interpreter that cannot run anything.

A pickle is a program for a stack machine. This machine knows the opcodes that build plain values;
where a pickle names a Python object (GLOBAL, STACK_GLOBAL, INST) the name is looked up in a closed
table (`torch_globals.py`), whose values are our own: nothing is imported, and no attribute is
followed. A name outside the table ends the reading with `UnsafeFile`.

Bounds hold by construction: the memo is a dict, so a huge index costs nothing; a length is checked
against the bytes that are left before anything is taken; opcodes are counted, so memory is too.

Source: the opcode descriptions in Python's `pickletools` module, protocols 0 to 5.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable

from lib_embeddings.errors import BrokenFile, LimitExceeded
from lib_embeddings.formats.containers.pickle_stack import (
    Find,
    Machine,
    PersistentLoad,
    PickleEnd,
)
from lib_embeddings.limits import LIMITS, at_most

U8, U16, U32, U64 = (struct.Struct(f"<{code}") for code in "BHIQ")
I32 = struct.Struct("<i")
F64_BIG_ENDIAN = struct.Struct(">d")

_BOOLEANS = {b"00": False, b"01": True}
_NAMES = {ord(opcode.code): opcode.name for opcode in pickletools.opcodes}

# What Python raises when a pickle asks the machine for something that no pickler writes.
_NONSENSE = (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError)


def load(
    data: bytes, find: Find, persistent_load: PersistentLoad, start: int = 0
) -> tuple[object, int]:
    """Return the value a pickle describes, and where in *data* it ends.

    Args:
        data: holds the pickle; what follows it is left alone.
        find: returns what stands for a name that the pickle uses, None for one it may not use.
        persistent_load: turns a persistent id (a storage's description) into a value.
        start: where the pickle begins.

    Raises:
        UnsafeFile: it asks for a name outside *find*.
        BrokenFile: it is cut short, or does what no pickler writes.
    """
    machine = Machine(data, find, persistent_load, start)
    try:
        return _run(machine)
    except struct.error as error:  # a number that is cut short
        raise _cut_short() from error
    except _NONSENSE as error:
        if machine.position >= len(data):
            raise _cut_short() from error
        code = data[machine.start]
        raise BrokenFile(
            f"its pickle is damaged at byte {machine.start:,} ({_NAMES.get(code, f'0x{code:02x}')})"
        ) from error


def _run(machine: Machine) -> tuple[object, int]:
    data, opcodes = machine.data, OPCODES
    try:
        for _ in range(LIMITS.pickle_opcodes):
            start = machine.start = machine.position
            machine.position = start + 1
            opcodes[data[start]](machine)
    except PickleEnd:
        return machine.stack.pop(), machine.position
    raise LimitExceeded("opcodes of pickle", LIMITS.pickle_opcodes, LIMITS.pickle_opcodes + 1)


def _cut_short() -> BrokenFile:
    return BrokenFile("its pickle is cut short")


def _push(make: Callable[[], object]) -> Callable[[Machine], None]:
    return lambda machine: machine.stack.append(make())


def _number(layout: struct.Struct) -> Callable[[Machine], None]:
    return lambda machine: machine.stack.append(machine.take_number(layout))


def _text(layout: struct.Struct, encoding: str) -> Callable[[Machine], None]:
    return lambda machine: machine.stack.append(
        machine.take_counted(layout).decode(encoding, "surrogatepass")
    )


def _bytes(layout: struct.Struct) -> Callable[[Machine], None]:
    return lambda machine: machine.stack.append(machine.take_counted(layout))


def _put(layout: struct.Struct) -> Callable[[Machine], None]:
    return lambda machine: machine.remember(machine.take_number(layout))


def _get(layout: struct.Struct) -> Callable[[Machine], None]:
    return lambda machine: machine.stack.append(machine.memo[machine.take_number(layout)])


def _proto(machine: Machine) -> None:
    if machine.take(1)[0] > 5:
        raise ValueError


def _frame(machine: Machine) -> None:
    if machine.take_number(U64) > len(machine.data) - machine.position:
        machine.position = len(machine.data)
        raise IndexError


def _int(machine: Machine) -> None:
    line = machine.take_line()
    machine.stack.append(_BOOLEANS[line] if line in _BOOLEANS else int(line))


def _long(layout: struct.Struct) -> Callable[[Machine], None]:
    def push(machine: Machine) -> None:
        length = machine.take_number(layout)
        at_most(LIMITS.pickle_number_bytes, length, "bytes in a number of a pickle")
        machine.stack.append(int.from_bytes(machine.take(length), "little", signed=True))

    return push


def _string(machine: Machine) -> None:
    line = machine.take_line()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise ValueError
    machine.stack.append(line[1:-1].decode("latin-1"))


def _binunicode(machine: Machine) -> None:
    """Do what `_text` does, without a call in between: checkpoints have little else."""
    (length,) = U32.unpack_from(machine.data, machine.position)
    machine.position += 4
    machine.stack.append(machine.take(length).decode("utf-8", "surrogatepass"))


def _binput(machine: Machine) -> None:
    machine.remember(machine.data[machine.position])
    machine.position += 1


# What each opcode does. EXT1, EXT2 and EXT4 fetch objects past any lookup by name; PERSID is only
# written by picklers whose persistent ids are text, which torch's are not; the opcodes for
# out-of-band buffers need a channel that a file does not have.
_BY_NAME: dict[str, Callable[[Machine], None]] = {
    "PROTO": _proto,
    "FRAME": _frame,
    "STOP": Machine.op_stop,
    "MARK": Machine.op_mark,
    "POP": Machine.op_pop,
    "POP_MARK": Machine.op_pop_mark,
    "DUP": Machine.op_dup,
    "NONE": lambda machine: machine.stack.append(None),
    "NEWTRUE": lambda machine: machine.stack.append(True),
    "NEWFALSE": lambda machine: machine.stack.append(False),
    "INT": _int,
    "LONG": lambda machine: machine.stack.append(int(machine.take_line().removesuffix(b"L"))),
    "FLOAT": lambda machine: machine.stack.append(float(machine.take_line())),
    "BININT": _number(I32),
    "BININT1": _number(U8),
    "BININT2": _number(U16),
    "BINFLOAT": _number(F64_BIG_ENDIAN),
    "LONG1": _long(U8),
    "LONG4": _long(I32),
    "STRING": _string,
    "UNICODE": lambda machine: machine.stack.append(
        machine.take_line().decode("raw-unicode-escape")
    ),
    "BINSTRING": _text(I32, "latin-1"),
    "SHORT_BINSTRING": _text(U8, "latin-1"),
    "BINUNICODE": _binunicode,
    "SHORT_BINUNICODE": _text(U8, "utf-8"),
    "BINUNICODE8": _text(U64, "utf-8"),
    "BINBYTES": _bytes(U32),
    "SHORT_BINBYTES": _bytes(U8),
    "BINBYTES8": _bytes(U64),
    "BYTEARRAY8": _bytes(U64),
    "EMPTY_LIST": _push(list),
    "EMPTY_DICT": _push(dict),
    "EMPTY_TUPLE": _push(tuple),
    "EMPTY_SET": _push(list),  # a set is read as a list: nothing here needs its hashing
    "LIST": Machine.op_list,
    "DICT": Machine.op_dict,
    "TUPLE": Machine.op_tuple,
    "TUPLE1": lambda machine: machine.op_tuple_of(1),
    "TUPLE2": lambda machine: machine.op_tuple_of(2),
    "TUPLE3": lambda machine: machine.op_tuple_of(3),
    "FROZENSET": Machine.op_tuple,
    "APPEND": Machine.op_append,
    "APPENDS": Machine.op_appends,
    "ADDITEMS": Machine.op_appends,
    "SETITEM": Machine.op_setitem,
    "SETITEMS": Machine.op_setitems,
    "PUT": lambda machine: machine.remember(int(machine.take_line())),
    "BINPUT": _binput,
    "LONG_BINPUT": _put(U32),
    "MEMOIZE": lambda machine: machine.remember(len(machine.memo)),
    "GET": lambda machine: machine.stack.append(machine.memo[int(machine.take_line())]),
    "BINGET": _get(U8),
    "LONG_BINGET": _get(U32),
    "GLOBAL": Machine.op_global,
    "STACK_GLOBAL": Machine.op_stack_global,
    "REDUCE": Machine.op_reduce,
    "NEWOBJ": Machine.op_reduce,
    "NEWOBJ_EX": Machine.op_newobj_ex,
    "OBJ": Machine.op_obj,
    "INST": Machine.op_inst,
    "BUILD": Machine.op_build,
    "BINPERSID": Machine.op_binpersid,
    "EXT1": Machine.op_extension,
    "EXT2": Machine.op_extension,
    "EXT4": Machine.op_extension,
}

OPCODES = tuple(_BY_NAME.get(_NAMES.get(code, ""), Machine.op_unknown) for code in range(256))
