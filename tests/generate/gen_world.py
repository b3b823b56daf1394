"""What the fake nodes of generated programs share: the resources, what was written to them, and who must fail.

One world at a time, whichever way a program is run. A node's result and failure follow from its site (a number in the
text), its arguments and, for a reader, from what has been written to its resource. Writes add up, so that arms in
another order leave the same state.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import define, evolve, field, frozen

from cflow import context
from cflow.executor.callers import callers
from cflow.executor.invoke import CALLS


class Boom(Exception):
    """What a node that must fail raises."""


class Crash(Boom):
    """Another one, for handlers that tell them apart."""


@frozen
class Failing:
    """How a site fails: always, where its arguments leave this ``remainder`` by 3, or the ``first`` calls."""

    remainder: int | None = None
    first: int | None = None
    after: bool = False
    """Does a writer write before it fails?"""
    crash: bool = False


@frozen
class Write:
    """One call of a writer."""

    node: str
    site: int
    args: tuple[int, ...]


@define
class World:
    """The state of one run."""

    plan: Mapping[int, Failing] = field(factory=dict)
    pause: Callable[[int], Awaitable[None]] | None = None
    """What async nodes wait for; None where there is no loop."""
    half: Callable[[int], Awaitable[None]] | None = None
    """What async writers wait for once they have written: cut here, a write is half done."""
    started: Callable[[int], None] | None = None
    """Is told of each call of a node, by its number, before it does anything."""
    halves: list[Write] = field(factory=list)
    """The calls of writers that were cut when they had written."""
    calls: int = 0
    open: int = 0
    """Streams that have begun and are not closed."""
    turns: int = 0
    """How often a stream has begun or ended."""
    writes: list[Write] = field(factory=list)
    apart: frozenset[int] = frozenset()
    """The sites of calls with ``once``, and of their undos: what they write is kept in ``once``, where a writer
    without a name was cut when it had written."""
    once: list[Write] = field(factory=list)
    log: list[Write] = field(factory=list)
    state: dict[str, int] = field(factory=dict)
    counts: dict[int, int] = field(factory=dict)
    keyed: bool = False
    """Do calls act by their idempotency key, as those of a recorded run must?"""
    answers: dict[Any, int | Failing | None] = field(factory=dict)
    """By key and attempt: what a writer gave, or how a call failed."""
    paths: dict[str, str] = field(factory=dict)
    """By key: where in the run the last call with it stood, which a key of what is done once does not tell."""
    on_record: set[str] = field(factory=set)
    """Calls whose end was on record when this process began."""
    again: list[str] = field(factory=list)
    """Those of them that were made again all the same."""
    pending: set[Any] = field(factory=set)
    """Calls that had written when their process died, with no end on record, and have not been made again."""
    lock: threading.Lock = field(factory=threading.Lock)

    def call(self, node: str, site: int, args: tuple[int, ...], reads: str = "", writes: str = "") -> int:
        """What every node does. ``reads`` and ``writes``: the names of resources, a letter each; ``l`` is the log."""
        key = self.key_of(node, site, args) if self.keyed else None
        with self.lock:
            self.calls += 1
            if self.started is not None:
                self.started(self.calls)
            self.pending.discard(key)
            if key in self.answers:
                answer = self.answers[key]
                if isinstance(answer, Failing):
                    self.fail(node, site, answer)
                if answer is not None:
                    self.made_again(site, args)
                    return answer
                failing = None
            else:
                failing = self.plan.get(site)
                if failing is not None and not self.must_fail(site, failing, args):
                    failing = None
                if key is not None:
                    self.answers[key] = failing
            if failing is not None and not (writes and failing.after):
                self.fail(node, site, failing)
            seen = sum(self.state.get(r, 0) for r in reads)
            if writes == "l":
                self.log.append(Write(node, site, args))
            elif writes:
                (self.once if site in self.apart else self.writes).append(Write(node, site, args))
            for resource in writes:
                self.state[resource] = (self.state.get(resource, 0) + site * 31 + sum(args) * 7 + 1) % 9973
            if failing is not None:
                self.fail(node, site, failing)
            value = (sum(args) * 3 + site + seen * 13) % 1009
            if writes and key is not None:
                self.answers[key] = value
        return value

    def made_again(self, site: int, args: tuple[int, ...]) -> None:
        """What had written is called again: where it was cut before (and its process died before that was on record),
        it is not half done any more."""
        cut, half = (self.once if site in self.apart else self.halves), Write("", site, args)
        if half in cut:
            cut.remove(half)

    def key_of(self, node: str, site: int, args: tuple[int, ...]) -> Any:
        """What tells this call from all others, in every process. The arguments count for the items of streams."""
        call = context()
        path = self.paths[call.key] = path_of_call()
        if path in self.on_record:
            self.again.append(path)
        return call.key, call.attempt, node, site, args

    def copied(self) -> World:
        """The same, as it is now."""
        parts = ("halves", "writes", "once", "log", "again", "state", "counts", "answers", "pending", "paths")
        return evolve(self, lock=threading.Lock(), **{name: getattr(self, name).copy() for name in parts})

    def reborn(self, pause: Any, half: Any, on_record: set[str]) -> World:
        """The same for the next process, which makes calls by their keys. Lines of the log that were not on record are
        written anew, and need not have the same key then: a window of time may hold other items."""
        new = evolve(self.copied(), pause=pause, half=half, keyed=True, on_record=on_record, again=[], open=0)
        for key, answer in self.answers.items():
            call, _, node, site, args = key
            if not isinstance(answer, int) or self.paths[call] in on_record or node.startswith("s_"):
                continue
            if node == "note":
                line = Write(node, site, args)
                del new.log[len(new.log) - 1 - new.log[::-1].index(line)]  # the last: what is on record came before it
                del new.answers[key]
            else:
                new.pending.add(key)
        return new

    def left(self) -> None:
        """The run has ended: what was never made again was half done when it was cut, like any other."""
        for _, _, node, site, args in self.pending:
            if Write("", site, args) in (self.once if site in self.apart else self.halves):
                continue  # it was cut before its process died
            if site in self.apart:
                self.once.insert(self.once.index(Write(node, site, args)) + 1, Write("", site, args))
            else:
                self.halves.append(Write("", site, args))

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """A stream is open."""
        self.open += 1
        self.turns += 1
        try:
            yield
        finally:
            self.open -= 1
            self.turns += 1

    def must_fail(self, site: int, failing: Failing, args: tuple[int, ...]) -> bool:
        if failing.first is not None:
            self.counts[site] = self.counts.get(site, 0) + 1
            return self.counts[site] <= failing.first
        return failing.remainder is None or sum(args) % 3 == failing.remainder

    def fail(self, node: str, site: int, failing: Failing) -> None:
        raise (Crash if failing.crash else Boom)(f"{node} {site}")


_current = World()


def world() -> World:
    """The world that nodes act in."""
    return _current


def begin(
    plan: Mapping[int, Failing],
    pause: Callable[[int], Awaitable[None]] | None = None,
    half: Callable[[int], Awaitable[None]] | None = None,
    started: Callable[[int], None] | None = None,
    apart: frozenset[int] = frozenset(),
) -> World:
    """A new world for the next run."""
    global _current
    _current = World(plan, pause, half, started, apart=apart)
    return _current


def path_of_call() -> str:
    """Where in its run the call stands that a node is in."""
    for frame in callers():
        if frame.f_code in CALLS and frame.f_locals.get("tries") is not None:
            return str(frame.f_locals["tries"].path)
    return context().key.partition("/")[2]  # a stream


async def wait(site: int) -> None:
    """The waiting of an async node."""
    if _current.pause is not None:
        await _current.pause(site)


async def written(site: int, *args: int) -> None:
    """The waiting of an async writer between its write and its return."""
    if _current.half is not None:
        try:
            await _current.half(site)
        except BaseException:
            (_current.once if site in _current.apart else _current.halves).append(Write("", site, args))
            raise


def result_of(value: Any) -> Any:
    """A result or an error in a form that can be compared."""
    if isinstance(value, BaseException):
        return type(value).__name__, str(value)
    if hasattr(value, "failed"):
        return value.ok, [(f.item, f.index, type(f.error).__name__, str(f.error)) for f in value.failed]
    return value
