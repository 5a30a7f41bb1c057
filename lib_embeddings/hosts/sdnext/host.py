"""SD.Next: known by its databases, one for each pipeline, not by version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio
import modules
from modules import (  # noqa: F401 - `check` looks at all that were imported
    modeldata,
    processing_args,
    scripts,
    scripts_manager,
    shared,
    textual_inversion,
)

from lib_embeddings.entries.entry import Entry
from lib_embeddings.hosts.living import Living
from lib_embeddings.hosts.sdnext.loader import SdnextLoader
from lib_embeddings.hosts.sdnext.prompts import PROMPTS_PART, PromptHooks, begin
from lib_embeddings.hosts.webui.extension import (
    LOADING_PART,
    Hooks,
    Undo,
    replace_page_in,
    require,
)
from lib_embeddings.hosts.webui.host import LoadingHost, Parts, script_class
from lib_embeddings.hosts.webui.loading import is_generating
from lib_embeddings.hosts.webui.settings import more_folders
from lib_embeddings.library.library import Library
from lib_embeddings.web.tab import mount_point

_TABS = ("txt2img", "img2img", "control", "video")

_OWN_PAGE = "ExtraNetworksPageTextualInversion"


def check() -> None:
    """Check that this is such a WebUI.

    Raises:
        HostError: it has no pipelines with databases that we know.
    """
    require(
        modules,
        "modeldata.get_model_type",
        "modeldata.model_data.sd_model",
        "processing_args.set_pipeline_args",
        "scripts.AlwaysVisible",
        "scripts.Script",
        "shared.opts.embeddings_dir",
        "textual_inversion.EmbeddingDatabase.load_textual_inversion_embeddings",
        "textual_inversion.supported_models",
    )


def folders() -> list[str]:
    """Return the folders of SD.Next's setting and of ours."""
    return [shared.opts.embeddings_dir, *more_folders()]


is_busy = is_generating


class Host(LoadingHost):
    """What differs: prompts are given tokens of ours, and one more tab makes pictures."""

    def __init__(self, living: Living, hooks: Hooks) -> None:
        super().__init__(living, hooks, folders)
        self.parts = Parts(
            self._library, hooks, self.rescan, "sdnext", tabs=_TABS, replace_page=_replace_page
        )
        self.begin_infotext = begin
        prompts = PromptHooks(hooks)
        self.loader = SdnextLoader(self._library, hooks, self.rescan, self.parts.sha256, prompts)
        self.places = (
            (PROMPTS_PART, prompts.hook),
            (LOADING_PART, self.hook_loader),
            ("reports in the tab Control", self.hook_control),
        )

    def hook_control(self) -> Undo:
        """Run in the Control tab too, which accepts only extensions whose titles it knows."""
        known, title = scripts_manager.control_extensions, script_class(self)().title()
        known.append(title)
        return lambda: known.remove(title)


# The page


def _replace_page(
    _library: Library, rescan: Callable[[], object], _sha256: Callable[[Entry], str]
) -> Undo:
    """Put our tab in place of SD.Next's page of embeddings, and return what undoes that.

    Raises:
        HostError: there is no such page.
        Exception: it is not the page that we know; it is still in its place.
    """

    def prepare(ours: Any) -> None:
        ours.rescan = rescan
        ours.create_page(_TABS[0])  # what would fail while the interface is built should fail here

    pages = shared.extra_networks
    return replace_page_in(pages, _OWN_PAGE, "page of embeddings", _Page, prepare)


class _Page:
    """What differs from SD.Next's own page, whose class comes after this one.

    Its items are those of the database, as its own page has them. The signatures are SD.Next's.
    """

    rescan: Callable[[], object]

    def create_page(self, tabname: str, skip: bool = False) -> str:  # noqa: ARG002 - theirs
        webui: Any = self
        webui.create_items(tabname)
        webui.html = gradio.update()  # sent at each Refresh: what is in the tab stays there
        return self.patch("", tabname)

    def patch(self, text: str, tabname: str) -> str:  # noqa: ARG002 - theirs
        """Return what is shown in a tab when the interface is built.

        SD.Next would take one of our cards under the mouse for one of its own.
        """
        return f'<div onmouseover="event.stopPropagation()">{mount_point(tabname)}</div>'

    def refresh(self) -> None:
        super().refresh()  # type: ignore[misc] # not typed
        self.rescan()  # which a loader of SD.Next's own does not
