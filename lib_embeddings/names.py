"""Names: what a file is called in the prompt, and how names are compared and sorted."""

from __future__ import annotations

import re

# Suffixes that can hold an embedding. Of two files of one name in one folder, the earlier suffix
# wins; pictures come last.
WEIGHT_SUFFIXES = (".safetensors", ".pt", ".bin", ".pth", ".ckpt", ".pkl")
PICTURE_SUFFIXES = (".png", ".webp", ".jxl", ".avif")
SUFFIXES = WEIGHT_SUFFIXES + PICTURE_SUFFIXES

_PREVIEW = ".preview"
_GENERIC = "learned_embeds"
_DIGITS = re.compile(r"(\d{1,18})")


def split_name(filename: str) -> tuple[str, str]:
    """Return the name a file gives its embedding, and its suffix in lower case."""
    # os.path.splitext takes three times as long, which counts for ten thousand files.
    stem, dot, suffix = filename.rpartition(".")
    return (stem, dot + suffix.lower()) if stem.strip(".") else (filename, "")


def is_preview(stem: str, neighbours: frozenset[str]) -> bool:
    """Tell whether a picture only shows what an embedding does.

    Args:
        stem: the picture's file name without its suffix.
        neighbours: folded names of the weight files in its folder.
    """
    return stem.lower().endswith(_PREVIEW) or fold(stem) in neighbours


def fold(name: str) -> str:
    """Return *name* so that names differing only in letter case are equal, as they are to CLIP."""
    return name.casefold()


def is_text(name: str) -> bool:
    """Tell whether a file's name is text; the bytes of one that is not cannot be typed."""
    return name.isascii() or as_text(name) == name


def as_text(name: str) -> str:
    """Return *name* with bytes that are no text written out, so that any program can show it."""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode("utf-8")


def natural_key(name: str) -> list[int | str]:
    """Return a sort key that puts `a2` before `a10`: text and numbers in turn."""
    parts = _DIGITS.split(fold(name))
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def is_generic(name: str) -> bool:
    """Tell whether a name is the one that every training by diffusers gives its file."""
    return name.casefold().startswith(_GENERIC)


def warn_generic(name: str, folder: str, stored_name: str | None) -> str:
    """Return a warning for a generic name.

    Args:
        name: the embedding's name.
        folder: name of the folder the file lies in, empty for a root.
        stored_name: the token inside the file.
    """
    proposals = [text for text in (folder, (stored_name or "").strip("<>_ ")) if text]
    better = f" {' or '.join(dict.fromkeys(proposals))}" if proposals else " what you want to type"
    return f"many files are called {name}: rename it to{better}"


def partner_of(filename: str) -> str | None:
    """Return the file with the other half of an SDXL training by diffusers.

    It writes `learned_embeds.safetensors` for one text encoder and `learned_embeds_2.safetensors`
    for the other, with the same ending where it saves in between (`-steps-500`).
    """
    if not filename.startswith(_GENERIC) or filename.startswith(f"{_GENERIC}_2"):
        return None
    return f"{_GENERIC}_2{filename[len(_GENERIC) :]}"
