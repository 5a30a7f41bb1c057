"""Names: what files are called, how names compare, and to which prompt field one belongs."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, get_args

from lib_embeddings.errors import shown

# Suffixes that can hold an embedding. Of two files of one name in one folder, the earlier suffix
# wins; pictures come last.
WEIGHT_SUFFIXES = (".safetensors", ".pt", ".bin", ".pth", ".ckpt", ".pkl")
PICTURE_SUFFIXES = (".png", ".webp", ".jxl", ".avif")
SUFFIXES = WEIGHT_SUFFIXES + PICTURE_SUFFIXES

# What lies beside an embedding is called after it: its name, perhaps one of these words, and one of
# these suffixes. Of several pictures the earliest suffix is shown.
PREVIEW, THUMB, DESCRIPTION = ".preview", ".thumb", ".description"
# Ours: the pictures that an embedding was learned from, in one.
EXAMPLES = ".examples"
# Of tools that keep there what a site says: civitai-helper, LoRA Manager, Stability Matrix,
# SwarmUI, civitai-browser-plus.
CIVITAI, METADATA, MATRIX = ".civitai", ".metadata", ".cm-info"
SWARM, BROWSER = ".swarm", ".api_info"
COMPANION_WORDS = (
    *(PREVIEW, THUMB, DESCRIPTION, EXAMPLES),
    *(CIVITAI, METADATA, MATRIX, SWARM, BROWSER),
)
SHOWN_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif")
VIDEO_SUFFIXES = (".mp4", ".webm")
SIDECAR_SUFFIX, TEXT_SUFFIX, INFO_SUFFIX = ".json", ".txt", ".info"
COMPANION_SUFFIXES = frozenset(
    (*PICTURE_SUFFIXES, *SHOWN_SUFFIXES, *VIDEO_SUFFIXES, SIDECAR_SUFFIX, TEXT_SUFFIX, INFO_SUFFIX)
)

# What else lies among embeddings, and what somebody has put aside: never looked into.
_OTHER_SUFFIXES = COMPANION_SUFFIXES - {TEXT_SUFFIX} | {
    *(".yaml", ".yml", ".toml", ".ini", ".cfg", ".csv", ".log", ".md", ".rst", ".pdf"),
    *(".html", ".htm", ".url", ".lnk", ".desktop", ".py", ".sh", ".bat", ".js", ".css"),
    *(".db", ".sqlite"),
    *(".mov", ".mkv", ".bmp", ".tif", ".tiff", ".svg", ".psd", ".mp3", ".wav"),
    *(".bak", ".old", ".orig", ".disabled", ".off", ".aria2", ".optim", ".gguf"),
    *(".sha256", ".md5", ".asc", ".sig", ".lock", ".metadata"),
}
# Endings with a digit, which others could be a part of the name: `v1.5`.
_DIGIT_SUFFIXES = frozenset((".7z", ".bz2", ".h5", ".lz4", ".mp3", ".mp4"))
# In a cache of Hugging Face's, the files that links of other names lead to.
_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# An ending in the middle of a name, where a program or a person has added something after it.
_ENDING_INSIDE = re.compile(
    rf"(.+?)({'|'.join(map(re.escape, WEIGHT_SUFFIXES))})(?![a-z0-9])", re.IGNORECASE
)

# Names under which downloaders, browsers and editors write; the real name comes by a rename.
_TEMPORARY = (".part", ".crdownload", ".tmp", ".download", ".incomplete", "~")

# What every training by diffusers calls its file.
GENERIC = "learned_embeds"
_MARKS = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"(\d{1,18})")

# What a file may not be called on one system or another.
_SEPARATORS = frozenset('/\\:*?"<>|')
# Unicode's categories of what cannot be seen: control, format, surrogate, line, paragraph, space.
_UNSEEN_KINDS = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp", "Zs"))
# What cannot be seen though its category is that of letters, accents or signs.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SELECTORS = re.compile("[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_JOINERS = "\u200c\u200d"
# Scripts and signs that are written with joiners and selectors begin after Europe's letters.
_LAST_OF_EUROPE = "\u052f"
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?: *\.|$)", re.IGNORECASE
)
# What another file is called after an embedding, so that none can be an embedding's own name.
_OTHERS_ENDINGS = (*SUFFIXES, *COMPANION_WORDS, *sorted(COMPANION_SUFFIXES))


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is passed by."""
    return name.startswith(".")


def is_temporary(name: str) -> bool:
    """Return whether a file of this name is passed by until it is renamed."""
    return name.lower().endswith(_TEMPORARY)


def split_name(filename: str) -> tuple[str, str]:
    """Return the name a file gives its embedding, and its suffix in lower case."""
    # os.path.splitext takes three times as long, which counts for ten thousand files.
    stem, dot, suffix = filename.rpartition(".")
    return (stem, dot + suffix.lower()) if stem.strip(".") else (filename, "")


def may_be_embedding(stem: str, suffix: str, weights: frozenset[str]) -> bool:
    """Return whether a file may be an embedding: a picture may only show what one does.

    Args:
        stem: with the suffix, what `split_name` makes of the file's name.
        weights: folded names of the weight files in its folder.
    """
    if suffix in PICTURE_SUFFIXES:
        return not stem.lower().endswith(PREVIEW) and fold(stem) not in weights
    return suffix in WEIGHT_SUFFIXES


