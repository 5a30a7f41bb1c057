"""Files written by `torch.save` since torch 1.6: a zip archive around a pickle.

    <any name>/data.pkl       the pickle; tensors in it refer to storages by key
    <any name>/data/<key>     one storage, its numbers as they lie in memory
    <any name>/byteorder      `little` or `big`; since torch 2.1
    …                         version, .format_version, .storage_alignment, .data/serialization_id:
                              inert, differ from release to release, not looked at

Interpreted: archives of torch 1.6 to 2.13, stored or deflated.
Not interpreted: TorchScript programs, which are zip archives of the same kind around code.

Source: torch's `serialization.py` and `caffe2/serialize/inline_container.h`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from lib_embeddings.errors import (
    BrokenFile,
    EmbeddingError,
    NotAnEmbedding,
    PackedEmbedding,
    shown,
)
from lib_embeddings.formats.containers import zip_directory
from lib_embeddings.formats.containers.pickle_opcodes import load
from lib_embeddings.formats.containers.pickle_stack import PersistentLoad
from lib_embeddings.formats.containers.storage import Storage, StorageId, parse_id
from lib_embeddings.formats.containers.torch_globals import TORCH_GLOBALS
from lib_embeddings.formats.containers.zip_directory import ZipMember
from lib_embeddings.formats.embedding import Contents
from lib_embeddings.formats.file_bytes import FileBytes, cut_short
from lib_embeddings.limits import LIMITS, at_most
from lib_embeddings.names import WEIGHT_SUFFIXES

NAME = "torch-zip"

# Archives of other programs, by their first member's suffix or by the name of a member.
_OTHERS = {
    ".npy": "a numpy archive (.npz)",
    "model.weights.h5": "a Keras model",
    "[Content_Types].xml": "an Office document",
    "AndroidManifest.xml": "an Android program",
    "META-INF/MANIFEST.MF": "a Java program",
    "mimetype": "a document",
}


def accepts(head: bytes) -> bool:
    """Return whether the bytes begin a zip archive."""
    return head.startswith((zip_directory.MAGIC, zip_directory.EMPTY_MAGIC))


def read(file: FileBytes) -> Contents:
    """Read the archive's pickle; storages stay in the file until a tensor is fetched."""
    try:
        members = zip_directory.read_directory(file)
    except zip_directory.DirectoryMissing as error:
        raise _how_short(file, error) from error
    folder = _find_folder(members)
    _check_case(members, folder)
    pickle = zip_directory.read_member(
        file, members[f"{folder}data.pkl"], LIMITS.pickle_bytes, "bytes of pickle"
    )
    storages = _Storages(file, members, folder)
    root, end = load(bytes(pickle), TORCH_GLOBALS.get, _each_once(storages.open))
    if end != len(pickle):
        raise BrokenFile(
            f"its pickle ends too early: expected {len(pickle):,} bytes, found {end:,}"
        )
    return Contents(NAME, root)


def _how_short(file: FileBytes, error: BrokenFile) -> BrokenFile:
    """Return the error for a cut file; its pickle comes first, and knows how long it should be.

    Raises:
        UnsafeFile: the pickle asks for code.
    """
    sizes: dict[str, int] = {}

    def note(persistent_id: object) -> Storage:
        dtype, key, n_bytes = parse_id(persistent_id)
        sizes[key] = n_bytes
        return Storage(dtype, n_bytes, file.view)

    try:
        start = zip_directory.first_data_offset(file)
        _, end = load(file.read_up_to(start, LIMITS.pickle_bytes), TORCH_GLOBALS.get, note)
    except BrokenFile:
        return error
    expected = start + end + sum(sizes.values())
    return cut_short(expected, file.size) if expected > file.size else error


def _find_folder(members: Collection[str]) -> str:
    """Return the prefix of the archive's one data.pkl, with its slash."""
    folders = [name[: -len("data.pkl")] for name in members if name.split("/")[-1] == "data.pkl"]
    if len(folders) > 1:
        raise BrokenFile(f"its zip archive has {len(folders)} pickles: expected 1")
    if not folders:
        raise _other_archive(members)
    if f"{folders[0]}constants.pkl" in members:
        raise NotAnEmbedding("this is a TorchScript program, not an embedding")
    return folders[0]


