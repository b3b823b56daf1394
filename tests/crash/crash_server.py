"""A process that has imported everything and makes a child for each thing that is asked of it, so that a run costs a
few milliseconds to begin and can be killed as a whole process.

It reads orders as lines of JSON, and answers each with one: ``{"killed": bool, "status": int, "out": path}``. An order
is ``store``, ``effects``, ``out`` (paths), ``process`` (a number), ``flow`` (empty: go on with what others have left)
and ``kill``: how the child ends:

``{"how": "time", "after": seconds}``: from outside, whatever it does.
``{"how": "statement", "count": n, "where": "before" | "after"}``: at its n-th statement to SQLite.
``{"how": "commit", "count": n, "after": seconds}``: from outside, so long after its n-th COMMIT has begun.
``{"how": "call", "count": n, "where": a phase of crash_world}``: in its n-th call of a node.
``{"how": "never"}``: not at all; the answer counts what there was (``statements``, ``commits``, ``calls``).
"""

from __future__ import annotations

import functools
import gc
import json
import logging
import os
import select
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import crash_flows
from crash_world import WORLD

import cflow.runs.resume
from cflow import Engine
from cflow.executor.underway import settle
from cflow.store import blobs, encoding, keeper, owners, place, sqlite, tickets

LOADED = (blobs, encoding, keeper, owners, place, sqlite, tickets)
"""Imported on first use, else."""

LONGEST = 60.0
"""Seconds after which a child is killed that does not end."""


class Counted(sqlite3.Connection):
    """Ends the process at the statement that it is told to."""

    kill: dict[str, Any] = {}
    bell = -1
    statements = 0
    commits = 0

    def execute(self, statement: str, *rest: Any) -> sqlite3.Cursor:
        return self._made(super().execute, statement, *rest)

    def executemany(self, statement: str, *rest: Any) -> sqlite3.Cursor:
        return self._made(super().executemany, statement, *rest)

    def _made(self, make: Any, statement: str, *rest: Any) -> sqlite3.Cursor:
        cls = Counted
        cls.statements += 1
        struck = cls.kill["how"] == "statement" and cls.statements == cls.kill["count"]
        if struck and cls.kill["where"] == "before":
            WORLD.die()
        if statement.startswith("COMMIT"):
            cls.commits += 1
            if cls.kill["how"] == "commit" and cls.commits == cls.kill["count"]:
                os.write(cls.bell, b"!")
        made = make(statement, *rest)
        if struck:
            WORLD.die()
        return made  # type: ignore[no-any-return]


def work(order: dict[str, Any]) -> None:
    """What a child does."""
    engine = Engine(store=order["store"])
    if order["flow"]:
        value = engine.run(getattr(crash_flows, order["flow"]))
        if order["flow"] == "live":
            list(value)
    else:
        cflow.runs.resume.resume(engine)
    settle()
    recorder = engine.recorder
    assert recorder is not None
    recorder.close()


def child(order: dict[str, Any], bell: int, answer: int) -> None:
    out = os.open(order["out"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    WORLD.open(order["effects"], order["process"])
    crash_flows.open_ledger(f"{order['effects']}.db")
    kill = order["kill"]
    if kill["how"] == "call":
        WORLD.strike = (kill["where"], kill["count"])
    Counted.kill, Counted.bell = kill, bell
    place.open_store = functools.partial(place.open_store, factory=Counted)
    failed = 0
    try:
        work(order)
    except crash_flows.NoError:
        pass
    except BaseException:
        logging.exception("the child failed")
        failed = 1
    counts = {"statements": Counted.statements, "commits": Counted.commits, "calls": WORLD.calls}
    os.write(answer, json.dumps(counts).encode())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(failed)


def served(order: dict[str, Any]) -> dict[str, Any]:
    """Make the child, kill it where it does not do so itself, and tell what became of it."""
    kill = order["kill"]
    listen, bell = os.pipe()
    hear, answer = os.pipe()
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(listen)
        os.close(hear)
        child(order, bell, answer)
    os.close(bell)
    os.close(answer)
    ended = os.pidfd_open(pid)
    wait = kill["after"] if kill["how"] == "time" else LONGEST
    came, _, _ = select.select([ended, *([listen] if kill["how"] == "commit" else [])], [], [], wait)
    late = False
    if ended not in came:
        if listen in came:
            time.sleep(kill["after"])
        late = not came and kill["how"] != "time"
        if late:  # its threads tell where they are
            os.kill(pid, signal.SIGUSR1)
            time.sleep(1)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    counts = os.read(hear, 1000)
    for file in (listen, hear, ended):
        os.close(file)
    return {
        "killed": os.WIFSIGNALED(status),
        "late": late,
        "status": 0 if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - began,
        **(json.loads(counts) if counts else {}),
    }


def main() -> None:
    import faulthandler

    faulthandler.register(signal.SIGUSR1, all_threads=True)
    engine = Engine()
    for name in sys.argv[1:]:
        engine.compiled(getattr(crash_flows, name))
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(served(json.loads(line))), flush=True)


main()
