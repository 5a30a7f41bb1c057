"""What a prompt of SD.Next uses, and what its infotext names.

One function of SD.Next makes the arguments of every pass (base, hires, refiner), whatever reads the
prompts: its own parser, xhinker's, or the pipeline itself. It is wrapped, with the same signature:

    set_pipeline_args   is given prompts in which our tokens stand for names

SD.Next finds encoded prompts that it has kept by their text, so another file of the same name,
which has other tokens, is never mistaken for the one before.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Mapping
from functools import partial
from typing import Any

from modules import processing_args, prompt_parser_diffusers

from lib_embeddings.hosts.sdnext.models import (
    ModelEmbedding,
    PipelineEncoder,
    is_ours,
    is_usable,
    loaded_database,
    text_encoders,
    write,
)
from lib_embeddings.hosts.webui.extension import (
    INFOTEXT_PART,
    REPORT_PART,
    Hooks,
    Undo,
    replace,
)
from lib_embeddings.prompts.infotext import TI_HASHES, join_hashes, name_in_infotext
from lib_embeddings.prompts.tokens import Matcher

PROMPTS_PART = "use of embeddings in prompts"

_NAMES = "Embeddings"  # SD.Next's own field

# Words as CLIP splits them. What is grammar in a prompt is a word of its own, or an escaped
# character.
_WORD = re.compile(r"\\?[()\[\]:|]|\\\\|[^\W\d_]+|\d|(?:[^\w\s()\[\]:|\\]|_)+|\\")
_ESCAPED = re.compile(r"[()\[\]\\]")

# What is given to a pass: one prompt, or one for each picture.
_Prompts = str | list[str] | None


class Names:
    """The names of embeddings, ready to be found in prompts: whole words, in any letter case."""

    def __init__(self, embeddings: Mapping[str, ModelEmbedding]) -> None:
        """Prepare them by name; of names that read alike the first one counts."""
        self.embeddings = embeddings
        self._ids: dict[str, int] = {}
        written = ((name, _ESCAPED.sub(r"\\\g<0>", name)) for name in embeddings)
        self._matcher = Matcher(
            {
                name: [
                    self._ids.setdefault(_plain(word[0]), len(self._ids))
                    for word in _WORD.finditer(unicodedata.normalize("NFC", text))
                ]
                for name, text in written
            }
        )

    def replace_in(
        self, typed: str, encoders: tuple[PipelineEncoder, ...], used: dict[str, ModelEmbedding]
    ) -> str:
        """Return a prompt in which tokens stand for names, and add what it uses to *used*."""
        prompt = unicodedata.normalize("NFC", typed)
        words = list(_WORD.finditer(prompt))
        parts: list[str] = []
        end = 0
        for match in self._matcher.find([self._ids.get(_plain(word[0]), -1) for word in words]):
            embedding = self.embeddings[match.name]
            if is_usable(embedding, encoders):
                write(embedding, encoders)
                used[embedding.name] = embedding
                parts += [prompt[end : words[match.start].start()], " ".join(embedding.tokens)]
                end = words[match.start + match.n_tokens - 1].end()
        return "".join([*parts, prompt[end:]]) if parts else typed


def _plain(word: str) -> str:
    """Return a word as it is compared. Only brackets mean something else without a backslash."""
    return word[-1] if word[-1] in ":|" else word.lower()


class PromptHooks:
    """Puts our tokens into the prompts of each pass, and notes what the pass uses."""

    def __init__(self, hooks: Hooks) -> None:
        """Prepare; nothing is hooked before `hook`, and no name is known before `use`.

        Args:
            hooks: guards what is done at each pass.
        """
        self._hooks = hooks
        self._names = Names({})

    def use(self, embeddings: Mapping[str, ModelEmbedding]) -> None:
        """Let prompts use these embeddings from now on, by name, and no others of ours."""
        if embeddings is not self._names.embeddings:
            self._names = Names(embeddings)

    def hook(self) -> Undo:
        """Wrap SD.Next's function, and return what puts it back unless somebody wrapped ours.

        Raises:
            AttributeError: it has no function of that name.
        """
        # The module that calls it, once it is imported: importing it here would ask for a model.
        owner = sys.modules.get("modules.processing_diffusers", processing_args)
        own = owner.set_pipeline_args

        def set_pipeline_args(  # noqa: PLR0913, PLR0917 - theirs
            p: Any,
            model: Any,
            prompts: _Prompts,
            negative_prompts: _Prompts,
            prompts_2: _Prompts = None,
            negative_prompts_2: _Prompts = None,
            *args: Any,
            **kwargs: Any,
        ) -> Any:
            typed = (prompts, negative_prompts, prompts_2, negative_prompts_2)
            used: dict[str, ModelEmbedding] = {}
            read = partial(self._read, model, typed, used)
            given = self._hooks.guard(PROMPTS_PART, read)
            if given is None:
                used.clear()
            made = own(p, model, *(given or typed), *args, **kwargs)
            self._hooks.guard(INFOTEXT_PART, partial(_note, p, used))
            self._hooks.guard(REPORT_PART, partial(_keep, p, prompts, negative_prompts))
            return made

        put_back = replace(owner, "set_pipeline_args", set_pipeline_args)

        def undo() -> None:
            self.use({})
            put_back()

        return undo

    def _read(
        self, pipe: Any, prompts: tuple[_Prompts, ...], used: dict[str, ModelEmbedding]
    ) -> tuple[_Prompts, ...] | None:
        """Return the prompts of a pass with our tokens in them; None where none has any."""
        encoders = text_encoders(pipe)
        if not encoders:
            return None
        read = partial(self._names.replace_in, encoders=encoders, used=used)
        given = tuple(
            [read(text) for text in each]
            if isinstance(each, list)
            else read(each)
            if each
            else each
            for each in prompts
        )
        return given if used else None


def begin(generation: Any) -> None:
    """Forget what an earlier batch of the same generation used."""
    for key in (_NAMES, TI_HASHES):
        generation.extra_generation_params.pop(key, None)


def _keep(generation: Any, prompts: _Prompts, negative_prompts: _Prompts) -> None:
    """Keep the prompts of later passes where AUTOMATIC1111's WebUI has them, for the report."""
    if generation.is_hr_pass or generation.is_refiner_pass:
        for name, given in (
            ("all_hr_prompts", prompts),
            ("all_hr_negative_prompts", negative_prompts),
        ):
            more = [given] if isinstance(given, str) else given or ()
            setattr(generation, name, [*getattr(generation, name), *more])


def forget_prompts() -> None:
    """Let every prompt be encoded again."""
    prompt_parser_diffusers.cache.clear()


def _note(generation: Any, used: dict[str, ModelEmbedding]) -> None:
    """Let the infotext name what a pass used, in place of our tokens."""
    given, database = generation.extra_generation_params, loaded_database()
    theirs: list[str] = []
    if database is not None:
        theirs = [token for token in database.embeddings_used if not is_ours(token)]
        database.embeddings_used = theirs
    if used:
        hashes = {name_in_infotext(name): each.shorthash for name, each in used.items()}
        known = [f"{name}: {hash_}" for name, hash_ in hashes.items() if hash_]
        given[_NAMES] = join_hashes(given.get(_NAMES, ""), *hashes, *theirs)
        given[TI_HASHES] = join_hashes(given.get(TI_HASHES, ""), *known)
