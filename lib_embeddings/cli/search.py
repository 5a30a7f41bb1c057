"""`search`: search Civitai or the Concept Library."""

from __future__ import annotations

import argparse
from typing import Any

from lib_embeddings.cli import OK, add_model, number_up_to, print_json, refuse
from lib_embeddings.errors import SourceError, shown
from lib_embeddings.limits import LIMITS


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("search", help="search Civitai or the Concept Library")
    parser.add_argument("text", metavar="TEXT", help="words to search for")
    parser.add_argument(
        "--source",
        choices=("concepts", "civitai"),
        default="civitai",
        help="where to search (default: %(default)s)",
    )
    add_model(parser, what="model family to search for, on Civitai only")
    parser.add_argument(
        "--sort", help="order of the results, by the site's own name for it, such as Newest"
    )
    parser.add_argument(
        "--limit",
        type=number_up_to(LIMITS.found_at_once),
        default=20,
        metavar="N",
        help="how many to show (default: %(default)s)",
    )
    parser.add_argument("--cursor", help="where the previous search ended")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what a source has for some words."""
    from lib_embeddings.sources import SearchRequest, Sources  # noqa: PLC0415

    family = None if options.model == "none" else options.model
    query = SearchRequest(options.text, family, options.sort, options.limit, options.cursor)
    try:
        result = Sources().search(options.source, query)
    except SourceError as error:
        return refuse(str(error))
    if options.json:
        print_json({"found": [each.as_json() for each in result.offers], "cursor": result.cursor})
        return OK
    for offer in result.offers:
        print(offer.line)
    if not result.offers:
        print("Nothing was found.")
    if result.cursor:
        print(f"For more, give the same command with --cursor {shown(result.cursor, 500)}")
    return OK
