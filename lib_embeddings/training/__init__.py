"""A few pictures become a word: textual inversion with a frozen model.

Needs torch, diffusers and transformers, which nothing else of this package imports.
"""
