"""pipefunc: functions with named outputs, joined by the names of their parameters."""

from __future__ import annotations

import sys
from collections.abc import Callable

import workloads
from workloads import FUNCTIONS, WORKERS, Workload

from engines import Unsupported

IMPORTS = ["pipefunc"]
SIZES = {"chain": 100, "fan": 100, "lattice": 10, "random_dag": 100, "map": 1000, "blocking": 64}


def start() -> None:
    sys.setrecursionlimit(50_000)


def build(workload: Workload) -> Callable[[int], int]:
    from pipefunc import PipeFunc, Pipeline

    if workload.kind in ("branches", "nested") or (workload.waits and workload.name != "waits"):
        msg = "no conditionals, no coroutines; pipelines within pipelines are flattened when they are made"
        raise Unsupported(msg)
    if workload.kind == "map":
        n = workload.size["n"]

        def one(item: int) -> int:
            return workloads.inc(item)

        def whole(out: object) -> int:
            return int(sum(out))  # type: ignore[call-overload]

        items = PipeFunc(one, "out", mapspec="item[i] -> out[i]")
        made = Pipeline([items, PipeFunc(whole, "whole")], validate_type_annotations=False)
        options = {"run_folder": None, "parallel": False, "storage": "dict", "show_progress": False}
        return lambda x: made.map({"item": list(range(x, x + n))}, **options)["whole"].output
    made = Pipeline([PipeFunc(workloads.named(n, FUNCTIONS[n.op]), n.name) for n in workload.nodes])
    sink = workload.sink
    if workload.name == "blocking":
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(WORKERS)
        options = {"run_folder": None, "executor": pool, "storage": "dict", "show_progress": False}
        return lambda x: made.map({"x": x}, **options)[sink].output
    fn = made.func(sink)
    return lambda x: fn(x=x)  # type: ignore[no-any-return]
