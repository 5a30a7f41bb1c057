"""The JSON that A1111 hides in pictures: its usual dict, each tensor as `{"TORCHTENSOR": numbers}`.

Numbers are written in decimal, as nested lists, and are read as float64 as A1111 does.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np

from lib_embeddings.errors import BrokenFile
from lib_embeddings.formats.containers.dtypes import widen
from lib_embeddings.formats.embedding import Tensor
from lib_embeddings.limits import LIMITS, at_most

_MARK = "TORCHTENSOR"


def parse(text: bytes) -> object:
    """Return the tree that *text* describes, with `Tensor` leaves.

    Raises:
        BrokenFile: it is not JSON, or a tensor's rows differ in length.
    """
    at_most(LIMITS.inflated_bytes, len(text), "JSON text, in bytes")
    at_most(LIMITS.json_lists, text.count(b"[") + text.count(b"{"), "lists in JSON")
    try:
        return json.loads(text, object_hook=_tensor, parse_int=parse_int)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BrokenFile(f"the embedding in this picture is damaged ({error})") from error


def parse_int(digits: str) -> int:
    """Return a whole number of JSON; long ones take quadratic time to read and to show."""
    if len(digits) > LIMITS.json_digits:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def inflate(packed: bytes) -> bytes:
    """Return zlib data unpacked; what follows the packed data is ignored.

    Raises:
        LimitExceeded: it unpacks to more than any embedding needs.
        zlib.error: it is damaged or cut short.
    """
    decompressor = zlib.decompressobj()
    data = decompressor.decompress(packed, LIMITS.inflated_bytes + 1)
    at_most(LIMITS.inflated_bytes, len(data), "packed JSON text, in bytes")
    if not decompressor.eof:
        raise zlib.error("incomplete data")
    return data


def _tensor(node: dict[str, Any]) -> object:
    if _MARK not in node:
        return node
    array = np.array(node[_MARK], dtype=np.float64)
    return Tensor("float64", array.shape, lambda: widen(array, "float64"))
