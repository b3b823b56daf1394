"""Is there a choice of winners for which the reference does what a run did?

The reference asks who wins each race and which passes of a ``take`` are the first; all answers are tried. What the
losers did is outside of it: their writes are a prefix of theirs, and each completed one was taken back, last first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from attrs import define, evolve, field, frozen
from gen_check import Key, Outcome, differences, lane_of, observed, short
from gen_tree import Program
from gen_world import Write

from cflow.compiler.activation import Activation, Trace, ambient_values, entry_inputs
from cflow.compiler.depth import deep
from cflow.compiler.evaluate import evaluate
from cflow.compiler.fibers import Frame, run
from cflow.compiler.interpret import Interpreter, call_node
from cflow.compiler.ir import ForEach, Graph, Race
from cflow.compiler.spec import Objects

TRIES = 300
PASSES_AT_MOST = 4


class Impossible(BaseException):
    """The answers given are none that time could give: a winner that fails, too few successes."""


@define
class Answers:
    """Answers given in order; where they are used up, the first possible one, and what else could have been said."""

    given: list[int]
    options: list[int] = field(factory=list)

    def next(self, among: list[Any]) -> Any:
        number = len(self.options)
        self.options.append(len(among))
        return among[self.given[number] if number < len(self.given) else 0]

    def others(self) -> Iterator[list[int]]:
        """What else could have been said, where nothing was given: each first difference, once."""
        for at in range(len(self.given), len(self.options)):
            said = [*self.given, *([0] * (at - len(self.given)))]
            yield from ([*said, other] for other in range(1, self.options[at]))


@frozen
class Chooser(Interpreter):
    """The reference under given answers; None as an answer: nobody wins."""

    answers: Answers

    def race(self, op: Race, act: Activation) -> Frame:
        return (yield chosen_race(self, Interpreter.race, op, act))

    def for_each(self, op: ForEach, act: Activation) -> Frame:
        return (yield chosen_passes(self, Interpreter.for_each, op, act))


def chosen_race(whole: Any, race: Callable[[Any, Race, Activation], Frame], op: Race, act: Activation) -> Frame:
    """A race as ``race`` runs it, whose winner is what ``whole.answers`` says."""
    winner = whole.answers.next([*range(len(op.regions)), None])
    try:
        out = yield race(evolve(whole, choose=lambda *_: winner), op, act)
    except Exception:
        if winner is not None:
            raise Impossible from None
        raise
    if winner is None:
        raise Impossible
    return out


def chosen_passes(
    whole: Any, for_each: Callable[[Any, ForEach, Activation], Frame], op: ForEach, act: Activation
) -> Frame:
    """A loop as ``for_each`` runs it; if it has a ``take``, ``whole.answers`` says which passes are the first."""
    if op.take is None:
        return (yield for_each(whole, op, act))
    take = whole.value(op.take, act)
    first = whole.answers.next([None, *combinations(range(PASSES_AT_MOST), take)])
    try:
        out = yield for_each(evolve(whole, choose=lambda *_: first), op, act)
    except Exception:
        if first is not None:
            raise Impossible from None
        raise
    if first is not None and len(out[0]) < take:
        raise Impossible
    return out


def outcomes(program: Program, graph: Graph, objects: Objects) -> Iterator[Outcome]:
    """What the reference does under every choice, at most :data:`TRIES` of them."""
    values = ambient_values(graph, {})
    pending: list[list[int]] = [[]]
    for _ in range(TRIES):
        if not pending:
            return
        answers = Answers(pending.pop())
        whole = Chooser(graph, objects, values, call_node, Trace(), False, lambda *_: None, answers)

        def play(inputs: Any, whole: Chooser = whole) -> Any:
            bound = entry_inputs(graph.main, inputs, lambda e: evaluate(e, {}, objects, values))
            with deep():
                return run(whole.flow(Activation(graph.main, bound), {}))[0]

        try:
            yield observed(program, play)
        except Impossible:
            pass
        pending += answers.others()
    msg = f"more than {TRIES} choices"
    raise OverflowError(msg)


def choice_problems(program: Program, graph: Graph, objects: Objects, actual: Outcome) -> list[str]:
    """Where a run did what no choice explains; nothing where there are too many to tell."""
    problems: list[str] = []
    try:
        for expected in outcomes(program, graph, objects):
            found = _problems(program, expected, actual)
            if not found:
                return []
            if not problems or len(found) < len(problems):
                problems = found
    except OverflowError:
        return []
    return ["choice: none explains it; the nearest:", *problems]


def _problems(program: Program, expected: Outcome, actual: Outcome) -> list[str]:
    found = differences(program, _plain(program, expected), _plain(program, actual))
    for lane in {lane_of(program, w): None for w in (*expected.writes, *actual.writes)}:
        if not _chosen(program, lane):
            continue
        want, got = ([w for w in o.writes if lane_of(program, w) == lane] for o in (expected, actual))
        finish = any(program.chosen.get(number) for number, _ in lane)
        lost = not finish and taken_back(program, expected, lane) and taken_back(program, actual, lane)
        if want != got and not lost:
            found.append(f"in arm {lane}: {short(got)} instead of {short(want)}")
    return found


def _chosen(program: Program, lane: tuple[Any, ...]) -> bool:
    return any(number in program.chosen for number, _ in lane)


def _plain(program: Program, outcome: Outcome) -> Outcome:
    writes = tuple(w for w in outcome.writes if not _chosen(program, lane_of(program, w)))
    return evolve(outcome, writes=writes)


def taken_back(program: Program, outcome: Outcome, lane: Key) -> bool:
    """Were the completed writes of an arm undone, last first, each once? One that is half done owes nothing: one at
    most, which was cut or failed when it had written."""
    halves = {(w.site, w.args) for w in outcome.halves}
    done: list[Write] = []
    unowed: list[Write] = []
    for write in outcome.writes:
        if lane_of(program, write) != lane:
            continue
        if write.site not in program.undone:
            done.append(write)
            continue
        while done and done[-1].site != program.undone[write.site]:
            unowed.append(done.pop())
        if not done:
            return False
        done.pop()
    unowed += done
    failing = [w for w in unowed if w.site in program.plan and program.plan[w.site].after]
    return len(unowed) <= 1 and all((w.site, w.args) in halves or w in failing for w in unowed)
