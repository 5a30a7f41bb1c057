"""Textual-inversion embeddings: read any file safely, and say what it is and what it fits.

from lib_embeddings import read_embedding, scan

read_embedding("embeddings/marc_allante.bin").vectors["clip_l"]    # (n_vectors, 768) float32
for found in scan(["embeddings"], model="sdxl"):
    print(found.name, found.state, found.fit, found.reason)
"""

from lib_embeddings.entries.read import read_embedding
from lib_embeddings.errors import (
    BrokenFile,
    EmbeddingError,
    LimitExceeded,
    NotAnEmbedding,
    PictureError,
    UnsafeFile,
)
from lib_embeddings.formats.embedding import Embedding
from lib_embeddings.library.library import scan
from lib_embeddings.version import __version__

__all__ = [
    "BrokenFile",
    "Embedding",
    "EmbeddingError",
    "LimitExceeded",
    "NotAnEmbedding",
    "PictureError",
    "UnsafeFile",
    "__version__",
    "read_embedding",
    "scan",
]
