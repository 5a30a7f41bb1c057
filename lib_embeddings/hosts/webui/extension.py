"""Begin and end inside a WebUI, which runs the doorway in `scripts/` again at "Reload UI".

In between, each hook has a name, is guarded, and is undone at the end. The WebUI may not be one
that we know: what fails there costs one line and that part, never a picture or anything of the
WebUI's own.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, final

from lib_embeddings.errors import HostError

if TYPE_CHECKING:
    from lib_embeddings.hosts.living import Living
    from lib_embeddings.hosts.webui.host import Host

log = logging.getLogger(__name__)

# Without these nothing works. Near misses also need rapidfuzz, and are left out without it.
NEEDED = ("watchdog", "platformdirs")

# The adapters, in the order in which they are asked.
_ADAPTERS = (
    "lib_embeddings.hosts.a1111.host",
    "lib_embeddings.hosts.forge.host",
    "lib_embeddings.hosts.sdnext.host",
)
# The one that remains where none of them knows the WebUI's database.
_PAGE_ONLY = "lib_embeddings.hosts.webui.page_only"

# A module that only some WebUIs have -> what people call these.
_NAMES = {"modules.scripts_manager": "SD.Next", "modules_forge": "Forge"}

# Parts that several modules share, as they are called in the line about one that fails.
LOADING_PART = "loading of embeddings"
INFOTEXT_PART = "writing of TI hashes"
REPORT_PART = "prompt report"
CHOICES_PART = "notice of chosen models"

Undo = Callable[[], object]
_T = TypeVar("_T")

_running = ExitStack()
atexit.register(_running.close)  # otherwise threads and stores end when their modules are gone


class Adapter(Protocol):
    """A module that knows one kind of WebUI.

    Its `check` raises `HostError` where the WebUI is of another kind.
    """

    def check(self) -> None:
        """Check that this is such a WebUI. Raises `HostError`."""

    def folders(self) -> list[str]:
        """Return the folders that the WebUI and its settings name."""

    def is_busy(self) -> bool:
        """Return whether the WebUI makes a picture, or gets ready to: no scan may delay it."""

    def Host(self, living: Living, hooks: Hooks) -> Host:  # noqa: N802 - a class
        """Prepare what acts at the WebUI's events."""


def start() -> type[Any] | None:
    """Begin, or begin again, and return what the WebUI should run at each generation.

    Whatever is missing costs one line; the WebUI then goes on with its own loader.
    """
    stop()
    try:
        return _start()
    except HostError as error:
        print(
            f"Textual Inversion is off: {error}. "
            "The WebUI works as if this extension were not installed."
        )
        return None


def stop() -> None:
    """End everything that `start` began; safe to call again."""
    _running.close()


def _start() -> type[Any]:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise HostError(
            "this WebUI's Python",
            None,
            f"package {' and no package '.join(missing)}: restart it to install them",
        )
    # It needs what may be missing.
    from lib_embeddings.hosts.living import living_library  # noqa: PLC0415

    webui = _find()
    with ExitStack() as undo:
        living = undo.enter_context(living_library(webui.folders(), is_busy=webui.is_busy))
        hooks = undo.enter_context(closing(Hooks()))
        script = webui.Host(living, hooks).begin(stop)
        living.watcher.start()
        _running.push(undo.pop_all())
    return script


def _find() -> Adapter:
    """Return the adapter for this WebUI; print it where that can only show a page.

    Raises:
        HostError: there is none; it names what the WebUI lacks for each that we know.
    """
    refusals: list[HostError] = []
    for name in _ADAPTERS:
        try:
            return _adapter(name)
        except HostError as error:
            refusals.append(error)
    lacking = refusal(" and no ".join(each.missing for each in refusals))
    try:
        found = _adapter(_PAGE_ONLY)
    except HostError:
        raise lacking from None
    print(
        f"Textual Inversion: {lacking}, so it keeps loading embeddings itself; "
        "our tab only shows them."
    )
    return found


def _adapter(name: str) -> Adapter:
    """Return an adapter that knows this WebUI. Raises `HostError`."""
    try:
        adapter: Any = importlib.import_module(name)
    except ImportError as error:
        raise refusal(f"module {_missing(error)}") from error
    adapter.check()
    return adapter  # type: ignore[no-any-return]


