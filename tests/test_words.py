"""One word a meaning: the words that docs/architecture.md gives up are given up everywhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
ARCHITECTURE = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
PYTHON = sorted((PROJECT / "lib_embeddings").rglob("*.py"))
JAVASCRIPT = sorted((PROJECT / "javascript").rglob("*.mjs"))
DOCS = [*sorted((PROJECT / "docs").glob("*.md")), *sorted(PROJECT.glob("*.md"))]

# Names that others gave: the WebUI's, and the style sheet's; and a key in sidecars since long ago.
NAMES_OF_OTHERS = {"cond_stage_model", "boxSizing", "prompt box"}
# One thing each, of which every WebUI has its own kind.
OF_EACH_WEBUI = {"Host"}

_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CODE_IN_PROSE = re.compile(r"```.*?```|`[^`\n]*`|^    .*?$", re.DOTALL | re.MULTILINE)
_CODE_IN_SENTENCES = re.compile(r"`[^`\n]*`|\S*\.\w\S*")  # the second: names of files, and endings
_SENTENCES_IN_JAVASCRIPT = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\]|\\.)*`", re.DOTALL
)
_NO_IDENTIFIERS = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'", re.DOTALL
)
_TEMPLATE = re.compile(r"`(?:[^`\\]|\\.)*`", re.DOTALL)


def rows() -> Iterator[list[str]]:
    """Yield the columns of each row of the table."""
    table = ARCHITECTURE.partition("| word | means | not |")[2]
    for row in table.splitlines()[2:]:
        if not row.startswith("|"):
            return
        yield row.strip()[1:-1].split("|")


def given_up() -> Iterator[tuple[str, bool]]:
    """Yield each word of the column "not", and whether only code gives it up."""
    for _, _, words in rows():
        for word in words.split(","):
            if word.strip():
                yield word.strip().strip("`"), "`" in word


WORDS = dict(given_up())
IN_PROSE = [word for word, is_for_code in WORDS.items() if not is_for_code]


def words_in(text: str) -> str:
    """Return the words of a text or an identifier, in lower case and with single spaces."""
    return " ".join(_PIECES.findall(text)).lower()


def has(words: str, word: str) -> bool:
    """Return whether a word, or several in a row, is among others, in any of its forms."""
    forms = f"{word[:-1]}(?:es?|ed|ing)" if word.endswith("e") else f"{word}(?:e?s|ed|ing)?"
    return bool(re.search(rf"\b{forms}\b", words))


def identifiers_in_python(source: str) -> Iterator[str]:
    """Yield every name that a module has or uses."""
    for node in ast.walk(ast.parse(source)):
        for field in ("id", "attr", "arg", "name", "asname"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield name


def identifiers_in_javascript(source: str) -> Iterator[str]:
    """Yield every name that a script has or uses, those in templates among them."""
    code = _NO_IDENTIFIERS.sub(" ", source)
    code = _TEMPLATE.sub(lambda found: " ".join(re.findall(r"\$\{([^}]*)\}", found[0])), code)
    yield from re.findall(r"[A-Za-z_$][\w$]*", code)


def sentences_of(path: Path) -> Iterator[str]:
    """Yield what people read in a module of either language: docstrings, comments and messages."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        texts = (getattr(node, "value", None) for node in ast.walk(ast.parse(source)))
    else:
        texts = iter(_SENTENCES_IN_JAVASCRIPT.findall(source))
    for text in texts:
        if isinstance(text, str) and " " in text and text not in NAMES_OF_OTHERS:
            yield words_in(_CODE_IN_SENTENCES.sub(" ", text))


def identifiers_of(path: Path) -> set[str]:
    """Return the identifiers of a module of either language."""
    source = path.read_text(encoding="utf-8")
    is_python = path.suffix == ".py"
    found = identifiers_in_python(source) if is_python else identifiers_in_javascript(source)
    return set(found) - NAMES_OF_OTHERS


def test_words_are_given_up() -> None:
    """The table is read: it has words for all places, and words for code only."""
    assert {"lookalike": False, "look again": False, "told": True}.items() <= WORDS.items()


def test_each_word_has_one_row() -> None:
    """A word has one meaning, so no other row can have it, in the singular or the plural."""
    words = [word.strip().removesuffix("s") for row in rows() for word in re.split("[,;]", row[0])]
    (twice,) = [word for word in set(words) if words.count(word) > 1]
    assert twice == "vector"  # one row of an array, and the array


@pytest.mark.parametrize(
    ("identifier", "word", "is_found"),
    [
        ("PromptBox", "box", True),
        ("prompt_boxes", "box", True),
        ("look_again_at", "look again", True),
        ("boxing", "box", True),
        ("is_touched", "touch", True),
        ("has_settled", "settle", True),
        ("settling", "settle", True),
        ("bind", "bin", False),
        ("HTTPBox", "box", True),
        ("look_up", "look again", False),
    ],
)
def test_words_of_identifiers(identifier: str, word: str, *, is_found: bool) -> None:
    """An identifier is read word by word, however it is written."""
    assert has(words_in(identifier), word) is is_found


def test_what_an_identifier_is() -> None:
    """Comments and texts have none, and what a template computes has."""
    source = """const a = "box"; // ear\nlet b = `ear ${vain}`; /* deaf */ it's.box('x');"""
    assert set(identifiers_in_javascript(source)) >= {"a", "b", "vain"}
    assert not {"ear", "deaf"} & set(identifiers_in_javascript(source))


@pytest.mark.parametrize(
    ("filename", "source"),
    [
        (
            "a.py",
            'def f():\n    """A box `ear` of preferences.json."""\n    log("a lookalike", "vain")',
        ),
        ("a.mjs", '/** A box `ear` of preferences.json. */ log("a lookalike", "vain"); // vain'),
    ],
)
def test_what_a_sentence_is(tmp_path: Path, filename: str, source: str) -> None:
    """What people read has one; code in it, names of files and single words are none."""
    (tmp_path / filename).write_text(source)
    found = [text for text in sentences_of(tmp_path / filename) if "vain" not in text]
    assert found == ["a box of", "a lookalike"]


@pytest.mark.parametrize(
    "path",
    [*PYTHON, *JAVASCRIPT],
    ids=[path.relative_to(PROJECT).as_posix() for path in (*PYTHON, *JAVASCRIPT)],
)
def test_code_uses_no_word_that_is_given_up(path: Path) -> None:
    """No identifier has such a word in it, and no sentence."""
    found = [
        (name, word) for name in identifiers_of(path) for word in WORDS if has(words_in(name), word)
    ]
    found += [(text, word) for text in sentences_of(path) for word in IN_PROSE if has(text, word)]
    assert not found


@pytest.mark.parametrize("path", DOCS, ids=[path.name for path in DOCS])
def test_docs_use_no_word_that_is_given_up(path: Path) -> None:
    """No sentence has such a word in it; code in it may."""
    text = path.read_text(encoding="utf-8").partition("| word | means | not |")[0]
    words = words_in(_CODE_IN_PROSE.sub(" ", text))
    assert not [word for word in IN_PROSE if has(words, word)]


def types_of(path: Path) -> Iterator[str]:
    """Yield the names of the types that a module makes for others."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                if name[0].isupper() and not name.isupper():
                    yield name


def test_a_type_has_a_name_of_its_own() -> None:
    """The name of a type means the same type everywhere."""
    found = [(name, path) for path in PYTHON for name in types_of(path)]
    places = {name: [path for each, path in found if each == name] for name, _ in found}
    shared = {name for name, paths in places.items() if len(paths) > 1}
    assert shared == OF_EACH_WEBUI
