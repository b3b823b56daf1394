"""Streams in flows: pace, nesting, what they are made of, and that they are closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cflow import Engine, batched, buffered, flow, node, parallel, sleep, transaction, windowed

LOG: list[Any] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()


def run(program: Any, *args: Any, **options: Any) -> Any:
    return Engine(clock=MockClock(autojump_threshold=0), **options).run(program, *args)


class BoomError(Exception):
    pass


@node(reads="s")
async def source(n: int, pause: float = 0, fail: bool = False) -> Iterator[int]:  # type: ignore[misc]
    try:
        for i in range(n):
            LOG.append(f"make {i}")
            yield i
            await trio.sleep(pause)
        if fail:
            raise BoomError("source")
    finally:
        await trio.lowlevel.checkpoint()
        LOG.append("closed")


@node(reads="s")
def plain(n: int) -> Iterator[int]:
    try:
        for i in range(n):
            LOG.append(f"make {i}")
            yield i
    finally:
        LOG.append("closed")


@node(reads="s")
async def numbers(n: int) -> list[int]:
    return list(range(n))


@node(writes="w")
async def use(x: Any, length: float = 0) -> Any:
    await trio.sleep(length)
    LOG.append(f"use {x}")
    return x


@node(reads="r")
async def look(x: Any, length: float = 0) -> Any:
    await trio.sleep(length)
    return x


@flow
def one_by_one(n: int) -> list[Any]:
    return [use(x) for x in source(n)]


def test_the_source_moves_only_when_asked() -> None:
    assert run(one_by_one, 3) == [0, 1, 2]
    assert LOG == ["make 0", "use 0", "make 1", "use 1", "make 2", "use 2", "closed"]


@flow
def from_a_generator(n: int) -> list[Any]:
    found = []
    for x in plain(n):
        if x == 2:
            break
        found.append(use(x))
    use("after")
    return found


def test_a_plain_generator() -> None:
    assert run(from_a_generator, 5) == [0, 1]
    assert LOG == ["make 0", "use 0", "make 1", "use 1", "make 2", "closed", "use after"]


@flow
def ahead(n: int) -> list[Any]:
    return [use(x, 10) for x in buffered(source(n), 3)]


def test_a_buffer_lets_it_run_ahead() -> None:
    assert run(ahead, 8) == list(range(8))
    assert LOG.index("make 3") < LOG.index("use 0") < LOG.index("make 5")


@flow
def in_batches(n: int, size: int) -> list[Any]:
    return [use(xs) for xs in batched(source(n), size)]


def test_batches() -> None:
    assert run(in_batches, 5, 2) == [[0, 1], [2, 3], [4]]
    assert run(in_batches, 0, 2) == []
    with pytest.raises(ValueError, match="batch"):
        run(in_batches, 3, 0)


@flow
def in_windows(n: int) -> list[Any]:
    return [look(xs) for xs in windowed(source(n, 4), "10s")]


def test_windows() -> None:
    found = run(in_windows, 7)
    assert [x for xs in found for x in xs] == list(range(7))
    assert all(2 <= len(xs) <= 3 for xs in found[:-1])


@flow
def windows_of_a_failing_source(n: int) -> None:
    for xs in windowed(source(n, 4, True), "10s"):
        use(xs)


@flow
def batches_of_a_failing_source(n: int) -> None:
    for xs in batched(source(n, 0, True), 2):
        use(xs)


@flow
def buffer_of_a_failing_source(n: int) -> None:
    for x in buffered(source(n, 0, True), 2):
        use(x)


@pytest.mark.parametrize(
    "program", [windows_of_a_failing_source, batches_of_a_failing_source, buffer_of_a_failing_source]
)
def test_the_error_of_a_source_is_that_of_the_loop(program: Any) -> None:
    with pytest.raises(BoomError):
        run(program, 4)
    assert LOG[-1] == "closed" or "closed" in LOG


@flow
def inner(n: int) -> Iterator[Any]:
    try:
        for x in source(n):
            yield look(x)
    finally:
        use("inner closed")


@flow
def middle(n: int) -> Iterator[Any]:
    for x in inner(n):
        if x % 2 == 0:
            yield x * 10
            yield look(x * 10 + 1)


@flow
def outer(n: int, stop: int) -> list[Any]:
    found = []
    for x in middle(n):
        if x > stop:
            break
        found.append(x)
    use("after")
    return found


def test_streams_of_streams() -> None:
    assert list(run(middle, 5)) == [0, 1, 20, 21, 40, 41]
    LOG.clear()
    assert run(outer, 9, 20) == [0, 1, 20]
    assert LOG[-3:] == ["closed", "use inner closed", "use after"]


@flow
def passes_of_a_stream(n: int) -> list[Any]:
    return [use(x, 5) for x in parallel(middle(n), limit=3)]


@flow
def passes_of_a_node(n: int) -> list[Any]:
    return [use(x, 5) for x in parallel(source(n), limit=3)]


def test_parallel_passes_of_a_stream() -> None:
    assert run(passes_of_a_stream, 5) == [0, 1, 20, 21, 40, 41]
    LOG.clear()
    assert run(passes_of_a_node, 5) == [0, 1, 2, 3, 4]
    assert LOG.index("make 3") > LOG.index("use 0")


@flow
def yields_in_blocks(n: int) -> Iterator[Any]:
    a = look(1)
    b = look(2)
    yield a + b
    for x in range(n):
        if x % 2:
            yield look(x)
        else:
            try:
                yield look(-x)
                if x == 4:
                    raise BoomError(x)
            except BoomError as error:
                yield str(error)
    with transaction():
        yield use("t")
    c = look(8)
    d = look(9)
    if n > 2:
        yield c
        e = look(c + d)
        f = look(c - d)
        yield e * f
    yield d


def test_a_stream_flow_yields_from_anywhere() -> None:
    assert list(run(yields_in_blocks, 6)) == [3, 0, 1, -2, 3, -4, "4", 5, "t", 8, -17, 9]


@flow
def never_read(n: int) -> str:
    inner(n)
    return "done"


@flow
def read_once_of_two(n: int) -> Any:
    a = inner(n)
    found = 0
    for x in a:
        found += x
    return found


def test_a_stream_that_is_not_read_does_not_run() -> None:
    assert run(never_read, 3) == "done"
    assert LOG == []
    assert run(read_once_of_two, 4) == 6


@flow
def times_out(n: int) -> Iterator[int]:
    for x in source(n):
        sleep(10)
        yield x


def test_a_stream_flow_waits_inside() -> None:
    assert list(run(times_out, 3)) == [0, 1, 2]


@pytest.mark.parametrize("listened", [False, True])
def test_listening_changes_nothing(listened: bool) -> None:
    options: dict[str, Any] = {"sinks": [lambda event: None]} if listened else {}
    assert list(run(yields_in_blocks, 3, **options)) == [3, 0, 1, -2, "t", 8, -17, 9]
    assert run(outer, 9, 20, **options) == [0, 1, 20]
    assert run(from_a_generator, 5, **options) == [0, 1]


@node(reads="s", timeout=2.5)
async def ticking(n: int) -> AsyncIterator[int]:
    for i in range(n):
        await trio.sleep(1)
        yield i


def test_a_stream_node_called_from_ordinary_code_has_its_options() -> None:
    engine = Engine(clock=MockClock(autojump_threshold=0))
    items = engine.run_node(ticking, (5,), {})
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(TimeoutError, match=r"ticking took longer than 2\.5 s"):
        next(items)
    assert list(engine.run_node(ticking, (2,), {})) == [0, 1]
    with pytest.raises(TypeError, match="retry= does not fit"):
        engine.run_node(ticking.options(retry=1), (2,), {})
