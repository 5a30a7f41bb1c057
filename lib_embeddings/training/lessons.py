"""Lessons: all that a word is learned from, in a folder of ours until it is learned.

A page sends pictures one by one, and then says which of them make a lesson. A lesson that was
interrupted is still there when the app starts again, with the state of its learning, and can go on.
Imports no torch: pictures are checked before anything is learned.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from lib_embeddings.entries.writing import sweep, write_at_once
from lib_embeddings.errors import PictureError, shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import fold
from lib_embeddings.our_files import our_path
from lib_embeddings.training.examples import check_number, example_of
from lib_embeddings.training.recipe import Recipe, usual_numbers

_ID = re.compile(r"[0-9a-f]{64}")
_RECORD, _STATE = "lesson.json", "state"


class Lesson(NamedTuple):
    """One word to learn.

    Attributes:
        folder: ours, with the pictures and the texts beside them.
        target: the folder where the embedding goes.
    """

    folder: Path
    recipe: Recipe
    target: str

    @property
    def state(self) -> Path:
        """The file that keeps the state of its learning."""
        return self.folder / _STATE


class Lessons:
    """The lessons of one person, and the pictures for the next one. Any thread may call it."""

    # What each number of a recipe is where nobody chooses, and its bounds.
    numbers: Mapping[str, Mapping[str, int]] = usual_numbers()

    def __init__(self, shipped: Path | None, folder: Path | None = None) -> None:
        """Take in what is there.

        Args:
            shipped: the folder of the pictures that come with the project.
            folder: of ours; by default in the user's data folder.
        """
        self._shipped = shipped
        self._folder = folder or our_path("learning")
        self._pictures = self._folder / "pictures"
        self._writing = threading.Lock()

    @cached_property
    def shipped(self) -> Mapping[str, Path]:
        """The pictures that come with the project, by their ids."""
        paths = sorted(self._shipped.glob("*.png")) if self._shipped else ()
        return {example_of(path.read_bytes(), path.name).sha256: path for path in paths}

    def add_picture(self, data: bytes, name: str) -> str:
        """Keep a picture for a day, and return its id. Raises `PictureError` if it is useless."""
        id_ = example_of(data, name).sha256
        with self._writing:
            self._pictures.mkdir(parents=True, exist_ok=True)
            sweep(self._pictures)
            write_at_once(self._pictures / id_, data)
            self._forget_old()
        return id_

    def seen(self, id_: str, side: int) -> bytes | None:
        """Return the visible square of a picture, as WebP of *side* pixels; None if it is gone."""
        path = self._path(id_)
        if path is None:
            return None
        file = io.BytesIO()
        example_of(path.read_bytes(), id_).seen(side).save(file, "WEBP")
        return file.getvalue()

    def begin(self, options: Mapping[str, Any], pictures: Mapping[str, str], target: str) -> Lesson:
        """Make a lesson.

        Args:
            options: the fields of a recipe.
            pictures: the caption of each, by its id.

        Raises:
            PictureError: nothing can be learned like this, or it has already begun.
        """
        recipe = Recipe(**options)
        recipe.check()
        check_number(len(pictures))
        paths = {id_: path for id_ in pictures if (path := self._path(id_))}
        if len(paths) < len(pictures):
            raise PictureError("a picture is no longer kept: add it again")
        lesson = Lesson(self._folder / "lessons" / recipe.name, recipe, target)
        with self._writing:
            if self.find(recipe.name):
                raise PictureError(
                    f"{shown(recipe.name)} has already been started: resume it or discard it"
                )
            shutil.rmtree(lesson.folder, ignore_errors=True)
            lesson.folder.mkdir(parents=True)
            for number, (id_, path) in enumerate(paths.items(), 1):
                copy = lesson.folder / f"{number:03}.png"  # whatever it is: its bytes decide
                shutil.copyfile(path, copy)
                copy.with_suffix(".txt").write_text(pictures[id_], encoding="utf-8")
            record = {"recipe": recipe.as_json(), "target": target}
            write_at_once(lesson.folder / _RECORD, json.dumps(record).encode())
        return lesson

    def all(self) -> list[Lesson]:
        """Return the lessons whose word is not learned yet, by name."""
        with suppress(OSError):
            folders = sorted((self._folder / "lessons").iterdir())
            return [lesson for folder in folders if (lesson := _lesson_in(folder))]
        return []

    def find(self, name: str) -> Lesson | None:
        """Return the lesson of a word, in any letter case; None if there is none."""
        wanted = fold(name)
        return next((each for each in self.all() if fold(each.recipe.name) == wanted), None)

    def forget(self, lesson: Lesson) -> None:
        """Delete a lesson."""
        shutil.rmtree(lesson.folder, ignore_errors=True)

    def _path(self, id_: str) -> Path | None:
        if not _ID.fullmatch(id_):
            return None
        path = self.shipped.get(id_, self._pictures / id_)
        return path if path.is_file() else None

    def _forget_old(self) -> None:
        """Delete pictures that nobody used for a lesson, the oldest first if there are many."""
        kept = 0
        pictures = [(path.stat(), path) for path in self._pictures.iterdir()]
        for stat, path in sorted(pictures, key=lambda each: -each[0].st_mtime):
            kept += stat.st_size
            is_old = time.time() - stat.st_mtime > LIMITS.kept_seconds
            if is_old or kept > LIMITS.waiting_pictures_bytes:
                path.unlink(missing_ok=True)


def _lesson_in(folder: Path) -> Lesson | None:
    try:
        record = json.loads((folder / _RECORD).read_bytes())
        return Lesson(folder, Recipe(**record["recipe"]), record["target"])
    except (OSError, ValueError, TypeError, KeyError):
        return None  # it is incomplete, or from another version
