"""Independent passes and arms: ``parallel`` loops, ``parallel:`` blocks, races and partial joins.

A pass or arm is an async function of its own undo log (and its item). The failure law is that of a table: when a pass
fails, none after it starts, those before it run to their end, then the rest is cancelled and the first error in order
is raised.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from ..compiler.values import Collected, Failed
from .groups import as_raised, first_error, instead_of_cut, is_cancellation, single
from .late import trio
from .run import Run
from .scopes import timeout as timeout_scope
from .undo import UndoLog

Pass = Callable[[UndoLog | None, Any], Awaitable[list[Any] | None]]
"""One pass: from its undo log and its item to what it emitted."""

Arm = Callable[[UndoLog | None], Awaitable[Any]]


class _Passes:
    """The state of one block of passes. ``bound``: the first index whose pass, failed for good, ends the block."""

    def __init__(self, log: UndoLog | None, logs: bool, alone: bool = False) -> None:
        self.log = log
        self.alone = alone
        """Are passes undone one by one?"""
        self.values: dict[int, list[Any] | None] = {}
        """What passes gave that others before them have still to give; in a ``take`` what all gave."""
        self.given: list[Any] = []
        """What the first passes gave, as far as all of them are done."""
        self.next = 0
        self.failures: dict[int, tuple[Any, BaseException]] = {}
        self.running: dict[int, trio.CancelScope] = {}
        self.logs: dict[int, UndoLog] | None = {} if logs else None
        self.started = 0
        self.workers = 0
        self.bound: int | None = None
        self.enough = False
        self.strays: list[BaseException] = []
        """What a ``finally`` or an undo of a pass raised while it was cut, others having succeeded."""
        self.broken: BaseException | None = None
        """What the source raised, after the items it had given."""
        self.nursery: trio.Nursery | None = None
        self.cut = False
        """Has a worker ended because it is cut, and said nothing?"""

    def gave(self, index: int, value: list[Any] | None) -> None:
        """A pass is done: what is complete from the beginning takes no more room than the values do."""
        if index != self.next:
            self.values[index] = value
            return
        self.given += value or ()
        self.next += 1
        while self.next in self.values:
            self.given += self.values.pop(self.next) or ()
            self.next += 1

    def rest_is_cut(self) -> bool:
        """Have enough succeeded? (Other passes change that while one waits, which a type checker cannot know.)"""
        return self.enough

    def hears(self, task: trio.lowlevel.Task) -> bool:
        """Does another task hear that this worker is cut? The one that opened the loop does, by itself. So the others
        may just end: of ten thousand that wait, each error would be kept to the end, with all its frames, and the
        collector would look at them again and again (40 % of the time that cancelling took)."""
        return self.nursery is not None and task is not self.nursery.parent_task

    def settle(self) -> None:
        """Once a pass has failed: cut those after it. Those before it run to their end."""
        if self.bound is not None:
            for index, scope in self.running.items():
                if index > self.bound:
                    scope.cancel()

    def open_log(self, index: int) -> UndoLog | None:
        """The log of a pass, where somebody asks for one."""
        if self.logs is None:
            return None
        found = self.logs[index] = UndoLog(self.log, alone=self.alone)
        return found

    def join_logs(self) -> None:
        """Lay the logs of the passes into the one around, in the order of the passes."""
        if self.log is not None and self.logs is not None:
            for index in sorted(self.logs):
                self.logs[index].hand_over(self.log)

    def error(self) -> BaseException:
        """What ended the block: the first failure, or, where that is bearable, the source's."""
        if self.broken is not None and self.bound not in self.failures:
            return self.broken
        return self.failures[min(self.failures)][1]


