"""The work that every engine does, once, as plain data: nodes by name, what they run, whom they need.

Only the standard library is used here: this is imported in each engine's own environment. Every result is a number that
:meth:`Workload.reference` computes without any engine, so equal results mean equal work.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

MASK = 0xFFFFFF
SLEEP = 0.010
"""Seconds of one node of ``sleeps``."""
BLOCK = 0.005
"""Seconds of one node of ``blocking``."""
WORKERS = 16
"""Calls at once in ``blocking``, for every engine."""
WAITS = (0.080, 0.005, 0.030)
"""Seconds of the nodes of ``waits``."""


@dataclass(frozen=True)
class Node:
    """``op``: the key in :data:`FUNCTIONS`; ``needs``: names of nodes, or ``x``, the input."""

    name: str
    op: str
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Workload:
    """One piece of work.

    ``kind``: ``graph`` (``nodes``, of which ``sink`` is the result), ``branches``, ``nested`` or ``map``, whose size is
    in ``size``. ``units``: what the time is divided by. ``waits``: do the nodes wait, as coroutines where the
    engine has them? ``ideal``: seconds that no engine can avoid, the critical path of the waiting. ``calls``: runs in
    one sample. ``small``: not of the full size.
    """

    name: str
    title: str
    kind: str
    units: int
    nodes: tuple[Node, ...] = ()
    sink: str = ""
    waits: bool = False
    ideal: float = 0.0
    calls: int = 1
    size: dict[str, int] = field(default_factory=dict)
    small: bool = False

    def reference(self, x: int) -> int:
        """The result for ``x``."""
        if self.kind == "branches":
            for _ in range(self.size["n"]):
                x = odd(x) if is_odd(x) else even(x)
            return x
        if self.kind == "nested":
            return x + self.size["depth"] * self.size["calls"]
        if self.kind == "map":
            return sum(inc(i) for i in range(x, x + self.size["n"]))
        values = {"x": x}
        for node in self.nodes:
            values[node.name] = MEANING.get(node.op, inc)(*(values[name] for name in node.needs))
        return values[self.sink]


# ---- what nodes do ---------------------------------------------------------------------------------------


def inc(a: int) -> int:
    return a + 1


def add1(a: int) -> int:
    return (a + 1) & MASK


def add2(a: int, b: int) -> int:
    return (a + b + 1) & MASK


def add3(a: int, b: int, c: int) -> int:
    return (a + b + c + 1) & MASK


def total(*args: int) -> int:
    return sum(args)


def is_odd(x: int) -> bool:
    return bool(x & 1)


def odd(x: int) -> int:
    return (x * 3 + 1) & MASK


def even(x: int) -> int:
    return (x >> 1) + 7


def block(a: int) -> int:
    time.sleep(BLOCK)
    return a + 1


def wait0(a: int) -> int:
    time.sleep(WAITS[0])
    return a + 1


def wait1(a: int) -> int:
    time.sleep(WAITS[1])
    return a + 1


def wait2(a: int) -> int:
    time.sleep(WAITS[2])
    return a + 1


FUNCTIONS: dict[str, Callable[..., int]] = {
    f.__name__: f for f in (inc, add1, add2, add3, total, block, wait0, wait1, wait2)
}
MEANING = {name: FUNCTIONS[name] for name in ("add1", "add2", "add3", "total")}
"""What nodes give, without their waiting; all others add one."""


def coroutines(
    checkpoint: Callable[[], Awaitable[Any]], sleep: Callable[[float], Awaitable[Any]]
) -> dict[str, Callable[..., Awaitable[int]]]:
    """The nodes that wait, as coroutine functions of one async library: ``step`` only lets others in."""

    async def step(a: int) -> int:
        await checkpoint()
        return a + 1

    async def pause(a: int) -> int:
        await sleep(SLEEP)
        return a + 1

    async def wait0(a: int) -> int:
        await sleep(WAITS[0])
        return a + 1

    async def wait1(a: int) -> int:
        await sleep(WAITS[1])
        return a + 1

    async def wait2(a: int) -> int:
        await sleep(WAITS[2])
        return a + 1

    async def total(*args: int) -> int:
        return sum(args)

    return {"step": step, "pause": pause, "wait0": wait0, "wait1": wait1, "wait2": wait2, "total": total}


def on_asyncio() -> dict[str, Callable[..., Awaitable[int]]]:
    """The same for asyncio."""
    import asyncio

    return coroutines(lambda: asyncio.sleep(0), asyncio.sleep)


def named(node: Node, fn: Callable[..., Any]) -> Callable[..., Any]:
    """``fn`` under the node's name, with a parameter for each node it needs, for engines that wire by such names."""
    import inspect

    params = list(dict.fromkeys(node.needs))
    given = ", ".join(f"{name}: int" for name in params)
    call = f"_fn({', '.join(node.needs)})"
    if inspect.iscoroutinefunction(fn):
        text = f"async def {node.name}({given}) -> int:\n    return await {call}\n"
    else:
        text = f"def {node.name}({given}) -> int:\n    return {call}\n"
    space: dict[str, Any] = {"_fn": fn, "__name__": "peers_nodes"}
    exec(text, space)
    made: Callable[..., Any] = space[node.name]
    return made


