"""Recording a run: every node call with its operation, its result, its time, and how much of that it computed.

The engine's own hook for mocks puts a function around each node; the time is taken around the node's own code, so
threads, the wait for the event loop and what a policy asks for are not in it. Which operation it is, the node's
context knows.
"""

from __future__ import annotations

import functools
import time
import types
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

from attrs import define

from ..compiler.spec import NodeSpec
from ..executor.context import context
from ..executor.elsewhere import located
from ..executor.groups import is_cancellation
from .tape import Item, Piece, Recorded, Tape, giver, key_of, raiser


@define
class Meter:
    """The seconds that a coroutine holds its thread, and whether it ever let go."""

    busy: float = 0.0
    suspended: bool = False


@types.coroutine
def stepped(awaitable: Any, meter: Meter) -> Generator[Any, Any, Any]:
    """Await, with a clock that runs only while the awaited code runs."""
    inner = awaitable.__await__()
    value: Any = None
    error: BaseException | None = None
    while True:
        began = time.perf_counter()
        try:
            asked = inner.send(value) if error is None else inner.throw(error)
        except StopIteration as end:
            return end.value
        finally:
            meter.busy += time.perf_counter() - began
        meter.suspended = True
        value, error = None, None
        try:
            value = yield asked
        except BaseException as exc:
            error = exc


class Recorder:
    """Records what passes while it is the substitute of an engine.

    ``tape``: the calls so far, in the order in which they ended; :meth:`take` starts another.
    """

    def __init__(self) -> None:
        self.tape = Tape()
        self._made: dict[str, Callable[..., Any]] = {}
        self._cost = 0.0
        self._cost = _cost(self)

    def take(self) -> Tape:
        """The calls so far, in the order in which they began; those to come are another tape's."""
        tape, self.tape = self.tape, Tape()
        tape.calls.sort(key=lambda call: call.began)
        return tape

    def substitute(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any] | None:
        """The function that is called instead: of one node always the same, so that it is once found to be quick."""
        if spec.builtin:
            return None
        made = self._made.get(spec.key)
        if made is None:
            make = self._stream if spec.is_stream else self._waiting if spec.awaited else self._plain
            made = self._made[spec.key] = make(spec, located(spec, fn))
        return made

    def _keep(
        self, spec: NodeSpec, op: str, key: Any, began: float, piece: Piece, give: Callable[[], Any] | None
    ) -> None:
        self.tape.add(Recorded(op, spec.key, spec.name, key, began, piece, give))

    def _plain(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def call(*args: Any, **kwargs: Any) -> Any:
            op, key = where(spec), key_of(args, kwargs)
            processor = time.thread_time()
            began = time.perf_counter()
            try:
                value = fn(*args, **kwargs)
            except BaseException as error:
                self._keep(spec, op, key, began, self._since(began, processor), raiser(error))
                raise
            piece = self._since(began, processor)
            self._keep(spec, op, key, began, piece, giver(value))
            return value

        return call

    def _since(self, began: float, processor: float) -> Piece:
        seconds = max(0.0, time.perf_counter() - began - self._cost)
        return Piece(seconds, min(seconds, time.thread_time() - processor))

    def _waiting(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        async def call(*args: Any, **kwargs: Any) -> Any:
            op, key, meter = where(spec), key_of(args, kwargs), Meter()
            began = time.perf_counter()
            try:
                value = await stepped(fn(*args, **kwargs), meter)
            except BaseException as error:
                cut = is_cancellation(error)
                self._keep(spec, op, key, began, _metered(began, meter), None if cut else raiser(error))
                raise
            self._keep(spec, op, key, began, _metered(began, meter), giver(value))
            return value

        return call

    def _stream(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def call(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            return self._items(spec, where(spec), key_of(args, kwargs), fn(*args, **kwargs))

        return call

    async def _items(self, spec: NodeSpec, op: str, key: Any, source: Any) -> AsyncIterator[Any]:
        first = time.perf_counter()
        items: list[Item] = []

        def total() -> Piece:
            pieces = [item.piece for item in items]
            return Piece(sum(p.seconds for p in pieces), sum(p.busy for p in pieces), any(p.suspended for p in pieces))

        try:
            while True:
                meter = Meter()
                began = time.perf_counter()
                try:
                    value = await stepped(source.__anext__(), meter)
                except StopAsyncIteration as end:
                    items.append(Item(_metered(began, meter), raiser(end)))
                    return
                except BaseException as error:
                    if not is_cancellation(error):
                        items.append(Item(_metered(began, meter), raiser(error)))
                    raise
                items.append(Item(_metered(began, meter), giver(value)))
                yield value
        finally:
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()
            self.tape.add(Recorded(op, spec.key, spec.name, key, first, total(), None, tuple(items)))


def where(spec: NodeSpec) -> str:
    """The id of the operation whose call is under way; the node's name where that is not known."""
    try:
        return context().node
    except RuntimeError:
        return spec.name


def _metered(began: float, meter: Meter) -> Piece:
    seconds = time.perf_counter() - began
    return Piece(seconds, min(seconds, meter.busy), meter.suspended)


def _nothing() -> None:
    pass


def _cost(recorder: Recorder) -> float:
    """The price of the measuring itself, in seconds: what the clock shows of a function that does nothing, less a plain
    call of it."""
    call = recorder._plain(NodeSpec("nothing", "nothing"), _nothing)
    for _ in range(50):
        call()
    times = sorted(recorded.piece.seconds for recorded in recorder.take().calls)
    plain = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(100):
            _nothing()
        plain.append((time.perf_counter() - began) / 100)
    return max(0.0, times[len(times) // 2] - min(plain))
