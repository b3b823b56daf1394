"""Runs in virtual time, under a schedule, with a store that is slow, full, failing, or whose process dies, all drawn
from one number. ``--long`` tries thousands; ``--seed BASE`` says which is the first.

The judge is the checker of the crash tests, which knows nothing of the engine.
"""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import crash_flows
import pytest
import trio
from attrs import define, field
from crash_check import Effect, Expected, Scenario, stored
from crash_drive import LAWS
from crash_world import WORLD
from sim_store import Faults, SimStore, Steps, as_store, on_disk
from trio.testing import MockClock

from cflow import Engine
from cflow.executor import frame as executor_frame, recorded as executor_recorded, run as executor_run
from cflow.executor.suspended import Suspended
from cflow.runs.resume import reopened, take
from cflow.store.failures import StoreError
from cflow.store.sqlite import SqliteStore

FLOWS = tuple(flow for flow in LAWS if flow not in ("kinds", "detaches", "live", "transacted"))
"""Those without threads, which no seed decides about."""

MOST = 6
"""Processes that may end before the run is over; the next one is spared."""


@pytest.fixture(autouse=True)
def _no_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing hangs on how long anything takes: slices of time are never over, pure calls are too short to keep."""
    for module in (executor_run, executor_frame, executor_recorded):
        monkeypatch.setattr(module, "SLICE", 1e9)
    monkeypatch.setattr(executor_recorded, "WORTH", 1e9)
    monkeypatch.setattr(WORLD, "pause", WORLD.pause)
    monkeypatch.setattr(WORLD, "put", WORLD.put)


@define
class Sim:
    """One run through several processes, in one store."""

    flow: str
    seed: str
    inner: SqliteStore
    lines: list[str] = field(factory=list)
    struck: Counter[str] = field(factory=Counter)

    def life(self, number: int, faults: Faults, spared: bool = True) -> None:
        """One process: it begins the run, or goes on with it. ``spared``: it does not die at any step of its loop."""
        random = Random(f"{self.flow} {self.seed} {number}")
        trio._core._run._r.seed(random.randint(0, 1 << 30))
        store = SimStore(self.inner, random, faults)
        engine = Engine(store=as_store(store))
        recorder = engine.recorder
        assert recorder is not None
        recorder._known = True  # no thread that beats: nobody asks whether it lives
        WORLD.process, WORLD.calls, WORLD.put = number, 0, self.lines.append
        WORLD.pause = lambda seconds: seconds * 20 ** random.uniform(-1, 1)  # none equal: ties go by addresses
        rows = self.inner.runs()
        if rows:
            started = reopened(engine, recorder, take(recorder, rows[0], asked=True))
        else:
            started = engine._prepare(getattr(crash_flows, self.flow), (), {})
        assert started is not None
        scope = trio.CancelScope()

        def die() -> None:
            WORLD.put = lambda line: None
            assert started.recording is not None
            started.recording.journal.stop("the process died")
            scope.cancel()

        def stepped() -> None:
            if not store.dead:
                store.dead = True
                store.struck.append("stepped")
                die()

        store.die = die
        steps = Steps(0 if spared else random.randint(1, random.choice((30, 150, 600))), stepped)

        async def main() -> None:
            trio.lowlevel.add_instrument(steps)
            with scope:
                try:
                    await started.main()
                except (Suspended, crash_flows.NoError):
                    pass
                except StoreError:  # of the last commit, which tells how it ended
                    if not store.struck:
                        raise

        trio.run(main, clock=MockClock(autojump_threshold=0))
        self.struck += Counter(store.struck)

    @property
    def effects(self) -> list[Effect]:
        return [Effect.read(line) for line in self.lines]


class Warned(logging.Handler):
    """What the engine warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def simulated(flow: str, seed: str, folder: Path, expected: Expected) -> tuple[list[str], Counter[str]]:
    """What is wrong with a run under faults, and the faults."""
    random = Random(f"{flow} {seed}")
    faults = Faults(
        slow=random.choice((0, 0.001, 0.01, 1)),
        trouble=random.choice((0, 0.1)),
        refused=random.choice((0, 0, 0.05)),
        died=random.choice((0, 0.05, 0.3)),
    )
    seen = Scenario(LAWS[flow])
    warned = Warned()
    logging.getLogger("cflow").addHandler(warned)
    try:
        with on_disk(folder) as inner:
            sim = Sim(flow, seed, inner)
            for number in range(MOST + 1):
                sim.life(number, faults if number < MOST else Faults(faults.slow), spared=number == MOST)
                now = stored(folder)
                if any(run.state in ("done", "failed") for run in now.values()):
                    seen.over(number, now, sim.effects, expected, "\n".join(warned.said))
                    break
                seen.killed(number, now, sim.effects)
            else:
                seen.problems.append("it is never over")
    finally:
        logging.getLogger("cflow").removeHandler(warned)
    return seen.problems, sim.struck


