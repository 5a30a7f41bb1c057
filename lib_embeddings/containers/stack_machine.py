"""The stack machine that pickles are programs for: one method for each operation.

The methods raise whatever Python raises on nonsense (a pop from an empty stack, a missing memo);
`pickle_machine.load` turns that into one sentence.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from sys import getsizeof
from typing import Any

from lib_embeddings.containers.pickle_values import (
    Globals,
    PersistentLoad,
    Rebuilder,
    Stateful,
    build,
)
from lib_embeddings.embedding import Placeholder
from lib_embeddings.errors import UnsafeFile
from lib_embeddings.limits import LIMITS, at_most

U8, U16, U32, U64 = (struct.Struct(f"<{code}") for code in "BHIQ")
I32 = struct.Struct("<i")
F64_BIG_ENDIAN = struct.Struct(">d")

_BIG = 1 << 63
_COPYABLE = (list, tuple, dict, str, bytes)
_BOOLEANS = {b"00": False, b"01": True}
_KEY_TYPES = (str, int, bool, type(None), Rebuilder)


class Stop(Exception):
    """The pickle has ended."""


class Machine:
    """The stack, the memo, and one method for each opcode."""

    __slots__ = (
        *("copied", "data", "find", "marks", "memo", "number_keys"),
        *("persistent_load", "position", "stack", "start"),
    )

    def __init__(self, data: bytes, find: Globals, persistent_load: PersistentLoad) -> None:
        self.data = data
        self.find = find
        self.persistent_load = persistent_load
        self.position = 0
        self.start = 0
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.copied = 0
        self.number_keys = 0
        self.memo: dict[int, Any] = {}

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
            self.position = len(self.data)
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
        if self.take_number(U64) > len(self.data) - self.position:
            self.position = len(self.data)
            raise IndexError

    def op_stop(self) -> None:
        raise Stop

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
        (length,) = U32.unpack_from(self.data, self.position)
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
            target.update(self.pairs(items))
        elif type(target) is not Placeholder:
            raise TypeError

    def op_dict(self) -> None:
        items = self.pop_mark()
        self.stack.append(self.pairs(items))

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

    def pairs(self, items: list[Any]) -> dict[Any, Any]:
        """Make a dict; numbers as keys are counted, for they can be made to collide."""
        self.number_keys += sum(type(key) is int for key in items[::2])
        at_most(LIMITS.pickle_number_keys, self.number_keys, "numbers as keys")
        return pairs(items)

    # Memo

    def remember(self, index: int) -> None:
        # Picklers count; other numbers can be made to collide.
        if not 0 <= index <= len(self.memo) + 1:
            raise ValueError
        self.memo[index] = self.stack[-1]

    def op_binput(self) -> None:
        self.remember(self.data[self.position])
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
        self.stack[-1] = self.call(self.stack[-1], arguments)

    def call(self, named: object, arguments: object) -> object:
        """Call a stand-in. What it may copy is counted: one large value can be passed often."""
        if type(arguments) is not tuple or len(arguments) > LIMITS.pickle_arguments:
            raise TypeError
        self.count_copies(arguments)
        return build(named, arguments)

    def count_copies(self, values: Iterable[object]) -> None:
        """Add the sizes of *values* to what has been copied so far."""
        self.copied += sum(getsizeof(v) for v in values if isinstance(v, _COPYABLE))
        at_most(LIMITS.pickle_copied_bytes, self.copied, "copies in a pickle, in bytes")

    def op_newobj_ex(self) -> None:
        self.stack.pop()
        self.op_reduce()

    def op_obj(self) -> None:
        named, *arguments = self.pop_mark()
        self.stack.append(self.call(named, tuple(arguments)))

    def op_inst(self) -> None:
        arguments = tuple(self.pop_mark())
        self.op_global()
        self.stack.append(self.call(self.stack.pop(), arguments))

    def op_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, Stateful):
            self.count_copies(state.values() if isinstance(state, dict) else ())
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
