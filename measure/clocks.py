"""A clock around each node's own code: threads, the wait for the event loop, pauses and locks are not in its time.

The engine's own hook for mocks puts a function around each node. Which operation a call is, the node's context knows.
What becomes of the times is the business of who asks: :class:`.record.Recorder`, :class:`.nodetimes.NodeTimes`.
"""

from __future__ import annotations

import functools
import time
import types
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any, Protocol

from attrs import define

from ..compiler.spec import NodeSpec
from ..executor.code_keys import same_code
from ..executor.context import context
from ..executor.elsewhere import located
from ..runtimes.away import TAKEN, Taken
from .tape import Piece


class Heard(Protocol):
    """Hears what becomes of one call."""

    def item(self, piece: Piece, value: Any, error: BaseException | None) -> None:
        """A stream has given ``value``, or has ended or failed with ``error``, after ``piece``."""

    def ended(self, began: float, piece: Piece, value: Any, error: BaseException | None) -> None:
        """The call is over: it gave ``value`` or raised ``error``. ``began``: by ``time.perf_counter``."""


Begins = Callable[[NodeSpec, tuple[Any, ...], dict[str, Any]], Heard]
"""Called in the node's place before each of its calls, with its arguments."""


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


class Clocks:
    """Puts the clocks, as the substitute of an engine.

    Parameters
    ----------
    begins: told of each call.
    """

    def __init__(self, begins: Begins) -> None:
        self._begins = begins
        self._made: dict[str, Callable[..., Any]] = {}
        self._cost = _cost()

    def substitute(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any] | None:
        """The function that is called instead: of one node always the same, so that it is once found to be quick."""
        if spec.builtin:
            return None
        made = self._made.get(spec.key)
        if made is None:
            make = self._stream if spec.is_stream else self._waiting if spec.awaited else self._plain
            made = self._made[spec.key] = make(spec, located(spec, fn))
            same_code(made, fn)
        return made

    def _plain(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        return plain(spec, fn, self._begins, self._cost)

    def _waiting(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        async def call(*args: Any, **kwargs: Any) -> Any:
            heard, meter, taken = self._begins(spec, args, kwargs), Meter(), Taken()
            before = TAKEN.set(taken)
            began = time.perf_counter()
            try:
                value = await stepped(fn(*args, **kwargs), meter)
            except BaseException as error:
                heard.ended(began, _metered(began, meter, taken), None, error)
                raise
            finally:
                TAKEN.reset(before)
            heard.ended(began, _metered(began, meter, taken), value, None)
            return value

        return call

    def _stream(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def call(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            return _items(self._begins(spec, args, kwargs), fn(*args, **kwargs))

        return call


def plain(spec: NodeSpec, fn: Callable[..., Any], begins: Begins, cost: float) -> Callable[..., Any]:
    """A function around a ``def`` node. ``cost``: the price of the measuring itself, in seconds."""

    def since(began: float, processor: float) -> Piece:
        seconds = max(0.0, time.perf_counter() - began - cost)
        return Piece(seconds, min(seconds, time.thread_time() - processor))

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        heard = begins(spec, args, kwargs)
        processor = time.thread_time()
        began = time.perf_counter()
        try:
            value = fn(*args, **kwargs)
        except BaseException as error:
            heard.ended(began, since(began, processor), None, error)
            raise
        piece = since(began, processor)
        heard.ended(began, piece, value, None)
        return value

    return call


async def _items(heard: Heard, source: Any) -> AsyncIterator[Any]:
    first = time.perf_counter()
    whole = Piece(0.0, 0.0)
    failed: BaseException | None = None
    taken = Taken()

    def told(value: Any, error: BaseException | None) -> None:
        nonlocal whole
        piece = _metered(began, meter, taken)
        whole = Piece(whole.seconds + piece.seconds, whole.busy + piece.busy, whole.suspended or piece.suspended)
        heard.item(piece, value, error)

    try:
        while True:
            meter, taken.seconds = Meter(), None
            before = TAKEN.set(taken)
            began = time.perf_counter()
            try:
                value = await stepped(source.__anext__(), meter)
            except StopAsyncIteration as end:
                told(None, end)
                return
            except BaseException as error:
                told(None, error)
                failed = error
                raise
            finally:
                TAKEN.reset(before)
            told(value, None)
            yield value
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()
        heard.ended(first, whole, None, failed)
        failed = None  # its traceback holds this frame


def where(spec: NodeSpec) -> str:
    """The id of the operation whose call is under way; the node's name where that is not known."""
    try:
        return context().node
    except RuntimeError:
        return spec.name


def _metered(began: float, meter: Meter, taken: Taken) -> Piece:
    """What has passed; of code that runs elsewhere, what its runtime says of it."""
    seconds = time.perf_counter() - began if taken.seconds is None else taken.seconds
    return Piece(seconds, min(seconds, meter.busy), meter.suspended)


class _Kept(list[float]):
    """Keeps the seconds of calls."""

    def item(self, piece: Piece, value: Any, error: BaseException | None) -> None:
        raise AssertionError

    def ended(self, began: float, piece: Piece, value: Any, error: BaseException | None) -> None:
        self.append(piece.seconds)


def _nothing() -> None:
    pass


@functools.cache
def _cost() -> float:
    """The price of the measuring itself, in seconds: what the clock shows of a function that does nothing, less a plain
    call of it."""
    times = _Kept()
    call = plain(NodeSpec("nothing", "nothing"), _nothing, lambda spec, args, kwargs: times, 0.0)
    for _ in range(50):
        call()
    bare = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(100):
            _nothing()
        bare.append((time.perf_counter() - began) / 100)
    return max(0.0, sorted(times)[len(times) // 2] - min(bare))
