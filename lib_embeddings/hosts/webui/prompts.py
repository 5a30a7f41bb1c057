"""The prompts that a WebUI encodes: what they use, who learns of it, and how long they are kept.

A WebUI keeps what it encoded last. What a prompt uses is noted for the infotext only while it is
encoded, if at all: a picture whose prompts are kept gets none of that, and one prompt hides what
another used. So two functions are wrapped, with the same signatures:

    find_embedding_at_position   notes what a prompt uses while it is encoded
    get_conds_with_caching       adds that to what the other prompts of the picture use, even where
                                 the prompt was encoded for an earlier one
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from functools import partial
from itertools import chain, zip_longest
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from modules import processing, shared

from lib_embeddings.hosts.webui.database import HostEmbedding
from lib_embeddings.hosts.webui.extension import INFOTEXT_PART, Hooks, Undo, print_lines, replace
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import Field
from lib_embeddings.prompts.infotext import TI_HASHES, join_hashes, name_in_infotext

# Generations, and most of these for all of their class, keep encoded prompts in lists that begin
# with what a prompt is for, and what it was encoded to.
_CACHES = ("cached_c", "cached_uc", "cached_hr_c", "cached_hr_uc")
_ALL_CACHES = "cond_cache"  # ersatzForge's, a list of such lists
_CLASSES = ("StableDiffusionProcessing", "StableDiffusionProcessingTxt2Img")

_SETTING = "textual_inversion_add_hashes_to_infotext"  # the WebUI's own, which Neo lacks

# What the prompt that this thread encodes uses. Other threads count a prompt's tokens meanwhile.
_found: ContextVar[dict[str, HostEmbedding] | None] = ContextVar("found", default=None)


def keep_apart(generation: Any) -> None:
    """Let a generation keep its own encoded prompts, apart from those of the person's pictures."""
    for name in _CACHES:
        if hasattr(generation, name):
            setattr(generation, name, [None] * len(getattr(generation, name)))
    if hasattr(generation, _ALL_CACHES):
        setattr(generation, _ALL_CACHES, [])


def _kept_by(owner: Any) -> list[list[Any]]:
    """Return the lists in which a generation, or a class of them, keeps encoded prompts."""
    caches = (getattr(owner, name, None) for name in _CACHES)
    return [*getattr(owner, _ALL_CACHES, ()), *filter(None, caches)]


def _classes() -> list[Any]:
    return [getattr(processing, name, None) for name in _CLASSES]


class InfotextWriter:
    """Writes what a generation's prompts use, and lets none use what no longer exists."""

    def __init__(
        self,
        hooks: Hooks,
        database: Any,
        noted: Callable[[], dict[str, Any]],
        *,
        names_field: str | None = None,
    ) -> None:
        """Prepare; nothing is hooked before `hook`.

        Args:
            hooks: guards what is done at each prompt.
            database: what prompts find embeddings in, or the class of all such databases.
            noted: returns what the WebUI itself notes of prompts, which would hide ours.
            names_field: where infotexts have only the names; None where they have them nowhere.
        """
        self._hooks = hooks
        self._database = database
        self._noted = noted
        self._names_field = names_field
        self._fields = tuple(filter(None, (names_field, TI_HASHES)))
        self._is_hooked = False
        self._generations: WeakValueDictionary[int, Any] = WeakValueDictionary()
        # By identity: what a prompt was encoded to, as long as it is kept, and what it uses.
        self._known: dict[int, tuple[Any, dict[str, HostEmbedding]]] = {}

    def hook(self) -> Undo:
        """Wrap the WebUI's functions; return what puts back those that nobody has wrapped again.

        Raises:
            AttributeError: the WebUI has no function of one of these names.
        """
        with ExitStack() as undo:
            undo.callback(_note_found(self._database))
            undo.callback(_wrap_encoding(self._encode))
            undo.callback(self._end)
            self._is_hooked = True
            return undo.pop_all().close

    def _end(self) -> None:
        self._is_hooked = False
        self.forget_prompts()

    def forget_prompts(self) -> None:
        """Let every prompt be encoded again, wherever its encoded form is kept."""
        self._known.clear()
        for cache in chain.from_iterable(map(_kept_by, _classes())):
            cache[0] = None

    def begin(self, generation: Any) -> None:
        """Forget what an earlier batch of the same generation used."""
        self._drop(generation.extra_generation_params)
        self._drop(self._noted())

    def _drop(self, noted: dict[str, Any]) -> None:
        for field in self._fields:
            noted.pop(field, None)

    def _encode(self, generation: Any, caches: list[list[Any]], encode: Callable[[], Any]) -> Any:
        """Encode a prompt, or take it from a cache, and write what it uses into the infotext."""
        if not self._is_hooked:
            return encode()
        self._hooks.guard(INFOTEXT_PART, partial(self._drop_unknown, caches))
        found: dict[str, HostEmbedding] = {}
        before = _found.set(found)
        try:
            encoded = encode()
        finally:
            _found.reset(before)
        self._hooks.guard(INFOTEXT_PART, partial(self._write, generation, encoded, found))
        return encoded

    def _drop_unknown(self, caches: list[list[Any]]) -> None:
        """Forget encoded prompts whose embeddings are unknown or have changed."""
        for cache in caches:
            if id(cache[1]) not in self._known:
                cache[0] = None

    def _write(self, generation: Any, encoded: Any, found: dict[str, HostEmbedding]) -> None:
        _, used = self._known.setdefault(id(encoded), (encoded, found))
        self._generations[id(generation)] = generation
        owners = (*_classes(), *self._generations.values())
        kept = {id(cache[1]) for cache in chain.from_iterable(map(_kept_by, owners))}
        self._known = {key: each for key, each in self._known.items() if key in kept}
        given, named = generation.extra_generation_params, self._named(used)
        written = {key: join_hashes(*new, given.get(key, "")) for key, new in named.items()}
        given.update({key: value for key, value in written.items() if value})
        self._drop(self._noted())

    def _named(self, used: dict[str, HostEmbedding]) -> dict[str, list[str]]:
        """Return what the fields of an infotext say about the embeddings in a prompt."""
        names = {name_in_infotext(name): each for name, each in used.items()}
        named = {self._names_field: list(names)} if self._names_field else {}
        if getattr(shared.opts, _SETTING, True):
            hashes = {name: getattr(each, "shorthash", None) for name, each in names.items()}
            named[TI_HASHES] = [f"{name}: {hash_}" for name, hash_ in hashes.items() if hash_]
        return named


