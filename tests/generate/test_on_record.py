"""Generated programs on record: whenever their process dies, the next one brings them to the end that the law says.

Nothing that is on record may be called again, and no life may have to say that the record does not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from gen_check import Outcome, differences, from_text, lane_of, reference
from gen_choices import choice_problems
from gen_cut_check import timeout_problems
from gen_cut_choices import timeout_choice_problems
from gen_leaving import generate_leaving
from gen_makers import make, make_once, make_races, make_streams, make_windows
from gen_once import once_problems
from gen_record import run_recorded
from gen_suite import Seeds, report, size_of
from gen_timeouts import with_timeouts
from gen_tree import Program

from cflow.compiler.diagnostics import ProgramError
from cflow.compiler.passes import PASSES, optimize
from cflow.engine import Compiled, compile_flow
from cflow.planner.optimizations import ALL, Optimizations

Explain = Callable[[Program, Compiled, Outcome], list[str]]


def by_law(program: Program, compiled: Compiled, actual: Outcome) -> list[str]:
    return differences(program, reference(program, compiled.graph, compiled.objects), actual)


def once_and_by_law(program: Program, compiled: Compiled, actual: Outcome) -> list[str]:
    expected = reference(program, compiled.graph, compiled.objects)
    return [*differences(program, expected, actual), *once_problems(program, actual, expected)]


def by_choice(program: Program, compiled: Compiled, actual: Outcome) -> list[str]:
    return choice_problems(program, compiled.graph, compiled.objects, actual)


def by_strikes(program: Program, compiled: Compiled, actual: Outcome) -> list[str]:
    lanes = {lane_of(program, w) for w in (*actual.writes, *actual.log)} - {()}
    if not all(number in program.chosen for lane in lanes for number, _ in lane):
        return []  # what overlaps by permission is held to its law where no time is over
    problems = timeout_choice_problems if program.chosen else timeout_problems
    return problems(program, compiled.graph, compiled.objects, actual)


def make_with_timeouts(seed: int) -> Program:
    return with_timeouts(generate_leaving(Random(seed), 4 + size_of(seed, 40)), Random(seed))


def compiled_of(program: Program, seed: int) -> Compiled:
    compiled = compile_flow(from_text(program).source)
    compiled._optimized = optimize(compiled.graph, PASSES if seed % 3 else ())
    return compiled


def check(program: Program, seed: int, explain: Explain = by_law, on: Optimizations = ALL) -> list[str]:
    """What is wrong with how a program survives the deaths that the seed says."""
    try:
        compiled = compiled_of(program, seed)
    except ProgramError as error:
        return [f"refused: {error}"]
    lives = run_recorded(program, compiled, seed, on=on)
    return [*explain(program, compiled, lives.outcome), *lives.problems]


@pytest.mark.parametrize("batch", range(4))
@pytest.mark.parametrize("make", [make, make_streams, make_windows])
def test_programs(make: Callable[[int], Program], batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 12):
        report(make(seed), seed, check)


@pytest.mark.parametrize("batch", range(4))
def test_races_and_takes(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 12):
        report(make_races(seed, 40), seed, lambda p, s: check(p, s, by_choice))


@pytest.mark.parametrize("batch", range(4))
def test_timeouts(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 12):
        report(make_with_timeouts(seed), seed, lambda p, s: check(p, s, by_strikes))


@pytest.mark.parametrize("batch", range(4))
def test_calls_that_happen_once(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 12):
        report(make_once(seed), seed, lambda p, s: check(p, s, once_and_by_law))


def test_they_die_often_and_a_seed_says_when() -> None:
    kills = 0
    for seed in range(20):
        program = make(seed)
        lives = [run_recorded(program, compiled_of(program, seed), seed) for _ in range(2)]
        assert lives[0] == lives[1]
        kills += lives[0].kills
    assert kills > 10
