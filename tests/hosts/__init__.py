"""Where the library runs: one module for each host."""

import warnings

with warnings.catch_warnings():
    # A1111's gradio does things that are out of use in what it stands on.
    warnings.simplefilter("ignore")
    import gradio  # noqa: F401
