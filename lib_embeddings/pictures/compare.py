"""Show what embeddings do: pictures of the same seeds without | with them.

from lib_embeddings.pictures.compare import compare

comparison = compare(["embeddings/marc_allante.bin"], model="models/sd15.safetensors")
comparison.sheet.show()
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from lib_embeddings.entries.imaging import as_png
from lib_embeddings.entries.read import read_embedding, sha256
from lib_embeddings.errors import PictureError
from lib_embeddings.names import guess_field
from lib_embeddings.pictures.encode import rows_of
from lib_embeddings.pictures.model import Model, load
from lib_embeddings.pictures.paint import SAMPLER, OnStep, completed_for, on_no_step, paint
from lib_embeddings.prompts.infotext import TI_HASHES, name_in_infotext, short_hash
from lib_embeddings.prompts.wishes import PaintSettings, Purpose, Wish, columns, kind_of

# Anything that some system does not allow in a name.
_AS_FILENAME = re.compile(r'[\\/:*?"<>|\s]+')

_SMALLEST_CELL = 128
_LABEL, _GUTTER = 18, 6


class Painted(NamedTuple):
    """One picture, with what WebUIs write into theirs."""

    label: str
    seed: int
    picture: Image.Image
    infotext: str


@dataclass(frozen=True)
class Comparison:
    """Pictures of the same seeds, row by row.

    Attributes:
        names: of the embeddings.
        columns: the number of pictures in a row.
    """

    names: tuple[str, ...]
    columns: int
    pictures: tuple[Painted, ...]

    @property
    def sheet(self) -> Image.Image:
        """All pictures as one, with labels."""
        width, height = self.pictures[0].picture.size
        zoom = max(1, -(-_SMALLEST_CELL // width))
        x_step, y_step = width * zoom + _GUTTER, height * zoom + _GUTTER + _LABEL
        rows = len(self.pictures) // self.columns
        sheet = Image.new("RGB", (x_step * self.columns, y_step * rows), "white")
        pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_LABEL - _GUTTER)
        for number, (label, seed, picture, _) in enumerate(self.pictures):
            x, y = x_step * (number % self.columns), y_step * (number // self.columns)
            pen.text((x + 1, y), f"{label}, seed {seed}", fill="black", font=font)
            enlarged = picture.resize((width * zoom, height * zoom), Image.Resampling.NEAREST)
            sheet.paste(enlarged, (x, y + _LABEL))
        return sheet

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write the sheet and the single pictures, and return where they are.

        Nothing is replaced: if there is a picture of that name, the new one gets a number.
        """
        Path(folder).mkdir(parents=True, exist_ok=True)
        stem = Path(folder) / _AS_FILENAME.sub("-", " ".join(self.names))
        return [
            write_new(stem, "compared", self.sheet, self.pictures[-1].infotext),
            *(
                write_new(stem, f"{seed} {_AS_FILENAME.sub('-', label)}", picture, infotext)
                for label, seed, picture, infotext in self.pictures
            ),
        ]


def compare(  # noqa: PLR0913 - what a person may choose
    files: Iterable[str | os.PathLike[str]],
    *,
    model: Model | str | os.PathLike[str] | None = None,
    prompt: str | None = None,
    negative: str | None = None,
    kind: Purpose | None = None,
    seeds: Iterable[int] = range(4),
    weights: Sequence[float] = (0, 1),
    settings: PaintSettings | None = None,
    on_step: OnStep = on_no_step,
) -> Comparison:
    """Paint the same seeds without and with embeddings.

    Args:
        files: the embeddings.
        model: a loaded one, or the path of one; by default the small one of this package.
        prompt: with `{name}` where the name goes. Without it the name is put at the end of the
            prompt, or of the negative prompt for a negative embedding.
        negative: the negative prompt; the same holds for it.
        kind: of the embeddings; by default what their recipe or their name says.
        weights: of the name, one for each column; 0 is without it.

    Raises:
        PictureError: something that was asked for cannot be done; nothing was painted.
        EmbeddingError: a file is not a usable embedding.
        OSError: a file cannot be opened.
    """
    paths = [os.fspath(file) for file in files]
    embeddings = {each.name: each for each in map(read_embedding, paths)}
    if not paths:
        raise PictureError("no file given: give at least one")
    if len(embeddings) < len(paths):
        raise PictureError("two files have the same name: rename one of them")
    hashes = dict(zip(embeddings, map(sha256, paths), strict=True))
    loaded = model if isinstance(model, Model) else load(model)
    rows = {name: rows_of(each, loaded) for name, each in embeddings.items()}
    kinds = {
        name: kind or kind_of(each.metadata, guess_field(name)) for name, each in embeddings.items()
    }
    ways = columns(kinds, prompt, negative, weights)
    chosen = completed_for(settings or PaintSettings(), loaded)
    cells = [(column, column.wish(seed)) for seed in seeds for column in ways]
    pictures = paint(loaded, rows, [wish for _, wish in cells], chosen, on_step)
    painted = []
    for (column, wish), picture in zip(cells, pictures, strict=True):
        used = {column.name: hashes[column.name]} if column.name else {}
        text = infotext_of(wish, chosen, loaded, picture.size, used)
        painted.append(Painted(column.label, wish.seed, picture, text))
    return Comparison(tuple(embeddings), len(ways), tuple(painted))


def infotext_of(
    wish: Wish,
    settings: PaintSettings,
    model: Model,
    size: tuple[int, int],
    used: Mapping[str, str],
) -> str:
    """Return what WebUIs write into a picture.

    Args:
        used: name -> SHA-256 of the embeddings that it uses.
    """
    lines = [wish.prompt]
    if wish.negative:
        lines.append(f"Negative prompt: {wish.negative}")
    fields = {
        "Steps": settings.steps,
        "Sampler": SAMPLER,
        "CFG scale": f"{completed_for(settings, model).guidance:g}",
        "Seed": wish.seed,
        "Size": "{}x{}".format(*size),
        "Model hash": model.sha256[:10],
        "Model": model.title.replace(",", ""),
    }
    if used:
        hashes = (f"{name_in_infotext(name)}: {short_hash(hash_)}" for name, hash_ in used.items())
        fields[TI_HASHES] = f'"{", ".join(hashes)}"'
    lines.append(", ".join(f"{key}: {value}" for key, value in fields.items()))
    return "\n".join(lines)


def write_new(stem: Path, label: str, picture: Image.Image, infotext: str) -> Path:
    """Write a picture as PNG under a name that is free, and return where it is."""
    data = as_png(picture, infotext)
    names = (f"{stem.name} {label}{f' {number}' * (number > 1)}.png" for number in count(1))
    path = next(path for path in map(stem.with_name, names) if not path.exists())
    with path.open("xb") as file:
        file.write(data)
    return path
