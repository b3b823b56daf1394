"""Generated programs that are cut short: rule 8 of the law, on thousands of cancelled runs.

The executor runs each program under a schedule drawn from the seed and is cancelled somewhere, or a timeout strikes.
What it wrote until then and afterwards must be what the sequential reference does when it is cut at one of its points.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import gen_makers as makers
import pytest
from attrs import evolve
from gen_check import HERE, Outcome, from_text, lane_of
from gen_cut import CUT, cut_run
from gen_cut_check import cut_problems, timeout_problems
from gen_cut_choices import cut_choice_problems, timeout_choice_problems
from gen_leaving import generate_leaving, generate_leaving_races
from gen_makers import make, make_detaching, make_once, make_streams, make_windows
from gen_once import once_problems
from gen_run import Ended, in_place, run_cut, run_seeded
from gen_suite import Seeds, report, size_of
from gen_timeouts import with_timeouts
from gen_tree import Program

import cflow
from cflow.compiler.diagnostics import ProgramError
from cflow.compiler.passes import PASSES, optimize
from cflow.engine import Compiled, compile_flow
from cflow.planner.optimizations import ALL, Optimizations

CUTS = 4
"""How often each program is cancelled."""


def make_races(seed: int) -> Program:
    return makers.make_races(seed, 40)  # many choices of winners take long to try


def make_with_timeouts(seed: int) -> Program:
    return with_timeouts(generate_leaving(Random(seed), 4 + size_of(seed)), Random(seed))


def make_races_with_timeouts(seed: int) -> Program:
    return with_timeouts(generate_leaving_races(Random(seed), size_of(seed, 40)), Random(seed))


def compiled_flow(program: Program, seed: int) -> tuple[Any, Compiled]:
    flow = from_text(program)
    compiled = compile_flow(flow.source)
    compiled._optimized = optimize(compiled.graph, PASSES if seed % 3 else ())
    return flow, compiled


def check_cancelled(program: Program, seed: int, on: Optimizations = ALL) -> list[str]:
    """What is wrong with how a program is cancelled, each time at another point."""
    try:
        flow, compiled = compiled_flow(program, seed)
    except ProgramError as error:
        return [f"refused: {error}"]
    with in_place(seed):
        runs = list(run_cut(program, flow, seed, CUTS, on))
    problems = cut_choice_problems if program.chosen else cut_problems
    for ended in runs:
        found = problems(program, compiled.graph, compiled.objects, ended.outcome)
        found += once_problems(program, ended.outcome)
        if found or ended.left:
            return [*found, f"tasks: {ended.left} left"]
    return []


def check_timeouts(program: Program, seed: int, on: Optimizations = ALL) -> list[str]:
    """What is wrong with a program some of whose timeouts strike."""
    try:
        flow, compiled = compiled_flow(program, seed)
    except ProgramError as error:
        return [f"refused: {error}"]
    with in_place(seed):
        ended = run_seeded(program, flow, seed, slow=0.8, on=on)
    lanes = {lane_of(program, w) for w in (*ended.outcome.writes, *ended.outcome.log)} - {()}
    if not all(number in program.chosen for lane in lanes for number, _ in lane):
        return []  # what overlaps by permission is looked at where a run is cancelled
    problems = timeout_choice_problems if program.chosen else timeout_problems
    found = problems(program, compiled.graph, compiled.objects, ended.outcome)
    found += once_problems(program, ended.outcome)
    return [*found, f"tasks: {ended.left} left"] if found or ended.left else []


@pytest.mark.parametrize("batch", range(8))
def test_cancelled_runs(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 25):
        report(make(seed), seed, check_cancelled)


@pytest.mark.parametrize("batch", range(4))
def test_cancelled_runs_with_streams(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 25):
        report(make_streams(seed), seed, check_cancelled)


@pytest.mark.parametrize("batch", range(4))
def test_cancelled_runs_with_races(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 20):
        report(make_races(seed), seed, check_cancelled)


@pytest.mark.parametrize("batch", range(4))
def test_cancelled_runs_with_windows(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 20):
        report(make_windows(seed), seed, check_cancelled)


@pytest.mark.parametrize("batch", range(4))
def test_cancelled_runs_with_detached_runs(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 20):
        report(make_detaching(seed), seed, check_cancelled)


@pytest.mark.parametrize("batch", range(4))
def test_cancelled_runs_with_calls_that_happen_once(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 20):
        report(make_once(seed), seed, check_cancelled)


@pytest.mark.parametrize("batch", range(8))
def test_timeouts_that_strike(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 25):
        report(make_with_timeouts(seed), seed, check_timeouts)


@pytest.mark.parametrize("batch", range(2))
@pytest.mark.parametrize("make", [make_streams, make_windows, make_once, make_detaching])
def test_timeouts_of_other_forms_that_strike(make: Callable[[int], Program], batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 20):
        report(with_timeouts(make(seed), Random(seed)), seed, check_timeouts)


@pytest.mark.parametrize("batch", range(4))
def test_timeouts_of_races_that_strike(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 20):
        report(make_races_with_timeouts(seed), seed, check_timeouts)


def test_many_runs_are_cut_and_a_schedule_is_given_by_its_seed() -> None:
    ended: list[Ended] = []
    for seed in range(12):
        flow, _ = compiled_flow(make(seed), seed)
        with in_place(seed):
            ended += run_cut(make(seed), flow, seed, CUTS)
            again = list(run_cut(make(seed), flow, seed, CUTS))
        assert ended[-CUTS:] == again
    cut = [e for e in ended if e.outcome.result == CUT]
    assert len(cut) > len(ended) / 3
    assert sum(bool(e.outcome.writes) for e in cut) > len(cut) / 4


def test_timeouts_do_strike() -> None:
    struck = 0
    for seed in range(30):
        program = make_with_timeouts(seed)
        flow, compiled = compiled_flow(program, seed)
        with in_place(seed):
            outcome = run_seeded(program, flow, seed, slow=0.8).outcome
        struck += outcome != cut_run(program, compiled.graph, compiled.objects)[0]
    assert struck > 2


OWING = """
from "./gen_nodes.py" import a_w_b, a_w_ac, undo_a, r_a, note

