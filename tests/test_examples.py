"""The examples: what is shipped, and what is made when it is needed."""

from __future__ import annotations

from pathlib import Path

from examples.make_embeddings import UNSAFE, main
from lib_embeddings import scan

SHIPPED = Path(__file__).parents[1] / "examples" / "embeddings"


def states(folder: Path) -> dict[str, tuple[str, str | None, str | None]]:
    """Return by path what a scan for SD 1.x says of each file in a folder."""
    view = scan([folder], model="sd1")
    return {seen.entry.place.path: (seen.state, seen.fit, seen.reason) for seen in view}


def test_every_state_has_an_example(tmp_path: Path) -> None:
    """Whoever scans the examples sees all that a scan can say."""
    main(str(tmp_path))
    kinds = {fit or state for state, fit, _ in states(tmp_path).values()}
    assert kinds == {
        "usable", "partial", "incompatible", "duplicate", "broken", "unsafe", "foreign",
    }  # fmt: skip


def test_nothing_unsafe_is_shipped(tmp_path: Path) -> None:
    """The examples in the repository are those that are made, but for the unsafe one."""
    main(str(tmp_path))
    made = states(tmp_path)
    assert made.pop(UNSAFE)[0] == "unsafe"
    assert states(SHIPPED) == made
