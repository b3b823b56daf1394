"""Floor: the straight-line Python that a person would write, with no engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import workloads
from workloads import Workload

from engines import Unsupported

IMPORTS: list[str] = []
SIZES: dict[str, int] = {}


def straight(workload: Workload, functions: dict[str, Any], call: str = "{fn}({args})", head: str = "def run") -> Any:
    """A function with one line a node."""
    lines = [
        f"    {node.name} = {call.format(fn='_' + node.op, args=', '.join(node.needs))}" for node in workload.nodes
    ]
    space = {f"_{name}": fn for name, fn in functions.items()}
    exec("\n".join([f"{head}(x):", *lines, f"    return {workload.sink}"]), space)
    return space["run"]


def nest(depth: int) -> Callable[[int], int]:
    """A function that adds one and calls another like it."""
    inc = workloads.inc
    if depth == 1:
        return inc
    inner = nest(depth - 1)
    return lambda x: inner(inc(x))


def build(workload: Workload) -> Callable[[int], int]:
    inc, odd, even, is_odd = workloads.inc, workloads.odd, workloads.even, workloads.is_odd
    if workload.kind == "branches":

        def branches(x: int) -> int:
            for _ in range(workload.size["n"]):
                x = odd(x) if is_odd(x) else even(x)
            return x

        return branches
    if workload.kind == "nested":
        outer = nest(workload.size["depth"])

        def nested(x: int) -> int:
            for _ in range(workload.size["calls"]):
                x = outer(x)
            return x

        return nested
    if workload.kind == "map":
        n = workload.size["n"]
        return lambda x: sum([inc(i) for i in range(x, x + n)])
    if workload.waits and workload.name != "waits":
        msg = "no coroutines here"
        raise Unsupported(msg)
    if workload.name == "blocking":
        msg = "it would call one after another"
        raise Unsupported(msg)
    run: Callable[[int], int] = straight(workload, workloads.FUNCTIONS)
    return run
