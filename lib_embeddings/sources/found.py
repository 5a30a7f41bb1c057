"""What searches found, as far as a page may still ask about it."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from lib_embeddings.entries.imaging import shrink_bytes
from lib_embeddings.entries.thumbnails import Thumbnails
from lib_embeddings.errors import SourceError
from lib_embeddings.limits import LIMITS
from lib_embeddings.our_files import our_path
from lib_embeddings.sources.source import Offer
from lib_embeddings.sources.sources import Sources

# Of the picture on the card of a result, in pixels.
_WIDTH = 450


class KnownOffers:
    """Offers by words that nobody can guess. Any thread may call any method."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[str, Offer]] = OrderedDict()
        self._pictures = Thumbnails(str(our_path("offers")))

    def as_json(self, source: str, offer: Offer) -> dict[str, Any]:
        """Return what a page learns of an offer, and the word by which it asks for more."""
        written = offer.page.encode("utf-8", "surrogatepass")
        word = hashlib.blake2b(written, digest_size=16, key=self._secret).hexdigest()
        with self._lock:
            self._known[word] = source, offer
            self._known.move_to_end(word)
            while len(self._known) > LIMITS.known_offers:
                self._known.popitem(last=False)
        return {"word": word, **offer.as_json(), "picture": offer.picture is not None}

    def picture(self, word: str) -> bytes | None:
        """Return the picture of an offer, as WebP; None where it has none that can be shown."""
        _, offer = self._known.get(word, ("", None))
        picture = offer and offer.picture
        if not picture:
            return None
        with suppress(SourceError):
            return self._pictures.made(
                picture.url, lambda: shrink_bytes(Sources().picture(picture), _WIDTH)
            )
        return None

    def kind(self, word: str) -> str | None:
        """Return what a concept is; None of another offer. Raises `SourceError`."""
        source, offer = self._known.get(word, ("", None))
        return Sources().concepts.kind(offer.page) if offer and source == "concepts" else None
