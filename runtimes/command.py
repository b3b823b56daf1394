"""``runs="command"``: any program, one process a call, spoken to in JSON. So a node can be written in any language.

=================  ==============================================================================================
standard input     the arguments by name, as one JSON object on one line; then it ends
standard output    the result as JSON; of a stream, one item a line. Nothing at all is ``None``
standard error     text, which is shown; a line that is one of these objects is heard instead:
                   ``{"progress": [1, 10]}``, ``{"log": "text", "level": "warning"}``,
                   ``{"error": "message", "type": "ValueError"}``
exit code          0: it went well
environment        ``CFLOW_RUN``, ``CFLOW_NODE``, ``CFLOW_ATTEMPT``, ``CFLOW_KEY``
=================  ==============================================================================================

A cut sends SIGTERM to the program and what it has started, and SIGKILL after :data:`GRACE` seconds.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import json
import logging
import os
import shutil
import subprocess
import typing
from collections.abc import AsyncGenerator, Callable
from importlib import import_module
from typing import Any

import trio

from ..compiler.beside import program
from ..compiler.convert import as_hint
from ..compiler.spec import NodeSpec
from .children import Child, how
from .port import ForeignError, Job, NodeCrashed

GRACE = 2.0
"""Seconds that a program has, once it is told to end, to do so by itself."""

LONGEST = 1 << 28
"""Bytes of one result, or of one item, at most."""

LINE = 1 << 20
"""Bytes of standard error that are held back for the end of their line."""

TAIL, WIDTH = 20, 1000
"""Lines of standard error that an error shows, and characters of each."""

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Command:
    """What :meth:`Commands.prepared` makes of a node: which program, and how its arguments and results are read."""

    def __init__(self, spec: NodeSpec, fn: Callable[..., Any]) -> None:
        self.name = spec.name
        self._signature = inspect.signature(fn)
        self.argv = list(program(fn, spec.runtime["command"]))
        if shutil.which(self.argv[0]) is None:
            there = os.path.dirname(self.argv[0]) and os.path.exists(self.argv[0])
            why = "which may not be executed (chmod +x)" if there else "which is not there"
            msg = f"{spec.name} runs the program {self.argv[0]!r}, {why}"
            raise (PermissionError if there else FileNotFoundError)(msg)
        memory = spec.runtime.get("memory")
        if memory is not None:  # set before the program is there, and handed down to what it starts
            self.argv = ["/bin/sh", "-c", 'ulimit -v "$0" && exec "$@"', str(memory // 1024), *self.argv]
        try:
            returns = typing.get_type_hints(fn).get("return", Any)
        except Exception:  # what is imported for type checkers alone
            returns = Any
        if spec.is_stream:
            returns = (*typing.get_args(returns), Any)[0]
        self._returns = returns

    def input(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        """What the program reads.

        Raises
        ------
        TypeError: the arguments do not fit, or JSON has no form for one.
        """
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        named: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            if self._signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                named |= value
            else:
                named[name] = value
        return json_text().dump(named).encode() + b"\n"  # type: ignore[no-any-return]

    def value(self, text: bytes) -> Any:
        """A result, or an item.

        Raises
        ------
        ValueError: it is not JSON, or not what the node's annotation promises.
        """
        value = json_text().parse(text, f"what {self.name} printed") if text.strip() else None
        return as_hint(value, self._returns)


@functools.cache
def json_text() -> Any:
    """The standard packs' own JSON, with forms for dates, records and the like."""
    return import_module(f"{__name__.partition('.runtimes.')[0]}.stdlib_nodes._jsontext")


