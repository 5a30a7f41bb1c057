"""The pickle interpreter that cannot run anything."""

from __future__ import annotations

import contextlib
import dataclasses
import pickle
import pickletools
import struct
import tracemalloc
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_embeddings.errors import BrokenFile, EmbeddingError, LimitExceeded, UnsafeFile
from lib_embeddings.formats.containers import pickle_stack
from lib_embeddings.formats.containers.pickle_opcodes import load
from lib_embeddings.formats.containers.pickle_stack import Rebuilder, Stateful
from lib_embeddings.formats.embedding import Placeholder
from lib_embeddings.limits import LIMITS
from tests.builders import BadFile, Global, PersistentId, Raw, counted, op, pickle_of, push, text


class State(Stateful):
    """Keeps what BUILD gives it."""

    def __init__(self) -> None:
        self.state: object = None

    def set_state(self, state: object) -> None:
        """Keep it."""
        self.state = state


FIND = {
    ("torch", "pair"): Rebuilder(lambda *items: ("pair", *items)),
    ("torch", "state"): Rebuilder(State),
    ("torch", "other"): Rebuilder(lambda *_: Placeholder("something else")),
    ("torch", "constant"): 5,
}
PAIR = push(Global("torch", "pair"))
LENGTH_2_62 = struct.pack("<Q", 2**62)


def run(program: bytes) -> Any:
    """Return the value of a pickle whose persistent ids stand for themselves."""
    value, end = load(program, FIND.get, lambda identity: ("persistent", identity))
    assert end == len(program)
    return value


def raw(*parts: bytes) -> bytes:
    """Return a pickle of these opcodes."""
    return pickle_of(Raw(b"".join(parts)))


def _unsafe(identity: str, wanted: str, *parts: bytes) -> BadFile:
    message = f"its pickle asks for {wanted}; nothing was run$"
    return BadFile(identity, raw(*parts), UnsafeFile, message)


SYSTEM = text("posix") + text("system")

UNSAFE = (
    _unsafe("posix.system", "posix.system", push(Global("posix", "system"))),
    _unsafe("nt.system", "nt.system", push(Global("nt", "system"))),
    _unsafe("eval", "builtins.eval", push(Global("builtins", "eval"))),
    _unsafe("old eval", "__builtin__.eval", push(Global("__builtin__", "eval"))),
    _unsafe("getattr", "builtins.getattr", push(Global("builtins", "getattr"))),
    _unsafe("import", "builtins.__import__", push(Global("builtins", "__import__"))),
    _unsafe(
        "collect_env", "torch.utils.collect_env.run", push(Global("torch.utils.collect_env", "run"))
    ),
    _unsafe(
        "nested",
        "torch.storage._load_from_bytes",
        push(Global("torch.storage", "_load_from_bytes")),
    ),
    _unsafe("torch.load", "torch.load", push(Global("torch", "load"))),
    _unsafe("pickle.loads", "_pickle.loads", push(Global("_pickle", "loads"))),
    _unsafe("subprocess", "subprocess.Popen", push(Global("subprocess", "Popen"))),
    _unsafe(
        "attribute of an allowed name",
        "collections.OrderedDict.__init__",
        push(Global("collections", "OrderedDict.__init__")),
    ),
    _unsafe(
        "module as a name",
        "torch._utils._rebuild_tensor_v2",
        push(Global("torch", "_utils._rebuild_tensor_v2")),
    ),
    _unsafe("allowed name with a space", "torch .Size", push(Global("torch ", "Size"))),
    _unsafe("STACK_GLOBAL", "posix.system", SYSTEM, op("STACK_GLOBAL")),
    _unsafe(
        "STACK_GLOBAL from the memo",
        "posix.system",
        SYSTEM,
        op("STACK_GLOBAL"),
        op("BINPUT", b"\0"),
    ),
    _unsafe(
        "STACK_GLOBAL of text opcodes",
        "posix.system",
        op("STRING", b"'posix'\n"),
        op("UNICODE", b"system\n"),
        op("STACK_GLOBAL"),
    ),
    _unsafe("INST", "posix.system", op("MARK"), text("id"), op("INST", b"posix\nsystem\n")),
    _unsafe(
        "OBJ", "posix.system", op("MARK"), push(Global("posix", "system")), text("id"), op("OBJ")
    ),
    _unsafe(
        "NEWOBJ_EX",
        "os.system",
        push(Global("os", "system")),
        op("EMPTY_TUPLE"),
        op("EMPTY_DICT"),
        op("NEWOBJ_EX"),
    ),
    _unsafe("EXT1", "a registered extension", op("EXT1", b"\x01")),
    _unsafe("EXT2", "a registered extension", op("EXT2", b"\x01\0")),
    _unsafe("EXT4", "a registered extension", op("EXT4", b"\x01\0\0\0")),
    _unsafe(
        "after values", "posix.system", push({"a": [1]}), op("POP"), push(Global("posix", "system"))
    ),
    _unsafe("line breaks", r"a\\x07\.b\\u2028", text("a\a"), text("b\u2028"), op("STACK_GLOBAL")),
    _unsafe("long name", "a{79}…", text("a" * 9000), text("b"), op("STACK_GLOBAL")),
    BadFile(
        "protocol 0",
        b"cposix\nsystem\np0\n(S'touch marker'\np1\ntp2\nRp3\n.",
        UnsafeFile,
        "its pickle asks for posix.system; nothing was run",
    ),
)