def _note_found(database: Any) -> Undo:
    """Note what prompts find in a database, or in all of a class."""
    own = database.find_embedding_at_position

    def find_embedding_at_position(*args: Any, **kwargs: Any) -> Any:
        embedding, _ = found = own(*args, **kwargs)
        used = _found.get()
        if used is not None and embedding is not None:
            used[embedding.name] = embedding
        return found

    return replace(database, "find_embedding_at_position", find_embedding_at_position)


def _wrap_encoding(
    encode_and_write: Callable[[Any, list[list[Any]], Callable[[], Any]], Any],
) -> Undo:
    """Wrap the WebUI's function that encodes prompts or takes them from caches.

    Args:
        encode_and_write: called in its place with the generation, its caches, and the original
            function.
    """
    kind = processing.StableDiffusionProcessing
    own = kind.get_conds_with_caching

    def get_conds_with_caching(
        self: Any, function: Any, required_prompts: Any, steps: Any, caches: Any,
        *args: Any, **kwargs: Any,
    ) -> Any:  # fmt: skip
        def encode() -> Any:
            return own(self, function, required_prompts, steps, caches, *args, **kwargs)

        # ersatzForge has something else in place of the caches.
        return encode_and_write(self, getattr(self, _ALL_CACHES, caches), encode)

    return replace(kind, "get_conds_with_caching", get_conds_with_caching)


# Reports on what they used

# Where clients of the WebUI's API find the reports: in `info`, among what belongs to the pictures.
KEY = "Textual Inversion"


class _Pass(NamedTuple):
    """Where the WebUI keeps what one pass of a generation is asked for, and what that became."""

    title: str
    prompts: str
    negative_prompts: str
    encoded: str
    encoded_negative: str


class _Prompt(NamedTuple):
    """One text of a pass, and the positive prompt whose LoRAs apply to it."""

    text: str
    title: str
    field: Field
    positive: str


_PASSES = (
    _Pass("", "all_prompts", "all_negative_prompts", "c", "uc"),
    _Pass("hires ", "all_hr_prompts", "all_hr_negative_prompts", "hr_c", "hr_uc"),
)


def apply_styles(prompt: str, styles: Sequence[str], field: Field) -> str:
    """Return a prompt with some of the WebUI's styles in it, as it will be used for the picture."""
    database = getattr(shared, "prompt_styles", None)
    if database is None:
        return prompt
    kind = "" if field == "positive" else "negative_"
    apply = getattr(database, f"apply_{kind}styles_to_prompt")
    for style in styles:
        if len(prompt) <= LIMITS.prompt_characters:  # a style may repeat the prompt
            prompt = apply(prompt, [style])
    return prompt


def report_on(reports: PromptReports, generation: Any, processed: Any) -> None:
    """Print what the prompts used, and show under the pictures what they name but cannot use.

    The WebUI's API returns all of it. The infotexts of the pictures are already written.

    Args:
        generation: the WebUI's record of what was asked for, styles and the like applied.
        processed: its record of the pictures.
    """
    ready = reports.ready()
    if ready is None:
        return
    lines: dict[str, None] = {}
    warnings: dict[str, None] = {}
    given: list[dict[str, Any]] = []
    for text, title, field, positive in _prompts(generation):
        report = ready.beside(positive).read(text, field, generation.steps)
        lines.update((f"{title}: {line}", None) for line in report.lines())
        warnings.update((f"{title}: {line}", None) for line in report.warnings())
        given.append({"title": title, **report.as_json()})
    print_lines(lines)
    processed.extra_generation_params = {**processed.extra_generation_params, KEY: given}
    processed.comments += "".join(f"{line}\n" for line in warnings)


def _prompts(generation: Any) -> Iterator[_Prompt]:
    """Yield each text once: hires has the same prompts, unless others are given."""
    given: set[tuple[str, Field]] = set()
    for prompt in _all_prompts(generation):
        key = (prompt.text, prompt.field)
        if key not in given and len(given) < LIMITS.reported_prompts:
            given.add(key)
            yield prompt


def _all_prompts(generation: Any) -> Iterator[_Prompt]:
    """Yield the texts of all pictures, pass by pass."""
    for each in _PASSES:
        positives = getattr(generation, each.prompts, None) or ()
        for text in positives:
            yield _Prompt(text, f"{each.title}prompt", "positive", text)
        if _has_no_negative(generation, each):
            continue
        negatives = getattr(generation, each.negative_prompts, None) or ()
        for text, positive in zip_longest(negatives, positives[: len(negatives)], fillvalue=""):
            yield _Prompt(text, f"{each.title}negative prompt", "negative", positive)


def _has_no_negative(generation: Any, each: _Pass) -> bool:
    """Return whether only the prompt was encoded, as Forge does with a CFG scale of 1."""
    negative = getattr(generation, each.encoded_negative, ...)
    return negative is None and getattr(generation, each.encoded, None) is not None
