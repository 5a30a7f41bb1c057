"""The place in a page where the tab grows; `javascript/` does the rest."""

from __future__ import annotations

from html import escape

from lib_embeddings.ui.api import PREFIX

TITLE = "Textual Inversion"


def mount_point(tabname: str) -> str:
    """Return the element that the tab grows in.

    Args:
        tabname: whose prompt boxes it inserts into: `{tabname}_prompt` and `{tabname}_neg_prompt`.
    """
    return (
        f'<div class="lib-embeddings" data-api="{escape(PREFIX)}" '
        f'data-tabname="{escape(tabname)}"></div>'
    )
