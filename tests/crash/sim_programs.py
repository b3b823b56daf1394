"""Generated programs on record, over several processes of a simulation: each dies as its seed says, or finds a store
that fails, and the next one goes on with what is in the store.

Nodes that write act by their key, as services do that know idempotency keys, so the run has to end as the reference
does. One that is parked because an undo has failed is gone on with without that, which is what the reference does.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import gen_world
import trio
from attrs import define, field
from gen_check import Outcome, from_text, outcome_of
from gen_record import warnings
from gen_run import in_place
from gen_tree import Program
from gen_world import World, result_of
from sim_store import Faults, SimStore, Steps, as_store, on_disk
from trio.testing import MockClock

from cflow import Engine
from cflow.compiled import Compiled
from cflow.executor.entries import DONE, FAILED, GIVEN, OWED
from cflow.executor.suspended import Suspended
from cflow.runs.resume import reopened, take
from cflow.store.failures import StoreError
from cflow.store.keeper import read_journal
from cflow.store.rows import OVER, RunRow
from cflow.store.sqlite import SqliteStore

MOST = 6
"""Processes that may end before the run is over; the next one is spared."""

PARKED = 40
"""Processes in all, at most, with those that a failing undo has parked the run in."""


@define
class Survived:
    """What became of a program. ``problems``: what a process did that it may not."""

    outcome: Outcome
    problems: list[str]
    struck: Counter[str]


@define
class ProgramSim:
    """One program in a store of its own."""

    program: Program
    seed: int
    inner: SqliteStore
    world: World
    problems: list[str] = field(factory=list)
    struck: Counter[str] = field(factory=Counter)
    result: object = None
    """What the process gave that came to the run's end, if one did."""

    def life(self, flow: object, number: int, faults: Faults, spared: bool) -> None:
        """One process. ``spared``: it does not die at any step of its loop."""
        random = Random(f"{self.seed} {number}")
        trio._core._run._r.seed(random.randint(0, 1 << 30))
        store = SimStore(self.inner, random, faults)
        engine = Engine(store=as_store(store))
        recorder = engine.recorder
        assert recorder is not None
        recorder._known = True  # no thread that beats: nobody asks whether it lives
        row = self.row
        if row is None:
            started = engine._prepare(flow, (), dict(self.program.inputs))
        else:
            again = reopened(engine, recorder, take(recorder, row, asked=True), skip_undo=True)
            assert again is not None, self.row
            started = again
        recording = started.recording
        assert recording is not None
        world = self._reborn(random, row)
        dead: list[World] = []
        scope = trio.CancelScope()

        def die() -> None:
            dead.append(world.copied())
            recording.journal.stop("the process died")
            scope.cancel()

        def stepped() -> None:
            if not store.dead:
                store.dead = True
                store.struck.append("stepped")
                die()

        store.die = die
        steps = Steps(0 if spared else random.randint(1, random.choice((10, 60, 400))), stepped)
        result: object = None

        async def main() -> None:
            nonlocal result
            trio.lowlevel.add_instrument(steps)
            with scope:
                try:
                    result = result_of(await started.main())
                except (Suspended, StoreError):
                    pass
                except Exception as error:
                    result = result_of(error)

        with in_place(self.seed):
            trio.run(main, clock=MockClock(autojump_threshold=0))
        self.struck += Counter(store.struck)
        self.world = dead[0] if dead else world
        self.problems += [f"process {number} called again what was on record: {key}" for key in world.again]
        if not dead:
            self.result = result
        self._look(number)

    def _reborn(self, random: Random, row: RunRow | None) -> World:
        long = random.choice((0.0, 0.3, 0.8))

        async def pause(site: int) -> None:
            if random.random() < long:
                await trio.sleep(random.choice((0.13, 0.57, 1.71)) + random.random() / 100)
            else:
                for _ in range(random.choice((0, 1, 2, 5))):
                    await trio.lowlevel.checkpoint()

        past = [] if row is None else read_journal(self.inner, row.id).entries
        ended = {entry.key for entry in past if entry.kind in (DONE, FAILED, GIVEN)}
        ended |= {entry.key.rpartition("~")[0] for entry in past if entry.kind == OWED}
        world = self.world.reborn(pause, pause, ended)
        gen_world._current = world
        return world

    def _look(self, number: int) -> None:
        row, world = self.row, self.world
        if row is None:
            if world.writes or world.once:
                self.problems.append(f"process {number} has written, and no run is on record")
            self.world = gen_world.begin(self.program.plan, apart=self.program.apart)  # it may have logged
        elif row.state == "cancelled":
            self.problems.append(f"process {number} has cancelled it")

    @property
    def row(self) -> RunRow | None:
        return next(iter(self.inner.runs()), None)

    def ended(self, compiled: Compiled) -> object:
        """The result or the error, as it is in the store."""
        row = self.row
        assert row is not None
        recorder = Engine(store=as_store(SimStore(self.inner, Random(), Faults()))).recorder
        assert recorder is not None
        data = row.error if row.state == "failed" else row.result
        assert data is not None
        kept = result_of(recorder.codec(compiled, {}).decode(data))
        if self.result is not None and kept != self.result:
            self.problems.append(f"it gave {self.result!r}, and {kept!r} is on record")
        return kept


def faults_of(program: Program, random: Random) -> Faults:
    """What may happen. Where a run is broken off by its store, its process lives on and closes the sources that are
    open: what such a source writes then comes early, and no reference does that."""
    closes = "s_wc(" in str(program)
    return Faults(
        slow=random.choice((0, 0.001, 0.1, 3)),
        trouble=random.choice((0, 0, 0.1)),
        refused=random.choice((0, 0, 0.05)) * (not closes),
        died=random.choice((0, 0.05, 0.3)),
    )


def survived(program: Program, seed: int, folder: Path) -> tuple[Compiled, Survived]:
    """A program through the processes that the seed says.

    Raises
    ------
    ProgramError: the compiler refuses it.
    """
    flow = from_text(program)
    compiled = Engine().compiled(flow)
    faults = faults_of(program, Random(f"faults of {seed}"))
    with on_disk(folder) as inner, warnings() as said:
        sim = ProgramSim(program, seed, inner, gen_world.begin(program.plan, apart=program.apart))
        deaths = 0
        for number in range(PARKED):
            last = deaths >= MOST
            sim.life(flow, number, Faults(faults.slow) if last else faults, spared=last)
            row = sim.row
            if row is not None and row.state in OVER:
                break
            deaths += row is None or row.state != "parked"
        else:
            msg = f"it is never over: {sim.row}"
            raise AssertionError(msg)
        sim.problems += said
        sim.world.left()
        return compiled, Survived(outcome_of(program, sim.ended(compiled), sim.world), sim.problems, sim.struck)
