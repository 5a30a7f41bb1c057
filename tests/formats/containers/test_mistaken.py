"""Files that are no tensor container, told by how they begin."""

from __future__ import annotations

import pytest

from lib_embeddings.errors import BrokenFile, NotAnEmbedding
from lib_embeddings.formats.containers import read_contents
from tests.builders import Lie, open_bytes

_PAGE = "this is a web page, not an embedding: download the file itself, with the download button"
_LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n"

LIES = (
    Lie("empty", b"", BrokenFile, "this file is empty; download it again"),
    Lie("web page", b"<!DOCTYPE html><html>", BrokenFile, _PAGE),
    Lie("web page with mark", b"\xef\xbb\xbf\r\n <html lang=en>", BrokenFile, _PAGE),
    Lie("page head", b"<head>", BrokenFile, _PAGE),
    Lie("xml", b"<?xml version='1.0'?><Error/>", BrokenFile, _PAGE),
    Lie("page comment", b"<!-- saved -->", BrokenFile, _PAGE),
    Lie(
        "lfs", _LFS + b"size 3819\n", BrokenFile, "git-lfs pointer, not the file of 3,819 bytes it "
    ),
    Lie(
        "lfs without size", _LFS, BrokenFile, "git-lfs pointer, not the file it stands for: run git"
    ),
    Lie(
        "lfs size too long", _LFS + b"size " + b"9" * 5000, BrokenFile, "not the file it stands for"
    ),
    Lie("json", b'{"a": 1}', NotAnEmbedding, "this is JSON text, not an embedding"),
    Lie("json list", b"[1, 2]", NotAnEmbedding, "this is JSON text, not an embedding"),
    Lie(
        "rar", b"Rar!\x1a\x07\0", NotAnEmbedding, "this is a RAR archive, not an embedding: unpack"
    ),
    Lie("7z", b"7z\xbc\xaf\x27\x1c", NotAnEmbedding, "this is a 7-Zip archive"),
    Lie("gzip", b"\x1f\x8b\x08", NotAnEmbedding, "this is a gzip archive"),
    Lie("bzip2", b"BZh91AY", NotAnEmbedding, "this is a bzip2 archive"),
    Lie("xz", b"\xfd7zXZ\0", NotAnEmbedding, "this is a xz archive"),
    Lie("zstd", b"\x28\xb5\x2f\xfd", NotAnEmbedding, "this is a zstd archive"),
    Lie("jpeg", b"\xff\xd8\xff\xe0", NotAnEmbedding, "this is a JPEG picture with no embedding"),
    Lie("gif", b"GIF89a", NotAnEmbedding, "this is a GIF picture with no embedding"),
    Lie("lossy webp", b"RIFF\0\0\0\0WEBPVP8 ", NotAnEmbedding, "this is a WebP picture"),
    Lie("bmp", b"BM\0\0", NotAnEmbedding, "this is a BMP picture"),
    Lie(
        "header of 2**60",
        (2**60).to_bytes(8, "little") + b"{}",
        BrokenFile,
        "its safetensors header lies: it claims to be 1,152,921,504,606,846,976 bytes long",
    ),
    Lie(
        "anything else",
        b"\0\x01\n" + b"x" * 100,
        BrokenFile,
        r"not recognised: it begins with '\\x00\\x01\\nxxxxxxxxx'; download it again",
    ),
)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.id)
def test_says_what_it_is(lie: Lie) -> None:
    """Every mistake people make gets the sentence that helps."""
    with pytest.raises(lie.error, match=lie.message) as caught:
        read_contents(open_bytes(lie.data))
    assert type(caught.value) is lie.error