# ---- the workloads ---------------------------------------------------------------------------------------


def chain(n: int) -> Workload:
    return _row("chain", "chain", [f"inc{i}" for i in range(n)], ["inc"] * n)


def async_chain(n: int) -> Workload:
    return _row("async_chain", "async chain", [f"step{i}" for i in range(n)], ["step"] * n, waits=True)


def waits(n: int = 1) -> Workload:
    """Three waits in a row, of which a well-known roadmap makes a benchmark (docs/comparison.md)."""
    names, ops = ["first", "second", "third"], ["wait0", "wait1", "wait2"]
    return _row("waits", "waits of 80, 5, 30 ms", names, ops, waits=True, units=1, ideal=sum(WAITS))


def one_run(n: int) -> Workload:
    return _row("one_run", "one-node run", ["only"], ["inc"], units=n, calls=n)


def _row(name: str, title: str, names: list[str], ops: list[str], units: int = 0, **rest: Any) -> Workload:
    needs = ["x", *names]
    nodes = tuple(Node(n, op, (before,)) for n, op, before in zip(names, ops, needs, strict=False))
    return Workload(name, title, "graph", units or len(nodes), nodes, names[-1], **rest)


def fan(n: int) -> Workload:
    return _spread("fan", "fan-out", n, "inc", "inc")


def sleeps(n: int) -> Workload:
    return _spread("sleeps", "sleeps of 10 ms", n, "step", "pause", waits=True, ideal=SLEEP)


def blocking(n: int) -> Workload:
    return _spread("blocking", "blocking 5 ms, 16 at once", n, "inc", "block", ideal=-(-n // WORKERS) * BLOCK)


def _spread(name: str, title: str, n: int, root: str, op: str, **rest: Any) -> Workload:
    middle = tuple(Node(f"m{i}", op, ("root",)) for i in range(n))
    nodes = (Node("root", root, ("x",)), *middle, Node("sink", "total", tuple(m.name for m in middle)))
    return Workload(name, title, "graph", len(nodes), nodes, "sink", **rest)


def lattice(side: int) -> Workload:
    nodes = [Node(f"r0c{c}", "add1", ("x",)) for c in range(side)]
    for row, column in itertools.product(range(1, side), range(side)):
        above = tuple(f"r{row - 1}c{(column + step) % side}" for step in (-1, 0, 1))
        nodes.append(Node(f"r{row}c{column}", "add3", above))
    nodes.append(Node("sink", "total", tuple(f"r{side - 1}c{c}" for c in range(side))))
    return Workload("lattice", "lattice", "graph", len(nodes), tuple(nodes), "sink")


def random_dag(n: int) -> Workload:
    rng = random.Random(5)
    nodes = [Node("n0", "add1", ("x",))]
    leaves = {"n0"}
    for at in range(1, n):
        near = range(max(0, at - 200), at)
        needs = tuple(f"n{i}" for i in sorted(rng.sample(near, min(len(near), rng.randint(1, 3)))))
        leaves -= set(needs)
        leaves.add(f"n{at}")
        nodes.append(Node(f"n{at}", f"add{len(needs)}", needs))
    ends = tuple(node.name for node in nodes if node.name in leaves)
    nodes.append(Node("sink", "total", ends))
    return Workload("random_dag", "random DAG", "graph", len(nodes), tuple(nodes), "sink")


def branches(n: int) -> Workload:
    return Workload("branches", "if/else", "branches", n, size={"n": n})


def nested(calls: int) -> Workload:
    """``calls`` calls in a row of a flow that runs a node and calls a flow, five deep."""
    return Workload("nested", "nested flows", "nested", 5 * calls, size={"depth": 5, "calls": calls})


def mapped(n: int) -> Workload:
    return Workload("map", "map of 10,000", "map", n, size={"n": n})


WORKLOADS: dict[str, tuple[Callable[[int], Workload], int]] = {
    "chain": (chain, 1000),
    "async_chain": (async_chain, 1000),
    "fan": (fan, 1000),
    "sleeps": (sleeps, 1000),
    "lattice": (lattice, 30),
    "random_dag": (random_dag, 2000),
    "branches": (branches, 100),
    "nested": (nested, 10),
    "map": (mapped, 10_000),
    "blocking": (blocking, 200),
    "one_run": (one_run, 200),
    "waits": (waits, 1),
}
"""Makers and full sizes, in the order of the table."""


def make(name: str, size: int | None = None) -> Workload:
    """A workload; ``size``: another than the full one."""
    maker, full = WORKLOADS[name]
    workload = maker(size or full)
    if size is None or size == full:
        return workload
    from dataclasses import replace

    return replace(workload, small=True)
