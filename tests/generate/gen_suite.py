"""What the tests of this folder share: which seeds they run, how large programs are, what is told of one that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import pytest
from attrs import frozen
from gen_shrink import shrink
from gen_tree import Program

BASE = 90_000_000
"""The first seed, where ``--seed`` does not say another."""

APART = 1_000
"""Seeds from one batch to the next."""


@frozen
class Seeds:
    """The seeds of a session: those from ``base`` on, and ``times`` as many of them with ``--long``."""

    base: int
    long: bool

    def of(self, batch: int, count: int, times: int = 10) -> Iterator[int]:
        """``count`` seeds of a batch, in a range of its own."""
        first = self.base + batch * APART
        return iter(range(first, first + min(APART, count * (times if self.long else 1))))


def size_of(seed: int, most: int = 90) -> int:
    """How many statements: mostly few, since small programs are quick and show most faults; now and then many, since
    some faults need that."""
    random = Random(f"size of {seed}")
    return random.randint(4, random.choice((12, 20, 20, 30, most // 2, most)))


def report(program: Program, seed: int, check: Callable[[Program, int], list[str]]) -> None:
    """Fails, with the program made small, if there is something wrong."""
    problems = checked(program, seed, check)
    if not problems:
        return
    first = problems[0].split(":")[0]
    small = shrink(program, lambda p: (checked(p, seed, check) or [""])[0].split(":")[0] == first, tries=300)
    lines = "\n".join(checked(small, seed, check))
    pytest.fail(f"seed {seed}: {lines}\n\n{small}", pytrace=False)


def checked(program: Program, seed: int, check: Callable[[Program, int], list[str]]) -> list[str]:
    """What is wrong; an exception of the compiler is, too, and is made small like the rest."""
    try:
        return check(program, seed)
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
