"""``cflow.context()`` wherever a node may be: in its task, in a thread, in a nursery of its own, in an undo."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from cflow import Engine, Retry, batched, buffered, context, flow, node, parallel, transaction

SEEN: list[tuple[str, int, str, str]] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    SEEN.clear()


def see() -> None:
    here = context()
    SEEN.append((here.node, here.attempt, here.key, here.run))


@node(reads="a")
async def on_the_loop(x: int) -> int:
    see()
    await trio.lowlevel.checkpoint()
    see()
    return x


@node(reads="a")
def in_a_thread(x: int) -> int:
    see()
    see()
    return x


@node(reads="a", runs="loop")
def in_place(x: int) -> int:
    see()
    see()
    return x


@node(reads="a", runs="thread")
def declared_thread(x: int) -> int:
    see()
    see()
    return x


@node(reads="a")
async def in_a_nursery(x: int) -> int:
    async def child() -> None:
        await trio.lowlevel.checkpoint()
        see()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(child)
        nursery.start_soon(child)
    return x


def helper() -> None:
    see()


@node(reads="a")
async def through_helpers(x: int) -> int:
    helper()
    await trio.lowlevel.checkpoint()
    helper()
    return x


NODES = [on_the_loop, in_a_thread, in_place, declared_thread, in_a_nursery, through_helpers]


@flow
def each(x: int) -> list[int]:
    return [
        on_the_loop(x),
        in_a_thread(x),
        in_place(x),
        declared_thread(x),
        in_a_nursery(x),
        through_helpers(x),
    ]


@flow
def one_after_another(x: int) -> int:
    a = on_the_loop(x)
    b = in_a_thread(a)
    c = in_place(b)
    d = declared_thread(c)
    e = in_a_nursery(d)
    return through_helpers(e)


@flow
def in_blocks(x: int) -> int:
    y = []
    for _ in range(1):
        if x:
            y = each(x)
    z = [one_after_another(i) for i in parallel([x], limit=2)]
    return len(y) + len(z)


@pytest.mark.parametrize("program", [each, one_after_another])
@pytest.mark.parametrize("listened", [False, True])
def test_every_node_knows_where_it_is(program: Any, listened: bool) -> None:
    engine = Engine(sinks=[lambda event: None] if listened else [])
    engine.run(program, 1)
    assert Counter(n for n, *_ in SEEN) == {n.fn.__name__: 2 for n in NODES}
    assert {run for *_, run in SEEN} == {SEEN[0][3]}
    for name in {n for n, *_ in SEEN}:
        keys = {key for n, _, key, _ in SEEN if n == name}
        assert len(keys) == 1, (name, keys)
    assert len({key for _, _, key, _ in SEEN}) == len(NODES)
    assert all(not c.isspace() for _, _, key, _ in SEEN for c in key)
    assert {attempt for _, attempt, _, _ in SEEN} == {1}


def test_in_blocks_and_sub_flows_too() -> None:
    assert in_blocks.run(1) == 7
    assert len({key for _, _, key, _ in SEEN}) == 2 * len(NODES)


@node(reads="a")
async def asks(x: int) -> str:
    await trio.lowlevel.checkpoint()
    return context().key


@node(reads="a")
def asks_in_a_thread(x: int) -> str:
    return context().key


@flow
def keys(xs: list[int]) -> list[str]:
    one = [asks(x) for x in xs]
    two = [asks_in_a_thread(x) for x in xs]
    three = [asks(x) for x in parallel(xs, limit=3)]
    four = [asks_in_a_thread(x) for x in parallel(xs, limit=3)]
    return one + two + three + four


def test_every_call_has_a_key_of_its_own() -> None:
    found = keys.run(list(range(50)))
    assert len(set(found)) == 200
    assert not set(found) & set(keys.run([1, 2]))


TRIES: list[tuple[int, str]] = []


@node(writes="a", retry=Retry(3, backoff=1, jitter=False, max=0.0))
async def flaky(x: int) -> int:
    here = context()
    TRIES.append((here.attempt, here.key))
    TRIES.append((context().attempt, context().key))
    if here.attempt < 3:
        raise ValueError(here.attempt)
    return here.attempt


@node(writes="a", retry=Retry(3, backoff=1, jitter=False, max=0.0))
def flaky_in_a_thread(x: int) -> int:
    here = context()
    TRIES.append((here.attempt, here.key))
    if here.attempt < 3:
        raise ValueError(here.attempt)
    return here.attempt


@flow
def trying(x: int) -> int:
    return flaky(x) + flaky_in_a_thread(x)


def test_all_attempts_share_a_key() -> None:
    TRIES.clear()
    assert trying.run(1) == 6
    assert [a for a, _ in TRIES] == [1, 1, 2, 2, 3, 3, 1, 2, 3]
    assert len({k for _, k in TRIES[:6]}) == 1
    assert len({k for _, k in TRIES[6:]}) == 1
    assert TRIES[0][1] != TRIES[6][1]


@node(writes="stock")
async def release(x: int) -> None:
    see()


@node(writes="stock", retry=1)
def release_in_a_thread(x: int) -> None:
    see()
    if context().attempt == 1:
        raise ValueError("once more")


@node(writes="stock", undo=release)
async def reserve(x: int) -> int:
    return x


@node(writes="stock", undo=release_in_a_thread)
def reserve_in_a_thread(x: int) -> int:
    return x


@node(writes="stock")
async def refuse() -> None:
    raise ValueError("no")


@flow
def undone() -> None:
    with transaction():
        reserve(1)
        reserve(2)
        reserve_in_a_thread(3)
        reserve_in_a_thread(4)
        refuse()


def test_an_undo_is_a_call_too() -> None:
    with pytest.raises(ValueError, match="no"):
        undone.run()
    assert [n for n, *_ in SEEN] == ["undo release_in_a_thread"] * 4 + ["undo release"] * 2
    assert [a for _, a, *_ in SEEN] == [1, 2, 1, 2, 1, 1]
    assert [len({k for _, _, k, _ in SEEN[i : i + 2]}) for i in (0, 2, 4)] == [1, 1, 2]
    assert len({k for _, _, k, _ in SEEN}) == 4
    assert all(not c.isspace() for _, _, k, _ in SEEN for c in k)


PROGRESS: list[Any] = []


@node(reads="a")
async def long_work(n: int) -> int:
    here = context()
    for i in range(n):
        here.progress(i + 1, n)
        PROGRESS.append(dict(here._run.progress))
    here.log.info("done %d", n)
    return n


@flow
def working(n: int) -> int:
    return long_work(n)


def test_progress_and_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="cflow"):
        working.run(3)
    assert PROGRESS == [{"long_work": (1, 3)}, {"long_work": (2, 3)}, {"long_work": (3, 3)}]
    assert [(r.getMessage(), r.node) for r in caplog.records if r.name == "cflow.node"] == [  # type: ignore[attr-defined]
        ("done 3", "long_work")
    ]


def test_outside_of_a_flow_there_is_none() -> None:
    with pytest.raises(RuntimeError, match="outside"):
        context()

    async def main() -> None:
        context()

    with pytest.raises(RuntimeError, match="outside"):
        trio.run(main)


@node(reads="a")
async def runs_another(x: int) -> tuple[str, Any]:
    return context().run, inner.run(x)


@node(reads="a")
async def which(x: int) -> str:
    return context().run


@flow
def inner(x: int) -> str:
    return which(x)


@flow
def outer(x: int) -> Any:
    return runs_another(x)


def test_a_run_in_a_node_is_a_run_of_its_own() -> None:
    mine, other = outer.run(1)
    assert mine != other


@pytest.mark.parametrize("alone", NODES)
def test_a_node_called_from_ordinary_code_knows_where_it_is(alone: Any) -> None:
    alone(1)
    assert [(n, a) for n, a, _, _ in SEEN] == [(alone.fn.__name__, 1)] * 2
    assert len({key for _, _, key, _ in SEEN}) == 1
    alone(1)
    assert len({key for _, _, key, _ in SEEN}) == 2
    assert len({run for *_, run in SEEN}) == 2


@node(writes="a")
def calls_another(x: int) -> int:
    see()
    return in_place(x)


def test_a_node_in_a_node_has_a_context_of_its_own() -> None:
    calls_another(1)
    assert [n for n, *_ in SEEN] == ["calls_another", "in_place", "in_place"]


@pytest.mark.parametrize("alone", [flaky, flaky_in_a_thread])
def test_a_node_called_from_ordinary_code_runs_under_its_policy(alone: Any) -> None:
    TRIES.clear()
    assert alone(1) == 3
    assert len({k for _, k in TRIES}) == 1
    with pytest.raises(ValueError, match="2") as caught:
        alone.options(retry=1)(1)
    assert caught.value.__notes__ == [f"{alone.fn.__name__} failed in attempt 2 of 2"]
    assert alone.options(retry=None, default=7)(1) == 7


@node(reads="a", timeout=5)
async def for_ever() -> None:
    await trio.sleep_forever()


def test_a_node_called_from_ordinary_code_times_out() -> None:
    engine = Engine(clock=trio.testing.MockClock(autojump_threshold=0))
    with pytest.raises(TimeoutError, match="for_ever took longer than 5 s"):
        engine.run_node(for_ever, (), {})


ITEMS: set[tuple[str, str]] = set()


@node(reads="feed")
async def feed(n: int) -> AsyncIterator[int]:
    for i in range(n):
        await trio.sleep(0.01)
        here = context()
        ITEMS.add((here.node, here.key))
        yield i


@node(reads="feed", rate="100/s")
def plain_feed(n: int) -> Iterator[int]:
    for i in range(n):
        here = context()
        ITEMS.add((here.node, here.key))
        yield i


@node(reads="x")
async def lookup(x: int) -> int:
    await trio.sleep(0.02)
    return x


@flow
def read_in_turn() -> int:
    n = 0
    for x in feed(3):
        n += lookup(x)
    return n


@flow
def read_plainly() -> int:
    n = 0
    for x in plain_feed(3):
        n += lookup(x)
    return n


@flow
def read_ahead() -> int:
    n = 0
    for x in buffered(feed(3), 2):
        n += lookup(x)
    return n


@flow
def read_at_once() -> int:
    done: list[int] = []
    for x in parallel(buffered(feed(3), 2), limit=2):
        done.append(lookup(x))
    return len(done)


@flow
def handed_on() -> Iterator[int]:
    for x in feed(3):
        yield lookup(x)


@flow
def read_at_second_hand() -> int:
    n = 0
    for xs in batched(handed_on(), 2):
        n += len(xs)
    return n


@pytest.mark.parametrize("program", [read_in_turn, read_plainly, read_ahead, read_at_once, read_at_second_hand])
def test_a_stream_node_knows_its_call(program: Any) -> None:
    ITEMS.clear()
    Engine(clock=MockClock(autojump_threshold=0)).run(program)
    assert [n.rpartition("/")[2] for n, _ in ITEMS] in (["feed"], ["plain_feed"]), "one call, one key"


@pytest.mark.parametrize("stream", [feed, plain_feed])
def test_a_stream_node_that_is_read_alone_knows_its_call(stream: Any) -> None:
    ITEMS.clear()
    assert list(stream(2)) == [0, 1]
    assert {n for n, _ in ITEMS} == {stream.__name__}
