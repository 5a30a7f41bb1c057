"""Files written by torch.save before torch 1.6."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from lib_embeddings.errors import BrokenFile, LimitExceeded, NotAnEmbedding, UnsafeFile
from lib_embeddings.formats.containers import torch_legacy as torch_legacy_module
from lib_embeddings.limits import LIMITS
from tests.builders import (
    LEGACY_MAGIC,
    BadFile,
    Global,
    PersistentId,
    Raw,
    a1111,
    good_files,
    op,
    open_bytes,
    pickle_of,
    read,
    storage_id,
    tensor,
    text,
    torch_legacy,
    torch_members,
    torch_zip,
    vectors,
    zip_file,
)

GOOD = torch_legacy()
HOSTILE = Global("posix", "system")
_ID = r"its pickle is damaged at byte [\d,]+ \(BINPERSID\)"
_LIST = "damaged: its list of storages does not match its tensors; download it again"
_PLAIN = "this is a pickle that torch did not write, not an embedding"


def _with_id(value: object = None, **fields: Any) -> bytes:
    identity = storage_id(**{"count": 768, "rest": (None,), **fields})
    return torch_legacy(pickle_of(a1111(tensor(PersistentId(value) if value else identity))))


BAD_FILES = (
    BadFile("magic", torch_legacy(magic=LEGACY_MAGIC + 1), NotAnEmbedding, _PLAIN),
    BadFile("magic as text", torch_legacy(magic="torch"), NotAnEmbedding, _PLAIN),
    BadFile("plain pickle", pickle_of({"a": [1, 2]}), NotAnEmbedding, _PLAIN),
    BadFile(
        "protocol",
        torch_legacy(protocol=1002),
        BrokenFile,
        "unknown version of torch's format: expected 1001",
    ),
    BadFile(
        "hostile magic",
        torch_legacy(magic=HOSTILE),
        UnsafeFile,
        r"asks for posix\.system; nothing was run",
    ),
    BadFile(
        "hostile protocol", torch_legacy(protocol=HOSTILE), UnsafeFile, r"asks for posix\.system"
    ),
    BadFile("hostile system", torch_legacy(system=HOSTILE), UnsafeFile, r"asks for posix\.system"),
    BadFile(
        "hostile object", torch_legacy(pickle_of(HOSTILE)), UnsafeFile, r"asks for posix\.system"
    ),
    BadFile("hostile keys", torch_legacy(keys=HOSTILE), UnsafeFile, r"asks for posix\.system"),
    BadFile("hostile plain pickle", pickle_of(HOSTILE), UnsafeFile, r"asks for posix\.system"),
    BadFile("hostile old pickle", b"cos\nsystem\n(S'id'\ntR.", UnsafeFile, r"asks for os\.system"),
    BadFile(
        "hostile old pickle in a list",
        b"(]c__builtin__\neval\n.",
        UnsafeFile,
        r"asks for __builtin__\.eval",
    ),
    BadFile(
        "stream of STACK_GLOBAL",
        pickle_of(Raw(text("os") + text("system") + op("STACK_GLOBAL")), protocol=4),
        UnsafeFile,
        r"os\.system",
    ),
    BadFile("keys as a tuple", torch_legacy(keys=("0",)), BrokenFile, _LIST),
    BadFile("no keys", torch_legacy(keys=[]), BrokenFile, _LIST),
    BadFile("key twice", torch_legacy(keys=["0", "0"]), BrokenFile, _LIST),
    BadFile("key unknown", torch_legacy(keys=["1"]), BrokenFile, _LIST),
    BadFile("key as a number", torch_legacy(keys=[0]), BrokenFile, _LIST),
    BadFile("keys as a dict", torch_legacy(keys={"0": 1}), BrokenFile, _LIST),
    BadFile("id of four", _with_id(("storage", "FloatStorage", "0", "cpu")), BrokenFile, _ID),
    BadFile("module of one", _with_id(("module",)), BrokenFile, _ID),
    BadFile("module of a name", _with_id(("module", "posix.system")), BrokenFile, r"\(REDUCE\)"),
    BadFile(
        "module of a hostile name",
        _with_id(("module", HOSTILE, "", "")),
        UnsafeFile,
        r"asks for posix\.system",
    ),
    BadFile("view", _with_id(rest=(("0", 0, 5),)), BrokenFile, _ID),
    BadFile("negative count", _with_id(count=-1), BrokenFile, _ID),
    BadFile("count as text", _with_id(count="768"), BrokenFile, _ID),
    BadFile(
        "count of 2**62",
        _with_id(count=2**62),
        BrokenFile,
        "cut short: expected at least 18,446,744,073,709,5",
    ),
    BadFile(
        "count one too large",
        _with_id(count=769),
        BrokenFile,
        r"cut short: expected at least 3,472 bytes, found 3,468",
    ),
    BadFile(
        "count one too small",
        _with_id(count=767),
        BrokenFile,
        "needs 3,072 bytes of storage, found 3,068",
    ),
    BadFile(
        "count in the row",
        GOOD.replace(struct.pack("<q", 768), struct.pack("<q", 767)),
        BrokenFile,
        "damaged: its storage 0 should have 3,072 bytes, found 3,068; download it again",
    ),
    BadFile(
        "one storage of two sizes",
        torch_legacy(
            pickle_of(
                {
                    "<a>": tensor(storage_id(768, rest=(None,))),
                    "<b>": tensor(storage_id(767, rest=(None,)), (767,), (1,)),
                }
            )
        ),
        BrokenFile,
        "its storage 0 is described in two ways",
    ),
    BadFile(
        "opcode missing",
        GOOD[:100] + b"\xff" + GOOD[101:],
        BrokenFile,
        "its pickle is (damaged|cut short)",
    ),
)


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.id)
def test_refuses_a_file_that_is_wrong(bad: BadFile) -> None:
    """A file that is wrong in one way is refused with what was expected and found."""
    with pytest.raises(bad.error, match=bad.message):
        read(bad.data)


def test_reads_the_source_text_of_a_class_as_its_class() -> None:
    """A ParameterDict comes with its source text, which is read past."""
    data = good_files()["torch legacy ParameterDict"]
    assert read(data).vectors["clip_l"].tolist() == vectors().tolist()


def test_finds_storages_in_the_order_of_their_list() -> None:
    """The list of keys, not the order of their use, says where each storage lies."""
    rest = (None,)
    nodes = {
        name: tensor(storage_id(768, key=key, rest=rest))
        for name, key in (("<a>", "7"), ("<b>", "5"))
    }
    storages = {"5": vectors(2)[1], "7": vectors(2)[0]}
    found = read(torch_legacy(pickle_of(nodes), storages)).vectors["clip_l"]
    assert found.tolist() == vectors(2).tolist()


def test_numbers_are_little_endian_whatever_the_file_says() -> None:
    """Torch has turned the numbers when it wrote them, and does not ask when it reads."""
    data = torch_legacy(system={"little_endian": False})
    assert read(data).vectors["clip_l"].tolist() == vectors().tolist()


def test_a_hidden_archive_is_refused() -> None:
    """Programs that look for a zip archive at the end would read other vectors than torch."""
    message = "a zip archive is hidden at its end, which some programs would read instead"
    as_torch_writes = zip_file(torch_members(), zip64=True)
    for tail in (torch_zip(), zip_file(torch_members(), comment=b"x" * 500), as_torch_writes):
        with pytest.raises(BrokenFile, match=message):
            read(GOOD + tail)
    assert read(GOOD + b"PK\5\6" + bytes(18)).container == "torch-legacy"
    assert read(GOOD + b"PK\5\6" + b"\xff" * 18).container == "torch-legacy"


def test_a_file_that_is_a_tar_archive_too_is_refused() -> None:
    """Torch asks for a tar archive before it asks for a pickle."""
    assert not torch_legacy_module.accepts(as_tar(b"\x80\x02" + text("a" * 98)))


def as_tar(begin: bytes) -> bytes:
    """Return a header of 512 bytes with the checksum of a tar archive."""
    header = begin[:148].ljust(148, b"\0") + b" " * 8 + bytes(356)
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def test_notices_every_cut() -> None:
    """A file that ends early is broken, wherever it ends."""
    for length in range(2, len(GOOD)):
        with pytest.raises(BrokenFile):
            read(GOOD[:length])


def test_refuses_a_pickle_that_is_too_long() -> None:
    """A pickle that does not end within the bound is too large, not cut short."""
    long = pickle_of(Raw(text("a" * LIMITS.pickle_bytes)))
    with pytest.raises(LimitExceeded, match="bytes of pickle, expected at most 6,291,456"):
        read(torch_legacy(long))


@pytest.mark.parametrize(
    ("head", "is_pickle"),
    [
        (b"\x80\x02.", True),
        (b"\x80\x05.", True),
        (b"cos\nsystem\n", False),
        (b"((]}cos\nsystem\n", False),
        (b"\x80\x01.", False),
        (b"\x80\x06.", False),
        (b"content of a text\nfile\n", False),
        (b"(" * 200_000, False),
        (b"c" + b"o" * 200_000, False),
        (b"", False),
    ],
    ids=["2", "5", "0", "nested 0", "1", "6", "text", "marks", "name", "empty"],
)
def test_accepts_what_begins_a_pickle(head: bytes, is_pickle: bool) -> None:
    """A pickle is recognised by its first bytes, in linear time."""
    assert torch_legacy_module.accepts(head) is is_pickle


def test_keeps_the_storages_of_each_file() -> None:
    """Reading one file leaves nothing behind for the next."""
    contents = torch_legacy_module.read(open_bytes(GOOD))
    torch_legacy_module.read(open_bytes(torch_legacy(storages={"0": vectors() * 0})))
    assert isinstance(contents.tree, dict)
    stored = contents.tree["string_to_param"]["*"]
    assert stored.fetch().tolist() == vectors().tolist()
