"""A process that works on the queues of a store until its standard input ends: ``queue_child.py STORE``. With
``DIE_BETWEEN`` it kills itself when a run is its own and has not begun."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import queue_programs

from cflow import Engine
from cflow.runs import supervisor

if "DIE_BETWEEN" in os.environ:
    supervisor.reopened = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]


def main() -> None:
    assert queue_programs.job is not None  # found where it is imported
    print("ready", flush=True)
    with Engine(store=sys.argv[1]).supervise(at_once=2):
        sys.stdin.read()


main()
