"""Calling a node with everything its policy asks for; generated code comes here only for calls that ask for something.

From the outside in: ``default``, ``once``, ``cache``, then the attempts, and in each attempt the lock, the rate, the
cap and the timeout. So a default is never remembered, a pause between attempts holds nothing, and the clock starts
when the node does.
"""

from __future__ import annotations

import contextlib
import functools
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define

from ..compiler.durations import seconds
from ..compiler.promises import Promise
from ..compiler.spec import NodeSpec, Retry
from .at import At
from .cache_keys import node_key
from .events import What
from .groups import is_cancellation, stopped
from .late import trio
from .ports import Cache
from .run import Run, Turn
from .threads import LANES
from .tiers import Tier
from .undo import UndoLog

LOOP, PLACE, LANE = "loop", "place", "lane"
"""Where a call runs: awaited on the loop, called in place, in a thread."""

Undoing = Callable[[Any], tuple[str, Callable[..., Awaitable[Any]], tuple[Any, ...], dict[str, Any], int]]
"""From a call's result: the undo's name, who runs it, its arguments, and where it stands."""


@define
class Site:
    """One call in the program: the operation's id, the node, where it runs."""

    id: str
    spec: NodeSpec
    fn: Callable[..., Any]
    placement: str
    tier: Tier
    reader: bool
    promise: Promise | None = None
    cap: bool = True
    line: int = 0
    lock: str = ""


@define(eq=False)
class Tries:
    """The attempts of one call, for :func:`~.context.context`: which one is under way, and the number in its key,
    or, in a recorded run, its path. ``spare``: what it gives may as well be made again.

    ``turn``: a call slot that is taken for it beforehand, given back between attempts.
    """

    number: int = 1
    key: int = 0
    path: str = ""
    spare: bool = False
    turn: Turn | None = None
    made: bool = False
    """Has an attempt given the value (and no default, or what is remembered)?"""
    named: str = ""
    """Its key, where that does not follow from the run and the path."""
    committed: bool = False
    """Has it had its effect in a transaction that looked at the time itself? Then it is not too late."""


async def hop(run: Run, site: Site, args: tuple[Any, ...], kwargs: dict[str, Any], tries: Tries | None = None) -> Any:
    """Call a node in a thread. A cancelled reader is left behind in its thread; a writer is waited for."""
    return await trio.to_thread.run_sync(
        timed, run, site, args, kwargs, tries, abandon_on_cancel=site.reader, limiter=lanes(run)
    )


def timed(run: Run, site: Site, args: tuple[Any, ...], kwargs: dict[str, Any], tries: Tries | None) -> Any:
    """A call in a thread, with a clock around it."""
    began = time.perf_counter()
    try:
        return site.fn(*args, **kwargs)
    finally:
        site.tier.measured(time.perf_counter() - began)


def lanes(run: Run) -> trio.CapacityLimiter:
    if run.lanes is None:
        run.lanes = trio.CapacityLimiter(LANES)
    return run.lanes


async def call(run: Run, site: Site, args: tuple[Any, ...], kwargs: dict[str, Any], tries: Tries | None = None) -> Any:
    """One call without options, under the cap."""
    if tries is not None and tries.turn is not None:
        return await bare(run, site, args, kwargs, tries)
    if run.free > 0:
        run.free -= 1
    else:
        await run.slot()
    try:
        return await bare(run, site, args, kwargs, tries)
    finally:
        run.release()


async def bare(run: Run, site: Site, args: tuple[Any, ...], kwargs: dict[str, Any], tries: Tries | None = None) -> Any:
    """One call without options, by whoever has a slot for it."""
    if site.placement is LOOP:
        value = await site.fn(*args, **kwargs)
    elif site.placement is LANE:
        value = await hop(run, site, args, kwargs, tries)
    else:
        value = site.fn(*args, **kwargs)
    if site.promise is not None:
        site.promise.check(value)
    return value


