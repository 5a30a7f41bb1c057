"""The extra network pages of AUTOMATIC1111's WebUI, as far as ours stands in for one.

Classes with the same signatures and meaning; of HTML there is only as much as can be told apart.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any

Item = dict[str, Any]

NAME = "modules.ui_extra_networks"


class MassFileLister:
    """Looks at each folder once, until it is told to forget."""

    def __init__(self) -> None:
        self.folders: dict[str, set[str]] = {}

    def exists(self, path: str) -> bool:
        folder, filename = os.path.split(path)
        if folder not in self.folders:
            self.folders[folder] = set(os.listdir(folder))
        return filename in self.folders[folder]

    def reset(self) -> None:
        self.folders.clear()

    def update_file_entry(self, path: str) -> None:
        folder, filename = os.path.split(path)
        if folder in self.folders and Path(path).exists():
            self.folders[folder].add(filename)


class ExtraNetworksPage:
    """A page with cards."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.name = title.lower()
        self.extra_networks_tabname = self.name.replace(" ", "_")
        self.allow_negative_prompt = False
        self.metadata: dict[str, Any] = {}
        self.items: dict[str, Item] = {}
        self.lister = MassFileLister()

    def refresh(self) -> None:
        pass

    def read_user_metadata(self, item: Item, use_cache: bool = True) -> None:
        path = os.path.splitext(item["filename"])[0] + ".json"
        exists = self.lister.exists(path) if use_cache else Path(path).exists()
        item["user_metadata"] = json.loads(Path(path).read_text()) if exists else {}
        item["description"] = item["user_metadata"].get("description", item.get("description"))

    def search_terms_from_path(self, filename: str) -> str:
        return os.path.basename(filename)

    def create_item_html(self, tabname: str, item: Item, template: str | None = None) -> str:  # noqa: ARG002 - theirs
        return f'<div class="card" data-name="{escape(item["name"])}"></div>'

    def create_html(self, tabname: str, *, empty: bool = False) -> str:
        self.lister.reset()
        self.items = {item["name"]: item for item in ([] if empty else self.list_items())}
        cards = "".join(self.create_item_html(tabname, each) for each in self.items.values())
        return f"<div id='{tabname}_{self.extra_networks_tabname}_cards'>{cards}</div>"

    def create_item(self, name: str, index: int | None = None) -> Item | None:
        raise NotImplementedError

    def list_items(self) -> Iterator[Item]:
        raise NotImplementedError

    def allowed_directories_for_previews(self) -> list[str]:
        return []

    def get_sort_keys(self, path: str) -> dict[str, Any]:
        return {"name": os.path.basename(path).lower(), "path": path.lower()}

    def find_preview(self, path: str) -> str | None:
        found = (f for f in (f"{path}.png", f"{path}.preview.png") if self.lister.exists(f))
        return next((f"./sd_extra_networks/thumb?filename={file}" for file in found), None)

    def find_description(self, path: str) -> str | None:
        file = f"{path}.txt"
        return Path(file).read_text() if self.lister.exists(file) else None

    def create_user_metadata_editor(self, ui: object, tabname: str) -> UserMetadataEditor:
        return UserMetadataEditor(ui, tabname, self)


class UserMetadataEditor:
    """What previews, descriptions and notes are changed with."""

    def __init__(self, ui: object, tabname: str, page: ExtraNetworksPage) -> None:
        self.ui = ui
        self.tabname = tabname
        self.page = page

    def get_user_metadata(self, name: str) -> dict[str, Any]:
        item = self.page.items.get(name, {})
        found: dict[str, Any] = item.get("user_metadata") or {
            "description": item.get("description", "")
        }
        return found

    def relative_path(self, path: str) -> str:
        for parent in self.page.allowed_directories_for_previews():
            if path.startswith(parent):
                return os.path.relpath(path, parent)
        return os.path.basename(path)

    def put_values_into_components(self, name: str) -> tuple[str, str, str, str | None, str]:
        """Return what is shown: name, description, a table, the preview and the notes."""
        metadata = self.get_user_metadata(name)
        item = self.page.items.get(name, {})
        rows = (self.relative_path(item["filename"]), item.get("shorthash"))
        table = "".join(f"<td>{value}</td>" for value in rows)
        described, notes = metadata.get("description", ""), metadata.get("notes", "")
        return escape(name), described, table, item["preview"], notes

    def save_user_metadata(self, name: str, desc: str, notes: str) -> None:
        metadata = self.get_user_metadata(name)
        metadata["description"] = desc
        metadata["notes"] = notes
        path = os.path.splitext(self.page.items.get(name, {})["filename"])[0] + ".json"
        Path(path).write_text(json.dumps(metadata))
        self.page.lister.update_file_entry(path)

    def save_preview(self, name: str, picture: bytes) -> str | None:
        """Write a picture beside an embedding, and return the preview that is shown then."""
        path = self.page.items.get(name, {})["local_preview"]
        Path(path).write_bytes(picture)
        self.page.lister.update_file_entry(path)
        shown: str | None = self.page.items.get(name, {})["preview"]
        return shown


def textual_inversion_page(database: Callable[[], Any]) -> ExtraNetworksPage:
    """Return the page of embeddings, of a class of its own: the WebUI makes it anew too."""

    class ExtraNetworksPageTextualInversion(ExtraNetworksPage):
        def __init__(self) -> None:
            super().__init__("Textual Inversion")
            self.allow_negative_prompt = True

        def refresh(self) -> None:
            database().load_textual_inversion_embeddings(force_reload=True)

        def create_item(
            self,
            name: str,
            index: int | None = None,
            enable_filter: bool = True,  # noqa: ARG002 - theirs
        ) -> Item | None:
            embedding = database().word_embeddings.get(name)
            if embedding is None:
                return None
            return {"name": name, "filename": embedding.filename, "sort_keys": {"default": index}}

        def list_items(self) -> Iterator[Item]:
            for index, name in enumerate(database().word_embeddings):
                item = self.create_item(name, index)
                if item is not None:
                    yield item

        def allowed_directories_for_previews(self) -> list[str]:
            return list(database().embedding_dirs)

    return ExtraNetworksPageTextualInversion()


def pages_module() -> ModuleType:
    """Return `modules.ui_extra_networks`."""
    module = ModuleType(NAME)
    extra_pages: list[ExtraNetworksPage] = []
    allowed_dirs: set[str] = set()

    def register_page(page: ExtraNetworksPage) -> None:
        extra_pages.append(page)
        allowed_dirs.clear()
        for each in extra_pages:
            allowed_dirs.update(each.allowed_directories_for_previews())

    def get_single_card(page: str = "", tabname: str = "", name: str = "") -> dict[str, str]:
        found = next(each for each in extra_pages if each.name == page)
        item = found.create_item(name, enable_filter=False)  # type: ignore[call-arg]
        assert item is not None
        found.items[name] = item
        found.read_user_metadata(item, use_cache=False)
        return {"html": found.create_item_html(tabname, item, "a template")}

    vars(module).update(
        extra_pages=extra_pages,
        allowed_dirs=allowed_dirs,
        register_page=register_page,
        get_single_card=get_single_card,
    )
    return module
