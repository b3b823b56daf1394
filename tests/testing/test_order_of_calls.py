"""``calls`` lists calls in the order of the program, whatever the order in which overlapping ones began."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from cflow import flow, node, parallel, sleep, transaction
from cflow.testing import attempt, calls, mock, reset


@node(reads="r")
async def wait(n: int) -> int:
    return 1


@node(writes="w")
async def undo(x: int) -> None:
    pass


@node(writes="w", undo=undo)
async def put(x: int) -> int:
    return x


@flow
def passes(n: int) -> None:
    for i in parallel(range(n)):
        put(i)


@flow
def the_last_begins_first(n: int) -> None:
    for i in parallel(range(n)):
        sleep(n - i)
        put(10 * i)
        put(10 * i + 1)


@flow
def nested(n: int) -> None:
    for again in range(2):
        for i in parallel(range(n)):
            for j in parallel(range(n)):
                sleep(n * n - n * i - j)
                put(100 * again + 10 * i + j)


@flow
def arms() -> None:
    with parallel():
        slowly(1)
        put(2)
        slowly(3)


@flow
def slowly(x: int) -> int:
    sleep(1)
    return put(x)


@flow
def rows() -> int:
    a = wait(1)
    b = wait(a + 1)
    c = wait(4)
    return a + b + c


@flow
def taken_back(n: int) -> None:
    with transaction():
        for i in parallel(range(n)):
            sleep(n - i)
            put(i)
        assert n > 3


@pytest.fixture(autouse=True, params=range(3))
def mocked(request: pytest.FixtureRequest) -> Iterator[None]:
    random.seed(request.param)
    mock(wait, 1)
    yield
    reset()


def test_of_passes() -> None:
    assert attempt(passes, 6).error is None
    assert calls(put) == [0, 1, 2, 3, 4, 5]


def test_of_passes_that_begin_in_another_order() -> None:
    assert attempt(the_last_begins_first, 3).error is None
    assert calls(put) == [0, 1, 10, 11, 20, 21]


def test_of_loops_in_loops() -> None:
    assert attempt(nested, 2).error is None
    assert calls(put) == [0, 1, 10, 11, 100, 101, 110, 111]


def test_of_arms() -> None:
    assert attempt(arms).error is None
    assert calls(put) == [1, 2, 3]


def test_of_reads_that_run_ahead() -> None:
    assert attempt(rows).error is None
    assert calls(wait) == [1, 2, 4]


def test_of_undos_that_of_time() -> None:
    assert isinstance(attempt(taken_back, 3).error, AssertionError)
    assert calls(put) == [0, 1, 2]
    assert calls(undo) == [2, 1, 0]


def test_of_attempts_that_of_time() -> None:
    attempt(passes, 2)
    attempt(slowly, 9)
    attempt(passes, 2)
    assert calls(put) == [0, 1, 9, 0, 1]
