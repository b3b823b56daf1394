"""Is what a run did until it was cut, and while it was being cut, something that the sequential run could do?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attrs import evolve
from gen_check import Outcome, differences, lane_of, short
from gen_cut import CUT, Scissors, State, cut_run
from gen_tree import SOMEWHERE, Program
from gen_world import Write

from cflow.compiler.interpret import Choose
from cflow.compiler.ir import Graph
from cflow.compiler.spec import Objects

Cuts = tuple[Outcome, Scissors]

STATES = 200
"""A run with more states is left out: the reference may have to run once for each."""


def cut_problems(
    program: Program, graph: Graph, objects: Objects, actual: Outcome, choose: Choose | None = None
) -> list[str]:
    """Where a cancelled run broke the law: what it wrote is a prefix, and what it then had to take back it took back.

    In a parallel construct this holds for each arm; if the sequential run fails there, its later arms may have done
    anything.
    """
    whole, scissors = cut_run(program, graph, objects, choose=choose)
    if actual.result != CUT:
        found = differences(program, whole, actual)
        if not found:
            return []
    if len(scissors.states) > STATES:
        return []
    lanes = {lane_of(program, w): None for w in (*whole.writes, *whole.log, *actual.writes, *actual.log)}
    if not any(lanes):
        most = _alike(whole.writes, actual.writes)
        for state in reversed(scissors.states):
            if state[0] <= most and explains(cut_run(program, graph, objects, state, choose=choose), actual):
                return []
        return [
            f"cut: {actual.result!r} after {short(actual.writes)}, log {short(actual.log)}: no prefix of",
            f"{short(whole.writes)}, log {short(whole.log)}",
        ]
    missing = dict.fromkeys(k for k in lanes if k != SOMEWHERE and not (k and whole.failed))
    results = {plain(CUT)}
    for state in reversed(scissors.states):
        expected, cut = cut_run(program, graph, objects, state, choose=choose)
        results.add(plain(expected.result))
        for key in tuple(missing):
            part = evolve(part_of(program, expected, key), result=actual.result)
            if explains((part, cut), part_of(program, actual, key), logs=False):
                del missing[key]
        if not missing and plain(actual.result) in results:
            return []
    if plain(actual.result) not in results:
        return [f"result: {actual.result!r}"]
    return [f"cut, in arm {k}: {short(part_of(program, actual, k).writes)}: no prefix" for k in missing]


def part_of(program: Program, outcome: Outcome, key: object) -> Outcome:
    """What was done in one lane."""
    parts = (tuple(w for w in ws if lane_of(program, w) == key) for ws in (outcome.writes, outcome.log, outcome.halves))
    return Outcome(outcome.result, *parts)


def explains(cut: Cuts, actual: Outcome, logs: bool = True) -> bool:
    """Did the sequential run, cut like this, do the same? Log lines may be missing where it was cut: later writes do
    not wait for them."""
    expected, scissors = cut
    if any(getattr(expected, what) != getattr(actual, what) for what in ("writes", "halves", "detached")):
        return False
    if plain(expected.result) != plain(actual.result):
        return False
    if expected.log == actual.log:
        return True
    if not logs:
        return not Counter(actual.log) - Counter(expected.log)
    missing: set[int] = set()
    rest = list(actual.log)
    for number, line in enumerate(expected.log):
        if rest and line == rest[0]:
            del rest[0]
        else:
            missing.add(number)
    return not rest and all(n + 1 in missing or n + 1 in scissors.lost for n in missing)


def plain(result: object) -> object:
    """A result without what the text of a timeout says of its operation: passes may rename that."""
    if isinstance(result, tuple) and result[0] == "TimeoutError":
        return "TimeoutError", result[1][result[1].find("took longer") :]
    return result


def timeout_problems(program: Program, graph: Graph, objects: Objects, actual: Outcome, tries: int = 400) -> list[str]:
    """Where a run whose timeouts may strike did what no choice of strikes explains."""
    tried: set[tuple[tuple[int, State], ...]] = set()

    def search(strikes: Mapping[int, State]) -> bool:
        nonlocal tries
        key = tuple(sorted(strikes.items()))
        if key in tried or tries <= 0:
            return tries <= 0
        tried.add(key)
        tries -= 1
        expected, scissors = cut = cut_run(program, graph, objects, strikes=strikes)
        if explains(cut, actual):
            return True
        most = _alike(expected.writes, actual.writes)
        later = list(scissors.states.items())[scissors.after :]
        for state, reaching in reversed(later):
            if state[0] <= most:
                for entry in reaching:
                    if search({**strikes, entry: state}):
                        return True
        return False

    if search({}):
        return []
    whole, _ = cut_run(program, graph, objects)
    return [
        f"timeouts: {actual.result!r}, {short(actual.writes)}, log {short(actual.log)}: no choice explains it",
        f"without any: {whole.result!r}, {short(whole.writes)}, log {short(whole.log)}",
    ]


def _alike(one: tuple[Write, ...], other: tuple[Write, ...]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
