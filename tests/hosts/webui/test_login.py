"""Our routes ask for the WebUI's login, and who may change files."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")

from fastapi import FastAPI

from lib_embeddings.hosts.webui import extension
from lib_embeddings.web.routes import PREFIX
from tests.hosts.fake_webui import FakeWebui, installed
from tests.web import ELSEWHERE, HERE, From, TestClient

pytestmark = pytest.mark.filterwarnings("ignore")  # fastapi of two times


class GradioApp(FastAPI):
    """An application of gradio's that asks for a login, where one is logged in."""

    auth = {"me": "secret"}  # noqa: RUF012
    tokens = {"a-token": "me"}  # noqa: RUF012


@pytest.fixture
def webui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWebui]:
    """Return a WebUI over an empty folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with installed(monkeypatch) as webui:
        webui.database.add_embedding_dir(str(tmp_path))
        yield webui
        extension.stop()


def status(
    webui: FakeWebui, app: FastAPI, authorization: str | None = None, **cookies: str
) -> tuple[int, str | None]:
    """Return how the app answers a request, and which login it proposes."""
    assert extension.start()
    webui.callbacks.fire("app_started", None, app)
    headers = {"Authorization": authorization} if authorization else {}
    headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    response = TestClient(app, "http://localhost").get(f"{PREFIX}/entries", headers=headers)
    return response.status_code, response.headers.get("www-authenticate")


def basic(text: str) -> str:
    """Return the header of a basic login."""
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def test_an_app_without_a_login_asks_for_none(webui: FakeWebui) -> None:
    """Our routes are open if the WebUI is."""
    assert status(webui, FastAPI()) == (200, None)


@pytest.mark.parametrize(
    ("cookies", "code"),
    [
        ({}, 401),
        ({"access-token": "another"}, 401),
        ({"access-token": "a-token"}, 200),
        ({"access-token-unsecure": "a-token"}, 200),
    ],
)
def test_gradios_login_is_asked_for(webui: FakeWebui, cookies: dict[str, str], code: int) -> None:
    """With `--gradio-auth` only browsers that are logged in may read."""
    assert status(webui, GradioApp(), **cookies) == (code, None)


@pytest.mark.parametrize(
    ("cookie", "code"),
    [
        ("access-token-an-id", 200),
        ("access-token-unsecure-an-id", 200),
        ("access-token-another", 401),
        ("access-token", 401),
    ],
)
def test_gradio_4s_login_is_asked_for(
    webui: FakeWebui, monkeypatch: pytest.MonkeyPatch, cookie: str, code: int
) -> None:
    """Since gradio 4 the cookie's name has an id, which tells the servers on one machine apart."""
    monkeypatch.setattr(GradioApp, "cookie_id", "an-id", raising=False)
    assert status(webui, GradioApp(), **{cookie: "a-token"}) == (code, None)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, 401),
        (basic("me:secret"), 200),
        (basic("you:se:cret"), 200),
        (basic("me:wrong"), 401),
        (basic("nobody:secret"), 401),
        (basic("mé:sécret"), 401),
        ("Bearer me:secret", 401),
        ("Basic not base64", 401),
        ("Basic /w==", 401),
    ],
)
def test_the_apis_login_is_asked_for(
    webui: FakeWebui, authorization: str | None, code: int
) -> None:
    """With `--api-auth` a user and a password are asked for, and browsers propose to enter them."""
    webui.command_line.api_auth = "me:secret,you:se:cret"
    expected = (code, "Basic" if code == 401 else None)
    assert status(webui, FastAPI(), authorization) == expected


def test_either_login_will_do(webui: FakeWebui) -> None:
    """With both, programs log in as to the API and browsers as to the page."""
    webui.command_line.api_auth = "api:key"
    assert status(webui, GradioApp(), basic("api:key"))[0] == 200
    assert status(webui, GradioApp(), None, **{"access-token": "a-token"})[0] == 200
    assert status(webui, GradioApp())[0] == 401


# Names


