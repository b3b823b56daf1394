"""Calls that block, beside each other: in which order they begin, what they may use, and where they stop."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Any

import pytest
import trio

from cflow import Engine, flow, node

STARTS: list[str] = []
GO = threading.Event()
LEFT = threading.Event()
BUSY = threading.Event()
ABOUT: ContextVar[str] = ContextVar("ABOUT", default="nothing")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    STARTS.clear()
    GO.clear()
    LEFT.clear()
    BUSY.clear()


@node(reads="world", runs="thread")
def step(name: str, *after: Any) -> str:
    STARTS.append(name)
    return name


@node(reads="world")
async def lead() -> str:
    """Has the first slot, so that all others wait in line, and none of them goes on in its task."""
    STARTS.append("lead")
    return "lead"


@flow
def a_diamond_beside_others() -> list[str]:
    first = lead()
    o0 = step("o0")
    o1 = step("o1")
    o2 = step("o2")
    c0 = step("c0")
    c1 = step("c1", c0)
    c2 = step("c2", c0)
    c3 = step("c3", c1, c2)
    return [first, o0, o1, o2, c3]


def test_a_call_that_ends_lets_its_successors_stand_in_line_before_its_slot_goes_on() -> None:
    ids = [s.id for s in a_diamond_beside_others.plan().steps if s.kind == "call"]
    profile = {id: 9.0 if "lead" in id else 1.0 for id in ids}
    engine = Engine(limit=1, profile=profile)
    assert engine.run(a_diamond_beside_others) == ["lead", "o0", "o1", "o2", "c3"]
    assert STARTS == ["lead", "c0", "c1", "c2", "o0", "o1", "o2", "c3"]


@flow
def equals() -> list[str]:
    return [step("a"), step("b"), step("c"), step("d"), step("e")]


def test_equals_begin_in_the_order_of_the_lines() -> None:
    assert Engine(limit=1).run(equals) == ["a", "b", "c", "d", "e"]
    assert STARTS == ["a", "b", "c", "d", "e"]


@node(reads="world")
async def hog() -> bool:
    """Keeps the loop to itself, once one of the others is under way and the rest stand in line."""
    while not STARTS:
        await trio.sleep(0.001)
    for _ in range(5):
        await trio.lowlevel.checkpoint()
    BUSY.set()
    return GO.wait(20)


@node(reads="world", runs="thread")
def first_of_all(name: str) -> str:
    STARTS.append(name)
    BUSY.wait(20)
    return name


@node(reads="world", runs="thread")
def last(name: str) -> str:
    GO.set()
    return name


@flow
def beside_a_hog() -> list[Any]:
    h = hog()
    a = first_of_all("a")
    b = step("b")
    c = last("c")
    return [h, a, b, c]


def test_a_slot_goes_on_while_the_loop_is_busy() -> None:
    assert Engine(limit=2).run(beside_a_hog) == [True, "a", "b", "c"]


@node(reads="world", runs="thread")
def waits(name: str) -> str:
    """Asks whether it was cut, as long as it lasts."""
    STARTS.append(name)
    try:
        while not GO.wait(0.001):
            trio.from_thread.check_cancelled()
    finally:
        LEFT.set()
    return name


@node(reads="world")
async def fails() -> str:
    await trio.sleep(0)
    while not STARTS:
        await trio.sleep(0.001)
    raise ValueError("no")


@flow
def cut() -> list[str]:
    f = fails()
    a = waits("a")
    b = waits("b")
    c = waits("c")
    return [f, a, b, c]


def test_a_call_that_is_left_behind_can_know_and_nothing_begins_after_it() -> None:
    with pytest.raises(ValueError, match="no"):
        Engine(limit=2).run(cut)
    assert LEFT.wait(20)
    assert STARTS == ["a"]


@node(reads="world", runs="thread")
def asks_the_loop(x: int) -> Any:
    return trio.from_thread.run_sync(trio.lowlevel.in_trio_run), trio.from_thread.run(answer, x)


async def answer(x: int) -> int:
    await trio.sleep(0)
    return x + 1


@flow
def two_ask() -> list[Any]:
    return [asks_the_loop(1), asks_the_loop(2)]


def test_a_call_in_a_lane_reaches_the_loop() -> None:
    assert Engine().run(two_ask) == [(True, 2), (True, 3)]


@node(reads="world", runs="thread")
def about(name: str) -> str:
    before = ABOUT.get()
    ABOUT.set(name)
    return f"{name} {before}"


@flow
def five_about() -> list[str]:
    return [about("a"), about("b"), about("c"), about("d"), about("e")]


def test_what_a_call_sets_in_context_variables_stays_with_it() -> None:
    ABOUT.set("the caller")
    expected = [f"{name} the caller" for name in "abcde"]
    assert Engine(limit=1).run(five_about) == Engine().run(five_about) == expected
    assert ABOUT.get() == "the caller"


class Crowd:
    """How many are inside at once; the first forty wait for each other."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = self.most = 0

    def enter(self) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            if self.inside == 40:
                GO.set()
        assert GO.wait(20)
        with self.lock:
            self.inside -= 1


CROWD = Crowd()


@node(reads="world", runs="thread")
def meet(i: int) -> int:
    CROWD.enter()
    return i


@flow
def two_dozen(i: int) -> int:
    a = [meet(i), meet(i), meet(i), meet(i), meet(i), meet(i), meet(i), meet(i)]
    b = [meet(i), meet(i), meet(i), meet(i), meet(i), meet(i), meet(i), meet(i)]
    c = [meet(i), meet(i), meet(i), meet(i), meet(i), meet(i), meet(i), meet(i)]
    return sum(a) + sum(b) + sum(c)


@flow
def two_frames() -> list[int]:
    a = two_dozen.options(retry=1)(1)
    b = two_dozen.options(retry=1)(2)
    return [a, b]


def test_all_frames_of_a_run_share_its_threads() -> None:
    assert Engine().run(two_frames) == [24, 48]
    assert CROWD.most == 40
