"""Options of calls and flows where the cases do not reach: how they meet each other, several runs and odd values."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cflow import Engine, Retry, env, flow, lock, node, parallel, sleep
from cflow.executor.invoke import as_retry, pause

LOG: list[Any] = []
TIMES: list[float] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()
    TIMES.clear()


def run(program: Any, *args: Any, **options: Any) -> Any:
    return Engine(clock=MockClock(autojump_threshold=0), **options).run(program, *args)


class HttpError(Exception):
    pass


@node(writes="w")
async def failing(x: Any, error: Any = HttpError) -> Any:
    TIMES.append(trio.current_time())
    LOG.append(x)
    raise error(x)


@node(reads="r")
async def slow(x: Any, length: float = 10) -> Any:
    TIMES.append(trio.current_time())
    await trio.sleep(length)
    LOG.append(x)
    return x


@flow
def backs_off(jitter: bool) -> None:
    failing.options(retry=Retry(4, backoff=3, max=2.0, jitter=jitter))("x")


def test_pauses_grow_up_to_the_maximum() -> None:
    with pytest.raises(HttpError):
        run(backs_off, False)
    gaps = [b - a for a, b in itertools.pairwise(TIMES)]
    assert gaps == pytest.approx([0.1, 0.3, 0.9, 2.0])


def test_jitter_stays_within_bounds() -> None:
    for k in range(12):
        pure = min(60.0, 0.1 * 2**k)
        for _ in range(200):
            assert pure * 0.5 <= pause(Retry(3), k) <= min(60.0, pure * 1.5)
    assert pause(Retry(3, backoff=10, max=5.0, jitter=False), 10_000) == 5.0


def test_what_may_be_a_retry() -> None:
    assert as_retry(None) is None
    assert as_retry(2) == Retry(2)
    with pytest.raises(TypeError, match="retry is a number"):
        as_retry("2")


@flow
def retries_on(error: Any) -> None:
    failing.options(retry=Retry(2, on=(HttpError, OSError), jitter=False))("x", error)


def test_only_named_errors_are_retried() -> None:
    with pytest.raises(HttpError):
        run(retries_on, HttpError)
    assert len(LOG) == 3
    LOG.clear()
    with pytest.raises(ValueError, match="x"):
        run(retries_on, ValueError)
    assert len(LOG) == 1


@flow
def default_after_timeouts() -> Any:
    return slow.options(timeout=2, retry=Retry(2, jitter=False), default=None)("x", 10)


def test_default_comes_after_the_last_timeout() -> None:
    assert run(default_after_timeouts) is None
    assert len(TIMES) == 3
    assert LOG == []


@flow
def default_of_a_failure() -> Any:
    return failing.options(default=[])("x")


def test_default_of_a_failure() -> None:
    assert run(default_of_a_failure) == []


@flow(timeout=3, retry=Retry(1, jitter=False), default="late")
def under_a_header(x: Any) -> Any:
    return slow(x, 10)


@flow
def calls_under_a_header(x: Any) -> list[Any]:
    return [under_a_header(x), under_a_header.options(timeout=30, default="very late")(x)]


def test_options_at_a_call_lie_over_those_of_the_header() -> None:
    assert run(under_a_header, 1) == "late"
    assert run(calls_under_a_header, 1) == ["late", 1]


@flow(cache="10s")
def cached_flow(x: Any) -> Any:
    return slow(x, 1)


@flow
def calls_a_cached_flow(x: Any) -> list[Any]:
    a = cached_flow(x)
    b = cached_flow(x)
    sleep(20)
    c = cached_flow(x)
    return [a, b, c]


def test_a_flow_is_cached_until_it_is_too_old() -> None:
    assert run(calls_a_cached_flow, {"a": [1, {2}]}) == [{"a": [1, {2}]}] * 3
    assert len(LOG) == 2


@node(reads="r", cache=True)
async def remembered(x: Any, **more: Any) -> int:
    LOG.append(x)
    return len(LOG)


@flow
def remembers(x: Any, y: Any) -> list[int]:
    return [remembered(x, k=1), remembered(y, k=1)]


def test_equal_arguments_hit_whatever_they_are() -> None:
    assert run(remembers, {"a": [1, 2]}, {"a": [1, 2]}) == [1, 1]
    assert run(remembers, "remembered", "".join(["remem", "bered"])) == [2, 2]
    part = ["x" * 50]
    assert run(remembers, [part, part], [["x" * 50], ["x" * 50]]) == [3, 3]
    assert run(remembers, 1, True) == [4, 5]


@node(reads="r", cache=True)
async def placed(x: int, t: int = 1, *rest: int, k: str = "", **more: Any) -> int:
    LOG.append(x)
    return len(LOG)


@flow
def equal_calls() -> list[int]:
    return [
        *[placed(1), placed(x=1), placed(1, 1), placed(t=1, x=1, k="")],
        *[placed(1, 2, 3), placed(1, 2, *[3])],
        *[placed(1, a=1, b=2), placed(1, b=2, a=1)],
        *[placed(1, 2), placed(1, 1, 2), placed(1, k="2"), placed(1, a=2)],
    ]


def test_a_call_is_equal_however_its_arguments_are_given() -> None:
    assert alike(run(equal_calls)) == [0, 0, 0, 0, 4, 4, 6, 6, 8, 9, 10, 11]


def alike(results: list[int]) -> list[int]:
    """For each result the place of the first one like it: reads overlap, so the numbers themselves say nothing."""
    return [results.index(result) for result in results]


TWO = env("TWO_OF_THEM", 2)


@flow
def kept_by_call(x: int, t: int = TWO, us: Any = [0], k: str = "", **more: Any) -> int:
    return placed.options(cache=False)(x)


@flow(cache=True)
def kept_by_header(x: int, t: int = TWO, us: Any = [0], k: str = "", **more: Any) -> int:
    return placed.options(cache=False)(x)


@flow
def equal_flow_calls() -> list[int]:
    return [
        kept_by_call.options(cache=True)(1),
        kept_by_call.options(cache=True)(x=1, us=[0]),
        kept_by_call.options(cache=True)(1, 2, k=""),
        kept_by_call.options(cache=True)(1, 3),
        kept_by_call.options(cache=True)(1, a=1, b=2),
        kept_by_call.options(cache=True)(1, b=2, a=1),
    ]


@flow
def equal_flow_calls_by_header() -> list[int]:
    return [
        *[kept_by_header(1), kept_by_header(x=1, us=[0]), kept_by_header(1, 2, k="")],
        *[kept_by_header(1, 3), kept_by_header(1, a=1, b=2), kept_by_header(1, b=2, a=1)],
    ]


@pytest.mark.parametrize("program", [equal_flow_calls, equal_flow_calls_by_header])
def test_a_flow_call_is_equal_however_its_arguments_are_given(program: Any) -> None:
    assert alike(run(program)) == [0, 0, 0, 3, 4, 4]


@node(reads="r", cache=True)
async def picky(x: int) -> int:
    return x


@flow
def called_wrongly(more: list[int]) -> int:
    picky(1)
    return picky(1, *more)


def test_a_call_that_does_not_fit_equals_none_that_does() -> None:
    assert run(called_wrongly, []) == 1
    with pytest.raises(TypeError, match="picky"):
        run(called_wrongly, [2])


def test_a_circle_is_an_argument_too() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert run(remembers, circle, circle) == [1, 1]


def test_arguments_that_cannot_be_kept_say_so() -> None:
    with pytest.raises(TypeError, match=r"cache.*remembered"):
        run(remembers, threading.Lock(), 1)


@node(writes="w")
async def once_only(x: int) -> int:
    LOG.append(x)
    return x


@flow
def onces(key: str) -> list[int]:
    return [once_only.options(once=key)(1), once_only.options(once=key)(2), once_only.options(once=key + "x")(3)]


def test_once_is_for_all_runs_of_an_engine() -> None:
    engine = Engine()
    assert engine.run(onces, "k") == [1, 1, 3]
    assert engine.run(onces, "k") == [1, 1, 3]
    assert LOG == [1, 3]


@node(writes="w")
async def fails_first(x: int) -> int:
    LOG.append(x)
    if len(LOG) == 1:
        raise HttpError(x)
    return x


@flow
def once_after_a_failure(key: str) -> int:
    return fails_first.options(once=key)(1)


def test_a_failure_is_no_once() -> None:
    engine = Engine()
    with pytest.raises(HttpError):
        engine.run(once_after_a_failure, "k")
    assert engine.run(once_after_a_failure, "k") == 1


@node(writes="w", lock="door")
async def through_the_door(x: Any) -> Any:
    LOG.append(("in", x))
    await trio.sleep(1)
    LOG.append(("out", x))
    return x


@flow
def goes_through(x: Any) -> Any:
    return through_the_door(x)


@flow
def holds_and_goes(xs: list[int]) -> list[int]:
    with lock("door"):
        a = goes_through(0)
    found = [goes_through(x) for x in parallel(xs, limit=5)]
    return [a, *found]


def test_a_held_lock_is_not_retaken_and_others_wait_in_order() -> None:
    assert run(holds_and_goes, [1, 2, 3]) == [0, 1, 2, 3]
    assert LOG == [(w, x) for x in range(4) for w in ("in", "out")]


@flow
def waits_for_the_door() -> Any:
    with parallel():
        a = through_the_door("a")
        b = through_the_door.options(timeout=5, default="never")("b")
        c = through_the_door("c")
    return [a, b, c]


def test_waiting_for_a_lock_is_not_timed() -> None:
    assert run(waits_for_the_door) == ["a", "b", "c"]


def test_a_waiter_that_is_cancelled_leaves_the_lock_to_the_next() -> None:
    engine = Engine()

    async def main() -> list[Any]:
        found: list[Any] = []

        async def one(x: int, patience: float) -> None:
            with trio.move_on_after(patience):
                found.append(await engine.start(goes_through, x))

        async with trio.open_nursery() as nursery:
            for x in range(4):
                nursery.start_soon(one, x, 0.5 if x == 1 else 100)
                await trio.sleep(0.01)
        return found

    assert trio.run(main, clock=MockClock(autojump_threshold=0)) == [0, 2, 3]
    assert not engine.services.locks._queues


@node(reads="r", rate="2/10s")
async def rated(x: int) -> float:
    return trio.current_time()


@flow
def rates(xs: list[int]) -> list[float]:
    return [rated(x) for x in parallel(xs, limit=10)]


def test_a_rate_lets_so_many_start_in_any_period() -> None:
    found = run(rates, list(range(6)))
    assert [round(t - found[0]) for t in sorted(found)] == [0, 0, 10, 10, 20, 20]


@node(reads="r")
async def counted(x: int) -> int:
    LOG.append(1)
    TIMES.append(len(LOG))
    await trio.sleep(1)
    LOG.pop()
    return x


@flow
def capped(xs: list[int]) -> int:
    return sum([counted(x) for x in parallel(xs)])


@flow
def capped_in_sub_flows(xs: list[int]) -> int:
    return sum([capped([x, x]) for x in parallel(xs)])


@pytest.mark.parametrize("program", [capped, capped_in_sub_flows])
@pytest.mark.parametrize("listened", [False, True])
def test_the_cap(program: Any, listened: bool) -> None:
    run(program, list(range(10)), limit=3, sinks=[lambda event: None] if listened else [])
    assert max(TIMES) == 3


REGION = env("POLICIES_REGION", "eu")


@node(reads="r")
async def region(x: str, change: str) -> str:
    LOG.append(x)
    import os

    os.environ["POLICIES_REGION"] = change
    return x


@flow
def regions() -> list[str]:
    a = region(REGION, "us")
    b = region(REGION, "us")
    return [a, b]


def test_the_environment_is_read_once_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICIES_REGION", "asia")
    assert regions.run() == ["asia", "asia"]
    assert regions.run() == ["us", "us"]


@node(reads="r")
def blocks(x: int) -> int:
    GATE.wait(5)
    return x


GATE = threading.Event()


@flow
def times_out_in_a_thread() -> Any:
    return blocks.options(timeout=0.02, default="late")(1)


def test_a_blocked_reader_is_left_behind() -> None:
    GATE.clear()
    assert times_out_in_a_thread.run() == "late"
    GATE.set()
