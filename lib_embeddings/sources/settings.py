"""What a person set for the sites: keys, mirrors, and whether any site may be asked at all.

It is in `sources.ini` in the user's settings folder; environment variables take precedence.

    [sources]
    offline = no

    [civitai]
    token = a key of your own
    address = https://civitai.red
    dump = /home/me/civitai.sqlite

    [huggingface]
    address = https://hf-mirror.com

Nothing here writes the file, and nobody else may be able to read it when a key is in it.
"""

from __future__ import annotations

import configparser
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from lib_embeddings.errors import SourceError, shown
from lib_embeddings.our_files import our_path
from lib_embeddings.sources.references import shown_link
from lib_embeddings.sources.source import Site


class SourceSettings:
    """The settings as they are now.

    Attributes:
        closed: why no site may be asked; None where that is allowed.
        dump: where a dump of Civitai is; empty for none.
    """

    def __init__(
        self, path: str | None = None, environment: Mapping[str, str] = os.environ
    ) -> None:
        """Read the file at *path*, by default in the user's folder; there may be none.

        Raises:
            SourceError: it cannot be read, or others can read the key in it.
        """
        self._path = Path(path) if path else our_path("sources.ini")
        self._environment = environment
        self._file = configparser.ConfigParser(interpolation=None)
        try:
            text = self._path.read_text(encoding="utf-8")
            self._file.read_string(text)
            is_offline = self._file.getboolean("sources", "offline", fallback=False)
        except FileNotFoundError:
            is_offline = False
        except (OSError, ValueError, configparser.Error) as error:
            # A parser's message about a line would show what is in it.
            raise SourceError(f"{self._shown_path} cannot be read as settings: fix it") from error
        self.closed = (
            f"{self._shown_path} says offline = yes: no site is contacted" if is_offline else None
        )
        self.dump = self._file.get("civitai", "dump", fallback="").strip()
        self._refuse_an_open_file()

    @property
    def _shown_path(self) -> str:
        return shown(str(self._path), 255)

    def of(self, site: Site) -> Site:
        """Return a site with the key and the addresses that a person set for it."""
        addresses = self._set(site.key, "address", (site.address_variable,)).split()
        token = self._set(site.key, "token", site.key_variables)
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise SourceError(
                f"the key for {site.title} has characters in it that no key has: copy it again "
                f"from {site.key_page}"
            )
        for address in addresses:
            if not _is_address(address):
                raise SourceError(
                    f"{shown_link(address)}: expected an address as https://example.com"
                )
        return replace(
            site,
            token=token or None,
            addresses=tuple(each.rstrip("/") for each in addresses) or site.addresses,
            is_mirror=bool(addresses),
        )

    def _set(self, section: str, option: str, variables: tuple[str, ...]) -> str:
        found = (self._environment.get(name, "").strip() for name in variables)
        return next(filter(None, found), self._file.get(section, option, fallback="").strip())

    def _refuse_an_open_file(self) -> None:
        """Check that nobody else can read a file with a key in it; Windows keeps others out."""
        has_token = any("token" in self._file[name] for name in self._file.sections())
        if has_token and os.name == "posix":
            mode = stat.S_IMODE(self._path.stat().st_mode)
            if mode & 0o077:
                raise SourceError(
                    f"{self._shown_path} has a key in it and others can read it "
                    f"(mode {mode:04o}): run chmod 600 on it"
                )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
