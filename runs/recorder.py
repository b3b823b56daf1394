"""Recording the runs of an engine: what is written before a run begins, and when it has ended.

A run that ends before anybody had to wait for the disk is one commit: its beginning goes with its first entries.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import os
import threading
import time
import uuid
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, evolve

from ..compiler.inputs import bind_inputs
from ..executor.entries import DONE, Entry
from ..executor.journal import Journal
from ..executor.late import trio
from ..executor.suspended import Suspended
from ..started import Started, read_ambient
from ..store.failures import Damaged, Exists, LeaseLost, Over, StoreError, Unknown
from ..store.keeper import Codec, Past, RunKeeper
from ..store.port import Append, BeginRun, Change, KeepPlan, SetOwner, SetRun, Store
from ..store.rows import NOWHERE, RunRow, State, Waited
from .helpers import helper_lines
from .lines import written_lines
from .programs import program_of

if TYPE_CHECKING:
    from ..compiled import Compiled
    from ..dsl.scope import FlowSource
    from ..engine import Engine
    from ..executor.at import At
    from ..executor.ports import Services
    from ..executor.run import Run
    from ..store.blobs import Blobs
    from ..store.encoding import Values
    from .caches import Shared

logger = logging.getLogger("cflow")

BEAT = 2.0
"""Seconds between two signs of life."""


@define(eq=False)
class Recording:
    """One run on record: its row as it is written, its journal, the codec of its values."""

    recorder: Recorder
    row: RunRow
    journal: Journal
    keeper: RunKeeper
    codec: Codec

    def services(self, engine: Engine) -> Services:
        """The engine's ports, with those that are kept in the store in its values' form."""
        from .caches import StoreCache
        from .onces import StoreOnce

        shared = self.recorder.shared(engine)
        services: Services = engine.services
        return evolve(services, cache=StoreCache(shared, self), once=StoreOnce(shared, self))

    def directly(self, call: Callable[[], Any]) -> Any:
        """A run that is a plain function call, to its end."""
        from ..store.tickets import commit_now

        store = self.recorder.store
        with self._kept():
            try:
                value = call()
            except BaseException as error:
                commit_now(store, self.recorder.last(self, None, error))
                raise
            commit_now(store, self.recorder.last(self, value, None))
        return value

    async def on_loop(self, running: Coroutine[Any, Any, Any]) -> Any:
        """A run on a loop, to its end; that is on disk when it is told."""
        if self.journal.run is not None:
            self.recorder.under_way[self.row.id] = self.journal.run, trio.lowlevel.current_trio_token()
            self.recorder.joined = True
        try:
            value = await running
        except BaseException as error:
            await self._ended(None, error)
            raise
        await self._ended(value, None)
        return value

    async def _ended(self, value: Any, error: BaseException | None) -> None:
        from ..store.tickets import commit

        journal = self.journal
        if journal.lost is not None:
            self.recorder.left(self.row.id, journal.lost)
            if error is None:
                raise journal.lost
            if journal.synced >= 0:
                error.add_note(f"`cflow resume {self.row.id}` goes on with the run once the store can be written again")
            return
        with trio.CancelScope(shield=True), self._kept():
            await journal.settled()
            try:
                await commit(self.recorder.store, self.recorder.last(self, value, error))
            except StoreError as refused:
                raise journal.lost or refused from None

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        """Where the store does not take the end of the run, it is nobody's."""
        try:
            yield
        except StoreError as error:
            self.recorder.left(self.row.id, error)
            raise

    def handing_out(self, put: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
        """The items of a stream flow, for whoever reads it: each once, also in a run that is gone on with."""
        journal = self.journal
        numbers = itertools.count()

        async def once(item: Any) -> None:
            key = f"yield<{next(numbers)}"
            if journal.take(key) is not None:
                return
            await journal.live()
            await journal.on_disk(journal.next)
            await put(item)
            journal.add(Entry(key, DONE), write=True)

        return once


class Recorder:
    """The runs of one engine in one store.

    Parameters
    ----------
    store: where. pickled: classes whose values may be pickled. blobs: where large values go; None: into the store.
    """

    def __init__(self, store: Store, pickled: Iterable[type] = (), blobs: Blobs | None = None) -> None:
        from ..store.encoding import Values
        from ..store.owners import me
        from .inbox import Inbox

        self.store = store
        self.pickled = tuple(pickled)
        self.blobs = blobs
        self.inbox = Inbox(store, Values({}, self.pickled, blobs))
        self.owner = me()
        self.lock = threading.Lock()
        self.supervisor: Any = None
        """Who goes on with runs in this process, once it is asked for (:mod:`.supervisor`)."""
        self._known = False
        self._beaten = False
        self._closed = threading.Event()
        self._plans: weakref.WeakKeyDictionary[Compiled, tuple[str, str]] = weakref.WeakKeyDictionary()
        self._codecs: weakref.WeakKeyDictionary[Compiled, Values] = weakref.WeakKeyDictionary()
        self._shared: Shared | None = None
        self.under_way: dict[str, tuple[Run, trio.lowlevel.TrioToken]] = {}
        """The runs on loops of this process, with their loops."""
        self.joined = False
        """A run is under way of which nobody knows yet whether it was asked to end before it was."""
        self._asked: bytes | None = None
        self.programs: dict[str, str] = {}
        """Of the runs under way: where their flows are found."""
        self._left: dict[str, BaseException] = {}
        """Runs that belong to this process still, and were broken off as the store did not take what they gave."""

    @classmethod
    def of(cls, store: str | os.PathLike[str] | Store, pickled: Iterable[type]) -> Recorder:
        """For the store in a folder, which is opened, or an opened one."""
        if not isinstance(store, str | os.PathLike):
            return cls(store, pickled)
        from ..store.blobs import Blobs
        from ..store.place import open_store

        return cls(open_store(store), pickled, Blobs(Path(store) / "blobs"))

    def shared(self, engine: Engine) -> Shared:
        """What its runs share of what is cached."""
        if self._shared is None:
            from .caches import Shared

            with self.lock:
                self._shared = self._shared or Shared(engine, self)
        return self._shared

    # ---- signs of life ---------------------------------------------------------------------------

    def known(self) -> list[Change]:
        """What makes this process known, until that is surely on its way: no run is on disk before its owner is."""
        if self._beaten:
            return []
        with self.lock:
            if self._known:
                return [SetOwner(self.owner)]
            self._known = True
        # The thread does not keep the recorder: it ends with it.
        threading.Thread(target=_beat, args=(weakref.ref(self), self._closed), name="cflow-beat", daemon=True).start()
        return [SetOwner(self.owner)]

    def beat(self) -> None:
        self.owner = evolve(self.owner, beat=self.owner.beat + 1)
        self.store.do([SetOwner(self.owner)], _nobody)
        self._beaten = True
        if self.blobs is not None:
            from ..store.collecting import due

            if due(self.blobs):
                threading.Thread(
                    target=_collect, args=(self.store, self.blobs, self._closed), name="cflow-collect", daemon=True
                ).start()
        if self.store.trouble is None:
            for run, error in list(self._left.items()):
                self._give_up(run, error)
        if self.under_way:
            from .cancel import end_asked

            if self.joined:
                self.joined, self._asked = False, None
            with contextlib.suppress(StoreError):  # busy or damaged: whoever writes hears of that
                self._asked = end_asked(self, self._asked)

    def left(self, run: str, error: BaseException) -> None:
        """A run is broken off where it stands: what is not on disk of it is not known any more. As soon as the store is
        well again, anybody may go on with it; what is damaged is left to a person."""
        self.programs.pop(run, None)
        self.under_way.pop(run, None)
        if not isinstance(error, LeaseLost | Over | Unknown):
            self._left[run] = error

    def _give_up(self, run: str, error: BaseException) -> None:
        def done(refused: BaseException | None) -> None:
            if refused is None or isinstance(refused, LeaseLost | Over | Unknown):
                self._left.pop(run, None)

        damaged = isinstance(error, Damaged)
        change = SetRun(
            run, self.owner.id, "parked" if damaged else None, reason=str(error) if damaged else None, new_owner=NOWHERE
        )
        with self.lock:  # who takes it up again here does so before this, or after it is on disk
            if run in self._left:
                self.store.do([change], done)

    def taken_up(self, run: str) -> None:
        """Somebody goes on with a run in this process."""
        with self.lock:
            self._left.pop(run, None)

    def close(self) -> None:
        """No more signs of life; what is handed over is committed, and the store let go."""
        self._closed.set()
        if self._shared is not None:
            self._shared.flights.close()
        self.inbox.close()
        if self.supervisor is not None:
            self.supervisor.close()
        self.store.close()

    # ---- beginning -------------------------------------------------------------------------------

    def plan(self, compiled: Compiled) -> tuple[str, str]:
        """The text of a plan, with the functions that its nodes call and the author's lines as comments below it, and
        the digest of all but the lines."""
        found = self._plans.get(compiled)
        if found is None:
            from ..compiler.printer import print_graph

            graph = compiled.optimized
            text = print_graph(graph) + helper_lines(graph.nodes, compiled.objects.nodes)
            digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
            found = self._plans[compiled] = (text + written_lines(graph, compiled.graph), digest)
        return found

    def started(self, engine: Engine, compiled: Compiled, source: FlowSource, bound: dict[str, Any]) -> Started:
        """A run of an engine, ready to go."""
        ambient = read_ambient(compiled.graph)
        recording = self.begin(compiled, program_of(source), bound, ambient)
        return engine._started(compiled, bound, recording.row.id, recording, ambient)

    async def detach(
        self,
        engine: Engine,
        compiled: Compiled,
        run: Run,
        key: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        at: At,
        id: str,
    ) -> str:
        """Start a run of its own; its id, once it is on disk. The same call detaches the same run."""
        from ..store.tickets import commit
        from .supervisor import supervisor_of

        journal = run.journal
        assert journal is not None
        where = at.path + id
        entry = journal.take(where)
        if entry is not None:
            return str(journal.keeper.value(entry.data))
        await journal.live()
        await journal.on_disk(journal.next)
        flow = compiled.graph.flows[key]
        other = compiled.entered(key)
        bound = bind_inputs(flow.params, args, kwargs, compiled.objects.classes, name=flow.name)
        number = hashlib.blake2b(f"{run.id}/{where}".encode(), digest_size=6).hexdigest()
        child = f"run-{number}"
        begun = self.begin(
            other, self.programs[run.id], bound, read_ambient(other.graph), id=child, parent=run.id, state="queued"
        )
        with journal.holding():
            try:
                await commit(self.store, begun.keeper.unit(0, []))
            except Exists:
                pass  # it was, before this process's forerunner died
        journal.add(Entry(where, DONE, child), write=True)
        supervisor_of(engine).take_up(child)
        return child

    def begin(
        self,
        compiled: Compiled,
        program: str,
        bound: dict[str, Any],
        ambient: dict[str, Any],
        *,
        id: str = "",
        parent: str = "",
        state: State = "running",
        queue: str = "",
        priority: int = 0,
        key: str = "",
    ) -> Recording:
        """A new run; nothing of it is on disk yet, unless its inputs are large.

        Raises
        ------
        NotStorable: an input cannot be stored.
        """
        text, digest = self.plan(compiled)
        codec = self.codec(compiled, ambient)
        now = time.time()
        open_ = {name: value for name, value in ambient.items() if compiled.graph.ambient[name].kind != "secret"}
        row = RunRow(
            id=id or f"run-{uuid.uuid4().hex[:12]}",
            flow=compiled.graph.main.name,
            program=program,
            digest=digest,
            state=state,
            created=now,
            began=None if queue else now,
            inputs=codec.encode(bound),
            ambient=codec.encode(open_),
            owner=self.owner.id if state == "running" else NOWHERE,
            parent=parent,
            queue=queue,
            priority=priority,
        )
        if state == "running":
            self.programs[row.id] = program
        blobs = (*codec.refs(row.inputs), *codec.refs(row.ambient))
        head = [*self.known(), KeepPlan(digest, text), BeginRun(row, blobs, key)]
        keeper = RunKeeper(self.store, codec, row.id, self.owner.id, head)
        if blobs:  # a file that nothing refers to is collected some time, and a pure run may be long
            self.store.do(keeper.beginning(), _nobody)
        return Recording(self, row, Journal(keeper, begun=False, inbox=self.inbox), keeper, codec)

    def codec(self, compiled: Compiled, ambient: dict[str, Any]) -> Codec:
        """The codec for the values of a run: its classes are those that the program knows."""
        from ..store.encoding import Values

        found = self._codecs.get(compiled)
        if found is None:
            found = self._codecs[compiled] = Values(compiled.objects.classes, self.pickled, self.blobs)
        return found.with_secrets(
            {name: value for name, value in ambient.items() if compiled.graph.ambient[name].kind == "secret"}
        )

    def reopen(self, row: RunRow, codec: Codec, past: Past) -> Recording:
        """A run that was taken over, with what it recorded."""
        keeper = RunKeeper(self.store, codec, row.id, self.owner.id)
        self.programs[row.id] = row.program
        journal = Journal(keeper, past.entries, inbox=self.inbox, total=past.total)
        return Recording(self, row, journal, keeper, codec)

    # ---- ending ----------------------------------------------------------------------------------

    def last(self, recording: Recording, value: Any, error: BaseException | None) -> list[Change]:
        """The last unit of a run: the entries that are left, and its state then."""
        self.programs.pop(recording.row.id, None)
        if self._shared is not None:
            self._shared.flush()  # it is on disk when the run is
        self.under_way.pop(recording.row.id, None)
        end = self._end(recording, value, error)
        first, entries = recording.journal.rest()
        unit = recording.keeper.unit(first, entries)
        if first and not entries:  # those before it may be on their way still: where they are refused, so is the end
            unit.append(Append(recording.row.id, self.owner.id, first, ()))
        return [*unit, end]

    def _end(self, recording: Recording, value: Any, error: BaseException | None) -> SetRun:
        run, owner, codec = recording.row.id, self.owner.id, recording.codec
        journal = recording.journal
        if (away := journal.away) is not None:
            from .cancel import CALLED_OFF

            waits = (*(Waited(*signal) for signal in away.signals), CALLED_OFF)
            return SetRun(run, owner, "waiting", wake=away.until, reason="", new_owner=NOWHERE, waits=waits)
        if isinstance(error, Suspended) or journal.stopped is not None:
            return SetRun(run, owner, "parked", reason=journal.stopped or str(error), new_owner=NOWHERE)
        now = time.time()
        if error is None:
            try:
                data = codec.encode(value)
            except StoreError as unstorable:
                reason = f"the result is not kept: {unstorable}"
                return SetRun(run, owner, "done", ended=now, reason=reason, new_owner=NOWHERE)
            return SetRun(run, owner, "done", ended=now, result=data, new_owner=NOWHERE, blobs=codec.refs(data))
        if isinstance(error, KeyboardInterrupt | trio.Cancelled):
            return SetRun(run, owner, "cancelled", ended=now, new_owner=NOWHERE)
        data = codec.encode(error)
        return SetRun(run, owner, "failed", ended=now, error=data, new_owner=NOWHERE, blobs=codec.refs(data))


def _beat(recorder: weakref.ref[Recorder], closed: threading.Event) -> None:
    while not closed.wait(BEAT):
        alive = recorder()
        if alive is None:
            return
        alive.beat()
        del alive


def _collect(store: Store, blobs: Blobs, closed: threading.Event) -> None:
    from ..store.collecting import collect

    try:
        collect(store, blobs, closed)
    except (StoreError, OSError) as error:
        logger.info("large values that nothing refers to were not collected: %s", error)


def _nobody(error: BaseException | None) -> None:
    """Nobody waits for that: what comes after it is refused, too."""
