"""A store for simulations: a real one, whose commits take as long and fail as a seed says, in Trio's virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import trio
from attrs import define, field, frozen

from cflow.store.failures import StoreError
from cflow.store.place import open_store
from cflow.store.port import Change, Done, Store
from cflow.store.rows import Trouble
from cflow.store.sqlite import SqliteStore
from cflow.store.tickets import commit_now


@frozen
class Faults:
    """What may happen to a commit, as probabilities.

    ``slow``: it takes up to this many seconds. ``trouble``: nothing gets through for a while (a full disk, a lock).
    ``refused``: it fails for good, and nobody knows whether it is on disk. ``died``: the process is gone, after any
    number of the units that wait. ``at``: it is gone at this commit, of whose units ``kept`` says whether they are on
    disk: none (0), or all (1).
    """

    slow: float = 0.0
    trouble: float = 0.0
    refused: float = 0.0
    died: float = 0.0
    at: int = 0
    kept: float = 0.0


@define(eq=False)
class SimStore:
    """The store of one process: it goes with it, and the next one opens another on the same :attr:`inner`.

    What is handed over outside of Trio (commands, going on with a run) is committed at once.
    """

    inner: SqliteStore
    random: Random
    faults: Faults
    die: Callable[[], None] = lambda: None
    dead: bool = False
    trouble: Trouble | None = None
    commits: int = 0
    struck: list[str] = field(factory=list)
    """The faults that there were."""
    _line: list[tuple[Sequence[Change], Done]] = field(factory=list)
    _serving: bool = False

    def do(self, changes: Sequence[Change], done: Done) -> None:
        if self.dead:
            self._told(done, StoreError("the process is gone"))
            return
        if not trio.lowlevel.in_trio_run():
            self.inner.do(changes, done)
            return
        self._line.append((changes, done))
        if not self._serving:
            self._serving = True
            trio.lowlevel.spawn_system_task(self._serve)

    async def _serve(self) -> None:
        random, faults = self.random, self.faults
        while self._line:
            await trio.sleep(random.random() * faults.slow * random.choice((0, 0, 0.1, 1)))
            if random.random() < faults.trouble:
                self.struck.append("trouble")
                self.trouble = Trouble("full", "made up", 0.0)
                await trio.sleep(random.choice((0.5, 5, 50, 500)))
                self.trouble = None
            if self.dead:
                break
            group, self._line = self._line, []
            self.commits += 1
            if self.commits == faults.at or random.random() < faults.died:
                self.struck.append("died")
                many = round(faults.kept * len(group)) if faults.at else random.randint(0, len(group))
                for changes, _ in group[:many]:
                    self._kept(changes)
                self.dead = True
                self.die()
                self._line = group
                break
            for changes, done in group:
                self._told(done, self._applied(changes))
        self._serving = False
        if self.dead:  # whoever waits shall end; what they do then reaches nothing
            gone, self._line = self._line, []
            for _, done in gone:
                self._told(done, StoreError("the process is gone"))

    def _applied(self, changes: Sequence[Change]) -> BaseException | None:
        if self.random.random() < self.faults.refused:
            self.struck.append("refused")
            if self.random.random() < 0.5:
                self._kept(changes)
            return StoreError("made up: the disk fails. It is not known whether this is on disk")
        return self._kept(changes)

    def _kept(self, changes: Sequence[Change]) -> BaseException | None:
        try:
            commit_now(self.inner, changes)
        except StoreError as error:  # as for one that comes after another that was refused
            return error
        return None

    @staticmethod
    def _told(done: Done, error: BaseException | None) -> None:
        wake = done(error)
        if wake is not None:
            wake()

    def close(self) -> None:
        """The inner store is not this process's own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)  # questions


class Steps(trio.abc.Instrument):
    """Strikes after so many steps of the loop's tasks."""

    def __init__(self, left: int, strike: Callable[[], None]) -> None:
        self.left = left
        self.strike = strike

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.left -= 1
        if self.left == 0:
            self.strike()


@contextmanager
def on_disk(folder: Path) -> Iterator[SqliteStore]:
    """What all processes of a simulation share. It does not wait for the disk: nobody pulls the plug."""
    store = open_store(folder, synchronous="OFF")
    try:
        yield store
    finally:
        store.close()


def as_store(store: SimStore) -> Store:
    """The same to a type checker: questions are the inner store's."""
    made: Any = store
    return made  # type: ignore[no-any-return]
