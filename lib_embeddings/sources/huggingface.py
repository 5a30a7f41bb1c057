"""Hugging Face: repositories, folders and files in them, and single concepts.

The interface is the one that huggingface_hub 2.4.0 speaks. It was never run against the real site
here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urljoin

from lib_embeddings.entries.documents import number_at, objects_at, sha256_at, text_at
from lib_embeddings.errors import NotFound, SourceError, shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import (
    GENERIC,
    SHOWN_SUFFIXES,
    WEIGHT_SUFFIXES,
    is_generic,
    natural_key,
    split_name,
)
from lib_embeddings.sources.references import CONCEPTS, Concept, HubPath, Reference
from lib_embeddings.sources.source import (
    Offer,
    RemoteFile,
    RemotePicture,
    Site,
    nothing_at,
)
from lib_embeddings.sources.transport import Transport

HUGGING_FACE = Site(
    key="huggingface",
    title="Hugging Face",
    addresses=("https://huggingface.co",),
    # Where large files lie: cdn-lfs.huggingface.co, cdn-lfs-us-1.hf.co, cas-bridge.xethub.hf.co.
    stores=(".huggingface.co", ".hf.co"),
    key_page="https://huggingface.co/settings/tokens",
    key_variables=("HF_TOKEN",),
    address_variable="HF_ENDPOINT",
)

_NEXT = re.compile(r'<([^<>]+)>;\s*rel="next"')


class HuggingFace:
    """Asks Hugging Face, or a mirror of it."""

    def __init__(
        self, transport: Transport, site: Site = HUGGING_FACE, *, by_token: bool = False
    ) -> None:
        """Prepare; nobody is asked yet.

        Args:
            by_token: name a concept after its token, not after its repository.
        """
        self._transport = transport
        self._by_token = by_token
        self.site = site

    def resolve(self, reference: Reference) -> tuple[Offer, ...] | None:
        """Return the files in a repository that may be embeddings; our reader decides later."""
        match reference:
            case Concept(name):
                return (self._concept(name),)
            case HubPath(repo, path, revision):
                return (self._offer(repo, path, revision, repo.partition("/")[2]),)
        return None

    def _concept(self, name: str) -> Offer:
        # This is how the library's notebook made the name of a repository from that of a concept.
        slug = re.sub(r"\s+", "-", name.strip("<> ").lower())
        repo = f"{CONCEPTS}/{slug}"
        try:
            return self._offer(repo, "", "main", self._token(repo) if self._by_token else slug)
        except NotFound as error:
            raise NotFound(
                f"the Concept Library has no concept {shown(slug)}: search for it with "
                f"lib-embeddings search {shown(slug)} --source concepts"
            ) from error

    def _token(self, repo: str) -> str:
        """Return the token under which a concept was learned, without its brackets."""
        url = self._url(repo, "main", "token_identifier.txt")
        with self._transport.ask(self.site, url, LIMITS.answer_seconds) as answer:
            if answer.status != 200:
                raise answer.refusal()
            text = answer.body(LIMITS.word_file_bytes).decode("utf-8-sig", "replace")
        return text.strip().strip("<>")

    def _offer(self, repo: str, path: str, revision: str, title: str) -> Offer:
        """Return what may be embeddings at a place in a repository.

        Args:
            title: the name of files that have no name of their own.
        """
        is_file = split_name(path)[1] in WEIGHT_SUFFIXES
        folder = path.rpartition("/")[0] if is_file else path
        there = list(self._tree(repo, folder, revision, is_deep=not is_file))
        files = [
            file
            for file in there
            if text_at(file, "path") == path or (not is_file and _may_be_embedding(file))
        ]
        if not files:
            raise nothing_at(self.site, f"embedding in {'/'.join(filter(None, (repo, path)))}")
        if len(files) > LIMITS.offered_files:
            raise SourceError(
                f"{shown(repo, 255)} has {len(files):,} files that may be embeddings: give the "
                "link of one, or of a folder"
            )
        author = repo.partition("/")[0]
        return Offer(
            source=self.site.title,
            title=title,
            page=self._page(repo),
            files=tuple(self._file(repo, revision, file, title) for file in files),
            author=None if author == CONCEPTS else author,
            examples=tuple(
                RemotePicture(self.site, self._url(repo, revision, each))
                for each in example_pictures(text_at(file, "path") for file in there)
            ),
        )

    def _file(self, repo: str, revision: str, file: dict[str, Any], title: str) -> RemoteFile:
        path = text_at(file, "path")
        filename = path.rpartition("/")[2]
        if is_generic(filename):  # and so is the second one of a pair
            filename = title + filename[len(GENERIC) :]
        return RemoteFile(
            self.site,
            self._url(repo, revision, path),
            filename,
            size=number_at(file, "lfs", "size") or number_at(file, "size"),
            sha256=sha256_at(file, "lfs", "oid"),
            scan=text_at(file, "securityFileStatus", "status") or None,
        )

    def _tree(
        self, repo: str, folder: str, revision: str, *, is_deep: bool
    ) -> Iterator[dict[str, Any]]:
        """Yield the files in a folder of a repository, and in those below it."""
        place = "/".join((quote(repo), "tree", quote(revision, safe=""), quote(folder)))
        url = f"{self.site.addresses[0]}/api/models/{place}".rstrip("/")
        asked: dict[str, str | int] | None = {
            "recursive": "true" if is_deep else "false",
            "expand": "true",
        }
        for _ in range(LIMITS.repository_pages):
            answer, headers = self._transport.document(self.site, url, asked)
            for file in objects_at({"files": answer}, "files"):
                if text_at(file, "type") == "file" and text_at(file, "path"):
                    yield file
            following = next_page(headers)
            if not following:
                return
            url, asked = urljoin(url, following), None
        raise SourceError(
            f"{shown(repo, 255)} has too many files to look through: give the link of one"
        )

    def _page(self, repo: str) -> str:
        return f"{self.site.addresses[0]}/{repo}"

    def _url(self, repo: str, revision: str, path: str) -> str:
        place = "/".join((quote(repo), "resolve", quote(revision, safe=""), quote(path)))
        return f"{self.site.addresses[0]}/{place}"


def next_page(headers: Mapping[str, str]) -> str | None:
    """Return the address of the next page of an answer; None after the last one."""
    following = _NEXT.search(headers.get("link", ""))
    return following[1] if following else None


def example_pictures(paths: Iterable[str]) -> list[str]:
    """Return the pictures that a concept was learned from, among the files in its repository."""
    found = [
        path
        for path in paths
        if path.startswith("concept_images/") and split_name(path)[1] in SHOWN_SUFFIXES
    ]
    return sorted(found, key=natural_key)


def _may_be_embedding(file: dict[str, Any]) -> bool:
    size = number_at(file, "lfs", "size") or number_at(file, "size") or 0
    return (
        split_name(text_at(file, "path"))[1] in WEIGHT_SUFFIXES and size <= LIMITS.candidate_bytes
    )
