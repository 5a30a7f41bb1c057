"""Ask sites over HTTP, and trust nothing of what they answer.

One connection per request: nothing is shared between requests, sites or threads. It is made here
and not by an HTTP library, because the address that was checked must be the one that we connect to,
and because a site that drips its answer must be cut off wherever it does so.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.parse import SplitResult, unquote, urlencode

from lib_embeddings.entries.documents import text_at
from lib_embeddings.errors import NotFound, SourceError, Unreachable, shown
from lib_embeddings.limits import KIB, LIMITS, Limits
from lib_embeddings.sources.addresses import AddressesOf, Target, check, look_up
from lib_embeddings.sources.source import RemotePicture, Site
from lib_embeddings.version import __version__

# Hugging Face says how long its window still lasts: huggingface.co/docs/hub/rate-limits.
_WINDOW = re.compile(r"\bt=(\d{1,6})")
_REGION = re.compile(r"\b(?:region|country|location|jurisdiction)\b", re.IGNORECASE)


def refusal(site: Site, status: int, headers: Mapping[str, str], body: bytes) -> SourceError:
    """Return the error for an answer that is not a success.

    Args:
        headers: by their names in lower case.
    """
    document = _document(body)
    words = text_at(document, "message") or text_at(document, "error")
    said = f' ("{shown(" ".join(words.split()), 160)}")' if words else ""
    title = site.title
    if status == 451 or (status == 403 and _REGION.search(words)):
        return SourceError(f"{title} does not answer from your country{said}")
    if status == 401 and "disabled downloads" in words:
        return SourceError(f"its author has switched off downloads on {title}: ask the author")
    if status == 401:
        return wants_key(site)
    if status == 403 and (deadline := text_at(document, "deadline")):
        day = shown(deadline.partition("T")[0], 32)
        return SourceError(
            f"it is in early access on {title} until {day}: buy it there, or wait until then"
        )
    if status == 403:
        return SourceError(f"{title} does not let you have it{said}: open its page and see why")
    if status == 404:
        return NotFound(f"{title} does not have it (or not at the moment){said}: check the link")
    if status == 410:
        return NotFound(
            f"its author has archived it, and {title} no longer offers its file: ask the author"
        )
    if status == 429:
        return SourceError(f"too many requests to {title}: {_wait(headers)} and try again")
    if status >= 500:
        return Unreachable(
            f"{title} has a problem ({status}){said}: {_wait(headers)} and try again"
        )
    return SourceError(f"{title} answered {status}{said} instead of sending what was asked for")


def wants_key(site: Site) -> SourceError:
    """Return the error for what a site gives only to people who are logged in."""
    if not site.key_page:
        return SourceError(
            f"{site.title} asks for a login: download the file there with your browser"
        )
    if site.token:
        return SourceError(
            f"{site.title} refuses your key: check that it still exists at {site.key_page}, or "
            "make a new one, and that you may have this file"
        )
    return SourceError(
        f"{site.title} gives this only with a key of your own: make one at {site.key_page} and "
        f"put it into the environment variable {site.key_variables[0]}"
    )


def _document(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _wait(headers: Mapping[str, str]) -> str:
    """Return how long to wait, as the beginning of a sentence."""
    window = _WINDOW.search(headers.get("ratelimit", ""))
    seconds = window[1] if window else headers.get("retry-after", "").strip()
    if seconds.isascii() and seconds.isdigit() and len(seconds) < 7:
        return f"wait {int(seconds):,} seconds"
    return "wait a few minutes"


# Requests

# Sites answer programs that claim to be a browser with pages for people.
USER_AGENT = f"lib-embeddings/{__version__}"
_REDIRECTS = (301, 302, 303, 307, 308)
_THIS_COMPUTER = ("127.0.0.1", "::1", "localhost")
_BLOCK = 64 * KIB

Parameters = Mapping[str, str | int] | Sequence[tuple[str, str | int]]
_FAILURES = (OSError, http.client.HTTPException, UnicodeError)


class Response:
    """What a site answered; its body is read once."""

    def __init__(
        self, site: Site, response: http.client.HTTPResponse, is_over: Callable[[], bool]
    ) -> None:
        """Take an answer whose headers are read."""
        self.site = site
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.filename = response.headers.get_filename()
        self._response = response
        self._is_over = is_over

    def blocks(self) -> Iterator[bytes]:
        """Yield the body piece by piece. Raises `SourceError` if it does not arrive complete."""
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise SourceError(
                f"{self.site.title} sent a compressed answer although none was requested"
            )
        while True:
            try:
                block = self._response.read(_BLOCK)
            except _FAILURES as error:
                raise _failed(self.site, error, is_over=self._is_over()) from error
            if self._is_over() or (not block and self._response.length):
                raise _cut_off(self.site, is_slow=self._is_over())
            if not block:
                return
            yield block

    def body(self, most: int) -> bytes:
        """Return the whole body. Raises `SourceError` if it has more than *most* bytes."""
        body = bytearray()
        for block in self.blocks():
            body += block
            if len(body) > most:
                raise SourceError(
                    f"{self.site.title} answered with more than {most:,} bytes, which is too much"
                )
        return bytes(body)

    def refusal(self) -> SourceError:
        """Return the error for an answer that is not a success."""
        try:
            words = self.body(LIMITS.refusal_bytes)
        except SourceError:
            words = b""
        return refusal(self.site, self.status, self.headers, words)


class Transport:
    """Asks sites. Any thread may call any method."""

    def __init__(
        self, closed: str | None = None, find: AddressesOf = look_up, limits: Limits = LIMITS
    ) -> None:
        """Prepare; nobody is asked yet.

        Args:
            closed: why no site may be asked, as a sentence; None where that is allowed.
            find: returns the addresses of a host.
        """
        self._closed = closed
        self._find = find
        self._limits = limits
        self._context = ssl.create_default_context()

    def picture(self, picture: RemotePicture) -> bytes:
        """Return the bytes of a picture, which may be anything. Raises `SourceError`."""
        with self.ask(picture.site, picture.url, self._limits.answer_seconds) as answer:
            if answer.status != 200:
                raise answer.refusal()
            return answer.body(self._limits.document_bytes)

    def document(
        self,
        site: Site,
        url: str,
        query: Parameters | None = None,
        send: Any = None,
    ) -> tuple[Any, Mapping[str, str]]:
        """Return the JSON that a site answers, and the answer's headers.

        Args:
            query: what follows the `?`; pairs where a key comes twice.
            send: is sent as JSON; None to send nothing.

        Raises:
            SourceError: it answered something else, or not at all.
        """
        asked = f"{url}?{urlencode(query)}" if query else url
        seconds = self._limits.answer_seconds
        with self.ask(site, asked, seconds, {"Accept": "application/json"}, send) as answer:
            if answer.status != 200:
                raise answer.refusal()
            body = answer.body(self._limits.document_bytes)
            try:
                return json.loads(body), answer.headers
            except (ValueError, RecursionError) as error:
                found = "a web page" if body.lstrip().startswith(b"<") else "something else"
                raise SourceError(
                    f"expected JSON from {site.title}, found {found}: try again later"
                ) from error

    @contextmanager
    def ask(
        self,
        site: Site,
        url: str,
        seconds: float,
        headers: Mapping[str, str] | None = None,
        send: Any = None,
    ) -> Iterator[Response]:
        """Yield a site's answer, whatever its status, after redirects.

        Args:
            seconds: that it may take in total.
            send: is sent as JSON; None to send nothing.

        Raises:
            SourceError: it does not answer, or leads where nothing may be fetched.
        """
        deadline = time.monotonic() + seconds
        if self._closed:
            raise SourceError(self._closed)
        asked = {"User-Agent": USER_AGENT, **(headers or {})}
        body = None if send is None else json.dumps(send).encode()
        if body is not None:
            asked["Content-Type"] = "application/json"
        before: Target | None = None
        for _ in range(self._limits.redirects + 1):
            target = check(site, url, before, self._find)
            if before and target.url.path.startswith("/login"):
                raise wants_key(site)
            token = {} if before else _authorization(site, target)
            with self._exchange(site, target, {**asked, **token}, body, deadline) as answer:
                place = answer.headers.get("location")
                if answer.status not in _REDIRECTS or place is None or body is not None:
                    yield answer
                    return
            url, before = place, target
        raise SourceError(
            f"{site.title} redirects more than {self._limits.redirects} times: try again later"
        )

    @contextmanager
    def _exchange(
        self,
        site: Site,
        target: Target,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline: float,
    ) -> Iterator[Response]:
        """Yield what is answered at an address."""
        is_over = threading.Event()
        try:
            connection = self._connect(target, deadline)
        except _FAILURES as error:
            raise Unreachable(f"{shown(target.host)} cannot be reached: {_why(error)}") from error

        raw: socket.socket = connection.sock  # the connection forgets it before the body is read

        def end() -> None:
            is_over.set()
            with suppress(OSError):
                # TLS is left alone, as another thread is reading.
                socket.socket.shutdown(raw, socket.SHUT_RDWR)

        timer = threading.Timer(max(0.0, deadline - time.monotonic()), end)
        timer.daemon = True
        timer.start()
        try:
            try:
                method = "GET" if body is None else "POST"
                connection.request(method, target.resource, body, headers)
                response = connection.getresponse()
            except _FAILURES as error:
                raise _failed(site, error, is_over=is_over.is_set()) from error
            with closing(response):
                yield Response(site, response, is_over.is_set)
        finally:
            timer.cancel()
            connection.close()

    def _connect(self, target: Target, deadline: float) -> http.client.HTTPConnection:
        """Return a connection to the first address that accepts one. Raises `OSError`."""

        def seconds() -> float:
            return max(0.001, min(self._limits.silence_seconds, deadline - time.monotonic()))

        if target.proxy:
            return _through(target.proxy, target, seconds(), self._context)
        is_sealed = target.url.scheme == "https"
        kind = http.client.HTTPSConnection if is_sealed else http.client.HTTPConnection
        connection = kind(target.host, target.port)
        failure = OSError("it has no address")
        for address in target.addresses:
            try:
                raw = socket.create_connection((address, target.port), seconds())
                connection.sock = self._seal(raw, target) if is_sealed else raw
            except OSError as error:
                failure = error
            else:
                return connection
        raise failure

    def _seal(self, raw: socket.socket, target: Target) -> ssl.SSLSocket:
        return self._context.wrap_socket(raw, server_hostname=target.host)


def _through(
    proxy: SplitResult, target: Target, seconds: float, context: ssl.SSLContext
) -> http.client.HTTPConnection:
    """Return a connection through a proxy, which looks the host up itself."""
    connection = http.client.HTTPSConnection(
        proxy.hostname or "", proxy.port or 8080, timeout=seconds, context=context
    )
    login = f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}".encode()
    credentials = {"Proxy-Authorization": f"Basic {b64encode(login).decode()}"}
    connection.set_tunnel(target.host, target.port, credentials if proxy.username else {})
    connection.connect()
    return connection


def _authorization(site: Site, target: Target) -> dict[str, str]:
    """Return the header with a person's key: only for its own site, and only encrypted."""
    is_sealed = target.url.scheme == "https" or target.host in _THIS_COMPUTER
    if site.token and target.is_at(site) and is_sealed:
        return {"Authorization": f"Bearer {site.token}"}
    return {}


def _failed(site: Site, error: Exception, *, is_over: bool) -> SourceError:
    return _cut_off(site, is_slow=is_over or isinstance(error, TimeoutError))


def _cut_off(site: Site, *, is_slow: bool) -> SourceError:
    if is_slow:
        return SourceError(f"{site.title} is too slow: try again later")
    return Unreachable(f"the connection to {site.title} broke off: try again")


def _why(error: Exception) -> str:
    return shown(getattr(error, "strerror", None) or str(error) or type(error).__name__)
