"""What is drawn of a flow: boxes within boxes, and the lines between the boxes of one region.

Owns the choice of what to show: operations that only compute are left out where there is something else to see, lines
that pass through them are joined, lines that others already imply are dropped. It knows no coordinates and no colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from attrs import field, frozen

from ...compiler import ir
from ...compiler.exprs import substitute
from ...compiler.spec import Effects, NodeSpec
from ...compiler.walk import map_exprs, regions_of
from ...planner.order import OpOrder, Orderer, RegionOrder, Wait
from . import words

EffectKind = Literal["pure", "reads", "writes", "undeclared", "barrier"]
WaitKind = Literal["data", "guard", "read", "change", "write", "log"]


@frozen
class Edge:
    """``target`` waits for ``source``, two nodes of one part. ``why``: in the planner's words; for data, the names."""

    source: str
    target: str
    kind: WaitKind
    why: str


@frozen
class Part:
    """An arm of a box, or the whole flow: what stands in one region."""

    title: str
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()


@frozen
class Node:
    """One box. ``shape``: what it stands for; a ``block`` is an operation with regions, a ``value`` an expression."""

    id: str
    shape: Literal["call", "flow", "block", "input", "end", "value"]
    title: str
    detail: str = ""
    line: int = 0
    effect: EffectKind = "pure"
    parts: tuple[Part, ...] = field(default=())


@frozen
class Drawing:
    """A flow, ready to be written in any form."""

    title: str
    body: Part


MOST = 400
"""From so many operations on, sub-flows stay closed boxes: nobody reads a poster of thousands."""


def draw(graph: ir.Graph) -> Drawing:
    """The drawing of a graph's entry flow, the flows that it calls opened in place, each once."""
    return _Drawer(graph).flow()


class _Drawer:
    def __init__(self, graph: ir.Graph) -> None:
        self.graph = graph
        self.orderer = Orderer(graph)
        self.opened: set[str] = {graph.entry}
        self.left = MOST

    def flow(self) -> Drawing:
        main = self.graph.main
        order = self.orderer.region(main.body)
        part = self.part("", order, main.key)
        uses = {value for op in order.ops for value in op.entry_values | op.late_values}
        inputs = [p for p in main.params if p.name in uses]
        nodes = [Node(f"in/{p.name}", "input", p.name, "" if str(p.type) == "Any" else str(p.type)) for p in inputs]
        shown = {node.id for node in part.nodes}
        edges = [
            Edge(f"in/{p.name}", target, "data", p.name)
            for p in inputs
            for target in _reached(order, p.name, main.key)
            if target in shown
        ]
        returns = "" if str(main.returns) == "Any" else f" -> {main.returns}"
        title = f"{main.name}({', '.join(p.name for p in main.params)}){returns}"
        return Drawing(title, Part("", (*nodes, *part.nodes), (*edges, *part.edges)))

    def part(self, title: str, order: RegionOrder, path: str) -> Part:
        visible = [i for i, op in enumerate(order.ops) if not _only_computes(op.op)]
        if not visible:
            # Nothing but expressions: show what they make, so that the arm is not empty.
            made = [op.op for op in order.ops if isinstance(op.op, (ir.Eval, ir.Emit))]
            return Part(title, tuple(_value(op, path) for op in made[-3:]))
        nodes = tuple(self.node(order.ops[i], path, _spelled_out(order.ops[i].op, order.region)) for i in visible)
        ids = {i: node.id for i, node in zip(visible, nodes, strict=True)}
        return Part(title, nodes, tuple(_edges(order, ids)))

    def node(self, order: OpOrder, path: str, op: ir.Op) -> Node:
        self.left -= 1
        at = f"{path}/{op.id}"
        line = op.span.line
        effect = effect_kind(order.effects)
        match op:
            case ir.Call():
                name = _node_name(self.graph.nodes[op.target])
                return Node(at, "call", _result(op.result, name), words.policy(op.policy), line, effect)
            case ir.Subflow():
                return self.subflow(op, at, effect)
            case ir.Exit(kind=kind, values=values):
                told = words.short(", ".join(map(words.expression, values))) if kind == "return" else ""
                return Node(at, "end", kind, "" if told == "None" else told, line)
            case ir.Raise(error=error):
                return Node(at, "end", "raise", _error(error), line)
            case ir.Emit(value=value):
                return Node(at, "end", "yield", words.short(words.expression(value)), line)
            case ir.Eval():
                return _value(op, path)
        title, detail = _block_words(op)
        titles = _part_titles(op)
        parts = [self.part(name, region, at) for name, region in zip(titles, order.regions, strict=True)]
        if isinstance(op, ir.Branch):
            # An arm that does nothing is drawn for its test: without it the others would seem to have none.
            parts[:-1] = [p if p.nodes else _nothing_done(p.title, f"{at}/{i}") for i, p in enumerate(parts[:-1])]
        return Node(at, "block", title, detail, line, effect, tuple(part for part in parts if part.nodes))

    def subflow(self, op: ir.Subflow, at: str, effect: EffectKind) -> Node:
        flow = self.graph.flows[op.target]
        said = [part for part in ("detached" if op.detached else "", words.policy(op.policy)) if part]
        parts: tuple[Part, ...] = ()
        if op.target not in self.opened and self.left > 0 and not op.detached:
            self.opened.add(op.target)
            parts = (self.part("", self.orderer.region(flow.body), at),)
        return Node(at, "flow", _result(op.result, flow.name), ", ".join(said), op.span.line, effect, parts)