def require(package: ModuleType, *paths: str) -> None:
    """Check that a WebUI's package has what we need, each by its path in it.

    Raises:
        HostError: it lacks some of it.
    """
    for path in paths:
        owner, found = package, package.__name__
        for name in path.split("."):
            found = f"{found}.{name}"
            if not hasattr(owner, name):
                raise refusal(found)
            owner = getattr(owner, name)


def refusal(missing: str) -> HostError:
    """Return the error that this WebUI lacks something."""
    name = next((name for module, name in _NAMES.items() if module in sys.modules), "this WebUI")
    return HostError(name, version(), missing)


def version() -> str | None:
    """Return the WebUI's version, for people only; None where it has none that we know."""
    tag = getattr(sys.modules.get("modules.launch_utils"), "git_tag", None)
    if tag:
        return str(tag())
    known: dict[str, str] = getattr(sys.modules.get("installer"), "version", None) or {}
    day = known.get("updated", "unknown")  # SD.Next has no numbers
    return None if day == "unknown" else day


def _missing(error: ImportError) -> str:
    """Return what could not be imported; for a name in a package only the message says it."""
    inside = re.search(r"cannot import name '(\w+)'", str(error))
    return f"{error.name}.{inside[1]}" if inside else error.name or str(error)


@final
class Hooks:
    """All parts that are hooked in. They are undone by `close`."""

    def __init__(self) -> None:
        self._undo = ExitStack()
        self._reporting = threading.Lock()  # guards the next
        self._reported: set[tuple[str, str]] = set()

    def add(self, part: str, hook: Callable[[], Undo | None]) -> None:
        """Begin a part. Where that fails, the WebUI's own stays as it is.

        Args:
            part: its name, for people.
            hook: returns what undoes it; None where there is nothing to undo.
        """
        undo = self.guard(part, hook)
        if undo is not None:
            self._undo.callback(self.guard, part, undo)

    def guard(self, part: str, act: Callable[[], _T]) -> _T | None:
        """Run a part, and return what it returns; None where it fails, which is logged once."""
        try:
            return act()
        except Exception as error:  # the WebUI may not be one that we know
            log.debug("the part %r failed", part, exc_info=True)
            self._report(part, f"{type(error).__name__}: {error}")
            return None

    def _report(self, part: str, reason: str) -> None:
        with self._reporting:  # whoever fails second goes on when it is said, not before
            if (part, reason) in self._reported:
                return
            self._reported.add((part, reason))
            log.warning(
                "Textual Inversion: the %s does not work in this WebUI; everything else does (%s)",
                part,
                reason,
            )

    def close(self) -> None:
        """Undo all parts, the last one first; safe to call again."""
        self._undo.close()


def replace(owner: Any, name: str, ours: Callable[..., Any]) -> Undo:
    """Replace a function of the WebUI's with ours, and return what puts the original back.

    What has wrapped ours by then stays in place, so ours must pass calls on after the end.

    Raises:
        AttributeError: there is no such function.
    """
    getattr(owner, name)
    own = vars(owner)
    former = own.get(name)
    setattr(owner, name, ours)

    def put_back() -> None:
        if own.get(name) != ours:
            return
        if former is None:
            delattr(owner, name)
        else:
            setattr(owner, name, former)

    return put_back


def replace_page_in(
    pages: list[Any], name: str, what: str, kind: type[Any], prepare: Callable[[Any], object]
) -> Undo:
    """Replace a page of the WebUI's with ours, and return what puts the original back.

    Args:
        name: of the class of its own page, which "Reload UI" creates again.
        what: people call it.
        kind: what differs in ours.
        prepare: makes ours ready; what it raises leaves its own in place.

    Raises:
        HostError: there is no such page.
    """
    own = next((page for page in pages if type(page).__name__ == name), None)
    if own is None:
        raise HostError("this WebUI", None, what)
    ours: Any = type("TextualInversionPage", (kind, type(own)), {})()
    prepare(ours)
    pages[pages.index(own)] = ours

    def put_back() -> None:
        if ours in pages:
            pages[pages.index(ours)] = own

    return put_back


def print_lines(lines: Iterable[str]) -> None:
    """Print lines at once; a console that cannot show a name must not end a generation."""
    encoding = sys.stdout.encoding or "utf-8"
    text = "\n".join(lines)
    if text:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
