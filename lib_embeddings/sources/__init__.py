"""Embeddings from elsewhere: what sites know of them, and how they come into a folder."""
