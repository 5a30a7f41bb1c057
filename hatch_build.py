"""Put what the page needs into the wheel, where `web/tab.py` looks for it first.

It lies at the top of the repository because the WebUIs load it from there.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Assets(BuildHookInterface[Any]):
    """Include what lies outside of the package, unless the wheel only leads to the repository."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            for name in ("javascript", "localizations", "style.css", "examples/pictures"):
                build_data["force_include"][name] = f"lib_embeddings/assets/{name}"
