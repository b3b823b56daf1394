"""Running a generated program on record: its process dies at moments drawn from a seed, and the next goes on.

A process is a loop of its own in virtual time; when it dies, what is on disk stays, and what nodes have done stays.
Commits take as long as the seed says. Nodes that write act by :func:`cflow.context`'s key, as services do that know
idempotency keys: a call that was under way and is made again has no second effect. So a run that died and went on
has to end as the reference does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import gen_world
import trio
from attrs import define, evolve, field
from gen_check import Outcome, outcome_of
from gen_record_once import Kept, Line, store_once
from gen_run import in_place
from gen_tree import Program
from gen_world import World, result_of
from trio.testing import MockClock

import cflow
from cflow.compiled import Compiled
from cflow.executor.entries import DONE, FAILED, GIVEN, Entry, Recorded
from cflow.executor.journal import Journal
from cflow.executor.suspended import Suspended
from cflow.planner.optimizations import ALL, Optimizations
from cflow.store.encoding import Values

LIVES = 6
"""How often a run may die, at most."""


@define
class Disk:
    """What was committed of a run: its entries, in order."""

    entries: list[tuple[str, int, bytes, int, bool]] = field(factory=list)
    once: Kept = field(factory=Kept)

    def copied(self) -> Disk:
        return Disk(list(self.entries), self.once.copied())

    def recorded(self) -> Iterator[Recorded]:
        for number, entry in enumerate(self.entries):
            yield Recorded(number, *entry)


class MemoryKeeper:
    """Commits entries to a disk after a while. Written like a store's keeper, without a database."""

    def __init__(self, disk: Disk, codec: Values, line: Line) -> None:
        self.disk, self.codec, self.line = disk, codec, line
        self.packed: list[tuple[str, int, bytes, int, bool]] = []
        self.keys = {entry[0] for entry in disk.entries}

    def encoded(self, entry: Entry) -> bytes:
        assert entry.key not in self.keys, f"{entry.key} is on record already"
        self.keys.add(entry.key)
        self.packed.append((entry.key, entry.kind, self.codec.encode(entry.data), entry.attempt, entry.spare))
        return b""

    def whole(self, value: Any) -> bytes:
        return self.codec.encode(value)

    def value(self, data: bytes) -> Any:
        return self.codec.decode(data)

    def error(self, data: bytes) -> BaseException:
        found = self.codec.decode(data)
        assert isinstance(found, BaseException)
        return found

    def lossy(self, data: bytes) -> bool:
        return False

    def write(
        self,
        first: int,
        entries: list[bytes],
        done: Callable[[BaseException | None], Callable[[], object]],
        *along: Any,
        uses: Any = (),
    ) -> None:
        group, self.packed = self.packed[: len(entries)], self.packed[len(entries) :]
        disk = self.disk

        def commit() -> None:
            assert first == len(disk.entries), "entries are numbered without a gap"
            disk.entries += group

        self.line.commit(along, done, commit)

    def beginning(self) -> list[Any]:
        return []


@define
class Recording:
    """What :class:`cflow.started.Started` asks of a recording."""

    journal: Journal
    once: Any

    def services(self, engine: cflow.Engine) -> Any:
        return evolve(engine.services, once=self.once)

    async def on_loop(self, running: Any) -> Any:
        try:
            return await running
        finally:
            self.journal.rest()  # goes with what the run has come to


@define
class Lives:
    """What became of a run. ``kills``: how often it died; ``problems``: what a life did that it may not."""

    outcome: Outcome
    kills: int
    problems: list[str]


class Killer(trio.abc.Instrument):
    """Takes down what is on disk and what was done after so many steps of the loop; what comes later never was."""

    def __init__(self, step: int, kill: Callable[[], None]) -> None:
        self.left = step
        self.kill = kill

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.left -= 1
        if self.left == 0:
            self.kill()


@contextmanager
def warnings() -> Iterator[list[str]]:
    """What the engine warns of meanwhile."""
    said: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    handler = Handler(logging.WARNING)
    logger = logging.getLogger("cflow")
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)


def run_recorded(program: Program, compiled: Compiled, seed: int, span: int = 400, on: Optimizations = ALL) -> Lives:
    """Runs a program to its end through several lives. ``span``: steps that a life has, at most."""
    random = Random(f"lives of {seed}")
    engine = cflow.Engine(optimizations=on)
    codec = Values(compiled.objects.classes)
    disk = Disk()
    world = gen_world.begin(program.plan, apart=program.apart)
    problems: list[str] = []
    with in_place(seed), warnings() as said:
        for life in range(LIVES + 1):
            steps = random.randint(1, random.choice((10, 60, span))) if life < LIVES else 0
            result, disk, world = _live(program, compiled, engine, codec, disk, world, Random(f"{seed} {life}"), steps)
            again = [f"called again though on record: {key}" for key in world.again]
            problems += [f"life {life + 1}: {problem}" for problem in [*said, *again]]
            said.clear()
            if result is not _KILLED:
                world.left()
                return Lives(outcome_of(program, result, world), life, problems)
    raise AssertionError("the last life is not ended by anybody")


_KILLED = object()


def _live(
    program: Program,
    compiled: Compiled,
    engine: cflow.Engine,
    codec: Values,
    disk: Disk,
    world: World,
    random: Random,
    steps: int,
) -> tuple[object, Disk, World]:
    """One life: the result, what is on disk, and the world; those of the moment of death, where it died."""
    trio._core._run._r.seed(random.randint(0, 1 << 30))
    long = random.choice((0.0, 0.3, 0.8))
    slow = random.choice((0.0, 0.01, 0.7))

    async def pause(site: int) -> None:
        if random.random() < long:
            await trio.sleep(random.choice((0.13, 0.57, 1.71)) + random.random() / 100)
        else:
            for _ in range(random.choice((0, 1, 2, 5))):
                await trio.lowlevel.checkpoint()

    world = world.reborn(pause, pause, {key for key, kind, _, _, _ in disk.entries if kind in (DONE, FAILED, GIVEN)})
    gen_world._current = world
    saved: list[tuple[Disk, World]] = []
    recorded = list(disk.recorded())

    async def main() -> object:
        line = Line(disk.once, lambda: random.random() * slow)
        keeper = MemoryKeeper(disk, codec, line)
        journal = Journal(keeper, recorded)
        once = store_once(line, codec, journal, keeper, "run")
        scope = trio.CancelScope()

        def kill() -> None:
            saved.append((disk.copied(), world.copied()))
            journal.stop("the process died")
            scope.cancel()

        killer = Killer(steps, kill)
        trio.lowlevel.add_instrument(killer)
        with scope:
            try:
                started = engine._started(compiled, dict(program.inputs), "run", Recording(journal, once), {})
                return result_of(await started.main())
            except Suspended:
                return _KILLED
            except Exception as error:
                return result_of(error)
            finally:
                trio.lowlevel.remove_instrument(killer)
        return _KILLED

    result = trio.run(main, clock=MockClock(autojump_threshold=0))
    return (_KILLED, *saved[0]) if saved else (result, disk, world)
