"""What a run with a profile keeps of its nodes: their own times, as a recording has them."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trio

from cflow import Engine, Retry, flow, node, parallel, race
from cflow.measure import clocks
from cflow.measure.nodetimes import NodeTimes
from cflow.measure.record import Recorder
from cflow.measure.tape import Piece
from cflow.planner.profile import Profile
from cflow.runtimes import aio


@node(reads="a")
def blocks(x: int) -> int:
    return x


@node(reads="b")
async def waits(x: int) -> int:
    await trio.lowlevel.checkpoint()
    return x


@node(reads="c")
async def counts(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield i


@node(reads="d")
async def shaky(x: int) -> int:
    TRIES.append(x)
    if len(TRIES) < 2:
        raise OSError(x)
    return x


@node(reads="e")
async def never() -> int:
    await trio.sleep_forever()
    return 0


TRIES: list[int] = []


@flow
def program(n: int) -> int:
    total = sum([blocks(x) for x in parallel(range(n))])
    for y in counts(n):
        total = total + y
    return total + waits(1)


@flow
def tries() -> int:
    return shaky.options(retry=Retry(1, jitter=False))(7)


@flow
def first() -> int:
    return race(never(), waits(2))


def heard(flow: Any, *args: Any) -> Profile:
    times = NodeTimes()
    Engine(substitute=times.substitute).run(flow, *args)
    ids = {step.id: "code" for step in flow.plan().steps if step.kind == "call"}
    return times.profile("f", "d", ids)


def test_it_is_the_nodes_own_time_whatever_the_engine_does_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still but for one step, the first of a node's own code: threads and the loop cost nothing."""
    now = [0.0]
    monkeypatch.setattr(clocks.time, "perf_counter", lambda: now[0])

    @node(reads="x", runs="thread")
    def slow() -> int:
        now[0] += 5.0
        return 1

    @flow
    def main() -> int:
        return slow()

    def sink(event: Any) -> None:
        now[0] += 100.0

    times, recorder = NodeTimes(), Recorder()
    for engine in (Engine(substitute=times.substitute, sinks=[sink]), Engine(substitute=recorder.substitute)):
        assert engine.run(main) == 1
    (call,) = recorder.take().calls
    assert (
        times.profile("f", "d", {"slow": "code"}).seconds["slow"] == call.piece.seconds == pytest.approx(5.0, abs=0.1)
    )


@node(reads="f", runs="process")
def in_a_process(n: int) -> int:
    return sum(range(n))


@node(reads="f", runs="process")
def items_of_a_process(n: int) -> Iterator[int]:
    yield from range(n)


@flow
def elsewhere() -> int:
    total = in_a_process(10_000)
    for item in items_of_a_process(3):
        total = total + item
    return total


def test_of_a_node_in_a_process_it_is_the_time_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the clock stands still: what the worker's start and the way there and back take is in no time."""
    monkeypatch.setattr(clocks.time, "perf_counter", lambda: 0.0)
    found = heard(elsewhere)
    assert found.calls == {"in_a_process": 1, "items_of_a_process": 1}
    assert all(seconds > 0 for seconds in found.seconds.values())


@pytest.mark.parametrize("fails", [False, True])
def test_of_a_node_on_asyncios_loop_it_is_the_time_there(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(clocks.time, "perf_counter", lambda: now[0])
    started = aio.LOOP.get

    def start() -> Any:
        now[0] += 100.0
        return started()

    monkeypatch.setattr(aio.LOOP, "get", start)

    @node(reads="x", runs="asyncio")
    async def slow() -> int:
        now[0] += 5.0
        if fails:
            raise ValueError
        return 1

    @node(reads="x", runs="asyncio")
    async def items() -> AsyncIterator[int]:
        for i in range(2):
            now[0] += 2.0
            yield i

    @flow
    def main() -> int:
        total = slow.options(default=1)()
        for item in items():
            total = total + item
        return total

    assert heard(main).seconds == {"slow": 5.0, "items": 4.0}


def test_every_kind_of_node_is_heard_as_often_as_it_is_called() -> None:
    found = heard(program, 3)
    assert found.calls == {"blocks": 3, "counts": 1, "waits": 1}
    assert found.codes == dict.fromkeys(found.calls, "code")
    assert all(found.busy[id] <= seconds for id, seconds in found.seconds.items())


def test_an_attempt_that_failed_is_a_call_and_one_that_was_cut_is_none() -> None:
    TRIES.clear()
    assert heard(tries).calls == {"shaky": 2}
    assert heard(first).calls == {"never": 0, "waits": 1}


def times(**seconds: float) -> NodeTimes:
    made = NodeTimes()
    for id, taken in seconds.items():
        made.add(id, Piece(taken, taken / 2))
    return made


def test_what_is_known_counts_for_half() -> None:
    codes = {"a": "1", "b": "1", "c": "1"}
    known = Profile("f", "d", {"a": 3.0, "b": 8.0}, {"a": 1, "b": 2, "c": 0}, {"a": 1.0, "b": 0.0})
    found = times(a=1.0, c=4.0).profile("f", "d", codes, known=known)
    assert found.seconds == {"a": 2.0, "b": 8.0, "c": 4.0}
    assert found.busy == {"a": 0.75, "b": 0.0, "c": 2.0}
    assert found.calls == {"a": 1.0, "b": 1.0, "c": 0.5}, "b was not called this time, and c not before"
    new = Profile("f", "d", {"a": 3.0}, {"a": 1})
    assert times(a=1.0, c=4.0).profile("f", "d", codes, known=new).calls["c"] == 1, "of c nothing was known"
    assert times(a=1.0, gone=4.0).profile("f", "d", codes).seconds == {"a": 1.0}


def test_calls_in_threads_are_counted_one_by_one() -> None:
    made = NodeTimes()

    def add() -> None:
        for _ in range(2000):
            made.add("a", Piece(1.0, 0.0))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.profile("f", "d", {"a": ""}).calls == {"a": 8000}
