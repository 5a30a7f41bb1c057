"""Pictures made small, with bounded memory."""

from __future__ import annotations

import io
import random
import subprocess
import warnings
from pathlib import Path

import pytest
from PIL import Image, ImageFile

from lib_embeddings.entries import imaging
from lib_embeddings.entries.imaging import shrink
from lib_embeddings.limits import LIMITS
from tests.builders import png

RED, BLUE = (200, 20, 20), (20, 20, 200)


def picture(size: tuple[int, int] = (64, 32), kind: str = "PNG", **save: object) -> bytes:
    """Return a picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    data = io.BytesIO()
    image.save(data, kind, **save)
    return data.getvalue()


def opened(data: bytes | None) -> Image.Image:
    """Return a thumbnail's pixels."""
    assert data
    image = Image.open(io.BytesIO(data))
    assert image.format == "WEBP"
    return image


def shrunk(tmp_path: Path, data: bytes, width: int = 32, name: str = "a.png") -> Image.Image:
    """Return the thumbnail of a picture."""
    (tmp_path / name).write_bytes(data)
    return opened(shrink(str(tmp_path / name), width))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((64, 32), (32, 16)), ((16, 8), (16, 8)), ((10, 4000), (1, 96)), ((4000, 10), (32, 1))],
)
def test_sizes(tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]) -> None:
    """The shape is kept; nothing is enlarged; a thumbnail is no taller than three widths."""
    width, height = shrunk(tmp_path, picture(size)).size
    assert abs(width - expected[0]) <= 1
    assert abs(height - expected[1]) <= 1


def is_like(pixel: object, colour: tuple[int, int, int]) -> bool:
    """Return whether a pixel has a colour, as far as lossy pictures keep it."""
    assert isinstance(pixel, tuple)
    return all(abs(one - other) < 60 for one, other in zip(pixel, colour, strict=False))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_the_name_does_not_tell_the_kind(tmp_path: Path, kind: str) -> None:
    """A JPEG that is called .png is shown as what it is."""
    image = shrunk(tmp_path, picture(kind=kind)).convert("RGB")
    assert is_like(image.getpixel((4, 8)), RED)
    assert is_like(image.getpixel((28, 8)), BLUE)


