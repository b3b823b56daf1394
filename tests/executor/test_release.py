"""A value is let go after its last use, also where the function that holds it goes on."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import trio

from cflow import flow, node, transaction

ALIVE: list[weakref.ref[Any]] = []
COUNTS: list[int] = []


class Big:
    """Something large."""


@node(reads="files")
def load(x: int) -> Any:
    big = Big()
    ALIVE.append(weakref.ref(big))
    return big


@node(reads="files")
async def fetch(x: int) -> Any:
    await trio.lowlevel.checkpoint()
    return load.fn(x)


@node(reads="files")
def size(big: Any) -> int:
    return 1


@node(writes="count")
def count(n: int) -> int:
    """How many of the large values are alive."""
    gc.collect()
    COUNTS.append(sum(ref() is not None for ref in ALIVE))
    return n


@node(writes="count")
async def acount(n: int) -> int:
    return count.fn(n)


@flow
def one_by_one(n: int) -> int:
    a = load(1)
    x = count(size(a))
    b = load(x)
    y = size(b)
    return x + count(y)


@flow
def waiting(n: int) -> int:
    a = fetch(1)
    x = acount(size(a))
    b = fetch(x)
    return x + acount(size(b))


@flow
def through_an_arm(n: int) -> int:
    a = load(n)
    if size(a) > n:
        a = load(1)
    return count(size(a))


@flow
def in_a_pass(n: int) -> int:
    total = 0
    for i in range(n):
        a = load(i)
        total += size(a)
        count(i)
    return total


@flow
def used_at_the_end(n: int) -> int:
    a = load(1)
    count(1)
    return size(a)


@flow
def tracked(n: int) -> int:
    a = 0
    try:
        a = load(1)
        count(1)
        n = 1 // n
    except ZeroDivisionError:
        return size(a) + 10
    return n


@flow
def undone(n: int) -> int:
    with transaction():
        a = load(1)
        count.options(undo=lambda m: count(m + 100))(size(a))
        return 1 // n


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    ALIVE.clear()
    COUNTS.clear()


@pytest.mark.parametrize(
    ("what", "n", "result", "counts"),
    [
        (one_by_one, 1, 2, [0, 0]),
        (waiting, 1, 2, [0, 0]),
        (through_an_arm, 1, 1, [0]),
        (through_an_arm, 0, 1, [0]),
        (in_a_pass, 3, 3, [0, 0, 0]),
        (used_at_the_end, 1, 1, [1]),
        (tracked, 0, 11, [1]),
        (tracked, 1, 1, [1]),
    ],
)
def test_what_is_alive(what: Any, n: int, result: int, counts: list[int]) -> None:
    assert what.run(n) == result
    assert COUNTS == counts


def test_an_undo_has_its_arguments() -> None:
    with pytest.raises(ZeroDivisionError):
        undone.run(0)
    assert len(COUNTS) == 2
