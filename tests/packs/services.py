"""Real servers on loopback for the tests of packs: started on free ports, ended with their tests."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def inside(module: str, *parts: str) -> Path:
    """A file of an installed package, without importing that."""
    spec = find_spec(module)
    assert spec is not None, f"dev does not bring {module}"
    return Path(str(spec.origin)).parent.joinpath(*parts)


@contextmanager
def served(command: Sequence[str], ready: Callable[[], object], **options: Any) -> Iterator[None]:
    """A server while it is used. ``ready`` raises as long as it is not."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)
    try:
        for _ in range(600):
            assert server.poll() is None, f"{command[0]} ended with {server.returncode}"
            try:
                ready()
                break
            except Exception:
                time.sleep(0.05)
        else:
            raise TimeoutError(command[0])
        yield
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The address of a PostgreSQL of its own. It refuses to run as root; in a user namespace root is somebody else."""
    import psycopg

    programs = inside("pgserver", "pginstall", "bin")
    data = folder / "data"
    as_user = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
    initdb = [*as_user, str(programs / "initdb"), "-D", str(data), "-U", "tester", "-A", "trust", "--locale=C", "-N"]
    subprocess.run([*initdb, "-E", "UTF8"], check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    url = f"postgresql://tester@127.0.0.1:{port}/postgres"
    settings = ["fsync=off", "listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories="]
    server = [*as_user, str(programs / "postgres"), "-D", str(data), *(p for s in settings for p in ("-c", s))]

    def ready() -> None:
        psycopg.connect(url).close()

    with served(server, ready, stderr=subprocess.DEVNULL):
        yield url
