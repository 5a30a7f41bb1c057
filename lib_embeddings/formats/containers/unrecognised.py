"""Files that are no tensor container at all, recognised by their first bytes.

People save the web page instead of the file, clone a repository without its large files, rename an
archive, or keep another program's file. Each gets the sentence that helps.
"""

from __future__ import annotations

import json
import re

from lib_embeddings.errors import BrokenFile, EmbeddingError, NotAnEmbedding, shown
from lib_embeddings.formats.containers.safetensors import wrong_length
from lib_embeddings.limits import LIMITS

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LFS_SIZE = re.compile(rb"^size (\d{1,15})$", re.MULTILINE)
_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--", b"<body", b"<error")
# A site's own words where a file should be: short text, or JSON with an error in it.
_REFUSAL = re.compile(
    rb"access to model .{1,99} is restricted|entry not found|repository not found|not ?found"
    rb"|revision not found|(?:error )?40[0-9]\b|invalid (?:username|credentials|token|api key)"
    rb"|unauthorized|forbidden|access denied|(?:you )?must be (?:logged in|authenticated)"
    rb"|please log ?in|rate limit|too many requests|file not found|nosuchkey|bad gateway"
    rb"|internal server error|service unavailable|gateway time-?out|moved permanently",
    re.IGNORECASE,
)

