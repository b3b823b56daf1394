"""notify through Apprise to a web hook on loopback: what arrives, what fails, and what no error shows."""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import cflow
from cflow.compiler.permissions import Permissions, under
from cflow.stdlib_nodes import notify
from cflow.stdlib_nodes.notify import NotifyError

# One of the plugins, all of which Apprise loads.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def hook() -> Iterator[tuple[str, list[Any]]]:
    """The address of a hook, and what it has got; it refuses what goes to ``/no``."""
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(500 if self.path.startswith("/no") else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"json://ada:secret@127.0.0.1:{server.server_port}", got
        server.shutdown()
        thread.join()


def test_a_message_with_a_file(hook: tuple[str, list[Any]], tmp_path: Path) -> None:
    at, got = hook
    got.clear()
    (tmp_path / "a?b.txt").write_text("attached")
    notify.send(at, "5 < 6 & {{x}} \\n é", title="late", kind="warning", attachments=[tmp_path / "a?b.txt"])
    (one,) = got
    assert (one["title"], one["message"], one["type"]) == ("late", "5 < 6 & {{x}} \\n é", "warning")
    assert base64.b64decode(one["attachments"][0]["base64"]) == b"attached"


def test_each_target_gets_it_whatever_becomes_of_the_others(
    hook: tuple[str, list[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    at, got = hook
    got.clear()
    flow = """
    import notify

    flow main(targets: list[str]) -> list[int]:
        try:
            notify.send(targets, "hi")
        except notify.NotifyError as e:
            return e.failed
        return []
    """
    main = cflow.loads("\n".join(line[4:] for line in flow.splitlines())).main
    targets = [f"{at}/no", at, "json://ada:secret@127.0.0.1:1"]
    with caplog.at_level(logging.DEBUG):
        assert main.run(targets) == [0, 2]
        assert len(got) == 2
        with pytest.raises(
            NotifyError, match=r"^2 of 3 did not take the message: JSON \(target 0\), JSON \(target 2\)$"
        ):
            notify.send(targets, "hi")
    assert "secret" not in caplog.text


def test_what_is_no_target(hook: tuple[str, list[Any]], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    at, got = hook
    got.clear()
    for targets, why in (
        ([at, "nope://secret"], r"target 1 \(nope://...\) is no address"),
        ([at, "secret"], r"target 1 \(without a scheme\) is no address"),
        ([at, "slack://secret"], r"target 1 \(slack://...\) is no address"),
        ([], "at least one target"),
    ):
        with pytest.raises(ValueError, match=why) as caught:
            notify.send(targets, "hi")
        assert "secret" not in str(caught.value)
    for path in (at.replace("json", "http"), tmp_path, "file:///etc/passwd", tmp_path / "none"):
        with pytest.raises(FileNotFoundError, match="no such file to attach"):
            notify.send(at, "hi", attachments=[path])
    assert got == []
    assert "secret" not in caplog.text


def test_a_program_that_is_not_trusted_sends_none(hook: tuple[str, list[Any]]) -> None:
    at, got = hook
    got.clear()
    with under(Permissions.of(["net:*", "net:127.0.0.0/8", "files:/"])):
        with pytest.raises(PermissionError, match="not allowed to notify"):
            notify.send(at, "hi")
    assert got == []
