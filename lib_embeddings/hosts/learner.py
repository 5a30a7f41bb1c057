"""What learns words in the small app. Nothing of torch is imported before the first one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lib_embeddings.errors import PictureError
from lib_embeddings.pictures import what_is_missing
from lib_embeddings.training.lessons import Lesson, Lessons
from lib_embeddings.web.learning import OnSample, OnStep
from lib_embeddings.web.tab import assets

if TYPE_CHECKING:
    from lib_embeddings.pictures.model import Model

# Steps from one picture of the word to the next.
_SAMPLES_EVERY = 50


class AppLearner:
    """Learns with the small model of this package, which stays loaded."""

    def __init__(self) -> None:
        """Offer the pictures that come with the project."""
        self.lessons = Lessons(assets() / "examples" / "pictures")

    def what_is_missing(self) -> str | None:
        return what_is_missing()

    def learn(self, lesson: Lesson, on_step: OnStep, on_sample: OnSample) -> str:
        from lib_embeddings.pictures.compare import Painted, as_png  # noqa: PLC0415
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
                model=self._model,
                state=lesson.state,
                on_step=show,
                samples_every=_SAMPLES_EVERY,
                on_sample=paint,
                **recipe.as_json(),
            )
            paint(learned.preview)
            return str(learned.save(lesson.target))
        except OSError as error:
            raise PictureError(f"{error.filename} cannot be written: {error.strerror}") from error

    @cached_property
    def _model(self) -> Model:
        from lib_embeddings.pictures.model import load  # noqa: PLC0415

        return load()
