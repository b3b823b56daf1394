"""``cflow resume``: going on with runs whose process is gone."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from typing import TYPE_CHECKING

from .arguments import Usage
from .output import emit, note
from .stores import existing

if TYPE_CHECKING:
    from ..engine import Engine
    from ..runs.since import Repeats
    from ..store.port import Store
    from ..store.rows import RunRow

IDLE = 1.0
"""Seconds of waiting after which a run is left alone."""


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0, also where there is nothing to do; 1 where a run failed or is parked; 2 where there is no such run
    or store."""
    from ..engine import Engine
    from ..runs.history import summary
    from ..runs.resume import resume
    from ..runs.since import Repeats

    _fits(arguments)
    with existing(arguments.store):
        engine = Engine(store=arguments.store, idle=IDLE)
        if arguments.watch:
            return _watch(engine)
        wanted = {"start": arguments.start, "skip_undo": arguments.skip_undo}
        try:
            rows = resume(engine, arguments.run, accept=arguments.accept, **wanted)
        except Repeats as error:
            if not _agreed(error):
                raise
            rows = resume(engine, arguments.run, accept=True, **wanted)
    for row in rows:
        emit(summary(row))
    if not rows:
        note(_nothing(engine, arguments.run))
    return 1 if any(row.state in ("failed", "parked") for row in rows) else 0


def _fits(arguments: argparse.Namespace) -> None:
    """
    Raises
    ------
    Usage: options that do not go together.
    """
    if arguments.watch and (arguments.run or arguments.accept or arguments.skip_undo or arguments.start):
        msg = "--watch goes on with all runs as they stand: leave out RUN, --accept, --skip-undo and --from"
        raise Usage(msg)
    for option, given in (("--from", arguments.start), ("--skip-undo", arguments.skip_undo)):
        if given and not arguments.run:
            msg = f"{option} goes with the id of a run"
            raise Usage(msg)


def _nothing(engine: Engine, run: str) -> str:
    """Why no run was gone on with."""
    from ..runs.resume import find
    from ..store.rows import OVER

    assert engine.recorder is not None
    store = engine.recorder.store
    if not run:
        parked = ", but some are parked: `cflow runs --state parked` tells why" if _parked(store) else ""
        return f"there is no run to go on with{parked}"
    state = find(store, run).state
    return f"{run} is {state}: it is over" if state in OVER else f"{run} is {state}: another process goes on with it"


def _parked(store: Store) -> bool:
    return bool(store.runs(states=("parked",), limit=1))


def _agreed(error: Repeats) -> bool:
    """Does who sits at the terminal want it?"""
    if not sys.stdin.isatty():
        return False
    print(*str(error).splitlines()[:-1], "Make it again? [y/N] ", sep="\n", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _watch(engine: Engine) -> int:
    """Go on with all runs until Ctrl-C; the code of that is 0, as it is how this ends."""

    from ..runs.history import summary

    def told(row: RunRow) -> None:
        emit(summary(row), flush=True)

    with contextlib.suppress(KeyboardInterrupt), engine.supervise(told=told):
        while True:
            time.sleep(3600)
    return 0
