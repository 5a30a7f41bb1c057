"""Files that are no tensor container, told by how they begin."""

from __future__ import annotations

import pytest

from lib_embeddings.errors import BrokenFile, NotAnEmbedding
from lib_embeddings.formats.containers import read_contents
from tests.builders import BadFile, open_bytes

_PAGE = "this is a web page, not an embedding: download the file itself, with the download button"
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
    BadFile("json", b'{"a": 1}', NotAnEmbedding, "this is JSON text, not an embedding"),
    BadFile("json list", b"[1, 2]", NotAnEmbedding, "this is JSON text, not an embedding"),
    BadFile(
        "rar", b"Rar!\x1a\x07\0", NotAnEmbedding, "this is a RAR archive, not an embedding: unpack"
    ),
    BadFile("7z", b"7z\xbc\xaf\x27\x1c", NotAnEmbedding, "this is a 7-Zip archive"),
    BadFile("gzip", b"\x1f\x8b\x08", NotAnEmbedding, "this is a gzip archive"),
    BadFile("bzip2", b"BZh91AY", NotAnEmbedding, "this is a bzip2 archive"),
    BadFile("xz", b"\xfd7zXZ\0", NotAnEmbedding, "this is a xz archive"),
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
