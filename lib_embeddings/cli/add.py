"""`add`: bring embeddings from sites on the internet."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

from lib_embeddings.cli import OK, ProgressBar, given_path, refuse, scanned
from lib_embeddings.entries.place import Place
from lib_embeddings.errors import NameRefused, SourceError, WrongHash, shown
from lib_embeddings.formats.text_encoders import made_for
from lib_embeddings.library.library import Library
from lib_embeddings.stores.index import Index

if TYPE_CHECKING:  # commands that ask no site load none of it
    from lib_embeddings.sources import Sources
    from lib_embeddings.sources.download import Download
    from lib_embeddings.sources.source import Offer, RemoteFile


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "add", help="bring embeddings from Civitai, Hugging Face or a link"
    )
    parser.add_argument(
        "references",
        nargs="+",
        metavar="REFERENCE",
        help="link, hash, owner/name on Hugging Face, or name of a concept such as <cat-toy>",
    )
    parser.add_argument(
        "--to",
        required=True,
        dest="folder",
        type=given_path,
        metavar="DIR",
        help="folder to put them in",
    )
    parser.add_argument("--name", help="name of the embedding, if only one is added")
    parser.add_argument(
        "--by-token",
        action="store_true",
        help="call a concept by the token it was taught with, not by its repository",
    )
    parser.add_argument(
        "--keep-wrong-hash",
        action="store_true",
        help="keep a file even if the site names another SHA-256 for it",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Download what each reference means, and print where it is."""
    from lib_embeddings.sources import Sources  # noqa: PLC0415
    from lib_embeddings.sources.references import shown_link  # noqa: PLC0415

    try:
        sources = Sources(by_token=options.by_token)
    except SourceError as error:
        return refuse(str(error))
    with Index.open() as index, scanned([options.folder], "none", index) as library:
        code, places = OK, []
        for reference in options.references:
            named = shown_link(reference)
            try:
                found = _files(sources, reference, options.name)
            except SourceError as error:
                code = _refuse(named, error)
                continue
            for offer, file in found:
                try:
                    download = _bring(sources, offer, file, library, options)
                except SourceError as error:
                    code = _refuse(named, error)
                else:
                    _print(download)
                    places.append(download.place)
        if places:
            _print_advice(library, places)
        return code


def _refuse(named: str, error: SourceError) -> int:
    """Print why a reference brought nothing; some reasons already begin with its link."""
    reason = str(error)
    return refuse(reason if reason.startswith(named) else f"{named}: {reason}")


def _files(sources: Sources, reference: str, name: str | None) -> list[tuple[Offer, RemoteFile]]:
    """Return the files that a reference means, each with its offer."""
    found = [(offer, file) for offer in sources.resolve(reference) for file in offer.files]
    if name and len(found) > 1:
        raise SourceError(f"it has {len(found)} files: leave out --name")
    return found


def _bring(
    sources: Sources,
    offer: Offer,
    file: RemoteFile,
    library: Library,
    options: argparse.Namespace,
) -> Download:
    """Download one file; ask a person at a terminal if it cannot be kept as it is."""
    name, keeps_wrong_hash = options.name, options.keep_wrong_hash
    while True:
        try:
            with closing(ProgressBar(shown(file.filename), "B")) as bar:
                return sources.downloads.add(
                    offer,
                    file,
                    options.folder,
                    name,
                    others=lambda: (seen.entry for seen in library.view),
                    keep_wrong_hash=keeps_wrong_hash,
                    on_progress=bar.show,
                )
        except NameRefused as error:
            name = _ask(f"{error}\nNew name (leave empty to skip this file): ")
            if not name:
                raise
        except WrongHash as error:
            keeps_wrong_hash = _ask(f"{error}\nKeep it anyway? (yes or no) ") == "yes"
            if not keeps_wrong_hash:
                raise


def _ask(question: str) -> str:
    """Return what a person at the terminal answers; an empty text where nobody is there."""
    if not sys.stdin.isatty():
        return ""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _print(download: Download) -> None:
    place, vectors = download.place, download.embedding.vectors
    state = "" if download.is_new else ", which was already here"
    name, path = shown(place.name, 255), shown(place.full_path, 255)
    print(f"{name}: {path}, made for {made_for(vectors.keys())}{state}")
    for warning in download.warnings:
        print(f"  {warning}")


def _print_advice(library: Library, places: list[Place]) -> None:
    """Print what there is to say about the names of new files, among all that are there."""
    library.rescan_folders({place.full_folder for place in places})
    found = library.catalogue
    for seen in filter(None, (found.find(place.id) for place in places)):
        for sentence in found.advice_on(seen).warnings:
            print(f"  {shown(seen.entry.place.path, 255)}: {sentence}")
