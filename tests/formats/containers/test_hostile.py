"""All hostile files at once: what they are called, and that reading them does nothing else.

An audit hook cannot be removed, so the files are read in a process of their own: this module run as
a program.
"""

from __future__ import annotations

import codecs
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lib_embeddings.entries.entry import Found
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import read_file
from tests.builders import (
    BadFile,
    Member,
    good_files,
    pickle_of,
    read,
    torch_legacy,
    torch_members,
    torch_zip,
    zip_file,
)
from tests.formats.containers import (
    test_pickle_opcodes,
    test_picture_pixels,
    test_picture_text,
    test_safetensors,
    test_torch_globals,
    test_torch_legacy,
    test_torch_zip,
    test_unrecognised,
    test_zip_directory,
)

ROOT = Path(__file__).parents[3]

# Reading Python's own objects, and looking for a codec's name that is known already.
QUIET = {"object.__getattr__", "sys._getframe", "array.__new__", "builtins.id"}
_CODECS = (
    "unicode_escape",
    "raw_unicode_escape",
    "latin-1",
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-32-le",
    "utf-32-be",
)

PICKLES = [(bad.id, bad.data) for bad in test_pickle_opcodes.BAD_FILES]
BAD_FILES: tuple[BadFile, ...] = sum(
    (
        module.BAD_FILES
        for module in (
            test_unrecognised,
            test_picture_pixels,
            test_picture_text,
            test_safetensors,
            test_torch_globals,
            test_torch_legacy,
            test_torch_zip,
            test_zip_directory,
        )
    ),
    (),
)


def hostile_files() -> list[bytes]:
    """Return every hostile file of these tests, and every good one cut in a hundred places."""
    files = [bad.data for bad in BAD_FILES]
    files += [pack(data) for _, data in PICKLES for pack in (torch_zip, torch_legacy, bytes)]
    for data in good_files().values():
        files += [data[: len(data) * part // 100] for part in range(100)]
    return files


# Names asked for


@pytest.mark.parametrize("bad", test_pickle_opcodes.UNSAFE, ids=lambda bad: bad.id)
@pytest.mark.parametrize("pack", [torch_zip, torch_legacy], ids=["zip", "legacy"])
def test_is_unsafe_in_every_container(
    bad: BadFile, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """In every container the file is unsafe, and the reason names what the pickle asked for."""
    path = tmp_path / "name.pt"
    path.write_bytes(pack(bad.data))
    reading = read_file(Found(Place.of_file(path))).reading
    assert reading.state == "unsafe"
    assert re.search(bad.message, str(reading.reason))


class Evil:
    """Pickles as a call that makes a file."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        """Return the call."""
        return self.call


EVIL: dict[str, Callable[[Path], Evil]] = {
    "os.system": lambda marker: Evil(os.system, f"touch '{marker}'"),
    "eval": lambda marker: Evil(eval, f"open({str(marker)!r}, 'w').close()"),
    "exec": lambda marker: Evil(exec, f"open({str(marker)!r}, 'w').close()"),
    "open": lambda marker: Evil(open, str(marker), "w"),
    "subprocess": lambda marker: Evil(subprocess.check_call, ["touch", str(marker)]),
    "os.mkdir": lambda marker: Evil(os.mkdir, str(marker)),
}
PACKS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "zip": torch_zip,
    "deflated zip": lambda data: torch_zip(data, deflated=True),
    "legacy": torch_legacy,
    "second in a legacy file": lambda data: pickle_of(test_torch_legacy.LEGACY_MAGIC) + data,
    "second data.pkl": lambda data: zip_file([*torch_members(), Member("b/data.pkl", data)]),
    "after the pickle": lambda data: torch_zip(test_torch_zip.a1111_pickle() + data),
    "under an inert name": lambda data: zip_file(
        [*torch_members(), Member("archive/.data/x.pkl", data)]
    ),
    "as a storage": lambda data: torch_zip(storages={"0": data.ljust(3072, b"\0")}),
}


@pytest.mark.parametrize("pack", PACKS.values(), ids=list(PACKS))
@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("make", EVIL.values(), ids=list(EVIL))
def test_runs_nothing(
    make: Callable[[Path], Evil], protocol: int, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """A pickle that runs in Python's own reader does not run in ours, wherever it hides."""
    marker, path = tmp_path / "marker", tmp_path / "name.pt"
    path.write_bytes(pack(pickle.dumps(make(marker), protocol)))
    assert read_file(Found(Place.of_file(path))).reading.state in ("unsafe", "broken", "ok")
    assert not marker.exists()


@pytest.mark.parametrize("make", EVIL.values(), ids=list(EVIL))
def test_the_evil_would_run(make: Callable[[Path], Evil], tmp_path: Path) -> None:
    """The pickles of the test above are alive: Python's own reader makes the marker."""
    value = pickle.loads(pickle.dumps(make(tmp_path / "marker")))
    getattr(value, "close", lambda: None)()
    assert (tmp_path / "marker").exists()


# What reading does


@pytest.mark.parametrize("name", good_files())
def test_no_cut_is_ok(name: str, tmp_path: Path) -> None:
    """A good file cut anywhere before its end is not ok, but for a picture that has it all."""
    data = good_files()[name]
    whole = read(data)
    for length in range(0, len(data), 7):
        (tmp_path / "name.pt").write_bytes(data[:length])
        reading = read_file(Found(Place.of_file(tmp_path / "name.pt"))).reading
        if reading.state == "ok":
            assert whole.container in ("png-text", "picture-pixels")
            assert (
                read(data[:length]).vectors["clip_l"].tolist() == whole.vectors["clip_l"].tolist()
            )
        else:
            assert "unexpected error" not in str(reading.reason)


def test_does_nothing_but_read(tmp_path: Path) -> None:
    """Reading a hostile file imports, runs, starts, connects and opens nothing else."""
    for number, data in enumerate(good_files().values()):
        (tmp_path / f"good-{number}.pt").write_bytes(data)
    files = hostile_files()
    for number, data in enumerate(files):
        (tmp_path / f"hostile-{number}.pt").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout)
    assert report["read"] == len(files)
    assert report["events"] == []


def test_the_hook_hears(tmp_path: Path) -> None:
    """The same process tells of a file that is opened besides: here the partner of a good one."""
    (tmp_path / "good-0.pt").write_bytes(good_files()["safetensors"])
    (tmp_path / "hostile-0.pt").symlink_to(tmp_path / "good-0.pt")
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(tmp_path), "import"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ["import", "wave"] in [event[1:] for event in json.loads(done.stdout)["events"]]


def audit(folder: str, *extra: str) -> dict[str, object]:
    """Read the good files in a folder, then the hostile ones under a hook.

    Returns:
        `read`, how many hostile files; `events`, what happened besides: (file, event, argument).
    """
    for path in sorted(Path(folder).glob("good-*")):
        assert read_file(Found(Place.of_file(path))).reading.state == "ok"
    for codec in _CODECS:
        codecs.lookup(codec)
    paths = [str(path) for path in sorted(Path(folder).glob("hostile-*"))]
    events: list[tuple[str, str, str]] = []
    current: list[object] = [""]

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        is_own = event == "open" and arguments[0] == current[0]
        if current[0] and event not in QUIET and not is_own:
            events.append((str(current[0]), event, str(arguments[0] if arguments else "")[:200]))

    sys.addaudithook(hear)
    for path in paths:
        current[0] = path
        read_file(Found(Place.of_file(path)))
        if extra:
            __import__("wave")
    current[0] = ""
    return {"read": len(paths), "events": events}


if __name__ == "__main__":
    print(json.dumps(audit(*sys.argv[1:])))
