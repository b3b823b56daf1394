"""dask.delayed: a graph made once, whose source reads the input of the run."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import workloads
from workloads import FUNCTIONS, WORKERS, Workload

from engines import Unsupported

IMPORTS = ["dask", "dask.delayed", "dask.threaded"]
SIZES = {"map": 1000, "random_dag": 500}


def listed(args: list[int]) -> int:
    return sum(args)


def build(workload: Workload) -> Callable[[int], int]:
    delayed = importlib.import_module("dask.delayed").delayed

    if workload.kind in ("branches", "nested") or (workload.waits and workload.name != "waits"):
        msg = "no conditionals, no flows in a graph, no coroutines"
        raise Unsupported(msg)
    given = [0]
    source = delayed(lambda: given[0], pure=False)()
    lazy = {fn: delayed(fn, pure=False) for fn in (*FUNCTIONS.values(), listed)}
    out: Any
    if workload.kind == "map":
        one = delayed(lambda x, i: workloads.inc(x + i), pure=False)
        out = lazy[listed]([one(source, i) for i in range(workload.size["n"])])
    else:
        values = {"x": source}
        for node in workload.nodes:
            args = [values[name] for name in node.needs]
            whole = node.op == "total"
            values[node.name] = lazy[listed](args) if whole else lazy[FUNCTIONS[node.op]](*args)
        out = values[workload.sink]
    threads = workload.name == "blocking"
    options = {"scheduler": "threads", "num_workers": WORKERS} if threads else {"scheduler": "sync"}

    def run(x: int) -> int:
        given[0] = x
        return out.compute(**options)  # type: ignore[no-any-return]

    return run
