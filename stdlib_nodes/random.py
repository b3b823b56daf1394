"""Random numbers, choices and samples. All nodes read ``random``: a run that is repeated or resumed gets what it got.

By Python's own random. A ``seed`` makes the result the same each time; for keys and tokens use the ``crypto`` pack.
"""

from __future__ import annotations

import random as _random
from typing import Any

from .. import node

Seed = int | str | None


@node(reads="random")
def integer(low: int, high: int, seed: Seed = None) -> int:
    """A whole number from ``low`` to ``high``, both included.

    ``random.integer(6, 6)`` gives ``6``

    Raises ValueError where ``low`` is above ``high``.
    """
    if low > high:
        msg = f"low is at most high, not {low} and {high}"
        raise ValueError(msg)
    return _source(seed).randint(low, high)


@node(reads="random")
def number(low: float = 0.0, high: float = 1.0, seed: Seed = None) -> float:
    """A number between ``low`` and ``high``.

    ``wait = random.number(1, 5)``
    """
    return _source(seed).uniform(low, high)


@node(reads="random")
def chance(probability: float, seed: Seed = None) -> bool:
    """True as often as ``probability`` says, which is from 0 to 1.

    ``random.chance(1.0)`` gives ``True``
    """
    if not 0 <= probability <= 1:
        msg = f"a probability is from 0 to 1, not {probability}"
        raise ValueError(msg)
    return _source(seed).random() < probability


@node(reads="random")
def choice(items: list[Any], weights: list[float] | None = None, seed: Seed = None) -> Any:
    """One of the items; with ``weights``, each as often as its weight says.

    ``random.choice(["a", "b"], weights=[0, 1])`` gives ``"b"``

    Raises ValueError where there are no items, or weights that do not fit them.
    """
    if not items:
        msg = "there is nothing to choose from"
        raise ValueError(msg)
    if weights is None:
        return _source(seed).choice(items)
    if len(weights) != len(items) or min(weights) < 0 or not 0 < sum(weights) < float("inf"):
        msg = f"weights are {len(items)} numbers from 0 on, one an item, not all 0"
        raise ValueError(msg)
    return _source(seed).choices(items, weights)[0]


@node(reads="random")
def sample(items: list[Any], count: int, seed: Seed = None) -> list[Any]:
    """``count`` of the items, none twice, in random order.

    ``few = random.sample(orders, 10)``

    Raises ValueError where there are fewer.
    """
    if not 0 <= count <= len(items):
        msg = f"of {len(items)} items 0 to {len(items)} can be taken, not {count}"
        raise ValueError(msg)
    return _source(seed).sample(items, count)


@node(reads="random")
def shuffle(items: list[Any], seed: Seed = None) -> list[Any]:
    """The items in random order.

    ``random.shuffle([1, 2, 3], seed=7)`` gives ``[2, 1, 3]``
    """
    return _source(seed).sample(items, len(items))


def _source(seed: Seed) -> _random.Random:
    """Without a seed, one of the system's own numbers: not the shared one, which anybody may have seeded."""
    return _random.SystemRandom() if seed is None else _random.Random(seed)
