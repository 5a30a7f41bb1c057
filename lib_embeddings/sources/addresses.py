"""Which addresses may be connected to: those of a site, and none inside a private network."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from lib_embeddings.errors import SourceError, Unreachable, shown
from lib_embeddings.sources.references import shown_link
from lib_embeddings.sources.source import ANYWHERE, Site

_PORTS = {"https": 443, "http": 80}
# IPv4 addresses in IPv6 ones, as some networks write them: RFC 6052.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

# Returns the addresses of a host; raises `OSError` where it has none.
AddressesOf = Callable[[str, int], list[str]]


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses that the system knows for a host. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Return whether an address is on the public internet, and not in a private network."""
    number = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(number, ipaddress.IPv6Address):
        last = ipaddress.IPv4Address(int(number) & 0xFFFFFFFF) if number in _NAT64 else None
        inner = number.ipv4_mapped or number.sixtofour or last
        if inner:
            return is_public(str(inner))
    return number.is_global and not (number.is_multicast or number.is_reserved)


class Target(NamedTuple):
    """A checked address.

    Attributes:
        addresses: those of the host; empty where a proxy looks them up.
        proxy: the proxy to connect through, if any.
    """

    url: SplitResult
    port: int
    addresses: list[str]
    proxy: SplitResult | None

    @property
    def host(self) -> str:
        """The host's name, or its number."""
        return self.url.hostname or ""

    @property
    def resource(self) -> str:
        """What to ask for there: path and query, in characters that a request may contain."""
        path = quote(self.url.path or "/", safe="/%:@!$&'()*+,;=~")
        query = quote(self.url.query, safe="/%:@!$&'()*+,;=~?")
        return f"{path}?{query}" if query else path

    def is_at(self, site: Site) -> bool:
        """Return whether this is one of a site's own addresses, which may receive a key."""
        return _is_at(self.url, site)


def check(site: Site, url: str, before: Target | None, find: AddressesOf) -> Target:
    """Return where to connect to for an address.

    Args:
        url: where *before* leads, as it is written there; otherwise a complete address.
        before: what led there; None for what a source itself asked for.

    Raises:
        SourceError: nothing may be fetched from there for this site.
    """
    try:
        parts = urlsplit(urljoin(before.url.geturl(), url) if before else url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise SourceError(f"{shown_link(url)} is not an address: check the link") from error
    if parts.username is not None or not host or not port:
        raise SourceError(f"{shown_link(url)} is not an address to download from: check the link")
    is_own = _is_at(parts, site)
    if not is_own and not _is_among(host, site.stores):
        raise SourceError(f"{site.title} leads to {shown(host)}, which is not one of its hosts")
    # A mirror may be in the network of the person who set it; no other site may lead there.
    is_mirror = site.is_mirror and is_own and (before is None or before.is_at(site))
    if parts.scheme != "https" and not is_mirror:
        raise SourceError(f"{shown_link(url)}: expected https, found {shown(parts.scheme)}")
    proxy = _proxy_for(parts)
    if proxy and not _is_number(host):
        return Target(parts, port, [], proxy)
    try:
        addresses = find(host, port)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{shown(host)} was not found: are you online?") from error
    private = [] if is_mirror else [each for each in addresses if not is_public(each)]
    if private:
        where = "is" if _is_number(host) else f"leads to {private[0]},"
        raise SourceError(
            f"{shown(host)} {where} an address inside a private network, and nothing is fetched "
            "from there: download it with your browser"
        )
    return Target(parts, port, addresses, proxy)


def _is_at(parts: SplitResult, site: Site) -> bool:
    return _origin(parts) in [_origin(urlsplit(address)) for address in site.addresses]


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _is_among(host: str, stores: tuple[str, ...]) -> bool:
    return any(
        store == ANYWHERE or (host.endswith(store) if store.startswith(".") else host == store)
        for store in stores
    )


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _proxy_for(parts: SplitResult) -> SplitResult | None:
    """Return the proxy that the system wants for an address, if any."""
    proxy = getproxies().get(parts.scheme)
    if not proxy or parts.scheme != "https" or proxy_bypass(parts.hostname or ""):
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")
