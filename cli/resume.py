"""``cflow resume``: going on with runs whose process is gone."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from typing import TYPE_CHECKING

from .output import emit
from .run import nodes_print_to_standard_error
from .stores import existing

if TYPE_CHECKING:
    from ..engine import Engine
    from ..store.port import RunRow

IDLE = 1.0
"""Seconds of waiting after which a run is left alone."""


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0, also where there is nothing to do; 1 where a run failed or is parked; 2 where there is no such run
    or store."""
    from ..engine import Engine
    from ..runs.resume import resume

    with existing(arguments.store), nodes_print_to_standard_error():
        engine = Engine(store=arguments.store, idle=IDLE)
        if arguments.watch:
            return _watch(engine)
        rows = resume(engine, arguments.run, accept=arguments.accept)
    for row in rows:
        emit(_line(row))
    return 1 if any(row.state in ("failed", "parked") for row in rows) else 0


def _watch(engine: Engine) -> int:
    """Go on with all runs until Ctrl-C; the code of that is 0, as it is how this ends."""

    def told(row: RunRow) -> None:
        print(_line(row), file=sys.__stdout__, flush=True)

    with contextlib.suppress(KeyboardInterrupt), engine.supervise(told=told):
        while True:
            time.sleep(3600)
    return 0


def _line(row: RunRow) -> str:
    return "  ".join((row.id, f"{row.state:9}", row.flow, row.reason)).rstrip()
