"""How long the loop stalls while another process has the store locked: ``.venv/bin/python benchmarks/locked_store.py
[SECONDS]`` (45, if not said).

Runs that write are under way when the lock comes, others begin every tenth of a second while it is held, signals are
sent from the loop, and the loop asks the store for its runs. Told are the pauses between two steps of a task that
sleeps a millisecond, in all and without the time in which the thread could have run and had no processor
(https://docs.kernel.org/scheduler/sched-stats.html, of a thread: on Linux); and in the same seconds those of a process
whose loop does nothing else: what the machine makes of it. The aim is 50 ms.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import trio

from cflow import Engine, flow, node
from cflow.store.place import FILE

AIM = 0.05
"""Seconds."""

RUNS = 20
"""Runs that are under way when the lock comes."""

LOCKS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
"""


@node(writes="nothing")
async def write(n: int) -> int:
    await trio.sleep(0.001)
    return n


@flow
def writes(n: int) -> int:
    last = 0
    for i in range(n):
        last = write(i)
    return last


Pauses = list[tuple[float, float]]
"""Seconds in all, and of them without a processor."""


async def pauses(into: Pauses) -> None:
    """How long each step of a task took which sleeps a millisecond."""
    file = os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    def now() -> tuple[float, float]:
        return time.monotonic(), int(os.pread(file, 100, 0).split()[1]) / 1e9

    try:
        before = now()
        while True:
            await trio.sleep(0.001)
            after = now()
            into.append((after[0] - before[0], after[1] - before[1]))
            before = after
    finally:
        os.close(file)


def told(who: str, found: Pauses) -> None:
    _told(who, [seconds for seconds, _ in found])
    _told(f"{who}, without waiting for a processor", [seconds - waited for seconds, waited in found])


def _told(who: str, found: list[float]) -> None:
    found.sort()
    most, over = found[int(len(found) * 0.999)], sum(pause > AIM for pause in found)
    print(f"{who}: the longest pause {found[-1] * 1e3:.1f} ms, 99.9 % under {most * 1e3:.1f} ms", end=", ")
    print(f"{over} of {len(found)} over {AIM * 1e3:.0f} ms")


async def bare() -> None:
    """What the process beside does: ticks until its input ends."""
    found: Pauses = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pauses, found)
        await trio.to_thread.run_sync(sys.stdin.readline)
        found.clear()
        print("ready", flush=True)
        await trio.to_thread.run_sync(sys.stdin.readline)
        nursery.cancel_scope.cancel()
    told("a bare loop beside it", found)


def process(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def answer(child: subprocess.Popen[str]) -> str:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("\n")
    child.stdin.flush()
    return child.stdout.readline()


async def locked(engine: Engine, file: Path, seconds: float) -> None:
    recorder = engine.recorder
    assert recorder is not None
    store = recorder.store
    found: Pauses = []
    ended: list[int] = []
    begun = asked = 0

    async def run(n: int) -> None:
        ended.append(await engine.start(writes, n))

    beside = process(__file__, "--bare")
    await trio.to_thread.run_sync(answer, beside)
    async with trio.open_nursery() as runs, trio.open_nursery() as nursery:
        nursery.start_soon(pauses, found)
        for _ in range(RUNS):
            runs.start_soon(run, 1_000_000)
        await trio.sleep(1)
        holder = process("-c", LOCKS, str(file))
        assert holder.stdout is not None
        await trio.to_thread.run_sync(holder.stdout.readline)
        while store.trouble is None:
            await trio.sleep(0.01)
        gc.collect()
        gc.freeze()
        found.clear()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if asked % 10 == 0:
                runs.start_soon(run, 1)
                engine.signal("nobody waits", begun)
                begun += 1
            store.runs(limit=10)
            asked += 1
            await trio.sleep(0.01)
        mine = found.copy()
        assert not ended, "the lock did not hold"
        theirs = await trio.to_thread.run_sync(answer, beside)
        await trio.to_thread.run_sync(answer, holder)
        while len(ended) < begun:  # those that began meanwhile
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
        runs.cancel_scope.cancel()
    print(f"locked for {seconds:.0f} s: {RUNS} runs waited, {begun} began, {asked} questions")
    told("this loop", mine)
    print(theirs, end="")
    assert beside.stdout is not None
    print(beside.stdout.readline(), end="")
    for child in (beside, holder):
        child.communicate()


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(store=folder)
        engine.run(writes, 1)  # planned and linked before
        trio.run(locked, engine, Path(folder) / FILE, seconds)
        assert engine.recorder is not None
        engine.recorder.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float, nargs="?", default=45.0, metavar="SECONDS")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        trio.run(bare)
    else:
        main(given.seconds)
