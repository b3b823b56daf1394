"""Several processes work on the queues of one store, and some of them are killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import queue_programs
from waiting_kit import Popen, effects_of, kill, until

from cflow import Engine
from cflow.store.port import Store

CHILD = Path(__file__).parent / "queue_child.py"


def worker(popen: Popen, tmp_path: Path, **environment: str) -> subprocess.Popen[str]:
    child = popen(
        [sys.executable, str(CHILD), str(tmp_path / "store")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "EFFECTS": str(tmp_path / "effects"), **environment},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def store_of(engine: Engine) -> Store:
    assert engine.recorder is not None
    return engine.recorder.store


def states(engine: Engine) -> Counter[str]:
    return Counter(row.state for row in store_of(engine).runs())


def most_at_once(lines: list[str]) -> int:
    """How many runs were under way at once. One whose process was killed is, until it has ended in another one: it
    keeps its slot."""
    now: set[str] = set()
    most = 0
    for line in lines:
        what, number, _, _ = line.split()
        if what == "begin":
            now.add(number)
        else:
            now.discard(number)
        most = max(most, len(now))
    return most


@pytest.mark.parametrize("concurrency", [1, 3])
def test_processes_share_the_slots_of_a_queue(concurrency: int, engine: Engine, tmp_path: Path, popen: Popen) -> None:
    """Three processes; one is killed in the middle, another one comes."""
    jobs = engine.queue("jobs")
    jobs.set(concurrency=concurrency)
    jobs.pause()
    for number in range(30):
        jobs.put(queue_programs.job, number)
    effects = tmp_path / "effects"
    workers = [worker(popen, tmp_path) for _ in range(3)]
    jobs.resume()
    until(lambda: len(effects_of(effects)) > 10)
    last = int(effects_of(effects)[-1].split()[2])
    kill(next(each for each in workers if each.pid == last))
    worker(popen, tmp_path)
    until(lambda: states(engine) == {"done": 30})
    lines = effects_of(effects)
    assert most_at_once(lines) <= concurrency
    ends = Counter(line.split()[1] for line in lines if line.startswith("end"))
    assert set(ends) == {str(number) for number in range(30)}
    # What was under way in the process that was killed is made again, under the same key.
    assert sum(ends.values()) <= 30 + concurrency
    keys = {}
    for line in lines:
        _, number, _, key = line.split()
        assert keys.setdefault(number, key) == key
    assert len({line.split()[2] for line in lines}) > 1


def test_the_slot_of_a_process_that_is_killed_serves_the_same_run(engine: Engine, tmp_path: Path, popen: Popen) -> None:
    jobs = engine.queue("jobs")
    jobs.set(concurrency=1)
    first = jobs.put(queue_programs.stuck, 1)
    jobs.put(queue_programs.job, 2)
    effects = tmp_path / "effects"
    hanging = worker(popen, tmp_path, HANG="1")
    until(lambda: effects_of(effects))
    other = worker(popen, tmp_path)
    kill(hanging)
    until(lambda: states(engine) == {"done": 2})
    lines = [line.split() for line in effects_of(effects)]
    assert [(what, number) for what, number, _, _ in lines] == [
        *[("begin", "1"), ("begin", "1"), ("end", "1")],
        *[("begin", "2"), ("end", "2")],
    ]
    assert [int(process) for _, _, process, _ in lines] == [hanging.pid, *[other.pid] * 4]
    row = store_of(engine).run(first)
    assert row is not None
    assert row.resumed == 1


def test_a_process_that_dies_between_claim_and_beginning_loses_nothing(
    engine: Engine, tmp_path: Path, popen: Popen
) -> None:
    jobs = engine.queue("jobs")
    jobs.set(concurrency=2)
    for number in range(3):
        jobs.put(queue_programs.job, number)
    dying = worker(popen, tmp_path, DIE_BETWEEN="1")
    dying.wait()
    assert states(engine) == {"running": 2, "queued": 1}
    worker(popen, tmp_path)
    until(lambda: states(engine) == {"done": 3})
    assert Counter(line.split()[0] for line in effects_of(tmp_path / "effects")) == {"begin": 3, "end": 3}


def test_a_future_hears_what_another_process_has_done(engine: Engine, tmp_path: Path, popen: Popen) -> None:
    worker(popen, tmp_path)
    futures = [engine.queue("jobs").submit(queue_programs.job, number) for number in range(5)]
    assert [future.result(30) for future in futures] == list(range(5))


def test_cancelling_a_future_ends_the_run_in_another_process(engine: Engine, tmp_path: Path, popen: Popen) -> None:
    worker(popen, tmp_path, HANG="1")
    future = engine.queue("jobs").submit(queue_programs.waits)
    until(lambda: effects_of(tmp_path / "effects"))
    assert future.cancel()
    assert future.exception(30) is not None
    assert states(engine) == {"cancelled": 1}
