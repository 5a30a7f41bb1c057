"""The place in a page where the tab grows; `javascript/` does the rest."""

from __future__ import annotations

from html import escape

from lib_embeddings.web.routes import PREFIX

TITLE = "Textual Inversion"


def mount_point(tabname: str, page: str = "") -> str:
    """Return the element that the tab grows in.

    Args:
        tabname: whose prompt boxes it inserts into: `{tabname}_prompt` and `{tabname}_neg_prompt`.
        page: the WebUI's name of the page that it stands in, if it does.
    """
    return (
        f'<div class="lib-embeddings" data-api="{escape(PREFIX)}" '
        f'data-tabname="{escape(tabname)}" data-page="{escape(page)}"></div>'
    )


def pane(tabname: str, page: str) -> str:
    """Return the tab as what a page of a WebUI shows, by the ids that others look for.

    The WebUI's script waits until every page has a search field, and then sorts and filters the
    cards of those that can be refreshed and turned round too. This one only has the field.
    """
    place = escape(f"{tabname}_{page}")
    return (
        f'<div id="{place}_pane" class="extra-network-pane">'
        f'<input id="{place}_extra_search" type="search" hidden>'
        f'<div id="{place}_cards">{mount_point(tabname, page)}</div>'
        "</div>"
    )