async def for_each(
    run: Run,
    log: UndoLog | None,
    source: Iterator[Any] | AsyncIterator[Any],
    body: Pass,
    limit: int | None,
    *,
    collect: bool = False,
    max_failed: int | None = None,
    take: int | None = None,
    rest: str = "cancel",
) -> Any:
    """Run ``body`` for each item, at most ``limit`` at once; the values in the order of the items.

    With ``collect``: a :class:`~cflow.compiler.values.Collected`; more than ``max_failed`` failures end the loop.
    With ``take``: the first so many successes; what the others did is undone, or with ``rest="finish"`` completed.

    Raises
    ------
    The error of the first failing pass in the order of the items.
    """
    if limit is not None and limit < 1:
        msg = f"parallel must be at least 1, not {limit!r}"
        raise ValueError(msg)
    # A `take` may fail, and be undone, by itself.
    around = log if take is None else UndoLog(log)
    state = _Passes(around, logs=around is not None, alone=take is not None)
    pull = _puller(source)
    try:
        async with trio.open_nursery() as nursery:
            state.nursery = nursery
            state.workers = 1
            await _worker(run, state, pull, body, limit, collect, max_failed, take, rest)
            if run.journal is not None:
                run.journal.closes(nursery)
        if state.cut:  # by what is around it, or as there were enough
            await trio.lowlevel.checkpoint_if_cancelled()
    except BaseException as exc:
        if take is not None:
            await _undo(run, state.logs or {}, None)
        else:
            state.join_logs()
        if not (is_cancellation(exc) and state.bound in state.failures and instead_of_cut(state.error())):
            raise single(exc) from exc.__cause__
    if take is not None:
        return await _taken(run, log, state, take, rest)
    state.join_logs()
    if state.bound is not None:
        raise state.error()
    values = state.given
    if collect:
        return Collected(
            values, [Failed(state.failures[i][0], i, state.failures[i][1]) for i in sorted(state.failures)]
        )
    return values


def _puller(source: Any) -> Callable[[], Awaitable[tuple[bool, Any]]]:
    """The next item, or (False, None); one caller at a time, so that items are numbered in their order."""
    if not hasattr(source, "__anext__"):
        iterator = iter(source)

        async def pull() -> tuple[bool, Any]:
            for item in iterator:
                return True, item
            return False, None

        return pull
    lock = trio.Lock()

    async def pull_stream() -> tuple[bool, Any]:
        async with lock:
            try:
                return True, await source.__anext__()
            except StopAsyncIteration:
                return False, None

    return pull_stream


async def _worker(
    run: Run,
    state: _Passes,
    pull: Callable[[], Awaitable[tuple[bool, Any]]],
    body: Pass,
    limit: int | None,
    collect: bool,
    max_failed: int | None,
    take: int | None,
    rest: str,
) -> None:
    """Take items until there are none, starting one more worker with each, up to the limit."""
    assert state.nursery is not None
    # One scope a worker, not a pass: when a pass has failed, nobody takes another item.
    with trio.CancelScope() as scope:
        await trio.lowlevel.checkpoint_if_cancelled()  # cut between its start and its first step
        while state.bound is None and not state.enough:
            try:
                more, item = await pull()
            except BaseException as exc:
                if is_cancellation(exc):
                    raise
                # A failure after all the passes so far: those run to their end.
                state.broken = exc
                state.bound = state.started if state.bound is None else state.bound
                return
            if not more or state.bound is not None or state.enough:
                return
            index = state.started
            state.started += 1
            if limit is None or state.workers < limit:
                state.workers += 1
                state.nursery.start_soon(_worker, run, state, pull, body, limit, collect, max_failed, take, rest)
            state.running[index] = scope
            try:
                value = await body(state.open_log(index), item)
            except BaseException as exc:
                if is_cancellation(exc):
                    if state.hears(trio.lowlevel.current_task()) and trio.current_effective_deadline() == -math.inf:
                        state.cut = True
                        return
                    raise
                if instead_of_cut(exc) and state.rest_is_cut():
                    state.strays.append(exc)
                if collect or take is not None:
                    # It may come from a `finally` or an undo of a pass that was cut: not to be borne.
                    await trio.lowlevel.checkpoint_if_cancelled()
                _failed(state, index, item, exc, collect, max_failed, take)
            else:
                if take is not None:
                    state.values[index] = value
                elif value is not None:  # where nothing is collected, nothing is kept
                    state.gave(index, value)
                if take is not None and state.logs is not None and (rest == "finish" or len(state.values) <= take):
                    state.logs[index].chosen()
                if take is not None and rest == "cancel" and len(state.values) >= take:
                    state.enough = True
                    state.nursery.cancel_scope.cancel()
            finally:
                del state.running[index]
            state.settle()
            await run_breath(run)


async def run_breath(run: Run) -> None:
    """Let others in where a slice of work in place is over (a pass may never wait)."""
    if time.perf_counter() > run.due:
        await run.breathe()


def _failed(
    state: _Passes, index: int, item: Any, error: BaseException, collect: bool, max_failed: int | None, take: int | None
) -> None:
    state.failures[index] = (item, as_raised(error) if collect else error)
    if collect:
        state.gave(index, None)
    if not isinstance(error, Exception):
        state.bound = min(index, state.bound if state.bound is not None else index)
        return
    if take is not None:
        return
    if not collect:
        state.bound = min(state.failures)
    elif max_failed is not None and len(state.failures) > max_failed:
        state.bound = sorted(state.failures)[max_failed]


