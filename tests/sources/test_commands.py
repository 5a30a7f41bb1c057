"""The commands that ask sites, as a person at a terminal meets them."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from lib_embeddings.__main__ import main
from tests.builders import safetensors_file, vectors
from tests.sources.conftest import Start
from tests.sources.fakes import FakeCivitai, FakeHub, FakeSite, as_json, digest
from tests.terminal import Terminal

GOOD = safetensors_file()
SDXL = safetensors_file({"clip_l": vectors(), "clip_g": vectors(1, 1280)})
REFERENCE = "https://civitai.com/models/9208"


@pytest.fixture
def civitai(start: Start[FakeSite]) -> FakeCivitai:
    """Return a Civitai with a positive and a negative embedding."""
    site = FakeCivitai()
    start(site)
    site.add(
        92080,
        ("easyfox.safetensors", GOOD),
        ("easyfox-neg.safetensors", SDXL, {"type": "Negative"}),
    )
    return site


@pytest.fixture
def hub(start: Start[FakeSite]) -> FakeHub:
    """Return a hub with a concept."""
    site = FakeHub()
    start(site)
    site.repos["sd-concepts-library/portrait"] = {
        "learned_embeds.bin": GOOD,
        "token_identifier.txt": b"<my-portrait>",
    }
    return site


@pytest.fixture(autouse=True)
def ini(civitai: FakeCivitai, hub: FakeHub, tmp_path: Path) -> Path:
    """Return the file of settings, which leads to the fakes."""
    path = tmp_path / "config" / "lib_embeddings" / "sources.ini"
    path.parent.mkdir(parents=True)
    path.write_text(
        f"[civitai]\ntoken = {FakeCivitai.key}\naddress = {civitai.url}\n"
        f"[huggingface]\naddress = {hub.url}\n"
    )
    path.chmod(0o600)
    return path


def answering(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Let a person sit at the terminal who types some lines."""
    typed = Terminal("".join(f"{line}\n" for line in lines))
    monkeypatch.setattr(sys, "stdin", typed)


# add


