"""A few pictures become an embedding: textual inversion with a model that stays as it is.

It paints with `pictures`. Only its modules `learn`, `learning` and `methods` import torch.
"""
