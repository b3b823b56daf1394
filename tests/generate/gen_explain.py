"""What a recorded run of a generated program is held to, however often its process died: the judges of each kind."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from gen_check import Outcome, differences, lane_of, reference
from gen_choices import choice_problems
from gen_cut_check import timeout_problems
from gen_cut_choices import timeout_choice_problems
from gen_leaving import generate_leaving
from gen_once import once_problems
from gen_suite import size_of
from gen_timeouts import with_timeouts
from gen_tree import Program

from cflow.engine import Compiled

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
