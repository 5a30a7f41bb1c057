"""The embeddings that an infotext names, as programs write it into their pictures.

    TI hashes: "marc_allante: 3dd6c1a7e5b1, bad: 0f…"    AUTOMATIC1111's WebUI and its forks
    Hashes: {"embed:marc_allante": "3dd6c1a7e5", …}      Civitai's extension, savers for ComfyUI
    TI: marc_allante, bad    Embeddings: marc_allante    Forge; SD.Next
    Used embeddings: marc_allante [2f88]                 WebUIs of 2022, below all fields
    Civitai resources: [{"type": "embed", "modelName": …}, …]

A hash is the beginning of the file's SHA-256: twelve digits, or ten for Civitai. `TI hashes` leaves
out commas and colons in names, and has a LoRA's name in place of the hash if the embedding came
inside the LoRA.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lib_embeddings.limits import LIMITS
from lib_embeddings.names import fold

TI_HASHES = "TI hashes"
_HASHES, _USED, _RESOURCES = "Hashes", "Used embeddings", "Civitai resources"
_NAMES = ("TI", "Embeddings")

_FIELD = re.compile(
    rf"(?:^|,)[ \t]*(?P<key>{'|'.join((TI_HASHES, _HASHES, *_NAMES, _USED, _RESOURCES))}):[ \t]*",
    re.MULTILINE,
)
_QUOTED, _LINE = map(re.compile, (r'"(?:\\.|[^\\"])*"', r"[^\n]*"))
# Up to the next field: not every program quotes a value with commas.
_PLAIN = re.compile(r"[^,\n]*(?:,(?!\s*\w[\w \-/]+:)[^,\n]*)*")
# Other fields; no picture is made without them.
_FIRST_FIELD = "Steps: "
_HASH = re.compile(r"[0-9a-f]{8,64}", re.IGNORECASE)
_EMBED = "embed:"


@dataclass(frozen=True, slots=True)
class Provenance:
    """How the embeddings that an infotext names differ from those that are here.

    Attributes:
        missing: name -> hash, of embeddings that are not here; an empty text where there is no
            hash.
        different: name -> its hashes there and here.
        renamed: name -> the name that the same file has here.
    """

    missing: Mapping[str, str]
    different: Mapping[str, tuple[str, str]]
    renamed: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.different or self.renamed)

    def lines(self) -> list[str]:
        """Return a sentence for each embedding."""
        return [
            *(
                f"{name} was used for the picture, and is named {now} in your library: type {now}"
                for name, now in self.renamed.items()
            ),
            *(
                f"{name} was used for the picture{f' (hash {hash_})' if hash_ else ''}, but your "
                "library does not have it: add it, or remove the name"
                for name, hash_ in self.missing.items()
            ),
            *(
                f"{name} in your library (hash {here}) is not the file that the picture used "
                f"(hash {there})"
                for name, (there, here) in self.different.items()
            ),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return what the HTTP API answers."""
        return {
            "missing": [
                {"name": name, "hash": hash_ or None} for name, hash_ in self.missing.items()
            ],
            "different": [
                {"name": name, "hash": there, "found": here}
                for name, (there, here) in self.different.items()
            ],
            "renamed": [{"name": name, "now": now} for name, now in self.renamed.items()],
        }


def find_fields(infotext: str) -> dict[str, str]:
    """Return the fields of a whole infotext that may name embeddings.

    A prompt may contain the same words, so only the text after the prompts is looked at.
    """
    text = infotext[-LIMITS.infotext_bytes :]
    last_line = text.rfind("\n", 0, max(text.rfind(_FIRST_FIELD), 0)) + 1
    start = text.find(_FIRST_FIELD, last_line)
    if start < 0:
        return {}
    fields = {match["key"]: match.end() for match in _FIELD.finditer(text, start)}
    return {key: _value(key, text, start) for key, start in fields.items()}


def _value(key: str, text: str, start: int) -> str:
    if key in (_HASHES, _RESOURCES):
        with suppress(ValueError, RecursionError):
            _, end = json.JSONDecoder().raw_decode(text, start)
            return text[start:end]
    if quoted := _QUOTED.match(text, start):
        try:
            return str(json.loads(quoted[0]))
        except ValueError:
            return quoted[0].strip('"')
    value = (_LINE if key == _USED else _PLAIN).match(text, start)
    return value[0] if value else ""