async def _taken(run: Run, log: UndoLog | None, state: _Passes, take: int, rest: str) -> list[Any]:
    logs = state.logs or {}
    if state.strays:
        await _undo(run, logs, state.strays[0])
        raise state.strays[0]
    few = len(state.values) < take
    if state.bound in state.failures or (few and (state.failures or state.broken is not None)):
        error = state.error()
        await _undo(run, logs, error)
        raise error
    # Where there were fewer items than asked for, all of them are chosen.
    chosen = sorted(list(state.values)[:take])  # the first in time, in the order of the items
    lost = [i for i in logs if i in state.failures or (rest == "cancel" and i not in chosen)]
    await _undo(run, {i: logs[i] for i in lost}, None)
    for index in sorted(logs):
        logs[index].hand_over(log)
    return [v for i in chosen for v in state.values[i] or ()]


async def _undo(run: Run, logs: dict[int, UndoLog], error: BaseException | None) -> None:
    """Undo what these passes or arms completed, the last first."""
    joined = UndoLog()
    for index in sorted(logs):
        logs[index].hand_over(joined)
    if joined.entries:
        await joined.rollback(run, error)


async def parallel(run: Run, log: UndoLog | None, arms: tuple[Arm, ...]) -> list[Any]:
    """Run the arms of a ``parallel:`` block at once; what each gave."""
    state = _Passes(log, logs=log is not None)
    results: list[Any] = [None] * len(arms)

    async def one(index: int, nursery: trio.Nursery) -> None:
        # Each arm starts the next, so that they begin in their order: Trio shuffles what is started at once.
        if index + 1 < len(arms):
            nursery.start_soon(one, index + 1, nursery)
        if state.bound is not None and index > state.bound:
            return
        with trio.CancelScope() as scope:
            state.running[index] = scope
            try:
                await trio.lowlevel.checkpoint_if_cancelled()
                results[index] = await arms[index](state.open_log(index))
            except BaseException as exc:
                if is_cancellation(exc):
                    raise
                state.failures[index] = (None, exc)
                state.bound = min(state.failures)
            finally:
                del state.running[index]
        state.settle()

    try:
        async with trio.open_nursery() as nursery:
            await one(0, nursery)
            if run.journal is not None:
                run.journal.closes(nursery)
    except BaseExceptionGroup as group:
        if not (is_cancellation(group) and state.bound is not None and instead_of_cut(state.error())):
            raise first_error(group) from None
    finally:
        state.join_logs()
    if state.bound is not None:
        raise state.error()
    return results


async def race(run: Run, log: UndoLog | None, arms: tuple[Arm, ...], length: Any, what: str) -> Any:
    """The value of the first arm that succeeds. The others are cancelled, and what they completed is undone.

    Raises
    ------
    TimeoutError: after ``length``. Where every arm fails: the error of the first arm. What is no failure of an arm
    leaves in any case: an interrupt, and what a ``finally`` or an undo raised while its arm was cut.
    """
    logs = {index: UndoLog(log) for index in range(len(arms))}
    errors: dict[int, BaseException] = {}
    strays: list[BaseException] = []
    won: list[tuple[int, Any]] = []

    async def one(index: int, nursery: trio.Nursery) -> None:
        if index + 1 < len(arms):
            nursery.start_soon(one, index + 1, nursery)
        try:
            await trio.lowlevel.checkpoint_if_cancelled()  # it may be decided already
            value = await arms[index](logs[index])
        except BaseException as exc:
            if is_cancellation(exc):
                raise
            errors[index] = exc
            if not isinstance(exc, Exception):
                strays.append(exc)
                nursery.cancel_scope.cancel()
            elif trio.current_effective_deadline() == -math.inf and instead_of_cut(exc):
                strays.append(exc)
            return
        if not won:
            won.append((index, value))
            nursery.cancel_scope.cancel()

    async def run_all() -> None:
        async with trio.open_nursery() as nursery:
            await one(0, nursery)
            if run.journal is not None:
                run.journal.closes(nursery)

    error: BaseException | None = None
    try:
        if length is None:
            await run_all()
        else:
            with timeout_scope(length, what):
                await run_all()
    except BaseException as exc:
        if not (won and isinstance(exc, TimeoutError)):
            error = single(exc)
    if strays:
        error = strays[0]
    elif error is None and not won:
        error = errors[0]
    if error is not None:
        await _undo(run, logs, error)
        raise error
    winner, value = won[0]
    kept = logs.pop(winner)
    await _undo(run, logs, None)
    kept.hand_over(log)
    return value
