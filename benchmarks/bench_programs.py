"""The programs that are timed: flows as a user writes them, and the same work written by hand, in one module each.

A :class:`Shape` is text: the steps of a flow and the body of its floor. :func:`build` writes it to a file and imports
it, since a flow's source must be findable. The floor calls the nodes' own functions (``inc.fn``), so both sides do the
same work; an asynchronous floor is the Trio program that a person would write.
"""

from __future__ import annotations

import importlib.util
import itertools
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from attrs import evolve, frozen

HEAD = '''\
"""Generated for a benchmark."""
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import trio
from cflow import flow, node, parallel

@node(reads="world")
def inc(a: int) -> int:
    return a + 1

@node(writes="world")
def put(a: int) -> int:
    return a + 1

@node(reads="world")
def add1(a: int) -> int:
    return (a + 1) & 0xFFFFFF

@node(reads="world")
def add2(a: int, b: int) -> int:
    return (a + b + 1) & 0xFFFFFF

@node(reads="world")
def add3(a: int, b: int, c: int) -> int:
    return (a + b + c + 1) & 0xFFFFFF

@node(reads="world")
def total(*args: int) -> int:
    return sum(args)

@node(reads="world")
def is_odd(x: int) -> bool:
    return bool(x & 1)

@node(reads="world")
def odd(x: int) -> int:
    return (x * 3 + 1) & 0xFFFFFF

@node(reads="world")
def even(x: int) -> int:
    return (x >> 1) + 7

@node(reads="world")
def block(a: int) -> int:
    time.sleep(0.005)
    return a + 1

@node(reads="world")
async def ainc(a: int) -> int:
    await trio.lowlevel.checkpoint()
    return a + 1

@node(reads="world")
async def asleep(a: int) -> int:
    await trio.sleep(0.010)
    return a + 1

@node(reads="world")
async def numbers(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield i

raw_inc, raw_put, raw_add1, raw_add2, raw_add3, raw_total = inc.fn, put.fn, add1.fn, add2.fn, add3.fn, total.fn
raw_is_odd, raw_odd, raw_even, raw_block = is_odd.fn, odd.fn, even.fn, block.fn
raw_ainc, raw_asleep, raw_numbers = ainc.fn, asleep.fn, numbers.fn
POOL = ThreadPoolExecutor(40)

'''

WORKERS = 40
"""Threads of the hand-written pool: as many as a run keeps busy."""


@frozen
class Shape:
    """A program: what is timed, beside what, and over how many units.

    ``flow``: the whole source of ``main`` (and flows it calls). ``floor``: the source of ``floor(x)``. ``warm``: runs
    until no node begins in a thread any more. ``argument``: the input. ``limit``: calls in flight at once, at
    most.
    """

    name: str
    units: int
    flow: str
    floor: str
    warm: int = 4
    argument: int = 1
    limit: int = 1000


def build(shape: Shape, folder: Path) -> ModuleType:
    """The module of a shape, fresh: its nodes have never been called."""
    return load(HEAD + shape.flow + "\n\n" + shape.floor, folder, shape.name)


def load(text: str, folder: Path, stem: str) -> ModuleType:
    """``text`` as an imported module."""
    safe = re.sub(r"\W", "_", stem)
    name = f"cflow_bench_{safe}_{next(_SERIAL)}"
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_SERIAL = itertools.count(1)


# ---- graphs ----------------------------------------------------------------------------------------------

Step = tuple[str, str, tuple[str, ...]]
"""Result, node, arguments."""


def _function(steps: list[Step], head: str, call: str, end: str, returns: str = "") -> str:
    lines = [f"    {name} = {call.format(node=node, args=', '.join(args))}" for name, node, args in steps]
    return f"{head}(x: int){returns}:\n" + "\n".join(lines) + f"\n    return {end}\n"


def straight(name: str, steps: list[Step], end: str, **changes: Any) -> Shape:
    """A straight-line flow of plain nodes, and the function a person would write."""
    flow = "@flow\n" + _function(steps, "def main", "{node}({args})", end, " -> int")
    return Shape(name, len(steps), flow, _function(steps, "def floor", "raw_{node}({args})", end), **changes)


def chain(n: int = 1000, node: str = "inc", name: str = "chain") -> Shape:
    """Each step needs the one before."""
    return straight(name, [(f"v{i}", node, (f"v{i - 1}" if i else "x",)) for i in range(n)], f"v{n - 1}")


