"""Stand-ins for nodes: each gives what the node gave in a recorded run, after the time the node took.

What is then measured is the engine's own share: the nodes take the same time in every run, touch nothing, and write
nothing. A stand-in computes for as long as the node computed, and waits for the rest: an ``async def`` node in
``trio.sleep``, a ``def`` node in ``time.sleep``. In virtual time (:func:`virtual`) it waits for all of it, and the
clock tells how long the run would take if the engine took no time.
"""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import trio
from attrs import define, evolve, field

from ..compiler.spec import NodeSpec
from ..planner.profile import Profile
from .tape import Item, Piece, Player, Recorded, Tape

SHORT_WAIT = 200e-6
"""An async node that waited less than this many seconds gave others a turn and no more: its stand-in does the same.
Timers are not that exact."""

SHORT_SLEEP = 60e-6
"""A ``def`` node that waited less than this many seconds computes instead: ``time.sleep`` is not that exact."""


class Standins:
    """Stand-ins in real time.

    Parameters
    ----------
    tape: what they give.
    profile: the times of operations that are in it, instead of the recorded ones.
    """

    def __init__(self, tape: Tape, profile: Profile | None = None) -> None:
        self.player = Player(tape)
        self._profile = profile
        self._made: dict[str, Callable[..., Any]] = {}

    def substitute(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any] | None:
        """The stand-in of a node: always the same, so that it is once found to be quick. What the language itself
        ships is pure and quick, and runs as it is."""
        if spec.builtin or spec.trusted:
            return None
        made = self._made.get(spec.key)
        if made is None:
            make = self._stream if spec.is_stream else self._waiting if spec.awaited else self._plain
            made = self._made[spec.key] = make(spec, fn)
        return made

    def piece(self, call: Recorded) -> Piece:
        """How long the stand-in of a call takes."""
        return expected(call, self._profile)

    def _plain(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def call(*args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            recorded = self.player.find(spec.key, args, kwargs)
            piece = self.piece(recorded)
            wait = piece.seconds - piece.busy
            compute_until(began + (piece.busy if wait >= SHORT_SLEEP else piece.seconds))
            if wait >= SHORT_SLEEP:
                time.sleep(wait)
            return None if recorded.give is None else recorded.give()

        return call

    def _waiting(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        async def call(*args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            recorded = self.player.find(spec.key, args, kwargs)
            await pass_time(began, self.piece(recorded))
            if recorded.give is None:  # cut short in the recording, so longer than whatever cut it
                await trio.sleep_forever()
            assert recorded.give is not None
            return recorded.give()

        return call

    def _stream(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        async def stream(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            for item in items_of(self.player.find(spec.key, args, kwargs), self._profile):
                await pass_time(time.thread_time(), item.piece)
                try:
                    value = item.give()
                except StopAsyncIteration:
                    return
                yield value

        return stream


def expected(call: Recorded, profile: Profile | None) -> Piece:
    """The time of a call: that of its operation in the profile, else its own."""
    if profile is None or call.op not in profile.seconds:
        return call.piece
    return Piece(profile.seconds[call.op], profile.busy.get(call.op, 0.0), call.piece.suspended)


def items_of(call: Recorded, profile: Profile | None) -> tuple[Item, ...]:
    """The items of a stream, their times stretched alike so that all of it takes the time of its operation in the
    profile."""
    items, whole, own = call.items or (), expected(call, profile), call.piece
    if whole is own or not own.seconds:
        return items
    longer = whole.seconds / own.seconds
    busier = whole.busy / own.busy if own.busy else 0.0

    def stretched(piece: Piece) -> Piece:
        seconds = piece.seconds * longer
        return Piece(seconds, min(seconds, piece.busy * busier), piece.suspended)

    return tuple(evolve(item, piece=stretched(item.piece)) for item in items)


def compute_until(end: float) -> None:
    """Compute until this thread has had the processor so long: where several compute at once it takes them longer, as
    it would the nodes."""
    while time.thread_time() < end:
        pass


def price() -> float:
    """The seconds that a stand-in takes at least: finding what it gives."""
    tape = Tape()
    tape.add(Recorded("op", "node", "node", (1,), 0.0, Piece(0.0, 0.0), lambda: None))
    standin = Standins(tape)._plain(NodeSpec("node", "node"), lambda value: None)
    times = []
    for _ in range(100):
        began = time.perf_counter()
        standin(1)
        times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2]


async def pass_time(began: float, piece: Piece) -> None:
    """Take the time of an async node: compute, then wait."""
    compute_until(began + piece.busy)
    wait = piece.seconds - piece.busy
    if wait >= SHORT_WAIT:
        await trio.sleep(wait)
    elif piece.suspended:
        await trio.lowlevel.checkpoint()
    else:
        compute_until(began + piece.seconds)


# ---- virtual time ----------------------------------------------------------------------------------------


@define
class Processor:
    """The one that all nodes share in virtual time: Python computes one thing at a time, so computing queues up, and
    only waiting overlaps."""

    free: float = field(default=0.0, init=False)

    async def take(self, piece: Piece) -> None:
        """Let a node's time pass."""
        now = trio.current_time()
        self.free = max(now, self.free) + piece.busy
        end = self.free + piece.seconds - piece.busy
        if end > now:
            await trio.sleep_until(end)


def virtual(
    player: Player, profile: Profile | None = None, least: float = 0.0
) -> Callable[[NodeSpec, Callable[..., Any]], Callable[..., Any] | None]:
    """Stand-ins for runs in virtual time, one after another, as the substitute of an engine. ``least``: seconds that
    each call computes at least."""
    processor = Processor()

    def lasting(recorded: Recorded) -> Piece:
        piece = expected(recorded, profile)
        return piece if piece.busy >= least else Piece(max(piece.seconds, least), least, piece.suspended)

    def substitute(spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any] | None:
        if spec.builtin:
            return None

        async def call(*args: Any, **kwargs: Any) -> Any:
            recorded = player.find(spec.key, args, kwargs)
            await processor.take(lasting(recorded))
            if recorded.give is None:
                await trio.sleep_forever()
            assert recorded.give is not None
            return recorded.give()

        async def stream(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            for item in items_of(player.find(spec.key, args, kwargs), profile):
                await processor.take(item.piece)
                try:
                    value = item.give()
                except StopAsyncIteration:
                    return
                yield value

        return stream if spec.is_stream else call

    return substitute
