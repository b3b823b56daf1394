from __future__ import annotations

from typing import Any

import pytest

import cflow
from cflow.stdlib_nodes import random


def test_ranges() -> None:
    assert {random.integer.fn(1, 3) for _ in range(200)} == {1, 2, 3}
    assert all(2 <= random.number.fn(2, 3) <= 3 for _ in range(50))
    assert {random.chance.fn(0.5) for _ in range(200)} == {True, False}
    assert not random.chance.fn(0)
    assert {random.choice.fn("ab") for _ in range(200)} == {"a", "b"}
    assert {random.choice.fn(["a", "b", "c"], [1, 0, 2]) for _ in range(200)} == {"a", "c"}


def test_samples() -> None:
    items = list(range(100))
    assert len(set(random.sample.fn(items, 30))) == 30
    assert random.shuffle.fn(items) != items
    assert sorted(random.shuffle.fn(items)) == items == list(range(100))
    assert random.sample.fn([], 0) == random.shuffle.fn([]) == []


def test_a_seed_repeats() -> None:
    for call in (
        lambda seed: random.integer.fn(0, 10**9, seed),
        lambda seed: random.number.fn(seed=seed),
        lambda seed: random.sample.fn(list(range(50)), 10, seed),
        lambda seed: random.shuffle.fn(list(range(50)), seed),
        lambda seed: random.choice.fn(list(range(10**6)), seed=seed),
    ):
        assert call(7) == call(7) != call(8)
        assert call("a") == call("a")
        assert call(None) != call(None)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random.integer.fn(2, 1), "low is at most high"),
        (lambda: random.chance.fn(1.5), "a probability is from 0 to 1"),
        (lambda: random.choice.fn([]), "nothing to choose from"),
        (lambda: random.choice.fn([1], [1, 2]), "weights are 1 numbers"),
        (lambda: random.choice.fn([1, 2], [0, 0]), "not all 0"),
        (lambda: random.choice.fn([1, 2], [-1, 2]), "from 0 on"),
        (lambda: random.choice.fn([1, 2], [float("inf"), 2]), "weights"),
        (lambda: random.sample.fn([1], 2), "of 1 items 0 to 1 can be taken, not 2"),
    ],
)
def test_what_cannot_be(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_two_draws_are_two_draws() -> None:
    """They read, so equal calls are not shared."""
    draw = "random.integer(0, 1000000000000)"
    module = cflow.loads(f"import random\nflow f() -> list[int]:\n    return [{draw}, {draw}]\n")
    first, second = module.f.run()
    assert first != second
