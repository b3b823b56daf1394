"""Programs of this machine: run one, with arguments, without a shell.

Nothing is ever given to a shell: ``shell.run("ls", ["*"])`` lists a file that is called ``*``. Of the environment the
program sees ``PATH``, the locale and the time zone, what ``keep=`` names and what ``env=`` adds. When the call ends, in
whatever way, the program and what it has started in its process group have ended. The resource is ``process``.

A workflow that its host does not trust starts the programs that it was given (``process:git``), by that very name, and
keeps and sets the variables that it was given (``env:LANG``). What a program does then, nobody looks at.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import trio
from attrs import frozen

from .. import node, permissions
from ._programs import Lines, failed

_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
_LIMIT = 16 << 20  # bytes of output
_GRACE = 2.0  # seconds between SIGTERM and SIGKILL


class ProgramError(Exception):
    """A program that did not succeed: ``code`` is its exit status (negative: the signal), ``stderr`` its last words."""

    def __init__(self, message: str, code: int, stderr: str = "") -> None:
        super().__init__(message, code, stderr)
        self.code = code
        self.stderr = stderr

    def __str__(self) -> str:
        return str(self.args[0])


@frozen(kw_only=True)
class Output:
    """What a program left: its exit status (negative: the signal that ended it) and what it wrote, as UTF-8."""

    code: int
    stdout: str
    stderr: str


@node(writes="process")
async def run(
    program: str,
    args: list[str] | None = None,
    input: str | bytes | None = None,
    env: dict[str, str] | None = None,
    keep: list[str] | None = None,
    folder: str | Path | None = None,
    check: bool = True,
    limit: int = _LIMIT,
) -> Output:
    """Run a program to its end.

    ``head = shell.run("git", ["rev-parse", "HEAD"], folder="repo").stdout``

    ``input`` is its standard input (else empty), ``env`` adds variables, ``keep`` names those of this process that it
    is given, too. Raises ProgramError for an exit status other than 0 (not with ``check=False``), ValueError for more
    than ``limit`` bytes of output, FileNotFoundError where there is no such program.
    """
    async with _started(program, args, env, keep, folder, piped=True) as process:
        assert process.stdin is not None
        printed = _Printed(limit)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_feed, process.stdin, input.encode() if isinstance(input, str) else input or b"")
            for pipe in (process.stdout, process.stderr):
                assert pipe is not None
                nursery.start_soon(printed.collect, pipe, nursery.cancel_scope)
        if printed.left < 0:
            msg = f"{program!r} printed more than {limit} bytes: raise limit=, or stream with shell.lines"
            raise ValueError(msg)
        code = await process.wait()
    stdout, stderr = (printed.parts[pipe].decode("utf-8", "replace") for pipe in (process.stdout, process.stderr))
    if check and code:
        raise failed(program, code, stderr or stdout)
    return Output(code=code, stdout=stdout, stderr=stderr)


@node(writes="process")
async def lines(
    program: str,
    args: list[str] | None = None,
    env: dict[str, str] | None = None,
    keep: list[str] | None = None,
    folder: str | Path | None = None,
) -> AsyncIterator[str]:
    """The lines that a program prints, as it prints them, in constant memory; its standard error is this process's.

    ``for line in shell.lines("git", ["log", "--format=%s"]): ...``

    Raises ProgramError at the end for an exit status other than 0, ValueError for a line of more than 16 MiB. A reader
    that stops early ends the program.
    """
    async with _started(program, args, env, keep, folder, piped=False) as process:
        assert process.stdout is not None
        cut = Lines(program)
        async for chunk in process.stdout:
            for line in cut.cut(chunk):
                yield line
        for line in cut.end():
            yield line
        if code := await process.wait():
            raise failed(program, code, "")


@asynccontextmanager
async def _started(
    program: str,
    args: list[str] | None,
    env: dict[str, str] | None,
    keep: list[str] | None,
    folder: str | Path | None,
    *,
    piped: bool,
) -> AsyncIterator[trio.Process]:
    """A program in a process group of its own, while it is used; afterwards nothing of that group is left."""
    words: object = args  # Python holds nobody to an annotation
    if isinstance(words, str):
        msg = f"args is a list of texts, or it would be taken letter by letter: [{args!r}]"
        raise ValueError(msg)
    given = permissions()
    given.program(program)
    for name in (*(keep or ()), *(env or ())):
        if not given.variable(name):  # to set one like LD_PRELOAD is to say what the program does
            msg = f"the program is not allowed to use the variable {name!r} (it was given {given})"
            raise PermissionError(msg)
    names = (*_KEPT, *(keep or ()))
    # Looked up in this process's PATH and folder, not in those that the call gives.
    if (found := shutil.which(program)) is None:
        raise FileNotFoundError(2, "there is no such program", program)
    process = await trio.lowlevel.open_process(
        [os.path.abspath(found), *(args or ())],
        stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if piped else None,
        cwd=None if folder is None else given.file(folder),
        env={name: os.environ[name] for name in names if name in os.environ} | (env or {}),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with trio.CancelScope(shield=True):
            await _ended(process)


async def _ended(process: trio.Process) -> None:
    """End it, and what it has left in its group, kindly first."""
    _signal(process, signal.SIGTERM)
    with trio.move_on_after(_GRACE):
        await process.wait()
    _signal(process, signal.SIGKILL)
    await process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            await pipe.aclose()


def _signal(process: trio.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


async def _feed(pipe: trio.abc.SendStream, data: bytes) -> None:
    with suppress(trio.BrokenResourceError):  # it may end without reading all
        await pipe.send_all(data)
    await pipe.aclose()


class _Printed:
    """What a program has printed; ``left``: how much more it may, on both streams together."""

    def __init__(self, limit: int) -> None:
        self.left = limit
        self.parts: dict[Any, bytearray] = {}

    async def collect(self, pipe: trio.abc.ReceiveStream, scope: trio.CancelScope) -> None:
        """All of one stream. Beyond the limit both streams are left, by ``scope``: an error would come in a group."""
        part = self.parts.setdefault(pipe, bytearray())
        while chunk := await pipe.receive_some():
            self.left -= len(chunk)
            if self.left < 0:
                scope.cancel()
            part += chunk
