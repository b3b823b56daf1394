"""Runs on loops in threads: one that its caller waits for, and the engine's loop for what was submitted.

The caller's contextvars go along, and what nodes change in them stays there.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import trio

from . import underway
from .groups import stopped
from .run import Run
from .suspended import is_put_away

Main = Callable[[], Awaitable[Any]]
Done = Callable[[bool, Any], object]
"""Told in the thread: was it a result, and the result or the error."""


class Away:
    """One run on a loop in a thread of its own."""

    def __init__(self, main: Main, run: Run | None, clock: Any, done: Done) -> None:
        self._main = main
        self._run = run
        self._clock = clock
        self._done = done
        self._token: trio.lowlevel.TrioToken | None = None
        self._context = contextvars.copy_context()
        self.thread = threading.Thread(target=self._work, name="cflow-run")
        if run is not None:
            run.owns_loop = True

    async def _entry(self) -> Any:
        self._token = trio.lowlevel.current_trio_token()
        return await self._main()

    def _work(self) -> None:
        try:
            value = self._context.run(lambda: trio.run(self._entry, clock=self._clock))
        except BaseException as exc:
            self._done(False, exc)
        else:
            self._done(True, value)

    def interrupt(self) -> None:
        """As Ctrl-C: the first time the run is cancelled, the second time its compensations are broken off."""
        if self._run is None:
            return
        if self._token is None:
            self._run.interrupted += 1  # the run looks when it begins
            return
        try:
            self._token.run_sync_soon(self._run.interrupt)
        except trio.RunFinishedError:
            pass


def run_away(main: Main, run: Run | None, clock: Any = None) -> Any:
    """Run ``main`` on a loop in a thread and wait for it: for callers in whose thread a loop is running already."""
    outcome: list[tuple[bool, Any]] = []
    away = Away(main, run, clock, lambda good, value: outcome.append((good, value)))
    away.thread.start()
    while away.thread.is_alive():
        try:
            away.thread.join()
        except KeyboardInterrupt:
            underway.interrupt()
            away.interrupt()
    good, value = outcome.pop()
    if good:
        return value
    try:
        raise stopped(value) or value
    finally:
        del value  # its traceback holds this frame


Rests = Callable[["Submitted", "Run | None"], object]


class Submitted(concurrent.futures.Future[Any]):
    """The result to come of a run that was submitted. Cancelling it, or Ctrl-C while it is waited for, cancels the run,
    also one that has begun: what it owes is done, then the future raises ``CancelledError``."""

    def __init__(self, run: Run | None = None, rests: Rests | None = None) -> None:
        super().__init__()
        self.run = run
        """None: there is none yet, or it is put away."""
        self.rests = rests
        """Told when it has been put away (the run), and when it is to be cancelled while it is (None): somebody goes on
        with it."""
        self.cuts = 0
        """How often it was interrupted while there was no run."""
        self.ended = threading.Event()
        self.token: trio.lowlevel.TrioToken | None = None
        self.add_done_callback(lambda _: underway.over(self))
        underway.begun(self)

    def cancel(self) -> bool:
        """Whether it was cancelled in time; it may still succeed, where what it does cannot be cut."""
        if super().cancel():
            return True
        if self.done():
            return False
        self.interrupt()
        return True

    def result(self, timeout: float | None = None) -> Any:
        with self._interrupted():
            return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        with self._interrupted():
            return super().exception(timeout)

    def interrupt(self) -> None:
        """As Ctrl-C: the first time the run is cancelled, the second time its compensations are broken off."""
        if self.token is not None:
            try:
                self.token.run_sync_soon(self._interrupt)
            except trio.RunFinishedError:
                self._interrupt()
        elif self.run is not None:
            self.run.interrupted += 1  # the run looks when it begins
        else:
            self.cuts += 1
            if self.ended.is_set() and self.rests is not None:  # it is for whoever comes first to begin it
                self.rests(self, None)

    def _interrupt(self) -> None:
        if self.run is not None:
            self.run.interrupt()
        elif not self.done():
            self.cuts += 1
            if self.rests is not None:
                self.rests(self, None)

    def begin(self, run: Run) -> bool:
        """On its loop; False: it was cancelled before."""
        if self.done() or not (self.running() or self.set_running_or_notify_cancel()):
            return False
        underway.begun(self)
        self.token, self.run = trio.lowlevel.current_trio_token(), run
        cuts, self.cuts = self.cuts, 0
        for _ in range(cuts):
            run.interrupt()
        return True

    def put_away(self, run: Run) -> None:
        """The process does not wait for it any more."""
        if self.run is run:
            self.run = None
            self.cuts += run.interrupted
            underway.over(self)
        if self.rests is not None:
            self.rests(self, run)

    @contextlib.contextmanager
    def _interrupted(self) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            underway.interrupt()
            raise


class Background:
    """The loop of what was submitted to an engine: a thread that lives as long as there is something to run."""

    def __init__(self, clock: Any = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: list[Callable[[trio.Nursery], object]] = []
        self._token: trio.lowlevel.TrioToken | None = None
        self._alive = False
        self._count = 0
        self._wake: trio.Event | None = None

    def submit(self, main: Main, run: Run, future: Submitted) -> None:
        """Run ``main`` beside the others; ``future`` gets what it gives."""
        context = contextvars.copy_context()

        async def job() -> None:
            if future.begin(run):
                try:
                    value = await main()
                except trio.Cancelled:
                    future.set_exception(concurrent.futures.CancelledError())
                    raise
                except KeyboardInterrupt as exc:
                    future.set_exception(concurrent.futures.CancelledError() if run.interrupted else exc)
                except BaseException as exc:
                    if is_put_away(exc):
                        future.put_away(run)
                    else:
                        future.set_exception(stopped(exc) or exc)
                else:
                    future.set_result(value)
            self._count -= 1
            if not self._count and self._wake is not None:
                self._wake.set()

        with self._lock:
            self._jobs.append(lambda nursery: context.run(nursery.start_soon, job))
            if not self._alive:
                self._alive = True
                threading.Thread(target=self._work, name="cflow-submitted").start()
            elif self._token is not None:
                self._token.run_sync_soon(self._look)

    def _look(self) -> None:
        if self._wake is not None:
            self._wake.set()

    def _work(self) -> None:
        trio.run(self._serve, clock=self._clock)

    async def _serve(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                self._wake = trio.Event()
                with self._lock:
                    self._token = trio.lowlevel.current_trio_token()
                    jobs, self._jobs = self._jobs, []
                    if not jobs and not self._count:
                        self._alive, self._token = False, None
                        return
                self._count += len(jobs)
                for job in jobs:
                    job(nursery)
                await self._wake.wait()
