"""Read damaged files for as long as you let it: whatever they hold, only an EmbeddingError comes.

    python -m tests.fuzz --inputs 1000000 --seed 1
    python -m tests.fuzz --seconds 60

Inputs are good files with a few bytes changed, pieces of two files joined, pickles changed by whole
opcodes and packed into a sound archive again, so that the checksum does not protect them, and files
whose structure is changed before they are put together (`tests/fuzz_structures.py`). Each input
follows from the seed and its number alone.

What an input costs is counted in a part of them: calls, and bytes that Python allots.
"""

from __future__ import annotations

import argparse
import contextlib
import pickletools
import resource
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count, islice
from pathlib import Path
from random import Random

from lib_embeddings.errors import EmbeddingError
from lib_embeddings.formats.assemble import make_embedding
from lib_embeddings.formats.containers import read_contents
from lib_embeddings.formats.embedding import named_tensors
from tests.builders import (
    OPCODES,
    Global,
    a1111_pickle,
    good_files,
    open_bytes,
    pickle_of,
    push,
    torch_legacy,
    torch_zip,
)
from tests.counting import cost_of
from tests.fuzz_structures import make_structure

DATA = Path(__file__).parent / "data" / "torch"
_LARGEST_SEED_BYTES = 16 * 1024
_COUNTED_ONE_IN = 200
MOST_CALLS = 5_000_000
MOST_BYTES = 64_000_000
_TENSORS_FETCHED = 4
_LONGEST_SENTENCE = 500

