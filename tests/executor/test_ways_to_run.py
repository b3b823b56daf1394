"""Every way to start a run: from ordinary code, inside Trio and asyncio, from threads, from within nodes, many at
once."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cflow import Engine, detach, flow, lock, node, parallel, sleep, transaction, wait_signal

WHO: ContextVar[str] = ContextVar("who", default="nobody")
LOG: list[Any] = []


@pytest.fixture(autouse=True)
def _fresh_log() -> None:
    LOG.clear()


@node(pure=True)
async def double(x: int) -> int:
    await trio.lowlevel.checkpoint()
    return 2 * x


@node(pure=True)
def triple(x: int) -> int:
    return 3 * x


@node(reads="who")
async def who() -> str:
    await trio.lowlevel.checkpoint()
    return WHO.get()


@node(reads="who")
def who_in_a_thread() -> str:
    return WHO.get()


@node(writes="log")
async def note(text: str) -> None:
    LOG.append(text)


@node(writes="stock", undo=note)
async def reserve(text: str) -> str:
    LOG.append(text)
    return f"undo {text}"


@flow
def waiting(x: int) -> int:
    return double(x) + 1


@flow
def blocking(x: int) -> int:
    return triple(x) + 1


@flow
def callers() -> list[str]:
    return [who(), who_in_a_thread(), who()]


@flow
def patient() -> str:
    with transaction():
        reserve("a")
        sleep(3600)
        reserve("never")
    return "done"


def in_trio(flow: Any, *args: Any) -> Any:
    async def main() -> Any:
        return await flow.start(*args)

    return trio.run(main)


def in_asyncio(flow: Any, *args: Any) -> Any:
    async def main() -> Any:
        return await flow.start(*args)

    return asyncio.run(main())


def run_in_trio(flow: Any, *args: Any) -> Any:
    async def main() -> Any:
        return flow.run(*args)

    return trio.run(main)


def run_in_asyncio(flow: Any, *args: Any) -> Any:
    async def main() -> Any:
        return flow.run(*args)

    return asyncio.run(main())


def in_a_thread(flow: Any, *args: Any) -> Any:
    context = contextvars.copy_context()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(context.run, flow.run, *args).result(10)


def submitted(flow: Any, *args: Any) -> Any:
    return Engine().submit(flow, *args).result(10)


WAYS: list[Callable[..., Any]] = [
    lambda flow, *args: flow.run(*args),
    lambda flow, *args: flow(*args),
    in_trio,
    in_asyncio,
    run_in_trio,
    run_in_asyncio,
    in_a_thread,
    submitted,
]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_result(way: Callable[..., Any]) -> None:
    assert way(waiting, 4) == 9
    assert way(blocking, 4) == 13


@pytest.mark.parametrize("way", WAYS)
def test_the_contextvars_of_the_caller_reach_the_nodes(way: Callable[..., Any]) -> None:
    token = WHO.set("me")
    try:
        assert way(callers) == ["me", "me", "me"]
    finally:
        WHO.reset(token)


@node(writes="who")
def rename(name: str) -> str:
    WHO.set(name)
    return name


@flow
def renaming() -> str:
    return rename("somebody")


@pytest.mark.parametrize("way", WAYS)
def test_what_a_node_sets_does_not_outlive_the_run(way: Callable[..., Any]) -> None:
    assert way(renaming) == "somebody"
    assert WHO.get() == "nobody"


@node(pure=True)
async def broken(x: int) -> int:
    raise KeyError(x)


@flow
def failing(x: int) -> int:
    return broken(x)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_raises_the_error_itself(way: Callable[..., Any]) -> None:
    with pytest.raises(KeyError) as caught:
        way(failing, 7)
    assert caught.value.__cflow__.node == "broken"  # type: ignore[attr-defined]
    assert caught.value.__cflow__.inputs == {"x": 7}  # type: ignore[attr-defined]


def test_cancelling_an_asyncio_task_cancels_the_run_and_undoes() -> None:
    async def main() -> None:
        task = asyncio.create_task(patient.start())
        while not LOG:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert LOG == ["a", "undo a"]


def test_an_asyncio_timeout_cancels_the_run() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as limit:
                over = asyncio.create_task(ends_when_written(limit))
                await patient.start()
        await over

    async def ends_when_written(limit: asyncio.Timeout) -> None:
        while not LOG:
            await asyncio.sleep(0.001)
        limit.reschedule(asyncio.get_running_loop().time())

    asyncio.run(main())
    assert LOG == ["a", "undo a"]


def test_cancelling_the_trio_scope_around_cancels_the_run() -> None:
    async def main() -> None:
        with trio.move_on_after(5):
            await patient.start()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert LOG == ["a", "undo a"]


def test_many_runs_at_once_in_one_loop() -> None:
    engine = Engine()
    found: dict[int, int] = {}

    async def one(x: int) -> None:
        found[x] = await engine.start(waiting, x)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for x in range(200):
                nursery.start_soon(one, x)

    trio.run(main)
    assert found == {x: 2 * x + 1 for x in range(200)}


def test_many_submitted_runs_wait_at_once() -> None:
    @flow
    def approval(n: int) -> Any:
        return wait_signal("go", n)

    engine = Engine()
    futures = [engine.submit(approval, n) for n in range(60)]
    deadline = time.monotonic() + 60
    while len(engine.services.signals.waiting()) < 60 and time.monotonic() < deadline:
        time.sleep(0.005)
    for n in reversed(range(60)):
        engine.signal("go", n * n, key=n)
    assert [f.result(60) for f in futures] == [n * n for n in range(60)]


def test_threads_may_compile_and_link_one_flow_at_once() -> None:
    for _ in range(5):

        @node(pure=True)
        async def step(x: int) -> int:
            return x + 1

        @flow
        def fresh(x: int) -> int:
            a = step(x)
            b = step(a)
            c = step(b)
            if c > 3:
                d = step(c)
            else:
                d = step(b)
            return d + step(a)

        gate = threading.Barrier(8)
        found: list[Any] = []

        def one(flow: Any = fresh, gate: threading.Barrier = gate, found: list[Any] = found) -> None:
            gate.wait()
            try:
                found.append(flow.run(1))
            except BaseException as error:
                found.append(error)

        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [8] * 8


@node(pure=True)
async def through_run(x: int) -> int:
    return waiting.run(x)


@node(pure=True)
async def through_start(x: int) -> int:
    return await waiting.start(x)


@node(pure=True)
def through_call(x: int) -> int:
    return waiting(x)


@flow
def nesting(x: int) -> list[int]:
    return [through_run(x), through_start(x), through_call(x)]


def test_flows_are_run_by_nodes() -> None:
    assert nesting.run(3) == [7, 7, 7]
    assert in_trio(nesting, 3) == [7, 7, 7]


@node(writes="log")
async def hold(name: str) -> str:
    LOG.append(f"in {name}")
    await trio.sleep(0.02)
    LOG.append(f"out {name}")
    return name


@flow
def locked(name: str) -> str:
    with lock("door"):
        return hold(name)


def test_a_lock_is_shared_by_runs_in_different_threads() -> None:
    engine = Engine()
    futures = [engine.submit(locked, n) for n in "abcd"]
    assert sorted(f.result(10) for f in futures) == ["a", "b", "c", "d"]
    assert all(LOG[i][3:] == LOG[i + 1][4:] for i in range(0, 8, 2)), LOG


CALLS: list[int] = []


@node(reads="x", cache=True)
async def slow_once(x: int) -> int:
    CALLS.append(x)
    await trio.sleep(0.03)
    return x


@flow
def cached(x: int) -> int:
    return slow_once(x)


def test_one_flight_of_a_cache_is_shared_by_runs_in_different_threads() -> None:
    CALLS.clear()
    engine = Engine()
    assert [f.result(10) for f in [engine.submit(cached, 1) for _ in range(6)]] == [1] * 6
    assert CALLS == [1]


@node(reads="x", rate="2/50ms")
async def rated(x: int) -> int:
    return x


@flow
def hurried(x: int) -> int:
    return rated(x)


def test_a_rate_holds_across_runs_with_clocks_of_their_own() -> None:
    engine = Engine()
    began = time.monotonic()
    for _ in range(5):
        engine.run(hurried, 1)
    assert time.monotonic() - began > 0.09


@node(reads="x")
async def item_of(x: int) -> int:
    await trio.lowlevel.checkpoint()
    return x


@flow
def numbers(n: int) -> Iterator[int]:
    for x in range(n):
        yield item_of(x)


def test_a_stream_is_an_iterator() -> None:
    assert list(numbers.run(4)) == [0, 1, 2, 3]


def test_other_runs_are_possible_while_a_stream_is_open() -> None:
    assert [(x, waiting.run(x)) for x in numbers.run(3)] == [(0, 1), (1, 3), (2, 5)]


def test_two_streams_are_read_at_once() -> None:
    assert list(zip(numbers.run(3), numbers.run(3), strict=True)) == [(0, 0), (1, 1), (2, 2)]


def test_a_stream_is_read_inside_a_running_loop() -> None:
    async def main() -> list[int]:
        return list(numbers.run(3))

    assert trio.run(main) == [0, 1, 2]
    assert asyncio.run(main()) == [0, 1, 2]


@pytest.mark.parametrize("library", ["trio", "asyncio"])
def test_a_stream_started_in_a_loop_is_an_async_iterator(library: str) -> None:
    async def main() -> list[int]:
        return [x async for x in await numbers.start(4)]

    assert (trio.run(main) if library == "trio" else asyncio.run(main())) == [0, 1, 2, 3]


@flow
def guarded() -> Iterator[int]:
    try:
        for x in range(1000):
            yield item_of(x)
    finally:
        note("closed")


def settle() -> None:
    deadline = time.monotonic() + 60
    while not LOG and time.monotonic() < deadline:
        time.sleep(0.002)


def test_a_stream_is_closed_early() -> None:
    items: Any = guarded.run()
    assert [next(items), next(items)] == [0, 1]
    items.close()
    assert LOG == ["closed"]
    assert list(items) == []


def test_a_stream_that_is_garbage_is_closed() -> None:
    items: Any = guarded.run()
    assert next(items) == 0
    del items
    settle()
    assert LOG == ["closed"]


def test_a_stream_that_was_never_asked_runs_nothing() -> None:
    items: Any = guarded.run()
    items.close()
    assert list(items) == []
    assert LOG == []


@pytest.mark.parametrize("library", ["trio", "asyncio"])
def test_an_async_stream_is_closed_by_leaving_it(library: str) -> None:
    async def main() -> None:
        async for x in await guarded.start():
            if x == 2:
                break
        for _ in range(500):
            if LOG:
                break
            await (trio.sleep(0.002) if library == "trio" else asyncio.sleep(0.002))

    trio.run(main) if library == "trio" else asyncio.run(main())
    assert LOG == ["closed"]


@pytest.mark.parametrize("library", ["trio", "asyncio"])
def test_an_async_stream_is_closed_by_aclose(library: str) -> None:
    async def main() -> None:
        items: Any = await guarded.start()
        assert await items.__anext__() == 0
        await items.aclose()
        assert LOG == ["closed"]
        assert [x async for x in items] == []

    trio.run(main) if library == "trio" else asyncio.run(main())


@flow
def breaking() -> Iterator[int]:
    yield item_of(1)
    yield broken(2)


@pytest.mark.parametrize("library", ["plain", "trio", "asyncio"])
def test_an_error_of_a_stream_comes_after_its_items(library: str) -> None:
    seen: list[int] = []

    async def main() -> None:
        async for x in await breaking.start():
            seen.append(x)

    def plain() -> None:
        for x in breaking.run():
            seen.append(x)

    with pytest.raises(KeyError) as caught:
        plain() if library == "plain" else trio.run(main) if library == "trio" else asyncio.run(main())
    assert seen == [1]
    assert caught.value.__cflow__.node == "broken"  # type: ignore[attr-defined]


@flow
def stuck() -> Iterator[int]:
    try:
        yield 1
        sleep(3600)
        yield 2
    finally:
        note("closed")


def test_cancelling_the_reader_of_an_async_stream_cancels_its_run() -> None:
    async def main() -> None:
        with trio.move_on_after(10):
            async for _ in await stuck.start():
                pass
        assert LOG == ["closed"]

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_cancelling_the_asyncio_reader_of_a_stream_cancels_its_run() -> None:
    async def main() -> None:
        items = await stuck.start()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as limit:
                async for _ in items:
                    limit.reschedule(asyncio.get_running_loop().time())
        assert LOG == ["closed"]

    asyncio.run(main())


@flow
def inner_run() -> None:
    note("inner")


@flow
def outer_run() -> str:
    detach(inner_run())
    return "outer"


@flow
def outermost_run() -> str:
    detach(outer_run())
    return "outermost"


RELEASED = threading.Event()


@node(writes="log")
async def released() -> None:
    """Waits, cut short by cancellation, for the test."""
    while not RELEASED.is_set():
        await trio.sleep(0.001)
    LOG.append("released")


@flow
def waiting_run() -> None:
    released()


@flow
def detaching_a_wait() -> str:
    detach(waiting_run())
    return "detached"


def test_a_detached_run_may_detach() -> None:
    assert outermost_run.run() == "outermost"
    settle()
    assert LOG == ["inner"]


def test_a_detached_run_inside_trio_goes_on_when_that_loop_ends() -> None:
    assert trio.run(detaching_a_wait.start) == "detached"
    assert LOG == []
    RELEASED.set()
    settle()
    assert LOG == ["released"]


def test_a_detached_run_in_virtual_time_is_in_that_time() -> None:
    async def main() -> None:
        assert await outermost_run.start() == "outermost"
        await trio.sleep(1)
        assert LOG == ["inner"]

    trio.run(main, clock=MockClock(autojump_threshold=0))


@flow
def streaming_and_detaching() -> Iterator[int]:
    yield 1
    detach(outer_run())


def test_a_stream_may_detach() -> None:
    assert list(streaming_and_detaching.run()) == [1]
    settle()
    assert LOG == ["inner"]


def test_the_engine_s_clock_turns_everywhere() -> None:
    @flow
    def long() -> str:
        sleep("1d")
        return "over"

    @flow
    def long_stream() -> Iterator[int]:
        for x in range(3):
            sleep("1d")
            yield x

    def engine() -> Engine:
        return Engine(clock=MockClock(autojump_threshold=0))

    assert engine().run(long) == "over"
    assert engine().submit(long).result(10) == "over"
    assert list(engine().run(long_stream)) == [0, 1, 2]

    async def main() -> Any:
        return await engine().start(long)

    assert asyncio.run(main()) == "over"


@flow
def fan(xs: list[int]) -> list[int]:
    return [double(x) for x in parallel(xs, limit=4)]


def test_parallel_passes_from_every_way() -> None:
    for way in WAYS:
        assert way(fan, list(range(20))) == [2 * x for x in range(20)]
