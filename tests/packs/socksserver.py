"""A SOCKS 5 proxy on loopback (RFC 1928, RFC 1929): each name that it is asked for is this machine."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Socks(socketserver.ThreadingTCPServer):
    """``asked``: the hosts it connected to; ``users``: who came with which password."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.users: list[str] = []
        self.port: int = self.server_address[1]


class Handler(socketserver.BaseRequestHandler):
    server: Socks

    def handle(self) -> None:
        _, methods = self._take(2)
        method = 2 if 2 in self._take(methods) else 0
        self.request.sendall(bytes([5, method]))
        if method:
            user = self._take(self._take(2)[1])
            self.server.users.append(f"{user.decode()}:{self._take(self._take(1)[0]).decode()}")
            self.request.sendall(b"\1\0")
        *_, kind = self._take(4)
        host = self._take(self._take(1)[0]).decode() if kind == 3 else socket.inet_ntoa(self._take(4))
        port = int.from_bytes(self._take(2), "big")
        self.server.asked.append(f"{host}:{port}")
        with socket.create_connection(("127.0.0.1", port)) as there:
            self.request.sendall(b"\5\0\0\1" + bytes(6))
            back = threading.Thread(target=_copy, args=(there, self.request), daemon=True)
            back.start()
            _copy(self.request, there)
            there.shutdown(socket.SHUT_RDWR)
            back.join()

    def _take(self, size: int) -> bytes:
        taken = b""
        while len(taken) < size:
            part = self.request.recv(size - len(taken))
            if not part:
                raise ConnectionError
            taken += part
        return taken


def _copy(source: socket.socket, goal: socket.socket) -> None:
    try:
        while part := source.recv(1 << 16):
            goal.sendall(part)
    except OSError:
        pass


@contextmanager
def socks() -> Iterator[Socks]:
    with Socks() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
