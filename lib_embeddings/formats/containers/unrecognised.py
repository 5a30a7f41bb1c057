"""Files that are not tensor containers at all, recognised by their first bytes.

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
# A site's message in place of a file: short text, or JSON with an error in it.
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
# The keys under which sites say in JSON what is wrong, in this order; some capitalise them.
_ERRORS = ("error", "errors", "message", "detail")

_LINK = "a link to a web page, not an embedding: download the file itself"
_TORRENT = "a torrent, not the file it leads to: download the file itself"
_PROPERTIES = "an Apple property list, not an embedding"
_SOUND = "a sound, not an embedding"
_VIDEO = "a video, not an embedding"
_ARCHIVE = "archive, not an embedding: unpack it"
_PICTURE = "picture with no embedding in it"
_GGML = "model, not an embedding; it belongs with the models of its program"
_PROGRAM = "program, not an embedding: do not start it"
_FONT = "a font, not an embedding"
_TABLE = "table of data, not an embedding"

# What to say of a text that begins like this.
_TEXTS: tuple[tuple[bytes, str], ...] = (
    (b"[InternetShortcut]", _LINK),
    (b"[{000214A0-", _LINK),
    (b"[Desktop Entry]", "a shortcut, not the file it points to: copy the file itself"),
    (b"{\\rtf", "a document (RTF), not an embedding"),
    (b"%PDF", "a PDF document, not an embedding"),
    (b"%!PS", "a PostScript document, not an embedding"),
    (b"d8:announce", _TORRENT),
    (b"magnet:?", _TORRENT),
    (b"<svg", f"an SVG {_PICTURE}"),
    (b"#?RADIANCE", f"a Radiance {_PICTURE}"),
    (b"#!AMR", _SOUND),
    (b"#!", "a script, not an embedding: do not start it"),
)
# What to say of a text that has this near its beginning.
_PATTERNS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern), what)
    for pattern, what in (
        (rb"https?://\S+\s*\Z", _LINK),
        (rb"<\?xml[^<]*(?:<![^<]*)*<svg", f"an SVG {_PICTURE}"),
        (rb"<\?xml[^<]*<net ", "the plan of an OpenVINO model, not an embedding"),
        (
            rb'\{[^\0]{,4096}?"(?:last_node_id|class_type)"\s*:',
            "a workflow of ComfyUI, not an embedding",
        ),
    )
)

# What to say of a file that has these bytes at an offset.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"Rar!\x1a\x07", f"a RAR {_ARCHIVE}"),
    (0, b"7z\xbc\xaf\x27\x1c", f"a 7-Zip {_ARCHIVE}"),
    (0, b"\x1f\x8b", f"a gzip {_ARCHIVE}"),
    (0, b"BZh", f"a bzip2 {_ARCHIVE}"),
    (0, b"\xfd7zXZ\0", f"an xz {_ARCHIVE}"),
    (0, b"\x5d\0\0\x80\0", f"an lzma {_ARCHIVE}"),
    (0, b"LZIP", f"an lzip {_ARCHIVE}"),
    (0, b"\x28\xb5\x2f\xfd", f"a zstd {_ARCHIVE}"),
    (0, b"\x04\x22\x4d\x18", f"an lz4 {_ARCHIVE}"),
    (0, b"\x02\x21\x4c\x18", f"an lz4 {_ARCHIVE}"),
    (1, b"\x2a\x4d\x18", f"a zstd or lz4 {_ARCHIVE}"),
    (0, b"\x1f\x9d", f"a compress {_ARCHIVE}"),
    (0, b"MSCF\0\0\0\0", f"a cabinet {_ARCHIVE}"),
    (0, b"!<arch>\n", f"an ar {_ARCHIVE}"),
    (257, b"ustar", f"a tar {_ARCHIVE}"),
    (0, b"\xff\xd8\xff", f"a JPEG {_PICTURE}"),
    (0, b"GIF8", f"a GIF {_PICTURE}"),
    (8, b"WEBP", f"a WebP {_PICTURE}"),
    (0, b"\x89PNG", f"a PNG {_PICTURE}"),
    (4, b"ftypavi", f"an AVIF {_PICTURE}"),
    (4, b"ftyphei", f"a HEIC {_PICTURE}"),
    (4, b"jP  \r\n", f"a JPEG 2000 {_PICTURE}"),
    (0, b"\xff\x0a", "a JPEG XL picture in which no embedding was found"),
    (4, b"JXL ", "a JPEG XL picture in which no embedding was found"),
    (0, b"BM", f"a BMP {_PICTURE}"),
    (0, b"II*\0", f"a TIFF {_PICTURE}"),
    (0, b"MM\0*", f"a TIFF {_PICTURE}"),
    (0, b"8BPS", f"a Photoshop {_PICTURE}"),
    (0, b"gimp xcf", f"a GIMP {_PICTURE}"),
    (0, b"v/1\1", f"an OpenEXR {_PICTURE}"),
    (0, b"DDS ", f"a DDS {_PICTURE}"),
    (0, b"qoif", f"a QOI {_PICTURE}"),
    (0, b"\0\0\1\0\1\0", "an icon, not an embedding"),
    (0, b"BLENDER", "a scene of Blender, not an embedding"),
    (0, b"glTF", "a 3D model (glTF), not an embedding"),
    (0, b"\x93NUMPY", "a numpy array (.npy), not an embedding"),
    (0, b"MATLAB 5.0", "data of MATLAB, not an embedding"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes it, not an embedding"),
    (0, b"GGUF", f"a GGUF {_GGML}"),
    (0, b"lmgg", f"a GGML {_GGML}"),
    (0, b"tjgg", f"a GGML {_GGML}"),
    (4, b"TFL3", "a TensorFlow Lite model, not an embedding"),
    (0, b"ftrt", "a TensorRT engine, not an embedding"),
    (0, b"PAR1", f"a Parquet {_TABLE}"),
    (0, b"PARE", f"a Parquet {_TABLE}"),
    (0, b"ARROW1", f"an Arrow {_TABLE}"),
    (0, b"FEA1", f"a Feather {_TABLE}"),
    (8, b"\x10\0\0\0\0\0\n\0\x0c\0\6\0\5\0\x08\0", f"an Arrow {_TABLE}"),
    (0, b"Obj\1", f"an Avro {_TABLE}"),
    (0, b"ORC", f"an ORC {_TABLE}"),
    (0, b"SQLite format 3\0", "a database, not an embedding"),
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
    (8, b"AVI ", _VIDEO),
    (4, b"ftyp", "a video or sound, not an embedding"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a video or sound, not an embedding"),  # WMV
    (0, b"\x1a\x45\xdf\xa3", _VIDEO),
    (0, b"FLV\1", _VIDEO),
    (0, b"\0\0\1\xba", _VIDEO),
    (0, b"\0\0\1\xb3", _VIDEO),
    (0, b"OTTO", _FONT),
    (0, b"wOFF", _FONT),
    (0, b"wOF2", _FONT),
    (0, b"\xd0\xcf\x11\xe0", "an Office document or an installer, not an embedding"),
    (0, b"MZ", f"a Windows {_PROGRAM}"),
    (0, b"\x7fELF", f"a {_PROGRAM}"),
    (0, b"\0asm", f"a {_PROGRAM}"),
    (0, b"\xcf\xfa\xed\xfe", f"a macOS {_PROGRAM}"),
    (0, b"\xca\xfe\xba\xbe", f"a macOS or Java {_PROGRAM}"),
    (0, b"Salted__", "encrypted, so nobody can tell what is in it: decrypt it"),
)
_MINDSPORE = re.compile(rb"\x0a[\x80-\xff]{0,9}[\0-\x7f]\x0a[\x01-\x7f][^\0-\x1f]+\x12")
# Characters that no text contains.
_CONTROLS = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_ONNX = re.compile(rb"\x08[\x01-\x14](?:\x12.[\w.\- ]+|\x12\0[\x1a\x22:]|:)", re.DOTALL)
_COREML = re.compile(rb"\x08[\x01-\x14]\x12[\x80-\xff]{0,4}[\0-\x7f]\x0a")


def identify(head: bytes, size: int) -> EmbeddingError:
    """Return the error for a file of *size* bytes that no container accepts."""
    if not head:
        return BrokenFile("this file is empty; download it again")
    if not any(head):
        return BrokenFile("this file begins with nothing but zeros; download it again")
    return (
        _as_text(head, size)
        or _as_header(head, size)
        or _as_plain_text(head)  # some signatures are the beginning of a word
        or _as_signature(head)
        or BrokenFile(
            f"not recognised: it begins with {repr(head[:12])[1:]}; if it should be an embedding, "
            "download it again"
        )
    )


def is_tar(head: bytes) -> bool:
    """Return whether the bytes begin a tar archive: by its checksum, as old ones have no mark."""
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
    for pattern, what in _PATTERNS:
        if pattern.match(text):
            return NotAnEmbedding(f"this is {what}")
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
    """Return the error for JSON: the one with which a site answered, or another."""
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
    """Recognise text by the absence of control characters; its last one may be cut off."""
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
    if _COREML.match(head):
        return NotAnEmbedding("this is a Core ML or TensorFlow model, not an embedding")
    return None


def _as_header(head: bytes, size: int) -> EmbeddingError | None:
    """Recognise a safetensors file whose length is damaged."""
    if head[8:10] in (b'{"', b"{}"):
        return wrong_length(int.from_bytes(head[:8], "little"), size)
    return None