flow main(n: int) -> int:
    transaction:
        a = a_w_b(1, n) undo undo_a(2, a)
        b = a_w_ac(3, n) undo undo_a(4, b)
    note(5, n)
    try:
        c = a_w_b(6, n)
    finally:
        d = r_a(7, n)
        a_w_ac(8, n)
    return c + d
"""


@pytest.mark.parametrize(
    ("sites", "half", "lawful"),
    [
        ((), (), True),
        ((1, 2), (), True),
        ((1, 3, 2), (3,), True),
        ((1, 3, 4, 2), (), True),
        ((1, 3), (), True),
        ((1, 3, 8), (), True),
        ((1, 3, 6, 8), (), True),
        ((1,), (1,), True),
        ((1,), (), False),
        ((1, 3, 2), (), False),
        ((3, 4), (), False),
        ((1, 3, 2, 4), (), False),
        ((1, 3, 4, 4, 2), (), False),
        ((1, 3, 4), (), False),
        ((1, 3, 6), (), False),
        ((1, 3, 4, 2, 8), (), False),
    ],
)
def test_the_prefix_law_itself(sites: tuple[int, ...], half: tuple[int, ...], lawful: bool) -> None:
    """Half of a write may be done and not owed; what is owed runs once, in reverse; what committed stays."""
    compiled = compile_flow(cflow.loads(OWING, base=HERE).main.source)
    program = Program((), {"n": 2}, {}, {})
    whole, scissors = cut_run(program, compiled.graph, compiled.objects)
    known = {w.site: w for w in whole.writes}
    for state in scissors.states:
        known |= {w.site: w for w in cut_run(program, compiled.graph, compiled.objects, state)[0].writes}
    halves = tuple(evolve(known[site], node="") for site in half)
    outcome = Outcome(CUT, tuple(known[site] for site in sites), (), halves)
    assert (not cut_problems(program, compiled.graph, compiled.objects, outcome)) is lawful