def test_add(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both embeddings of a version come, and what is odd about them is said."""
    assert main(["add", REFERENCE, "--to", str(folder)]) == 0
    assert sorted(os.listdir(folder)) == [
        "easyfox-neg.json",
        "easyfox-neg.safetensors",
        "easyfox.json",
        "easyfox.safetensors",
    ]
    output = capsys.readouterr()
    assert output.out.splitlines() == [
        f"easyfox: {folder}/easyfox.safetensors, made for SD 1.x (clip_l 768)",
        f"easyfox-neg: {folder}/easyfox-neg.safetensors, made for SDXL (clip_l 768 + clip_g 1280)",
        "  Civitai says SD 1.5, but the vectors are for SDXL (clip_l 768 + clip_g 1280)",
    ]
    assert output.err == ""
    assert main(["add", REFERENCE, "--to", str(folder)]) == 0
    assert capsys.readouterr().out.count("which was already here") == 2


def test_several_references(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The failures are named, and the rest comes all the same."""
    code = main(["add", "civitai:5@6", "<portrait>", "a:b", "--to", str(folder)])
    assert code == 2
    assert sorted(os.listdir(folder)) == ["portrait.bin", "portrait.json"]
    output = capsys.readouterr()
    assert output.out.splitlines()[1:] == [
        (
            '  portrait.bin: the model already knows this word: every "portrait" in a prompt '
            "becomes this embedding: rename it to portrait-ti"
        )
    ]
    assert output.err.splitlines() == [
        (
            "lib-embeddings: civitai:5@6: Civitai does not have it (or not at the moment) "
            '("Not found"): check the link'
        ),
        (
            "lib-embeddings: a:b: expected a link, a hash, a repository as owner/name, or the name "
            "of a concept"
        ),
    ]


def test_a_concept_by_its_token(folder: Path) -> None:
    """A person may have concepts called by their tokens."""
    assert main(["add", "portrait", "--by-token", "--to", str(folder)]) == 0
    assert sorted(os.listdir(folder)) == ["my-portrait.bin", "my-portrait.json"]


def test_a_name_of_ones_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name is given to a single embedding."""
    assert main(["add", "portrait", "--name", "fox", "--to", str(folder)]) == 0
    assert (folder / "fox.bin").exists()
    assert main(["add", REFERENCE, "--name", "x", "--to", str(folder)]) == 2
    assert capsys.readouterr().err == (
        f"lib-embeddings: {REFERENCE}: it has 2 files: leave out --name\n"
    )


def test_a_taken_name_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At a terminal another name is asked for until one will do; nothing leaves the file out."""
    (folder / "portrait.pt").write_bytes(SDXL)
    assert main(["add", "portrait", "--to", str(folder)]) == 2
    taken = "the name is already taken by portrait.pt: choose another name"
    assert capsys.readouterr().err == f"lib-embeddings: portrait: {taken}\n"
    answering(monkeypatch, "a/b", "fox")
    assert main(["add", "portrait", "--to", str(folder)]) == 0
    error = capsys.readouterr().err
    assert f"{taken}\nNew name (leave empty to skip this file): " in error
    assert "a/b: a file's name cannot have / in it" in error
    answering(monkeypatch, "")
    assert main(["add", "portrait", "--to", str(folder)]) == 2
    assert sorted(os.listdir(folder)) == ["fox.bin", "fox.json", "portrait.pt"]


def test_a_twin_in_another_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A twin for the same models in a folder below has the name already."""
    (folder / "old").mkdir()
    (folder / "old" / "Portrait.pt").write_bytes(GOOD)
    assert main(["add", "portrait", "--to", str(folder)]) == 2
    assert capsys.readouterr().err == (
        "lib-embeddings: portrait: the name is already taken by old/Portrait.pt: "
        "choose another name\n"
    )
    assert os.listdir(folder) == ["old"]
    (folder / "old" / "Portrait.pt").write_bytes(SDXL)
    assert main(["add", "portrait", "--to", str(folder)]) == 0


def test_a_wrong_hash_is_asked_about(
    civitai: FakeCivitai,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file with another hash is kept only if a person says yes."""
    civitai.add(10, ("fox.safetensors", GOOD, {"hashes": {"SHA256": "0" * 64}}))
    add = ["add", "civitai:1@10", "--to", str(folder)]
    assert main(add) == 2
    answering(monkeypatch, "no")
    assert main(add) == 2
    assert os.listdir(folder) == []
    answering(monkeypatch, "yes")
    assert main(add) == 0
    assert (folder / "fox.safetensors").exists()
    assert "Keep it anyway? (yes or no)" in capsys.readouterr().err
    (folder / "fox.safetensors").unlink()
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main([*add, "--keep-wrong-hash"]) == 0


def test_progress_is_shown_at_a_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slow download shows how far it is; what is not looked at has no bar in it."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert main(["add", "portrait", "--to", str(folder)]) == 0
    assert sys.stderr.getvalue().strip() == ""
    assert "portrait: " in capsys.readouterr().out


def test_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there is not made."""
    assert main(["add", "portrait", "--to", str(tmp_path / "none")]) == 2
    assert "is not a folder" in capsys.readouterr().err


def test_a_key_is_shown_nowhere(
    civitai: FakeCivitai, ini: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither success nor refusal nor a damaged setting shows a key."""
    main(["add", REFERENCE, "--to", str(folder)])
    civitai.refusals["/api/v1/models/9208"] = as_json({"message": "no"}, 401)
    assert main(["add", REFERENCE, "--to", str(folder)]) == 2
    ini.chmod(0o644)
    assert main(["add", REFERENCE, "--to", str(folder)]) == 2
    output = capsys.readouterr()
    assert "refuses your key" in output.err
    assert "run chmod 600 on it" in output.err
    assert FakeCivitai.key not in output.out + output.err


# identify


def test_identify(civitai: FakeCivitai, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files are known by their bytes, whatever they are called; only hashes are sent."""
    (folder / "sub").mkdir()
    (folder / "sub" / "a.safetensors").write_bytes(GOOD)
    (folder / "b.safetensors").write_bytes(SDXL)
    (folder / "c.safetensors").write_bytes(safetensors_file({"emb_params": vectors(3)}))
    (folder / "lora.safetensors").write_bytes(
        safetensors_file({"lora_x.lora_down.weight": vectors()})
    )
    assert main(["identify", str(folder)]) == 0
    output = capsys.readouterr()
    about = (
        f"EasyNegative v1 | SD 1.5 | easynegative | {civitai.url}/models/9208?modelVersionId=92080"
    )
    assert output.out.splitlines() == [
        "Civitai knows 2 of 3 files.",
        f"  b.safetensors: {about}",
        "    Civitai says SD 1.5, but the vectors are for SDXL (clip_l 768 + clip_g 1280)",
        f"  sub/a.safetensors: {about}",
    ]
    assert output.err == (
        "Sending the SHA-256 of 3 files to Civitai: the hashes only, and no name.\n"
    )
    assert len(civitai.asked) == 2
    assert len(json.loads(civitai.asked[0].body)) == 3
    assert main(["identify", str(folder)]) == 0
    assert "of 2 files to Civitai" in capsys.readouterr().err  # one was unknown a moment ago
    assert main(["identify", str(folder), "--again"]) == 0
    assert "of 3 files to Civitai" in capsys.readouterr().err


def test_identify_and_write(
    civitai: FakeCivitai, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answers are kept beside the files, and the site is not asked about them again."""
    (folder / "a.safetensors").write_bytes(GOOD)
    (folder / "a.json").write_text('{"notes": "mine", "description": ""}')
    (folder / "b.safetensors").write_bytes(SDXL)
    (folder / "b.json").write_text("damaged")
    assert main(["identify", str(folder), "--write"]) == 2
    output = capsys.readouterr()
    assert "b.safetensors: b.json is not JSON that can be edited here" in output.err
    document = json.loads((folder / "a.json").read_text())
    assert (document["notes"], document["description"]) == ("mine", "Use it well")
    assert document["source"]["page"].endswith("/models/9208?modelVersionId=92080")
    (folder / "b.safetensors").unlink()
    asked = len(civitai.asked)
    assert main(["identify", str(folder), "--write"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Civitai knows 0 of 0 files.",
        "Already identified: 1 file; use --again to ask about them too.",
    ]
    assert len(civitai.asked) == asked
    assert main(["identify", str(folder), "--again"]) == 0
    assert capsys.readouterr().out.startswith("Civitai knows 1 of 1 file.")


def test_identify_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get the same."""
    (folder / "a.safetensors").write_bytes(GOOD)
    assert main(["identify", str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["asked"] == 1
    (file,) = document["files"]
    assert file["path"] == f"{folder}/a.safetensors"
    assert (file["sha256"], file["contradiction"]) == (digest(GOOD), None)
    assert (file["base_model"], file["trigger_words"]) == ("SD 1.5", ["easynegative"])


def test_nothing_is_asked_without_files(
    civitai: FakeCivitai, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty folder is nobody's business."""
    assert main(["identify", str(folder)]) == 0
    assert civitai.asked == []
    assert capsys.readouterr() == ("Civitai knows 0 of 0 files.\n", "")


# search


def test_search(civitai: FakeCivitai, hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    """Each result has a link for `add`, and the output says how to get more."""
    civitai.add(50, ("x.pt", GOOD), model={"name": "Other"})
    assert main(["search", "easy", "--limit", "1", "--model", "sd1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"EasyNegative v1 | SD 1.5 | easynegative | {civitai.url}/models/9208?modelVersionId=92080",
        "For more, give the same command with --cursor 1",
    ]
    assert main(["search", "port", "--source", "concepts"]) == 0
    assert capsys.readouterr().out == f"portrait | {hub.url}/sd-concepts-library/portrait\n"
    assert main(["search", "dog", "--source", "concepts"]) == 0
    assert capsys.readouterr().out == "Nothing was found.\n"
    assert main(["search", "port", "--source", "concepts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["found"][0]["title"] == "portrait"


@pytest.mark.parametrize("limit", ["0", "101", "-1", "²", "x"])
def test_how_many_are_shown(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Sites return up to a hundred at once."""
    with pytest.raises(SystemExit, match="2"):
        main(["search", "x", f"--limit={limit}"])
    assert f"expected a number from 1 to 100, found {limit!r}" in capsys.readouterr().err


def test_a_search_that_is_refused(civitai: FakeCivitai, capsys: pytest.CaptureFixture[str]) -> None:
    """A site that is busy says for how long."""
    civitai.refusals["/api/v1/models"] = as_json({"error": "busy"}, 503, Retry_After="2")
    assert main(["search", "x"]) == 2
    assert capsys.readouterr().err == (
        'lib-embeddings: Civitai has a problem (503) ("busy"): wait 2 seconds and try again\n'
    )
