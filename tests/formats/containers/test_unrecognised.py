"""Files that are no tensor container, told by how they begin."""

from __future__ import annotations

import plistlib

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

_LINK = "this is a link to a web page, not an embedding: download the file itself"


def _text(beginning: str) -> str:
    return f'^this is text, not an embedding: it begins with "{beginning}"$'


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
        'answered: "Unauthorized: The creator requires you to be logged in"; log in there',
    ),
    BadFile(
        "refusal with a flag",
        b'{"error": true, "message": "Please log in"}',
        BrokenFile,
        'answered: "Please log in"',
    ),
    BadFile("refusals", b'{"errors":["unauthorized"]}', BrokenFile, 'answered: "unauthorized"'),
    BadFile("refusal in a list", b'{"error":["Denied"]}', BrokenFile, 'answered: "Denied"'),
    BadFile(
        "refusals of GraphQL",
        b'{"data":null,"errors":[{"message":"Denied"}]}',
        BrokenFile,
        'answered: "Denied"',
    ),
    BadFile("refusal, a capital", b'{"Message":"Denied"}', BrokenFile, 'answered: "Denied"'),
    BadFile(
        "refusal, a title", b'{"title":"Denied","status":401}', BrokenFile, 'answered: "Denied"'
    ),
    BadFile(
        "long refusal",
        b'{"error":"Unauthorized","message":"' + b"x" * 1500 + b'"}',
        BrokenFile,
        'answered: "Unauthorized: xxx',
    ),
    BadFile("refusal in quotes", b'"Not Found"', BrokenFile, 'answered: "Not Found"'),
    BadFile(
        "refusal of Cloudflare", b"error code: 1015", BrokenFile, 'answered: "error code: 1015"'
    ),
    BadFile(
        "refusal of Civitai in words",
        b"The creator of this asset requires you to be logged in to download it",
        BrokenFile,
        'answered: "The creator of this asset requires you to be logged in to download it"',
    ),
    BadFile("title of something", b'{"title":"A","status":200}', NotAnEmbedding, "JSON text"),
    BadFile("errors, but none", b'{"error":null,"errors":[]}', NotAnEmbedding, "JSON text"),
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
    BadFile("a word that begins as a BMP", b"BMW logo", NotAnEmbedding, _text("BMW logo")),
    BadFile("address", b"https://civitai.com/models/1\n", NotAnEmbedding, _LINK),
    BadFile(
        "text with an address", b"https://a.b is good", NotAnEmbedding, _text("https://a.b is good")
    ),
    BadFile("magnet", b"magnet:?xt=urn:btih:a", NotAnEmbedding, "this is a torrent, not the file"),
    BadFile(
        "workflow",
        b'{"id": "a", "last_node_id": 3, "nodes": []}',
        NotAnEmbedding,
        "this is a workflow of ComfyUI, not an embedding",
    ),
    BadFile(
        "workflow for the API",
        b'{"3": {"inputs": {}, "class_type": "KSampler"}}',
        NotAnEmbedding,
        "this is a workflow of ComfyUI",
    ),
    BadFile(
        "SVG",
        b'<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg/>',
        NotAnEmbedding,
        "this is an SVG picture with no embedding in it",
    ),
    BadFile("OpenVINO", b'<?xml version="1.0"?>\n<net name="a">', NotAnEmbedding, "of an OpenVINO"),
    *(
        BadFile(what, bytes.fromhex(data) + bytes(99), NotAnEmbedding, f"this is {what}")
        for what, data in (
            ("an lz4 archive, not an embedding: unpack it", "04224d18"),
            ("a zstd or lz4 archive", "502a4d18"),
            ("an lzma archive", "5d00008000ff"),
            ("a cabinet archive", "4d53434600000000"),
            ("a Parquet table of data, not an embedding", "50415231"),
            ("an Arrow table of data", "4152524f573100"),
            ("an Arrow table of data", "ffffffff780000001000000000000a000c00060005000800"),
            ("a Feather table of data", "46454131"),
            ("a JPEG 2000 picture", "0000000c6a5020200d0a"),
            ("a GIMP picture", b"gimp xcf v011".hex()),
            ("an icon, not an embedding", "000001000100"),
            ("a video or sound", "3026b2758e66cf11"),
            ("a macOS program, not an embedding: do not start it", "cffaedfe"),
            ("an Office document or an installer", "d0cf11e0"),
            ("a Core ML or TensorFlow model", "08041298020a10"),
            ("an ONNX model", "080812003a"),
            ("encrypted", b"Salted__".hex()),
        )
    ),
    BadFile("npy", b"\x93NUMPY\x01\0", NotAnEmbedding, r"this is a numpy array \(.npy\)"),
    BadFile("hdf5", b"\x89HDF\r\n\x1a\n", NotAnEmbedding, "this is an HDF5 file"),
    BadFile("gguf", b"GGUF\x03\0\0\0", NotAnEmbedding, "this is a GGUF model"),
    BadFile("ggml", b"lmgg\0", NotAnEmbedding, "this is a GGML model"),
    BadFile("tar", _tar(), NotAnEmbedding, "this is a tar archive, not an embedding: unpack it"),
    BadFile("old tar", _tar(mark=b""), NotAnEmbedding, "this is a tar archive"),
    BadFile("shortcut", b"L\0\0\0\x01\x14\x02\0", NotAnEmbedding, "this is a Windows shortcut"),
    BadFile("link", b"[InternetShortcut]\r\nURL=", NotAnEmbedding, "this is a link to a web page"),
    BadFile("desktop", b"[Desktop Entry]\n", NotAnEmbedding, "this is a shortcut"),
    BadFile("link, marked", b"\xef\xbb\xbf[InternetShortcut]\r\n", NotAnEmbedding, _LINK),
    BadFile(
        "link with an icon",
        b"[{000214A0-0000-0000-C000-000000000046}]\r\nProp3=19,11\r\n[InternetShortcut]\r\n",
        NotAnEmbedding,
        _LINK,
    ),
    BadFile("link of macOS", plistlib.dumps({"URL": "http://x"}), NotAnEmbedding, _LINK),
    BadFile(
        "packed link of macOS",
        plistlib.dumps({"URL": "http://x"}, fmt=plistlib.FMT_BINARY),
        NotAnEmbedding,
        _LINK,
    ),
    BadFile("properties", plistlib.dumps({"a": 1}), NotAnEmbedding, "this is an Apple property"),
    BadFile("alias", b"book\0\0\0\0mark", NotAnEmbedding, "this is a macOS alias, not the file"),
    BadFile("fork", b"\0\5\x16\7\0\2", NotAnEmbedding, "this is what macOS keeps beside a file"),
    *(
        BadFile(f"sound {begin!r}", begin + bytes(100), NotAnEmbedding, "this is a sound, not an")
        for begin in (b"\xff\xfb\x90", b"\xff\xf3\x90", b"\xff\xf1\x50", b"FORM\0\0\1\0AIFF")
    ),
    BadFile("midi", b"MThd\0\0\0\6", NotAnEmbedding, "this is music as notes"),
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
    BadFile(
        "MindSpore, a token",
        b"\x0a\x9b\x30\x0a\x05<cat>\x12\x91\x30\x08\x02",
        NotAnEmbedding,
        "this is a MindSpore checkpoint",
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
    BadFile(
        "text that begins like a call", b"cat\ndog\nbird\n", NotAnEmbedding, _text("cat dog bird")
    ),
    BadFile("text with brackets", b"(i think\nso\n.", NotAnEmbedding, r'begins with "\(i think so'),
    BadFile("text of Windows", "Käse".encode("utf-16"), NotAnEmbedding, _text("Käse")),
    BadFile("text with a mark", b"\xef\xbb\xbfhello", NotAnEmbedding, _text("hello")),
    BadFile("text that is cut", "Käse".encode()[:2], NotAnEmbedding, _text("K")),
    BadFile("Python", b"import os\nprint(1)\n", NotAnEmbedding, r'"import os print\(1\)"$'),
    BadFile("settings", b"[general]\na = 1\n", NotAnEmbedding, r'begins with "\[general\] a = 1"$'),
    BadFile("rich text", rb"{\rtf1\ansi hello}", NotAnEmbedding, "this is a document .RTF."),
    BadFile("PostScript", b"%!PS-Adobe", NotAnEmbedding, "this is a PostScript document"),
    BadFile("torrent", b"d8:announce3:abc", NotAnEmbedding, "this is a torrent, not the file it"),
    BadFile("json", b'{"a": 1}', NotAnEmbedding, "this is JSON text, not an embedding"),
    BadFile("json list", b"[1, 2]", NotAnEmbedding, "this is JSON text, not an embedding"),
    BadFile(
        "rar", b"Rar!\x1a\x07\0", NotAnEmbedding, "this is a RAR archive, not an embedding: unpack"
    ),
    BadFile("7z", b"7z\xbc\xaf\x27\x1c", NotAnEmbedding, "this is a 7-Zip archive"),
    BadFile("gzip", b"\x1f\x8b\x08", NotAnEmbedding, "this is a gzip archive"),
    BadFile("bzip2", b"BZh91AY&SY\0", NotAnEmbedding, "this is a bzip2 archive"),
    BadFile("xz", b"\xfd7zXZ\0", NotAnEmbedding, "this is an xz archive"),
    BadFile("zstd", b"\x28\xb5\x2f\xfd", NotAnEmbedding, "this is a zstd archive"),
    BadFile(
        "jpeg", b"\xff\xd8\xff\xe0", NotAnEmbedding, "this is a JPEG picture with no embedding"
    ),
    BadFile("gif", b"GIF89a\1\0", NotAnEmbedding, "this is a GIF picture with no embedding"),
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
        r"not recognised: it begins with '\\x00\\x01\\nxxxxxxxxx'; if it should be an "
        "embedding, download it again",
    ),
)


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.id)
def test_says_what_it_is(bad: BadFile) -> None:
    """Every mistake people make gets the sentence that helps."""
    with pytest.raises(bad.error, match=bad.message) as caught:
        read_contents(open_bytes(bad.data))
    assert type(caught.value) is bad.error
