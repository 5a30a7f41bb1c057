"""Benchmarks run: on few files, so that what they measure cannot move away from under them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import concepts, idle, library, prompts, scan, sidecars
from benchmarks.child import in_new_process, read_one
from benchmarks.share import Share
from lib_embeddings.watch.folder_watch import PACE
from tests.builders import safetensors_file


def test_a_scan(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is found to be sound."""
    monkeypatch.setattr(scan, "RUNS", 1)
    monkeypatch.setattr(scan, "DROP_CACHES", Path("not here"))
    scan.main(["--files", "20"])
    assert "memory added for 20 entries" in capsys.readouterr().out


def test_a_library(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """All files are listed, and a storm ends in the list that a fresh scan gives."""
    monkeypatch.setattr(library, "RUNS", 1)
    library.main(["--files", "20", "--operations", "200"])
    output = capsys.readouterr().out
    assert "20 files, later start" in output
    assert "the list equals a fresh scan" in output


def test_a_library_at_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on following its folders, and costs something."""
    monkeypatch.setattr(idle, "SETTLE", 0.5)
    for kind in ("CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
    (tmp_path / "root").mkdir()
    assert idle.idle([tmp_path / "root"], 0.1) >= 0


def test_a_share_of_many_programs() -> None:
    """Each asks it for no more than twice what a scan may, though all begin at once."""
    calls = Share(10_000, 20, 0.002).calls(20, 3600, PACE)
    later = [calls[second] for second in range(1800, 3600)]
    assert 0 < sum(later) / len(later) / 20 < 2 * PACE.calls


def test_documents_beside_files(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scans with and without them are compared, and a search reads them."""
    monkeypatch.setattr(sidecars, "RUNS", 1)
    sidecars.main(["--files", "20"])
    told = capsys.readouterr().out
    assert all(
        each in told for each in ("cold scan", "later start", "first search, of 20 found 20")
    )


def test_the_concept_library_from_afar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole list is there after the first search, in as many requests as it has pages."""
    monkeypatch.setattr(concepts, "ROUND_TRIP", 0.001)
    monkeypatch.setattr(concepts, "PAGES", (2,))
    concepts.main(["--concepts", "3"])
    told = capsys.readouterr().out
    assert "3 concepts, at most 2 a page" in told
    assert "(2 requests)" in told


def test_prompts(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt is read."""
    monkeypatch.setattr("sys.argv", ["prompts", "--names", "50", "--words", "20"])
    prompts.main()
    assert "first report" in capsys.readouterr().out


def test_learning(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way to have a word is scored."""
    pytest.importorskip("diffusers", reason="lib-embeddings[pictures] is not installed")
    from benchmarks import learn  # noqa: PLC0415

    monkeypatch.setattr(learn, "STEPS", 2)
    monkeypatch.setattr(learn, "PROMPTS", learn.PROMPTS[:2])
    monkeypatch.setattr(learn, "SETTINGS", learn.PaintSettings(steps=2))
    learn.main(["--concepts", "1", "--seeds", "1"])
    *_, untrained, words, random, ours, whole, adam = capsys.readouterr().out.splitlines()
    assert untrained.startswith("untrained: its start")
    assert "length  1.00 x" in random
    assert words.startswith("the model's own words")
    assert all("steps    2" in line for line in (ours, whole, adam))


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells peaks")
def test_one_file(tmp_path: Path) -> None:
    """The cost of one file is printed as CPU seconds and megabytes."""
    path = tmp_path / "cat.safetensors"
    path.write_bytes(safetensors_file())
    seconds, megabytes = in_new_process(read_one, str(path), str(path))
    assert seconds >= 0
    assert megabytes >= 0
