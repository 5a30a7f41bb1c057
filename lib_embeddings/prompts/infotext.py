"""The embeddings an infotext names: `TI hashes: "marc_allante: 3dd6c1a7e5b1, bad: 0f…"`.

WebUIs write an infotext into each picture. A hash is the first twelve digits of the file's SHA-256;
names stand there without the commas and colons that they may have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TI_HASHES = "TI hashes"

_FIELD = re.compile(rf'(?:^|,\s*){TI_HASHES}:\s*("(?:\\.|[^\\"])*"|[^,\n]*)', re.MULTILINE)
_HASH = re.compile(r"[0-9a-f]{8,64}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Provenance:
    """How the embeddings that an infotext names differ from those that are here.

    Attributes:
        missing: name -> hash, of embeddings that are not here.
        different: name -> its hash there and here.
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
                f"the picture used {name}, which has the name {now} here: type {now}"
                for name, now in self.renamed.items()
            ),
            *(
                f"the picture used {name} ({hash_}), which is not here: add it, or remove the name"
                for name, hash_ in self.missing.items()
            ),
            *(
                f"the picture used another {name}: its hash is {there}, the one here has {here}"
                for name, (there, here) in self.different.items()
            ),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return what the HTTP API answers."""
        return {
            "missing": [{"name": name, "hash": hash_} for name, hash_ in self.missing.items()],
            "different": [
                {"name": name, "hash": there, "found": here}
                for name, (there, here) in self.different.items()
            ],
            "renamed": [{"name": name, "now": now} for name, now in self.renamed.items()],
        }


def find_hashes(infotext: str) -> str:
    """Return the value of the field *TI hashes* of a whole infotext, empty without one."""
    fields = _FIELD.findall(infotext)
    if not fields:
        return ""
    value: str = fields[-1]
    try:
        return str(json.loads(value)) if value.startswith('"') else value
    except ValueError:
        return value.strip('"')


def split_hashes(value: str) -> dict[str, str]:
    """Return name -> hash of the field's value; what is no such pair is left out."""
    pairs = (part.strip().rpartition(":") for part in value.split(","))
    return {
        name.strip(): hash_.strip().lower()
        for name, _colon, hash_ in pairs
        if name.strip() and _HASH.fullmatch(hash_.strip())
    }


def join_hashes(*values: str) -> str:
    """Return one value of several, each part once, in the order in which they come first."""
    parts = (part for value in values for part in value.split(", ") if part)
    return ", ".join(dict.fromkeys(parts))


def name_in_infotext(name: str) -> str:
    """Return a name as it stands in the field."""
    return name.replace(":", "").replace(",", "").strip()


def compare(
    hashes: Mapping[str, str],
    sha256_of: Callable[[str], str | None],
    name_of: Callable[[str], str | None],
) -> Provenance:
    """Say how the embeddings of an infotext differ from those that are here.

    Args:
        hashes: name -> hash, from `split_hashes`.
        sha256_of: returns the hash of the embedding that stands in infotexts under a name; None
            where there is none.
        name_of: returns the name of a file whose SHA-256 begins so, as far as that is known.
    """
    missing: dict[str, str] = {}
    different: dict[str, tuple[str, str]] = {}
    renamed: dict[str, str] = {}
    for name, there in hashes.items():
        here = sha256_of(name)
        if here is not None and here.startswith(there):
            continue
        now = name_of(there)
        if now is not None:
            renamed[name] = now
        elif here is None:
            missing[name] = there
        elif here:  # a file that cannot be hashed now says nothing
            different[name] = there, here[: len(there)]
    return Provenance(missing, different, renamed)