def expected_of(flow: str, folder: Path) -> Expected:
    with on_disk(folder) as inner:
        sim = Sim(flow, "whole", inner)
        sim.life(0, Faults())
        return Expected.of(stored(folder), sim.effects)


@pytest.mark.parametrize("flow", FLOWS)
def test_runs_outlive_what_a_store_does(flow: str, long: bool, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    base = request.config.getoption("--seed") or 0
    expected = expected_of(flow, tmp_path / "whole")
    struck: Counter[str] = Counter()
    for seed in range(base, base + (200 if long else 6)):
        folder = tmp_path / str(seed)
        problems, faults = simulated(flow, str(seed), folder, expected)
        assert not problems, f"seed {seed}: {problems}"
        shutil.rmtree(folder)
        struck += faults
    assert struck["died"] + struck["stepped"] > 3 or base, struck
    print(f"{flow}: {seed - base + 1} runs, {', '.join(f'{what} {count}' for what, count in sorted(struck.items()))}")


@pytest.mark.parametrize("flow", FLOWS)
def test_a_process_dies_at_each_commit(flow: str, long: bool, tmp_path: Path) -> None:
    """With nothing of it on disk, or all; and so does the next one, at one of its first."""
    expected = expected_of(flow, tmp_path / "whole")
    points = 0
    for at in range(1, 1000, 1 if long else 7):
        for kept in (0.0, 1.0):
            problems, struck = dying_at((at, at % 5 + 1), kept, flow, tmp_path / f"{at} {kept}", expected)
            assert not problems, f"commit {at}, {kept} of it on disk: {problems}"
        points += struck["died"]
        if not struck["died"]:
            break  # there are no more commits
    print(f"{flow}: {points}")


def dying_at(
    commits: Sequence[int], kept: float, flow: str, folder: Path, expected: Expected
) -> tuple[list[str], Counter[str]]:
    """What is wrong with a run whose processes die at these commits, one after another."""
    seen = Scenario(LAWS[flow])
    with on_disk(folder) as inner:
        sim = Sim(flow, f"commits {commits} {kept}", inner)
        for number, at in enumerate((*commits, 0)):
            sim.life(number, Faults(at=at, kept=kept))
            now = stored(folder)
            if any(run.state in ("done", "failed") for run in now.values()):
                seen.over(number, now, sim.effects, expected, "")
                break
            seen.killed(number, now, sim.effects)
        else:
            seen.problems.append("it is never over")
    shutil.rmtree(folder)
    return seen.problems, sim.struck


def test_a_seed_says_it_all(tmp_path: Path) -> None:
    """The same number gives the same run, to the last line."""
    told = []
    for name in ("a", "b"):
        with on_disk(tmp_path / name) as inner:
            sim = Sim("arms", "7", inner)
            for number in range(3):
                if inner.runs(states=("done",)):
                    break
                sim.life(number, Faults(0.01, 0.2, 0.05, 0.1), spared=False)
            told.append(([(e.process, e.phase, e.what, e.place) for e in sim.effects], sim.struck))
    assert told[0] == told[1]
    assert told[0][0]
