"""Floor: Trio by hand. ``trio.run`` is part of every run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio
import workloads
from workloads import WORKERS, Workload

from engines.plain import straight

IMPORTS = ["trio"]
SIZES: dict[str, int] = {}


def build(workload: Workload) -> Callable[[int], int]:
    main = program(workload)
    return lambda x: trio.run(main, x)


def program(workload: Workload) -> Callable[[int], Awaitable[int]]:
    """What a person would write for the workload."""
    waiting = workloads.coroutines(trio.lowlevel.checkpoint, trio.sleep)
    if workload.kind == "branches":

        async def branches(x: int) -> int:
            for _ in range(workload.size["n"]):
                x = workloads.odd(x) if workloads.is_odd(x) else workloads.even(x)
                await trio.lowlevel.checkpoint()
            return x

        return branches
    if workload.kind == "nested":
        return nested(workload)
    if workload.kind == "map":
        return spread(lambda x: [(workloads.inc, i) for i in range(x, x + workload.size["n"])])
    if workload.name in ("async_chain", "waits"):
        made: Callable[[int], Awaitable[int]] = straight(workload, waiting, "await {fn}({args})", "async def run")
        return made
    if workload.name in ("chain", "one_run"):
        return straight(workload, workloads.FUNCTIONS, head="async def run")  # type: ignore[no-any-return]
    if workload.name == "fan":
        return spread(lambda x: [(workloads.inc, x + 1)] * (len(workload.nodes) - 2))
    if workload.name == "sleeps":
        return spread(lambda x: [(waiting["pause"], x + 1)] * (len(workload.nodes) - 2), waits=True)
    if workload.name == "blocking":

        async def blocking(x: int) -> int:
            limiter = trio.CapacityLimiter(WORKERS)

            async def one(a: int) -> int:
                return await trio.to_thread.run_sync(workloads.block, a, limiter=limiter)

            return await spread(lambda x: [(one, x + 1)] * (len(workload.nodes) - 2), waits=True)(x)

        return blocking
    return events(workload)


def spread(items: Callable[[int], list[tuple[Any, int]]], waits: bool = False) -> Callable[[int], Awaitable[int]]:
    """A task for each of the items, and the sum."""

    async def main(x: int) -> int:
        work = items(x)
        out = [0] * len(work)

        async def one(i: int, fn: Any, a: int) -> None:
            out[i] = await fn(a) if waits else fn(a)

        async with trio.open_nursery() as nursery:
            for i, (fn, a) in enumerate(work):
                nursery.start_soon(one, i, fn, a)
        return sum(out)

    return main


def nested(workload: Workload) -> Callable[[int], Awaitable[int]]:
    """Each flow opens a nursery of its own for what it calls."""

    async def flow(depth: int, x: int, box: list[int]) -> None:
        box[0] = workloads.inc(x)
        if depth > 1:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(flow, depth - 1, box[0], box)

    async def main(x: int) -> int:
        box = [x]
        for _ in range(workload.size["calls"]):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(flow, workload.size["depth"], box[0], box)
        return box[0]

    return main


def events(workload: Workload) -> Callable[[int], Awaitable[int]]:
    """A task and an event a node."""

    async def main(x: int) -> int:
        values = {"x": x}
        done = {node.name: trio.Event() for node in workload.nodes}

        async def one(name: str, fn: Any, needs: tuple[str, ...]) -> None:
            for need in needs:
                if need != "x":
                    await done[need].wait()
            values[name] = fn(*[values[need] for need in needs])
            done[name].set()

        async with trio.open_nursery() as nursery:
            for node in workload.nodes:
                nursery.start_soon(one, node.name, workloads.FUNCTIONS[node.op], node.needs)
        return values[workload.sink]

    return main
