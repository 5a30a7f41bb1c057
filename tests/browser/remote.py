"""Firefox and WebKitGTK as the machine has them, each spoken to in the protocol that it knows.

Playwright brings its own builds of both, and cannot be told to use these. What people do is the
same in both protocols: a list of actions as WebDriver describes them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.request import Request, urlopen

import pytest

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
WEBKIT = shutil.which("WebKitWebDriver")
XVFB = shutil.which("Xvfb")

# Patience with a busy machine, not a measure.
WAIT_S = 30


class Browser(Protocol):
    """A browser with one page."""

    def call(self, method: str, parameters: dict[str, Any]) -> Any:
        """Ask the browser for something; *method* is `open`, `run` or `perform`."""


class Remote:
    """The page of one browser."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def open(self, address: str) -> None:
        """Load a page."""
        self._browser.call("open", {"url": address})

    def run(self, function: str, *arguments: object) -> Any:
        """Return what a function of JavaScript returns."""
        values = ", ".join(map(json.dumps, arguments))
        text = self._browser.call(
            "run", {"script": f"JSON.stringify(({function})({values}) ?? null)"}
        )
        return json.loads(text)

    def wait(self, function: str, *arguments: object) -> Any:
        """Return what a function returns as soon as that is something."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            if found := self.run(function, *arguments):
                return found
            time.sleep(0.05)
        raise AssertionError(f"never true: {function} of {arguments}")

    def text(self, selector: str) -> str:
        """Return the text of the first element that a selector finds; a field's is its value."""
        found: str = self.run(
            "(s) => { const e = document.querySelector(s); return e?.value ?? e?.textContent; }",
            selector,
        )
        return found or ""

    def click(self, selector: str) -> None:
        """Click the middle of the first element that a selector finds."""
        self.wait("(s) => document.querySelector(s)?.checkVisibility()", selector)
        x, y = self.run(
            """(s) => {
              const element = document.querySelector(s);
              element.scrollIntoView({ block: "center" });
              const { left, top, width, height } = element.getBoundingClientRect();
              return [Math.round(left + width / 2), Math.round(top + height / 2)];
            }""",
            selector,
        )
        moves = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._browser.call(
            "perform", {"actions": [{"type": "pointer", "id": "mouse", "actions": moves}]}
        )

    def type(self, text: str) -> None:
        """Press the keys of a text; WebDriver's private characters stand for other keys."""
        keys = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._browser.call("perform", {"actions": [{"type": "key", "id": "keys", "actions": keys}]})


class _Firefox:
    """WebDriver BiDi: messages over a WebSocket."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._asked = 0
        self._ask("session.new", {"capabilities": {}})
        self._context = self._ask("browsingContext.getTree", {})["contexts"][0]["context"]

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self._asked += 1
        self._connection.send(json.dumps({"id": self._asked, "method": method, "params": params}))
        while True:
            answer = json.loads(self._connection.recv(timeout=WAIT_S))
            if answer.get("id") == self._asked:
                assert answer["type"] == "success", answer
                return answer["result"]

    def call(self, method: str, parameters: dict[str, Any]) -> Any:
        if method == "open":
            here = {"context": self._context, "wait": "complete"}
            return self._ask("browsingContext.navigate", {**parameters, **here})
        if method == "perform":
            return self._ask("input.performActions", {**parameters, "context": self._context})
        target = {"target": {"context": self._context}, "awaitPromise": False}
        found = self._ask("script.evaluate", {"expression": parameters["script"], **target})
        assert found["type"] == "success", found
        return found["result"]["value"]


class _WebKit:
    """Classic WebDriver: requests over HTTP."""

    def __init__(self, address: str) -> None:
        self._address = address
        asked: dict[str, Any] = {"capabilities": {"alwaysMatch": {}}}
        self._session = self._ask("POST", "/session", asked)["sessionId"]

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(self._address + path, data, headers, method=method)
        with urlopen(request, timeout=WAIT_S) as answer:
            return json.load(answer)["value"]

    def call(self, method: str, parameters: dict[str, Any]) -> Any:
        path = {"open": "url", "perform": "actions", "run": "execute/sync"}[method]
        if method == "run":
            parameters = {"script": f"return {parameters['script']}", "args": []}
        return self._ask("POST", f"/session/{self._session}/{path}", parameters)

    def close(self) -> None:
        self._ask("DELETE", f"/session/{self._session}")


@contextmanager
def firefox(home: Path) -> Iterator[Remote]:
    """Yield the page of a Firefox; skip the test where none can run."""
    if not FIREFOX:
        pytest.skip("Firefox is not installed")
    client = pytest.importorskip("websockets.sync.client")
    options = ["--headless", "--no-remote", "--profile", str(home), "--remote-debugging-port", "0"]
    process = subprocess.Popen([FIREFOX, *options], stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        found = (re.search(r"BiDi listening on (ws://\S+)", line) for line in process.stderr)
        address = next((match[1] for match in found if match), None)
        assert address, "Firefox ended before it said where it listens"
        with client.connect(f"{address}/session", max_size=None) as connection:
            yield Remote(_Firefox(connection))
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


@contextmanager
def webkit(home: Path) -> Iterator[Remote]:
    """Yield the page of WebKitGTK's own browser; skip the test where none can run."""
    if not WEBKIT or not XVFB:
        pytest.skip("WebKitGTK's driver or Xvfb is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    screen = subprocess.Popen(
        [XVFB, "-displayfd", "1", "-screen", "0", "1200x900x24"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert screen.stdout
    own = {
        "DISPLAY": f":{screen.stdout.readline().strip()}",
        "GDK_BACKEND": "x11",
        "HOME": str(home),
        "LIBGL_ALWAYS_SOFTWARE": "1",
    }
    driver = subprocess.Popen([WEBKIT, f"--port={port}"], env={**os.environ, **own})
    try:
        _wait_for(port)
        browser = _WebKit(f"http://127.0.0.1:{port}")
        yield Remote(browser)
        browser.close()
    finally:
        for process in (driver, screen):
            process.terminate()
            process.wait()
        screen.stdout.close()


def _wait_for(port: int) -> None:
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("WebKitGTK's driver does not listen")
