"""Sites on this computer that speak the interfaces of Civitai and Hugging Face, lies included.

They are made after the documents that the adapters name; nobody here has ever asked the real ones.
Each keeps what it was asked. Those with a certificate go by their real names, which `Names` leads
to them.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

TLS = Path(__file__).parents[1] / "data" / "tls"
CERTIFICATE = TLS / "certificate.pem"


@dataclass(frozen=True)
class Asked:
    """A request as it came.

    Attributes:
        steps: of the path; a step may have a slash in it.
    """

    method: str
    path: str
    steps: list[str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered.

    Attributes:
        body: whole, or in pieces, of which there may be no end.
        length: what the headers say; by default the truth, where there is one.
        cut: after how many bytes the connection is closed.
    """

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    cut: int | None = None


def as_json(document: object, status: int = 200, **headers: str) -> Reply:
    """Return a reply with JSON."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(
        status, json.dumps(document).encode(), {"Content-Type": "application/json", **names}
    )


def redirect(place: str, status: int = 302) -> Reply:
    """Return a reply that leads elsewhere."""
    return Reply(status, b"", {"Location": place})


PAGE = Reply(
    200, b"<!DOCTYPE html><html><title>Log in</title></html>", {"Content-Type": "text/html"}
)


class FakeSite:
    """A site that answers as a function says.

    Attributes:
        asked: all requests so far.
        answer: may be replaced at any time.
    """

    def __init__(
        self, answer: Callable[[Asked], Reply] | None = None, *, has_tls: bool = False
    ) -> None:
        """Listen on a port of this computer."""
        self.asked: list[Asked] = []
        self.answer = answer or (lambda _asked: Reply(404))
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                parts = urlsplit(self.path)
                asked = Asked(
                    self.command,
                    unquote(parts.path),
                    [unquote(step) for step in parts.path.strip("/").split("/")],
                    dict(parse_qsl(parts.query)),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length),
                )
                site.asked.append(asked)
                with suppress(OSError):
                    self.send(site.answer(asked))

            do_POST = do_GET  # noqa: N815
            do_HEAD = do_GET  # noqa: N815

            def send(self, reply: Reply) -> None:
                whole = reply.body if isinstance(reply.body, bytes) else None
                length = len(whole) if reply.length is None and whole is not None else reply.length
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if length is not None:
                    self.send_header("Content-Length", str(length))
                self.send_header("Connection", "close")  # or a client may ask on as it closes
                self.end_headers()
                if self.command == "HEAD":
                    return
                for piece in [whole[: reply.cut]] if whole is not None else reply.body:
                    self.wfile.write(piece)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.handler = Handler
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None
        if has_tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE, TLS / "key.pem")
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self.scheme = "https" if has_tls else "http"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address without any name."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """Return the paths that were asked for so far."""
        return [asked.path for asked in self.asked]

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(data: bytes, asked: Asked, etag: str = '"1"', cut: int | None = None) -> Reply:
    """Return a file, or the part of it that was asked for, as stores do."""
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    wanted = asked.headers.get("range")
    if wanted is None or asked.headers.get("if-range", etag) != etag:
        return Reply(200, data, headers, cut=cut)
    first = int(wanted.removeprefix("bytes=").partition("-")[0])
    if first >= len(data):
        return Reply(416, b"", {"Content-Range": f"bytes */{len(data)}"})
    part = f"bytes {first}-{len(data) - 1}/{len(data)}"
    return Reply(206, data[first:], {**headers, "Content-Range": part}, cut=cut)


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes."""
    return sha256(data).hexdigest()


class Store(FakeSite):
    """Where a site keeps its files: addresses are signed, and nobody may bring a key of another."""

    def __init__(self, *, has_tls: bool = False) -> None:
        """Begin empty."""
        super().__init__(self._answer, has_tls=has_tls)
        self.files: dict[str, bytes] = {}

    def _answer(self, asked: Asked) -> Reply:
        if "authorization" in asked.headers:
            return Reply(400, b"<Error><Code>InvalidArgument</Code></Error>")
        if asked.query.get("signature") != "s3cret" or asked.path not in self.files:
            return Reply(403, b"<Error><Code>AccessDenied</Code></Error>")
        return serve(self.files[asked.path], asked)