def _damaged(identity: str, name: str, *parts: bytes) -> BadFile:
    """Return a pickle that is damaged at its last opcode."""
    program = raw(*parts)
    message = rf"its pickle is damaged at byte {len(program) - 1 - len(parts[-1]):,} \({name}\)"
    return BadFile(identity, program, BrokenFile, message)


def _cut(identity: str, *parts: bytes) -> BadFile:
    return BadFile(identity, raw(*parts), BrokenFile, "its pickle is cut short$")


def _too_much(identity: str, what: str, *parts: bytes) -> BadFile:
    return BadFile(
        identity,
        raw(*parts),
        LimitExceeded,
        f"too large for an embedding: found [0-9,]+ {what}, expected at most ",
    )


EMPTY = op("EMPTY_DICT")
TUPLE = op("EMPTY_TUPLE")

DAMAGED = (
    BadFile("nothing", b"", BrokenFile, "its pickle is cut short"),
    BadFile("only STOP", b".", BrokenFile, r"its pickle is cut short"),
    BadFile("STOP on nothing", b"..", BrokenFile, r"its pickle is damaged at byte 0 \(STOP\)"),
    BadFile("protocol 6", b"\x80\x06N.", BrokenFile, r"its pickle is damaged at byte 0 \(PROTO\)"),
    BadFile("no opcode", b"\x80\x02\xff.", BrokenFile, r"its pickle is damaged at byte 2 \(0xff\)"),
    BadFile("zeros", bytes(100), BrokenFile, r"its pickle is damaged at byte 0 \(0x00\)"),
    _damaged("PERSID", "PERSID", op("PERSID", b"0\n")),
    _damaged("NEXT_BUFFER", "NEXT_BUFFER", op("NEXT_BUFFER")),
    _damaged("READONLY_BUFFER", "READONLY_BUFFER", op("NONE"), op("READONLY_BUFFER")),
    _damaged("REDUCE on data", "REDUCE", EMPTY, TUPLE, op("REDUCE")),
    _damaged("REDUCE on text", "REDUCE", text("posix.system"), TUPLE, op("REDUCE")),
    _damaged(
        "REDUCE on a constant", "REDUCE", push(Global("torch", "constant")), TUPLE, op("REDUCE")
    ),
    _damaged("REDUCE with a list", "REDUCE", PAIR, op("EMPTY_LIST"), op("REDUCE")),
    _damaged("REDUCE with text", "REDUCE", PAIR, text("id"), op("REDUCE")),
    _damaged("NEWOBJ on data", "NEWOBJ", EMPTY, TUPLE, op("NEWOBJ")),
    _damaged("NEWOBJ_EX on data", "NEWOBJ_EX", EMPTY, TUPLE, EMPTY, op("NEWOBJ_EX")),
    _damaged("OBJ on data", "OBJ", op("MARK"), EMPTY, op("OBJ")),
    _damaged("OBJ on nothing", "OBJ", op("MARK"), op("OBJ")),
    _damaged("BUILD on a list", "BUILD", op("EMPTY_LIST"), push({"a": 1}), op("BUILD")),
    _damaged("BUILD on text", "BUILD", text("a"), push({"__class__": 1}), op("BUILD")),
    _damaged("BUILD on a callable", "BUILD", PAIR, push({"build": 1}), op("BUILD")),
    _damaged("BUILD with two states", "BUILD", PAIR, push((None, {"build": 1})), op("BUILD")),
    _damaged("APPEND to a dict", "APPEND", EMPTY, op("NONE"), op("APPEND")),
    _damaged("APPENDS to a tuple", "APPENDS", TUPLE, op("MARK"), op("APPENDS")),
    _damaged("SETITEM on a list", "SETITEM", op("EMPTY_LIST"), op("NONE") * 2, op("SETITEM")),
    _damaged("SETITEMS of three", "SETITEMS", EMPTY, op("MARK"), op("NONE") * 3, op("SETITEMS")),
    _damaged("DICT of one", "DICT", op("MARK"), op("NONE"), op("DICT")),
    _damaged("list as a key", "SETITEM", EMPTY, op("EMPTY_LIST"), op("NONE"), op("SETITEM")),
    _damaged("tuple as a key", "SETITEM", EMPTY, TUPLE, op("NONE"), op("SETITEM")),
    _damaged("float as a key", "SETITEM", EMPTY, push(1.5), op("NONE"), op("SETITEM")),
    _damaged("bytes as a key", "SETITEM", EMPTY, push(b""), op("NONE"), op("SETITEM")),
    _damaged("large key", "SETITEM", EMPTY, push(2**64), op("NONE"), op("SETITEM")),
    _damaged("TUPLE2 of one", "TUPLE2", op("NONE"), op("TUPLE2")),
    _damaged("TUPLE without a mark", "TUPLE", op("TUPLE")),
    _damaged("POP on nothing", "POP", op("POP")),
    _damaged("POP_MARK without one", "POP_MARK", op("POP_MARK")),
    _damaged("DUP on nothing", "DUP", op("DUP")),
    _damaged("memo not set", "BINGET", op("BINGET", b"\x07")),
    _damaged("memo not set, far", "LONG_BINGET", op("LONG_BINGET", b"\xff" * 4)),
    _damaged("memo is no number", "GET", op("GET", b"x\n")),
    _damaged("PUT on nothing", "BINPUT", op("BINPUT", b"\0")),
    _damaged("INT is no number", "INT", op("INT", b"1e5\n")),
    _damaged("LONG is no number", "LONG", op("LONG", b"L\n")),
    _damaged("FLOAT is no number", "FLOAT", op("FLOAT", b"one\n")),
    _damaged("STRING without quotes", "STRING", op("STRING", b"abc\n")),
    _damaged("STRING half quoted", "STRING", op("STRING", b"'\n")),
    _damaged("text that is none", "BINUNICODE", counted("BINUNICODE", b"\xff")),
    _damaged("name that is no text", "GLOBAL", op("GLOBAL", b"\xff\n\xff\n")),
    _damaged(
        "STACK_GLOBAL of bytes", "STACK_GLOBAL", push(b"os"), push(b"system"), op("STACK_GLOBAL")
    ),
    _damaged("STACK_GLOBAL of a list", "STACK_GLOBAL", op("EMPTY_LIST") * 2, op("STACK_GLOBAL")),
    _cut("BINUNICODE of 2**32-1", counted("BINUNICODE", b"a", length=2**32 - 1)),
    _cut("BINBYTES8 of 2**62", op("BINBYTES8", LENGTH_2_62)),
    _cut("BINUNICODE8 of 2**62", op("BINUNICODE8", LENGTH_2_62)),
    _cut("BYTEARRAY8 of 2**62", op("BYTEARRAY8", LENGTH_2_62)),
    _cut("BINSTRING of -1", counted("BINSTRING", b"", "<i", -1)),
    _cut("FRAME of 2**62", op("FRAME", LENGTH_2_62), op("NONE")),
    _cut("FRAME one too long", op("FRAME", struct.pack("<Q", 3)), op("NONE")),
    _cut("half a number", op("BININT", b"1")),
    BadFile("line without end", raw(op("INT", b"123")), BrokenFile, "its pickle is cut short"),
    _too_much(
        "LONG4 of 2 MB", "bytes in a number of a pickle", counted("LONG4", bytes(2**21), "<i")
    ),
    _too_much(
        "LONG1 of 65 bytes", "bytes in a number of a pickle", counted("LONG1", bytes(65), "<B")
    ),
    _too_much("long decimal", "bytes in a line of a pickle", op("LONG", b"9" * 5000 + b"L\n")),
    _too_much("300,001 opcodes", "opcodes of pickle", op("NONE") * 300_000),
)

