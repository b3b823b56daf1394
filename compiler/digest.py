"""The digest of a flow: what it means, and nothing else.

Blind to layout, docs, the names of locals, the keys and modules of nodes; it changes when a node's name, code, version
or effects, a policy, a parameter, the default of a record's field or the meaning of the program changes. It is the hash
of a canonical text: the printed flow with numbers for names, sub-flows and nodes by their content. Digests are stored,
so a new spelling of the printed graph is a new :data:`FORM`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from attrs import define, evolve, field

from .constants import write_constant, write_type
from .depth import deep
from .durations import seconds
from .exprs import map_expr
from .hashing import sha256
from .ir import (
    NO_POLICY,
    Ambient,
    Call,
    Const,
    Expr,
    FlowGraph,
    ForEach,
    Global,
    Graph,
    Loop,
    Op,
    Policy,
    Race,
    Region,
    Scope,
    Subflow,
    Undo,
)
from .printer import print_ambient, print_effects, print_expr, print_policy, print_region
from .rename import Names
from .spec import ClassSpec, NodeSpec
from .types import Type
from .walk import map_exprs, map_ops, map_regions

FORM = "cflow graph 2"


def digest(graph: Graph, flow: str | None = None) -> str:
    """The digest, 64 hexadecimal digits, of ``graph``'s main flow or of the flow with the key ``flow``."""
    return sha256(canonical_text(graph, flow).encode("utf-8", "surrogatepass")).hexdigest()


def canonical_text(graph: Graph, flow: str | None = None) -> str:
    """The text that is hashed: to see why two programs differ."""
    with deep():
        canon = _Canon(graph)
        canon.name("flow", graph.entry if flow is None else flow)
        return "\n".join([FORM, *canon.lines()]) + "\n"


