"""`identify`: ask Civitai what the files in some folders are."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from lib_embeddings.cli import OK, check_folders, print_json, refuse, scanned
from lib_embeddings.entries.texts import read_texts
from lib_embeddings.errors import SourceError, WriteError, counted, shown
from lib_embeddings.library.index import Index


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("identify", help="ask Civitai what the files in some folders are")
    parser.add_argument("folders", nargs="+", metavar="DIR", help="folder with embeddings")
    parser.add_argument(
        "--write",
        action="store_true",
        help="write what is known into the JSON beside each",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="ask also about files of which something is known, or Civitai did not know lately",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Send the hashes of files, and print what Civitai knows of them."""
    from lib_embeddings.sources import Sources  # noqa: PLC0415
    from lib_embeddings.sources.sidecar import keep_beside  # noqa: PLC0415

    check_folders(options.folders)
    with Index.open() as index, scanned(options.folders, "none", index) as library:
        sound = [seen.entry for seen in library.view if seen.entry.reading.state == "ok"]
        hashed = [
            (entry, library.sha256(entry))
            for entry in sound
            if options.again or not read_texts(entry).claims.page
        ]
    digests = [digest for _, digest in hashed]
    try:
        offers = Sources().identify(digests, is_again=options.again, sending=_announce)
    except SourceError as error:
        return refuse(str(error))
    known = [(entry, digest, offers[digest]) for entry, digest in hashed if digest in offers]
    contradictions = [
        offer.contradiction(entry.reading.vectors.keys()) for entry, _, offer in known
    ]
    if options.write:
        for entry, digest, offer in known:
            try:
                keep_beside(entry, offer, digest)
            except WriteError as error:
                print(f"{shown(entry.place.path, 255)}: {error}", file=sys.stderr)
    if options.json:
        files = [
            {
                "path": entry.place.full_path,
                "sha256": digest,
                **offer.as_json(),
                "contradiction": contradiction,
            }
            for (entry, digest, offer), contradiction in zip(known, contradictions, strict=True)
        ]
        print_json({"asked": len(hashed), "files": files})
        return OK
    print(f"Civitai knows {len(known):,} of {counted(len(hashed), 'file')}.")
    for (entry, _, offer), contradiction in zip(known, contradictions, strict=True):
        print(f"  {shown(entry.place.path, 255)}: {offer.line}")
        if contradiction:
            print(f"    {contradiction}")
    if len(hashed) < len(sound):
        left_out = len(sound) - len(hashed)
        print(f"Of {left_out:,} more something is known: with --again these are asked for, too.")
    return OK


def _announce(number: int) -> None:
    files = counted(number, "file")
    print(
        f"Sending the SHA-256 of {files} to Civitai: the hashes only, and no name.",
        file=sys.stderr,
    )
