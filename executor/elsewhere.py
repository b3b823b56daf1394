"""Nodes whose code runs elsewhere (``runs="process"`` and the like): what the engine calls for them.

That is an ``async def`` (of a stream an async generator), which hands the call to its runtime and waits. So policies,
cuts, events and records are those of any async node, and a node that runs here pays nothing. The runtimes stand in
:mod:`..runtimes`, each in a module that is imported when the first of its nodes is called.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..compiler.spec import RUNTIMES, NodeSpec
from ..runtimes.away import TAKEN, Away

if TYPE_CHECKING:
    from ..runtimes.port import Job, Places, Runtime

PLACES = {
    "process": "in a process",
    "asyncio": "on asyncio's loop",
    "command": "in a program",
    "wasm": "in WebAssembly",
    "native": "in a library",
}
"""Where each runs, in words."""

_MODULES = {"process": "processes", "asyncio": "aio", "command": "command", "wasm": "wasm", "native": "native"}


def located(spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
    """What the engine calls for a node: its function, or, where that runs elsewhere, who hands the call on."""
    if spec.runs not in RUNTIMES:
        return fn

    @functools.cache
    def there() -> tuple[Runtime, Callable[..., Any]]:
        module = import_module(f"{__name__.rpartition('.executor.')[0]}.runtimes.{_MODULES[spec.runs]}")
        runtime: Runtime = module.RUNTIME
        return runtime, runtime.prepared(spec, fn)

    if spec.is_stream:

        @functools.wraps(fn)
        async def items(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            runtime, target = there()
            job = _job(spec, target, args, kwargs)
            async with contextlib.aclosing(runtime.items(job)) as source:
                while True:
                    with _waiting():
                        try:
                            item = await source.__anext__()
                        except StopAsyncIteration:
                            return
                    yield item

        return items

    @functools.wraps(fn)
    async def call(*args: Any, **kwargs: Any) -> Any:
        runtime, target = there()
        job = _job(spec, target, args, kwargs)
        with _waiting():
            return await runtime.call(job)

    return call


_UNDER_WAY: set[object] = set()


@contextlib.contextmanager
def _waiting() -> Iterator[None]:
    call = object()
    _UNDER_WAY.add(call)
    try:
        yield
    finally:
        _UNDER_WAY.discard(call)


def under_way() -> int:
    """The calls that somebody waits for just now."""
    return len(_UNDER_WAY)


def _job(spec: NodeSpec, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Job:
    import logging

    from ..runtimes.port import Job
    from .context import context
    from .loglines import NODES, wanted
    from .processes import MemoryProcesses

    place: Places
    try:
        here = context()
    except RuntimeError:  # a test attempts the node by itself
        away, place = Away("", spec.name, 1, spec.name, {}), MemoryProcesses(1)
    else:
        away = Away(here.run, here.node, here.attempt, here.key, here._run.progress)
        place = here._run.services.processes
    levels = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR
    heard_from = logging.getLogger().level, next((n for n in levels if wanted(NODES, n)), logging.CRITICAL)
    return Job(spec, fn, args, kwargs, away, heard_from, functools.partial(_heard, away), place, TAKEN.get())


def _heard(here: Away, kind: str, what: Any) -> None:
    import logging

    from .loglines import NODES, NodeLog, say

    match kind:
        case "progress":
            here.progress[here.node] = tuple(what)
        case "log":
            record = logging.makeLogRecord(what)
            say(logging.getLogger(record.name), record)
        case "say":
            NodeLog(NODES, {"run": here.run, "node": here.node}).log(*what)
        case _:
            stream = sys.stdout if kind == "out" else sys.stderr
            stream.write(what)
            stream.flush()  # where it was printed it has been: a line that somebody waits for would not come
