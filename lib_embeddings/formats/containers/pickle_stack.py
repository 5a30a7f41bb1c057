"""The stack machine that runs pickles: one method for each operation.

All that a pickle may name is our own: a `Rebuilder` stands for a function or class of another
program, and builds plain values; a `Stateful` value takes the state that a pickle finishes it with.

The methods raise whatever Python raises on nonsense (a pop from an empty stack, a missing memo);
`pickle_opcodes.load` turns that into one sentence.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from lib_embeddings.errors import UnsafeFile
from lib_embeddings.formats.embedding import Placeholder
from lib_embeddings.limits import LIMITS, at_most

# Returns what stands for (module, name), None for what a pickle may not name.
Find = Callable[[tuple[str, str]], object | None]
PersistentLoad = Callable[[object], object]

_BIG = 1 << 63
_COPYABLE = (list, tuple, dict, str, bytes)
_TEXTS = (str, bytes)
# What an item of a collection takes once it is copied: a place in a list, or two in a dict.
_BYTES_AN_ITEM = 100


class Rebuilder:
    """A stand-in for a callable that pickles name: our function, which builds plain values."""

    __slots__ = ("build",)

    def __init__(self, build: Callable[..., object]) -> None:
        self.build = build

    def __repr__(self) -> str:
        return "a class"


class Stateful(ABC):
    """A value that a pickle completes with BUILD; the state is data like any other."""

    __slots__ = ()

    @abstractmethod
    def set_state(self, state: object) -> None:
        """Take what is worth keeping of *state*."""


_KEY_TYPES = (str, int, bool, type(None), Rebuilder)


class PickleEnd(Exception):
    """The pickle has ended."""


class Machine:
    """The stack, the memo, and one method for each opcode."""

    __slots__ = (
        *("copied", "data", "find", "marks", "memo", "number_keys"),
        *("persistent_load", "position", "stack", "start"),
    )

    def __init__(
        self, data: bytes, find: Find, persistent_load: PersistentLoad, start: int
    ) -> None:
        self.data = data
        self.find = find
        self.persistent_load = persistent_load
        self.position = start
        self.start = start
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
                LIMITS.pickle_line_bytes,
                len(self.data) - self.position,
                "bytes in a line of a pickle",
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

    # The program

    def op_stop(self) -> None:
        raise PickleEnd

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

    # Collections

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
        """Make a dict; numbers as keys are counted, because they can be made to collide."""
        self.number_keys += sum(type(key) is int for key in items[::2])
        at_most(LIMITS.pickle_number_keys, self.number_keys, "numbers as keys in a pickle")
        return pairs(items)

    # Memo

    def remember(self, index: int) -> None:
        # Picklers count; other numbers can be made to collide.
        if not 0 <= index <= len(self.memo) + 1:
            raise ValueError
        self.memo[index] = self.stack[-1]

    # Names, and calls of them

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
        found = self.find((module, name))
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
        if type(named) is not Rebuilder:
            raise TypeError
        return named.build(*arguments)

    def count_copies(self, values: Iterable[object]) -> None:
        """Add the bytes that copies of *values* take to what has been copied so far."""
        self.copied += sum(
            len(value) * (1 if type(value) in _TEXTS else _BYTES_AN_ITEM)
            for value in values
            if isinstance(value, _COPYABLE)
        )
        at_most(LIMITS.pickle_copied, self.copied, "bytes of copies in a pickle")

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
