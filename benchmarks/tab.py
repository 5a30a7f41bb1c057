"""Measure the tab in Chromium, as a person meets it: `python -m benchmarks.tab`.

The page is the real app's, on a generated folder of embeddings; with `--url`, that of a running app
or WebUI. "Painted" is the frame after the one in which the cards entered the page. Keystrokes and
frames are the best of some visits: other work on the machine can only add to them. From afar, where
each round trip takes 150 ms, a browser with an empty cache opens the app's page; the floor is the
time until the prompt fields appear in a page without us. A list is also asked for without a
browser, over one connection; the floor is an address that nobody answers.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Response, ViewportSize, sync_playwright

from benchmarks.folders import make_folder
from benchmarks.link import far_away
from lib_embeddings.web.tab import TITLE

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SHARES = (0.0, 0.1, 0.5, 0.77, 1.0)  # of the way down the list
TEXTS = ("7", "77", "777", "77", "") * 6
LISTED = 30
VISITS = 3
WINDOW: ViewportSize = {"width": 1600, "height": 1000}
LARGE: ViewportSize = {"width": 2560, "height": 1440}
FRAMES = 180
ROUND_TRIP = 0.15  # seconds
FAR = "first cards from afar, ms"
GOALS = {
    "first cards, ms": 60,
    "bytes before them": 100_000,
    "nodes": 900,
    "keystroke, median, ms": 20,
    "frame while scrolling, ms": 17,
    FAR: 1500,
}
CARD = ".lib-embeddings .card[data-name]"
PROMPT = "#txt2img_prompt textarea"

# A place out of sight, where the tab starts anew with every script already loaded.
BEGIN_ANEW = """() => {
  const old = document.querySelector(".lib-embeddings");
  const place = old.cloneNode();
  place.style.display = "none";
  old.replaceWith(place);
}"""
# Opens the tab as a click on its title does: it comes into sight.
OPEN_AND_WAIT = """() => new Promise((resolve) => {
  const root = document.querySelector(".lib-embeddings");
  const begin = performance.now();
  const isThere = () => root.querySelector(".card[data-name]");
  const stop = () => resolve(performance.now() - begin);
  const painted = () => requestAnimationFrame(() => setTimeout(stop));
  const watch = new MutationObserver(() => isThere() && (watch.disconnect(), painted()));
  watch.observe(root, { childList: true, subtree: true });
  root.style.display = "";
})"""
TYPE_AND_WAIT = """(text) => new Promise((resolve) => {
  const root = document.querySelector(".lib-embeddings");
  const search = root.querySelector("input[type=search]");
  const status = root.querySelector(".total");
  const begin = performance.now();
  const stop = () => resolve(performance.now() - begin);
  const painted = () => requestAnimationFrame(() => setTimeout(stop));
  const watch = new MutationObserver(() => (watch.disconnect(), painted()));
  watch.observe(status, { childList: true, subtree: true, characterData: true });
  search.value = text;
  search.dispatchEvent(new InputEvent("input", { bubbles: true }));
})"""
# The floor of a keystroke: to ask the server, and to paint nothing new.
ASK_AND_WAIT = """(text) => new Promise((resolve) => {
  const begin = performance.now();
  const stop = () => resolve(performance.now() - begin);
  const painted = () => requestAnimationFrame(() => setTimeout(stop));
  fetch(`lib-embeddings/v1/entries?query=${text}`).then((answer) => answer.json()).then(painted);
})"""
SCROLL_TO = """(share) => new Promise((resolve) => {
  const viewport = document.querySelector(".lib-embeddings .viewport");
  viewport.scrollTop = viewport.scrollHeight * share;
  const count = () => document.querySelectorAll(".lib-embeddings, .lib-embeddings *").length;
  const areThere = () => !viewport.querySelector(".gap");
  const wait = () => areThere() ? resolve(count()) : requestAnimationFrame(wait);
  requestAnimationFrame(() => requestAnimationFrame(wait));
})"""

# Scrolls by a part of the visible height in every frame; the floor is not to scroll.
SCROLL_FAST = """([frames, share]) => new Promise((resolve) => {
  const viewport = document.querySelector(".lib-embeddings .viewport");
  viewport.scrollTop = 0;
  let left = frames, begin;
  const move = (now) => {
    begin ??= now;
    if (!left--) return resolve((now - begin) / frames);
    viewport.scrollTop += viewport.clientHeight * share;
    requestAnimationFrame(move);
  };
  requestAnimationFrame(move);
})"""
SEE = """(selector) => new Promise((resolve) => {
  const stop = () => resolve(performance.now());
  const painted = () => requestAnimationFrame(() => setTimeout(stop));
  const look = () => document.querySelector(selector) && (watch.disconnect(), painted());
  const watch = new MutationObserver(look);
  watch.observe(document, { childList: true, subtree: true });
  look();
})"""


def main() -> int:
    """Print what was measured, and return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.tab")
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5, help="page visits (default: %(default)s)")
    parser.add_argument("--url", help="measure what runs there")
    options = parser.parse_args()
    with nullcontext(options.url) if options.url else app(options.entries) as address:
        print_answers(address)
        found = measure(address, options.runs)
        if not options.url:
            found[FAR] = from_afar(address, options.runs)
    print("load of the machine", *(f"{load:.1f}" for load in os.getloadavg()))
    for what, value in found.items():
        print(f"{what:<28}{value:>12,.1f}   goal {GOALS[what]:,}")
    return int(any(value > GOALS[what] for what, value in found.items()))


