"""`add`, `identify`, `search`: the commands that ask sites on the internet."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from lib_embeddings.cli import (
    OK,
    add_model,
    check_folders,
    number_up_to,
    print_json,
    refuse,
    scanned,
)
from lib_embeddings.entries.place import Place
from lib_embeddings.errors import NameRefused, SourceError, WrongHash, shown
from lib_embeddings.formats.text_encoders import made_for
from lib_embeddings.library.index import Index
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import fold

if TYPE_CHECKING:  # commands that ask nobody load none of it
    from lib_embeddings.sources import Sources
    from lib_embeddings.sources.download import Download
    from lib_embeddings.sources.source import Offer, RemoteFile


def add_parser(commands: Any) -> None:
    """Add the commands and their options."""
    _add_options_of_add(commands)
    _add_options_of_identify(commands)
    _add_options_of_search(commands)


def _add_options_of_add(commands: Any) -> None:
    add = commands.add_parser("add", help="bring embeddings from Civitai, Hugging Face or a link")
    add.add_argument(
        "references",
        nargs="+",
        metavar="REFERENCE",
        help="link, hash, owner/name on Hugging Face, or name of a concept such as <cat-toy>",
    )
    add.add_argument(
        "--to", required=True, dest="folder", metavar="DIR", help="folder to put them in"
    )
    add.add_argument("--name", help="what the embedding shall be called, where it is a single one")
    add.add_argument(
        "--by-token",
        action="store_true",
        help="call a concept by the token it was taught with, not by its repository",
    )
    add.add_argument(
        "--keep-wrong-hash",
        action="store_true",
        help="keep a file also if the site names another SHA-256 for it",
    )
    add.set_defaults(run=_add)


def _add_options_of_identify(commands: Any) -> None:
    identify = commands.add_parser(
        "identify", help="ask Civitai what the files in some folders are"
    )
    identify.add_argument("folders", nargs="+", metavar="DIR", help="folder with embeddings")
    identify.add_argument("--json", action="store_true", help="print JSON")
    identify.set_defaults(run=_identify)


def _add_options_of_search(commands: Any) -> None:
    search = commands.add_parser("search", help="search Civitai or the Concept Library")
    search.add_argument("text", metavar="TEXT", help="words to search for")
    search.add_argument(
        "--source",
        choices=("civitai", "concepts"),
        default="civitai",
        help="where to search (default: %(default)s)",
    )
    add_model(search)
    search.add_argument("--sort", help="order, in the site's own words, as Newest")
    search.add_argument(
        "--limit",
        type=number_up_to(LIMITS.found_at_once),
        default=20,
        metavar="N",
        help="how many to show (default: %(default)s)",
    )
    search.add_argument("--cursor", help="where the search before this one ended")
    search.add_argument("--json", action="store_true", help="print JSON")
    search.set_defaults(run=_search)


# add


def _add(options: argparse.Namespace) -> int:
    """Bring what each reference means, and print where it is."""
    from lib_embeddings.sources import Sources  # noqa: PLC0415
    from lib_embeddings.sources.references import shown_link  # noqa: PLC0415

    check_folders([options.folder])
    try:
        sources = Sources(by_token=options.by_token)
    except SourceError as error:
        return refuse(str(error))
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
                download = _bring(sources, offer, file, options)
            except SourceError as error:
                code = _refuse(named, error)
            else:
                _print(download)
                places.append(download.place)
    if places:
        _print_advice(options.folder, places)
    return code


def _refuse(named: str, error: SourceError) -> int:
    """Print why a reference brought nothing; some reasons begin with its link already."""
    reason = str(error)
    return refuse(reason if reason.startswith(named) else f"{named}: {reason}")


def _files(sources: Sources, reference: str, name: str | None) -> list[tuple[Offer, RemoteFile]]:
    """Return the files that a reference means, each with its offer."""
    found = [(offer, file) for offer in sources.resolve(reference) for file in offer.files]
    if name and len(found) > 1:
        raise SourceError(f"it has {len(found)} files: leave out --name")
    return found


def _bring(
    sources: Sources, offer: Offer, file: RemoteFile, options: argparse.Namespace
) -> Download:
    """Bring one file; ask a person at a terminal where it cannot be kept as it is."""
    name, keeps_wrong_hash = options.name, options.keep_wrong_hash
    while True:
        try:
            with closing(_Bar(file.filename)) as bar:
                return sources.downloads.add(
                    offer,
                    file,
                    options.folder,
                    name,
                    keep_wrong_hash=keeps_wrong_hash,
                    on_progress=bar.show,
                )
        except NameRefused as error:
            name = _ask(f"{error}\nNew name (nothing leaves the file out): ")
            if not name:
                raise
        except WrongHash as error:
            keeps_wrong_hash = _ask(f"{error}\nKeep it all the same? (yes or no) ") == "yes"
            if not keeps_wrong_hash:
                raise


class _Bar:
    """Shows on a terminal how far a download is; elsewhere it shows nothing."""

    def __init__(self, filename: str) -> None:
        self._bar = tqdm(
            desc=shown(filename), unit="B", unit_scale=True, delay=1.0, disable=None, leave=False
        )

    def show(self, done: int, total: int | None) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


def _ask(question: str) -> str:
    """Return what a person at the terminal answers; nothing where nobody is there."""
    if not sys.stdin.isatty():
        return ""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _print(download: Download) -> None:
    place, vectors = download.place, download.embedding.vectors
    state = "" if download.is_new else ", which was here already"
    name, path = shown(place.name, 255), shown(place.full_path, 255)
    print(f"{name}: {path}, made for {made_for(vectors.keys())}{state}")
    for warning in download.warnings:
        print(f"  {warning}")


def _print_advice(folder: str, places: list[Place]) -> None:
    """Print what there is to say about the names of files, among all that are in the folder."""
    names = {fold(place.name) for place in places}
    with Index.open() as index, scanned([folder], "none", index) as library:
        found = library.catalogue
        for seen in found.view:
            path = shown(seen.entry.place.path, 255)
            if seen.state == "duplicate" and fold(seen.name) in names:
                print(f"  {path}: {seen.reason}")
            elif seen.entry.place in places:
                for sentence in found.advice_on(seen).warnings:
                    print(f"  {path}: {sentence}")


# identify


def _identify(options: argparse.Namespace) -> int:
    """Send the hashes of files, and print what Civitai knows of them."""
    from lib_embeddings.sources import Sources  # noqa: PLC0415

    check_folders(options.folders)
    with Index.open() as index, scanned(options.folders, "none", index) as library:
        hashed = [
            (seen.entry, library.sha256(seen.entry))
            for seen in library.view
            if seen.entry.reading.state == "ok"
        ]
    if hashed:
        print(
            f"Sending the SHA-256 of {len(hashed):,} files to Civitai: the hashes only, and no "
            "name.",
            file=sys.stderr,
        )
    try:
        offers = Sources().identify([digest for _, digest in hashed])
    except SourceError as error:
        return refuse(str(error))
    known = [(entry, digest, offers[digest]) for entry, digest in hashed if digest in offers]
    contradictions = [
        offer.contradiction(entry.reading.vectors.keys()) for entry, _, offer in known
    ]
    if options.json:
        files = [
            {
                "path": entry.place.full_path,
                "sha256": digest,
                **_as_json(offer),
                "contradiction": contradiction,
            }
            for (entry, digest, offer), contradiction in zip(known, contradictions, strict=True)
        ]
        print_json({"asked": len(hashed), "files": files})
        return OK
    print(f"Civitai knows {len(known):,} of {len(hashed):,} files.")
    for (entry, _, offer), contradiction in zip(known, contradictions, strict=True):
        print(f"  {shown(entry.place.path, 255)}: {' | '.join(_parts(offer))}")
        if contradiction:
            print(f"    {contradiction}")
    return OK


def _parts(offer: Offer) -> Iterator[str]:
    """Yield what people see of an offer, part by part."""
    for part in (offer.title, offer.base_model, ", ".join(offer.trigger_words), offer.page):
        if part:
            yield shown(part, 255)


def _as_json(offer: Offer) -> dict[str, Any]:
    return {
        "source": offer.source,
        "title": offer.title,
        "page": offer.page,
        "trigger_words": list(offer.trigger_words),
        "base_model": offer.base_model,
        "author": offer.author,
    }


# search


def _search(options: argparse.Namespace) -> int:
    """Print what a source has for some words."""
    from lib_embeddings.sources import SearchRequest, Sources  # noqa: PLC0415

    family = None if options.model == "none" else options.model
    query = SearchRequest(options.text, family, options.sort, options.limit, options.cursor)
    try:
        result = Sources().search(options.source, query)
    except SourceError as error:
        return refuse(str(error))
    if options.json:
        print_json({"found": [_as_json(each) for each in result.offers], "cursor": result.cursor})
        return OK
    for offer in result.offers:
        print(" | ".join(_parts(offer)))
    if not result.offers:
        print("Nothing was found.")
    if result.cursor:
        print(f"For more, give the same command with --cursor {shown(result.cursor, 500)}")
    return OK