def test_a_turned_photograph_is_upright(tmp_path: Path) -> None:
    """The orientation that cameras write is applied."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter: its left is up
    image = shrunk(tmp_path, picture(kind="JPEG", exif=exif.tobytes())).convert("RGB")
    assert image.size == (32, 64)
    assert is_like(image.getpixel((16, 8)), RED)


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    """Moving pictures stand still."""
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE, BLUE)]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:])
    image = shrunk(tmp_path, data.getvalue())
    assert not getattr(image, "is_animated", False)
    assert is_like(image.convert("RGB").getpixel((4, 4)), RED)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_pixel(tmp_path: Path, mode: str) -> None:
    """Grey, palettes, print colours and transparency all become WebP."""
    kind = "JPEG" if mode == "CMYK" else "PNG"
    data = io.BytesIO()
    Image.new(mode, (40, 40)).save(data, kind)
    assert shrunk(tmp_path, data.getvalue()).size == (32, 32)


def test_transparency_is_kept(tmp_path: Path) -> None:
    """Transparent parts stay transparent."""
    data = io.BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(data, "PNG")
    assert shrunk(tmp_path, data.getvalue()).mode == "RGBA"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="web page"),
        pytest.param(picture()[:-30], id="cut"),
        pytest.param(picture(kind="JPEG")[:200], id="cut JPEG"),
        pytest.param(png(header=b"\x00\x00\xff\xff" * 2 + b"\x08\x02\0\0\0"), id="4 gigapixels"),
        pytest.param(png(header=b"\x00\x00\x1f\xff" * 2 + b"\x08\x02\0\0\0"), id="67 megapixels"),
        pytest.param(b"GIF89a" + b"\xff" * 20, id="nonsense"),
    ],
)
def test_a_damaged_picture_is_none(tmp_path: Path, data: bytes) -> None:
    """A damaged or huge picture is not shown, and raises nothing."""
    (tmp_path / "a.png").write_bytes(data)
    assert shrink(str(tmp_path / "a.png"), 32) is None


@pytest.mark.parametrize(("height", "is_shown"), [(4096, True), (4097, False)])
def test_a_picture_of_more_than_16_megapixels_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, height: int, is_shown: bool
) -> None:
    """A sound picture of 16 megapixels is shown; of a larger one no pixel is asked for."""
    data, decoded = io.BytesIO(), list[tuple[int, int]]()
    Image.new("1", (4096, height)).save(data, "PNG")
    (tmp_path / "a.png").write_bytes(data.getvalue())
    load = ImageFile.ImageFile.load

    def note(image: ImageFile.ImageFile) -> object:
        decoded.append(image.size)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", note)
    assert (shrink(str(tmp_path / "a.png"), 32) is not None) == is_shown
    assert bool(decoded) == is_shown


@pytest.mark.parametrize(("height", "is_shown"), [(2048, True), (2049, False)])
def test_a_webp_takes_more_memory(tmp_path: Path, height: int, is_shown: bool) -> None:
    """Its decoder keeps the picture four times, so that 8 megapixels are the most."""
    Image.new("L", (4096, height)).save(tmp_path / "a.webp", "WEBP", method=0)
    assert (shrink(str(tmp_path / "a.webp"), 256) is not None) == is_shown


@pytest.mark.parametrize(("height", "is_shown"), [(3700, True), (3800, False)])
def test_a_progressive_photograph_takes_more_memory(
    tmp_path: Path, height: int, is_shown: bool
) -> None:
    """All of its scans are kept, so that 22 megapixels in colour are the most."""
    Image.new("RGB", (6000, height)).save(tmp_path / "a.jpg", "JPEG", progressive=True)
    assert (shrink(str(tmp_path / "a.jpg"), 256) is not None) == is_shown


def test_a_picture_of_16_bits(tmp_path: Path) -> None:
    """It is as bright as it was, and is not white."""
    Image.new("I;16", (640, 640), 128 << 8).save(tmp_path / "a.png", "PNG")
    assert shrunk(tmp_path, (tmp_path / "a.png").read_bytes()).getpixel((9, 9)) == (128, 128, 128)


@pytest.mark.parametrize(("height", "is_shown"), [(4000, True), (6000, False)])
def test_a_photograph_is_decoded_in_part(tmp_path: Path, height: int, is_shown: bool) -> None:
    """A JPEG of 24 megapixels is shown, as a camera takes it; one of 36 is not."""
    Image.new("L", (6000, height)).save(tmp_path / "a.jpg", "JPEG")
    assert (shrink(str(tmp_path / "a.jpg"), 256) is not None) == is_shown


@pytest.mark.parametrize(("times", "is_shown"), [(2, True), (9, False)])
def test_a_photograph_of_too_many_scans_is_not_decoded(
    tmp_path: Path, times: int, is_shown: bool
) -> None:
    """A progressive JPEG can go over its pixels as often as its bytes allow."""
    data = picture(kind="JPEG", progressive=True)
    scans = data[data.index(b"\xff\xda") : -2]
    (tmp_path / "a.jpg").write_bytes(data[:-2] + scans * (times - 1) + data[-2:])
    assert (shrink(str(tmp_path / "a.jpg"), 32) is not None) == is_shown


def test_a_picture_of_too_many_bytes_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries of some kinds take all of a file into memory, whatever its pixels are."""
    (tmp_path / "a.png").write_bytes(picture())
    with (tmp_path / "a.png").open("ab") as file:
        file.truncate(LIMITS.preview_bytes + 1)
    monkeypatch.setattr(imaging, "open_picture", pytest.fail)
    assert shrink(str(tmp_path / "a.png"), 32) is None


def test_pillow_opens_what_browsers_show_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostScript would be run by Ghostscript, and is never taken for a picture."""
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n"
    Image.open(io.BytesIO(postscript)).close()  # Pillow alone would
    monkeypatch.setattr(subprocess, "check_call", pytest.fail)
    monkeypatch.setattr(subprocess, "Popen", pytest.fail)
    (tmp_path / "a.png").write_bytes(postscript)
    assert shrink(str(tmp_path / "a.png"), 32) is None
    for kind in ("TIFF", "PPM", "ICO", "TGA"):
        (tmp_path / "a.png").write_bytes(picture(kind=kind))
        assert shrink(str(tmp_path / "a.png"), 32) is None, kind


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP"])
def test_damaged_pictures_are_silent(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    """No kind of damage raises anything or prints to the console."""
    if kind not in Image.registered_extensions().values():
        pytest.skip("this Pillow does not write it")
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "x" * 40
    sound = picture(kind=kind, exif=exif.tobytes())
    chance = random.Random(kind)
    (tmp_path / "a").write_bytes(sound)
    assert shrink(str(tmp_path / "a"), 32)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(400):
            damaged = bytearray(sound[: chance.randrange(len(sound))] if _ % 4 == 0 else sound)
            for _ in range(chance.randrange(1, 9)):
                damaged[chance.randrange(len(damaged) or 1) : 1] = chance.randbytes(1)
            (tmp_path / "a").write_bytes(damaged)
            shrink(str(tmp_path / "a"), 32)
    assert [str(each.message) for each in warned] == []
    assert capfd.readouterr() == ("", "")


def test_a_picture_that_is_gone_is_none(tmp_path: Path) -> None:
    """A picture may vanish after the scan."""
    assert shrink(str(tmp_path / "gone.png"), 32) is None
