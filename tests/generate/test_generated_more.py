"""Generated programs with streams, and with races and takes, held to the reference like those of
``test_generated.py``."""

from __future__ import annotations

from random import Random

import pytest
from gen_check import Outcome
from gen_choices import choice_problems, taken_back
from gen_races import generate_races
from gen_shrink import shrink
from gen_streams import generate_streams
from gen_tree import Program
from gen_world import Write
from test_generated import Explain, by_law, check

from cflow.engine import Compiled

BATCHES, BATCH = 5, 20
"""Of programs of each kind; ``--long``: twenty times as many."""

FORMS = """stream[int]|s_a(|s_wc(|batch=|buffer=|for i|break|g0(|race(|take=|rest="finish"|undo undo_d(|q0(|retry=|\
 in range(""".split("|")


def make_streams(seed: int) -> Program:
    return generate_streams(Random(seed), size=4 + seed % 13)


def make_races(seed: int) -> Program:
    return generate_races(Random(seed), size=4 + seed % 13)


def by_choice(program: Program, compiled: Compiled, expected: Outcome, actual: Outcome) -> list[str]:
    return choice_problems(program, compiled.graph, compiled.objects, actual)


def report(program: Program, seed: int, explain: Explain) -> None:
    """Fails, with the program made small, if something is wrong with it."""
    problems = check(program, seed, explain)
    if not problems:
        return
    first = problems[0].split(":")[0]
    small = shrink(program, lambda p: (check(p, seed, explain) or [""])[0].split(":")[0] == first, tries=300)
    lines = "\n".join(check(small, seed, explain))
    pytest.fail(f"seed {seed}: {lines}\n\n{small}", pytrace=False)


def seeds(batch: int, long: bool) -> range:
    return range(batch * 1_000, batch * 1_000 + BATCH * (20 if long else 1))


@pytest.mark.parametrize("batch", range(BATCHES))
def test_streams(batch: int, long: bool) -> None:
    for seed in seeds(batch, long):
        report(make_streams(seed), seed, by_law)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_races_and_takes(batch: int, long: bool) -> None:
    for seed in seeds(batch, long):
        report(make_races(seed), seed, by_choice)


def test_the_generators_are_deterministic_and_cover_their_forms() -> None:
    programs = [make(seed) for make in (make_streams, make_races) for seed in range(60)]
    assert [str(p) for p in programs] == [str(make(seed)) for make in (make_streams, make_races) for seed in range(60)]
    text = "\n".join(map(str, programs))
    for form in FORMS:
        assert form in text, form


@pytest.mark.parametrize("form", ["batch=", "stream[int]", "race(", "take="])
def test_shrinking_keeps_what_fails(form: str) -> None:
    make = make_streams if form in ("batch=", "stream[int]") else make_races
    program = next(p for p in map(make, range(200)) if form in str(p))
    assert str(shrink(program, lambda p: form in str(p))).count("\n") <= 12


@pytest.mark.parametrize(
    ("sites", "half", "lawful"),
    [("", "", True), ("1", "1", True), ("12", "", True), ("132", "3", True), ("1342", "", True), ("13", "3", False),
     ("1324", "", False), ("122", "", False), ("2", "", False), ("1", "", False), ("132", "", False)],
)  # fmt: skip
def test_what_a_loser_has_to_take_back(sites: str, half: str, lawful: bool) -> None:
    program = Program((), {}, {}, dict.fromkeys(range(1, 5), ((1, 0),)), {1: False}, {2: 1, 4: 3})
    writes, halves = ([Write("", int(site), ()) for site in sites_] for sites_ in (sites, half))
    assert taken_back(program, Outcome(None, tuple(writes), (), tuple(halves)), ((1, 0),)) is lawful
