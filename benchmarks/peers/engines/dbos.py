"""DBOS: workflows whose steps are recorded in a database (SQLite here), in the order of the program."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Callable
from typing import Any, cast

import workloads
from workloads import FUNCTIONS, Workload

IMPORTS = ["dbos"]
SIZES = {
    "chain": 30,
    "async_chain": 30,
    "fan": 30,
    "sleeps": 30,
    "lattice": 5,
    "random_dag": 30,
    "map": 30,
    "one_run": 10,
    "nested": 2,
    "branches": 15,
    "blocking": 32,
}
_FOLDER = tempfile.mkdtemp(prefix="peers-dbos-")
_NUMBERS = itertools.count(1)


def start() -> None:
    from dbos import DBOS

    url = f"sqlite:///{_FOLDER}/system.db"
    DBOS(config={"name": "peers", "system_database_url": url, "log_level": "CRITICAL", "run_admin_server": False})
    DBOS.launch()


def stop() -> None:
    shutil.rmtree(_FOLDER, ignore_errors=True)


def build(workload: Workload) -> Callable[[int], int]:
    from dbos import DBOS

    name = f"{workload.name}{next(_NUMBERS)}"
    made: dict[Any, Any] = {}

    def step(fn: Any) -> Any:
        if fn not in made:
            made[fn] = DBOS.step(name=f"{name}.{fn.__name__}")(fn)
        return made[fn]

    if workload.waits:
        return waiting(workload, DBOS.workflow(name=name), step)

    def graph(x: int) -> int:
        values = {"x": x}
        for node in workload.nodes:
            values[node.name] = step(FUNCTIONS[node.op])(*[values[need] for need in node.needs])
        return values[workload.sink]

    def branches(x: int) -> int:
        for _ in range(workload.size["n"]):
            x = step(workloads.odd if workloads.is_odd(x) else workloads.even)(x)
        return x

    def level(x: int, depth: int) -> int:
        x = step(workloads.inc)(x)
        return inner(x, depth - 1) if depth > 1 else x

    inner = DBOS.workflow(name=f"{name}.level")(level)

    def nested(x: int) -> int:
        for _ in range(workload.size["calls"]):
            x = inner(x, workload.size["depth"])
        return x

    def mapped(x: int) -> int:
        return sum([step(workloads.inc)(i) for i in range(x, x + workload.size["n"])])

    child = DBOS.workflow(name=f"{name}.child")(workloads.block)

    def blocking(x: int) -> int:  # what overlaps are workflows
        root = workloads.inc(x)
        handles = [DBOS.start_workflow(child, root) for _ in workload.nodes[1:-1]]
        return sum(handle.get_result() for handle in handles)

    body = {"graph": graph, "branches": branches, "nested": nested, "map": mapped}[workload.kind]
    run = DBOS.workflow(name=name)(blocking if workload.name == "blocking" else body)
    return cast("Callable[[int], int]", run)


def waiting(workload: Workload, workflow: Any, step: Any) -> Callable[[int], int]:
    """Coroutines: in a row, or gathered."""
    functions = workloads.on_asyncio()

    async def row(x: int) -> int:
        for node in workload.nodes:
            x = await step(functions[node.op])(x)
        return x

    async def spread(x: int) -> int:
        root = await step(functions["step"])(x)
        return sum(await asyncio.gather(*[step(functions["pause"])(root) for _ in workload.nodes[1:-1]]))

    run = workflow(spread if workload.name == "sleeps" else row)
    loop = asyncio.new_event_loop()
    return lambda x: loop.run_until_complete(run(x))
