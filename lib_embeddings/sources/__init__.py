"""Embeddings from elsewhere: what sites know about them, and how they get into a folder."""

from lib_embeddings.errors import NameRefused, NotFound, SourceError, Unreachable, WrongHash
from lib_embeddings.sources.source import SearchRequest
from lib_embeddings.sources.sources import Sources

__all__ = [
    "NameRefused",
    "NotFound",
    "SearchRequest",
    "SourceError",
    "Sources",
    "Unreachable",
    "WrongHash",
]
