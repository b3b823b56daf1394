"""The laws of a graph, in one place, each with a name. Checked after lowering and around every pass.

A broken law is a bug of the engine, never of a program: the error names the law and shows the operations around. Owns
no meaning: a graph that keeps the laws is one that :mod:`.interpret` and the planner can rely on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import define, evolve, field, frozen

from .constants import has_literal_form
from .depth import deep
from .diagnostics import EngineBug
from .effects import flow_effects
from .evaluate import BUILTIN_CLASSES
from .ir import (
    Ambient,
    Apply,
    Call,
    Comprehension,
    Const,
    Emit,
    Exit,
    Expr,
    FlowGraph,
    ForEach,
    Global,
    Graph,
    Loop,
    Mark,
    Op,
    Parallel,
    Race,
    Raise,
    Ref,
    Region,
    Subflow,
    Try,
)
from .operators import BUILTINS
from .printer import print_head
from .shape import arity_problem, ends_region, operator_fits, runs_for_ever
from .spec import Effects
from .walk import (
    exprs_of,
    needs,
    ops_in,
    policy_exprs,
    policy_of,
    refs_of,
    regions_of,
    subexpressions,
    target_ids,
    uses,
)

LAWS = {
    "entry": "the entry is one of the graph's flows",
    "keys": "flows, nodes, classes and ambient values stand under their own keys",
    "single-assignment": "a value id is defined once in a flow",
    "ids": "an operation's id is unique in a flow, and not empty",
    "bound": "a value is bound before it is used",
    "takes": "a region takes exactly what it uses from outside, each once",
    "arity": "operations, regions, exits and handlers hand over as many values as are expected",
    "terminated": "a region has no results exactly where its end cannot be reached, and nothing follows an exit",
    "exits": "a return, break or continue stands only where control may leave so",
    "marks": "marks are in order, in range, and of names that a try around tracks",
    "targets": "what is called, named or emitted into exists",
    "operators": "operators are known and have the operands they need",
    "undo": "only a node that writes has an undo, and no detached run",
    "streams": "a flow emits into its own stream exactly where it is a stream",
    "flows": "a flow's parameters, its body's parameters and their defaults fit together",
}
"""Every law by name. A pass may rely on all of them and must keep all of them."""


class LawBroken(EngineBug):
    """A graph breaks a law. ``.law`` is a key of :data:`LAWS`."""

    def __init__(self, law: str, detail: str) -> None:
        self.law = law
        super().__init__(f"{law}: {LAWS[law]}; {detail}")


def verify(graph: Graph) -> None:
    """Checks every law on every flow of ``graph``.

    Raises
    ------
    LawBroken: an :class:`~.diagnostics.EngineBug` that names the law and shows the operations around the place.
    """
    if graph.entry not in graph.flows:
        raise LawBroken("entry", f"there is no flow {graph.entry!r}")
    for what, table in (("flow", graph.flows), ("node", graph.nodes), ("class", graph.classes)):
        for key, entry in table.items():
            if entry.key != key:
                raise LawBroken("keys", f"the {what} {entry.key!r} stands under {key!r}")
    for key, spec in graph.ambient.items():
        if spec.name != key:
            raise LawBroken("keys", f"the {spec.kind} {spec.name!r} stands under {key!r}")
    _check_targets(graph)
    effects = flow_effects(graph)
    with deep():
        for flow in graph.flows.values():
            _Verifier(graph, flow, effects).flow_laws()


def _check_targets(graph: Graph) -> None:
    """What is called exists: first of all, since effects are looked up by it."""
    for flow in graph.flows.values():
        for op in ops_in(flow.body):
            known = graph.flows if isinstance(op, Subflow) else graph.nodes
            if isinstance(op, (Call, Subflow)) and op.target not in known:
                raise LawBroken(
                    "targets", f"{op.target!r} is called in {flow.key} and is not in the graph: {print_head(op)}"
                )
            undo = policy_of(op).undo
            if undo is not None and undo.target not in (graph.flows if undo.is_flow else graph.nodes):
                raise LawBroken("targets", f"the undo {undo.target!r} is not in the graph: {print_head(op)}")


@frozen
class _Place:
    """What surrounds a region: where exits may go, what is tracked, and what collects."""

    exits: Mapping[str, int] = field(factory=dict)
    """The exits that may stand here, with the number of values each hands over."""
    handler: bool = False
    """Does an error to raise again stand around?"""
    tracked: frozenset[str] = frozenset()
    collecting: frozenset[str] = frozenset()


@define
class _Verifier:
    """The laws on one flow; each method checks one kind of thing."""

    graph: Graph
    flow: FlowGraph
    effects: Mapping[str, Effects]
    defined: set[str] = field(factory=set)
    local: set[str] = field(factory=set)
    """The ids that comprehensions bind."""
    ids: set[str] = field(factory=set)

    def broken(self, law: str, detail: str, region: Region | None = None, at: int = 0) -> LawBroken:
        text = f"{detail}, in flow {self.flow.key}"
        if region is not None:
            first = max(0, at - 5)
            around = [
                f"{'->' if i == at else '  '} {print_head(op)}"
                for i, op in enumerate(region.ops[first : at + 6], first)
            ]
            text = "\n".join([f"{text}:", *around])
        return LawBroken(law, text)

    def flow_laws(self) -> None:
        flow = self.flow
        names = [p.name for p in flow.params]
        if len(flow.body.params) != len(names) or len(set(names)) != len(names):
            raise self.broken("flows", f"the parameters are {names}, those of the body {flow.body.params}")
        for param in flow.params:
            variadic = param.kind in ("var_pos", "var_kw")
            if param.default is not None and (param.required or variadic):
                raise self.broken("flows", f"{param.name!r} has a default and must not")
            if param.default is None and not param.required and not variadic:
                raise self.broken("flows", f"{param.name!r} is not required and has no default")
            if param.default is not None:
                self.expr_laws((param.default,), set(), flow.body, 0)
        self.expr_laws(policy_exprs(flow.policy), set(flow.body.params), flow.body, 0)
        if flow.body.results is not None and len(flow.body.results) > 1:
            raise self.broken("arity", "a flow gives one value, or none")
        self.region_laws(flow.body, set(), _Place({"return": 1}))
        if self.defined & self.local:
            raise self.broken("single-assignment", f"comprehensions bind {sorted(self.defined & self.local)} too")

    def region_laws(self, region: Region, outside: set[str], place: _Place) -> None:
        """The laws on a region; ``outside`` are the values bound around it."""
        used = uses(region)
        unbound = used.keys() - outside
        if unbound:
            at = next((i for i, op in enumerate(region.ops) if not unbound.isdisjoint(needs(op))), len(region.ops))
            raise self.broken("bound", f"{sorted(unbound)} are used and not bound", region, at)
        if len(set(region.takes)) != len(region.takes) or used.keys() != set(region.takes):
            raise self.broken("takes", f"{sorted(region.takes)} are taken, {sorted(used)} are used", region)
        bound = set(region.takes)
        self.bind(region.params, bound, region, 0)
        marks = list(reversed(region.marks))
        indexes = [m.index for m in region.marks]
        if indexes != sorted(indexes) or (indexes and not 0 <= indexes[0] <= indexes[-1] <= len(region.ops)):
            raise self.broken("marks", "a mark is out of order or out of range", region)
        for index, op in enumerate(region.ops):
            while marks and marks[-1].index <= index:
                self.mark_laws(marks.pop(), bound, region, index, place)
            self.op_laws(op, region, index, bound, place)
            self.bind(op.results, bound, region, index)
            if ends_region(op) and index + 1 < len(region.ops):
                raise self.broken("terminated", f"something follows {op.id}", region, index)
        end = len(region.ops)
        for mark in reversed(marks):
            self.mark_laws(mark, bound, region, end, place)
        self.expr_laws(region.results or (), bound, region, end)
        last = region.ops[-1] if region.ops else None
        unreached = last is not None and ends_region(last)
        if unreached != (region.results is None) and not (region.results is None and last and runs_for_ever(last)):
            raise self.broken("terminated", f"the results are {region.results}", region, end - 1)

    def bind(self, ids: Iterable[str], bound: set[str], region: Region, at: int) -> None:
        for id in ids:
            if id in self.defined or not id:
                raise self.broken("single-assignment", f"{id!r} is defined twice, or empty", region, at)
            self.defined.add(id)
            bound.add(id)

    def mark_laws(self, mark: Mark, bound: set[str], region: Region, at: int, place: _Place) -> None:
        if mark.var not in place.tracked:
            raise self.broken("marks", f"{mark.var!r} is marked and no try tracks it", region, at)
        self.expr_laws((mark.value,), bound, region, at)

    def expr_laws(self, exprs: Iterable[Expr], bound: set[str], region: Region, at: int) -> None:
        for expr in exprs:
            for ref in refs_of(expr):
                if ref not in bound:
                    raise self.broken("bound", f"{ref!r} is used and not bound", region, at)
            for part in subexpressions(expr):
                problem = self.atom_problem(part)
                if problem is not None:
                    raise self.broken(*problem, region, at)

    def atom_problem(self, expr: Expr) -> tuple[str, str] | None:
        """The law that one expression breaks, and how."""
        match expr:
            case Const():
                if not has_literal_form(expr.value):
                    return "operators", f"a constant has no literal form: {expr.value!r}"
            case Ambient():
                if expr.name not in self.graph.ambient:
                    return "targets", f"the {expr.kind} {expr.name!r} is not declared"
            case Global(kind, key):
                known: Mapping[str, object] | None = {
                    "class": {**BUILTIN_CLASSES, **self.graph.classes},
                    "node": self.graph.nodes,
                    "flow": self.graph.flows,
                    "builtin": BUILTINS,
                    "value": None,
                }[kind]
                if known is not None and key not in known:
                    return "targets", f"the {kind} {key!r} is named and does not exist"
            case Apply():
                if not operator_fits(expr):
                    return "operators", f"{expr.fn!r} is unknown or lacks operands"
            case Comprehension():
                if not expr.clauses or (expr.key is None) == (expr.kind == "dict"):
                    return "operators", "a comprehension lacks a clause or a key, or has one too many"
                self.local.update(*(target_ids(c.target) for c in expr.clauses))
            case Ref():
                pass
        return None

    # ---- operations ------------------------------------------------------------------------------

    def op_laws(self, op: Op, region: Region, at: int, bound: set[str], place: _Place) -> None:
        if op.id in self.ids or not op.id:
            raise self.broken("ids", f"{op.id!r} stands twice, or is empty", region, at)
        self.ids.add(op.id)
        undo = policy_of(op).undo
        self.expr_laws(exprs_of(op), bound if undo is None else bound | {undo.result}, region, at)
        problem = self.shape_problem(op, place)
        if problem is not None:
            raise self.broken(*problem, region, at)
        for inner, within in _inside(op, place):
            self.region_laws(inner, bound, within)

    def shape_problem(self, op: Op, place: _Place) -> tuple[str, str] | None:
        """The law that an operation breaks, apart from those on its expressions and regions, and how."""
        match op:
            case Call() | Subflow():
                # A flow may write less after a pass took away what cannot be reached: its undo is owed all the same.
                if isinstance(op, Call) and op.policy.undo is not None and not self.effects_of(op).writes:
                    return "undo", f"{op.id} has an undo and writes nothing"
                if isinstance(op, Subflow) and op.detached and op.policy.undo is not None:
                    return "undo", f"{op.id} is detached and has an undo"
            case Exit():
                if place.exits.get(op.kind) != len(op.values):
                    return "exits", f"a {op.kind} with {len(op.values)} values cannot stand here"
            case Raise():
                if op.error is None and (not place.handler or op.has_cause):
                    return "exits", f"{op.id} raises again where there is no error to raise"
                if op.cause is not None and not op.has_cause:
                    return "exits", f"{op.id} has a cause and says that it has none"
            case Emit():
                if op.loop == "" and not self.flow.stream:
                    return "streams", f"{op.id} emits into a stream, and the flow is none"
                if op.loop and op.loop not in place.collecting:
                    return "targets", f"{op.id} emits into {op.loop!r}, which is no collecting loop around it"
            case Try() if any(not 0 <= i < place.exits.get("continue", 0) for i, _ in op.exits):
                return "exits", f"{op.id} hands on more values than an exit through it has"
            case _:
                detail = arity_problem(op)
                if detail:
                    return "arity", f"{op.id}: {detail}"
        return None

    def effects_of(self, op: Call | Subflow) -> Effects:
        return self.effects[op.target] if isinstance(op, Subflow) else self.graph.nodes[op.target].effects


def _inside(op: Op, place: _Place) -> Iterator[tuple[Region, _Place]]:
    """The regions of an operation, each with what surrounds it there."""
    closed = evolve(place, exits={}) if isinstance(op, (Parallel, Race, ForEach, Loop, Try)) else place
    match op:
        case Loop():
            if op.condition is not None:
                yield op.condition, closed
            exits = {**place.exits, "break": len(op.initial), "continue": len(op.initial)}
            yield op.body, evolve(place, exits=exits, collecting=_with(place.collecting, op))
        case ForEach():
            yield op.body, evolve(place, exits={"continue": 0}, collecting=_with(place.collecting, op))
        case Try():
            inner = evolve(place, tracked=place.tracked.union(var for var, _ in op.tracked))
            yield op.body, inner
            for handler in op.handlers:
                yield handler.region, evolve(inner, handler=True)
            if op.orelse is not None:
                yield op.orelse, inner
            if op.final is not None:
                yield op.final, closed
        case _:
            for region in regions_of(op):
                yield region, closed


def _with(collecting: frozenset[str], op: Loop | ForEach) -> frozenset[str]:
    return collecting | {op.id} if op.collects else collecting
