"""`serve`: show the tab as a web page, without any WebUI."""

from __future__ import annotations

import argparse
import os
import socket
from contextlib import closing
from typing import Any

from lib_embeddings.cli import OK, add_model, check_folders, given_path, reading_bar, refuse
from lib_embeddings.errors import shown
from lib_embeddings.pictures import NOT_THERE


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("serve", help="show the tab as a web page, without any WebUI")
    parser.add_argument(
        "folders",
        nargs="*",
        type=given_path,
        metavar="DIR",
        help="folder to show (default: the current folder)",
    )
    add_model(parser, None, "the one that was chosen last in the page")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another host name by which browsers may reach the page, such as that of a proxy; "
        "give it once for each name",
    )
    parser.add_argument(
        "--port", type=int, default=7868, help="port to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--no-sources",
        action="store_true",
        help="do not offer embeddings from Civitai and Hugging Face in the page",
    )
    parser.add_argument(
        "--paint-with",
        type=given_path,
        metavar="PATH",
        help="checkpoint (.safetensors) or folder of diffusers that paints in the page (default: "
        "the small model that comes with this package, which knows coloured shapes only)",
    )
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve the page until interrupted."""
    folders = options.folders or ["."]
    check_folders([folder for folder in folders if os.path.exists(folder)])
    if options.paint_with and not os.path.exists(options.paint_with):
        model = shown(options.paint_with, 255)
        return refuse(f"{model} cannot be loaded: {NOT_THERE}")
    try:
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        listener = socket.create_server((options.host, options.port), family=family)
        # An answer goes out in two parts. Without this, which Python sets only for sockets that it
        # makes by itself, the second may wait 40 ms until the client confirms the first.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (OSError, OverflowError) as error:
        why, _, _ = str(getattr(error, "strerror", None) or error).partition(" (while ")
        place = f"{options.host}:{options.port}"
        return refuse(f"{place} cannot be used: {why}: choose others with --host and --port")
    with listener:
        try:
            # They take seconds to import: wrong use is refused first.
            from lib_embeddings.hosts.standalone import import_gradio, serve  # noqa: PLC0415
            from lib_embeddings.web.route import Door  # noqa: PLC0415

            import_gradio()
        except ImportError as error:
            return refuse(f"{error.name} is missing: install lib-embeddings[app]")
        machine = socket.gethostname()
        own = (options.host, machine, f"{machine}.local")
        door = Door(options.allow_host, own, remedy="start it with --allow-host {}")
        with closing(reading_bar()) as bar:
            serve(
                folders,
                options.model,
                listener,
                door,
                on_progress=bar.show,
                opens_browser=options.open,
                asks_sites=not options.no_sources,
                paints_with=options.paint_with,
            )
    return OK