def named_embeddings(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return name -> hash of the embeddings that an infotext's fields name; empty without a hash.

    Embeddings inside LoRAs have no file of their own. Civitai's list names models, not files, and
    only counts where nothing else names embeddings.
    """
    values = {key: value for key, value in fields.items() if isinstance(value, str)}
    with_hashes = split_hashes(values.get(TI_HASHES, ""))
    with_any = {fold(name) for name, hash_ in _pairs(values.get(TI_HASHES, "")) if hash_}
    brought = with_any.difference(map(fold, with_hashes))
    sources = (
        with_hashes.items(),
        _in_hashes(values.get(_HASHES, "")),
        *(_in_names(values.get(key, "")) for key in _NAMES),
        _in_names(values.get(_USED, "")),
    )
    found = _first_of_each(
        pair for source in sources for pair in source if fold(pair[0]) not in brought
    )
    return found or _first_of_each(_in_resources(values.get(_RESOURCES, "")))


def _first_of_each(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    known: dict[str, tuple[str, str]] = {}
    for name, hash_ in pairs:
        if name:
            known.setdefault(fold(name), (name, hash_))
    return dict(islice(known.values(), LIMITS.infotext_embeddings))


def split_hashes(value: str) -> dict[str, str]:
    """Return name -> hash from the value of *TI hashes*; anything but such pairs is left out."""
    return {name: hash_.lower() for name, hash_ in _pairs(value) if _HASH.fullmatch(hash_)}


def _pairs(value: str) -> Iterator[tuple[str, str]]:
    for part in value.split(","):
        name, _, hash_ = map(str.strip, part.rpartition(":"))
        if name:
            yield name, hash_


def _in_hashes(value: str) -> Iterator[tuple[str, str]]:
    for key, hash_ in _parse(value, dict).items():
        if key.startswith(_EMBED) and isinstance(hash_, str):
            is_hash = _HASH.fullmatch(hash_)
            yield key.removeprefix(_EMBED), hash_.lower() if is_hash else ""


def _in_names(value: str) -> Iterator[tuple[str, str]]:
    """Yield names between commas, without the checksum after them in 2022.

    SD.Next writes a name for each vector: `name, name_1, name_2`; only the first is real.
    """
    first = ""
    for part in value.split(","):
        name = part.strip()
        if name.endswith("]"):
            name = name.rpartition("[")[0].rstrip()
        stem, _, number = name.rpartition("_")
        if stem != first or not number.isdigit():
            first = name
            yield name, ""


def _in_resources(value: str) -> Iterator[tuple[str, str]]:
    for resource in _parse(value, list):
        if isinstance(resource, dict):
            is_embedding = resource.get("type") == "embed" or ":embedding:" in str(
                resource.get("air")
            )
            name = resource.get("modelName")
            if is_embedding and isinstance(name, str):
                yield name, ""


def _parse(value: str, kind: type[Any]) -> Any:
    """Return the JSON object or list in a value; an empty one where there is none."""
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return kind()
    return parsed if isinstance(parsed, kind) else kind()


def join_hashes(*values: str) -> str:
    """Join several values, each part once, in order of first appearance."""
    parts = (part for value in values for part in value.split(", ") if part)
    return ", ".join(dict.fromkeys(parts))


def short_hash(sha256: str) -> str:
    """Return the part of a SHA-256 that `TI hashes` has; empty for an empty one."""
    return sha256[:12]


def name_in_infotext(name: str) -> str:
    """Return a name as `TI hashes` spells it."""
    return name.replace(":", "").replace(",", "").strip()


def compare(
    named: Mapping[str, str],
    sha256_of: Callable[[str], str | None],
    name_of: Callable[[str], str | None],
) -> Provenance:
    """Return how the embeddings of an infotext differ from those that are here.

    Args:
        named: name -> hash, from `named_embeddings`.
        sha256_of: returns the hash of the embedding that infotexts call by a name; None where there
            is none.
        name_of: returns the name of a file whose SHA-256 begins with a hash, if one is known.
    """
    missing: dict[str, str] = {}
    different: dict[str, tuple[str, str]] = {}
    renamed: dict[str, str] = {}
    for name, there in named.items():
        here = sha256_of(name)
        if here is not None and here.startswith(there):
            continue
        now = name_of(there) if there else None
        if now is not None:
            renamed[name] = now
        elif here is None:
            missing[name] = there
        elif here:  # a file that cannot be hashed now decides nothing
            different[name] = there, here[: len(there)]
    return Provenance(missing, different, renamed)
