"""What a prompt uses of a library: the records, as lines for the console and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from lib_embeddings.prompts.chunks import CHUNK_TOKENS
from lib_embeddings.prompts.foreign_syntax import Form
from lib_embeddings.prompts.known import KnownEmbedding


class Used(NamedTuple):
    """An embedding that the prompt uses, with the weight of each use."""

    known: KnownEmbedding
    weights: tuple[float, ...]


class Unused(NamedTuple):
    """An embedding that the prompt asks for in vain, and the shorter name used in its place."""

    known: KnownEmbedding
    instead: str | None


class Lookalike(NamedTuple):
    """A word that is nearly a name."""

    text: str
    known: KnownEmbedding


class Filled(NamedTuple):
    """How many tokens of a chunk are taken, and how many of them by vectors."""

    tokens: int
    vectors: int


@dataclass(frozen=True, slots=True)
class PromptReport:
    """What one prompt uses, in the order of the prompt."""

    prompt: str
    used: tuple[Used, ...] = ()
    unused: tuple[Unused, ...] = ()
    lookalikes: tuple[Lookalike, ...] = ()
    forms: tuple[Form, ...] = ()
    chunks: tuple[Filled, ...] = ()

    @property
    def is_all_used(self) -> bool:
        """Tell whether the prompt gets all that it asks for by name."""
        used = {use.known.name for use in self.used}
        return not self.unused and all(form.name in used for form in self.forms)

    def warnings(self) -> Iterator[str]:
        """Yield a line for each embedding that is asked for in vain."""
        for known, instead in self.unused:
            what = f"{instead} is used instead" if instead else "its name is read as words"
            yield f"not used: {known.name}: {known.reason}; {what}"

    def lines(self) -> Iterator[str]:
        """Yield all there is to say to people, a line each."""
        for known, weights in self.used:
            shown = ", ".join(f"{weight:.3g}" for weight in weights)
            yield f"used: {known.name} ({_counted(known.n_vectors, 'vector')}, weight {shown})"
        yield from self.warnings()
        for text, known in self.lookalikes:
            yield f"looks like: {text}: did you mean {known.name}?"
        for form in self.forms:
            yield f"written for {form.system}: {form.text}: type {form.replacement}"
        vectors = sum(chunk.vectors for chunk in self.chunks)
        if vectors:
            taken = ", ".join(f"{chunk.vectors} of {CHUNK_TOKENS}" for chunk in self.chunks)
            yield f"tokens that embeddings take: {taken}"

    def as_json(self) -> dict[str, Any]:
        """Return what the HTTP API tells; offsets count UTF-16 code units, as browsers do."""
        return {
            "used": [
                {
                    **_named(known),
                    "n_vectors": known.n_vectors,
                    "weights": [round(weight, 4) for weight in weights],
                }
                for known, weights in self.used
            ],
            "unusable": [
                {**_named(known), "reason": known.reason}
                for known, instead in self.unused
                if instead is None
            ],
            "shadowed": [
                {**_named(known), "reason": known.reason, "instead": instead}
                for known, instead in self.unused
                if instead is not None
            ],
            "lookalikes": [
                {"text": text, "name": known.name, "id": known.id}
                for text, known in self.lookalikes
            ],
            "forms": [self._form_as_json(form) for form in self.forms],
            "chunks": [chunk._asdict() for chunk in self.chunks],
        }

    def _form_as_json(self, form: Form) -> dict[str, Any]:
        start, end = (_utf16_length(self.prompt[:offset]) for offset in (form.start, form.end))
        return {**form._asdict(), "start": start, "end": end}


def _named(known: KnownEmbedding) -> dict[str, str]:
    return {"id": known.id, "name": known.name}


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _utf16_length(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)
