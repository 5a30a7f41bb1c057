"""What paints in the small app: a model of diffusers, which stays loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.imaging import as_png
from lib_embeddings.entries.read import read_embedding, sha256
from lib_embeddings.errors import PictureError
from lib_embeddings.pictures import what_is_missing
from lib_embeddings.prompts.wishes import PaintSettings, Wish
from lib_embeddings.web.painting import OnPainted, Painting

if TYPE_CHECKING:
    from lib_embeddings.pictures.encode import EncoderRows
    from lib_embeddings.pictures.model import Model


class AppStudio:
    """Paints with one model. What it needs is imported when somebody asks for the first picture."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        """Choose the model: a checkpoint or a folder of diffusers; by default the small one."""
        self._path = path

    @cached_property
    def model(self) -> Model:
        """The model. Raises `PictureError` where it cannot be loaded."""
        from lib_embeddings.pictures.model import load  # noqa: PLC0415

        return load(self._path)

    @property
    def has_model(self) -> bool:
        """Whether the model is loaded by now."""
        return "model" in vars(self)

    def what_is_missing(self) -> str | None:
        return what_is_missing()

    def open(self, entries: Sequence[Entry] = ()) -> str:
        self._rows(entries)
        return str(self.model)

    def paint(
        self, entries: Sequence[Entry], wish: Wish, settings: PaintSettings, on_step: OnPainted
    ) -> Painting:
        from lib_embeddings.pictures.compare import infotext_of  # noqa: PLC0415
        from lib_embeddings.pictures.paint import Live, paint  # noqa: PLC0415

        def show(step: int, steps: int, live: Live) -> None:
            on_step(step, steps, lambda: as_png(live()[0]))

        (picture,) = paint(self.model, self._rows(entries), [wish], settings, show)
        used = {entry.place.name: sha256(entry.place.full_path) for entry in entries}
        infotext = infotext_of(wish, settings, self.model, picture.size, used)
        return Painting(as_png(picture, infotext), infotext)

    def _rows(self, entries: Sequence[Entry]) -> Mapping[str, EncoderRows]:
        """Return the rows of embeddings for the model. Raises as `paint` does."""
        from lib_embeddings.pictures.encode import rows_of  # noqa: PLC0415

        try:
            read = [read_embedding(entry.place.full_path) for entry in entries]
        except OSError as error:
            raise PictureError(f"an embedding cannot be read: {error.strerror}") from error
        return {each.name: rows_of(each, self.model) for each in read}