def print_answers(address: str) -> None:
    """Print the median milliseconds to the answer with a list, and to one with nothing."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc)

    def ask(path: str) -> float:
        begin = time.perf_counter()
        connection.request("GET", path)
        connection.getresponse().read()
        return (time.perf_counter() - begin) * 1000

    paths = (f"/lib-embeddings/v1/entries?limit={LISTED}&query={text}" for text in TEXTS)
    listed = statistics.median(map(ask, paths))
    nothing = statistics.median(ask("/nothing") for _ in TEXTS)
    print(f"a list of {LISTED} entries {listed:.1f} ms, floor {nothing:.1f} ms")
    connection.close()


def measure(address: str, runs: int) -> dict[str, float]:
    """Return the median time to the first cards, the largest counts, the keystrokes' time."""
    opened: list[float] = []
    sizes: list[int] = []
    nodes: list[int] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for _ in range(runs):
            page = browser.new_page(viewport=WINDOW)
            visit_time, size = open_tab(page, address)
            opened.append(visit_time)
            sizes.append(size)
            page.set_viewport_size(LARGE)
            nodes += [page.evaluate(SCROLL_TO, share) for share in SHARES]
            page.close()
        uses = [use(browser, address) for _ in range(VISITS)]
        browser.close()
    keystroke, ask, frame, rest = map(min, zip(*uses, strict=True))
    print(f"floors: an answer of the server, painted {ask:.1f} ms; a frame at rest {rest:.1f} ms")
    values = (statistics.median(opened), max(sizes), max(nodes), keystroke, frame)
    return dict(zip(GOALS, values, strict=False))


def visit(page: Page, address: str) -> None:
    """Go to the tab, and wait for its cards."""
    page.goto(address)
    page.locator(f":is([role=tab], .tab-nav > button):text-is('{TITLE}')").first.click()
    page.wait_for_selector(CARD)


def open_tab(page: Page, address: str) -> tuple[float, int]:
    """Return the milliseconds from opening the tab to painted cards, and the bytes sent."""
    page.add_init_script("localStorage.clear()")
    visit(page, address)
    page.evaluate(BEGIN_ANEW)
    page.wait_for_timeout(300)
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))  # noqa: PLW0108 - it marks it
    milliseconds = page.evaluate(OPEN_AND_WAIT)
    arrived = [response for response in responses if "/entries" in response.url]
    return milliseconds, sum(len(response.body()) for response in arrived)


def use(browser: Browser, address: str) -> tuple[float, float, float, float]:
    """Return the milliseconds from keystroke to cards and of a frame, each with its floor."""
    page = browser.new_page(viewport=WINDOW)
    visit(page, address)
    page.wait_for_timeout(1000)
    keystroke, ask = (
        statistics.median(page.evaluate(wait, text) for text in TEXTS)
        for wait in (TYPE_AND_WAIT, ASK_AND_WAIT)
    )
    frame, rest = (page.evaluate(SCROLL_FAST, [FRAMES, share]) for share in (0.5, 0))
    page.close()
    return keystroke, ask, frame, rest


def from_afar(address: str, runs: int) -> float:
    """Return the milliseconds to the first cards beyond those of the page without us."""
    with far_away(address, ROUND_TRIP) as far, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def see(selector: str, without: str = "") -> float:
            context = browser.new_context(viewport=WINDOW)
            page = context.new_page()
            if without:
                page.route(without, lambda route: route.abort())
            page.goto(far, wait_until="commit")
            milliseconds: float = page.evaluate(SEE, selector)
            context.close()
            return milliseconds

        cards = statistics.median(see(CARD) for _ in range(runs))
        floor = statistics.median(see(PROMPT, "**/lib-embeddings/**") for _ in range(runs))
        browser.close()
    print(f"from afar: {cards:,.0f} ms to the first cards, floor {floor:,.0f} ms")
    return cards - floor


@contextmanager
def app(entries: int) -> Iterator[str]:
    """Yield the address of the app in a process of its own, with a number of embeddings."""
    with tempfile.TemporaryDirectory() as folder:
        make_folder(Path(folder, "embeddings"), entries)
        command = [sys.executable, "-m", "lib_embeddings", "serve", str(Path(folder, "embeddings"))]
        homes = dict.fromkeys(("XDG_CACHE_HOME", "XDG_DATA_HOME"), str(Path(folder, "cache")))
        process = subprocess.Popen(
            [*command, "--model", "sd1", "--port", "0"],
            env={**os.environ, **homes},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield _address(process)
        finally:
            process.terminate()
            process.wait()


def _address(process: subprocess.Popen[str]) -> str:
    """Return the address that the app prints."""
    assert process.stderr
    for line in process.stderr:
        if "http://" in line:
            return "http://" + line.split("http://")[1].strip()
    raise RuntimeError("the app ended before it said where it is")


if __name__ == "__main__":
    raise SystemExit(main())
