"""`identify`: ask Civitai what the files in some folders are."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from lib_embeddings.cli import OK, check_folders, given_path, print_json, refuse, scanned
from lib_embeddings.errors import SourceError, WriteError, counted, shown
from lib_embeddings.stores.index import Index


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("identify", help="ask Civitai what the files in some folders are")
    parser.add_argument(
        "folders", nargs="+", type=given_path, metavar="DIR", help="folder with embeddings"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="write what is known into the JSON beside each",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="also ask about files that are identified, or that Civitai did not know lately",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Send the hashes of files, and print what Civitai knows of them."""
    from lib_embeddings.sources.sources import (  # noqa: PLC0415
        identify_entries,
        sound,
        unidentified,
    )

    check_folders(options.folders)
    with Index.open() as index, scanned(options.folders, "none", index) as library:
        entries = list(sound(seen.entry for seen in library.view))
        asked = entries if options.again else list(unidentified(entries))
        try:
            known = identify_entries(
                asked, library.sha256, is_again=options.again, sending=_announce
            )
        except SourceError as error:
            return refuse(str(error))
    code = OK
    for each in known if options.write else ():
        try:
            each.keep()
        except WriteError as error:
            code = refuse(f"{shown(each.entry.place.path, 255)}: {error}")
    if options.json:
        files = [
            {
                "path": each.entry.place.full_path,
                "sha256": each.sha256,
                **each.offer.as_json(),
                "contradiction": each.contradiction,
            }
            for each in known
        ]
        print_json({"asked": len(asked), "files": files})
        return code
    print(f"Civitai knows {len(known):,} of {counted(len(asked), 'file')}.")
    for each in known:
        print(f"  {shown(each.entry.place.path, 255)}: {each.offer.line}")
        if each.contradiction:
            print(f"    {each.contradiction}")
    left_out = len(entries) - len(asked)
    if left_out:
        left = counted(left_out, "file")
        print(f"Already identified: {left}; use --again to ask about them too.")
    return code


def _announce(number: int) -> None:
    files = counted(number, "file")
    print(
        f"Sending the SHA-256 of {files} to Civitai: the hashes only, and no name.",
        file=sys.stderr,
    )
