"""How the public names type-check in a user's editor. Checked by mypy strict and pyright strict, never run."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any, assert_type

from attrs import frozen

import cflow
from cflow import (
    Collected,
    Diagnostic,
    Retry,
    batched,
    buffered,
    collect,
    convert,
    detach,
    env,
    flow,
    lock,
    loop,
    node,
    parallel,
    race,
    secret,
    sleep,
    timeout,
    transaction,
    wait_signal,
    windowed,
)
from cflow.transactional import SQLite


@frozen(kw_only=True)
class Order:
    id: int
    sku: str
    total: float = 0.0


KEY = secret("STRIPE_KEY")
REGION = env("REGION", "eu-west-1")
LIMIT = env("LIMIT", 8)
PORT = env("PORT", type=int)
assert_type(KEY, str)
assert_type(REGION, str)
assert_type(LIMIT, int)
assert_type(PORT, int)
assert_type(env("HOME"), str)


# ---- nodes ---------------------------------------------------------------------------------------


@node
def fetch(day: str, *, region: str = "eu") -> list[Order]:
    return []


@node(reads="rates", retry=3, timeout="10s")
async def rate(day: str) -> float:
    return 1.0


@node(writes=("stock", "mail"))
async def release(hold: str, note: str = "") -> None: ...


@node(writes="stock", undo=release)
async def reserve(sku: str, qty: int) -> str:
    # Within another node: the function itself, with its own type.
    await release.fn("x")
    assert_type(await rate.fn("today"), float)
    return sku


@node(reads="lines")
async def lines(path: str) -> AsyncIterator[str]:
    yield path


@node
async def numbers(n: int) -> AsyncGenerator[int, None]:
    yield n


@node(pure=True, version="2", runs="thread", cache=True, rate="10/s", lock="p", default=None, once="k")
def score(order: Order, model: str = "v1") -> int:
    return 1


def plain(x: int) -> str:
    return str(x)


@node(transactional=SQLite("shop.db"), writes="paid", retry=3)
def pay(db: sqlite3.Connection, order: int, *, total: float = 0.0) -> str:
    return str(db.execute("SELECT 1").fetchone())


def also(db: sqlite3.Connection, order: int) -> int:
    pay.fn(db, order)  # within another transaction
    return order


assert_type(pay(3, total=1.0), str)
assert_type(node(also, transactional=SQLite("shop.db"))(3), int)
declared = node(plain, pure=True)
assert_type(declared(1), str)
assert_type(declared.fn(1), str)
assert_type(rate("today"), float)
assert_type(reserve("a", 1), str)
assert_type(release("h"), None)
assert_type(lines("f"), Iterator[str])
assert_type(numbers(3), Iterator[int])
assert_type(score.options(retry=Retry(3, on=ValueError), timeout=timedelta(seconds=3))(Order(id=1, sku="a")), int)
assert_type(rate.options(timeout=3, cache="1h", rate="10/s", lock=None, default=0.0, once="a")("today"), float)
assert_type(reserve.options(undo=release)("a", 1), str)
assert_type(reserve.options(undo=lambda hold: release(hold.upper()))("a", 1), str)
passed: Callable[[str], float] = rate
within: Callable[[str], Coroutine[Any, Any, float]] = rate.fn


class Shop:
    @staticmethod
    @node
    async def stock(sku: str) -> int:
        return 1

    @staticmethod
    @flow
    def total(sku: str) -> int:
        return Shop.stock(sku) + Shop().stock(sku=sku)


# ---- flows ---------------------------------------------------------------------------------------


@flow
def settle(order: Order, tries: int = 3) -> str:
    with transaction(timeout=120):
        hold = reserve.options(retry=tries)(order.sku, 1)
        assert_type(hold, str)
        return hold


@flow(timeout="1h", retry=Retry(2))
def nightly(day: str) -> dict[str, int]:
    orders = [o for o in fetch(day, region=REGION) if o.total > 0]
    scores = [score(o) for o in parallel(orders, limit=8)]
    first = [score(o) for o in parallel(orders, limit=8, take=3, rest="finish")]
    assert_type(scores, list[int])
    assert_type(first, list[int])
    assert_type(collect((settle(o) for o in parallel(orders, limit=8)), max_failed=3), Collected[str])

    done: Collected[str] = collect(max_failed=3)
    for o in parallel(orders):
        assert_type(o, Order)
        done.append(settle(o))
    assert_type(done.ok, list[str])
    for failed in done.failed:
        assert_type(failed.index, int)
        assert_type(failed.error, BaseException)

    assert_type(race(rate(day), score(orders[0])), float | int)
    assert_type(race(rate(day), settle(orders[0]), timeout=3), float | str)
    assert_type(race(rate(day), rate(day), timeout="3s"), float)
    with parallel():
        a = rate(day)
        b = settle(orders[0], tries=1)
    assert_type((a, b), tuple[float, str])
    n = 0
    while loop(n < 3, max=5):
        n += 1
    with timeout(5), lock("printer"):
        sleep("3d")
    assert_type(detach(settle(orders[0])), str)
    raw = wait_signal("approve", day, timeout="2d", default=False)
    assert_type(convert(raw, Order), Order)
    assert_type(convert(raw, list[int]), list[int])
    maybe: int | None = convert(raw, int | None)
    assert_type(settle.options(retry=2)(orders[0]), str)
    return {"done": len(done.ok), "maybe": maybe or 0}


@flow
def live(path: str) -> Iterator[int]:
    for line in buffered(lines(path), 100):
        assert_type(line, str)
        yield len(line)
    for few in windowed(lines(path), "1m"):
        assert_type(few, list[str])
    for some in batched(numbers(3), 1000):
        assert_type(some, list[int])


assert_type(settle(Order(id=1, sku="a")), str)
assert_type(settle.run(Order(id=1, sku="a"), tries=3), str)
assert_type(nightly.run("today"), dict[str, int])
assert_type(live.run("f"), Iterator[int])
assert_type(settle.check(), list[Diagnostic])
assert_type(settle.explain(), str)
assert_type(settle.digest, str)
patient = settle.options(retry=2, timeout="1m", undo=lambda hold: release(hold.upper()))
assert_type(patient(Order(id=1, sku="a")), str)
assert_type(patient.run(Order(id=1, sku="a"), tries=3), str)
assert_type(patient.digest, str)
assert_type(live.options(timeout=3).run("f"), Iterator[int])


async def ordinary() -> None:
    assert_type(await settle.start(Order(id=1, sku="a")), str)
    async for length in await live.start("f"):
        assert_type(length, int)


module = cflow.load("orders.cflow", allow=["http"])
other = cflow.loads("flow f() -> int:\n    return 1\n")
assert_type(cflow.check("flow f():\n    pass\n", base="."), list[Diagnostic])
module.settle.run()
