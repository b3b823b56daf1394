"""OAuth 2: tokens are asked for once and kept, renewed in time, and shown to nobody; a server of tokens on loopback."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trio
from webserver import Asked, Said, Web

import cflow
from cflow.compiler import secrets
from cflow.compiler.permissions import Permissions, under
from cflow.stdlib_nodes import _auth, http


class Tokens:
    """Gives ``token-1``, ``token-2``, ...; the service takes the newest only."""

    def __init__(self, web: Web) -> None:
        self.forms: list[dict[str, str]] = []
        self.logins: list[str] = []
        self.given = 0
        self.more: dict[str, Any] = {"expires_in": 3600}
        self.newest = ""
        web.on["/token"] = self.token
        web.on["/api"] = self.api

    def token(self, asked: Asked) -> Said:
        self.forms.append(dict(part.split("=") for part in asked.body.decode().split("&")))
        self.logins.append(base64.b64decode(asked.headers.get("authorization", "").removeprefix("Basic ")).decode())
        self.given += 1
        self.newest = f"tok-{self.given}-of-the-service"
        return Said(json.dumps({"access_token": self.newest, "token_type": "Bearer"} | self.more))

    def api(self, asked: Asked) -> Said:
        fits = asked.headers.get("authorization") == f"Bearer {self.newest}"
        return Said("fine") if fits else Said(f"not with {asked.headers.get('authorization')}", 401)


@pytest.fixture
def tokens(web: Web) -> Iterator[Tokens]:
    secrets.forget()
    _auth._tokens.clear()
    yield Tokens(web)
    secrets.forget()
    _auth._tokens.clear()


def test_a_token_is_asked_for_once_and_kept_until_it_ends(
    web: Web, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_SECRET", "app/secret:7")
    module = cflow.loads(
        """
import http

secret APP_SECRET

flow main(url: str, scope: str = "") -> list[str]:
    app = http.OAuth(token_url=f"{url}/token", id="app", secret=APP_SECRET, scope=scope, more={"audience": "api"})
    client = http.Client(auth=app)
    found = for i in range(8) with parallel=8:
        yield http.get(f"{url}/api", client=client).text
    return found
"""
    )
    assert module.main.run(web.url) == ["fine"] * 8
    assert module.main.run(web.url) == ["fine"] * 8  # another run, another loop, the same token
    assert tokens.forms == [{"grant_type": "client_credentials", "audience": "api"}]
    assert tokens.logins == ["app:app%2Fsecret%3A7"]  # RFC 6749, 2.3.1
    tokens.more = {"expires_in": 0}
    module.main.run(web.url, "other")
    module.main.run(web.url, "other")
    assert len(tokens.forms) > 2  # each call needed its own


def test_a_token_that_is_taken_back_is_replaced_once(web: Web, tokens: Tokens) -> None:
    app = http.OAuth(token_url=f"{web.url}/token", id="app", secret="s3-of-app", in_body=True)
    client = http.Client(auth=app)
    assert http.get(f"{web.url}/api", client=client).text == "fine"
    assert tokens.forms[0]["client_secret"] == "s3-of-app"
    assert tokens.logins == [""]
    tokens.newest = "another"
    assert http.post(f"{web.url}/api", json=1, client=client).text == "fine"
    assert tokens.given == 2
    web.on["/closed"] = lambda _: Said("never", 401)
    with pytest.raises(http.HttpError, match="answered 401"):
        http.get(f"{web.url}/closed", client=client)
    assert tokens.given == 3

    async def body() -> AsyncIterator[str]:
        yield "a stream is sent once"

    async def upload() -> int:
        return (await http.upload.fn(f"{web.url}/closed", body(), client=client, check=False)).status

    assert trio.run(upload) == 401


def test_a_refresh_token_is_used_and_may_be_replaced(web: Web, tokens: Tokens) -> None:
    tokens.more = {"expires_in": "0", "refresh_token": "refresh-number-2"}
    client = http.Client(auth=http.OAuth(token_url=f"{web.url}/token", id="app", refresh="refresh-number-1"))
    for _ in range(2):
        assert http.get(f"{web.url}/api", client=client).text == "fine"
    assert [(form["grant_type"], form["refresh_token"], form["client_id"]) for form in tokens.forms] == [
        ("refresh_token", "refresh-number-1", "app"),
        ("refresh_token", "refresh-number-2", "app"),
    ]


def test_neither_secrets_nor_tokens_are_shown(web: Web, tokens: Tokens, caplog: pytest.LogCaptureFixture) -> None:
    app = http.OAuth(token_url=f"{web.url}/token", id="app", secret="s3-of-app", refresh="r3-of-app")
    assert "3-of-app" not in repr(http.Client(auth=app)) + repr(app)
    module = cflow.loads(
        """
import http, log

flow main(url: str, client: http.Client):
    log.warning(http.get(f"{url}/api", client=client).url)
    log.warning(http.get(f"{url}/seen", client=client).text)
"""
    )
    web.on["/seen"] = lambda asked: Said(str(asked.headers))
    module.main.run(web.url, http.Client(auth=app))
    lines = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert "Bearer <secret>" in lines[1]
    assert "of-the-service" not in str(lines)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            Said('{"error": "invalid_client", "error_description": "s3-of-app!"}', 401),
            "401, invalid_client <sec",
        ),
        (Said("<html>s3-of-app", 500), "500$"),
        (Said('{"access_token": ""}'), "200$"),
        (Said('{"access_token": "tok-of-app", "token_type": "mac"}'), "another kind than bearer"),
        (Said('{"access_token": ["tok-of-app"]}'), "200$"),
        (Said("", 307, {"location": "/elsewhere"}), "307$"),
        (Said("x" * 70_000), "is over 65536 bytes"),
    ],
)
def test_a_server_that_gives_no_token(web: Web, tokens: Tokens, said: Said, text: str) -> None:
    web.on["/token"] = lambda _: said
    app = http.OAuth(token_url=f"{web.url}/token", id="app", secret="s3-of-app")
    with pytest.raises(http.HttpError, match=f"/token.*{text}") as caught:
        http.get(f"{web.url}/api", client=http.Client(auth=app))
    assert "of-app" not in repr(caught.value.args)
    assert [asked.path for asked in web.asked] == ["/token"]


def test_the_server_of_tokens_has_to_be_granted(web: Web, tokens: Tokens) -> None:
    """A token that somebody else was given is not lent either."""
    client = http.Client(auth=http.OAuth(token_url=f"{web.url}/token", id="app", secret="s3-of-app"))
    assert http.get(f"{web.url}/api", client=client).text == "fine"
    with under(Permissions.of([f"net:127.0.0.1:{web.server_port}"])):
        assert http.get(f"{web.url}/api", client=client).text == "fine"
        assert tokens.given == 2
        client = http.Client(auth=http.OAuth(token_url="http://tokens.test/token", id="app", secret="s3-of-app"))
        with pytest.raises(PermissionError, match=r"tokens\.test"):
            http.get(f"{web.url}/api", client=client)
    wrong: Any = 5
    with pytest.raises(ValueError, match="secret= of OAuth is a text, not a int"):
        http.OAuth(token_url=web.url, id="app", secret=wrong)
    with pytest.raises(ValueError, match="audience= of OAuth is a text, not a int"):
        http.OAuth(token_url=web.url, id="app", more={"audience": wrong})
