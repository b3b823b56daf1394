"""``once=`` in transactions: what may still be undone is nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from cflow import Engine, collect, flow, node, parallel, race, transaction
from cflow.executor.caches import MemoryCache

LEDGER: list[str] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LEDGER.clear()


@node(writes="ledger")
async def book(text: str) -> str:
    await trio.sleep(0.1)
    LEDGER.append(text)
    return text


@node(writes="ledger")
async def unbook(text: str) -> None:
    LEDGER.remove(text)


@node(writes="ledger")
async def stuck(text: str) -> None:
    raise OSError(text)


@node(reads="x")
async def think(n: float, fails: bool = False) -> float:
    await trio.sleep(n)
    if fails:
        raise ValueError("declined")
    return n


def run(program: Any, **inputs: Any) -> Any:
    return Engine(clock=MockClock(autojump_threshold=0)).run(program, **inputs)


@flow
def settle(i: int, fails: bool) -> str:
    with transaction():
        think(i * 0.2)
        b = book.options(once="fee", undo=unbook)(f"by {i}")
        think(0.5, fails)
        return b


@flow
def at_once(fails: list[bool], n: int) -> list[str]:
    done = collect()
    for i, bad in parallel(list(enumerate(fails)), limit=n):
        done.append(settle(i, bad))
    return done.ok


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("fails", [[True, False], [False, True], [True, True, False], [True, True], [False, False]])
def test_what_one_transaction_undoes_another_does_again(fails: list[bool], n: int) -> None:
    ok = run(at_once, fails=fails, n=n)
    assert len(ok) == fails.count(False)
    first = f"by {fails.index(False)}" if False in fails else None
    assert LEDGER == ([first] if first else [])
    assert set(ok) == ({first} if first else set())


@flow
def siblings() -> list[str]:
    with transaction():
        done: list[str] = []
        for _ in parallel([1, 2, 3]):
            with transaction():
                done.append(book.options(once="fee", undo=unbook)("fee"))
        with parallel():
            a = book.options(once="tip", undo=unbook)("tip")
            b = book.options(once="tip", undo=unbook)("tip")
        return [*done, a, b]


def test_arms_of_one_transaction_share_what_they_have_done() -> None:
    assert run(siblings) == ["fee"] * 3 + ["tip"] * 2
    assert LEDGER == ["fee", "tip"]


@flow
def chosen() -> list[str]:
    done: list[str] = []
    for i in parallel([1, 2, 3], take=2):
        b = book.options(once="fee", undo=unbook)("fee")
        think(i)
        done.append(b)
    return done


def test_passes_of_a_take_share_what_is_chosen() -> None:
    assert run(chosen) == ["fee"] * 2
    assert LEDGER == ["fee"]


@flow
def bets(n: float) -> str:
    b = book.options(once="fee", undo=unbook)(f"after {n}")
    think(n)
    return b


@flow
def raced() -> str:
    return race(bets(2.0), bets(1.0))


def test_an_arm_waits_for_what_another_arm_may_undo() -> None:
    assert run(raced) == "after 2.0"
    assert LEDGER == ["after 2.0"]


@flow
def in_one_order(first: str, second: str) -> str:
    with transaction():
        book.options(once=first, undo=unbook)(first)
        think(1.0)
        return book.options(once=second, undo=unbook)(second)


@flow
def crosswise() -> list[str]:
    done = collect()
    for a, b in parallel([("x", "y"), ("y", "x")]):
        done.append(in_one_order(a, b))
    return [*done.ok, *(f"{f.error}" for f in done.failed)]


def test_two_that_wait_for_one_another_are_told() -> None:
    ok, error = run(crosswise)
    assert ok in ("x", "y")
    assert "wait for one another" in error
    assert sorted(LEDGER) == ["x", "y"]


@flow
def cannot_undo() -> str:
    with transaction():
        book.options(once="fee", undo=stuck)("first")
        think(0.5, True)
        return "never"


@flow
def after_a_failed_undo() -> list[str]:
    done = collect()
    for i in parallel([0, 1]):
        if i:
            think(0.2)
            done.append(book.options(once="fee", undo=unbook)("second"))
        else:
            done.append(cannot_undo())
    return done.ok


def test_what_could_not_be_undone_has_happened() -> None:
    assert run(after_a_failed_undo) == ["first"]
    assert LEDGER == ["first"]


@flow
def pay_all(keys: list[str]) -> None:
    for k in keys:
        pay.options(once=k)(k)


@node(writes="paid", runs="loop")
def pay(k: str) -> None:
    LEDGER.append(k)


def test_who_waits_for_a_value_that_has_grown_old_is_told() -> None:
    async def main() -> list[Any]:
        cache = MemoryCache()
        got: list[Any] = []

        async def make(value: int, claim: object) -> tuple[int, object]:
            return value, claim

        async def wait_for_it() -> None:
            got.append(await cache.get("k", lambda: make(9, None), None, lambda claim: False))

        first, second = object(), object()
        await cache.get("k", lambda: make(1, first), 5, lambda claim: True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_for_it)
            await trio.sleep(10)
            await cache.get("k", lambda: make(2, second), 5, lambda claim: True)
            cache.settle("k", first, False)
            cache.settle("k", second, True)
        return got

    assert trio.run(main, clock=MockClock(autojump_threshold=0)) == [(2, True)]


@node(writes="ledger")
async def unbook_slowly(text: str) -> None:
    await trio.sleep(1)
    LEDGER.remove(text)


@flow
def two_bookings(by: str) -> str:
    book.options(undo=unbook_slowly)(f"{by} 1")
    book.options(undo=unbook_slowly)(f"{by} 2")
    return by


@flow
def one_by_one(i: int, fails: bool) -> str:
    with transaction():
        think(i * 0.5)
        by = two_bookings.options(once="both")(f"{i}")
        think(0.5, fails)
        return by


@flow
def after_both_are_undone() -> list[str]:
    done = collect()
    for i in parallel([0, 1]):
        done.append(one_by_one(i, i == 0))
    return [*done.ok, *(f"{f.error}" for f in done.failed)]


def test_what_owes_several_undos_is_free_when_all_are_run() -> None:
    seen: list[list[str]] = []

    class Ledger(list[str]):
        def append(self, item: str) -> None:
            super().append(item)
            seen.append(list(self))

    global LEDGER
    kept, LEDGER = LEDGER, Ledger()
    try:
        assert run(after_both_are_undone) == ["1", "declined"]
    finally:
        LEDGER = kept
    assert seen == [["0 1"], ["0 1", "0 2"], ["1 1"], ["1 1", "1 2"]]


def test_once_is_not_forgotten() -> None:
    engine = Engine()
    engine.run(pay_all, [f"{n}" for n in range(10_050)])
    engine.run(pay_all, ["0", "10049", "new"])
    assert len(LEDGER) == 10_051


def test_a_full_cache_keeps_what_somebody_waits_for() -> None:
    async def main() -> list[Any]:
        cache = MemoryCache(size=3)
        got: list[Any] = []

        async def make(value: int, claim: object) -> tuple[int, object]:
            return value, claim

        async def wait_for_it() -> None:
            got.append(await cache.get("held", lambda: make(9, None), None, lambda claim: False))

        claim = object()
        await cache.get("held", lambda: make(1, claim), None, lambda claim: False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_for_it)
            await trio.testing.wait_all_tasks_blocked()
            for n in range(10):
                await cache.get(f"{n}", lambda n=n: make(n, None), None, lambda claim: False)
            cache.settle("held", claim, True)
        _, hit = await cache.get("9", lambda: make(0, None), None, lambda claim: False)
        got.append(hit)
        _, hit = await cache.get("1", lambda: make(0, None), None, lambda claim: False)
        got.append(hit)
        return got

    assert trio.run(main) == [(1, True), True, False]