async def told(run: Run, site: Site, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The same, where listeners hear of it."""
    run.tell("started", site.id)
    try:
        value = await bare(run, site, args, kwargs)
    except BaseException as exc:
        run.broke(site.id, exc)
        raise
    run.tell("done", site.id)
    return value


async def capped(run: Run, fn: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
    """Await a node under the cap: what generated code prints where several calls may be in flight."""
    if run.free > 0:
        run.free -= 1
    else:
        await run.slot()
    try:
        return await fn(*args, **kwargs)
    finally:
        run.release()


CALLS = {bare.__code__, timed.__code__}
"""Functions that call a node; in their frames stand ``run``, ``site``, ``args``, ``kwargs`` and perhaps ``tries``."""


async def lane(run: Run, reader: bool, fn: Callable[..., Any], *args: Any) -> Any:
    """One hop for a fused run of calls; it measures itself. The run counts as one call under the cap."""
    if run.free > 0:
        run.free -= 1
    else:
        await run.slot()
    try:
        return await trio.to_thread.run_sync(fn, run, *args, abandon_on_cancel=reader, limiter=lanes(run))
    finally:
        run.release()


def pause(retry: Retry, k: int, rng: random.Random = random.Random()) -> float:  # noqa: B008 - one generator is wanted
    """Seconds before attempt ``k + 2``: ``min(max, 0.1 * backoff**k)``, jittered by a factor in [0.5, 1.5)."""
    try:
        length = 0.1 * retry.backoff**k
    except OverflowError:
        length = retry.max
    length = min(retry.max, length)
    return min(retry.max, length * (0.5 + rng.random())) if retry.jitter else length


def as_retry(value: Any) -> Retry | None:
    """The ``retry`` option as data.

    Raises
    ------
    TypeError, ValueError: it is neither a number of attempts nor a ``Retry``.
    """
    if value is None or isinstance(value, Retry):
        return value
    if isinstance(value, int):
        return Retry(int(value))
    msg = f"retry is a number of further attempts or a Retry, not {value!r}"
    raise TypeError(msg)


async def invoke(
    run: Run,
    site: Site,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    policy: dict[str, Any],
    log: UndoLog | None = None,
    undoing: Undoing | None = None,
    turn: Turn | None = None,
    tries: Tries | None = None,
) -> Any:
    """Call a node under its policy, tell the listeners, and note the undo it owes.

    ``turn``: a slot that the caller has taken for it, and gives back if it is there still (``turn.given``).
    """

    if tries is None:
        tries = Tries(turn=turn)
    if not policy and run.sinks is None:
        value = await call(run, site, args, kwargs, tries)
        tries.made = True
        if log is not None and undoing is not None:
            log.add(*undoing(value))
        return value

    async def attempt() -> Any:
        value = await call(run, site, args, kwargs, tries)
        tries.committed = site.spec.transactional
        return value

    def completed(value: Any) -> None:
        if log is not None and undoing is not None:
            log.add(*undoing(value))

    key = functools.partial(node_key, site.spec, site.fn, args, kwargs)
    return await apply_policy(run, site.id, site.spec.key, attempt, policy, completed, key, tries, log)


async def apply_policy(
    run: Run,
    id: str,
    target: str,
    attempt: Callable[[], Awaitable[Any]],
    policy: dict[str, Any],
    completed: Callable[[Any], None] | None = None,
    key: Callable[[], str] | None = None,
    tries: Tries | None = None,
    log: UndoLog | None = None,
    at: At | None = None,
) -> Any:
    """Run ``attempt`` as ``policy`` says. Shared by node calls and flow calls; ``target`` names the rate limit.

    ``log``: where what is called notes the undos it owes; what is undone is not remembered. ``at``: in a recorded run,
    where the flow stands that is called.
    """
    sinks = run.sinks
    if sinks is not None:
        sinks.emit("node", "started", run.id, id)
    try:
        retry = as_retry(policy.get("retry"))
        work: Callable[[], Awaitable[Any]] = functools.partial(
            _attempts, run, id, target, attempt, policy, retry, completed, tries, at
        )
        if policy.get("cache") is not None and policy["cache"] is not False and key is not None:
            ttl = None if policy["cache"] is True else seconds(policy["cache"])
            name = "cache:" + key()
            work = functools.partial(_remembered, run, id, run.services.cache, name, work, ttl, log, at, tries)
        if policy.get("once") is not None:
            name = once_key(target, policy)
            work = functools.partial(_remembered, run, id, run.services.once, name, work, None, log, at, tries)
        value = await (_or_default(work, policy["default"]) if "default" in policy else work())
    except BaseException as exc:
        if sinks is not None:
            what: What = "cancelled" if is_cancellation(exc) else "failed"
            sinks.emit("node", what, run.id, id, error=(stopped(exc) or exc) if what == "failed" else None)
        raise
    if sinks is not None:
        sinks.emit("node", "done", run.id, id)
    return value


def once_key(target: str, policy: dict[str, Any]) -> str:
    """Under which a call ``once`` is kept."""
    return f"once:{target}:{policy['once']}"


async def _or_default(work: Callable[[], Awaitable[Any]], default: Any) -> Any:
    try:
        return await work()
    except Exception:
        # The error may come from a `finally` or an undo of a flow that was cut.
        await trio.lowlevel.checkpoint_if_cancelled()
        return default


async def _remembered(
    run: Run,
    id: str,
    cache: Cache,
    key: str,
    work: Callable[[], Awaitable[Any]],
    ttl: float | None,
    log: UndoLog | None,
    at: At | None,
    tries: Tries | None,
) -> Any:
    """What is kept under the key, else what ``work`` gives. Writes follow one another, so what the log gets meanwhile
    is what ``work`` owes: where that is undone, it has not happened, and the next call makes it again."""

    async def made() -> tuple[Any, object]:
        name = ""
        if run.journal is not None and cache is run.services.once:
            await run.journal.on_disk(run.journal.next)
            name = run.services.once.named(key)
            if at is not None and name:
                at.named = name, len(at.path)
            elif tries is not None:
                tries.named = name or tries.named
        mark = len(log.entries) if log is not None else 0
        value = await work()
        path = at.path[:-1] if at is not None else tries.path if tries is not None else ""
        owe_by_name(log, mark, path, name)
        return value, None if log is None else log.claim(mark, functools.partial(cache.settle, key))

    shares = _shares_nothing if log is None else log.shares
    if at is not None:
        from .remembered import remembered

        return await remembered(run, at, id, cache, key, made, ttl, shares)
    value, hit = await cache.get(key, made, ttl, shares)
    if hit and run.sinks is not None:
        run.sinks.emit("node", "cached", run.id, id)
    return value


def owe_by_name(log: UndoLog | None, mark: int, path: str, name: str) -> None:
    """The undo of what is done once has a key that begins with the name's, too. ``mark``: how many entries the log had
    before. ``path``: of the call in a recorded run. ``name``: the key of the call; "" where its run gives it."""
    for owed in log.entries[mark:] if log is not None and name else ():
        if isinstance(owed.at, At) and owed.at.path == f"{path}~":
            owed.at.named = name, len(path)


def _shares_nothing(claim: object) -> bool:
    return False


async def _attempts(
    run: Run,
    id: str,
    target: str,
    attempt: Callable[[], Awaitable[Any]],
    policy: dict[str, Any],
    retry: Retry | None,
    completed: Callable[[Any], None] | None,
    tries: Tries | None,
    at: At | None,
) -> Any:
    more = retry.times if retry is not None else 0
    number = tries.number if tries is not None else 1
    while True:
        try:
            here = None if at is None else at.again(number)
            value = await _attempt(run, id, target, attempt, policy, number if more else 0, completed, here, tries)
        except Exception as exc:
            if retry is None or number > more or not _worth(retry, exc):
                if number > 1:
                    exc.add_note(f"{id} failed in attempt {number} of {more + 1}")
                raise
            if run.sinks is not None:
                run.sinks.emit("node", "retried", run.id, id, number, exc)
            turn = tries.turn if tries is not None else None
            if turn is not None:
                turn.given = False
                run.release()
            if run.journal is not None:
                path, spare = (tries.path, tries.spare) if tries is not None else ("", False)
                run.journal.retried(path, number, exc, spare)
                if not run.journal.replaying:  # what has been waited for is not waited for again
                    with run.journal.holding():
                        await trio.sleep(pause(retry, number - 1))
            else:
                await trio.sleep(pause(retry, number - 1))
            if turn is not None:
                await run.slot()
                turn.given = True
            number += 1
            if tries is not None:
                tries.number = number
            continue
        if tries is not None:
            tries.made = True
        if completed is not None:
            completed(value)
        return value


def repeated(run: Run) -> bool:
    """Is the run, as far as it is on record, only repeated just now?"""
    return run.journal is not None and run.journal.replaying


def _worth(retry: Retry, error: Exception) -> bool:
    return retry.on is None or isinstance(stopped(error) or error, retry.on)


async def _attempt(
    run: Run,
    id: str,
    target: str,
    attempt: Callable[[], Awaitable[Any]],
    policy: dict[str, Any],
    number: int,
    completed: Callable[[Any], None] | None,
    at: At | None,
    tries: Tries | None,
) -> Any:
    sinks = run.sinks if number else None
    async with contextlib.AsyncExitStack() as stack:
        if policy.get("lock") is not None:
            await stack.enter_async_context(run.services.locks.hold(str(policy["lock"])))
        if policy.get("rate") is not None and not repeated(run):
            await run.services.rates.wait(target, str(policy["rate"]))
        if sinks is not None:
            sinks.emit("attempt", "started", run.id, id, number)
        try:
            if policy.get("timeout") is None:
                value = await attempt()
            else:
                value = await _timed_out(run, id, attempt, policy["timeout"], completed, at, tries)
        except Exception as exc:
            if sinks is not None:
                sinks.emit("attempt", "failed", run.id, id, number, exc)
            raise
        if sinks is not None:
            sinks.emit("attempt", "done", run.id, id, number)
        return value


async def _timed_out(
    run: Run,
    id: str,
    attempt: Callable[[], Awaitable[Any]],
    duration: Any,
    completed: Callable[[Any], None] | None,
    at: At | None,
    tries: Tries | None,
) -> Any:
    """One attempt under its timeout. A writer in a thread cannot be cut: it is waited for, and then it is too late all
    the same; what it did is done, so its undo is owed. Of a transactional one the commit decides."""
    if at is not None:
        from .watch import timeout

        with timeout(run, f"{at.path}@", duration, id):
            return await attempt()
    length = seconds(duration)
    msg = f"{id} took longer than {length:g} s"
    with trio.CancelScope(deadline=trio.current_time() + length) as scope:
        value = await attempt()
        if trio.current_time() <= scope.deadline or (tries is not None and tries.committed):
            return value
        if completed is not None:
            completed(value)
        raise TimeoutError(msg)
    raise TimeoutError(msg)