BAD_FILES = UNSAFE + DAMAGED


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.id)
def test_refuses(bad: BadFile) -> None:
    """Opcodes that no pickler of plain values writes are refused, with their place."""
    with pytest.raises(bad.error, match=bad.message) as caught:
        run(bad.data)
    assert type(caught.value) is bad.error
    assert "\n" not in str(caught.value)


def test_knows_what_is_asked_for_and_where() -> None:
    """The error keeps the whole name and the offset of the opcode."""
    with pytest.raises(UnsafeFile) as caught:
        run(raw(op("NONE"), push(Global("posix", "system"))))
    assert (caught.value.wanted, caught.value.offset) == ("posix.system", 3)


ACCEPTED: tuple[tuple[str, bytes, object], ...] = (
    ("memo by text", raw(text("a"), op("PUT", b"1\n"), op("POP"), op("GET", b"1\n")), "a"),
    (
        "MEMOIZE",
        raw(
            text("a"),
            op("MEMOIZE"),
            text("b"),
            op("MEMOIZE"),
            op("TUPLE2"),
            op("POP"),
            op("BINGET", b"\1"),
        ),
        "b",
    ),
    ("DUP", raw(op("NONE"), op("DUP"), op("TUPLE2")), (None, None)),
    ("POP of a mark", raw(op("NONE"), op("MARK"), op("POP")), None),
    ("POP_MARK", raw(op("NONE"), op("MARK"), op("NEWTRUE") * 3, op("POP_MARK")), None),
    ("booleans by text", raw(op("INT", b"01\n"), op("INT", b"00\n"), op("TUPLE2")), (True, False)),
    ("LONG", raw(op("LONG", b"-12L\n")), -12),
    ("STRING", raw(op("STRING", b"'ab'\n"), op("STRING", b'"c"\n'), op("TUPLE2")), ("ab", "c")),
    (
        "LIST and DICT",
        raw(op("MARK"), op("MARK"), text("a"), op("NONE"), op("DICT"), op("LIST")),
        [{"a": None}],
    ),
    ("FROZENSET", raw(op("MARK"), op("NONE"), op("FROZENSET")), (None,)),
    ("ADDITEMS", raw(op("EMPTY_SET"), op("MARK"), op("NONE"), op("ADDITEMS")), [None]),
    ("REDUCE", raw(PAIR, push((1, 2)), op("REDUCE")), ("pair", 1, 2)),
    ("NEWOBJ", raw(PAIR, push((1,)), op("NEWOBJ")), ("pair", 1)),
    ("NEWOBJ_EX", raw(PAIR, push((1,)), EMPTY, op("NEWOBJ_EX")), ("pair", 1)),
    ("OBJ", raw(op("MARK"), PAIR, push(1), op("OBJ")), ("pair", 1)),
    ("INST", raw(op("MARK"), push(1), op("INST", b"torch\npair\n")), ("pair", 1)),
    (
        "STACK_GLOBAL",
        raw(text("torch"), text("pair"), op("STACK_GLOBAL"), TUPLE, op("REDUCE")),
        ("pair",),
    ),
    ("BINPERSID", pickle_of(PersistentId(("a", 1))), ("persistent", ("a", 1))),
    ("BUILD on a dict", raw(push({"a": 1}), push({"b": 2}), op("BUILD")), {"a": 1}),
    (
        "placeholder",
        raw(
            push(Global("torch", "other")),
            TUPLE,
            op("REDUCE"),
            push({"a": 1}),
            op("BUILD"),
            op("NONE"),
            op("APPEND"),
        ),
        Placeholder("something else"),
    ),
)


