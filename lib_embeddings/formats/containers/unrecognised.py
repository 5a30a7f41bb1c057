"""Files that are no tensor container at all, recognised by their first bytes.

People save the web page instead of the file, clone a repository without its large files, rename an
archive, or keep another program's file. Each gets the sentence that helps.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping

from lib_embeddings.errors import BrokenFile, EmbeddingError, NotAnEmbedding, shown
from lib_embeddings.formats.containers.safetensors import wrong_length
from lib_embeddings.limits import LIMITS

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LFS_SIZE = re.compile(rb"^size (\d{1,15})$", re.MULTILINE)
_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--", b"<body", b"<error")
_JSON = re.compile(rb'\{\s*["}]|\[\s*(?:[\]\["\d-]|\{\s*["}]|true|false|null|\Z)')
# A site's own words where a file should be: short text, or JSON with an error in it.
_REFUSAL = re.compile(
    rb'"?(?:access to model .{1,99} is restricted|cannot access gated|not ?found'
    rb"|(?:entry|file|repository|revision) not found|(?:error )?40[0-9]\b|error code: ?\d"
    rb"|invalid (?:username|credentials|token|api key)|unauthorized|forbidden|access denied"
    rb"|the creator .{1,99} requires you to be logged in"
    rb"|(?:you )?must be (?:logged in|authenticated)|please log ?in|rate limit|nosuchkey"
    rb"|too many requests|bad gateway"
    rb"|internal server error|service unavailable|gateway time-?out|moved permanently)",
    re.IGNORECASE,
)
# Where sites say in JSON what is wrong, in this order; some begin them with a capital.
_ERRORS = ("error", "errors", "message", "detail")

_LINK = "a link to a web page, not an embedding: download the file itself"
_PROPERTIES = "an Apple property list, not an embedding"
_SOUND = "a sound, not an embedding"
# What to say of a text that begins so.
_TEXTS: tuple[tuple[bytes, str], ...] = (
    (b"[InternetShortcut]", _LINK),
    (b"[{000214A0-", _LINK),
    (b"[Desktop Entry]", "a shortcut, not the file it points to: copy the file itself"),
    (b"{\\rtf", "a document (RTF), not an embedding"),
    (b"%PDF", "a PDF document, not an embedding"),
    (b"%!PS", "a PostScript document, not an embedding"),
    (b"d8:announce", "a torrent, not the file it leads to: download the file itself"),
    (b"#!", "a script, not an embedding: do not start it"),
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
    (0, b"book\0\0\0\0mark", "a macOS alias, not the file it points to: copy the file itself"),
    (0, b"\0\5\x16\7", "what macOS keeps beside a file, not the file itself"),
    (8, b"\xd1\1\2SURL", _LINK),
    (0, b"bplist00", _PROPERTIES),
    (8, b"WAVE", _SOUND),
    (8, b"AIFF", _SOUND),
    (8, b"AIFC", _SOUND),
    (0, b"MThd", "music as notes (MIDI), not an embedding"),
    (0, b"ID3", _SOUND),
    *((0, b"\xff" + kind, _SOUND) for kind in (b"\xfb", b"\xfa", b"\xf3", b"\xf2")),  # MP3
    *((0, b"\xff" + kind, _SOUND) for kind in (b"\xf1", b"\xf9")),  # AAC
    (0, b"OggS", _SOUND),
    (0, b"fLaC", _SOUND),
    (8, b"AVI ", "a video, not an embedding"),
    (4, b"ftyp", "a video or sound, not an embedding"),
    (0, b"\x1a\x45\xdf\xa3", "a video, not an embedding"),
    (0, b"\xd0\xcf\x11\xe0", "an Office document, not an embedding"),
    (0, b"SQLite format 3\0", "a database, not an embedding"),
    (0, b"MZ", "a Windows program, not an embedding: do not start it"),
    (0, b"\x7fELF", "a program, not an embedding: do not start it"),
)
_MINDSPORE = re.compile(rb"\x0a[\x80-\xff]{0,9}[\0-\x7f]\x0a[\x01-\x7f][^\0-\x1f]+\x12")
# What no text has in it.
_CONTROLS = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_ONNX = re.compile(rb"\x08[\x01-\x14](?:\x12.[\w.\- ]+|:)", re.DOTALL)


def identify(head: bytes, size: int) -> EmbeddingError:
    """Return the error that says what a file of *size* bytes is, which no container accepts."""
    if not head:
        return BrokenFile("this file is empty; download it again")
    if not any(head):
        return BrokenFile("this file begins with nothing but zeros; download it again")
    return (
        _as_text(head, size)
        or _as_header(head, size)
        or _as_signature(head)
        or _as_plain_text(head)
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
    if b"<plist" in text and text.startswith(b"<?xml"):
        return NotAnEmbedding(f"this is {_LINK if b'<key>URL<' in text else _PROPERTIES}")
    if text.lower().startswith(_PAGES):
        return BrokenFile(
            "this is a web page, not an embedding: download the file itself, with the download "
            "button"
        )
    for beginning, what in _TEXTS:
        if text.startswith(beginning):
            return NotAnEmbedding(f"this is {what}")
    if _JSON.match(text):
        return _json(text, size)
    if size <= LIMITS.answer_bytes and _REFUSAL.match(text):
        return _refusal(text.decode("utf-8", "replace").strip('"'))
    return None


def _json(text: bytes, size: int) -> EmbeddingError:
    """Say what JSON is: an error that a site answered with, or something else."""
    try:
        answer = json.loads(text) if size <= LIMITS.answer_bytes else None
    except (ValueError, RecursionError):
        answer = None
    words = _errors_in(answer) if isinstance(answer, dict) else []
    if words:
        return _refusal(": ".join(words))
    return NotAnEmbedding("this is JSON text, not an embedding")


def _errors_in(answer: Mapping[str, object]) -> list[str]:
    """Return what an answer in JSON says is wrong, each sentence once."""
    fields = {key.lower(): value for key, value in answer.items()}
    status = fields.get("status")
    names = (*_ERRORS, "title") if type(status) is int and status >= 400 else _ERRORS
    words: list[str] = []
    for value in filter(None, map(fields.get, names)):
        first = value[0] if isinstance(value, list) else value
        if isinstance(first, dict):
            words += _errors_in(first)
        elif isinstance(first, str):
            words.append(first)
    return list(dict.fromkeys(filter(None, words)))


def _as_plain_text(head: bytes) -> EmbeddingError | None:
    """Recognise text by what no text has in it; its last character may be cut off."""
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None
    if _CONTROLS.search(text):
        return None
    beginning = shown(" ".join(text[: LIMITS.answer_bytes].split()), 40)
    return NotAnEmbedding(f'this is text, not an embedding: it begins with "{beginning}"')


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
