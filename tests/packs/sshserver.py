"""An SSH server (asyncssh's own): it runs programs of this machine, and has the files of one folder.

Its arguments: the port, the folder, the file with the key of the host, the file with the authorized keys, and ``lying``
for one whose folders hold a name that is a path. A process of its own, as the library warns of itself in servers.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncssh


class Server(asyncssh.SSHServer):
    """Who is ``ada`` with the password ``se:cret``, or has a key that was authorized."""

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("ada", "se:cret")


class Lying(asyncssh.SFTPServer):
    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        for name in (b".", b"..", b"fine", b"../../evil"):
            yield asyncssh.SFTPName(name, attrs=asyncssh.SFTPAttrs(permissions=0o100644))


async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
    local = await asyncio.create_subprocess_shell(process.command or "true", **pipes, start_new_session=True)

    async def pump(source: Any, target: Any, last: Callable[[], object] = lambda: None) -> None:
        with contextlib.suppress(OSError, asyncssh.Error):
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        last()

    feeding = asyncio.create_task(pump(process.stdin, local.stdin, local.stdin.close))
    await asyncio.gather(pump(local.stdout, process.stdout), pump(local.stderr, process.stderr))
    code = await local.wait()
    feeding.cancel()
    if code < 0:
        process.exit_with_signal("KILL")
    else:
        process.exit(code)


async def main(port: str, folder: str, key: str, authorized: str, lying: str = "") -> None:
    def files(channel: Any) -> asyncssh.SFTPServer:
        return (Lying if lying else asyncssh.SFTPServer)(channel, chroot=folder.encode())

    await asyncssh.listen(
        "127.0.0.1",
        int(port),
        server_factory=Server,
        server_host_keys=[key],
        authorized_client_keys=authorized,
        process_factory=run,
        encoding=None,
        sftp_factory=files,
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