def _other_archive(members: Collection[str]) -> EmbeddingError:
    """Return the error for an archive that torch did not write."""
    files = [name for name in members if not name.endswith("/")]
    if not files:
        return NotAnEmbedding("this is an empty zip archive, not an embedding")
    listed = shown(", ".join(files))
    for suffix, what in _OTHERS.items():
        if files[0].endswith(suffix) or any(name == suffix for name in files):
            return NotAnEmbedding(f"this is {what} ({listed}), not an embedding")
    if any(name.lower().endswith(WEIGHT_SUFFIXES) for name in files):
        return PackedEmbedding(f"this is a zip archive ({listed}): unpack it")
    return NotAnEmbedding(f"this is a zip archive ({listed}), not an embedding")


def _check_case(members: Collection[str], folder: str) -> None:
    """Refuse capitals in the names of a torch archive: torch itself does not tell case apart."""
    length, prefix = len(folder), folder.lower()
    rest = "\n".join(members).replace(folder, "")
    if rest == rest.lower() and prefix not in rest:
        return  # as in nearly all
    for name in members:
        lower = name.lower()
        if lower.startswith(prefix) and (
            name[length:] != lower[length:] or name[:length] != folder
        ):
            raise BrokenFile(
                f"its zip archive has a member named {shown(name)}, which programs read differently"
            )


def _each_once(open_storage: Callable[[StorageId], Storage]) -> PersistentLoad:
    """Return a function that finds the storage of a persistent id, and makes each only once.

    Found storages are not kept in `_Storages`, which would then keep itself alive.
    """
    found: dict[StorageId, Storage] = {}

    def find(persistent_id: object) -> Storage:
        identity = parse_id(persistent_id)
        if identity not in found:
            found[identity] = open_storage(identity)
        return found[identity]

    return find


class _Storages:
    """The archive's storages, found by the persistent ids in its pickle."""

    def __init__(self, file: FileBytes, members: dict[str, ZipMember], folder: str) -> None:
        self._file = file
        self._members = members
        self._folder = folder
        # Many tensors may be windows onto one storage, which may have to be unpacked.
        self._last: ZipMember | None = None
        self._last_data: bytes | memoryview = b""
        self._bytes_unpacked = 0
        self._byte_order = self._read_byte_order()

    def open(self, identity: StorageId) -> Storage:
        """Return the storage that a pickle describes."""
        name = f"{self._folder}data/{identity.key}"
        member = self._members.get(name)
        if member is None:
            raise BrokenFile(f"its zip archive has no {shown(name)}, which its pickle refers to")
        if member.size != identity.n_bytes:
            raise BrokenFile(
                f"its zip member {shown(name)} has the wrong size: expected "
                f"{identity.n_bytes:,} bytes, found {member.size:,}"
            )
        read = partial(self._read, member)
        return Storage(identity.dtype, identity.n_bytes, read, self._byte_order)

    def _read(self, member: ZipMember, offset: int, length: int) -> bytes | memoryview:
        if length < member.size and not member.is_packed:
            start = zip_directory.data_offset(self._file, member) + offset
            return self._file.view(start, length)
        if member != self._last:
            self._last_data = self._read_whole(member)
            self._last = member
        return self._last_data[offset : offset + length]

    def _read_whole(self, member: ZipMember) -> bytes | memoryview:
        if not member.is_packed:
            return zip_directory.read_member(
                self._file, member, LIMITS.tensor_bytes, "bytes of tensor data"
            )
        self._bytes_unpacked += member.size
        at_most(LIMITS.unpacked_bytes, self._bytes_unpacked, "bytes to unpack")
        return zip_directory.read_member(
            self._file, member, LIMITS.packed_bytes, "bytes of packed tensor data"
        )

    def _read_byte_order(self) -> str:
        member = self._members.get(f"{self._folder}byteorder")
        if member is None:
            return "<"
        text = bytes(
            zip_directory.read_member(
                self._file, member, LIMITS.byteorder_bytes, "bytes of byteorder"
            )
        )
        if text not in (b"little", b"big"):
            raise BrokenFile(f"its byteorder is {shown(repr(text)[1:])}: expected little or big")
        return ">" if text == b"big" else "<"
