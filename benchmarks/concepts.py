"""The Concept Library from afar: seconds until the first search answers, and a later one.

The server is asked as the page asks it, with an empty cache. Each round trip from there to the site
takes 100 ms, those of TCP and TLS included; the real site's work and bandwidth come on top.

    python -m benchmarks.concepts
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.clock import clock
from benchmarks.link import far_away
from lib_embeddings.limits import LIMITS
from lib_embeddings.sources import addresses, sources
from lib_embeddings.sources.huggingface import HUGGING_FACE
from lib_embeddings.sources.transport import Transport
from tests.sources.fakes import CERTIFICATE, Asked, FakeHub, Names, Reply
from tests.web import Site, open_site

# As many as there are, and as many files as theirs have.
CONCEPTS, FILES = 1_500, 10
ROUND_TRIP = 0.1
# We ask for the first, Hugging Face's JavaScript client for the second; a careful site might give
# the third.
PAGES = (LIMITS.concepts_a_page, 500, 100)


class Hub(FakeHub):
    """The Concept Library, which lists a limited number of repositories on a page."""

    def __init__(self, concepts: int, a_page: int) -> None:
        """Fill it."""
        super().__init__(has_tls=True)
        self._a_page = a_page
        pictures = {f"concept_images/{number}.jpeg": b"" for number in range(FILES - 3)}
        files = {
            "learned_embeds.bin": b"",
            "type_of_concept.txt": b"",
            "README.md": b"",
            **pictures,
        }
        self.repos = {f"sd-concepts-library/concept-{n}": files | pictures for n in range(concepts)}

    def _page(self, asked: Asked, rows: list[object], size: int) -> Reply:
        return super()._page(asked, rows, min(size, self._a_page))


@contextmanager
def site_far_away(concepts: int, a_page: int) -> Iterator[tuple[Site, Hub]]:
    """Yield our server, with that library as a far away Hugging Face."""
    hub = Hub(concepts, a_page)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            pytest.MonkeyPatch.context() as patch,
            far_away(hub.url, ROUND_TRIP) as far,
        ):
            place = f"https://huggingface.co:{urlsplit(far).port}"
            patch.setattr(sources, "HUGGING_FACE", replace(HUGGING_FACE, addresses=(place,)))
            patch.setattr(sources, "Transport", lambda closed: Transport(closed, Names()))
            patch.setattr(addresses, "is_public", lambda _address: True)
            patch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
            with open_site(Path(folder), patch) as site:
                yield site, hub
    finally:
        hub.close()


def search(site: Site, text: str) -> list[str]:
    """Search as the page does, and return the titles of the results."""
    asked = {"source": "concepts", "text": text, "sort": "likes", "cursor": "", "family": ""}
    found = site.client.post("/search", json=asked).json()["found"]
    return [each["title"] for each in found]


def measure(concepts: int, a_page: int) -> None:
    """Print how long the first search takes, and a later one."""
    with site_far_away(concepts, a_page) as (site, hub):
        last = f"concept-{concepts - 1}"
        first = clock(lambda: search(site, ""))
        requests = len(hub.asked)
        later = clock(lambda: search(site, last))
        assert search(site, last) == [last]
        assert len(hub.asked) == requests
    print(
        f"{concepts:,} concepts, at most {a_page:,} a page: first search {first:.2f} s "
        f"({requests} requests), later ones {later * 1000:,.0f} ms"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure with several page lengths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--concepts", type=int, default=CONCEPTS)
    options = parser.parse_args(arguments)
    for a_page in PAGES:
        measure(options.concepts, a_page)


if __name__ == "__main__":
    main()
