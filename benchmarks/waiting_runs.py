"""What runs that wait keep: ``.venv/bin/python benchmarks/waiting_runs.py [RUNS]`` (a minute or two for 10,000).

So many runs are submitted; each does a write, then waits for a signal of its own. Told is what a run adds to the
process once it is put away, and while it holds its tasks; what it takes in the store, and what it takes to wake them
all. Memory is the resident set as Linux counts it.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cflow import Engine, flow, node, wait_signal
from cflow.store.port import Send
from cflow.store.rows import Signal
from cflow.store.tickets import commit_now

IDLE = 0.2
"""Seconds until a run is put away."""

BATCH = 500
"""Runs that are submitted at once: memory that many tasks have taken is not given back by the allocator, and would hide
what runs that are put away keep."""


@node(writes="nothing")
async def write(n: int) -> int:
    return n


@flow
def asks(n: int) -> int:
    write(n)
    return wait_signal("answer", n)


def resident() -> int:
    """Bytes, https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def size(folder: str) -> int:
    return sum(file.stat().st_size for file in Path(folder).iterdir() if file.is_file())


def until(what: Callable[[], bool], seconds: float = 600.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(store=folder, idle=IDLE)
        recorder = engine.recorder
        assert recorder is not None
        store = recorder.store
        futures = [engine.submit(asks, -1 - n) for n in range(BATCH)]
        until(lambda: recorder.supervisor.resting == BATCH)
        for n in range(BATCH):
            engine.signal("answer", 0, key=-1 - n)
        for future in futures:
            future.result()
        futures.clear()
        before, began, on_disk = resident(), time.perf_counter(), size(folder)
        for first in range(0, count, BATCH):
            futures += [engine.submit(asks, n) for n in range(first, min(first + BATCH, count))]
            until(lambda: recorder.supervisor.resting == len(futures))
        until(lambda: not any(thread.name == "cflow-submitted" for thread in threading.enumerate()))
        took, after = time.perf_counter() - began, resident()
        print(f"{count} runs wait after {took:.1f} s")
        print(f"put away: {(after - before) / count / 1000:.2f} kB a run with its future")
        print(f"threads: {sorted(thread.name for thread in threading.enumerate())}")
        print(f"in the store: {(size(folder) - on_disk) / count / 1000:.1f} kB a run")
        clock, cpu = time.perf_counter(), time.process_time()
        time.sleep(5)
        share = (time.process_time() - cpu) / (time.perf_counter() - clock)
        print(f"looking for them takes {share * 100:.1f} % of a core")
        values = recorder.inbox.values
        began, cpu = time.perf_counter(), time.process_time()
        for first in range(0, count, 1000):
            commit_now(
                store,
                [
                    Send(Signal("answer", recorder.inbox.key(n), values.encode(n), "", "", time.time()))
                    for n in range(first, min(first + 1000, count))
                ],
            )
        results = [future.result() for future in futures]
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        assert results == list(range(count))
        print(f"all woken and ended in {took:.1f} s: {count / took:.0f} runs/s")
        print(f"processor time of that: {cpu / count * 1e3:.2f} ms a run")
        recorder.close()
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(store=folder, idle=None)
        recorder = engine.recorder
        assert recorder is not None
        before = resident()
        futures = [engine.submit(asks, n) for n in range(BATCH * 4)]
        until(lambda: len(recorder.inbox) == len(futures))
        print(f"with tasks: {(resident() - before) / len(futures) / 1000:.1f} kB a run ({len(futures)} of them)")
        for future in futures:
            future.cancel()
        for future in futures:
            future.exception()
        recorder.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=int, nargs="?", default=10_000, metavar="RUNS")
    main(parser.parse_args().runs)