# What to say of a file that begins so, at some byte.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"Rar!\x1a\x07", "a RAR archive, not an embedding: unpack it"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive, not an embedding: unpack it"),
    (0, b"\x1f\x8b", "a gzip archive, not an embedding: unpack it"),
    (0, b"BZh", "a bzip2 archive, not an embedding: unpack it"),
    (0, b"\xfd7zXZ\0", "an xz archive, not an embedding: unpack it"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive, not an embedding: unpack it"),
    (257, b"ustar", "a tar archive, not an embedding: unpack it"),
    (0, b"\xff\xd8\xff", "a JPEG picture with no embedding in it"),
    (0, b"GIF8", "a GIF picture with no embedding in it"),
    (8, b"WEBP", "a WebP picture with no embedding in it"),
    (0, b"\x89PNG", "a PNG picture with no embedding in it"),
    (4, b"ftypavi", "an AVIF picture with no embedding in it"),
    (4, b"ftyphei", "a HEIC picture with no embedding in it"),
    (0, b"\xff\x0a", "a JPEG XL picture in which no embedding was found"),
    (4, b"JXL ", "a JPEG XL picture in which no embedding was found"),
    (0, b"BM", "a BMP picture with no embedding in it"),
    (0, b"II*\0", "a TIFF picture with no embedding in it"),
    (0, b"MM\0*", "a TIFF picture with no embedding in it"),
    (0, b"8BPS", "a Photoshop picture with no embedding in it"),
    (0, b"\x93NUMPY", "a numpy array (.npy), not an embedding"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes it, not an embedding"),
    (0, b"GGUF", "a GGUF model, not an embedding; it belongs with the models of its program"),
    (0, b"lmgg", "a GGML model, not an embedding; it belongs with the models of its program"),
    (0, b"tjgg", "a GGML model, not an embedding; it belongs with the models of its program"),
    (4, b"TFL3", "a TensorFlow Lite model, not an embedding"),
    (0, b"ftrt", "a TensorRT engine, not an embedding"),
    (0, b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut, not the file it points to: copy the file"),
    (0, b"book\0\0\0\0mark\0\0\0\0", "a macOS alias, not the file it points to: copy the file"),
    (0, b"[Desktop Entry]", "a shortcut, not the file it points to: copy the file itself"),
    (0, b"bplist00", "an Apple property list, not an embedding"),
    *(
        (position, mark, "a sound, not an embedding")
        for position, marks in (
            (0, (b"ID3", b"OggS", b"fLaC", b"MThd", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
            (0, (b"\xff\xf1", b"\xff\xf9")),
            (8, (b"WAVE", b"AIFF", b"AIFC")),
        )
        for mark in marks
    ),
    (8, b"AVI ", "a video, not an embedding"),
    (4, b"ftyp", "a video or sound, not an embedding"),
    (0, b"\x1a\x45\xdf\xa3", "a video, not an embedding"),
    (0, b"%PDF", "a PDF document, not an embedding"),
    (0, b"{\\rtf", "a text document, not an embedding"),
    (0, b"\xd0\xcf\x11\xe0", "an Office document, not an embedding"),
    (0, b"SQLite format 3\0", "a database, not an embedding"),
    (0, b"MZ", "a Windows program, not an embedding: do not start it"),
    (0, b"\x7fELF", "a program, not an embedding: do not start it"),
    (0, b"#!", "a script, not an embedding: do not start it"),
)
_MINDSPORE = re.compile(rb"\x0a[\x80-\xff]{0,9}[\0-\x7f]\x0a[\x01-\x7f][\w.\-/:<>]+\x12", re.ASCII)
# The statuses of HTTP from here on are errors.
_LEAST_ERROR = 400
_ONNX = re.compile(rb"\x08[\x01-\x14](?:\x12.[\w.\- ]+|:)", re.DOTALL)


def identify(head: bytes, size: int) -> EmbeddingError:
    """Return the error that says what a file of *size* bytes is, which no container accepts."""
    if not head:
        return BrokenFile("this file is empty; download it again")
    if not any(head):
        return BrokenFile("this file begins with nothing but zeros; download it again")
    return (
        _as_text(head, size)
        or _as_signature(head)
        or _as_header(head, size)
        or BrokenFile(f"not recognised: it begins with {repr(head[:12])[1:]}; download it again")
    )


def is_tar(head: bytes) -> bool:
    """Return whether the bytes begin a tar archive: by its checksum, for old ones have no mark."""
    field = head[148:156].strip(b"\0 ")
    if len(head) < 512 or not re.fullmatch(rb"[0-7]{1,7}", field):
        return False
    return sum(head[:148]) + 8 * ord(" ") + sum(head[156:512]) == int(field, 8)


def _as_text(head: bytes, size: int) -> EmbeddingError | None:
    text = head[: LIMITS.answer_bytes].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(_LFS_POINTER):
        return _lfs_pointer(head)
    if b"[InternetShortcut]" in text or (b"<plist" in text and b"<key>URL</key>" in text):
        return NotAnEmbedding(
            "this is a link to a web page, not an embedding: download the file itself"
        )
    if b"<plist" in text:
        return NotAnEmbedding("this is an Apple property list, not an embedding")
    if text.lower().startswith(_PAGES):
        return BrokenFile(
            "this is a web page, not an embedding: download the file itself, with the download "
            "button"
        )
    if text.startswith((b"{", b"[")) and not text.startswith((b"{\\rtf", b"[Desktop")):
        return _json(head, size)
    if size <= LIMITS.answer_bytes and _REFUSAL.match(text):
        return _refusal(text.decode("utf-8", "replace"))
    return None


def _json(head: bytes, size: int) -> EmbeddingError:
    """Say what JSON is: an error that a site answered with, or something else."""
    try:
        answer = json.loads(head) if size <= LIMITS.refusal_bytes else None
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        values = {key.lower(): value for key, value in answer.items()}
        status = values.get("status")
        keys = ["error", "errors", "message", "detail"]
        if isinstance(status, int) and status >= _LEAST_ERROR:
            keys.append("title")
        said = dict.fromkeys(_words_of(values.get(key)) for key in keys)
        said.pop("", None)
        if said:
            return _refusal(": ".join(said))
    return NotAnEmbedding("this is JSON text, not an embedding")


def _words_of(value: object) -> str:
    """Return the text that an answer has somewhere: alone, first in a list, or as a message."""
    if isinstance(value, list):
        value = next(iter(value), None)
    if isinstance(value, dict):
        value = value.get("message")
    return value if isinstance(value, str) else ""


def _refusal(words: str) -> BrokenFile:
    said = shown(" ".join(words.split()))
    return BrokenFile(
        f'this is not the file, but what the site answered: "{said}"; log in there if it asks for '
        "that, and download it again"
    )


def _lfs_pointer(head: bytes) -> BrokenFile:
    size = _LFS_SIZE.search(head)
    real = f" of {int(size[1]):,} bytes" if size else ""
    return BrokenFile(
        f"this is a git-lfs pointer, not the file{real}: run git lfs pull, or download the file "
        "itself"
    )


def _as_signature(head: bytes) -> EmbeddingError | None:
    for position, signature, what in _SIGNATURES:
        if head.startswith(signature, position):
            return NotAnEmbedding(f"this is {what}")
    if is_tar(head):
        return NotAnEmbedding("this is a tar archive, not an embedding: unpack it")
    if _MINDSPORE.match(head):
        return NotAnEmbedding("this is a MindSpore checkpoint, which no WebUI can read")
    if _ONNX.match(head):
        return NotAnEmbedding("this is an ONNX model, not an embedding")
    return None


def _as_header(head: bytes, size: int) -> EmbeddingError | None:
    """Recognise a safetensors file whose length is damaged."""
    if head[8:10] in (b'{"', b"{}"):
        return wrong_length(int.from_bytes(head[:8], "little"), size)
    return None
