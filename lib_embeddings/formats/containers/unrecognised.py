"""Files that are no tensor container at all, recognised by their first bytes.

People save the web page instead of the file, clone a repository without its large files, or rename
an archive. Each gets the sentence that helps.
"""

from __future__ import annotations

import re

from lib_embeddings.errors import BrokenFile, EmbeddingError, NotAnEmbedding
from lib_embeddings.formats.containers.safetensors import wrong_length

_LFS_SIZE = re.compile(rb"^size (\d{1,15})$", re.MULTILINE)

_ARCHIVES = {
    b"Rar!\x1a\x07": "RAR",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_PICTURES = {
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"\x89PNG": "PNG",
    b"BM": "BMP",
}


def identify(head: bytes, size: int) -> EmbeddingError:
    """Return the error that says what a file of *size* bytes is, which no container accepts."""
    text = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return BrokenFile("this file is empty; download it again")
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return _lfs_pointer(head)
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        return BrokenFile(
            "this is a web page, not an embedding: download the file itself, with the download "
            "button"
        )
    if text.startswith((b"{", b"[")):
        return NotAnEmbedding("this is JSON text, not an embedding")
    for magic, kind in _ARCHIVES.items():
        if head.startswith(magic):
            return NotAnEmbedding(f"this is a {kind} archive, not an embedding: unpack it")
    for magic, kind in _PICTURES.items():
        if head.startswith(magic):
            return NotAnEmbedding(f"this is a {kind} picture with no embedding in it")
    if head[8:9] == b"{":
        return wrong_length(int.from_bytes(head[:8], "little"), size)
    return BrokenFile(f"not recognised: it begins with {_shown(head)}; download it again")


def _lfs_pointer(head: bytes) -> BrokenFile:
    size = _LFS_SIZE.search(head)
    real = f" of {int(size[1]):,} bytes" if size else ""
    return BrokenFile(
        f"this is a git-lfs pointer, not the file{real}: run git lfs pull, or download the file "
        "itself"
    )


def _shown(head: bytes) -> str:
    return repr(head[:12])[1:]
