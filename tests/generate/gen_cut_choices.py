"""Races and takes that are cut: a choice of winners and a point of the sequential run explain what a run did.

What a loser wrote is a prefix of what its arm writes, taken back; so is what every arm wrote where the race itself was
cut. What a winner wrote stays, as the reference says.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from attrs import evolve, frozen
from gen_check import Outcome, lane_of, short
from gen_choices import Answers, Impossible, choice_problems, chosen_passes, chosen_race, taken_back
from gen_cut import CUT, LONG, CutInterpreter, Scissors, State, cut_run
from gen_cut_check import Cuts, explains, part_of, plain
from gen_tree import SOMEWHERE, Program

from cflow.compiler.activation import Activation
from cflow.compiler.durations import seconds
from cflow.compiler.fibers import Frame
from cflow.compiler.interpret import Interpreter
from cflow.compiler.ir import ForEach, Graph, Race
from cflow.compiler.spec import Objects

TRIES = 1_500
"""Runs of the reference; what needs more is left out."""


@frozen
class CutChooser(CutInterpreter):
    """The reference with points, under given answers."""

    answers: Answers

    def race(self, op: Race, act: Activation) -> Frame:
        length = self.maybe(op.timeout, act)
        start = lambda: chosen_race(self, Interpreter.race, op, act)
        return (yield start() if length is None or seconds(length) >= LONG else self.timed(length, start))

    def for_each(self, op: ForEach, act: Activation) -> Frame:
        return (yield chosen_passes(self, Interpreter.for_each, op, act))


def cut_choice_problems(program: Program, graph: Graph, objects: Objects, actual: Outcome) -> list[str]:
    """Where a cancelled run did what no choice and no cut explain; nothing where there are too many to tell."""
    if actual.result != CUT and not choice_problems(program, graph, objects, actual):
        return []
    lanes = {(): None, **{lane_of(program, w): None for w in (*actual.writes, *actual.log)}}
    overlapping = any(lane and not _chosen(program, lane) for lane in lanes)
    lanes.pop(SOMEWHERE, None)
    missing, results = dict(lanes), set()
    pending: list[list[int]] = [[]]
    tries = TRIES
    while pending:
        given = pending.pop()
        answers = Answers(given)
        scissors: Scissors | None = None
        try:
            whole, scissors = cut_run(program, graph, objects, interpreter=partial(CutChooser, answers=answers))
        except Impossible:
            pass
        pending += answers.others()
        if scissors is None:
            continue
        if overlapping and whole.failed:
            missing = {lane: None for lane in missing if not lane}  # its later arms may have done anything
            results.add(plain(whole.result))
        for state in reversed(scissors.states):
            tries -= 1 + len(scissors.states) // 20  # long runs take long
            if tries < 0:
                return []
            again = partial(CutChooser, answers=Answers(given))
            try:
                cut = cut_run(program, graph, objects, state, interpreter=again)
            except Impossible:
                continue
            if not overlapping:
                if fits(program, cut, actual):
                    return []
                continue
            results.add(plain(cut[0].result))
            missing = {lane: None for lane in missing if not _lane_fits(program, cut, actual, lane)}
            if not missing and plain(actual.result) in results:
                return []
    found = f"cut: {actual.result!r} after {short(actual.writes)}, log {short(actual.log)}: no choice explains it"
    return [found, *(f"in arm {lane}" for lane in missing if overlapping)]


def timeout_choice_problems(program: Program, graph: Graph, objects: Objects, actual: Outcome) -> list[str]:
    """Where a run did what no choice of winners and of strikes explains."""
    tried: set[tuple[tuple[int, ...], tuple[tuple[int, State], ...]]] = set()
    tries = TRIES

    def search(given: list[int], strikes: Mapping[int, State]) -> bool:
        nonlocal tries
        key = (tuple(given), tuple(sorted(strikes.items())))
        if key in tried or tries <= 0:
            return tries <= 0
        tried.add(key)
        answers = Answers(given)
        later: dict[State, tuple[int, ...]] = {}
        try:
            cut = cut_run(program, graph, objects, strikes=strikes, interpreter=partial(CutChooser, answers=answers))
        except Impossible:
            tries -= 1
        else:
            tries -= 1 + len(cut[1].states) // 20  # long runs take long
            if fits(program, cut, actual):
                return True
            later = dict(list(cut[1].states.items())[cut[1].after :])
        if any(search(other, strikes) for other in answers.others()):
            return True
        return any(
            search(given, {**strikes, entry: state})
            for state, reaching in reversed(later.items())
            for entry in reaching
        )

    if search([], {}):
        return []
    return [f"timeouts: {actual.result!r}, {short(actual.writes)}, log {short(actual.log)}: no choice explains it"]


def fits(program: Program, cut: Cuts, actual: Outcome) -> bool:
    """Is everything as it is where the reference is cut like this?"""
    expected, scissors = cut
    lanes = {lane_of(program, w): None for w in (*expected.writes, *actual.writes)}
    if not all(_lane_fits(program, cut, actual, lane) for lane in lanes if _chosen(program, lane)):
        return False
    return explains((_plain(program, expected), scissors), _plain(program, actual))


def _lane_fits(program: Program, cut: Cuts, actual: Outcome, lane: tuple[Any, ...]) -> bool:
    expected, scissors = cut
    want, got = part_of(program, expected, lane), part_of(program, actual, lane)
    if not _chosen(program, lane):
        return explains((evolve(want, result=actual.result), scissors), got, logs=False)
    return want.writes == got.writes or all(taken_back(program, o, lane) for o in (want, got))


def _chosen(program: Program, lane: tuple[Any, ...]) -> bool:
    return any(number in program.chosen for number, _ in lane)


def _plain(program: Program, outcome: Outcome) -> Outcome:
    writes, halves = (
        tuple(w for w in ws if not _chosen(program, lane_of(program, w))) for ws in (outcome.writes, outcome.halves)
    )
    return evolve(outcome, writes=writes, halves=halves)
