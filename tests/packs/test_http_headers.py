"""What a request says of itself: which headers go along to another host, wrong ones, null as a body; SOCKS proxies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from socksserver import socks
from webserver import Asked, Said, Web

from cflow.cli.main import main
from cflow.compiler.permissions import Permissions, under
from cflow.stdlib_nodes import http


def echo(asked: Asked) -> Said:
    return Said(json.dumps(asked.headers))


def test_another_host_is_told_of_the_content_only(web: Web) -> None:
    """Browsers and curl send a key along that has a name of its own; here it stays, and does not come back either."""
    elsewhere = web.url.replace("127.0.0.1", "localhost")
    web.on["/seen"] = echo
    web.on["/here"] = lambda _: Said("", 307, {"location": "/seen"})
    web.on["/away"] = lambda _: Said("", 307, {"location": f"{elsewhere}/seen"})
    web.on["/round"] = lambda _: Said("", 307, {"location": f"{elsewhere}/home"})
    web.on["/home"] = lambda _: Said("", 307, {"location": f"{web.url}/seen"})
    keys = {"X-Api-Key": "k", "Authorization": "Basic x", "Cookie": "sid=1", "Proxy-Authorization": "p"}
    content = {"Accept": "application/json", "Range": "bytes=0-", "Content-Type": "text/plain"}
    client = http.Client(headers=keys)

    def seen(path: str) -> dict[str, str]:
        found: dict[str, str] = http.post(f"{web.url}{path}", content="x", headers=content, client=client).json
        return found

    assert {"x-api-key", "authorization", "content-type"} <= seen("/here").keys()
    for path in ("/away", "/round"):
        found = seen(path)
        assert not {name.lower() for name in keys} & found.keys()
        assert content.items() <= {name.title(): value for name, value in found.items()}.items()


def test_null_is_a_body_too(web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nodes", "http.post"]) == 0
    assert "json = ..., form" in capsys.readouterr().out
    web.on["/"] = lambda asked: Said(asked.body + b"|" + asked.headers.get("content-type", "").encode())
    assert http.post(web.url, json=None).text == "null|application/json"
    assert http.post(web.url).text == "|"
    assert http.request("POST", web.url, None).text == "null|application/json"
    with pytest.raises(ValueError, match="give one of json, form and content"):
        http.put(web.url, json=None, content="x")


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"x-key": 5}, "the header 'x-key' is a text, not a int"),
        ({5: "secret"}, "the header 5 is a text, not a int"),
        ({"x-key": b"secret"}, "the header 'x-key' is a text, not a bytes"),
        ({"x-key": "sécret"}, "the header 'x-key' holds characters that no header can"),
        ({"x-key": "secret\r\nx-admin: 1"}, "Illegal header value$"),
        ({"x key": "secret"}, "Illegal header name$"),
    ],
)
def test_wrong_headers_are_told_without_their_values(web: Web, headers: Any, text: str) -> None:
    with pytest.raises((ValueError, http.HttpError), match=text) as caught:
        http.get(web.url, headers=headers)
    assert "cret" not in str(caught.value) + repr(caught.value.__cause__)
    assert not web.asked
    with pytest.raises(ValueError, match="the token holds characters that no header can"):
        http.get(web.url, client=http.Client(auth="a\nb"))


def test_a_socks_proxy(web: Web) -> None:
    """It looks up the names, so who is not trusted needs the host by its full name, and the proxy too."""
    web.on["/"] = echo
    port = web.server_port
    with socks() as proxy:
        client = http.Client(proxy=f"socks5://ada:pw@127.0.0.1:{proxy.port}")
        assert http.get(f"http://api.example.test:{port}/", client=client).json["host"] == f"api.example.test:{port}"
        assert (proxy.asked, proxy.users) == ([f"api.example.test:{port}"], ["ada:pw"])
        client = http.Client(proxy=f"socks5h://127.0.0.1:{proxy.port}")
        granted = [f"net:127.0.0.1:{proxy.port}", "net:api.example.test"]
        with under(Permissions.of(granted)):
            assert http.get(f"http://api.example.test:{port}/", client=client).ok
            with pytest.raises(PermissionError, match=r"other\.test"):
                http.get(f"http://other.test:{port}/", client=client)
        with under(Permissions.of(["net:api.example.test"])), pytest.raises(PermissionError, match=f"{proxy.port}"):
            http.get(f"http://api.example.test:{port}/", client=client)
    with pytest.raises(http.HttpError):
        http.get(f"http://api.example.test:{port}/", client=client)
