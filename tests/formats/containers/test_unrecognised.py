"""Files that are no tensor container, told by how they begin."""

from __future__ import annotations

import pytest

from lib_embeddings.errors import BrokenFile, NotAnEmbedding, UnsafeFile
from lib_embeddings.formats.containers import read_contents
from tests.builders import BadFile, open_bytes

_PAGE = "this is a web page, not an embedding: download the file itself, with the download button"


def _tar(mark: bytes = b"ustar\x0000") -> bytes:
    """Return the header of a tar archive with one file."""
    header = b"name.pt".ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2
    header += b"00000000100\0" + b"00000000000\0" + b" " * 8 + b"0"
    header = (header.ljust(257, b"\0") + mark).ljust(512, b"\0")
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


_LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n"

BAD_FILES = (
    BadFile("empty", b"", BrokenFile, "this file is empty; download it again"),
    BadFile("web page", b"<!DOCTYPE html><html>", BrokenFile, _PAGE),
    BadFile("web page with mark", b"\xef\xbb\xbf\r\n <html lang=en>", BrokenFile, _PAGE),
    BadFile("page head", b"<head>", BrokenFile, _PAGE),
    BadFile("xml", b"<?xml version='1.0'?><Error/>", BrokenFile, _PAGE),
    BadFile("page comment", b"<!-- saved -->", BrokenFile, _PAGE),
    BadFile(
        "lfs",
        _LFS + b"size 3819\n",
        BrokenFile,
        "git-lfs pointer, not the file of 3,819 bytes: run git ",
    ),
    BadFile("lfs without size", _LFS, BrokenFile, "git-lfs pointer, not the file: run git"),
    BadFile(
        "lfs size too long", _LFS + b"size " + b"9" * 5000, BrokenFile, "not the file: run git"
    ),
    BadFile(
        "zeros", bytes(100), BrokenFile, "this file begins with nothing but zeros; download it"
    ),
    BadFile(
        "refusal of Hugging Face",
        b'{"error":"Unauthorized"}',
        BrokenFile,
        'what the site answered: "Unauthorized"; log in there if it asks for that, and download',
    ),
    BadFile(
        "refusal of Civitai",
        b'{"error":"Unauthorized","message":"The creator requires you to be logged in"}',
        BrokenFile,
        'what the site answered: "Unauthorized: The creator requires you to be logged in"',
    ),
    BadFile(
        "refusal that is true",
        b'{"error": true, "message": "Please log in"}',
        BrokenFile,
        'what the site answered: "Please log in"',
    ),
    BadFile(
        "refusals in a list",
        b'{"errors": [{"message": "No such file"}]}',
        BrokenFile,
        'what the site answered: "No such file"',
    ),
    BadFile(
        "refusal of .NET", b'{"Message": "Denied"}', BrokenFile, 'what the site answered: "Denied"'
    ),
    BadFile(
        "refusal by its status",
        b'{"title": "Unauthorized", "status": 401}',
        BrokenFile,
        'what the site answered: "Unauthorized"',
    ),
    BadFile("title alone", b'{"title": "my cat"}', NotAnEmbedding, "this is JSON text"),
    BadFile(
        "long refusal",
        b'{"error": "Unauthorized", "message": "%s"}' % (b"x" * 2000),
        BrokenFile,
        'what the site answered: "Unauthorized: xxx',
    ),
    BadFile(
        "link of Windows with a property set",
        b"[{000214A0-0000-0000-C000-000000000046}]\r\nProp3=19,0\r\n[InternetShortcut]\r\nURL=x",
        NotAnEmbedding,
        "this is a link to a web page",
    ),
    BadFile(
        "link of Windows with a byte order mark",
        b"\xef\xbb\xbf[InternetShortcut]\r\nURL=x",
        NotAnEmbedding,
        "this is a link to a web page",
    ),
    BadFile(
        "link of macOS",
        b'<?xml version="1.0"?><plist version="1.0"><dict><key>URL</key></dict></plist>',
        NotAnEmbedding,
        "this is a link to a web page",
    ),
    BadFile("alias of macOS", b"book\0\0\0\0mark\0\0\0\0", NotAnEmbedding, "a macOS alias"),
    BadFile("MP3 without a tag", b"\xff\xfb\x90\x64" + bytes(9), NotAnEmbedding, "a sound"),
    BadFile("AIFF", b"FORM\0\0\0\0AIFF", NotAnEmbedding, "a sound"),
    BadFile("MIDI", b"MThd\0\0\0\6", NotAnEmbedding, "a sound"),
    BadFile("RTF", b"{\\rtf1\\ansi hello}", NotAnEmbedding, "a text document"),
    BadFile(
        "MindSpore's textual inversion",
        b"\x0a\x20\x0a\x05<cat>\x12\x17",
        NotAnEmbedding,
        "a MindSpore checkpoint",
    ),
    BadFile(
        "refusal with an object",
        b'{"error": {"code": 401, "message": "Invalid token"}}',
        BrokenFile,
        'what the site answered: "Invalid token"',
    ),
    BadFile(
        "not found", b"Entry not found", BrokenFile, 'what the site answered: "Entry not found"'
    ),
    BadFile(
        "gated",
        b"Access to model a/b is restricted. You must have access to it and be authenticated.",
        BrokenFile,
        'what the site answered: "Access to model a/b is restricted. You must have access to it',
    ),
    BadFile(
        "no user", b"Invalid username or password.", BrokenFile, '"Invalid username or password."'
    ),
    BadFile("404", b"404: Not Found", BrokenFile, 'what the site answered: "404: Not Found"'),
    BadFile(
        "429", b"Too Many Requests\n", BrokenFile, 'what the site answered: "Too Many Requests"'
    ),
    BadFile("error page in XML", b"<Error><Code>AccessDenied</Code>", BrokenFile, _PAGE),
    BadFile("long JSON", b'{"error": "' + b"a" * 2000, NotAnEmbedding, "this is JSON text"),
    BadFile("deep JSON", b"[" * 1000, NotAnEmbedding, "this is JSON text"),
    BadFile(
        "JSON with control characters",
        b'{"error": "a\\u001b[31m\\n b"}',
        BrokenFile,
        r'what the site answered: "a\\x1b\[31m b"',
    ),
    BadFile("npy", b"\x93NUMPY\x01\0", NotAnEmbedding, r"this is a numpy array \(.npy\)"),
    BadFile("hdf5", b"\x89HDF\r\n\x1a\n", NotAnEmbedding, "this is an HDF5 file"),
    BadFile("gguf", b"GGUF\x03\0\0\0", NotAnEmbedding, "this is a GGUF model"),
    BadFile("ggml", b"lmgg", NotAnEmbedding, "this is a GGML model"),
    BadFile("tar", _tar(), NotAnEmbedding, "this is a tar archive, not an embedding: unpack it"),
    BadFile("old tar", _tar(mark=b""), NotAnEmbedding, "this is a tar archive"),
    BadFile("shortcut", b"L\0\0\0\x01\x14\x02\0", NotAnEmbedding, "this is a Windows shortcut"),
    BadFile("link", b"[InternetShortcut]\r\nURL=", NotAnEmbedding, "this is a link to a web page"),
    BadFile("desktop", b"[Desktop Entry]\n", NotAnEmbedding, "this is a shortcut"),
    BadFile("mp3", b"ID3\x04", NotAnEmbedding, "this is a sound"),
    BadFile("wav", b"RIFF\0\0\0\0WAVEfmt ", NotAnEmbedding, "this is a sound"),
    BadFile("mp4", b"\0\0\0\x20ftypisom", NotAnEmbedding, "this is a video or sound"),
    BadFile("webm", b"\x1a\x45\xdf\xa3", NotAnEmbedding, "this is a video"),
    BadFile("pdf", b"%PDF-1.7", NotAnEmbedding, "this is a PDF document"),
    BadFile(
        "program", b"MZ\x90\0", NotAnEmbedding, "this is a Windows program, not an embedding: do"
    ),
    BadFile("script", b"#!/bin/sh\n", NotAnEmbedding, "this is a script, not an embedding: do not"),
    BadFile(
        "MindSpore",
        b"\x0a\xa0\x18\x0a\x12model.conv_in.weight"[:4] + b"\x12model.conv.weight.\x12\x80\x18",
        NotAnEmbedding,
        "this is a MindSpore checkpoint, which no WebUI can read",
    ),
    BadFile("ONNX", b"\x08\x07\x12\x07pytorch", NotAnEmbedding, "this is an ONNX model"),
    BadFile(
        "oldest pickle that calls",
        b"(dp0\nS'a'\np1\ncposix\nsystem\np2\n(S'id'\ntR",
        UnsafeFile,
        "its pickle asks for posix.system; nothing was run",
    ),
    BadFile(
        "oldest pickle that names",
        b"(lp0\ncposix\nsystem\np1\na.",
        UnsafeFile,
        "its pickle asks for posix.system; nothing was run",
    ),
    BadFile(
        "oldest pickle, INST",
        b"(S'id'\niposix\nsystem\n.",
        UnsafeFile,
        "its pickle asks for posix.system",
    ),
    BadFile(
        "oldest pickle", b"(dp0\nS'a'\np1\nI1\ns.", NotAnEmbedding, "a pickle that torch did not"
    ),
    BadFile(
        "oldest pickle of what is allowed",
        b"ccollections\nOrderedDict\n(tR.",
        NotAnEmbedding,
        "a pickle that torch did not",
    ),
    BadFile("text that begins like a call", b"cat\ndog\nbird\n", BrokenFile, "not recognised"),
    BadFile("text with brackets", b"(i think\nso\n.", BrokenFile, "not recognised"),
    BadFile("json", b'{"a": 1}', NotAnEmbedding, "this is JSON text, not an embedding"),
    BadFile("json list", b"[1, 2]", NotAnEmbedding, "this is JSON text, not an embedding"),
    BadFile(
        "rar", b"Rar!\x1a\x07\0", NotAnEmbedding, "this is a RAR archive, not an embedding: unpack"
    ),
    BadFile("7z", b"7z\xbc\xaf\x27\x1c", NotAnEmbedding, "this is a 7-Zip archive"),
    BadFile("gzip", b"\x1f\x8b\x08", NotAnEmbedding, "this is a gzip archive"),
    BadFile("bzip2", b"BZh91AY", NotAnEmbedding, "this is a bzip2 archive"),
    BadFile("xz", b"\xfd7zXZ\0", NotAnEmbedding, "this is an xz archive"),
    BadFile("zstd", b"\x28\xb5\x2f\xfd", NotAnEmbedding, "this is a zstd archive"),
    BadFile(
        "jpeg", b"\xff\xd8\xff\xe0", NotAnEmbedding, "this is a JPEG picture with no embedding"
    ),
    BadFile("gif", b"GIF89a", NotAnEmbedding, "this is a GIF picture with no embedding"),
    BadFile("lossy webp", b"RIFF\0\0\0\0WEBPVP8 ", NotAnEmbedding, "this is a WebP picture"),
    BadFile("bmp", b"BM\0\0", NotAnEmbedding, "this is a BMP picture"),
    BadFile(
        "header of 2**60",
        (2**60).to_bytes(8, "little") + b"{}",
        BrokenFile,
        "damaged safetensors header: it claims to be 1,152,921,504,606,846,976 bytes long, "
        "the file has 10; "
        "download it again",
    ),
    BadFile(
        "anything else",
        b"\0\x01\n" + b"x" * 100,
        BrokenFile,
        r"not recognised: it begins with '\\x00\\x01\\nxxxxxxxxx'; download it again",
    ),
)


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.id)
def test_says_what_it_is(bad: BadFile) -> None:
    """Every mistake people make gets the sentence that helps."""
    with pytest.raises(bad.error, match=bad.message) as caught:
        read_contents(open_bytes(bad.data))
    assert type(caught.value) is bad.error
