"""Prompts with embeddings become pictures, with a model that nothing is changed in.

Needs torch, diffusers and transformers, which nothing else of this package imports.
"""
