"""What a source is, and the records in which all sources describe what they have.

Site        who is asked, and what it may receive
Offer       what a source has under one reference
RemoteFile  one file of it
RemotePicture  one picture of it
Source      says what a reference means; there is an adapter for each kind of site
Searchable  a source that can be searched
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from lib_embeddings.errors import NotFound, shown
from lib_embeddings.formats.text_encoders import contradiction
from lib_embeddings.names import Field
from lib_embeddings.sources.references import Reference

ANYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Site:
    """A site, and how to ask it.

    Attributes:
        key: its section in the settings.
        title: what people call it.
        addresses: where its interface is, without a slash at the end; the next one is asked if the
            one before has nothing.
        stores: other hosts that its files lie on; `.example.com` means all below that one, and
            `ANYWHERE` all there are.
        key_page: where people create a key of their own.
        key_variables: the environment variables in which programs expect that key.
        address_variable: the one for a mirror.
        needs_key: its terms require everybody to download with a key of their own.
        token: a person's own key; it goes to `addresses` alone.
        is_mirror: a person set the addresses, so they may be private ones, and `http`.
    """

    key: str
    title: str
    addresses: tuple[str, ...]
    stores: tuple[str, ...] = ()
    key_page: str = ""
    key_variables: tuple[str, ...] = ()
    address_variable: str = ""
    needs_key: bool = False
    token: str | None = field(default=None, repr=False)
    is_mirror: bool = False


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that a source has.

    Attributes:
        site: who is asked for it.
        url: where it is; no key is in it.
        filename: what the source calls it, which may be anything.
        size: in bytes; None where the source does not say.
        sha256: in lower-case hexadecimal digits; None where the source does not say.
        field: the prompt field that the source says it is for.
        scan: what the source's own scanners say about it. It is shown; our reader decides.
    """

    site: Site
    url: str
    filename: str
    size: int | None = None
    sha256: str | None = None
    field: Field | None = None
    scan: str | None = None


class RemotePicture(NamedTuple):
    """A picture that a source has.

    Attributes:
        site: who is asked for it.
        url: where it is.
        is_general: whether the source says that everybody may see it.
    """

    site: Site
    url: str
    is_general: bool = True


@dataclass(frozen=True, slots=True)
class Offer:
    """What a source has under one reference.

    Attributes:
        source: what people call the source.
        title: what people call it, with its version.
        page: where people read about it.
        reference: the text that refers to it, whatever the address of the site is; empty if the
            page does.
        files: the embeddings in it; none for what only a search found.
        base_model: as the source spells it.
        families: keys of the model families that the base model belongs to; none if unknown.
        ids: the source's own numbers, under the names that other tools use in their sidecars.
        picture: one that the source shows for it; one for everybody if there is one.
        examples: pictures that it was learned from.
        is_general: whether the source says that it is for everybody.
        tags: the source's own words for what it is about.
    """

    source: str
    title: str
    page: str
    files: tuple[RemoteFile, ...] = ()
    trigger_words: tuple[str, ...] = ()
    base_model: str | None = None
    families: tuple[str, ...] = ()
    author: str | None = None
    description: str = ""
    ids: tuple[tuple[str, int], ...] = ()
    picture: RemotePicture | None = None
    examples: tuple[RemotePicture, ...] = ()
    is_general: bool = True
    tags: tuple[str, ...] = ()
    reference: str = ""

    @property
    def line(self) -> str:
        """Its line in a list for people."""
        parts = (self.title, self.base_model, ", ".join(self.trigger_words), self.page)
        return " | ".join(shown(part, 255) for part in parts if part)

    def as_json(self) -> dict[str, Any]:
        """Return its item in a list for programs, as plain values."""
        return {
            "source": self.source,
            "title": self.title,
            "page": self.page,
            "reference": self.reference or self.page,
            "trigger_words": list(self.trigger_words),
            "base_model": self.base_model,
            "families": list(self.families),
            "author": self.author,
            "general": self.is_general,
        }

    def contradiction(self, encoders: Collection[str]) -> str | None:
        """Return what to say if a file's vectors are not for the models that the source says.

        Args:
            encoders: text encoder keys of the vectors.
        """
        return contradiction(self.source, self.base_model, encoders)


class SearchRequest(NamedTuple):
    """What to search for.

    Attributes:
        family: key of a model family.
        sort: in the source's own words.
        cursor: where the last search ended.
        is_general: only what is for everybody.
    """

    text: str
    family: str | None = None
    sort: str | None = None
    limit: int = 20
    cursor: str | None = None
    is_general: bool = True


class SearchResult(NamedTuple):
    """What was found, and the cursor of what follows; None at the end."""

    offers: tuple[Offer, ...]
    cursor: str | None


class Source(Protocol):
    """A place that embeddings come from."""

    def resolve(self, reference: Reference) -> tuple[Offer, ...] | None:
        """Return what a reference means; None if it belongs to another source.

        Raises:
            SourceError: it has nothing there, or does not say.
        """


class Searching(NamedTuple):
    """How a source can be searched.

    Attributes:
        key: the word for it in commands and the API.
        title: what people call what is searched.
        sorts: its orders, in its own words.
        has_families: whether it knows for which model families its embeddings are.
    """

    key: str
    title: str
    sorts: tuple[str, ...]
    has_families: bool


class Searchable(Protocol):
    """A source that can be searched."""

    searching: Searching

    def search(self, query: SearchRequest) -> SearchResult:
        """Return what matches some words. Raises `SourceError`."""


def nothing_at(site: Site, what: str) -> NotFound:
    """Return the error for what a site does not have."""
    return NotFound(f"{site.title} has no {shown(what, 255)}: check the link, or ask its author")
