"""Prefect: tasks in flows, whose runs and states are kept by a server (a local one with SQLite, started once)."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any, cast

import workloads
from workloads import FUNCTIONS, WORKERS, Workload

IMPORTS = ["prefect"]
SIZES = {
    "chain": 10,
    "async_chain": 10,
    "fan": 10,
    "sleeps": 16,
    "lattice": 3,
    "random_dag": 10,
    "branches": 5,
    "nested": 1,
    "map": 10,
    "blocking": 16,
    "one_run": 2,
}
_HOME = tempfile.mkdtemp(prefix="peers-prefect-")
os.environ.update(
    PREFECT_HOME=_HOME,
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="true",
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_LOGGING_LEVEL="CRITICAL",
    PREFECT_LOGGING_TO_API_ENABLED="false",
    DO_NOT_TRACK="1",
)


def start() -> None:
    from prefect import flow

    @flow
    def nothing() -> int:
        return 1

    nothing()  # the server is up after the first run


def stop() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


def listed(args: list[int]) -> int:
    return sum(args)


def build(workload: Workload) -> Callable[[int], int]:
    from prefect import flow, task
    from prefect.task_runners import ThreadPoolTaskRunner

    made: dict[Any, Any] = {}

    def node(fn: Any) -> Any:
        if fn not in made:
            made[fn] = task(fn, cache_policy=None)
        return made[fn]

    if workload.waits:
        return waiting(workload, flow, node)

    def graph(x: int) -> Any:
        values: dict[str, Any] = {"x": x}
        for n in workload.nodes:
            args = [values[need] for need in n.needs]
            whole = n.op == "total"
            values[n.name] = node(listed).submit(args) if whole else node(FUNCTIONS[n.op]).submit(*args)
        return values[workload.sink].result()

    def branches(x: int) -> Any:
        for _ in range(workload.size["n"]):
            x = node(workloads.odd if workloads.is_odd(x) else workloads.even)(x)
        return x

    @flow
    def level(x: int, depth: int) -> Any:
        x = node(workloads.inc)(x)
        return level(x, depth - 1) if depth > 1 else x

    def nested(x: int) -> Any:
        for _ in range(workload.size["calls"]):
            x = level(x, workload.size["depth"])
        return x

    def mapped(x: int) -> Any:
        items = node(workloads.inc).map(list(range(x, x + workload.size["n"])))
        return node(listed).submit(items).result()

    body = {"graph": graph, "branches": branches, "nested": nested, "map": mapped}[workload.kind]
    run = flow(body, task_runner=ThreadPoolTaskRunner(max_workers=WORKERS))
    return cast("Callable[[int], int]", run)


def waiting(workload: Workload, flow: Any, node: Any) -> Callable[[int], int]:
    """Coroutines: in a row, or gathered."""
    import asyncio

    functions = workloads.on_asyncio()

    async def row(x: int) -> int:
        for n in workload.nodes:
            x = await node(functions[n.op])(x)
        return x

    async def spread(x: int) -> int:
        root = await node(functions["step"])(x)
        return sum(await asyncio.gather(*[node(functions["pause"])(root) for _ in workload.nodes[1:-1]]))

    run = flow(spread if workload.name == "sleeps" else row)
    return lambda x: asyncio.run(run(x))