def effect_kind(effects: Effects) -> EffectKind:
    """The one word for what a step does to the world."""
    if effects.barrier:
        return "barrier"
    if effects.writes:
        return "writes" if effects.declared else "undeclared"
    return "reads" if effects.reads else "pure"


# ---- words -------------------------------------------------------------------------------------------


_STANDARD = "cflow.stdlib_nodes."


def _node_name(spec: NodeSpec) -> str:
    """``files.write`` for a node of a standard pack: its own name alone may be no more than "read"."""
    return spec.key.removeprefix(_STANDARD) if spec.key.startswith(_STANDARD) else spec.name


_MADE = re.compile(r"value(_\d+)?")


def _spelled_out(op: ir.Op, region: ir.Region) -> ir.Op:
    """The operation with the values that lowering gave names put back where they are used."""
    made = {o.result: o.expr for o in region.ops if isinstance(o, ir.Eval) and _MADE.fullmatch(o.result)}
    return map_exprs(op, lambda expr: substitute(expr, made.get)) if made else op


def _result(result: str, name: str) -> str:
    """``raw = fetch``; the bare name where the result has no name of its author's."""
    plain = result.rstrip("0123456789").rstrip("_")
    own = name.rpartition(".")[2]
    return name if plain in ("", own) or plain.startswith("_") else f"{result} = {name}"


def _nothing_done(title: str, at: str) -> Part:
    return Part(title, (Node(f"{at}/pass", "value", "pass"),))


def _value(op: ir.Op, path: str) -> Node:
    if isinstance(op, ir.Eval):
        return Node(
            f"{path}/{op.id}", "value", words.short(f"{op.result} = {words.expression(op.expr)}"), "", op.span.line
        )
    assert isinstance(op, ir.Emit)
    return Node(f"{path}/{op.id}", "value", words.short(f"yield {words.expression(op.value)}"), "", op.span.line)


def _error(error: ir.Expr | None) -> str:
    return "" if error is None else words.short(words.expression(error))


def _block_words(op: ir.Op) -> tuple[str, str]:
    match op:
        case ir.Branch():
            return "match" if op.id.startswith("match") else "if", ""
        case ir.Loop(condition=None, source=source, body=body):
            return f"for {_item(body)} in {_short(source)}", _stream_words(op)
        case ir.Loop(limit=limit):
            return "while", "" if limit is None else f"max {_short(limit)}"
        case ir.ForEach(source=source, body=body, parallel=width, take=take, collect=collect):
            said = ["all at once" if width is None else f"{_short(width)} at once"]
            said += [f"take {_short(take)}"] * (take is not None) + ["collect"] * collect
            return f"for each {_item(body)} in {_short(source)}", ", ".join([*said, *filter(None, [_stream_words(op)])])
        case ir.Try():
            return "try", ""
        case ir.Scope(kind=kind, arg=arg):
            return kind, "" if arg is None else words.seconds(arg) if kind != "lock" else _short(arg)
        case ir.Parallel():
            return "parallel", ""
        case ir.Race(timeout=timeout):
            return "race", "" if timeout is None else f"timeout {words.seconds(timeout)}"
    raise AssertionError(op)


def _stream_words(op: ir.Loop | ir.ForEach) -> str:
    found = [(name, getattr(op, name)) for name in ("buffer", "window", "batch")]
    said = [(name, value) for name, value in found if value is not None]
    return ", ".join(f"{n} {words.seconds(v) if n == 'window' else _short(v)}" for n, v in said)


