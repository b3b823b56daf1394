"""Generated programs on record: whenever their process dies, the next one brings them to the end that the law says.

Nothing that is on record may be called again, and no life may have to say that the record does not fit.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from gen_check import from_text
from gen_explain import Explain, by_choice, by_law, by_strikes, make_with_timeouts, once_and_by_law
from gen_makers import make, make_once, make_races, make_streams, make_windows
from gen_record import run_recorded
from gen_suite import Seeds, report
from gen_tree import Program

from cflow.compiler.diagnostics import ProgramError
from cflow.compiler.passes import PASSES, optimize
from cflow.engine import Compiled, compile_flow
from cflow.planner.optimizations import ALL, Optimizations


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