def fan(n: int = 1000) -> Shape:
    """Independent readers and their sum."""
    steps: list[Step] = [("root", "inc", ("x",)), *((f"m{i}", "inc", ("root",)) for i in range(n))]
    steps.append(("sink", "total", tuple(f"m{i}" for i in range(n))))
    return straight("fan-out", steps, "sink")


def lattice(side: int = 30) -> Shape:
    """Layers in which each step needs three of the layer before."""
    steps: list[Step] = []
    for layer, column in itertools.product(range(side), range(side)):
        if layer:
            steps.append(
                (f"l{layer}_{column}", "add3", tuple(f"l{layer - 1}_{(column + k) % side}" for k in (-1, 0, 1)))
            )
        else:
            steps.append((f"l0_{column}", "add1", ("x",)))
    steps.append(("sink", "total", tuple(f"l{side - 1}_{c}" for c in range(side))))
    return straight("lattice", steps, "sink")


def random_dag(n: int = 2000, seed: int = 7) -> Shape:
    """Each step needs one to three of the 200 before it."""
    rng = random.Random(seed)
    steps: list[Step] = [("n0", "add1", ("x",))]
    used: set[int] = set()
    for i in range(1, n):
        low = max(0, i - 200)
        deps = sorted(rng.sample(range(low, i), min(rng.choice((1, 2, 2, 3)), i - low)))
        used.update(deps)
        steps.append((f"n{i}", f"add{len(deps)}", tuple(f"n{d}" for d in deps)))
    steps.append(("sink", "total", tuple(f"n{i}" for i in range(n) if i not in used)))
    return straight("random DAG", steps, "sink")


def one_node() -> Shape:
    """The smallest flow."""
    return straight("one node", [("y", "inc", ("x",))], "y", warm=200)


def one_async() -> Shape:
    """The smallest flow that needs a loop; its floor is ``trio.run`` of the node."""
    flow = "@flow\ndef main(x: int) -> int:\n    return ainc(x)\n"
    return Shape("one async node", 1, flow, "def floor(x):\n    return trio.run(raw_ainc, x)\n")


# ---- branches, flows, loops ------------------------------------------------------------------------------


def branches(n: int = 1000) -> Shape:
    """``if``/``else`` with a node as the test and one in each arm: two calls an ``if``."""
    parts = ["    if {0}is_odd(x):", "        x = {0}odd(x)", "    else:", "        x = {0}even(x)"]
    body = "\n".join(parts * n) + "\n    return x\n"
    return Shape(
        "if/else", n, f"@flow\ndef main(x: int) -> int:\n{body.format('')}", f"def floor(x):\n{body.format('raw_')}"
    )


def nested(depth: int = 5, calls: int = 200) -> Shape:
    """A flow called in a row that calls a flow that calls a flow; one node each. Units are flow calls."""
    flows: list[str] = []
    floors: list[str] = []
    for level in reversed(range(depth)):
        for out, mark, prefix in ((flows, "@flow\n", ""), (floors, "", "raw_")):
            inner = f"{prefix}inc(x)"
            body = f"{prefix}sub{level + 1}({inner})" if level < depth - 1 else inner
            out.append(f"{mark}def {prefix}sub{level}(x: int) -> int:\n    return {body}\n")
    rows = "    x = {0}sub0(x)\n" * calls + "    return x\n"
    flows.append("@flow\ndef main(x: int) -> int:\n" + rows.format(""))
    floors.append("def floor(x):\n" + rows.format("raw_"))
    return Shape("nested flows", depth * calls, "\n".join(flows), "\n".join(floors))


def mapped(n: int = 10_000) -> Shape:
    """A node over a range, and the sum."""
    text = f"return sum([{{0}}inc(i) for i in range(x, x + {n})])"
    return Shape(
        "map of 10,000",
        n,
        f"@flow\ndef main(x: int) -> int:\n    {text.format('')}\n",
        f"def floor(x):\n    {text.format('raw_')}\n",
    )


# ---- what waits ------------------------------------------------------------------------------------------


