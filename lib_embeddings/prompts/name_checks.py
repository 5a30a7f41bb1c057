"""What to say about names: those that prompts cannot use, or use without anybody meaning it.

It depends on all names and on the tokenizer, so it is found out for each generation of a library,
and put into words for the names that are looked at.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from lib_embeddings.errors import shown
from lib_embeddings.names import fold, is_generic, why_no_filename
from lib_embeddings.prompts.grammar import escape
from lib_embeddings.prompts.known import KnownEmbedding
from lib_embeddings.prompts.tokenizer import LookUp, TokenIds, Tokenize

# Most names are free once something stands before or behind them.
_VARIANTS = ("{}", "{}-ti", "ti-{}", *(f"ti{number}-{{}}" for number in range(2, 10)))
_NOT_IN_PROPOSALS = re.compile(r'[()\[\]\\:|<>/*?"#\s]+')


class Advice(NamedTuple):
    """What is said about a name.

    Attributes:
        warnings: sentences that say what to do.
        proposal: a name that nothing would be said about, and that nothing has.
    """

    warnings: tuple[str, ...] = ()
    proposal: str | None = None


NO_ADVICE = Advice()


def _ask(names: Iterable[str], tokenize: Tokenize) -> Mapping[str, TokenIds]:
    asked = list(names)
    return dict(zip(asked, tokenize(asked), strict=True))


def _try(
    look_up: LookUp, names: Iterable[str], tokenize: Tokenize | None
) -> Mapping[str, TokenIds]:
    try:
        return look_up(names, tokenize) if tokenize else {}
    except LookupError:
        return {}


def _is_checked(known: KnownEmbedding) -> bool:
    return known.n_vectors > 0 and not known.is_duplicate


class NameChecks:
    """What to say about the names of some embeddings, compared with each other."""

    def __init__(
        self,
        embeddings: Iterable[KnownEmbedding],
        tokenize: Tokenize | None = None,
        look_up: LookUp | None = None,
    ) -> None:
        """Compare all names.

        Args:
            embeddings: all files, as the name of one that is no embedding is taken, too.
            tokenize: returns the token ids of texts; without it, or where it raises `LookupError`
                as no model is loaded now, only characters count.
            look_up: may remember what a tokenizer said of names; without it nothing does.
        """
        known = tuple(embeddings)
        self._tokenize = tokenize
        self._taken = {fold(each.name) for each in known}
        names = dict.fromkeys(each.name for each in known if _is_checked(each))
        self._ids = _try(look_up or _ask, names, tokenize)
        self._in_order = sorted(self._ids, key=lambda name: (self._ids[name], name))
        self._ids_in_order = [self._ids[name] for name in self._in_order]

    def of(self, known: KnownEmbedding) -> Advice:
        """Return what to say about the name of a file."""
        if not _is_checked(known):
            return NO_ADVICE
        name = known.name
        written, findings = escape(name), list(self._findings(name, self._ids.get(name)))
        is_read = written == " ".join(name.split())
        if is_read and not findings:
            return NO_ADVICE
        proposal = self._propose(known)
        better = shown(proposal, 255) if proposal else "what you want to type"
        warnings = [f"{finding}: rename it to {better}" for finding in findings]
        if not is_read:
            typed = shown(written, 255)
            warnings.append(f"prompts read some of its characters as syntax: type it as {typed}")
        return Advice(tuple(warnings), proposal)

    def _findings(self, name: str, ids: TokenIds | None) -> Iterator[str]:
        """Yield what is wrong with a name, but for the characters that are to be escaped."""
        called = shown(name, 255)
        if is_generic(name):
            yield f"many files have the name {called}"
        if "#" in name:
            yield "prompts ignore a # and all that follows it"
        if ids is None:
            return
        if not ids:
            yield f"the model reads no character of {called}, so no prompt can use it"
        elif len(ids) == 1 or name.isdecimal():
            every = f'every "{called}" in a prompt becomes this embedding'
            yield f"the model knows this word already: {every}"
        twin, longer = self._followers(name, ids)
        if twin is not None:
            yield f"the model cannot tell {called} from {twin}, and uses only one of them"
        if longer is not None:
            yield f"{longer} begins with it: without {longer}, prompts use this one instead"

    def _followers(self, name: str, ids: TokenIds) -> tuple[str | None, str | None]:
        """Return, to be shown, a name of the same tokens and one that goes on after them."""
        twin = None
        first = bisect_left(self._ids_in_order, ids)
        for at in range(first, len(self._in_order) if ids else first):
            other, other_ids = self._in_order[at], self._ids_in_order[at]
            if other_ids[: len(ids)] != ids:
                break
            if len(other_ids) > len(ids):
                return twin, shown(other, 255)
            if other != name:
                twin = shown(other, 255)
        return twin, None

    def _propose(self, known: KnownEmbedding) -> str | None:
        """Return a free name like a file's own, or what its folder or the name inside says."""
        wishes = [known.name]
        if is_generic(known.name):
            folder = known.folder.rpartition("/")[2]
            wishes = [folder, (known.stored_name or "").strip("<>_ ")]
        stems = [escape(_NOT_IN_PROPOSALS.sub("-", wish)).strip("-.") for wish in wishes]
        candidates = (variant.format(stem) for variant in _VARIANTS for stem in stems if stem)
        return next(filter(self._is_free, candidates), None)

    def _is_free(self, name: str) -> bool:
        if fold(name) in self._taken or why_no_filename(name):
            return False
        ids = _try(_ask, [name], self._tokenize).get(name)
        return escape(name) == name and not any(self._findings(name, ids))
