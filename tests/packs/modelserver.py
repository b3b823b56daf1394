"""A server on loopback that speaks the protocol of OpenAI, and says what a test wants it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """Gives ``answers`` (status, body, headers), the last one again and again; ``seen`` is what it was asked."""

    daemon_threads = True
    answers: list[tuple[Any, ...]]
    seen: list[tuple[str, dict[str, str], Any]]
    gone: threading.Event

    def handle_error(self, *_: Any) -> None:
        """A client that goes away is none of ours."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.path, headers, json.loads(body)))
        answers = self.server.answers
        status, body, *more = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        for name, value in more:
            self.send_header(name, value)
        if isinstance(body, list):  # a stream: each item as a chunk; None stays silent until the client is gone
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            try:
                for part in body:
                    if part is None:
                        self.connection.recv(1)
                        self.server.gone.set()
                        return
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.write(b"0\r\n\r\n")
            except OSError:  # it was gone before all was written, or with something unread
                self.server.gone.set()
                self.close_connection = True
            return
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        if status in (302, 307):
            self.send_header("location", content.decode())
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def says(text: str | None, *calls: tuple[str, Any], finish: str = "stop", **more: Any) -> tuple[int, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": f"c{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for i, (name, arguments) in enumerate(calls)
        ]
    choice = {"index": 0, "message": message, "finish_reason": finish}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    return 200, {"model": "small-2026-01", "choices": [choice], "usage": usage} | more


def event(**delta: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"