def async_chain(n: int = 1000) -> Shape:
    """A chain of async nodes with one checkpoint each; by hand: one task that awaits one after another."""
    steps: list[Step] = [(f"v{i}", "ainc", (f"v{i - 1}" if i else "x",)) for i in range(n)]
    flow = "@flow\n" + _function(steps, "def main", "{node}({args})", f"v{n - 1}", " -> int")
    floor = _function(steps, "async def by_hand", "await raw_{node}({args})", f"v{n - 1}")
    return Shape("async chain", n, flow, floor + "\ndef floor(x):\n    return trio.run(by_hand, x)\n")


TELLING = """
from cflow.executor.events import Event

TOLD, new, now = [], tuple.__new__, time.time
"""


def bare_events(shape: Shape) -> Shape:
    """A chain by hand that keeps two events a node, and nothing else of what telling asks for (who listens, whether a
    listener fails or is slow): no listener can cost less."""
    tell = "    TOLD.append(new(Event, ('node', '{}', 'run', '{}', 1, now(), None)))"
    lines = [TELLING]
    for line in shape.floor.splitlines():
        name, call, _ = line.partition(" = ")
        told = bool(call) and line.startswith("    ")
        lines += [tell.format("started", name.strip()), line, tell.format("done", name.strip())] if told else [line]
    return evolve(shape, floor="\n".join(lines) + "\n")


SPREAD = """
async def by_hand(x):
    out = [0] * {n}

    async def one(i, root):
        out[i] = await {call}

    root = {root}
    async with trio.open_nursery() as nursery:
        for i in range({n}):
            nursery.start_soon(one, i, root)
    return sum(out)

def floor(x):
    return trio.run(by_hand, x)
"""


def _spread(n: int, root: str, node: str) -> str:
    steps: list[Step] = [("root", root, ("x",)), *((f"m{i}", node, ("root",)) for i in range(n))]
    steps.append(("sink", "total", tuple(f"m{i}" for i in range(n))))
    return "@flow\n" + _function(steps, "def main", "{node}({args})", "sink", " -> int")


def sleeps(n: int = 1000) -> Shape:
    """Independent waits of 10 ms; by hand: a nursery and a task each."""
    floor = SPREAD.format(n=n, root="await raw_ainc(x)", call="raw_asleep(root)")
    return Shape("1,000 sleeps of 10 ms", n, _spread(n, "ainc", "asleep"), floor)


def async_fan(n: int = 1000) -> Shape:
    """Independent async nodes that take one checkpoint each."""
    floor = SPREAD.format(n=n, root="await raw_ainc(x)", call="raw_ainc(root)")
    return Shape("async fan-out", n, _spread(n, "ainc", "ainc"), floor)


def blocking(n: int = 200, limit: int = 0) -> Shape:
    """Plain functions that block for 5 ms, all at once or on so many call slots; by hand: a kept thread pool."""
    floor = f"""
{"" if not limit else f"POOL = ThreadPoolExecutor({limit})"}

def floor(x):
    root = raw_inc(x)
    return sum(f.result() for f in [POOL.submit(raw_block, root) for _ in range({n})])
"""
    name = f"{n} blocking nodes of 5 ms" + (f" on {limit} slots" if limit else "")
    return Shape(name, n, _spread(n, "inc", "block"), floor, warm=3, limit=limit or 1000)


def stream(n: int = 1_000_000) -> Shape:
    """A stream read to its end; by hand: ``async for``."""
    flow = """@flow
def main(n: int) -> int:
    t = 0
    for i in numbers(n):
        t = t + i
    return t
"""
    floor = """
async def by_hand(n):
    t = 0
    async for i in raw_numbers(n):
        t = t + i
    return t

def floor(n):
    return trio.run(by_hand, n)
"""
    return Shape("stream of 1,000,000", n, flow, floor, warm=1, argument=n)


def parallel_loop(n: int = 100_000) -> Shape:
    """Async passes, 100 at once, nothing collected; by hand: 100 tasks that share an iterator."""
    flow = """@flow
def main(n: int) -> int:
    for i in parallel(range(n), limit=100):
        ainc(i)
    return n
"""
    floor = """
async def by_hand(n):
    items = iter(range(n))

    async def worker():
        for i in items:
            await raw_ainc(i)

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(worker)
    return n

def floor(n):
    return trio.run(by_hand, n)
"""
    return Shape("parallel loop of 100,000", n, flow, floor, warm=1, argument=n)


Maker = Callable[[], Shape]