def may_be_misnamed(stem: str, suffix: str) -> bool:
    """Return whether a file of another ending may be an embedding saved under a wrong name.

    Args:
        stem: with the suffix, what `split_name` makes of the file's name.
    """
    if suffix in _OTHER_SUFFIXES or is_temporary(suffix or stem):
        return False
    if suffix == TEXT_SUFFIX:  # some systems add it to what they do not know
        return split_name(stem)[1] in WEIGHT_SUFFIXES
    return bool(suffix) or not _BLOB.fullmatch(stem)


def was_embedding(filename: str) -> bool:
    """Return whether something was added to the name of an embedding, as in `x.safetensors.1`."""
    return _ENDING_INSIDE.match(filename) is not None


def mend_ending(filename: str, suffix: str) -> str:
    """Return what a misnamed file should be called.

    Args:
        suffix: the usual one for what it holds.
    """
    inside = _ENDING_INSIDE.match(filename)
    if inside:
        is_right = (inside[2].lower() == ".safetensors") == (suffix == ".safetensors")
        return inside[1] + (inside[2] if is_right else suffix)
    asked = filename.partition("?")[0].rstrip(". ")  # some programs keep what a link asks for
    stem, ending = split_name(asked)
    is_ending = ending[1:].isalpha() or ending in _DIGIT_SUFFIXES
    return (stem if is_ending else asked) + suffix


def fold(name: str) -> str:
    """Return *name* so that names are equal which are equal to CLIP.

    It compares small letters, so that `groß` and `gross` are two names, and composed characters:
    some systems keep file names with each accent as a character of its own.
    """
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).lower()


def bare(text: str) -> str:
    """Return the letters and digits of a text, folded: people mistake gaps and marks in names."""
    return _MARKS.sub("", fold(text))


def is_text(name: str) -> bool:
    """Return whether a file's name is text; the bytes of one that is not cannot be typed."""
    return name.isascii() or as_text(name) == name


def as_text(name: str) -> str:
    """Return *name* with bytes that are not text written out, so that any program can show it."""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode("utf-8")


def why_no_filename(name: str) -> str | None:
    """Return why this cannot be the name of a file on some system; None where it is good on all."""
    if not name.strip():
        return "the name is empty: type one"
    for before, character in zip(" " + name, name, strict=False):
        if character in _SEPARATORS:
            return f"{shown(name)}: a file's name cannot have {shown(character)} in it"
        if _is_unseen(character, before):
            code = f"U+{ord(character):04X}"
            return f"{shown(name)}: it contains an invisible character ({code}): remove it"
    if name != name.strip() or name.strip(".") != name:
        return f"{shown(name)}: a file's name should not begin or end with a dot or space"
    if _DEVICE.match(name):
        return f"{shown(name)}: Windows keeps this name for a device: choose another"
    for ending in _OTHERS_ENDINGS:
        if name.lower().endswith(ending):
            return f"{shown(name)}: type the name without {ending} at its end"
    return None


def _is_unseen(character: str, before: str) -> bool:
    """Return whether a character cannot be seen in a name, after the one *before*."""
    if character in _JOINERS or _SELECTORS.match(character):
        return before <= _LAST_OF_EUROPE
    kind = unicodedata.category(character)
    return character in _UNSEEN or (kind in _UNSEEN_KINDS and character != " ")


def natural_key(name: str) -> list[int | str]:
    """Return a sort key that puts `a2` before `a10`: text and numbers in turn."""
    parts = _DIGITS.split(fold(name))
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def is_generic(name: str) -> bool:
    """Return whether a name is the one that every training by diffusers gives its file."""
    return fold(name).startswith(GENERIC)


def partner_of(filename: str) -> str | None:
    """Return the file with the other half of an SDXL training by diffusers.

    It writes `learned_embeds.safetensors` for one text encoder and `learned_embeds_2.safetensors`
    for the other, with the same ending where it saves in between (`-steps-500`). A pair that was
    renamed is `cat.safetensors` and `cat_2.safetensors`.
    """
    head = GENERIC if filename.startswith(GENERIC) else filename.rpartition(".")[0]
    if not head or filename.startswith(f"{GENERIC}_2"):
        return None
    return f"{head}_2{filename[len(head) :]}"


# The two prompt fields, and to which of them a name belongs

Field = Literal["positive", "negative"]
FIELDS: tuple[Field, ...] = get_args(Field)

# What public collections call embeddings for the negative prompt; `(?<![a-z])` begins a word.
_NEGATIVE = re.compile(
    r"""
    negative (?! [\W_]* space )
    | neg (?: v?\d | (?![a-z]) )  # lazyneg, ERA09NEGV2, Neg_Facelift
    | (?<![a-z]) neg (?: anatom | embed | feet | hand | mutation | prompt )
    | (?<![a-z]) ng [_-]
    | (?<![a-z]) bad [\W_]* (?: v?\d | $ | anatom | artist | body | dream | eye | fac | feet
        | finger | hand | image | pic | prompt | quality )
    | (?<![a-z]) (?: awful | boring | deformit | horrors | unaesthetic | unrealistic )
    | (?<![a-z]) ugly (?: v?\d | $ )
    | (?<![a-z]) worst [\W_]* (?: quality | $ )
    | (?<![a-z]) n (?: art | real )? fixer
    """,
    re.VERBOSE,
)


def guess_field(name: str) -> Field:
    """Guess to which prompt field an embedding belongs from its name.

    Of 118 public names of negative embeddings it is right about 111, and of 237 others about all.
    """
    return "negative" if _NEGATIVE.search(name.lower()) else "positive"
