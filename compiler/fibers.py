"""Running the reference interpreter without a loop and without the Python stack.

A *frame* is a generator: it yields another frame and is resumed with that frame's value, or with its error. A fiber is
a stack of frames, so sub-flows may nest as deep as they like. A frame may also yield an :class:`Item`, which leaves
the fiber: that is how a stream flow hands out its items one by one.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

from attrs import define, frozen

from .diagnostics import EngineBug

Frame = Generator[Any, Any, Any]


@frozen
class Item:
    """An item of the flow's own stream, on its way out."""

    value: Any


class StreamClosed(BaseException):
    """Thrown into a stream flow whose reader has gone: its ``finally`` blocks run, its handlers do not."""


@define
class Fiber:
    """A stack of frames, run until it ends or hands out an item."""

    stack: list[Frame]

    def resume(self, error: BaseException | None = None) -> Item | Any:
        """Runs on; gives the next :class:`Item`, or the value of the lowest frame, or raises its error."""
        value: Any = None
        while self.stack:
            frame = self.stack[-1]
            try:
                step = frame.send(value) if error is None else frame.throw(error)
            except StopIteration as stop:
                self.stack.pop()
                value, error = stop.value, None
            except BaseException as raised:
                self.stack.pop()
                value, error = None, raised
            else:
                if isinstance(step, Item):
                    return step
                self.stack.append(step)
                value = error = None
        if error is not None:
            try:
                raise error
            finally:
                del error  # a traceback that holds itself is freed late
        return value


def run(frame: Frame) -> Any:
    """Runs a frame to its end."""
    value = Fiber([frame]).resume()
    if isinstance(value, Item):
        msg = "a frame that is no stream handed out an item"
        raise EngineBug(msg)
    return value


def without_loop(awaitable: Any) -> Any:
    """The result of an awaitable that never really waits."""
    steps = awaitable.__await__()
    try:
        next(steps)
    except StopIteration as stop:
        return stop.value
    steps.close()
    msg = "an async node waited, and the reference interpreter has no loop: give it another `call`"
    raise RuntimeError(msg)


class Stream:
    """A stream: items on request, closed by its reader. Over a generator, an async generator, or a stream flow."""

    def __init__(self, pull: Callable[[], Any], close: Callable[[], Any]) -> None:
        """``pull`` gives an :class:`Item`, or anything else at the end."""
        self._pull: Callable[[], Any] | None = pull
        self._close = close

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._pull is None:
            raise StopIteration
        try:
            item = self._pull()
        except BaseException:
            self._pull = None
            raise
        if isinstance(item, Item):
            return item.value
        self._pull = None
        raise StopIteration

    def close(self) -> None:
        """Ends the source, which runs its ``finally`` blocks. Closing twice, or after the end, does nothing."""
        if self._pull is not None:
            self._pull = None
            self._close()


def stream_of_flow(frame: Frame) -> Stream:
    """The stream of a flow, not yet started."""
    fiber = Fiber([frame])

    def close() -> None:
        if inspect.getgeneratorstate(frame) == inspect.GEN_CREATED:
            return  # never read: nothing was entered
        try:
            fiber.resume(StreamClosed())
        except StreamClosed:
            return
        msg = "a stream flow went on after its reader had closed it"
        raise RuntimeError(msg)

    return Stream(fiber.resume, close)


def stream_of(source: Any) -> Stream | None:
    """``source`` as a stream if it is one: a stream, a generator or any other iterator, an async generator."""
    if isinstance(source, Stream):
        return source
    if isinstance(source, AsyncIterator):
        return Stream(lambda: _pull_async(source), lambda: _close_async(source))
    if isinstance(source, Iterator):
        return Stream(lambda: _pull(source), getattr(source, "close", lambda: None))
    return None


def _pull(source: Iterator[Any]) -> Any:
    for item in source:
        return Item(item)
    return None


def _pull_async(source: AsyncIterator[Any]) -> Any:
    try:
        return Item(without_loop(anext(source)))
    except StopAsyncIteration:
        return None


def _close_async(source: AsyncIterator[Any]) -> None:
    close = getattr(source, "aclose", None)
    if close is not None:
        without_loop(close())


class Items:
    """What a loop goes through, one by one or in lists; a stream is closed when the loop is left."""

    def __init__(self, source: Any, size: Callable[[], int] | None) -> None:
        """``size`` gives the length of the next list, -1 for all that is left; None: items one by one."""
        self.stream = stream_of(source)
        self.source: Iterator[Any] = iter(source) if self.stream is None else self.stream
        self.size = size

    def __iter__(self) -> Iterator[Any]:
        if self.size is None:
            # `yield from` would close the source as garbage, where nobody hears of what fails.
            for item in self.source:
                yield item
            return
        part: list[Any] = []
        size = self.size()
        for item in self.source:
            part.append(item)
            if len(part) == size:
                yield part
                part, size = [], self.size()
        if part:
            yield part

    def __enter__(self) -> Items:
        return self

    def __exit__(self, *_: object) -> None:
        if self.stream is not None:
            self.stream.close()
