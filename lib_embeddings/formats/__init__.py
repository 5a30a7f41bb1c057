"""Bytes become named tensors, and these an `Embedding`. Knows no folders and no models."""
