"""What can be wrong with a file, as exceptions.

    EmbeddingError          .path is attached by whoever opened the file, never by a parser
    ├ NotAnEmbedding        readable, but something else: a LoRA, a checkpoint, a picture
    ├ BrokenFile            cut short, damaged, a web page, a git-lfs pointer
    │ ├ LimitExceeded       larger than anything an embedding needs
    │ └ PackedEmbedding     an archive with an embedding in it
    └ UnsafeFile            a pickle asks for something outside the allow-list

    MoveError               the new name is taken, or the disk refuses
    └ BadName               no file should be called so

    WriteError              what lies beside an embedding cannot be changed
    └ BadPicture            what should show it is not a picture

    SourceError             a site has it not, gives it not, or gives something else
    ├ NotFound              nothing is there
    ├ Unreachable           no answer, or one that was cut off: another try may help
    ├ NameRefused           no file of this name can be kept: another name may help
    └ WrongHash             what came is not what the site named
    PictureError            no picture can be painted, or no word learned, from what was given

    HostError               the WebUI lacks what we call, whatever the files

The classes under `EmbeddingError` do not inherit from each other's meaning: *something else* and
*damaged* lead to different advice, so no reader may turn one into the other.

Messages are one line, lower case, *what: expected X, found Y*, and say what to do when there is
something to do: only where a broken download is likely, to download it again. The same sentence is
shown on the card, in the API and in the console.
"""

from __future__ import annotations


class EmbeddingError(Exception):
    """A file cannot be used as an embedding; `str()` is the sentence for the user."""

    path: str | None = None


class NotAnEmbedding(EmbeddingError):
    """The file is sound but holds something else."""


class BrokenFile(EmbeddingError):
    """The file is damaged, or is not what its bytes claim."""


class LimitExceeded(BrokenFile):
    """A part of the file is larger than its bound in `limits.py`.

    Attributes:
        limit: what is counted, as words that follow a number.
        allowed: the bound.
        found: what the file has or claims.
    """

    def __init__(self, limit: str, allowed: int, found: int) -> None:
        super().__init__(
            f"too large for an embedding: found {found:,} {limit}, expected at most {allowed:,}"
        )
        self.limit = limit
        self.allowed = allowed
        self.found = found


class PackedEmbedding(BrokenFile):
    """The file is an archive with an embedding in it, which has to be unpacked."""


class UnsafeFile(EmbeddingError):
    """A pickle asks for code or a class that no embedding needs.

    Attributes:
        wanted: the dotted name it asks for.
        offset: where in the pickle, in bytes.
    """

    def __init__(self, wanted: str, offset: int) -> None:
        super().__init__(f"its pickle asks for {shown(wanted)}; nothing was run")
        self.wanted = wanted
        self.offset = offset


class MoveError(Exception):
    """An embedding's files cannot be moved, and none was; `str()` is the sentence for the user."""


class BadName(MoveError):
    """The new name is none that a file should have."""


class WriteError(Exception):
    """Nothing beside an embedding was changed; `str()` is the sentence for the user."""


class BadPicture(WriteError):
    """It cannot be shown."""


class SourceError(Exception):
    """A site gave no embedding that can be trusted, and none was kept; `str()` says why."""


class NotFound(SourceError):
    """The site has nothing there."""


class Unreachable(SourceError):
    """The site did not answer, or not to the end."""


class NameRefused(SourceError):
    """The name is taken, or none that a file should have."""


class WrongHash(SourceError):
    """The file has another SHA-256 than the one that the site names."""


class PictureError(Exception):
    """A model cannot paint or learn what was asked; `str()` is the sentence for the user."""


class HostError(Exception):
    """A WebUI lacks something that is needed of it.

    Attributes:
        host: which WebUI.
        version: its version, None where it is not known.
        missing: what it lacks.
    """

    def __init__(self, host: str, version: str | None, missing: str) -> None:
        super().__init__(f"{host}{f' {version}' if version else ''} has no {missing}")
        self.host = host
        self.version = version
        self.missing = missing


def counted(number: int, thing: str) -> str:
    """Return a number with what is counted, as a message has it: `1 file`, `1,000 files`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def shown(text: str, length: int = 80) -> str:
    """Return text that came with a file fit for a message: one line, printable, not too long."""
    short = text if len(text) <= length else text[: length - 1] + "…"
    if short.isprintable():
        return short
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short)