@pytest.mark.parametrize(
    ("program", "expected"), [row[1:] for row in ACCEPTED], ids=[r[0] for r in ACCEPTED]
)
def test_builds(program: bytes, expected: object) -> None:
    """Opcodes that build plain values mean what pickletools says."""
    assert run(program) == expected


def test_gives_a_state_to_what_takes_one() -> None:
    """BUILD hands its state to a stand-in as data, and sets no attribute by itself."""
    built = run(
        raw(
            push(Global("torch", "state")), TUPLE, op("REDUCE"), push({"set_state": 1}), op("BUILD")
        )
    )
    assert built.state == {"set_state": 1}
    assert callable(built.set_state)


# Protocol 0 escapes a character by up to ten, in a line of at most 1,024.
TEXT = st.text(max_size=80)

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**500), 2**500)
    | st.floats(allow_nan=False)
    | TEXT
    | st.binary(max_size=150),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(
            TEXT | st.integers(-(2**63) + 1, 2**63 - 1) | st.booleans() | st.none(), inner
        )
    ),
)


@given(PLAIN, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_reads_what_python_writes(value: object, protocol: int) -> None:
    """Any plain value pickled by any protocol comes back as it was."""
    find = {
        ("_codecs", "encode"): Rebuilder(lambda text, _: text.encode("latin-1")),
        ("__builtin__", "bytes"): Rebuilder(bytes),
    }
    written = pickle.dumps(value, protocol)
    read, end = load(written, find.get, lambda _: None)
    assert (read, end) == (value, len(written))


@given(PLAIN)
def test_reads_what_the_assembler_writes(value: object) -> None:
    """Python's own unpickler agrees with the assembler of these tests."""
    program = pickle_of(value)
    assert run(program) == pickle.loads(program) == value


@given(
    st.binary(max_size=64)
    | st.lists(st.sampled_from(pickletools.opcodes)).map(
        lambda opcodes: (
            b"".join(o.code.encode("latin-1") + b"\0" * bool(o.arg) for o in opcodes) + b"."
        )
    )
)
def test_survives_any_bytes(data: bytes) -> None:
    """No sequence of bytes and no sequence of opcodes raises anything but an EmbeddingError."""
    with contextlib.suppress(EmbeddingError):
        load(data, FIND.get, lambda identity: identity)


def test_notices_every_cut() -> None:
    """A pickle that ends early is broken, wherever it ends."""
    program = pickle.dumps({"a": [1, 2.5, "text", None, (True, b"bytes")]}, 4)
    for length in range(len(program)):
        with pytest.raises(BrokenFile, match="its pickle is"):
            run(program[:length])


@pytest.mark.parametrize("put", [op("LONG_BINPUT", b"\xff" * 4), op("PUT", b"9" * 1000 + b"\n")])
def test_reserves_nothing_for_a_huge_memo_index(put: bytes) -> None:
    """A memo index of any size costs nothing, whether it is taken or refused."""
    tracemalloc.start()
    with contextlib.suppress(BrokenFile):
        run(raw(op("NONE"), put))
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


def test_survives_deep_nesting() -> None:
    """A hundred thousand lists in each other are read and forgotten without recursion."""
    value = run(raw(op("EMPTY_LIST") * 100_000, op("APPEND") * 99_999))
    for _ in range(99_999):
        (value,) = value
    assert value == []


def test_reads_a_list_that_holds_itself() -> None:
    """A cycle is what the pickle describes; whoever walks it has the bound."""
    value = run(raw(op("EMPTY_LIST"), op("BINPUT", b"\0"), op("BINGET", b"\0"), op("APPEND")))
    assert value[0] is value


def test_shares_what_the_memo_shares() -> None:
    """A tree of 2**40 leaves that is one list a level costs one list a level."""
    level = op("BINPUT", b"\0") + op("BINGET", b"\0") + op("TUPLE2")
    tracemalloc.start()
    value = run(raw(op("NONE"), level * 40))
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()
    assert value[0] is value[1]


@pytest.mark.parametrize("opcode", ["EMPTY_DICT", "EMPTY_LIST", "MARK", "BINFLOAT"])
def test_bounds_memory_by_counting_opcodes(opcode: str) -> None:
    """As many objects as the opcodes allow take no more than 50 MB."""
    argument = struct.pack(">d", 1.5) if opcode == "BINFLOAT" else b""
    program = raw(op(opcode, argument) * (LIMITS.pickle_opcodes + 1))
    tracemalloc.start()
    with pytest.raises(LimitExceeded, match="300,001 opcodes of pickle, expected at most 300,000"):
        run(program)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def colliding_numbers(bits: int = 17, chain: int = 50_000, more: int = 37_000) -> list[int]:
    """Return whole numbers that a dict of 2**bits slots stores in quadratic time.

    The first lie one after another on the path that CPython probes; the others enter it early.
    """
    mask = (1 << bits) - 1
    path = np.zeros(chain, np.int64)
    for index in range(1, chain):
        path[index] = (5 * path[index - 1] + 1) & mask
    place = np.full(mask + 1, -1)
    place[path] = np.arange(chain)
    numbers = np.arange(mask + 1, 200 << bits)
    slot, rest = numbers & mask, numbers.copy()
    while rest.any():
        on_path = place[slot] >= 0
        numbers, slot, rest = numbers[on_path], slot[on_path], rest[on_path] >> 5
        slot = (5 * slot + rest + 1) & mask
    early = np.argsort(np.where(place[slot] >= 0, place[slot], chain))
    return [*path.tolist(), *islice(numbers[early].tolist(), more)]


def _memo_indexes() -> bytes:
    puts = (op("LONG_BINPUT", struct.pack("<I", number)) for number in colliding_numbers())
    return raw(op("NONE"), *puts)


def _keys() -> bytes:
    items = (op("BININT", struct.pack("<i", number)) + op("NONE") for number in colliding_numbers())
    return raw(op("EMPTY_DICT"), op("MARK"), *items, op("SETITEMS"))


def test_refuses_memo_indexes_that_could_collide() -> None:
    """Picklers count their memo; chosen numbers would stall the dict that it is."""
    with pytest.raises(BrokenFile, match=r"its pickle is damaged at byte [\d,]+ \(LONG_BINPUT\)"):
        run(_memo_indexes())


def test_refuses_more_numbers_as_keys_than_can_do_harm() -> None:
    """Keys may be numbers that collide in a dict, so that they are counted."""
    with pytest.raises(
        LimitExceeded, match="87,000 numbers as keys in a pickle, expected at most 16,384"
    ):
        run(_keys())


# Bounds on what stand-ins are given


def _call(*arguments: object) -> bytes:
    return raw(PAIR, push(arguments), op("REDUCE"))


def test_stand_ins_take_so_many_arguments_and_no_more() -> None:
    """A call at the bound is made; one argument more is no call of torch's."""
    most = LIMITS.pickle_arguments
    assert run(_call(*range(most))) == ("pair", *range(most))
    with pytest.raises(BrokenFile, match=r"its pickle is damaged at byte \d+ \(REDUCE\)"):
        run(_call(*range(most + 1)))


LARGE = b"a" * (LIMITS.pickle_copied // 2)
COPIES = {
    "text": _call("a" * len(LARGE), "a" * len(LARGE)),
    "bytes": _call(LARGE, LARGE),
    "one value, twice": raw(PAIR, push(LARGE), op("DUP"), op("TUPLE2"), op("REDUCE")),
    "two calls": raw(
        *(PAIR, push((LARGE,)), op("BINPUT", b"\0"), op("REDUCE"), op("POP")),
        *(PAIR, op("BINGET", b"\0"), op("REDUCE")),
    ),
    "states": raw(
        push(Global("torch", "state")),
        *(TUPLE, op("REDUCE"), push({"a": LARGE, "b": LARGE}), op("BUILD")),
    ),
}


@pytest.mark.parametrize("program", COPIES.values(), ids=list(COPIES))
def test_stand_ins_copy_so_much_and_no_more(
    program: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All calls together may copy as much as the bound, and not one byte more."""
    run(program)
    bound = dataclasses.replace(LIMITS, pickle_copied=LIMITS.pickle_copied - 1)
    monkeypatch.setattr(pickle_stack, "LIMITS", bound)
    with pytest.raises(
        LimitExceeded,
        match=rf"bytes of copies in a pickle, expected at most {2 * len(LARGE) - 1:,}",
    ):
        run(program)


@pytest.mark.parametrize(
    "items", [[None] * 2, (None,) * 2, {"a": 1, "b": 2}], ids=["list", "tuple", "dict"]
)
def test_copies_of_collections_count(items: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection counts as much as its items take once they are copied."""
    bound = dataclasses.replace(LIMITS, pickle_copied=199)
    monkeypatch.setattr(pickle_stack, "LIMITS", bound)
    with pytest.raises(
        LimitExceeded, match="200 bytes of copies in a pickle, expected at most 199"
    ):
        run(_call(items))
