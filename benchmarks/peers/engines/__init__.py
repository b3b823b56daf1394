"""One module an engine. Each holds

- ``IMPORTS``: the modules whose import is timed;
- ``SIZES``: sizes other than the full ones, by workload, for what would take minutes;
- ``build(workload) -> run``: prepares, timed apart; ``run(x)`` gives the result. It raises :class:`Unsupported` where
  the engine has no form for it;
- ``start()`` and ``stop()``, where a process needs them once.

Each engine is given the fastest setting that its documentation offers for the workload.
"""

from __future__ import annotations

from dataclasses import dataclass


class Unsupported(Exception):
    """The engine has no form for a workload; the text says why."""


@dataclass(frozen=True)
class Engine:
    """``environment``: of :mod:`install`, or "" for this project's own. ``package``: whose version is told. ``note``:
    what a reader of the table has to know."""

    name: str
    title: str
    environment: str
    package: str
    note: str

    @property
    def floor(self) -> bool:
        """Is it what a person would write without an engine?"""
        return not self.environment and self.name != "conductor"


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("plain", "plain Python", "", "", "a floor: the calls one after another"),
        Engine("by_hand", "hand-written Trio", "", "trio", "a floor: a task a node where something overlaps"),
        Engine("pool", "thread pool", "", "", "a floor: `concurrent.futures`, 16 threads, kept; a counter a node"),
        Engine(
            "conductor",
            "Conductor",
            "",
            "conductor-cflow",
            'nodes declared `reads="world"`, so that nothing is shared or left out; `Engine(limit=16)` for blocking',
        ),
        Engine(
            "hamilton",
            "Hamilton",
            "hamilton",
            "sf-hamilton",
            "the async driver where nodes wait, its thread adapter for blocking, else the plain driver",
        ),
        Engine("pipefunc", "pipefunc", "pipefunc", "pipefunc", "`Pipeline.run`; `Pipeline.map` for map and blocking"),
        Engine("tawazi", "tawazi", "tawazi", "tawazi", "nodes on the main thread, in threads for blocking"),
        Engine("dask", "dask.delayed", "dask", "dask", "the synchronous scheduler, the threaded one for blocking"),
        Engine("dbos", "DBOS", "dbos", "dbos", "every node is a step recorded in SQLite; blocking nodes are workflows"),
        Engine("prefect", "Prefect", "prefect", "prefect", "every node is a task run of a local server with SQLite"),
    )
}
