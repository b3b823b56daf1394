"""Repeating a run from its record alone: nothing is written, read or waited for.

What is on record gives what it gave; pure calls that are not are made again; anything else that the program comes to
is beyond the record, and ends the repetition.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import trio
from attrs import define, frozen

from ..compiler.spec import NodeSpec
from ..engine import Engine
from ..executor.entries import CUT, Entry, Recorded
from ..executor.invoke import Site
from ..executor.journal import Journal
from ..executor.launch import iterate
from ..executor.letters import Inbox
from ..executor.loop import run_loop
from ..executor.suspended import Suspended
from ..store.keeper import RunKeeper, read_journal
from ..store.port import Store
from ..store.rows import RunRow
from .differences import differences
from .helpers import read_helpers
from .programs import find_program
from .recorder import Recorder, Recording
from .resume import entered

if TYPE_CHECKING:
    from ..compiled import Compiled
    from ..started import Started
    from ..store.blobs import Blobs

AROUND = 20
"""Turns of the loop in which others come to the end of the record, or cut what has come there, before the repetition is
broken off."""


@frozen
class Reached:
    """A call that the repetition has come to: its name, the node, and the arguments."""

    key: str
    site: Site
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Tape(Journal):
    """A journal that is only read."""

    def __init__(self, keeper: RunKeeper, recorded: Iterable[Recorded], inbox: Inbox) -> None:
        super().__init__(keeper, recorded, inbox=inbox)
        self.replaying = True  # to the end: no clock begins to run
        self.beyond: dict[str, None] = {}
        """What the program came to that is not on record."""
        self.unused: tuple[str, ...] = ()
        """The writes and items on record that the program does not come to."""
        self._asked: dict[trio.lowlevel.Task, str] = {}

    @property
    def total(self) -> int:
        return self._end

    def take(self, key: str) -> Recorded | None:
        entry = super().take(key)
        if entry is None and "#" not in key.rpartition(":")[2] and not key.endswith("@"):
            with suppress(RuntimeError):  # not on a loop: nothing waits there
                self._asked[trio.lowlevel.current_task()] = key
        return entry

    def peek(self, key: str) -> Recorded | None:
        entry = super().peek(key)
        if entry is None and key.endswith("="):
            self._asked[trio.lowlevel.current_task()] = key
        return entry

    def go_live(self) -> None:
        """It never does."""

    def stuck(self) -> None:
        if self.passed_over():
            return
        if self._low < self._end:
            self.stop("the program does not come to all that is on record")

    async def live(self) -> None:
        self.going()
        # Those that wait here while others stand still are found by `stuck`: what they ask for is kept for then.
        key = self._asked.get(trio.lowlevel.current_task(), "")
        self.beyond[key] = None
        try:
            await self.reached(self._end)
            for _ in range(AROUND):
                await trio.lowlevel.checkpoint()
        except trio.Cancelled:
            if self.stopped is None:  # it was cut, as it may have been before: it has left nothing on record
                self.beyond.pop(key, None)
            raise
        self.stop("what comes next is not on record")
        self.going()

    def add(self, entry: Entry, write: bool = False) -> None:
        # What cuts others anew, and has consequences, shows in what is used.
        self.steps += 1

    def flush(self, again: bool = False) -> None:
        """Nothing is handed over."""

    def close(self) -> None:
        """The repetition has ended."""
        # A read that had run ahead, and a decision, may have been cut themselves: what they led to counts.
        left = [entry for entry in self.old.values() if not entry.spare and entry.kind != CUT]
        left.sort(key=lambda entry: entry.number)
        self.unused = tuple(entry.key for entry in left)


@define(eq=False)
class _Repeated(Recording):
    """A run whose end is not written down."""

    def directly(self, call: Callable[[], Any]) -> Any:
        return call()

    async def on_loop(self, running: Coroutine[Any, Any, Any]) -> Any:
        return await running


async def _nothing(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
    """Stands for every source of a stream: its items are on record, or it is not asked."""
    for nothing in range(0):
        yield nothing


def _closed(spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any] | None:
    at_hand = spec.effects.pure and inspect.isgeneratorfunction(fn)  # its items are not on record
    return _nothing if spec.is_stream and not at_hand else None


@define(eq=False)
class Repetition:
    """A run that is ready to be repeated.

    ``compiled``: the program that it is repeated with. ``plans``: in which it differs from the one that recorded it.
    ``empty``: its secrets that are set, but to nothing.
    """

    row: RunRow
    engine: Engine
    recording: Recording
    tape: Tape
    started: Started
    compiled: Compiled
    plans: tuple[str, ...]
    empty: tuple[str, ...]
    value: Any = None
    error: BaseException | None = None

    def run(self) -> None:
        """Repeat it, to its end or that of the record."""
        started = self.started
        try:
            if started.stream:
                for _ in iterate(started):
                    pass
            elif started.linked.direct is not None:
                self.value = started.directly()
            else:
                self.value = run_loop(started.main, started.state)
        except (Exception, KeyboardInterrupt, Suspended) as error:
            self.error = error
        self.tape.close()

    def to(self, key: str) -> Reached | None:
        """Repeat it up to a call of a node; None where the program does not come to it."""
        found: list[Reached] = []

        def seen(at: str, site: Site, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if at == key and not found:
                found.append(Reached(key, site, args, kwargs))
                self.tape.stop("here it is")
                self.tape.going()

        self.tape.seen = seen
        self.run()
        return found[0] if found else None


def repetition(store: Store, row: RunRow, blobs: Blobs | None = None) -> Repetition:
    """Make ready to repeat a run with the program of today.

    Parameters
    ----------
    store: where it is on record; nothing is written to it. blobs: its large values.

    Raises
    ------
    ProgramError: the program is gone, or wrong. InputError: a secret is not set here. StoreError: the journal is
    damaged, or holds what the program does not know.
    """
    from ..compiler.reader import read_graph
    from ..started import read_ambient

    engine = Engine(store=store, substitute=_closed)
    recorder = Recorder(store, blobs=blobs)
    compiled = entered(engine.compiled(find_program(engine, row.program)), row.flow)
    plans: tuple[str, ...] = ()
    now, digest = recorder.plan(compiled)
    if digest != row.digest:
        text = store.plan(row.digest)
        if text is None:
            plans = ("the plan of the run is not in the store",)
        else:
            found = differences(read_graph(text), compiled.optimized, read_helpers(text), read_helpers(now))
            plans = found.lines or ("what surrounds the steps is different",)
    ambient = read_ambient(compiled.graph)
    codec = recorder.codec(compiled, ambient)
    keeper = RunKeeper(store, codec, row.id, "")
    tape = Tape(keeper, read_journal(store, row.id).entries, recorder.inbox)
    recording = _Repeated(recorder, row, tape, keeper, codec)
    started = engine._started(
        compiled, codec.decode(row.inputs), row.id, recording, {**ambient, **codec.decode(row.ambient)}
    )
    secrets = (name for name in ambient if compiled.graph.ambient[name].kind == "secret")
    empty = tuple(name for name in secrets if not ambient[name])
    return Repetition(row, engine, recording, tape, started, compiled, plans, empty)
