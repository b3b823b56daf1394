"""Runs that are killed at seeded moments and gone on with: nothing that was done is lost, and no write is repeated but
one that was under way. What the nodes did stands in a file that the store knows nothing of."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from waiting_kit import Popen

CHILD = Path(__file__).parent / "child.py"

UNDER_WAY = {"straight": 1, "wide": 5, "booked": 1}
"""Writes that each flow has under way at once, at most."""


def start(popen: Popen, store: Path, effects: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "EFFECTS": str(effects)}
    child = popen(
        [sys.executable, str(CHILD), str(store), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def ended(child: subprocess.Popen[str]) -> str:
    out, _ = child.communicate()
    assert child.returncode == 0
    return out


def lines(effects: Path) -> list[tuple[str, str]]:
    """What was done and under which key; the run's own id is left out."""
    if not effects.exists():
        return []
    return [(what, key.partition("/")[2]) for what, key in (line.split() for line in effects.read_text().splitlines())]


@pytest.mark.parametrize("flow", UNDER_WAY)
@pytest.mark.parametrize("seed", range(2))
def test_a_killed_run_is_gone_on_with(flow: str, seed: int, tmp_path: Path, popen: Popen) -> None:
    whole = tmp_path / "whole"
    expected_result = json.loads(ended(start(popen, tmp_path / "a", whole, "run", flow)))
    expected = lines(whole)
    rng = random.Random(f"{flow} {seed}")
    store, effects = tmp_path / "b", tmp_path / "effects"
    child = start(popen, store, effects, "run", flow)
    kills = 0
    for _ in range(4):
        time.sleep(rng.uniform(0, 0.4))
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        kills += 1
        child = start(popen, store, effects, "resume")
    out = child.communicate()[0]
    assert child.returncode == 0, out
    assert "does not fit" not in out
    from cflow.store.place import open_store

    with_it = open_store(store, readonly=True)
    rows = with_it.runs()
    with_it.close()
    if not rows:
        assert not lines(effects)  # killed before anything was begun
        return
    (row,) = rows
    assert row.state == "done", row
    done = lines(effects)
    counted, wanted = Counter(done), Counter(expected)
    assert set(counted) == set(wanted)
    assert sum(n - 1 for n in counted.values()) <= kills * UNDER_WAY[flow]
    if UNDER_WAY[flow] == 1:
        assert list(dict.fromkeys(done)) == list(dict.fromkeys(expected))
    from cflow.store.encoding import Values

    assert Values({}).decode(row.result or b"") == expected_result