@define
class _Canon:
    """Gives everything that a flow reaches a number, in the order it is met, and prints it under that number."""

    graph: Graph
    names: dict[tuple[str, str], str] = field(factory=dict)
    waiting: list[tuple[str, str]] = field(factory=list)

    def name(self, kind: str, key: str) -> str:
        known = self.names.get((kind, key))
        if known is None:
            known = self.names[kind, key] = f"{kind}{len(self.names)}"
            self.waiting.append((kind, key))
        return known

    def lines(self) -> Iterator[str]:
        done = 0
        while done < len(self.waiting):
            kind, key = self.waiting[done]
            yield f"{self.names[kind, key]}:"
            yield from self.described(kind, key)
            done += 1

    def described(self, kind: str, key: str) -> Iterator[str]:
        match kind:
            case "flow":
                yield from self.flow(self.graph.flows[key])
            case "node":
                yield self.node(self.graph.nodes[key])
            case "class" if key in self.graph.classes:
                yield self.class_(self.graph.classes[key])
            case "ambient" if key in self.graph.ambient:
                spec = self.graph.ambient[key]
                yield print_ambient(evolve(spec, type=self.type(spec.type)))
            case _:
                yield write_constant(key)

    # ---- what is named ---------------------------------------------------------------------------

    def node(self, spec: NodeSpec) -> str:
        code = f"version {write_constant(spec.version)}" if spec.version else f"source {write_constant(spec.source)}"
        stream = " stream" if spec.is_stream else ""
        effects = print_effects(evolve(spec.effects, declared=True))
        transactional = " transactional" if spec.transactional else ""
        return f"{write_constant(spec.name)} {code} {effects}{stream}{transactional} {write_constant(spec.builtin)}"

    def undo_node(self, key: str) -> str:
        """A node as an undo is its own options too: the call of an undo resolves them."""
        policy = self.graph.nodes[key].policy
        shown = [f"{k}={write_constant(v)}" for k, v in sorted(policy.items()) if k != "undo"]
        return f"{self.name('node', key)}[{', '.join(shown)}]"

    def class_(self, spec: ClassSpec) -> str:
        fields = (
            []
            if spec.fields is None
            else [
                f"{write_constant(f.name)}: {write_type(self.type(f.type))} {f.required} {write_constant(f.default)}"
                for f in spec.fields
            ]
        )
        bases = [self.name("class", base) for base in spec.bases]
        # A record is its fields, however it is declared; the values of an enum are nowhere but in its code.
        code = f" source {write_constant(spec.source)}" if spec.members else ""
        return f"{spec.kind} {write_constant(spec.name)} {fields} {bases} {list(spec.members)}{code}"

    def type(self, type: Type) -> Type:
        if type.name == "class":
            return Type("class", (self.name("class", type.args[0]),))
        return Type(type.name, tuple(self.type(a) if isinstance(a, Type) else a for a in type.args))

    # ---- flows -----------------------------------------------------------------------------------

    def flow(self, flow: FlowGraph) -> Iterator[str]:
        numbers = _Numbers()
        names = Names(numbers.of("v"), numbers.of("o"), numbers.of("t"))
        params: list[str] = []
        for param, id in zip(flow.params, flow.body.params, strict=True):
            default = "" if param.default is None else f" = {print_expr(self.expr(param.default))}"
            type = write_type(self.type(param.type))
            params.append(f"{param.kind} {write_constant(param.name)} {names.value(id)}: {type}{default}")
        policy = print_policy(names.policy(self.policy(flow.policy)))
        stream = "stream " if flow.stream else ""
        yield f"{stream}({', '.join(params)}) -> {write_type(self.type(flow.returns))}{policy}"
        yield print_region(names.region(self.region(flow.body)))

    def region(self, region: Region) -> Region:
        """A region with canonical keys; what it takes follows from the rest."""
        region = evolve(region, takes=(), marks=tuple(evolve(m, value=self.expr(m.value)) for m in region.marks))
        if region.results is not None:
            region = evolve(region, results=tuple(self.expr(r) for r in region.results))
        return map_ops(region, self.op)

    def op(self, op: Op) -> Op:
        op = map_exprs(_durations(op, self.graph), self.expr)
        match op:
            case Call():
                policy = self.undo(op.policy)
                op = evolve(op, target=self.name("node", op.target), policy=policy)
            case Subflow():
                op = evolve(op, target=self.name("flow", op.target), policy=self.undo(op.policy))
            case _:
                pass
        return map_regions(op, self.region)

    def policy(self, policy: Policy) -> Policy:
        changes: dict[str, Any] = {
            k: self.expr(e) for k in ("retry", "rate", "lock", "default", "once") if (e := getattr(policy, k))
        }
        times: dict[str, Any] = {k: self.expr(e) for k in ("timeout", "cache") if (e := _duration(getattr(policy, k)))}
        return self.undo(evolve(policy, **changes, **times))

    def undo(self, policy: Policy) -> Policy:
        undo = policy.undo
        if undo is None:
            return policy
        target = self.name("flow", undo.target) if undo.is_flow else self.undo_node(undo.target)
        return evolve(policy, undo=Undo(target, undo.result, undo.args, undo.kwargs, undo.is_flow))

    def expr(self, expr: Expr) -> Expr:
        return map_expr(expr, self.atom)

    def atom(self, expr: Expr) -> Expr:
        match expr:
            case Global("builtin"):
                return expr
            case Global(kind, key):
                return Global(kind, self.name(kind, key))
            case Ambient():
                return Ambient(expr.kind, self.name("ambient", expr.name))
            case Const(Type() as type):
                return Const(self.type(type))
            case _:
                return expr


@define
class _Numbers:
    """Numbers for names, each kind counted for itself, in the order they are asked for."""

    given: dict[tuple[str, str], str] = field(factory=dict)

    def of(self, kind: str) -> Callable[[str], str]:
        return lambda name: self.given.setdefault((kind, name), f"{kind}{len(self.given)}")


# ---- durations -----------------------------------------------------------------------------------


def _duration(expr: Expr | None) -> Expr | None:
    """A constant duration in seconds: ``2m``, ``"2m"``, ``120`` and ``120.0`` are the same."""
    value: Any = expr.value if isinstance(expr, Const) else None
    if isinstance(value, bool) or not isinstance(value, (int, float, str, timedelta)):
        return expr
    try:
        return Const(seconds(value))
    except ValueError:
        return expr


def _durations(op: Op, graph: Graph) -> Op:
    """``op`` with each constant where a duration is meant in seconds."""
    match op:
        case Call() | Subflow():
            if isinstance(op, Call) and graph.nodes[op.target].builtin == "sleep" and op.args:
                first, *rest = op.args
                op = evolve(op, args=(_duration(first) or first if isinstance(first, Const) else first, *rest))
            policy = op.policy
            if policy is not NO_POLICY:
                policy = evolve(policy, timeout=_duration(policy.timeout), cache=_duration(policy.cache))
                op = evolve(op, policy=policy)
        case Scope() if op.kind != "lock":
            op = evolve(op, arg=_duration(op.arg))
        case Race():
            op = evolve(op, timeout=_duration(op.timeout))
        case Loop() | ForEach():
            op = evolve(op, window=_duration(op.window))
        case _:
            pass
    return op
