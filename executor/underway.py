"""The detached and submitted runs that this process has under way: who waits for them, how Ctrl-C reaches them.

They are in threads of their own, where Python never delivers Ctrl-C: the main thread, while it waits for a run or for
these, hands it on. As with any run, the first one cancels them and lets compensations finish; the second breaks those
off.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol


class Interruptible(Protocol):
    """A run, as Ctrl-C sees it."""

    interrupted: int

    def interrupt(self) -> None: ...


class Token(Protocol):
    """A loop, as other threads see it."""

    def run_sync_soon(self, sync_fn: Callable[[], object], /) -> object: ...


class Underway:
    """One detached run, in a thread that the process waits for."""

    def __init__(self, work: Callable[[Underway], object], name: str) -> None:
        self._work = work
        self._interrupts = 0
        self._run: Interruptible | None = None
        self._token: Token | None = None
        self.ended = threading.Event()
        begun(self)
        threading.Thread(target=self._body, name=name).start()

    def _body(self) -> None:
        try:
            self._work(self)
        finally:
            over(self)

    def began(self, run: Interruptible, token: Token) -> None:
        """On its loop, before anything of the run is done: from here on Ctrl-C reaches it."""
        self._run, self._token = run, token
        self._apply()

    def interrupt(self) -> None:
        """As Ctrl-C."""
        self._interrupts += 1
        if self._token is not None:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                self._token.run_sync_soon(self._apply)

    def _apply(self) -> None:
        assert self._run is not None
        while self._run.interrupted < self._interrupts:
            self._run.interrupt()


class Awaited(Protocol):
    """What the process waits for before it ends."""

    ended: threading.Event

    def interrupt(self) -> None: ...


_UNDERWAY: set[Awaited] = set()


def begun(one: Awaited) -> None:
    """From here on Ctrl-C reaches it, and the process does not end before it."""
    one.ended.clear()
    _UNDERWAY.add(one)


def over(one: Awaited) -> None:
    _UNDERWAY.discard(one)
    one.ended.set()


_told = 0
"""How often those that are under way were told of Ctrl-C."""


def interrupt() -> None:
    """Ctrl-C, for every run that is under way."""
    global _told
    _told += 1
    for one in list(_UNDERWAY):
        one.interrupt()


def settle(*, cut: bool = False) -> bool:
    """Wait, in the main thread, until no detached run is under way; did Ctrl-C come meanwhile?

    Parameters
    ----------
    cut: Ctrl-C has come already. Where no run of this process was waited for in that moment, nobody has told those that
        are under way.
    """
    global _told
    came = False

    def handle(number: int = 0, frame: Any = None) -> None:
        nonlocal came
        came = True
        interrupt()

    if cut and not _told:
        handle()
    while True:
        try:
            with _handled_by(handle):
                while under_way := list(_UNDERWAY):
                    under_way[0].ended.wait()
            _told = 0
            return came
        except KeyboardInterrupt:  # before the handler stood, or of somebody else's
            handle()


@contextlib.contextmanager
def _handled_by(handle: Callable[[int, Any], None]) -> Iterator[None]:
    """Ctrl-C goes to ``handle``, where there is anything to wait for and nobody else handles it."""
    mine = (
        bool(_UNDERWAY)
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not mine:
        yield
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# Where the interpreter ends it waits for threads, deaf to Ctrl-C. What shall run before that is registered here, as
# `concurrent.futures` does: `atexit` comes too late.
_before_threads_are_joined = getattr(threading, "_register_atexit", None)
if _before_threads_are_joined is not None:
    with contextlib.suppress(RuntimeError):  # it is ending already
        _before_threads_are_joined(settle)
