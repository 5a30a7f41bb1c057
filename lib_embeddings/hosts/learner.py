"""What learns words in the small app. Nothing of torch is imported before the first one."""

from __future__ import annotations

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.imaging import as_png
from lib_embeddings.entries.read import read_embedding
from lib_embeddings.errors import PictureError
from lib_embeddings.hosts.studio import AppStudio
from lib_embeddings.pictures import what_is_missing
from lib_embeddings.training.lessons import Lesson, Lessons
from lib_embeddings.web.learning import OnLearned, OnSample
from lib_embeddings.web.tab import assets

# Steps from one picture of the word to the next.
_SAMPLES_EVERY = 50


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
