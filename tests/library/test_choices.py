"""Favourites and switches, kept in a file of our own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from lib_embeddings.library.choices import Preferences, default_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where preferences are kept."""
    return tmp_path / "folder" / "preferences.json"


def test_choices_are_kept(path: Path) -> None:
    """Another process finds what was chosen, and what was taken back is gone."""
    first = Preferences(str(path))
    assert first.set("a", favourite=True)
    assert first.set("b", favourite=True, use_partial=True)
    assert first.set("a", favourite=False)
    second = Preferences(str(path))
    assert second.favourites == second.use_partial == {"b"}


def test_nothing_new_is_not_written(path: Path) -> None:
    """A choice that was made before is none."""
    preferences = Preferences(str(path))
    assert not preferences.set("a")
    assert not preferences.set("a", favourite=False, use_partial=None)
    assert not path.exists()


def test_choices_follow_a_file(path: Path) -> None:
    """What was chosen for one id is chosen for the other; what was not is not."""
    preferences = Preferences(str(path))
    preferences.set("a", favourite=True)
    preferences.set("b", use_partial=True)
    for old, new in (("a", "c"), ("b", "d"), ("nobody's", "e")):
        preferences.move(old, new)
    kept = Preferences(str(path))
    assert (kept.favourites, kept.use_partial) == ({"c"}, {"d"})


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"favourites": 1}', "\ufffe"])
def test_a_damaged_file_is_put_aside(
    path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Damage costs the choices, not the program; the file is kept, to be repaired."""
    path.parent.mkdir()
    path.write_text(text)
    preferences = Preferences(str(path))
    assert preferences.favourites == frozenset()
    assert len(caplog.records) == 1
    assert "damaged" in caplog.text
    preferences.set("a", favourite=True)
    assert Preferences(str(path)).favourites == {"a"}
    assert path.with_name("preferences.json.damaged").read_text() == text


def test_a_place_that_cannot_be_written(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a place choices hold for this process, with a line in the log."""
    path.parent.write_text("a file where a folder should be")
    preferences = Preferences(str(path))
    caplog.clear()
    preferences.set("a", favourite=True)
    assert preferences.favourites == {"a"}
    assert "could not be saved" in caplog.text


def test_a_write_that_is_broken_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that ends before its last step leaves the former choices."""
    preferences = Preferences(str(path))
    preferences.set("a", favourite=True)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        preferences.set("b", favourite=True)
    assert json.loads(path.read_text())["favourites"] == ["a"]


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="this variable is not used here")
def test_the_default_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default preferences lie in the user's data folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_path() == str(tmp_path / "lib_embeddings" / "preferences.json")
