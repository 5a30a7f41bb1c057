"""`inspect`: show everything about one file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from lib_embeddings.cli import OK, STRICT_FAILURE, given_file, given_path, print_json, refuse
from lib_embeddings.entries.entry import Companion
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import read_embedding, sha256
from lib_embeddings.entries.snapshot import entry_at
from lib_embeddings.entries.walk import read_folder
from lib_embeddings.errors import EmbeddingError, PictureError, shown
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.pictures import what_is_missing
from lib_embeddings.views.inspect import alone, details_as_json, inspect


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("inspect", help="show everything about one file")
    parser.add_argument("file", type=given_path, metavar="FILE", help="the file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 if the file is broken or unsafe"
    )
    parser.add_argument(
        "--model",
        type=given_path,
        metavar="PATH",
        help="checkpoint (.safetensors) or folder of diffusers, to show which of its words are "
        "nearest to the vectors",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read the file, and print what is in it."""
    try:
        with given_file(options.file) as place:
            entry = entry_at(place)._replace(companions=_beside(place))
            catalogue = alone(entry)
            (seen,) = catalogue.view
            document = details_as_json(
                catalogue, seen, inspect(entry), lambda _: sha256(place.full_path)
            )
            if options.model and seen.state == "ok":
                document["near_words"] = _near_words(place.full_path, options.model)
    except EmbeddingError as error:
        return refuse(f"{shown(options.file, 255)}: {error}")
    except PictureError as error:
        return refuse(str(error))
    if options.json:
        print_json(document)
    else:
        for label, text in _rows(document, place.full_path):
            if text:
                print(f"{label:<12} {shown(text, 500)}")
    is_bad = seen.state in ("broken", "unsafe")
    return STRICT_FAILURE if options.strict and is_bad else OK


def _near_words(path: str, model: str) -> dict[str, str]:
    """Return which words of a model are nearest to an embedding. Raises `PictureError`."""
    if missing := what_is_missing():
        raise PictureError(missing)
    from lib_embeddings.pictures.model import load  # noqa: PLC0415

    return load(model).near_words(read_embedding(path))


def _beside(place: Place) -> tuple[Companion, ...]:
    """Return the files beside a file that belong to it."""
    folder = read_folder(Place.of_root(place.full_folder))
    files = folder.files if folder else ()
    own = (each.companions for each in files if each.place.full_path == place.full_path)
    return next(own, ())


# Claims for which there is a plainer word than the API's.
_CLAIMS = {"tool": "said by", "base_model": "base model"}


def _rows(document: Mapping[str, Any], path: str) -> Iterator[tuple[str, str | None]]:
    """Yield what people see: a label and a value; without a value the line is left out."""
    reason = f": {document['reason']}" if document["reason"] and document["state"] != "ok" else ""
    yield "file", f"{path} ({document['bytes']:,} bytes)"
    yield "state", document["state"] + reason
    yield "name", document["name"]
    yield "stored name", document["stored_name"]
    yield "container", document["container"]
    yield "layout", document["layout"]
    yield "made for", ", ".join(MODEL_FAMILIES[key].title for key in document["families"])
    for key, info in document["vectors"].items():
        yield "vectors", f"{key} {info['n_vectors']} x {info['hidden_size']} {info['dtype']}"
    for key in ("values", "bundled"):
        for name, numbers in document[key].items():
            yield key, f"{name} {_numbers(numbers)}"
    for key, sentence in document["health"].items():
        yield "health", f"{key}: {sentence}"
    for key, words in document.get("near_words", {}).items():
        yield "near words", f"{key}: {words}"
    yield from _claims(document["claims"] or {})
    for label, key in (("metadata", "metadata"), ("tensor", "tensors")):
        for name, value in document[key].items():
            yield label, f"{name} {value}"
    yield "sha256", document["sha256"]
    for warning in document["warnings"]:
        yield "warning", warning


def _claims(claims: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield what others say, without the day on which they said it."""
    for key, value in claims.items():
        if key not in ("time", "general"):
            text = ", ".join(value) if isinstance(value, list) else value
            yield _CLAIMS.get(key, key), None if text is None else str(text)


def _numbers(values: Mapping[str, float]) -> str:
    return "  ".join(f"{key} {value:.4g}" for key, value in values.items())
