"""Conductor: a flow as a user writes it, in a file. All nodes are readers of the world, so that nothing may be shared,
moved or left out."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from workloads import WORKERS, Workload

IMPORTS = ["cflow"]
SIZES: dict[str, int] = {}

HEAD = """\
import time
import trio
from cflow import flow, node

@node(reads="world")
def inc(a: int) -> int:
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
async def step(a: int) -> int:
    await trio.lowlevel.checkpoint()
    return a + 1

@node(reads="world")
async def pause(a: int) -> int:
    await trio.sleep(0.010)
    return a + 1

@node(reads="world")
async def wait0(a: int) -> int:
    await trio.sleep(0.080)
    return a + 1

@node(reads="world")
async def wait1(a: int) -> int:
    await trio.sleep(0.005)
    return a + 1

@node(reads="world")
async def wait2(a: int) -> int:
    await trio.sleep(0.030)
    return a + 1

"""
_NUMBERS = itertools.count(1)


def source(workload: Workload) -> str:
    """The text of the module."""
    lines = ["@flow", "def main(x: int) -> int:"]
    if workload.kind == "graph":
        lines += [f"    {node.name} = {node.op}({', '.join(node.needs)})" for node in workload.nodes]
        lines.append(f"    return {workload.sink}")
    elif workload.kind == "branches":
        one = ["    if is_odd(x):", "        x = odd(x)", "    else:", "        x = even(x)"]
        lines += [*one * workload.size["n"], "    return x"]
    elif workload.kind == "map":
        lines.append(f"    return sum([inc(i) for i in range(x, x + {workload.size['n']})])")
    else:
        depth = workload.size["depth"]
        for level in range(depth, 0, -1):
            inner = "inc(x)" if level == depth else f"level{level + 1}(inc(x))"
            lines[:0] = ["@flow", f"def level{level}(x: int) -> int:", f"    return {inner}", ""]
        # Callees first: nothing is gained by it, it only reads better.
        lines += ["    x = level1(x)"] * workload.size["calls"]
        lines.append("    return x")
    return HEAD + "\n".join([*lines, ""])


def build(workload: Workload) -> Callable[[int], int]:
    import cflow

    name = f"peers_{workload.name}_{next(_NUMBERS)}"
    path = Path(tempfile.mkdtemp(prefix="peers-conductor-")) / f"{name}.py"
    path.write_text(source(workload))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    engine = cflow.Engine(limit=WORKERS) if workload.name == "blocking" else cflow.Engine()
    main = module.main
    return lambda x: engine.run(main, x)  # type: ignore[no-any-return]
