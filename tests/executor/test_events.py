"""What listeners are told, in which order; and that listening changes nothing."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cflow import Engine, Retry, collect, flow, node, parallel, race, sleep, timeout, transaction
from cflow.executor.events import Event, Sinks


@node(reads="a")
async def read(x: int, after: float = 0.0) -> int:
    await trio.sleep(after)
    return x


@node(reads="a")
def look(x: int) -> int:
    return x


@node(pure=True, runs="loop")
def same(x: int) -> int:
    return x


@node(writes="a")
async def write(x: int) -> int:
    return x


@node(reads="a")
async def boom(x: int) -> int:
    raise ValueError(x)


@node(reads="a", retry=Retry(2, backoff=1, jitter=False, max=0.0))
async def flaky(x: int) -> int:
    TRIES.append(x)
    if len(TRIES) < 3:
        raise ValueError(x)
    return x


@node(reads="a", cache=True)
async def cached(x: int) -> int:
    return x


TRIES: list[int] = []


def told(program: Any, *args: Any, **options: Any) -> list[tuple[str, str, str]]:
    seen: list[Event] = []
    engine = Engine(sinks=[seen.append], clock=options.pop("clock", None))
    try:
        engine.run(program, *args)
    except ValueError:
        pass
    assert len({e.run for e in seen}) == 1
    assert [e.time for e in seen] == sorted(e.time for e in seen)
    return [(e.kind, e.node, e.what) for e in seen]


def nodes(events: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    return [(n, w) for k, n, w in events if k == "node"]


@flow
def chain(x: int) -> int:
    return same(look(read(x)))


@flow
def fails(x: int) -> int:
    a = read(x)
    b = boom(a)
    return same(b)


@flow
def branches(x: int) -> int:
    if x:
        y = read(x)
    else:
        y = look(write(x))
    return y


@flow
def retries(x: int) -> int:
    return flaky(x)


@flow
def caches(x: int) -> int:
    a = cached(x)
    b = cached(x)
    return a + b


@flow
def cancels(x: int) -> int:
    return race(read(1, 1.0), read(2, 5.0))


@flow
def direct(x: int) -> int:
    return same(same(x))


def test_a_chain() -> None:
    assert told(chain, 1) == [
        ("run", "", "started"),
        ("node", "read", "started"),
        ("node", "read", "done"),
        ("node", "look", "started"),
        ("node", "look", "done"),
        ("node", "same", "started"),
        ("node", "same", "done"),
        ("run", "", "done"),
    ]


def test_a_run_without_a_loop() -> None:
    assert told(direct, 1) == [
        ("run", "", "started"),
        *[("node", n, w) for n in ("same", "same_2") for w in ("started", "done")],
        ("run", "", "done"),
    ]


def test_a_failure() -> None:
    seen: list[Event] = []
    with pytest.raises(ValueError, match="1") as caught:
        Engine(sinks=[seen.append]).run(fails, 1)
    assert [(e.kind, e.node, e.what) for e in seen][3:] == [
        ("node", "boom", "started"),
        ("node", "boom", "failed"),
        ("run", "", "failed"),
    ]
    assert seen[-2].error is caught.value
    assert seen[-1].error is caught.value


def test_what_was_not_taken_is_skipped() -> None:
    assert nodes(told(branches, 1)) == [
        ("write", "skipped"),
        ("look", "skipped"),
        ("read", "started"),
        ("read", "done"),
    ]
    assert nodes(told(branches, 0))[0] == ("read", "skipped")


def test_attempts() -> None:
    TRIES.clear()
    seen: list[Event] = []
    Engine(sinks=[seen.append]).run(retries, 1)
    assert [(e.kind, e.what, e.attempt) for e in seen][1:-1] == [
        ("node", "started", 1),
        ("attempt", "started", 1),
        ("attempt", "failed", 1),
        ("node", "retried", 1),
        ("attempt", "started", 2),
        ("attempt", "failed", 2),
        ("node", "retried", 2),
        ("attempt", "started", 3),
        ("attempt", "done", 3),
        ("node", "done", 1),
    ]


def test_a_cached_value() -> None:
    found = nodes(told(caches, 1))
    assert found.count(("cached", "done")) + found.count(("cached_2", "done")) == 2
    assert [w for _, w in found].count("cached") == 1


def test_a_lost_race_is_cancelled() -> None:
    found = nodes(told(cancels, 1, clock=MockClock(autojump_threshold=0)))
    assert sorted(found) == sorted(
        [("read", "started"), ("read_2", "started"), ("read", "done"), ("read_2", "cancelled")]
    )


def test_a_cancelled_run() -> None:
    @flow
    def waits() -> None:
        sleep(60)

    seen: list[Event] = []
    engine = Engine(sinks=[seen.append])

    async def main() -> None:
        with trio.move_on_after(1):
            await engine.start(waits)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert [(e.kind, e.node, e.what) for e in seen] == [
        ("run", "", "started"),
        ("node", "sleep", "started"),
        ("node", "sleep", "cancelled"),
        ("run", "", "cancelled"),
    ]


@node(reads="a")
def interrupted(x: int) -> int:
    raise KeyboardInterrupt


@node(pure=True, runs="loop")
def interrupted_in_place(x: int) -> int:
    raise KeyboardInterrupt


@flow
def interrupts(x: int) -> int:
    return interrupted(x)


@flow
def interrupts_directly(x: int) -> int:
    return interrupted_in_place(x)


@pytest.mark.parametrize("program", [interrupts, interrupts_directly])
def test_an_interrupted_run_is_cancelled_not_failed(program: Any) -> None:
    seen: list[Event] = []
    with pytest.raises(KeyboardInterrupt):
        Engine(sinks=[seen.append]).run(program, 1)
    assert (seen[-1].kind, seen[-1].what) == ("run", "cancelled")


def test_a_sink_that_raises_is_detached_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []
    calls: list[Event] = []

    def bad(event: Event) -> None:
        calls.append(event)
        raise RuntimeError("no")

    engine = Engine(sinks=[bad, seen.append])
    assert engine.run(chain, 1) == 1
    assert engine.run(chain, 2) == 2
    assert len(calls) == 1
    assert len(seen) == 16
    assert [r.getMessage().split(":")[0] for r in caplog.records] == ["an event sink raised and was detached"]


def test_when_the_last_sink_is_detached_nobody_listens() -> None:
    logging.getLogger("cflow").disabled = True
    try:

        def bad(event: Event) -> None:
            raise RuntimeError("no")

        engine = Engine(sinks=[bad])
        assert engine.run(chain, 1) == 1
        assert engine.sinks is None
    finally:
        logging.getLogger("cflow").disabled = False


def test_a_slow_sink_does_not_slow_the_run_and_sees_everything_in_order() -> None:
    seen: list[Event] = []

    def slow(event: Event) -> None:
        time.sleep(0.003)
        seen.append(event)

    @flow
    def many(n: int) -> int:
        total = 0
        for i in range(n):
            total += same(i)
        return total

    engine = Engine(sinks=[slow])
    engine.run(direct, 1)
    engine.run(many, 10)
    assert len(seen) == 6 + 22
    assert [e.what for e in seen[:6]] == ["started", "started", "done", "started", "done", "done"]


def test_the_end_of_a_run_does_not_hold_up_others_in_the_loop() -> None:
    known, ticked = threading.Event(), threading.Event()
    held: list[bool] = []

    def slow(event: Event) -> None:
        if event.kind != "run":
            return
        if not known.is_set():
            ticked.wait(0.2)  # long enough to get a thread of its own
            return
        ticked.clear()
        held.append(ticked.wait(10))  # on the loop nothing would tick meanwhile

    engine = Engine(sinks=[slow])

    async def main() -> None:
        async def ticks() -> None:
            while True:
                await trio.sleep(0.001)
                ticked.set()

        await engine.start(chain, 1)
        known.set()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ticks)
            await engine.start(chain, 1)
            with trio.fail_after(30):
                while len(held) < 2:
                    await trio.sleep(0.001)
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert held == [True, True]


def test_threads_may_tell_of_events_at_once() -> None:
    for _ in range(20):
        calls: list[Event] = []

        def slow(event: Event, calls: list[Event] = calls) -> None:
            calls.append(event)
            time.sleep(0.0015)

        sinks = Sinks([slow])
        gate = threading.Barrier(6)
        errors: list[BaseException] = []

        def tell(sinks: Sinks = sinks, gate: Any = gate, errors: list[BaseException] = errors) -> None:
            gate.wait()
            try:
                sinks.emit("run", "started", "r")
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=tell) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sinks.flush()
        sinks.close()
        assert not errors
        assert len(calls) == 6


@node(writes="b", undo=write)
async def put(x: int) -> int:
    LOG.append(x)
    return x


LOG: list[int] = []


@flow
def everything(xs: list[int]) -> list[Any]:
    a = read(1)
    b = look(2)
    c = same(a + b)
    done = collect((look(x) for x in parallel(xs, limit=3)), max_failed=2)
    with parallel():
        d = put(c)
        e = read(4)
    try:
        with transaction():
            put(5)
            with timeout(60):
                f = boom(6)
    except ValueError:
        f = same(7)
    finally:
        put(8)
    total = 0
    for x in xs:
        if x % 2:
            continue
        total += same(x)
        if x > 6:
            break
    g = [read(x) for x in parallel(xs, limit=2)]
    return [a, b, c, list(done.ok), d, e, f, total, g]


def test_listening_changes_no_result() -> None:
    LOG.clear()
    plain = Engine().run(everything, list(range(10)))
    writes = list(LOG)
    LOG.clear()
    assert Engine(sinks=[lambda event: None]).run(everything, list(range(10))) == plain
    assert writes == LOG


def test_every_started_node_ends() -> None:
    seen = nodes(told(everything, list(range(10))))
    started = [n for n, w in seen if w == "started"]
    ended = [n for n, w in seen if w in ("done", "failed", "cancelled")]
    assert sorted(started) == sorted(ended)
