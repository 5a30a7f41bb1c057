"""What paints and learns in the small app: a model of diffusers, which stays loaded.

Nothing of torch is imported before somebody asks for the first picture or word.
"""

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
from lib_embeddings.training.lessons import Lesson, Lessons
from lib_embeddings.web.learning import OnLearned, OnSample
from lib_embeddings.web.painting import OnPainted, Painting
from lib_embeddings.web.tab import assets

if TYPE_CHECKING:
    from lib_embeddings.pictures.encode import EncoderRows
    from lib_embeddings.pictures.model import Model

# Steps from one picture of the word to the next.
_SAMPLES_EVERY = 50


class AppStudio:
    """Paints with one model."""

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
        """Whether the model is already loaded."""
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


class AppLearner:
    """Learns with the model that paints."""

    def __init__(self, studio: AppStudio, *, has_small_model: bool) -> None:
        """Offer the pictures that come with the project to the model that knows what they show."""
        self._studio = studio
        self.lessons = Lessons(assets() / "examples" / "pictures" if has_small_model else None)

    def what_is_missing(self) -> str | None:
        return what_is_missing()

    def near_words(self, entry: Entry) -> dict[str, str]:
        if entry.reading.state != "ok" or not self._studio.has_model:
            return {}
        return self._studio.model.near_words(read_embedding(entry.place.full_path))

    def learn(self, lesson: Lesson, on_step: OnLearned, on_sample: OnSample) -> str:
        from lib_embeddings.pictures.compare import Painted  # noqa: PLC0415
        from lib_embeddings.training.learn import learn, path_for  # noqa: PLC0415
        from lib_embeddings.training.learning import Learning  # noqa: PLC0415

        if missing := what_is_missing():
            raise PictureError(missing)

        def show(learning: Learning) -> bool:
            return on_step(learning.step, learning.looks)

        def paint(sample: Painted) -> None:
            on_sample(sample.label, as_png(sample.picture, sample.infotext))

        recipe = lesson.recipe
        try:
            path_for(lesson.target, recipe.name)
            learned = learn(
                [lesson.folder],
                model=self._studio.model,
                state=lesson.state,
                on_step=show,
                samples_every=_SAMPLES_EVERY,
                on_sample=paint,
                **recipe.as_json(),
            )
            paint(learned.preview)
            return str(learned.save(lesson.target))
        except OSError as error:
            why = error.strerror or error
            raise PictureError(f"the embedding cannot be written: {why}") from error
