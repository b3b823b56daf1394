"""Generated programs with streams, and with races and takes, held to the reference like those of
``test_generated.py``."""

from __future__ import annotations

import pytest
from gen_check import Outcome
from gen_choices import choice_problems, taken_back
from gen_makers import make_detaching, make_once, make_races, make_streams, make_windows
from gen_once import once_problems
from gen_shrink import shrink
from gen_suite import Seeds, report
from gen_tree import Program
from gen_world import Write
from test_generated import check

from cflow.engine import Compiled

FORMS = """stream[int]|s_a(|s_wc(|batch=|buffer=|for i|break|g0(|race(|take=|rest="finish"|undo undo_d(|q0(|retry=|\
 in range(|once=|detach |window=""".split("|")


def by_choice(program: Program, compiled: Compiled, expected: Outcome, actual: Outcome) -> list[str]:
    return choice_problems(program, compiled.graph, compiled.objects, actual)


@pytest.mark.parametrize("batch", range(5))
def test_streams(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 25):
        report(make_streams(seed), seed, check)


@pytest.mark.parametrize("batch", range(5))
def test_races_and_takes(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 25):
        report(make_races(seed), seed, lambda p, s: check(p, s, by_choice))


@pytest.mark.parametrize("batch", range(4))
def test_windows(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 20):
        report(make_windows(seed), seed, check)


@pytest.mark.parametrize("batch", range(4))
def test_detached_runs(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 20):
        report(make_detaching(seed), seed, check)


@pytest.mark.parametrize("batch", range(4))
def test_calls_that_happen_once(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 20):
        report(make_once(seed), seed, check)


def test_the_generators_are_deterministic_and_cover_their_forms() -> None:
    makers = (make_streams, make_races, make_once, make_windows, make_detaching)
    programs = [make(seed) for make in makers for seed in range(60)]
    assert [str(p) for p in programs] == [str(make(seed)) for make in makers for seed in range(60)]
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


@pytest.mark.parametrize(
    ("sites", "lawful"),
    [("", False), ("1", True), ("121", True), ("1h1", True), ("11", False), ("12", False), ("122", False),
     ("1h", False), ("1h2", False)],
)  # fmt: skip
def test_what_happens_once(sites: str, lawful: bool) -> None:
    """Of two passes that want to make the call of site 1, which site 2 undoes, one fails; h: a half."""
    program = Program((), {}, {}, {}, once={1: (2, True)})
    writes = {"1": Write("w_d", 1, (0,)), "2": Write("undo_d", 2, (5, 0)), "h": Write("", 1, (0,))}
    expected = Outcome(None, (), (), once=tuple(writes[s] for s in "121"))
    actual = Outcome(None, (), (), once=tuple(writes[s] for s in sites))
    assert (once_problems(program, actual, expected) == []) is lawful
