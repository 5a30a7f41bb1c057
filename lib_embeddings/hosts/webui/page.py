"""Our tab in place of the WebUI's Textual Inversion page.

A page of the WebUI makes the HTML of its pane, and the items that the WebUI's routes, and its
editor for previews, descriptions and notes, ask for by name.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from modules import shared, ui_extra_networks

from lib_embeddings.entries.entry import Entry
from lib_embeddings.hosts.webui.extension import Undo, replace_page_in
from lib_embeddings.library.library import Library
from lib_embeddings.prompts.infotext import short_hash
from lib_embeddings.web.tab import pane

_OWN = "ExtraNetworksPageTextualInversion"

# An item as the WebUI knows it.
Item = dict[str, Any]


def replace_page(
    library: Library, rescan: Callable[[], object], sha256: Callable[[Entry], str]
) -> Undo:
    """Put our page in place of the WebUI's own, before the WebUI builds its interface.

    Args:
        rescan: scans all folders now.
        sha256: hashes an entry's file; empty where nothing may be hashed; raises `OSError`.

    Returns:
        What puts the WebUI's own page back.

    Raises:
        HostError: there is no such page.
        Exception: it is not the page that we know; it is still in its place.
    """

    def prepare(ours: Any) -> None:
        ours.show(library, rescan, sha256)
        # What would fail while the interface is built should fail here.
        ours.create_html("txt2img", empty=True)
        ours.create_user_metadata_editor(None, "txt2img")

    pages = ui_extra_networks.extra_pages
    return replace_page_in(pages, _OWN, "Textual Inversion page", _Page, prepare)


class _Page:
    """What differs from the WebUI's own page, whose class comes after this one.

    The signatures are the WebUI's.
    """

    extra_networks_tabname: str
    lister: Any

    def show(
        self, library: Library, rescan: Callable[[], object], sha256: Callable[[Entry], str]
    ) -> None:
        """Show a library."""
        self._library = library
        self._rescan = rescan
        self._sha256 = sha256
        self.items = _Items(self._item_now)
        exists = self.lister.exists
        # The WebUI opens what is there, and opening a pipe would never end.
        self.lister.exists = lambda path: exists(path) and os.path.isfile(path)

    def create_html(self, tabname: str, *, empty: bool = False) -> str:  # noqa: ARG002 - theirs
        return pane(tabname, self.extra_networks_tabname)

    def refresh(self) -> None:
        super().refresh()  # type: ignore[misc] # not typed
        self._rescan()  # which a loader of the WebUI's own does not

    def read_user_metadata(self, item: Item, use_cache: bool = True) -> None:  # noqa: ARG002 - theirs
        super().read_user_metadata(item)  # type: ignore[misc] # not typed

    def create_item_html(self, *_args: Any, **_kwargs: Any) -> str:
        """Return no card: the WebUI would mix it with ours, which follow the files themselves."""
        return ""

    def create_item(
        self,
        name: str,
        index: int | None = None,
        enable_filter: bool = True,  # noqa: ARG002 - theirs
    ) -> Item | None:
        named = (entry for entry in self._entries() if entry.place.name == name)
        return next((self._item(entry, index) for entry in named), None)

    def list_items(self) -> Iterator[Item]:
        for index, entry in enumerate(self._entries()):
            item = self._item(entry, index)
            if item is not None:
                yield item

    def create_user_metadata_editor(self, ui: Any, tabname: str) -> Any:
        """Return the WebUI's editor, which shows file names as HTML."""
        editor = super().create_user_metadata_editor(ui, tabname)  # type: ignore[misc] # not typed
        relative_path = editor.relative_path
        editor.relative_path = lambda path: html.escape(relative_path(path))
        return editor

    def _entries(self) -> Iterator[Entry]:
        """Yield what a name leads to."""
        return (seen.entry for seen in self._library.view.meant)

    def _item_now(self, name: str) -> Item | None:
        """Make an item from what lies beside the file now, including the sidecar."""
        self.lister.reset()
        # A file in a folder that was added since may have a picture.
        webui: Any = self
        ui_extra_networks.allowed_dirs.update(webui.allowed_directories_for_previews())
        item = self.create_item(name)
        if item is not None:
            webui.read_user_metadata(item)
        return item

    def _item(self, entry: Entry, index: int | None) -> Item | None:
        """Make an item; None for a file that is gone."""
        webui: Any = self
        filename = entry.place.full_path
        stem = entry.place.beside(entry.place.name).full_path
        try:
            return {
                "name": entry.place.name,
                "filename": filename,
                "shorthash": short_hash(self._sha256(entry)),
                "preview": webui.find_preview(stem),
                "description": webui.find_description(stem),
                "search_terms": [webui.search_terms_from_path(filename)],
                "prompt": json.dumps(entry.place.name),
                "local_preview": f"{stem}.preview.{shared.opts.samples_format}",
                "sort_keys": {"default": index, **webui.get_sort_keys(filename)},
            }
        except OSError:
            return None


class _Items(dict[str, Item]):
    """The items by name, each made when the WebUI's editor asks for it.

    The editor writes back the whole sidecar, which others may have changed since it was last read.
    """

    def __init__(self, item: Callable[[str], Item | None]) -> None:
        super().__init__()
        self._item = item

    def get(self, name: str, default: Any = None) -> Any:
        item = self._item(name)
        return default if item is None else item
