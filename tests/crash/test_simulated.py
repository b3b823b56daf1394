"""Runs in virtual time, under a schedule, with a store that is slow, full, failing, or whose process dies, all drawn
from one number. ``--long`` tries thousands; ``--seed BASE`` says which is the first.

Two judges: runs that die are held to the checker of the crash tests, which knows nothing of the engine; generated
programs, whose store only makes them wait, to the reference interpreter.
"""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import crash_flows
import pytest
import trio
from attrs import define, field
from crash_check import Effect, Expected, Scenario, stored
from crash_drive import LAWS
from crash_world import WORLD
from gen_check import differences, from_text, outcome_of, reference
from gen_makers import make, make_streams
from gen_run import in_place
from gen_tree import Program
from gen_world import begin, result_of
from sim_store import Faults, SimStore, as_store, on_disk
from trio.testing import MockClock

from cflow import Engine
from cflow.compiler.diagnostics import ProgramError
from cflow.engine import compile_flow
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
    for module in (executor_run, executor_frame):
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
        steps = _Steps(0 if spared else random.randint(1, random.choice((30, 150, 600))), stepped)

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


class _Steps(trio.abc.Instrument):
    """Strikes after so many steps of the loop's tasks."""

    def __init__(self, left: int, strike: Callable[[], None]) -> None:
        self.left = left
        self.strike = strike

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.left -= 1
        if self.left == 0:
            self.strike()


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


# ---- generated programs, held to the reference ------------------------------------------------------------------


async def _pause(random: Random, site: int) -> None:
    if random.random() < 0.3:
        await trio.sleep(random.choice((0.13, 0.57, 1.71)) + random.random() / 100)
    else:
        for _ in range(random.choice((0, 1, 2, 5))):
            await trio.lowlevel.checkpoint()


def waited(make: Callable[[int], Program], seed: int, inner: SqliteStore) -> list[str]:
    """How a generated program on record differs from the reference, where its store makes it wait."""
    program = make(seed)
    if program.detached:
        return []  # these runs have threads of their own
    try:
        flow = from_text(program)
        compiled = compile_flow(flow.source)
    except ProgramError as error:
        return [f"refused: {error}"]
    expected = reference(program, compiled.graph, compiled.objects)
    random = Random(f"waits of {seed}")
    trio._core._run._r.seed(seed)
    faults = Faults(slow=random.choice((0, 0.001, 0.1, 3)), trouble=random.choice((0, 0, 0.1)))
    engine = Engine(store=as_store(SimStore(inner, random, faults)))
    assert engine.recorder is not None
    engine.recorder._known = True

    async def pause(site: int) -> None:
        await _pause(random, site)

    world = begin(program.plan, pause, pause, apart=program.apart)

    async def main() -> object:
        try:
            return result_of(await engine.start(flow, **program.inputs))
        except Exception as error:
            return result_of(error)

    with in_place(seed):
        result = trio.run(main, clock=MockClock(autojump_threshold=0))
    return differences(program, expected, outcome_of(program, result, world))


@pytest.mark.parametrize("batch", range(2))
@pytest.mark.parametrize("make", [make, make_streams])
def test_generated_programs_on_record_do_what_the_reference_does(
    make: Callable[[int], Program], batch: int, long: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    base = (request.config.getoption("--seed") or 90_000_000) + batch * 1000
    with on_disk(tmp_path) as inner:
        for seed in range(base, base + (1000 if long else 12)):
            problems = waited(make, seed, inner)
            assert not problems, f"seed {seed}: {problems}\n\n{make(seed)}"
        assert len(inner.runs(states=("done", "failed"))) > 5
