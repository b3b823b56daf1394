"""Programs on other machines, over SSH: run one to its end, or read its lines as it prints them.

A host is an address: ``ssh://user@host:22``, with a password ``ssh://user:password@host``. The login is by ``key`` (a
file, or the text of a private key; the password is then that of the key), by the password, or, where neither is given,
by the agent and the keys in ``~/.ssh``. The key of the host has to be among the known ones, in ``known`` (a file, or
its lines) or in ``~/.ssh/known_hosts``: an unknown host, or one whose key has changed, is an error. ``~/.ssh/config``
is not read. Built on asyncssh.

The resource is ``ssh``. A program on another machine may go on for a while when a call is cut: the host is told, and
most send it a hangup. A program that its host does not trust reaches the hosts that it was given, by keys and known
hosts of its own.
"""

from __future__ import annotations

import asyncio
import shlex
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from .. import node
from ._programs import Lines, failed
from ._sshing import connection
from .shell import Output

_LIMIT = 16 << 20  # bytes of output
_BLOCK = 1 << 16


class SshError(Exception):
    """What a host, or what stands between, does not let happen."""


@node(writes="ssh", runs="asyncio")
async def run(
    host: str,
    program: str,
    args: list[str] | None = None,
    input: str | bytes = b"",
    key: str | Path = "",
    known: str | Path = "",
    check: bool = True,
    limit: int = _LIMIT,
) -> Output:
    """Run a program there to its end.

    ``free = ssh.run("ssh://deploy@web1.example.org", "df", ["-h", folder]).stdout with timeout=30s``

    ``program`` is what the shell there reads; each of ``args`` reaches the program as it is. Raises ProgramError (of
    ``shell``) for an exit status other than 0 (not with ``check=False``), ValueError for more than ``limit`` bytes of
    output, SshError for a host that is unknown or refuses, ConnectionError.
    """
    command = _command(program, args)
    async with connection(host, key, known) as there:
        process = await there.create_process(command, encoding=None)
        left = limit
        parts = {process.stdout: bytearray(), process.stderr: bytearray()}

        async def collect(pipe: Any) -> None:
            nonlocal left
            while data := await pipe.read(_BLOCK):
                left -= len(data)
                if left < 0:
                    msg = f"{program!r} printed more than {limit} bytes: raise limit=, or stream with ssh.lines"
                    raise ValueError(msg)
                parts[pipe] += data

        process.stdin.write(input.encode() if isinstance(input, str) else input)
        process.stdin.write_eof()
        await asyncio.gather(*map(collect, parts))
        await process.wait_closed()
    stdout, stderr = (part.decode("utf-8", "replace") for part in parts.values())
    code = _code(process)
    if check and code:
        raise failed(program, code, stderr or stdout)
    return Output(code=code, stdout=stdout, stderr=stderr)


@node(writes="ssh", runs="asyncio")
async def lines(
    host: str, program: str, args: list[str] | None = None, key: str | Path = "", known: str | Path = ""
) -> AsyncIterator[str]:
    """The lines that a program there prints, as it prints them, in constant memory.

    ``for line in ssh.lines("ssh://deploy@web1.example.org", "journalctl", ["-f"]): ...``

    Raises what ``run`` raises, ProgramError at the end, with the last of what was written to its standard error. A
    reader that stops early ends the connection.
    """
    command = _command(program, args)
    async with connection(host, key, known) as there:
        process = await there.create_process(command, encoding=None)
        process.stdin.write_eof()
        last = b""

        async def listen() -> None:
            nonlocal last
            while data := await process.stderr.read(_BLOCK):
                last = (last + data)[-_BLOCK:]

        listening, cut = asyncio.create_task(listen()), Lines(program)
        try:
            while chunk := await process.stdout.read(_BLOCK):
                for line in cut.cut(chunk):
                    yield line
            for line in cut.end():
                yield line
            await process.wait_closed()
            await listening
        finally:
            listening.cancel()
        if code := _code(process):
            raise failed(program, code, last.decode("utf-8", "replace"))


def _command(program: str, args: list[str] | None) -> str:
    command = " ".join((program, *map(shlex.quote, args or ())))
    if "\0" in command:
        msg = f"{command!r} holds a zero byte"
        raise ValueError(msg)
    return command


def _code(process: Any) -> int:
    """The exit status (negative: a signal); of a program that ended without one, a hangup."""
    return -signal.SIGHUP if process.returncode is None else int(process.returncode)