class FakeCivitai(FakeSite):
    """Civitai: versions by number and by hash, models, search, pictures and downloads.

    Attributes:
        key: what it wants to see before it gives a file.
        store: the address of its store; without one it serves files itself, behind a redirect.
        refusals: what it answers for a path instead.
    """

    key = "civitai-key-0123456789"

    def __init__(self, *, has_tls: bool = False) -> None:
        """Begin empty."""
        super().__init__(self._answer, has_tls=has_tls)
        self.store: tuple[Store, str] | None = None
        self.refusals: dict[str, Reply] = {}
        self.models: dict[int, dict[str, Any]] = {}
        self.pictures: dict[int, dict[str, Any]] = {}
        self.files: dict[int, bytes] = {}

    def add(
        self,
        number: int,
        *files: tuple[str, bytes] | tuple[str, bytes, dict[str, Any]],
        **fields: Any,
    ) -> None:
        """Publish a version, whose number is ten times its model's, with some files."""
        rows: list[dict[str, Any]] = []
        for filename, data, *others in files:
            file = len(self.files) + 1
            self.files[file] = data
            rows.append(
                {
                    "id": file,
                    "name": filename,
                    "type": "Model",
                    "sizeKB": len(data) / 1024,
                    "primary": not rows,
                    "metadata": {"format": "SafeTensor"},
                    "hashes": {
                        "AutoV2": digest(data)[:10].upper(),
                        "SHA256": digest(data).upper(),
                    },
                    "pickleScanResult": "Success",
                    "virusScanResult": "Success",
                    "downloadUrl": f"https://undefined/api/download/models/{number}",
                    **(others[0] if others else {}),
                }
            )
        version = {
            "id": number,
            "modelId": number // 10,
            "name": "v1",
            "baseModel": "SD 1.5",
            "trainedWords": ["easynegative"],
            "description": "<p>Use <b>it</b> well</p><script>alert(1)</script>",
            "files": rows,
            **{key: value for key, value in fields.items() if key != "model"},
        }
        model = self.models.setdefault(
            number // 10,
            {
                "id": number // 10,
                "name": "EasyNegative",
                "type": "TextualInversion",
                "creator": {"username": "someone"},
                "modelVersions": [],
                **fields.get("model", {}),
            },
        )
        model["modelVersions"].append(version)

    def _versions(self) -> Iterator[dict[str, Any]]:
        for model in self.models.values():
            short = {key: model[key] for key in ("name", "type")}
            yield from ({**version, "model": short} for version in model["modelVersions"])

    def _answer(self, asked: Asked) -> Reply:  # noqa: C901, PLR0912 - a table of addresses
        if asked.path in self.refusals:
            return self.refusals[asked.path]
        if "Mozilla" in asked.headers.get("user-agent", ""):
            return redirect("/login?reason=download-auth")
        match asked.steps:
            case ["api", "v1", "model-versions", "by-hash", "ids"]:
                wanted = set(json.loads(asked.body))
                if len(wanted) > 10_000:
                    return as_json({"error": "too many"}, 400)
                return as_json(
                    [
                        {"modelVersionId": each["id"], "modelId": each["modelId"], "hash": known}
                        for each in self._versions()
                        for known in wanted & {file["hashes"]["SHA256"] for file in each["files"]}
                    ]
                )
            case ["api", "v1", "model-versions", "by-hash"]:
                wanted = set(json.loads(asked.body))
                if len(wanted) > 100:
                    return as_json({"error": "too many"}, 400)
                return as_json(
                    [
                        each
                        for each in self._versions()
                        if wanted & {file["hashes"]["SHA256"] for file in each["files"]}
                    ]
                )
            case ["api", "v1", "model-versions", "by-hash", known]:
                for each in self._versions():
                    for file in each["files"]:
                        if known.upper() in file["hashes"].values():
                            return as_json(each)
                return as_json({"error": "Model not found"}, 404)
            case ["api", "v1", "model-versions", number]:
                for each in self._versions():
                    if each["id"] == int(number):
                        return as_json(each)
            case ["api", "v1", "models", number] if int(number) in self.models:
                return as_json(self.models[int(number)])
            case ["api", "v1", "models"]:
                first = int(asked.query.get("cursor", 0))
                found = list(self.models.values())[first : first + int(asked.query["limit"])]
                rest = first + len(found)
                following = {"nextCursor": str(rest)} if rest < len(self.models) else {}
                return as_json({"items": found, "metadata": following})
            case ["api", "v1", "images"]:
                picture = self.pictures.get(int(asked.query["imageId"]))
                return as_json({"items": [picture] if picture else [], "metadata": {}})
            case ["api", "download", "models", _]:
                return self._download(asked)
            case ["store", number]:
                return serve(self.files[int(number)], asked)
        return as_json({"error": "Not found"}, 404)

    def _download(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {self.key}":
            return as_json(
                {
                    "error": "Unauthorized",
                    "message": "The creator of this asset requires you to be logged in to "
                    "download it",
                },
                401,
            )
        number = int(asked.query["fileId"])
        if self.store is None:
            return redirect(f"/store/{number}", 307)
        store, address = self.store
        store.files[f"/{number}"] = self.files[number]
        return redirect(f"{address}/{number}?signature=s3cret", 307)


class FakeHub(FakeSite):
    """Hugging Face: the files of repositories, and a search.

    Attributes:
        repos: repository -> path -> bytes; large files lie in a store, if there is one.
        likes: repository -> how many people like it.
    """

    def __init__(self, *, has_tls: bool = False) -> None:
        """Begin empty."""
        super().__init__(self._answer, has_tls=has_tls)
        self.repos: dict[str, dict[str, bytes]] = {}
        self.store: tuple[Store, str] | None = None
        self.likes: dict[str, int] = {}
        self.page_size = 100
        self.token: str | None = None
        self.large = 1024

    def _answer(self, asked: Asked) -> Reply:
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            return as_json({"error": "Invalid username or password."}, 401)
        match asked.steps:
            case ["api", "models"]:
                found = [
                    {
                        "id": repo,
                        "likes": self.likes.get(repo, 0),
                        "siblings": [{"rfilename": path} for path in files],
                    }
                    for repo, files in self.repos.items()
                    if repo.startswith(asked.query["author"])
                    and asked.query.get("search", "") in repo
                ]
                return self._page(asked, found, int(asked.query["limit"]))
            case ["api", "models", owner, name, "tree", _, *folder]:
                files = self.repos.get(f"{owner}/{name}")
                if files is None:
                    return as_json({"error": "Repository not found"}, 404)
                return self._page(
                    asked, list(self._rows(files, asked, "/".join(folder))), self.page_size
                )
            case [owner, name, "resolve", _, *path]:
                data = self.repos.get(f"{owner}/{name}", {}).get("/".join(path))
                if data is None:
                    return Reply(404, b"Entry not found")
                if self.store is None or len(data) < self.large:
                    reply = serve(data, asked, f'"{digest(data)}"')
                    return replace(reply, headers={**reply.headers, "X-Repo-Commit": "0" * 40})
                store, address = self.store
                store.files["/" + digest(data)] = data
                return redirect(f"{address}/{digest(data)}?signature=s3cret")
        return as_json({"error": "Not found"}, 404)

    def _rows(
        self, files: Mapping[str, bytes], asked: Asked, folder: str
    ) -> Iterator[dict[str, Any]]:
        inside = f"{folder}/" if folder else ""
        is_recursive = asked.query.get("recursive", "").lower() == "true"
        for path, data in files.items():
            is_deep = "/" in path.removeprefix(inside)
            if path.startswith(inside) and (is_recursive or not is_deep):
                row = {"type": "file", "path": path, "size": len(data), "oid": "0" * 40}
                if len(data) >= self.large:
                    row["lfs"] = {"oid": digest(data), "size": len(data), "pointerSize": 134}
                    row["securityFileStatus"] = {
                        "status": "safe",
                        "avScan": None,
                        "pickleImportScan": None,
                    }
                yield row

    def _page(self, asked: Asked, rows: list[Any], size: int) -> Reply:
        first = int(asked.query.get("cursor", 0))
        reply = as_json(rows[first : first + size])
        if first + size >= len(rows):
            return reply
        query = "&".join(
            f"{quote(key)}={quote(value)}"
            for key, value in {**asked.query, "cursor": str(first + size)}.items()
        )
        host = asked.headers["host"]
        link = f'<{self.scheme}://{host}{quote(asked.path)}?{query}>; rel="next"'
        return Reply(200, reply.body, {**reply.headers, "Link": link})


class Names:
    """What the names of hosts lead to.

    Attributes:
        asked: the names that were looked up, in this order.
    """

    def __init__(self, **addresses: str) -> None:
        """Let all names lead to this computer, but for some; dots are written as `_`."""
        self._addresses = {name.replace("_", "."): each for name, each in addresses.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> list[str]:
        """Return what a name leads to."""
        self.asked.append(host)
        return self._addresses.get(host, "127.0.0.1").split()


class Proxy(FakeSite):
    """A proxy that leads every connection to one port of this computer."""

    def __init__(self, port: int) -> None:
        """Listen."""
        super().__init__()
        proxy = self

        def connect(handler: Any) -> None:
            headers = {name.lower(): value for name, value in handler.headers.items()}
            proxy.asked.append(Asked("CONNECT", handler.path, [], {}, headers, b""))
            with socket.create_connection(("127.0.0.1", port)) as there:
                handler.send_response(200)
                handler.end_headers()
                back = threading.Thread(target=_pass_on, args=(there, handler.connection))
                back.start()
                _pass_on(handler.connection, there)
                back.join()
            handler.close_connection = True

        self.handler.do_CONNECT = connect  # type: ignore[attr-defined]


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
