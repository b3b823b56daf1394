"""The port that all runtimes keep to, and the errors that they share.

A call is awaited on Trio's loop. Cancelling it ends the work, wherever that is, before the call returns; so timeouts,
races and interrupts mean the same for all. What the code says meanwhile (progress, lines for a log, text) comes through
:attr:`Job.heard`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from attrs import frozen

from ..compiler.spec import NodeSpec
from .away import Away, Taken

Heard = Callable[[str, Any], None]
"""Takes what a call says: ``progress`` (done, total), ``log`` (a record's fields), ``say`` (level, text), ``out`` and
``err`` (text)."""


class Places(Protocol):
    """How many calls may be in processes at once."""

    def __call__(self) -> AbstractAsyncContextManager[None]:
        """Hold a place."""
        ...

    def take(self) -> bool:
        """Take a place, if there is one."""
        ...

    async def wait(self) -> None:
        """Wait for a place, and take it."""
        ...

    def give(self) -> None:
        """Give a place back."""
        ...

    @property
    def wanted(self) -> bool:
        """Does somebody wait for a place?"""
        ...


@frozen(eq=False)
class Job:
    """One call of a node.

    ``fn``: what :meth:`Runtime.prepared` gave. ``here``: where in the run it is. ``levels``: from which level on lines
    for a log are wanted, in general and from nodes. ``place``: to be held while the call is in a process.
    ``taken``: where :meth:`took` puts it down.
    """

    spec: NodeSpec
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    here: Away
    levels: tuple[int, int]
    heard: Heard
    place: Places
    taken: Taken | None = None

    def took(self, seconds: float) -> None:
        """The node's own code has run for so long, from any thread."""
        if self.taken is not None:
            self.taken.seconds = seconds


class Runtime(Protocol):
    """Where code runs. Its limits stand in ``job.spec.runtime``."""

    def prepared(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        """What is to be called for a node, made once.

        Raises
        ------
        OSError, ImportError, ValueError: what the node needs is not there, or is not what it should be.
        """
        ...

    async def call(self, job: Job) -> Any:
        """The result; cancelling it ends the work before this returns.

        Raises
        ------
        NodeCrashed: the code's place ended before it answered. Else what the code raises.
        """
        ...

    def items(self, job: Job) -> AsyncGenerator[Any, None]:
        """The items of a stream; closing it ends the work."""
        ...


class NodeCrashed(RuntimeError):
    """What ran a node ended without an answer, or had used up what it may. ``code``: the exit code, negative for a
    signal; None where there is none."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.code), self.__dict__


class ForeignError(RuntimeError):
    """An error whose class is not known here: ``type`` is its name, and its text the message."""

    def __init__(self, type: str, message: str) -> None:
        super().__init__(f"{type}: {message}" if message else type)
        self.type = type
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.type, self.message), self.__dict__
