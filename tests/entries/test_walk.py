"""Which files may be embeddings, and what belongs to each."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib_embeddings.entries.walk import find


def companions(folder: Path, *files: str) -> dict[str, list[str]]:
    """Return what belongs to each file that may be an embedding, in a folder of empty files."""
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).touch()
    return {
        found.path: [companion.filename for companion in found.companions]
        for found in find([str(folder)])
    }


@pytest.mark.parametrize(
    ("beside", "belongs"),
    [
        ((), []),
        (("a.png", "a.preview.png", "A.JPG"), ["A.JPG", "a.png", "a.preview.png"]),
        (("a.json", "a.txt", "a.description.txt"), ["a.description.txt", "a.json", "a.txt"]),
        (("b.png", "a.civitai.info", "a.preview", "aa.txt", "a.b.txt", "sub/a.txt"), []),
    ],
)
def test_what_belongs_to_a_file(
    tmp_path: Path, beside: tuple[str, ...], belongs: list[str]
) -> None:
    """Pictures and text named after a file in its folder belong to it, in any letter case."""
    assert companions(tmp_path, "a.pt", *beside)["a.pt"] == belongs


def test_files_of_one_name_share_what_is_beside_them(tmp_path: Path) -> None:
    """A text belongs to every file it is named after."""
    assert companions(tmp_path, "a.pt", "A.safetensors", "a.json") == {
        "A.safetensors": ["a.json"],
        "a.pt": ["a.json"],
    }


def test_a_name_that_ends_like_a_preview(tmp_path: Path) -> None:
    """A picture may belong to two files: to one as its preview, to one by its whole name."""
    assert companions(tmp_path, "a.pt", "a.preview.pt", "a.preview.png") == {
        "a.preview.pt": ["a.preview.png"],
        "a.pt": ["a.preview.png"],
    }


def test_size_and_time_of_a_companion(tmp_path: Path) -> None:
    """An edit shows in what is known of a companion."""
    (tmp_path / "a.pt").touch()
    text = tmp_path / "a.txt"
    text.write_text("text")
    (found,) = find([str(tmp_path)])
    assert found.companions == (("a.txt", 4, text.stat().st_mtime_ns),)


def test_a_companion_that_leads_nowhere(tmp_path: Path) -> None:
    """A broken link beside a file is passed by."""
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone")
    assert companions(tmp_path, "a.pt") == {"a.pt": []}
