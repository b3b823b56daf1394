"""Processes that share a store, some of them killed: what is done once is done once, whoever lives to see it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from waiting_kit import Popen

CHILD = Path(__file__).parent / "sharing_flows.py"


class Place:
    """A store, and what was done beside it."""

    def __init__(self, folder: Path, popen: Popen) -> None:
        self.popen = popen
        self.store = folder / "store"
        self.effects = folder / "effects"

    def start(self, name: str, hang_at: str = "") -> subprocess.Popen[str]:
        environment = {**os.environ, "EFFECTS": str(self.effects), "HANG_AT": hang_at}
        return self.popen(
            [sys.executable, str(CHILD), str(self.store), name],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )

    def run(self, name: str) -> str:
        """What a process prints that runs a flow to its end."""
        return finished(self.start(name))

    def kill_at(self, name: str, place: str) -> None:
        child = self.start(name, place)
        assert child.stdout is not None
        assert [child.stdout.readline(), child.stdout.readline()] == ["ready\n", "hanging\n"]
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()

    def done(self) -> list[tuple[str, str]]:
        lines = self.effects.read_text().splitlines() if self.effects.exists() else []
        return [(what, key) for what, key in (line.split() for line in lines)]

    def counted(self) -> Counter[str]:
        return Counter(what for what, _ in self.done())


def finished(child: subprocess.Popen[str]) -> str:
    out, error = child.communicate()
    assert child.returncode == 0, error
    return out.removeprefix("ready\n").strip()


@pytest.fixture
def place(tmp_path: Path, popen: Popen) -> Place:
    return Place(tmp_path, popen)


ETL = "['extract done', 'transform done', 'load done', 'mon']"
STEPS = Counter({"extract": 1, "transform": 1, "load": 1})


def test_processes_at_once_do_it_once(place: Place) -> None:
    children = [place.start("nightly") for _ in range(3)]
    assert [finished(child) for child in children] == [ETL] * 3
    assert place.counted() == STEPS


def test_a_cached_value_is_there_for_the_next_process(place: Place) -> None:
    assert place.run("looks") == place.run("looks") == "['saw one', 'saw two', 'saw one']"
    assert place.counted() == Counter({"one": 1, "two": 1})


def test_processes_at_once_make_a_cached_value_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    go = place.effects.with_name("go")
    monkeypatch.setenv("GO", str(go))
    children = [place.start("slow_looks") for _ in range(3)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    with pytest.raises(subprocess.TimeoutExpired):
        children[0].wait(0.5)
    go.touch()
    assert [finished(child) for child in children] == ["saw slow"] * 3
    assert place.counted() == Counter({"slow": 1})


def test_a_process_that_is_killed_while_it_makes_a_value_keeps_nobody_waiting(place: Place) -> None:
    child = place.start("slow_looks", "slow")
    assert child.stdout is not None
    assert [child.stdout.readline(), child.stdout.readline()] == ["ready\n", "hanging\n"]
    other = place.start("slow_looks")
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(0.5)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert finished(other) == "saw slow"
    assert place.counted() == Counter({"slow": 2})


@pytest.mark.parametrize("at", ["transform", "load", "before settling", "after settling"])
def test_a_flow_whose_process_was_killed_is_gone_on_with_by_who_needs_it(place: Place, at: str) -> None:
    place.kill_at("nightly", at)
    assert place.run("nightly") == ETL
    assert place.run("nightly") == ETL
    again = place.counted() - STEPS
    assert sum(again.values()) <= 1  # what was under way
    assert set(again) <= {at, "load"}
    keys: dict[str, set[str]] = {}
    for what, key in place.done():
        keys.setdefault(what, set()).add(key)
    assert all(len(each) == 1 for each in keys.values())  # made again under the same key


@pytest.mark.parametrize("at", ["charge", "before settling", "after settling"])
@pytest.mark.parametrize("first", ["charge", "resume"])
def test_a_call_whose_process_was_killed_is_done_once(place: Place, at: str, first: str) -> None:
    place.kill_at("charge", at)
    place.run(first)
    assert place.run("charge") == "charge done"
    assert place.run("resume") in ("[]", "['done']")
    done = place.done()
    assert len(done) == (1 if at == "after settling" else 2)
    assert len(set(done)) == 1


def test_who_waits_for_a_process_that_is_killed_goes_on_with_its_run(place: Place) -> None:
    child = place.start("nightly", "transform")
    assert child.stdout is not None
    assert [child.stdout.readline(), child.stdout.readline()] == ["ready\n", "hanging\n"]
    other = place.start("nightly")
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(0.5)  # it waits for the one that lives
    assert place.counted() == Counter({"extract": 1, "transform": 1})
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert finished(other) == ETL
    assert place.counted() == STEPS + Counter({"transform": 1})
