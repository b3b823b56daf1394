"""What a type checker must refuse: every line that ends in `# wrong`, and no other. Never run."""

from __future__ import annotations

import sqlite3

from cflow import Collected, collect, convert, flow, lock, loop, node, parallel, race, sleep, timeout, transaction
from cflow.transactional import SQLite


@node(writes="stock")
async def reserve(sku: str, qty: int) -> str:
    return sku


@node
def count(text: str) -> int:
    return 1


@node(purr=True)  # wrong
def misspelt() -> None: ...


@node(retry="3")  # wrong
def retried() -> None: ...


@node(runs="cloud")  # wrong
def elsewhere() -> None: ...


@node(transactional=SQLite("shop.db"))
def pay(db: sqlite3.Connection, order: int) -> int:
    return order


@node(transactional=SQLite("shop.db"))  # wrong
def takes_text(db: str) -> None: ...


@flow(reads="a")  # wrong
def declared() -> None: ...


def number_undo(result: int) -> None: ...


@flow
def main(xs: list[str]) -> int:
    reserve("a")  # wrong
    pay("a")  # wrong
    reserve("a", "b")  # wrong
    reserve("a", 1, key=1)  # wrong
    a: int = reserve("a", 1)  # wrong
    b: str = count("a")  # wrong
    reserve.options(retries=3)  # wrong
    reserve.options(timeout=[1])  # wrong
    reserve.options(undo=number_undo)  # wrong
    reserve.options(retry=3)("a")  # wrong
    count(reserve.fn("a", 1))  # wrong
    c: list[str] = [count(x) for x in parallel(xs, limit=8)]  # wrong
    for x in parallel(xs, limit="8"):  # wrong
        count(x)
    parallel(xs, rest="later")  # wrong
    d: Collected[str] = collect((count(x) for x in parallel(xs)), max_failed=3)  # wrong
    e: str = race(count("a"), count("b"))  # wrong
    with timeout():  # wrong
        pass
    with lock(3):  # wrong
        pass
    with transaction(120):  # wrong
        pass
    while loop(True):  # wrong
        pass
    sleep(None)  # wrong
    f: str = convert(a, int)  # wrong
    main.run(3)  # wrong
    main(xs, 3)  # wrong
    g: str = main.run(xs)  # wrong
    main.options(retries=3)  # wrong
    main.options(retry=3)(3)  # wrong
    main.options(undo=len)  # wrong
    return len([b, c, d, e, f, g])
