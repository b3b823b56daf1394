"""Hamilton: functions that find each other by the names of their parameters."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import workloads
from workloads import FUNCTIONS, WORKERS, Workload

from engines import Unsupported

IMPORTS = ["hamilton.driver", "hamilton.async_driver"]
SIZES = {"map": 300}
os.environ["HAMILTON_TELEMETRY_ENABLED"] = "false"


def start() -> None:
    sys.setrecursionlimit(50_000)  # it walks its graph by recursion


def build(workload: Workload) -> Callable[[int], int]:
    from hamilton import ad_hoc_utils, driver

    if workload.kind in ("branches", "nested"):
        msg = "branches are chosen when the driver is built; a flow is no node of another at run time"
        raise Unsupported(msg)
    if workload.kind == "map":
        return mapped(workload)
    if workload.waits:
        return waiting(workload)
    module = ad_hoc_utils.create_temporary_module(*[workloads.named(n, FUNCTIONS[n.op]) for n in workload.nodes])
    builder = driver.Builder().with_modules(module)
    if workload.name == "blocking":
        from hamilton.plugins.h_threadpool import FutureAdapter

        builder = builder.with_adapters(FutureAdapter(max_workers=WORKERS))
    made = builder.build()
    sink = workload.sink
    return lambda x: made.execute([sink], inputs={"x": x})[sink]  # type: ignore[no-any-return]


def waiting(workload: Workload) -> Callable[[int], int]:
    """The async driver, on a loop that is kept."""
    import asyncio

    from hamilton import ad_hoc_utils, async_driver

    functions = workloads.on_asyncio()
    module = ad_hoc_utils.create_temporary_module(*[workloads.named(n, functions[n.op]) for n in workload.nodes])
    loop = asyncio.new_event_loop()
    made = loop.run_until_complete(async_driver.Builder().with_modules(module).build())
    sink = workload.sink
    return lambda x: loop.run_until_complete(made.execute([sink], inputs={"x": x}))[sink]  # type: ignore[no-any-return]


def mapped(workload: Workload) -> Callable[[int], int]:
    """``Parallelizable`` and ``Collect``, in one thread."""
    from hamilton import ad_hoc_utils, driver
    from hamilton.execution.executors import SynchronousLocalTaskExecutor
    from hamilton.htypes import Collect, Parallelizable

    n = workload.size["n"]

    def item(x: int) -> Parallelizable[int]:
        yield from range(x, x + n)

    def one(item: int) -> int:
        return workloads.inc(item)

    def whole(one: Collect[int]) -> int:
        return sum(one)

    item.__annotations__["return"] = Parallelizable[int]  # it looks names up in the module, where they are not
    whole.__annotations__["one"] = Collect[int]
    module = ad_hoc_utils.create_temporary_module(item, one, whole)
    made = (
        driver.Builder()
        .with_modules(module)
        .enable_dynamic_execution(allow_experimental_mode=True)
        .with_local_executor(SynchronousLocalTaskExecutor())
        .with_remote_executor(SynchronousLocalTaskExecutor())
        .build()
    )
    return lambda x: made.execute(["whole"], inputs={"x": x})["whole"]  # type: ignore[no-any-return]