def _item(body: ir.Region) -> str:
    return body.params[0] if body.params else "_"


def _short(expr: ir.Expr | None) -> str:
    return "" if expr is None else words.short(words.expression(expr), 32)


def _part_titles(op: ir.Op) -> list[str]:
    """The title of each region, in the order in which the planner lists them."""
    match op:
        case ir.Branch(tests=tests):
            said = [words.short(words.expression(test)) for test in tests]
            return [f"{'elif' if i else 'if'} {test}" for i, test in enumerate(said)] + ["else"]
        case ir.Loop(condition=condition):
            return [""] if condition is None else _loop_titles(op)
        case ir.Try(handlers=handlers, orelse=orelse, final=final):
            arms = [f"except {', '.join(map(words.expression, h.types))}" if h.types else "except" for h in handlers]
            return ["try", *arms, *["else"] * (orelse is not None), *["finally"] * (final is not None)]
        case ir.Parallel(regions=regions) | ir.Race(regions=regions):
            return [f"arm {i}" for i in range(1, len(regions) + 1)]
    return [""]


def _loop_titles(op: ir.Loop) -> list[str]:
    return ["while" if region is op.condition else "body" for region in regions_of(op)]


# ---- lines -------------------------------------------------------------------------------------------


def _only_computes(op: ir.Op) -> bool:
    return isinstance(op, ir.Eval) or (isinstance(op, ir.Emit) and op.loop != "")


_KIND: dict[str, WaitKind] = {"value": "data", "guard": "guard", "log": "log", "writer": "read", "change": "change"}
"""How the planner's kinds of waits are drawn; the others like a write's."""


def _waits(order: RegionOrder, index: int) -> Iterator[tuple[int, Wait]]:
    """The waits of an operation on operations; a join stands for all that it joins."""
    first_join = len(order.ops)
    for wait in (*order.ops[index].entry, *order.ops[index].late):
        work = [wait.on]
        while work:
            on = work.pop()
            if on >= first_join:
                work += order.joins[on - first_join]
            else:
                yield on, wait


_RANK: dict[WaitKind, int] = {"data": 0, "read": 1, "change": 2, "write": 3, "guard": 4, "log": 5}


def _edges(order: RegionOrder, ids: dict[int, str]) -> Iterator[Edge]:
    """The lines between visible operations, the strongest reason where there are several."""
    # Hidden operations hand on what they wait for, with the reason of the line that goes out of them.
    last = max(ids)
    if not isinstance(order.ops[last].op, ir.Exit):
        last = -1
    behind: dict[int, dict[int, tuple[WaitKind, str]]] = {}
    above: dict[int, int] = {}  # whatever is before an operation, as bits
    for index in range(len(order.ops)):
        found: dict[int, tuple[WaitKind, str]] = {}
        for on, wait in _waits(order, index):
            kind = _KIND.get(wait.kind, "write")
            said = wait.value if kind == "data" else wait.why
            if on in ids:
                found[on] = _stronger(found.get(on), kind, said)
            for source, (first, reason) in behind.get(on, {}).items():
                through = (kind, said) if kind != "data" or first == "data" else (first, reason)
                found[source] = _stronger(found.get(source), *through)
        if index not in ids:
            behind[index] = found
            continue
        implied = 0
        for source in found:
            implied |= above[source]
        above[index] = implied
        for source, (kind, why) in sorted(found.items()):
            above[index] |= 1 << source
            # A line that only repeats an order which other lines already give says nothing.
            # (The end of a region waits for all of it: its place below the rest says so.)
            if kind == "data" or (index != last and not implied >> source & 1):
                yield Edge(ids[source], ids[index], kind, why)


def _stronger(known: tuple[WaitKind, str] | None, kind: WaitKind, said: str) -> tuple[WaitKind, str]:
    if known is None or _RANK[kind] < _RANK[known[0]]:
        return kind, said
    if kind == known[0] == "data" and said not in known[1].split(", "):
        return kind, f"{known[1]}, {said}"
    return known


def _reached(order: RegionOrder, value: str, path: str) -> Iterator[str]:
    """The operations that use an outer value, directly or through hidden ones."""
    hidden: set[int] = set()
    for index, op in enumerate(order.ops):
        direct = value in op.entry_values or value in op.late_values
        passed = any(on in hidden for on, wait in _waits(order, index) if wait.kind == "value")
        if direct or passed:
            if _only_computes(op.op):
                hidden.add(index)
            else:
                yield f"{path}/{op.op.id}"
