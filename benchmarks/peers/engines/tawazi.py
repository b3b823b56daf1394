"""tawazi: a decorated function that is traced once to a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import workloads
from workloads import FUNCTIONS, WORKERS, Workload

from engines import Unsupported

IMPORTS = ["tawazi"]
SIZES = {"map": 1000, "random_dag": 1000}


def build(workload: Workload) -> Callable[[int], int]:
    from tawazi import Resource, dag, xn

    if workload.kind == "nested" or (workload.waits and workload.name != "waits"):
        msg = "a graph cannot be called twice in another; nodes are not awaited"
        raise Unsupported(msg)
    threads = workload.name == "blocking"
    resource = Resource.thread if threads else Resource.main_thread
    made: dict[Any, Any] = {}

    def node(fn: Any) -> Any:
        if fn not in made:
            made[fn] = xn(fn, resource=resource)
        return made[fn]

    def plus(a: int, b: int) -> int:
        return workloads.inc(a + b)

    def otherwise(test: bool) -> bool:
        return not test

    def either(a: Any, b: Any) -> Any:
        return b if a is None else a

    def graph(x: Any) -> Any:
        values = {"x": x}
        for n in workload.nodes:
            values[n.name] = node(FUNCTIONS[n.op])(*[values[name] for name in n.needs])
        return values[workload.sink]

    def branches(x: Any) -> Any:
        for _ in range(workload.size["n"]):
            test = node(workloads.is_odd)(x)
            left = node(workloads.odd)(x, twz_active=test)
            right = node(workloads.even)(x, twz_active=node(otherwise)(test))
            x = node(either)(left, right)
        return x

    def mapped(x: Any) -> Any:  # there is no map over values of the run: one node an item
        return node(workloads.total)(*[node(plus)(x, i) for i in range(workload.size["n"])])

    trace = {"graph": graph, "branches": branches, "map": mapped}[workload.kind]
    run = dag(trace, max_concurrency=WORKERS if threads else 1)
    return cast("Callable[[int], int]", run)