class _Program:
    """One process under way: it is fed, and listened to, while somebody waits for what it prints."""

    def __init__(self, job: Job, command: Command) -> None:
        self._job = job
        self._left = memoryview(command.input(job.args, job.kwargs))
        self._out = bytearray()
        self._searched = 0
        self._err = bytearray()
        self._lines: list[str] = []
        self._error: tuple[str, str] | None = None
        self._over = False
        pipe = subprocess.PIPE
        env = {**os.environ, **job.here.environment()}
        self.child = Child(command.argv, env=env, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)
        popen = self.child.popen
        assert popen.stdin is not None
        assert popen.stdout is not None
        assert popen.stderr is not None
        self._stdin, self._stdout, self._stderr = popen.stdin, popen.stdout, popen.stderr
        for file in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(file.fileno(), False)

    async def until(self, enough: Callable[[], bool]) -> None:
        """Feed it and listen to it until ``enough``, or until it has closed its output."""
        if enough() or self._over:
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._feed)
            nursery.start_soon(self._listen)
            while not enough():
                data = await _read(self._stdout)
                if not data:
                    self._over = True
                    break
                self._out += data
                if len(self._out) > LONGEST:
                    break
            nursery.cancel_scope.cancel()
        if len(self._out) > LONGEST:
            msg = f"{self._job.spec.name} has printed more than {LONGEST:,} bytes of one value"
            raise NodeCrashed(msg)

    async def _feed(self) -> None:
        while self._left and not self._stdin.closed:
            try:
                self._left = self._left[os.write(self._stdin.fileno(), self._left) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._stdin)
            except BrokenPipeError:  # it does not read its arguments
                break
        self._stdin.close()

    async def _listen(self) -> None:
        while data := await _read(self._stderr):
            whole, newline, rest = data.rpartition(b"\n")
            if newline:
                lines, self._err = self._err + whole, bytearray(rest)
                for line in lines.split(b"\n"):
                    self._hear(line.decode(errors="replace"))
            else:
                self._err += rest
            if len(self._err) > LINE:
                self._hear(self._err.decode(errors="replace"))
                self._err.clear()
        if self._err:
            self._hear(self._err.decode(errors="replace"))
            self._err.clear()

    def _hear(self, line: str) -> None:
        match _said(line):
            case {"progress": [int() | float() as done, int() | float() as total]}:
                self._job.heard("progress", (done, total))
            case {"log": str(text), **others}:
                self._job.heard("say", (_LEVELS.get(str(others.get("level")), logging.INFO), text))
            case {"error": str(text), **others}:
                self._error = str(others.get("type", "")), text
            case _:
                self._lines = [*self._lines[1 - TAIL :], line[:WIDTH]]
                self._job.heard("err", f"{line}\n")

    def has_line(self) -> bool:
        """Is there a whole line of output?"""
        found = self._out.find(b"\n", self._searched)
        self._searched = len(self._out) if found < 0 else found
        return found >= 0

    def line(self) -> bytes:
        """Take that line."""
        line = bytes(self._out[: self._searched])
        del self._out[: self._searched + 1]
        self._searched = 0
        return line

    def rest(self) -> bytes:
        """What it has printed and nobody took."""
        return bytes(self._out)

    async def ended(self) -> None:
        """Once its output is over.

        Raises
        ------
        NodeCrashed: it has failed, and not said how. Else what it said.
        """
        await self._listen()
        await trio.to_thread.run_sync(self.child.ended.wait, abandon_on_cancel=True)
        code = self.child.code or 0
        if self._error is None and code == 0:
            return
        name = self._job.spec.name
        if self._error is None:
            last = f": {self._lines[-1]}" if self._lines else ""
            error: Exception = NodeCrashed(f"{name} has no result: its program {how(code)}{last}", code)
        else:
            error = _made(*self._error)
        if self._lines:
            error.add_note("\n".join([f"the last that the program of {name} said:", *self._lines]))
        raise error

    async def close(self) -> None:
        """End it, if it has not ended."""
        with trio.CancelScope(shield=True):
            if not self.child.ended.is_set():
                await trio.to_thread.run_sync(self.child.end, GRACE)
        for file in (self._stdin, self._stdout, self._stderr):
            file.close()


async def _read(file: Any) -> bytes:
    while True:
        try:
            return os.read(file.fileno(), 1 << 16)
        except BlockingIOError:
            await trio.lowlevel.wait_readable(file)


def _said(line: str) -> Any:
    """The object that a line stands for, where it is one."""
    if not (line.startswith("{") and line.rstrip().endswith("}")):
        return None
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _made(type: str, text: str) -> Exception:
    """An error of that name: one of Python's own, where it is."""
    cls = getattr(builtins, type, None)
    if (
        isinstance(cls, builtins.type)
        and issubclass(cls, Exception)
        and not issubclass(cls, (StopIteration, StopAsyncIteration))  # coroutines and generators cannot raise those
    ):
        try:
            return cls(text)
        except TypeError:  # it wants more than a text (UnicodeDecodeError)
            pass
    return ForeignError(type or "error", text)


class Commands:
    """The runtime of ``runs="command"``."""

    def prepared(self, spec: NodeSpec, fn: Callable[..., Any]) -> Any:
        """See :class:`~.port.Runtime`."""
        return Command(spec, fn)

    async def call(self, job: Job) -> Any:
        """See :class:`~.port.Runtime`."""
        command: Any = job.fn
        async with job.place():
            program = await trio.to_thread.run_sync(_Program, job, command)
            try:
                await program.until(lambda: False)
                await program.ended()
            finally:
                await program.close()
        return command.value(program.rest())

    async def items(self, job: Job) -> AsyncGenerator[Any, None]:
        """See :class:`~.port.Runtime`. While nobody asks, the program writes ahead as far as its pipe holds."""
        command: Any = job.fn
        async with job.place():
            program = await trio.to_thread.run_sync(_Program, job, command)
            try:
                while True:
                    await program.until(program.has_line)
                    if not program.has_line():
                        break
                    line = program.line()
                    if line.strip():
                        yield command.value(line)
                await program.ended()
                if program.rest().strip():
                    yield command.value(program.rest())
            finally:
                await program.close()


RUNTIME = Commands()