# Numbers at the edges of what fields hold.
_EDGES = (
    0,
    1,
    2,
    3,
    7,
    8,
    127,
    128,
    255,
    256,
    768,
    65535,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 1,
)
_GLOBALS = (
    ("posix", "system"),
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._tensor", "_rebuild_from_type_v2"),
    ("torch", "Tensor"),
    ("torch.nn.modules.container", "ParameterDict"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("torch._utils", "_rebuild_device_tensor_from_numpy"),
    ("builtins", "set"),
    ("_codecs", "encode"),
)

Mutation = Callable[[Random, bytes], bytes]


# Changing bytes


def flip_bits(random: Random, data: bytes) -> bytes:
    """Change a few single bits."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 8)):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def insert_bytes(random: Random, data: bytes) -> bytes:
    """Put random bytes somewhere."""
    position = random.randrange(len(data) + 1)
    return data[:position] + random.randbytes(random.randint(1, 16)) + data[position:]


def delete_bytes(random: Random, data: bytes) -> bytes:
    """Take a run of bytes away; often that is the end."""
    start = random.randrange(len(data))
    end = len(data) if random.random() < 0.3 else start + random.randint(1, 32)
    return data[:start] + data[end:]


def set_number(random: Random, data: bytes) -> bytes:
    """Overwrite a field with a number at the edge of its range."""
    code = random.choice("BHIQ")
    layout = struct.Struct(random.choice("<>") + code)
    position = random.randrange(max(1, len(data) - layout.size))
    number = random.choice(_EDGES) + random.choice((-1, 0, 1))
    packed = layout.pack(number % (1 << 8 * layout.size))
    return data[:position] + packed + data[position + layout.size :]


def repeat_piece(random: Random, data: bytes) -> bytes:
    """Write a piece twice."""
    start = random.randrange(len(data))
    end = start + random.randint(1, 64)
    return data[:end] + data[start:end] + data[end:]


def splice(random: Random, data: bytes) -> bytes:
    """Go on in the middle of another file."""
    other = random.choice(seeds())
    return data[: random.randrange(len(data))] + other[random.randrange(len(other)) :]


# Changing opcodes


def change_opcodes(random: Random, data: bytes) -> bytes:
    """Change the opcodes of a pickle, and pack it soundly; *data* is not used."""
    del data
    opcodes = list(random.choice(pickle_seeds()))
    for _ in range(random.randint(1, 4)):
        position = random.randrange(len(opcodes))
        match random.randrange(5):
            case 0:
                opcodes[position] = random_opcode(random)
            case 1:
                opcodes.insert(position, random_opcode(random))
            case 2:
                del opcodes[position : position + random.randint(1, 3)]
            case 3:
                opcodes.insert(position, random.choice(opcodes))
            case _:
                opcodes[position] = flip_bits(random, opcodes[position])
        opcodes = opcodes or [b"."]
    pickle = b"".join(opcodes)
    return torch_zip(pickle) if random.random() < 0.7 else torch_legacy(pickle)


def random_opcode(random: Random) -> bytes:
    """Return an opcode with an argument of the right form, most of the time."""
    if random.random() < 0.2:
        return push(Global(*random.choice(_GLOBALS)))
    name = random.choice(list(OPCODES))
    return OPCODES[name] + _random_argument(random, name)


def _random_argument(random: Random, name: str) -> bytes:
    if name in ("INT", "LONG", "PUT", "GET", "FLOAT"):
        return str(random.choice(_EDGES)).encode() + b"\n"
    if name in ("GLOBAL", "INST"):
        return "{}\n{}\n".format(*random.choice(_GLOBALS)).encode()
    widths = {"BININT": 4, "LONG_BINPUT": 4, "LONG_BINGET": 4, "BINUNICODE": 4, "FRAME": 8}
    width = widths.get(name, random.choice((0, 0, 1, 1, 2)))
    return (random.choice(_EDGES) % (1 << 8 * width)).to_bytes(width, "little")


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    insert_bytes,
    delete_bytes,
    set_number,
    repeat_piece,
    splice,
    change_opcodes,
    change_opcodes,
)


# What is changed


@lru_cache
def seeds() -> tuple[bytes, ...]:
    """Return the good files, made here and written by torch."""
    written = [path.read_bytes() for path in sorted(DATA.rglob("*")) if path.is_file()]
    small = [data for data in written if len(data) <= _LARGEST_SEED_BYTES]
    return (*good_files().values(), *small)


@lru_cache
def pickle_seeds() -> tuple[tuple[bytes, ...], ...]:
    """Return good pickles, each as its opcodes."""
    values = {"a": [1, 2.5, None, (True, "x")], "b": {"c": b"bytes"}}
    return tuple(
        map(split_opcodes, (a1111_pickle(), a1111_pickle(rest=(None,)), pickle_of(values)))
    )


def split_opcodes(pickle: bytes) -> tuple[bytes, ...]:
    """Cut a pickle between its opcodes."""
    starts = [start or 0 for _, _, start in pickletools.genops(pickle)]
    ends = [*starts[1:], len(pickle)]
    return tuple(pickle[start:end] for start, end in zip(starts, ends, strict=True))


def make_input(seed: int, number: int) -> bytes:
    """Return input *number* of a run."""
    random = Random(f"{seed}:{number}")
    if number % 2:
        return make_structure(random)
    data = random.choice(seeds())
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        data = random.choice(MUTATIONS)(random, data) or b"\0"
    return data


# Reading it


def read_all(data: bytes) -> None:
    """Read a file as a scan does, and a few tensors of whatever it holds."""
    contents = read_contents(open_bytes(data))
    for tensor in islice(named_tensors(contents).values(), _TENSORS_FETCHED):
        with contextlib.suppress(EmbeddingError):
            tensor.fetch()
    make_embedding("name", contents)


@dataclass
class Report:
    """What a run has seen; times in seconds, memory in KiB."""

    seed: int
    inputs: int = 0
    sound: int = 0
    seconds: float = 0.0
    slowest: tuple[float, int] = (0.0, 0)
    growth: tuple[int, int] = (0, 0)
    memory: tuple[int, int] = (0, 0)
    calls: tuple[int, int] = (0, 0)
    failures: dict[str, int] = field(default_factory=dict)

    def watch(self, number: int, folder: Path) -> None:
        """Read one input, and note what it took."""
        data = make_input(self.seed, number)
        before, start = _peak(), time.perf_counter()
        if number % _COUNTED_ONE_IN < 2:
            self._count(number, data, folder)
        else:
            self._read(number, data, folder)
            self.slowest = max(self.slowest, (time.perf_counter() - start, number))
        self.growth = max(self.growth, (_peak() - before, number))
        self.inputs += 1

    def _read(self, number: int, data: bytes, folder: Path) -> None:
        try:
            read_all(data)
            self.sound += 1
        except EmbeddingError as error:
            if not str(error).isprintable() or len(str(error)) > _LONGEST_SENTENCE:
                self._save(number, data, f"no sentence: {type(error).__name__}", folder)
        except Exception as error:  # noqa: BLE001 - this is what a run is for
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            self._save(number, data, f"{type(error).__name__} at {place}", folder)

    def _count(self, number: int, data: bytes, folder: Path) -> None:
        """Read one input, and count what it costs."""
        cost = cost_of(lambda: self._read(number, data, folder))
        self.memory = max(self.memory, (cost.peak_bytes // 1024, number))
        self.calls = max(self.calls, (cost.n_calls, number))
        if cost.n_calls > MOST_CALLS or cost.peak_bytes > MOST_BYTES:
            self._save(number, data, "costs too much", folder)

    def _save(self, number: int, data: bytes, kind: str, folder: Path) -> None:
        """Keep the first input of every kind of failure."""
        if kind not in self.failures:
            path = folder / f"{self.seed}-{number}.bin"
            path.write_bytes(data)
            print(f"FAILED {kind}\n  seed {self.seed}, input {number}, saved as {path}", flush=True)
        self.failures[kind] = self.failures.get(kind, 0) + 1

    def __str__(self) -> str:
        lines = [
            f"{self.inputs:,} inputs in {self.seconds:.0f} s, {self.inputs / self.seconds:,.0f}/s",
            f"still sound: {self.sound:,}",
            "slowest: {:.3f} s, input {}".format(*self.slowest),
            "largest growth of the process: {:,} KiB, input {}".format(*self.growth),
            f"largest peak in 2 of {_COUNTED_ONE_IN}: {{:,}} KiB, input {{}}".format(*self.memory),
            f"most calls in 2 of {_COUNTED_ONE_IN}: {{:,}}, input {{}}".format(*self.calls),
            *(f"FAILED {count:,} times: {kind}" for kind, count in self.failures.items()),
        ]
        return "\n".join(lines)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def numbers(inputs: int | None, seconds: float | None) -> Iterator[int]:
    """Count inputs until there are enough, or the time is up."""
    end = None if seconds is None else time.monotonic() + seconds
    for number in count() if inputs is None else range(inputs):
        if end is not None and time.monotonic() > end:
            return
        yield number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and return 1 if anything but an EmbeddingError came."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, help="stop after so many; default: never")
    parser.add_argument("--seconds", type=float, help="stop after so long; default: never")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    warnings.simplefilter("error")
    report = Report(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    start = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):
        for number in numbers(options.inputs, options.seconds):
            report.watch(number, folder)
    report.seconds = time.monotonic() - start
    print(report)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
