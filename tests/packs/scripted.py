"""A server of a protocol by lines, which says what a test wants it to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def script(*lines: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that says a line for each that it hears, ``%t`` is the tag of that, ``%p`` of the one before; its port,
    and what it has heard."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as file:
                for line in lines:
                    tag, before = (said.split(b" ")[0] for said in (b"", b"", *heard)[:-3:-1])
                    connection.sendall(line.replace(b"%t", tag).replace(b"%p", before) + b"\r\n")
                    if not (said := file.readline()):
                        return
                    heard.append(said)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], heard
        thread.join(20)
        assert not thread.is_alive()
