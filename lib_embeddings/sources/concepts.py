"""The Concept Library of Hugging Face: all of it is listed once, kept, and searched here.

A few requests list its repositories with the names of their files. What was listed stays in the
user's cache folder, so that it can be searched while nobody is online. Like the rest of Hugging
Face, it was never run against the real site here.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urljoin

from lib_embeddings.entries.documents import number_at, objects_at, text_at
from lib_embeddings.entries.writing import write_at_once
from lib_embeddings.errors import SourceError
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import WEIGHT_SUFFIXES, fold, natural_key, split_name
from lib_embeddings.our_files import our_path
from lib_embeddings.sources.huggingface import example_pictures, next_page
from lib_embeddings.sources.references import CONCEPTS
from lib_embeddings.sources.source import (
    Offer,
    RemotePicture,
    Searching,
    SearchRequest,
    SearchResult,
    Site,
)
from lib_embeddings.sources.transport import Transport

_KIND_FILE = "type_of_concept.txt"


class ConceptLibrary:
    """Searches the names of concepts. Any thread may call any method."""

    searching = Searching("concepts", "Concept Library", ("likes", "name"), has_families=False)

    def __init__(self, transport: Transport, site: Site) -> None:
        """Prepare; nobody is asked yet."""
        self._transport = transport
        self._site = site
        self._file = our_path("concepts.json")

    def search(self, query: SearchRequest) -> SearchResult:
        """Return the concepts whose names contain all of some words."""
        if query.family:
            raise SourceError(
                "the Concept Library does not say for which models its concepts are: search "
                "without a model"
            )
        words = fold(query.text).split()
        found = [
            concept
            for concept in self._concepts()
            if all(word in fold(text_at(concept, "name")) for word in words)
        ]
        if query.sort == "name":
            found.sort(key=lambda concept: natural_key(text_at(concept, "name")))
        cursor = query.cursor or "0"
        first = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 9 else 0
        end = first + min(query.limit, LIMITS.found_at_once)
        offers = tuple(self._offer(concept) for concept in found[first:end])
        return SearchResult(offers, str(end) if end < len(found) else None)

    def kind(self, page: str) -> str | None:
        """Return what the concept on a page is: `object` or `style`; None where it is not said."""
        url = f"{page}/resolve/main/{_KIND_FILE}"
        with self._transport.ask(self._site, url, LIMITS.answer_seconds) as answer:
            if answer.status != 200:
                return None
            word = answer.body(LIMITS.word_file_bytes).decode("utf-8-sig", "replace").strip()
        return word if word in ("object", "style") else None

    def _offer(self, concept: dict[str, Any]) -> Offer:
        name, picture = text_at(concept, "name"), text_at(concept, "picture")
        page = f"{self._site.addresses[0]}/{CONCEPTS}/{quote(name)}"
        url = f"{page}/resolve/main/{quote(picture)}"
        shown = RemotePicture(self._site, url) if picture else None
        return Offer(self._site.title, name, page, picture=shown, reference=f"{CONCEPTS}/{name}")

    def _concepts(self) -> list[dict[str, Any]]:
        """Return the list: a new one where the kept one is old and the site answers."""
        kept, written = self._kept()
        if kept and time.time() - written < LIMITS.concepts_seconds:
            return kept
        try:
            concepts = self._ask()
        except SourceError:
            if kept:
                return kept
            raise
        document = {"address": self._site.addresses[0], "concepts": concepts}
        with suppress(OSError):  # a full or read-only disk costs another request the next time
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_at_once(self._file, json.dumps(document).encode())
        return concepts

    def _kept(self) -> tuple[list[dict[str, Any]], float]:
        """Return the kept list and its time; an empty one if it is from another address."""
        with suppress(OSError, ValueError, RecursionError):
            written = self._file.stat().st_mtime
            document = json.loads(self._file.read_bytes())
            if text_at(document, "address") == self._site.addresses[0]:
                return objects_at(document, "concepts"), written
        return [], 0.0

    def _ask(self) -> list[dict[str, Any]]:
        """Return what the site lists, most liked first."""
        url = f"{self._site.addresses[0]}/api/models"
        asked: list[tuple[str, str | int]] | None = [
            ("author", CONCEPTS),
            ("limit", LIMITS.concepts_a_page),
            ("expand", "siblings"),
            ("expand", "likes"),
        ]
        repositories: list[dict[str, Any]] = []
        for _ in range(LIMITS.concept_pages):
            answer, headers = self._transport.document(self._site, url, asked)
            repositories += objects_at({"found": answer}, "found")
            following = next_page(headers)
            if not following:
                break
            url, asked = urljoin(url, following), None
        repositories.sort(key=lambda repository: -(number_at(repository, "likes") or 0))
        concepts = (_concept(repository) for repository in repositories)
        return [concept for concept in concepts if concept]


def _concept(repository: dict[str, Any]) -> dict[str, str] | None:
    """Return what is kept of a repository; None where it has no embedding."""
    owner, _, name = text_at(repository, "id").partition("/")
    files = [text_at(each, "rfilename") for each in objects_at(repository, "siblings")]
    if owner != CONCEPTS or not name:
        return None
    # Some repositories have no embedding; a mirror may list no files.
    if files and not any(split_name(file)[1] in WEIGHT_SUFFIXES for file in files):
        return None
    pictures = example_pictures(files)
    return {"name": name, **({"picture": pictures[0]} if pictures else {})}
