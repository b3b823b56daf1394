"""The stage on which fake nodes play: a clock, a trace and a small world.

Generated node modules call :func:`call` and :func:`items`. On the engine time is Trio's (autojump); for the
sequential reference, which has no event loop, the stage keeps a clock of its own.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import trio
from attrs import define, field
from case_file import Seen


@define
class Call:
    """One call of a fake node in progress."""

    text: str
    count: int
    """Which call with these arguments it is, from 1: retries count up."""
    start: float
    stage: Stage
    end: float | None = None
    how: str = "running"

    async def takes(self, seconds: float) -> None:
        if self.stage.mode == "reference":
            self.stage.clock += seconds
        elif seconds:
            await trio.sleep(seconds)

    def takes_sync(self, seconds: float) -> None:
        if self.stage.mode == "reference":
            self.stage.clock += seconds
        elif seconds:
            # Real time, in a thread: `seconds` is large where the node "blocks for ever" until the stage is cleared.
            self.stage.cleared.wait(seconds)


@define
class Stage:
    """One performance: one run of one program."""

    mode: str = "engine"
    clock: float = 0.0
    calls: list[Call] = field(factory=list)
    world: dict[str, Any] = field(factory=dict)
    cleared: threading.Event = field(factory=threading.Event)
    _counts: Counter[str] = field(factory=Counter)
    _zero: float | None = None

    def now(self) -> float:
        if self.mode == "reference":
            return self.clock
        if self._zero is None:
            self._zero = time.monotonic()
        if self.mode == "real":
            return time.monotonic() - self._zero
        return trio.current_time()

    def begin(self, name: str, args: tuple[Any, ...]) -> Call:
        text = f"{name}({', '.join(map(repr, args))})"
        self._counts[text] += 1
        call = Call(text, self._counts[text], self.now(), self)
        self.calls.append(call)
        return call

    def seen(self) -> list[Seen]:
        return [
            Seen(c.text, round(c.start, 6), round(c.end if c.end is not None else c.start, 6), c.how)
            for c in self.calls
        ]


stage = Stage()
"""The current one; the runner replaces it before every performance."""


@contextmanager
def call(name: str, *args: Any) -> Iterator[Call]:
    """Records one call from its start to its end, however it ends."""
    here = stage
    it = here.begin(name, args)
    try:
        yield it
    except trio.Cancelled:
        it.how = "cancelled"
        raise
    except GeneratorExit:
        it.how = "closed"
        raise
    except BaseException:
        it.how = "failed"
        raise
    else:
        it.how = "done"
    finally:
        it.end = here.now() if not (here.mode == "engine" and here.cleared.is_set()) else None


async def items(it: Call, takes: float, values: Any) -> AsyncIterator[Any]:
    """The items of a fake stream; each one is recorded as ``name(args)[index]`` from asked to given."""
    index = 0
    for index, value in enumerate(values):
        one = Call(f"{it.text}[{index}]", 1, it.stage.now(), it.stage)
        it.stage.calls.append(one)
        try:
            await it.takes(takes)
            if isinstance(value, Exception):
                raise value
        except trio.Cancelled:
            one.how = "cancelled"
            raise
        except Exception:
            one.how = "failed"
            raise
        else:
            one.how = "done"
        finally:
            one.end = it.stage.now()
        yield value


def now() -> float:
    return stage.now()


def world() -> dict[str, Any]:
    return stage.world


def fail(error: Exception) -> Any:
    """``raise`` as an expression."""
    raise error
