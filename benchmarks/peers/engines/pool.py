"""Floor: a pool of threads, kept. A node is submitted when the last that it needs has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import workloads
from workloads import FUNCTIONS, WORKERS, Workload

from engines import Unsupported

IMPORTS = ["concurrent.futures"]
SIZES: dict[str, int] = {}
POOL = ThreadPoolExecutor(WORKERS)


def build(workload: Workload) -> Callable[[int], int]:
    if workload.kind == "branches":

        def branches(x: int) -> int:
            for _ in range(workload.size["n"]):
                x = POOL.submit(workloads.odd if workloads.is_odd(x) else workloads.even, x).result()
            return x

        return branches
    if workload.kind == "map":
        n = workload.size["n"]
        return lambda x: sum(POOL.map(workloads.inc, range(x, x + n)))
    if workload.kind == "nested" or (workload.waits and workload.name != "waits"):
        msg = "no flows, no coroutines here"
        raise Unsupported(msg)
    if workload.name in ("chain", "one_run", "waits"):
        functions = [FUNCTIONS[node.op] for node in workload.nodes]

        def row(x: int) -> int:
            for fn in functions:
                x = POOL.submit(fn, x).result()
            return x

        return row
    if workload.name in ("fan", "blocking"):
        middle = [FUNCTIONS[node.op] for node in workload.nodes[1:-1]]

        def spread(x: int) -> int:
            root = workloads.inc(x)
            return sum(future.result() for future in [POOL.submit(fn, root) for fn in middle])

        return spread
    return counters(workload)


def counters(workload: Workload) -> Callable[[int], int]:
    """Any graph: a counter a node, lowered under a lock."""
    followers: dict[str, list[str]] = {"x": []}
    for node in workload.nodes:
        followers[node.name] = []
        for need in node.needs:
            followers[need].append(node.name)
    nodes = {node.name: node for node in workload.nodes}

    def run(x: int) -> int:
        values = {"x": x}
        missing = {node.name: len(node.needs) for node in workload.nodes}
        lock, over = threading.Lock(), threading.Event()

        def work(name: str) -> None:
            node = nodes[name]
            values[name] = FUNCTIONS[node.op](*[values[need] for need in node.needs])
            if name == workload.sink:
                over.set()
            else:
                ended(name)

        def ended(name: str) -> None:
            ready: list[str] = []
            with lock:
                for follower in followers[name]:
                    missing[follower] -= 1
                    if not missing[follower]:
                        ready.append(follower)
            for follower in ready:
                POOL.submit(work, follower)

        ended("x")
        over.wait()
        return values[workload.sink]

    return run