def answers_to(webui: FakeWebui, name: str, app: FastAPI, **headers: str) -> int:
    """Return the status for a browser that knows the WebUI by a name."""
    assert extension.start()
    webui.callbacks.fire("app_started", None, app)
    client = TestClient(app, f"http://{name}:7860")
    return client.get(f"{PREFIX}/entries", headers=headers).status_code


def test_a_webui_for_this_machine_alone(webui: FakeWebui) -> None:
    """A site that lets its name lead here reads nothing."""
    assert answers_to(webui, "localhost", FastAPI()) == 200
    assert answers_to(webui, "127.0.0.1", FastAPI()) == 200
    assert answers_to(webui, "evil.example", FastAPI()) == 403


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("listen", True),
        ("share", True),
        ("ngrok", "a-token"),
        ("server_name", "0.0.0.0"),
        ("subpath", "sd"),
        ("cors_allow_origins", "https://other.example,https://my.site"),
    ],
)
def test_a_webui_for_others(webui: FakeWebui, option: str, value: object) -> None:
    """If the WebUI is open to others, their name for it is accepted."""
    setattr(webui.command_line, option, value)
    assert answers_to(webui, "my.site", FastAPI()) == 200


def test_a_webui_with_a_login(webui: FakeWebui) -> None:
    """A login keeps such a site out, and people come by any name."""
    assert answers_to(webui, "my.site", GradioApp()) == 401
    assert answers_to(webui, "my.site", GradioApp(), Cookie="access-token=a-token") == 200
    webui.command_line.api_auth = "me:secret"
    assert answers_to(webui, "my.site", FastAPI(), Authorization=basic("me:secret")) == 200


def test_a_webui_behind_an_encrypted_tunnel(webui: FakeWebui) -> None:
    """Encrypted requests came through a proxy that people chose."""
    assert answers_to(webui, "my.site", FastAPI(), **{"Sec-Fetch-Site": "none"}) == 200


def test_a_refusal_says_what_to_do(webui: FakeWebui) -> None:
    """The sentence names the option with which the WebUI learns a name."""
    assert extension.start()
    app = FastAPI()
    webui.callbacks.fire("app_started", None, app)
    detail = TestClient(app, "http://my.site").get(f"{PREFIX}/host").json()["detail"]
    assert detail == (
        "'my.site' is not a name of this server: "
        "start the WebUI with --cors-allow-origins=http://my.site"
    )


def renaming(webui: FakeWebui, app: FastAPI, client: str, **headers: str) -> tuple[int, str]:
    """Return how the app answers who wants to rename a file that is not there."""
    assert extension.start()
    webui.callbacks.fire("ui_settings")
    webui.callbacks.fire("app_started", None, app)
    response = TestClient(From(app, client), "http://localhost").post(
        f"{PREFIX}/entries/none/rename", json={"name": "new"}, headers=headers
    )
    return response.status_code, response.json()["detail"]


def test_other_machines_change_no_files(webui: FakeWebui) -> None:
    """With `--listen` and no login only this machine renames, and the refusal says what to do."""
    assert renaming(webui, FastAPI(), HERE)[0] == 404
    status_code, detail = renaming(webui, FastAPI(), ELSEWHERE)
    assert status_code == 403
    assert "--gradio-auth" in detail
    assert "Settings" in detail


def test_other_machines_change_files_where_the_settings_let_them(webui: FakeWebui) -> None:
    """The setting is off at first, and counts as it is now."""
    app = FastAPI()
    assert renaming(webui, app, ELSEWHERE)[0] == 403
    webui.options.data["lib_embeddings_network"] = True
    assert renaming(webui, app, ELSEWHERE)[0] == 404


def test_who_is_logged_in_changes_files_from_anywhere(webui: FakeWebui) -> None:
    """A login is all that the WebUI itself asks for."""
    webui.command_line.api_auth = "api:key"
    assert renaming(webui, FastAPI(), ELSEWHERE, Authorization=basic("api:key"))[0] == 404
    assert renaming(webui, FastAPI(), ELSEWHERE)[0] == 401
