"""Real servers on loopback for the tests of packs: started on free ports, ended with their tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
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


@contextmanager
def certified(folder: Path, monkeypatch: Any) -> Iterator[tuple[str, str]]:
    """Certificate and key of a server on loopback, by an authority that this process trusts meanwhile."""
    import trustme

    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1", "localhost")
    certificate, key, trusted = folder / "server.pem", folder / "server.key", folder / "authority.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    key.write_bytes(made.private_key_pem.bytes())
    authority.cert_pem.write_to_path(trusted)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    yield str(certificate), str(key)


@contextmanager
def mail(certificate: str, key: str) -> Iterator[dict[str, int]]:
    """An SMTP server (aiosmtpd) and an IMAP server (pymap) over one mailbox, by mail-devel; the ports by scheme.
    User ``ada@example.org``, password ``p:ss/w@rd``."""
    ports = {scheme: free_port() for scheme in ("smtp", "smtps", "imap", "imaps")}
    options = [*("--host", "127.0.0.1", "--no-http", "--user", "ada@example.org", "--password", "p:ss/w@rd")]
    options += [*("--auth-required", "--cert", certificate, "--key", key)]
    options += [part for scheme in ports if scheme != "imaps" for part in (f"--{scheme}-port", str(ports[scheme]))]

    def ready() -> None:
        for port in ports.values():
            socket.create_connection(("127.0.0.1", port), 1).close()

    program = str(Path(__file__).with_name("mailserver.py"))
    command = [sys.executable, "-W", "ignore", program, str(ports["imaps"]), *options]
    with served(command, ready, stderr=subprocess.DEVNULL):
        yield ports


@contextmanager
def s3() -> Iterator[str]:
    """The endpoint of a server of S3 (moto's). It looks at no signature."""
    port = free_port()

    def ready() -> None:
        socket.create_connection(("127.0.0.1", port), 1).close()

    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with served(command, ready, stderr=subprocess.DEVNULL):
        yield f"127.0.0.1:{port}"


@contextmanager
def ssh(folder: Path, host_key: Any, authorized: bytes, *more: str) -> Iterator[int]:
    """The port of an SSH server that has a folder named ``there`` for its files; see ``sshserver.py``."""
    port = free_port()
    (folder / "there").mkdir()
    host_key.write_private_key(str(folder / "host"))
    (folder / "authorized").write_bytes(authorized)

    def ready() -> None:
        socket.create_connection(("127.0.0.1", port), 1).close()

    places = [str(folder / name) for name in ("there", "host", "authorized")]
    program = str(Path(__file__).with_name("sshserver.py"))
    with served([sys.executable, "-W", "ignore", program, str(port), *places, *more], ready, stderr=subprocess.DEVNULL):
        yield port
