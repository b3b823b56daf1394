"""``cache`` in a store: shared by runs and engines, by age and size, never what may still be undone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from engines_kit import Make
from hypothesis import HealthCheck, given, settings, strategies as st
from trio.testing import MockClock

from cflow import Engine, context, flow, node, parallel, secret, sleep, transaction
from cflow.executor.suspended import Suspended
from cflow.runs.resume import resume
from cflow.store.port import Forget
from cflow.store.tickets import commit_now

LOG: list[Any] = []
STOP: set[str] = set()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()
    STOP.clear()


def store_of(engine: Engine) -> Any:
    assert engine.recorder is not None
    return engine.recorder.store


@node(reads="r", cache=True)
async def load(x: Any) -> int:
    LOG.append(x)
    await trio.lowlevel.checkpoint()
    return len(LOG)


@flow
def loads(xs: list[Any]) -> list[int]:
    return [load(x) for x in xs]


def test_runs_and_engines_share_what_is_cached(engines: Make) -> None:
    first = engines()
    assert first.run(loads, [1, 2, 1]) == [1, 2, 1]
    assert first.run(loads, [2, 3]) == [2, 3]
    assert engines().run(loads, [3, 2, 1]) == [3, 2, 1]
    assert LOG == [1, 2, 3]


def test_what_is_forgotten_is_made_again(engines: Make) -> None:
    engine = engines()
    assert engine.run(loads, [1, 2]) == [1, 2]
    (row, _) = store_of(engine).cache("load")
    assert row.node == "load"
    commit_now(store_of(engine), [Forget(node="load")])
    assert engine.run(loads, [1]) == [3]


@node(reads="r", cache="1h")
async def timed(x: int) -> int:
    LOG.append(x)
    return len(LOG)


@flow
def over_time() -> list[int]:
    a = timed(1)
    sleep("50m")
    b = timed(1)
    sleep("11m")
    c = timed(1)
    d = timed(1)
    return [a, b, c, d]


def test_a_cached_value_is_made_again_when_it_is_too_old(engines: Make) -> None:
    assert engines(clock=MockClock(autojump_threshold=0.02)).run(over_time) == [1, 1, 2, 2]


@flow
def an_hour_later() -> int:
    sleep("61m")
    return timed(1)


@flow
def soon_after() -> int:
    sleep("20m")
    return timed(1)


def test_its_age_counts_from_when_it_was_made_elsewhere(engines: Make) -> None:
    """Virtual time begins at the same moment in each run."""
    assert engines(clock=MockClock(autojump_threshold=0.02)).run(over_time) == [1, 1, 2, 2]
    assert engines(clock=MockClock(autojump_threshold=0.02)).run(soon_after) == 2
    assert engines(clock=MockClock(autojump_threshold=0.02)).run(an_hour_later) == 2
    commit_now(store_of(engines()), [Forget()])
    assert engines(clock=MockClock(autojump_threshold=0.02)).run(soon_after) == 3
    assert engines(clock=MockClock(autojump_threshold=0.02)).run(an_hour_later) == 3


@flow
def twins(n: int) -> list[int]:
    return [load(7) for _ in parallel(range(n), limit=n)]


def test_equal_calls_at_once_are_made_once(engines: Make) -> None:
    assert engines().run(twins, 20) == [1] * 20
    assert LOG == [7]


# ---- rooms --------------------------------------------------------------------------------------------------------


@node(reads="r", cache=True)
def blob(n: int) -> bytes:
    LOG.append(n)
    return bytes([n]) * 10_000


@node(reads="r", cache=True)
def large(n: int) -> bytes:
    LOG.append(n)
    return bytes([n]) * 200_000


@flow
def blobs(ns: list[int]) -> int:
    return len([blob(n) for n in ns])


@flow
def larges(ns: list[int]) -> int:
    return len([large(n) for n in ns])


def bounded(engine: Engine, size: int) -> Engine:
    assert engine.recorder is not None
    engine.recorder.shared(engine).size = size
    return engine


def test_the_oldest_go_when_there_is_no_room(engines: Make) -> None:
    engine = bounded(engines(), 50_000)
    for n in range(20):
        engine.run(blobs, [n])
    commit_now(store_of(engine), [])
    rows = store_of(engine).cache()
    assert sum(row.size for row in rows) <= 50_000 + 50_000 // 16 + 10_100
    assert len(rows) >= 4
    LOG.clear()
    engine.run(blobs, [19])
    assert LOG == []
    engine.run(blobs, [0])
    assert LOG == [0]


def test_large_values_count_with_their_files(engines: Make) -> None:
    engine = bounded(engines(), 500_000)
    for n in range(8):
        engine.run(larges, [n])
    commit_now(store_of(engine), [])
    assert len(store_of(engine).cache()) <= 3
    LOG.clear()
    engines().run(larges, [7])
    assert LOG == []


def test_what_is_larger_than_all_room_keeps_others_in(engines: Make, caplog: pytest.LogCaptureFixture) -> None:
    engine = bounded(engines(), 50_000)
    engine.run(blobs, [1])
    with caplog.at_level(logging.WARNING, "cflow"):
        engine.run(larges, [1, 2])
    assert [row.node for row in store_of(engine).cache()] == ["blob"]
    assert [r.message.partition(":")[0] for r in caplog.records] == ["what large gives is not cached"]


# ---- what cannot be stored ----------------------------------------------------------------------------------------


class Handle:
    """Knows no form in a store."""


@node(pure=True, runs="loop")
def handle() -> Any:
    LOG.append("made")
    return Handle()


@flow(cache=True)
def opened() -> Any:
    return handle()


@flow
def opens_twice() -> int:
    a = opened()
    b = opened()
    return len([a, b])


def test_what_cannot_be_stored_is_made_each_time_and_that_is_said_once(
    engines: Make, caplog: pytest.LogCaptureFixture
) -> None:
    engine = engines()
    with caplog.at_level(logging.WARNING, "cflow"):
        assert engine.run(opens_twice) == 2
        assert engine.run(opens_twice) == 2
    assert LOG == ["made"] * 4
    assert store_of(engine).cache() == []
    (said,) = [r.message for r in caplog.records]
    assert said.startswith("what opened gives is not cached: ")
    assert "Handle" in said


TOKEN = secret("CACHE_TEST_TOKEN")


@node(reads="r", cache=True)
async def greets(token: str) -> str:
    LOG.append("greets")
    return f"hello {token}"


@flow
def with_a_secret() -> int:
    return len(greets(TOKEN))


def test_a_cached_value_has_no_secret_in_it(engines: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CACHE_TEST_TOKEN", "sentinel-58172")
    engine = engines()
    assert engine.run(with_a_secret) == engines().run(with_a_secret) == 20
    assert LOG == ["greets"]
    files = [file for file in (tmp_path / "store").rglob("*") if file.is_file()]
    assert len(files) >= 2
    assert not any(b"sentinel-58172" in file.read_bytes() for file in files)


# ---- transactions -------------------------------------------------------------------------------------------------


@node(writes="ledger")
async def unbook(text: str) -> None:
    LOG.append(f"-{text}")


@node(writes="ledger", cache=True, undo=unbook)
async def book(text: str) -> str:
    LOG.append(text)
    return text


@node(writes="ledger")
async def stop_here(what: str) -> None:
    LOG.append(what)
    if what in STOP:
        STOP.clear()
        context()._run.journal.stop("broken off by a test")


@flow
def in_a_transaction(fails: bool) -> str:
    with transaction():
        b = book("fee")
        stop_here("inside")
        if fails:
            raise ValueError("no")
        return b


def test_what_is_undone_is_not_cached(engines: Make) -> None:
    engine = engines()
    with pytest.raises(ValueError, match="no"):
        engine.run(in_a_transaction, True)
    assert store_of(engine).cache() == []
    assert LOG == ["fee", "inside", "-fee"]
    assert engine.run(in_a_transaction, False) == "fee"
    assert [row.node for row in store_of(engine).cache()] == ["book"]
    assert engines().run(in_a_transaction, False) == "fee"
    assert LOG == ["fee", "inside", "-fee", "fee", "inside", "inside"]


def test_what_a_broken_off_transaction_did_is_not_cached(engines: Make) -> None:
    engine = engines()
    STOP.add("inside")
    with pytest.raises(Suspended):
        engine.run(in_a_transaction, True)
    assert store_of(engine).cache() == []
    resume(engine, store_of(engine).runs()[0].id)
    assert LOG.count("-fee") == 1
    assert store_of(engine).cache() == []


# ---- repeated runs ------------------------------------------------------------------------------------------------


@node(writes="r")
async def stop_between(what: str) -> None:
    await stop_here.fn(what)


@flow(cache=True)
def cached_part(x: int) -> int:
    return load.options(cache=False)(x)


@flow
def asks_and_stops() -> list[int]:
    a = cached_part(1)
    stop_between("between")
    b = load(2)
    stop_between("stop")
    c = load(3)
    return [a, b, c]


def test_a_repeated_run_asks_no_cache_for_what_is_on_record(engines: Make) -> None:
    engine = engines()
    assert engine.run(asks_and_stops) == [1, 3, 5]
    STOP.add("stop")
    with pytest.raises(Suspended):
        engine.run(asks_and_stops)
    row = store_of(engine).runs()[0]
    assert row.state == "parked"
    commit_now(store_of(engine), [Forget()])
    LOG.clear()
    resume(engine, row.id)
    row = store_of(engine).run(row.id)
    assert row.state == "done", row.reason
    assert LOG == ["stop", 3]
    assert engine.recorder is not None
    assert engine.recorder.codec(engine.compiled(asks_and_stops), {}).decode(row.result)[:2] == [1, 3]


# ---- the same with and without ------------------------------------------------------------------------------------

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2), inner, max_size=2)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers(0, 3) | st.text(max_size=1), max_size=3)
    ),
    max_leaves=6,
)


@node(pure=True)
async def shown(x: Any, *rest: Any, **more: Any) -> Any:
    LOG.append(x)
    return [type(x).__name__, x, list(rest), more]


@flow
def uncached(xs: list[Any]) -> list[Any]:
    return [[shown(x), shown(x, 1, k=x)] for x in parallel(xs, limit=4)]


@flow
def cached(xs: list[Any]) -> list[Any]:
    return [[shown.options(cache=True)(x), shown.options(cache=True)(x, 1, k=x)] for x in parallel(xs, limit=4)]


PLACE: dict[str, Engine] = {}


@pytest.fixture(scope="module")
def one_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(store=tmp_path_factory.mktemp("cache") / "store")
    yield engine
    assert engine.recorder is not None
    engine.recorder.close()


def exact(value: Any) -> Any:
    """A value with its types, so that 1, 1.0 and True are three; the order in sets is nobody's."""
    if isinstance(value, dict):
        return ["dict", [(exact(k), exact(v)) for k, v in value.items()]]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, [exact(v) for v in value]]
    if isinstance(value, frozenset):
        return ["frozenset", sorted(map(repr, value))]
    return repr(value)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(xs=st.lists(PLAIN, max_size=6))
def test_cached_and_uncached_runs_give_the_same(one_engine: Engine, xs: list[Any]) -> None:
    """The examples share a cache, so most calls are hits of what another example has made."""
    assert exact(one_engine.run(cached, xs)) == exact(Engine().run(uncached, xs))


def test_many_threads_share_an_engines_cache(engines: Make) -> None:
    engine = engines()
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(engine.run(loads, [1, 2]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(LOG) == [1, 2]
    assert len(found) == 8
    assert all(pair == found[0] for pair in found)
