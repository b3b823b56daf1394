"""The reference for runs that are cut short: the sequential run, cut at a given point.

A *point* lies before and after every operation of the graph, and wherever an async node waits (a write may be half done
there: it owes no undo). Cut at a point, the reference leaves as if by a ``BaseException``: no handler takes it,
``finally`` blocks and undos run to their end, nothing else starts. A ``timeout`` whose time is over is the same up to
its scope or call: there the cut becomes a ``TimeoutError``, and the program goes on.

Points between which nothing was written, entered, left, owed or named cannot be told apart: they share a *state*, and
one of each is enough. The names that count are those that a handler or a ``finally`` sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import define, field, frozen
from gen_check import Outcome, outcome_of, run_detached
from gen_tree import Program
from gen_world import World, begin, result_of

from cflow.compiler.activation import Activation, Owed, Trace, ambient_values, entry_inputs
from cflow.compiler.depth import deep
from cflow.compiler.durations import seconds
from cflow.compiler.evaluate import evaluate
from cflow.compiler.fibers import Frame, run
from cflow.compiler.interpret import Choose, Interpreter, call_node
from cflow.compiler.ir import Call, Graph, Op, Region, Scope, Subflow, Try
from cflow.compiler.spec import NodeSpec, Objects
from cflow.compiler.walk import all_ops

CUT = ("Cut", "")
"""The result of a run that was cut."""

LONG = 1_000.0
"""A timeout of so many seconds never strikes."""

State = tuple[int, int, int]
"""Writes, log lines, and how often something was entered, left, owed or named: what can be told of a point."""


class Cut(BaseException):
    """The run, or a timeout in it, is cut."""


@define
class Scissors:
    """Where a run is cut, and what it passes by.

    ``at``: the state at whose first point the run is cut; None: nowhere. ``strikes``: for a timeout, by the number of
    its entry, the state in which its time is over.
    """

    world: World
    at: State | None = None
    strikes: Mapping[int, State] = field(factory=dict)
    states: dict[State, tuple[int, ...]] = field(factory=dict)
    """The states met, in order, and the timeouts that could strike in each."""
    cut: State | None = None
    lost: list[int] = field(factory=list)
    """How many log lines there were at each cut or strike."""
    after: int = 0
    """How many states were met before the last cut or strike."""
    entries: int = 0
    open: dict[int, int] = field(factory=dict)
    """The timeouts around, and how many shields stand around each: one does not reach into a shield within it."""
    struck: set[int] = field(factory=set)
    shields: int = 0
    turns: int = 0
    names: dict[str, Any] = field(factory=dict)

    def point(self) -> None:
        """Raises :class:`Cut` where the run, or a timeout around, ends here."""
        reaching = tuple(e for e, shields in self.open.items() if shields == self.shields)
        if not self.struck.isdisjoint(reaching) or (self.cut is not None and not self.shields):
            raise Cut
        state = (len(self.world.writes), len(self.world.log), self.turns + self.world.turns)
        if not self.shields or reaching:
            self.states.setdefault(state, reaching)
        over = [e for e in reaching if self.strikes.get(e) == state]
        if not over and (state != self.at or self.shields):
            return
        self.struck.update(over)
        self.cut = None if over else state
        self.lost.append(len(self.world.log))
        self.after = len(self.states)
        raise Cut

    def look(self, names: Mapping[str, Any]) -> None:
        """Notes whether the names that a handler or a ``finally`` sees have changed."""
        if names != self.names:
            self.names = dict(names)
            self.turns += 1

    @contextmanager
    def timeout(self) -> Iterator[int]:
        self.entries += 1
        self.turns += 1
        entry = self.entries
        self.open[entry] = self.shields
        try:
            yield entry
        finally:
            self.open.pop(entry, None)
            self.turns += 1

    @contextmanager
    def turn(self, shield: bool = False) -> Iterator[None]:
        """Something that is entered and left."""
        self.turns += 1
        self.shields += shield
        try:
            yield
        finally:
            self.turns += 1
            self.shields -= shield


@frozen
class CutInterpreter(Interpreter):
    """The reference with points. ``finals``: the ``finally`` regions, by identity."""

    scissors: Scissors
    finals: frozenset[int]

    def operation(self, op: Op, act: Activation) -> Frame:
        self.scissors.look(act.names)
        return (yield self.between(super().operation(op, act)))

    def once(self, spec: NodeSpec, args: list[Any], kwargs: dict[str, Any]) -> Frame:
        # No point behind it: a call that has returned owes its undo.
        return (yield self.between(super().once(spec, args, kwargs), last=False))

    def between(self, frame: Frame, last: bool = True) -> Frame:
        """A point before and after; where it fails, too: a cut may come before an error has left its block.

        What fails in the course of a cut, in a ``finally`` or an undo, takes its place.
        """
        self.scissors.point()
        cuts = len(self.scissors.lost)
        try:
            out = yield frame
        except Exception:
            if len(self.scissors.lost) == cuts:
                self.scissors.point()
            raise
        if last:
            self.scissors.point()
        return out

    def settle(self, op: Call | Subflow, act: Activation, value: Any, completed: bool) -> tuple[Any, ...]:
        self.scissors.turns += op.policy.undo is not None
        return super().settle(op, act, value, completed)

    def subflow(self, op: Subflow, act: Activation) -> Frame:
        out = yield super().subflow(op, act)
        self.scissors.turns += op.detached
        return out

    def arm(self, frame: Frame, act: Activation) -> Frame:
        with self.scissors.turn():
            return (yield super().arm(frame, act))

    def try_(self, op: Try, act: Activation) -> Frame:
        with self.scissors.turn():
            return (yield super().try_(op, act))

    def compensate(self, owed: list[Owed], act: Activation) -> Frame:
        with self.scissors.turn(shield=True):
            return (yield super().compensate(owed, act))

    def region(self, region: Region, act: Activation, params: tuple[Any, ...] = ()) -> Frame:
        with self.scissors.turn(shield=id(region) in self.finals):
            return (yield super().region(region, act, params))

    def scope(self, op: Scope, act: Activation) -> Frame:
        length = None if op.kind == "lock" else self.maybe(op.arg, act)
        if length is None or seconds(length) >= LONG:
            return (yield super().scope(op, act))
        frame = self.timed(length, lambda: self.region(op.body, act))
        return (yield self.arm(frame, act) if op.kind == "transaction" else frame)

    def attempts(self, options: Mapping[str, Any], start: Callable[[], Frame]) -> Frame:
        length = options.get("timeout")
        if length is None or seconds(length) >= LONG:
            return (yield super().attempts(options, start))
        return (yield super().attempts(options, lambda: self.timed(length, start)))

    def timed(self, length: Any, start: Callable[[], Frame]) -> Frame:
        try:
            with self.scissors.timeout() as entry:
                out = yield start()
                self.scissors.point()
                return out
        except Cut:
            if entry not in self.scissors.struck:
                raise
            self.scissors.point()  # a timeout around this one may have struck too
            msg = f"took longer than {seconds(length):g} s"
            raise TimeoutError(msg) from None


def cut_run(
    program: Program,
    graph: Graph,
    objects: Objects,
    at: State | None = None,
    strikes: Mapping[int, State] | None = None,
    choose: Choose | None = None,
    interpreter: Callable[..., CutInterpreter] = CutInterpreter,
) -> tuple[Outcome, Scissors]:
    """What the reference does when it is cut in state ``at``, and the timeouts strike as said."""
    world = begin(program.plan, apart=program.apart)
    scissors = Scissors(world, at, strikes or {})

    async def pause(site: int) -> None:
        scissors.point()

    async def half(site: int) -> None:
        scissors.point()
        scissors.turns += 1

    world.pause, world.half = pause, half
    values = ambient_values(graph, {})
    finals = frozenset(id(op.final) for op in all_ops(graph) if isinstance(op, Try))
    whole = interpreter(
        graph, objects, values, call_node, Trace(), False, choose or (lambda *_: None), scissors, finals
    )
    try:
        bound = entry_inputs(graph.main, program.inputs, lambda e: evaluate(e, {}, objects, values))
        with deep():
            value, _ = run(whole.flow(Activation(graph.main, bound), {}))
        result = result_of(value)
    except Cut:
        result = CUT
    except Exception as error:
        result = result_of(error)
    world.pause = world.half = None
    run_detached(graph, objects, whole.trace)
    return outcome_of(program, result, world), scissors
