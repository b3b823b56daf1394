"""What a run did as a tree: flow calls, loops and their passes, calls with their attempts and undos.

Made of the names of journal entries (:mod:`.paths`); the plan says what kind of operation a name is, and in which order
the steps were written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from attrs import define, field

from ..compiler import ir
from ..compiler.garbage import collector_held
from ..compiler.walk import all_ops, regions_of
from ..executor.entries import CUT, DONE, END, FAILED, ITEM, OWED, TRY
from ..store.keeper import Noted
from .history import History
from .lines import Line
from .paths import Name, Step, read_name

Kind = Literal["run", "flow", "attempt", "loop", "pass", "call", "stream", "wait", "undo", "block"]
State = Literal["done", "failed", "open", ""]
"""``open``: its end is not on record. Empty: of what only holds steps there is no end on record."""


@define(eq=False)
class Node:
    """One step.

    ``key``: its name in the journal. ``id``: of the operation, ``op``: as it stands in the plan. ``name``: of the node
    or flow that it calls. ``index``: of a pass, from 0; of an attempt, from 1. ``line``: of the author. ``entry``: its
    outcome. ``tries``: the attempts that failed before. ``until``: what it waits for at most, as an entry. ``notes``:
    what else is on record of it. ``items``: of a stream that was read here, ``last_item``: the number of the last one's
    entry. ``rank``: its place among its like.
    """

    kind: Kind
    key: str
    id: str
    flow: str
    name: str = ""
    op: ir.Op | None = None
    index: int = 0
    line: Line | None = None
    entry: Noted | None = None
    tries: list[Noted] = field(factory=list)
    until: Noted | None = None
    notes: list[str] = field(factory=list)
    items: int = 0
    last_item: int = -1
    children: dict[str, Node] = field(factory=dict)
    rank: int = 0

    @property
    def state(self) -> State:
        if self.entry is not None:
            return "failed" if self.entry.kind == FAILED else "done"
        if self.children:
            return "open" if any(child.state == "open" for child in self.children.values()) else ""
        return "open" if self.kind in ("call", "wait") else ""

    @property
    def failed(self) -> bool:
        """Did it, or anything in it, fail?"""
        if self.tries or (self.entry is not None and self.entry.kind == FAILED):
            return True
        return any(child.failed for child in self.children.values())

    def inner(self) -> Iterator[Node]:
        """The steps in it, in the order of the program."""
        yield from sorted(self.children.values(), key=lambda node: (node.rank, node.index))

    def times(self) -> tuple[float, float] | None:
        """When it began and ended, in seconds since the epoch; of what holds steps, what is known of these."""
        found = [times for child in self.children.values() if (times := child.times()) is not None]
        if self.entry is not None and self.entry.began:
            found.append((self.entry.began, self.entry.began + self.entry.took))
        return (min(b for b, _ in found), max(e for _, e in found)) if found else None


def tree_of(history: History) -> Node:
    """The steps of a run."""
    with collector_held():  # it makes much, and drops nothing
        return _Builder(history).root


class _Builder:
    def __init__(self, history: History) -> None:
        self.history = history
        self.plan = history.plan
        self.flows: dict[str, dict[str, tuple[int, ir.Op]]] = {}
        self.blocks: dict[tuple[str, str], tuple[str, ...]] = {}
        """The blocks around an operation, as far as its pass or flow: their names are no part of its own."""
        entry = self.plan.entry if self.plan is not None else ""
        self.root = Node("run", "", "", entry, history.row.flow, line=history.lines.get((entry, "")))
        for noted in history.entries:
            self.place(noted, read_name(noted.key))

    def ops(self, flow: str) -> dict[str, tuple[int, ir.Op]]:
        """The operations of a flow by id, with their places in the text."""
        found = self.flows.get(flow)
        if found is None:
            graph = self.plan.flows.get(flow) if self.plan is not None else None
            ops = enumerate(all_ops(graph)) if graph is not None else ()
            found = self.flows[flow] = {op.id: (rank, op) for rank, op in ops}
            if graph is not None:
                self.around(flow, graph.body, ())
        return found

    def around(self, flow: str, region: ir.Region, blocks: tuple[str, ...]) -> None:
        for op in region.ops:
            self.blocks[flow, op.id] = blocks
            inner = blocks
            if isinstance(op, (ir.Race, ir.Parallel, ir.Scope)):
                inner = (*blocks, op.id)
            elif isinstance(op, (ir.Loop, ir.ForEach)):
                inner = ()
            for held in regions_of(op):
                self.around(flow, held, inner)

    def child(self, parent: Node, key: str, kind: Kind, id: str, flow: str, index: int = 0) -> Node:
        node = parent.children.get(key)
        if node is None:
            rank, op = self.ops(flow).get(id, (-1, None))
            if op is None:  # of a flow that was inlined: it stands where its first step does
                rank = next((r for other, (r, _) in self.ops(flow).items() if other.startswith(f"{id}/")), 1 << 30)
            node = Node(
                kind, key, id, flow, self.name(id, op), op, index, self.history.lines.get((flow, id)), rank=rank
            )
            parent.children[key] = node
        return node

    def name(self, id: str, op: ir.Op | None) -> str:
        if self.plan is not None and isinstance(op, ir.Call) and op.target in self.plan.nodes:
            return self.plan.nodes[op.target].name
        if self.plan is not None and isinstance(op, ir.Subflow) and op.target in self.plan.flows:
            return self.plan.flows[op.target].name
        return id.rpartition("/")[2]

    def inlined(self, parent: Node, way: str, id: str, flow: str) -> Node:
        """The node that holds an operation: the blocks around it, and its flow, where that was inlined."""
        entered: set[str] = set()
        self.ops(flow)
        for of in (*self.blocks.get((flow, id), ()), id):
            parts = of.split("/")
            for end in range(1, len(parts)):
                part = "/".join(parts[:end])
                if part not in entered:
                    entered.add(part)
                    parent = self.child(parent, f"{way}{part}", "flow", part, flow)
            if of != id:
                parent = self.child(parent, f"{way}{of}", "block", of, flow)
        return parent

    def enter(self, at: Node, way: str, step: Step, flow: str) -> tuple[Node, str, str]:
        """The node of one part of the way, its name with the mark at the end, and the flow whose steps follow."""
        op = self.ops(flow).get(step.id, (0, None))[1]
        at = self.inlined(at, way, step.id, flow)
        if step.index is not None:
            loop = self.child(at, f"{way}{step.id}", "loop", step.id, flow)
            key = f"{way}{step.id}[{step.index}]"
            return self.child(loop, key, "pass", step.id, flow, step.index), f"{key}:", flow
        if step.undo:
            kind: Kind = "flow" if isinstance(op, ir.Subflow) else "call"
            call = self.child(at, f"{way}{step.id}", kind, step.id, flow)
            undo = self.child(call, f"{way}{step.id}~", "undo", step.id, flow)
            undo.rank = 1 << 31
            policy = getattr(op, "policy", None)
            target = policy.undo.target if policy is not None and policy.undo is not None else ""
            undo.name = self.called(target) or "undo"
            return undo, f"{way}{step.id}~", target
        call = self.child(at, f"{way}{step.id}", "flow", step.id, flow)
        inside = op.target if isinstance(op, ir.Subflow) else ""
        if step.attempt > 1:
            key = f"{way}{step.id}#{step.attempt}"
            again = self.child(call, key, "attempt", step.id, flow, step.attempt)
            again.rank = 1 << 30
            return again, f"{key}:", inside
        return call, f"{way}{step.id}:", inside

    def called(self, target: str) -> str:
        if self.plan is None:
            return target.rpartition(".")[2]
        spec = self.plan.nodes.get(target)
        flow = self.plan.flows.get(target)
        return spec.name if spec is not None else flow.name if flow is not None else ""

    def place(self, noted: Noted, name: Name) -> None:
        """Put an entry where it belongs."""
        if noted.key == "!cancelled":
            self.root.notes.append("it was cancelled")
            return
        if noted.kind == OWED:
            return  # the end of the call tells
        if not name.way and name.id == "yield":
            self.root.items += 1
            return
        at, way, flow = self.root, "", self.root.flow
        for step in name.way:
            at, way, flow = self.enter(at, way, step, flow)
        if name.id and not (at.kind == "undo" and name.id == "undo"):
            at = self.inlined(at, way, name.id, flow)
            at = self.child(at, f"{way}{name.id}", self.kind(name, flow), name.id, flow)
        if name.index is not None:
            at = self.child(at, f"{at.key}[{name.index}]", "pass", name.id, flow, name.index)
        self.note(at, noted, name)

    def kind(self, name: Name, flow: str) -> Kind:
        op = self.ops(flow).get(name.id, (0, None))[1]
        loop = name.mark in ("<", "|") and not isinstance(op, ir.Call)
        if isinstance(op, (ir.Loop, ir.ForEach)) or loop or name.index is not None:
            return "loop"
        if isinstance(op, ir.Subflow):
            return "call" if op.detached else "flow"
        if isinstance(op, ir.Call):
            spec = self.plan.nodes.get(op.target) if self.plan is not None else None
            return "wait" if spec is not None and spec.builtin else "stream" if name.mark == "<" else "call"
        return "call" if op is None and not name.mark else "block"

    def note(self, at: Node, noted: Noted, name: Name) -> None:
        match name.mark:
            case "":
                at.entry = noted
            case "#":
                at.tries.append(noted)
            case "@" if noted.kind == DONE:
                at.until = noted
            case "@":
                at.notes.append("its time was over")
            case "!" if noted.kind == CUT:
                at.notes.append("it failed, and what came after it was cut")
            case "!":
                at.notes.append("it failed and parked the run" if noted.kind == TRY else "it was left out")
            case "=":
                at.notes.append(
                    "it was taken" if name.index is not None else f"arm {self.history.value(noted.data)!r} won"
                )
            case "<":
                at.items += noted.kind == ITEM
                at.last_item = noted.number
                if noted.kind == FAILED:
                    at.entry = noted
                elif noted.kind == END:
                    at.notes.append("the stream has ended")
            case "|":
                pass
            case "$":
                what = "it was there already" if noted.kind == DONE else "it was made"
                at.notes.append(f"{name.text}: {what}")
                if noted.kind == DONE:
                    at.entry = noted
