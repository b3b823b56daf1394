"""A value is let go after its last use, also where the function that holds it goes on."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest
import trio

from cflow import flow, node, race, transaction
from cflow.executor.threads import Crew

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


@node(reads="files")
def weigh(big: Any, n: int) -> int:
    return n


@node(reads="files")
async def aweigh(big: Any, n: int) -> int:
    return n


@node(reads="files")
async def look(n: int) -> int:
    await trio.lowlevel.checkpoint()
    return n


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
    x = count(1)
    return weigh(a, x)


@flow
def side_by_side(n: int) -> int:
    a = fetch(1)
    b = fetch(2)
    c = fetch(3)
    x = weigh(a, 1)
    y = weigh(b, 2)
    u = acount(x + y) - 2
    z = weigh(c, u)
    w = acount(z)
    return x + y + z + w


@flow
def used_twice_side_by_side(n: int) -> int:
    a = fetch(1)
    b = fetch(2)
    x = aweigh(a, 0)
    y = aweigh(b, 0)
    u = acount(x + y)
    v = weigh(a, u)
    return acount(v)


@flow
def unused_side_by_side(n: int) -> int:
    fetch(1)
    a = fetch(2)
    x = weigh(a, 0)
    y = look(1)
    return acount(x + y)


@flow
def read_in_a_block(n: int) -> int:
    a = fetch(1)
    b = fetch(2)
    if n > 0:
        acount(1)
        x = weigh(a, 1)
    else:
        x = weigh(b, 1)
    return acount(x)


@flow
def loaded_in_a_lane(n: int) -> int:
    a = load(1)
    b = load(2)
    x = size(a)
    y = size(b)
    return acount(x + y)


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


@node(reads="files")
def another(big: Any) -> Any:
    return load.fn(0)


@flow
def collected(n: int) -> int:
    loaded = [load(i) for i in range(n)]
    x = size(loaded)
    return count(x)


@flow
def collected_while_waiting(n: int) -> int:
    loaded = []
    for i in range(n):
        a = fetch(i)
        loaded.append(a)
    x = size(loaded)
    return acount(x)


@flow
def chosen(n: int) -> int:
    loaded = [a for a in [fetch(1), fetch(2)] if size(a) == n]
    x = size(loaded)
    return acount(x)


@flow
def carried(n: int) -> int:
    a = load(0)
    for _ in range(n):
        a = another(a)
    x = size(a)
    return count(x)


@flow
def carried_by_a_condition(n: int) -> int:
    a = fetch(0)
    i = 0
    while i < n:
        a = another(a)
        i += size(a)
    x = size(a)
    return acount(x + 2) - 2


@flow
def items(n: int) -> int:
    total = 0
    for a in [load(1), load(2)]:
        total += size(a)
    return count(total)


@flow
def raced(n: int) -> int:
    a = race(fetch(1), fetch(2))
    x = size(a)
    return acount(x)


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
        (collected, 3, 1, [0]),
        (collected_while_waiting, 3, 1, [0]),
        (chosen, 1, 1, [0]),
        (carried, 3, 1, [0]),
        (carried_by_a_condition, 2, 1, [0]),
        (items, 1, 2, [0]),
        (raced, 1, 1, [0]),
        (used_at_the_end, 1, 1, [1]),
        (side_by_side, 1, 5, [1, 0]),
        (used_twice_side_by_side, 1, 0, [1, 0]),
        (unused_side_by_side, 1, 1, [0]),
        (read_in_a_block, 1, 1, [2, 0]),
        (tracked, 0, 11, [1]),
        (tracked, 1, 1, [1]),
    ],
)
def test_what_is_alive(what: Any, n: int, result: int, counts: list[int]) -> None:
    assert what.run(n) == result
    assert COUNTS == counts


def test_a_lane_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread is slow to see that it has nothing left to do: it still ends the call when the flow has gone on."""
    on = threading.Event()

    def slow(self: Crew, fn: Any, *args: Any) -> bool:
        told = soon(self, fn, *args)
        on.wait(10)
        return told

    soon = Crew.soon
    monkeypatch.setattr(Crew, "soon", slow)
    try:
        assert read_in_a_block.run(1) == 1
        assert COUNTS == [2, 0]
        COUNTS.clear()
        ALIVE.clear()
        assert loaded_in_a_lane.run(1) == 2
        assert COUNTS == [0]
    finally:
        on.set()


def test_an_undo_has_its_arguments() -> None:
    with pytest.raises(ZeroDivisionError):
        undone.run(0)
    assert len(COUNTS) == 2
