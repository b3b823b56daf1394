"""The wiring: compile, order, link, run. An :class:`Engine` owns the limits, the listeners and the ports of its runs.

What a program means is the same in every engine, so the compiled graph is kept with the flow (:mod:`.compiled`); linked
code depends on the engine's listeners and substitutes and is kept with the engine.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from attrs import define, field

from .compiled import Compiled as Compiled, compile_flow as compile_flow, compiling, findings
from .compiler.diagnostics import Diagnostic
from .compiler.inputs import bind_inputs
from .compiler.spec import NodeSpec
from .dsl.declaring import FlowDef
from .dsl.scope import FlowSource
from .engine_arguments import as_idle, as_profile, check
from .executor.alone import in_place
from .planner.optimizations import ALL, Optimizations
from .started import CLOSED, Door, Started as Started, read_ambient as read_ambient

if TYPE_CHECKING:
    import concurrent.futures

    from .dsl.loader.witness import Witness
    from .executor.away import Background
    from .executor.link import Linked
    from .executor.run import Run
    from .planner.counts import Tally
    from .planner.plan import Plan
    from .planner.profile import Profile
    from .runs.queues import Queue
    from .runs.recorder import Recorder, Recording
    from .store.port import Store
    from .store.rows import RunRow

Substitute = Callable[[NodeSpec, Callable[..., Any]], "Callable[..., Any] | None"]


class Engine:
    """Runs flows.

    Parameters
    ----------
    store: where runs are recorded: the path of a folder, or an opened :class:`~cflow.store.port.Store`; None: nowhere.
    limit: node calls in flight at once in one run.
    workers: worker processes; None: none are started before a node asks for one.
    sinks: listeners, ``callable(Event)``.
    allow: patterns of the packs and paths that a file loaded by this engine may import, and what is granted to it
    (``net:HOST files:FOLDER process:PROGRAM env:NAME``); None: all.
    substitute: gives another function for a node, or None: what tests mock with.
    builtins: further operations of the engine by name, for tests.
    clock: Trio's clock for the runs started from ordinary code.
    profile: the seconds that operations are expected to take, by their ids (``step.id`` of a plan): of the calls that
    are ready, the one with the longest expected time to the end of the flow gets the next free place under ``limit``.
    A :class:`~cflow.planner.profile.Profile` tells also how often a run makes each call. None: every call counts alike.
    It decides nothing but that order.
    pickle: classes whose values may be stored pickled; nothing else is.
    idle: seconds of nothing but waiting for signals and times after which a recorded run that was submitted, detached
    or gone on with is put away: it keeps no task, and is gone on with when there is something to do. None: never.
    optimizations: what is done for speed alone; switched off where one looks for a fault of theirs.
    tally: told of each block (``main/for[0]``) that a run enters, in the thread that enters it, as
    :class:`~cflow.planner.counts.Tally`; None: nobody counts, and nothing of it is in the code.
    """

    def __init__(
        self,
        store: str | os.PathLike[str] | Store | None = None,
        limit: int = 1000,
        workers: int | None = None,
        sinks: Iterable[Callable[[Any], object]] = (),
        allow: Iterable[str] | None = None,
        *,
        substitute: Substitute | None = None,
        builtins: Mapping[str, Callable[..., Any]] | None = None,
        clock: Any = None,
        profile: Mapping[str, float] | Profile | None = None,
        pickle: Iterable[type] = (),
        idle: float | None = 60.0,
        optimizations: Optimizations = ALL,
        tally: Tally | None = None,
    ) -> None:
        sinks = tuple(sinks)
        allow = allow if allow is None or isinstance(allow, str) else tuple(allow)
        check(store, limit, workers, sinks, allow, profile)
        self.limit = limit
        self.workers = workers
        self.allow = allow
        self._sinks = sinks
        self._listeners: Any = None
        self._services: Any = None
        self._substitute = substitute
        self._builtins = dict(builtins or {})
        self._clock = clock
        self._store = store
        self._pickle = tuple(pickle)
        self.idle = as_idle(idle)
        self._on = optimizations
        self._tally = tally
        self._recorder: Recorder | None = None
        self._profile = as_profile(profile)
        self._linked: weakref.WeakKeyDictionary[Compiled, _Links] = weakref.WeakKeyDictionary()
        self._background: Any = None
        self._lock = threading.Lock()

    # ---- programs --------------------------------------------------------------------------------

    def load(self, path: str | os.PathLike[str]) -> Any:
        """A ``.cflow`` file under this engine's ``allow``; see :func:`cflow.load`."""
        from .modules import load

        return load(path, allow=self.allow)

    def compiled(self, flow: Any) -> Compiled:
        """The compiled program of a flow.

        Raises
        ------
        ProgramError: it is wrong. TypeError: it is no flow.
        """
        return compile_flow(_source(flow))

    def check(self, flow: Any) -> list[Diagnostic]:
        """Every finding about a flow; nothing runs."""
        return findings(_source(flow))

    def digest(self, flow: Any) -> str:
        """What the flow means, as a hash."""
        return self.compiled(flow).digest

    def plan(self, flow: Any) -> Plan:
        """The plan of a flow as data."""
        from .executor.facts import facts
        from .planner.plan import make_plan

        compiled = self.compiled(flow)
        linker = self._linker(compiled, False, self._substitute)
        with compiling():
            return make_plan(compiled.optimized, compiled.orders, compiled.digest, facts(linker))

    def explain(self, flow: Any) -> str:
        """The plan of a flow as text."""
        from .planner.explain import explain

        return explain(self.plan(flow))

    def keep(self, target: str, flow: Any, seen: Witness) -> None:
        """Keep the plan of a flow for the next process.

        Parameters
        ----------
        target: how the flow was named on the command line. seen: what was read and imported to load it.
        """
        from .plancache import plans

        compiled = self.compiled(flow)
        listened = self.sinks is not None
        plans.keep(target, listened, _source(flow), compiled, self._link(compiled, listened), seen)

    # ---- running ---------------------------------------------------------------------------------

    def run(self, flow: Any, /, *args: Any, **inputs: Any) -> Any:
        """Run a flow to its end, from ordinary code, also where an event loop is running.

        Raises
        ------
        ProgramError, InputError; else what the flow raises.
        """
        door = getattr(flow, "door", None)
        if door is not None and (value := door.enter(self, args, inputs)) is not CLOSED:
            return value
        started = self._prepare(flow, args, inputs)
        if started.stream:
            from .executor.launch import iterate

            return iterate(started, self._clock)
        if started.linked.direct is not None and self._clock is None:
            if self._on.door and isinstance(flow, FlowDef) and started.recording is None:
                flow.door = Door.to(self, started)
            return started.directly()
        from .executor.loop import run_loop

        return run_loop(started.main, started.state, self._clock)

    async def start(self, flow: Any, /, *args: Any, **inputs: Any) -> Any:
        """The same inside Trio, and inside asyncio. A stream flow gives an async iterator."""
        from .executor.launch import start

        return await start(self._prepare(flow, args, inputs), self._clock)

    async def start_compiled(self, compiled: Compiled, bound: Mapping[str, Any]) -> Any:
        """As :meth:`start`, for a program that is compiled already (a test's body) and inputs that are bound."""
        from .executor.launch import start

        return await start(self._started(compiled, dict(bound)), self._clock)

    def submit(self, flow: Any, /, *args: Any, **inputs: Any) -> concurrent.futures.Future[Any]:
        """Run a flow in the background, on one loop with the others that were submitted.

        Cancelling the future, or Ctrl-C while it is waited for, cancels the run, also one that has begun: its undos are
        run, then the future raises ``CancelledError``.

        Raises
        ------
        TypeError: it is a stream flow, which somebody has to read.
        """
        started = self._prepare(flow, args, inputs)
        if started.stream:
            msg = "a stream flow is read with .run or .start; it has no one result to wait for"
            raise TypeError(msg)
        started.state.owns_loop = True
        future: Any
        if started.recording is not None:
            from .runs.supervisor import supervisor_of

            future = supervisor_of(self).submitted(started.state.id)
            started.recording.journal.idle = self.idle
        else:
            from .executor.away import Submitted

            future = Submitted()
        future.run = started.state
        self.background.submit(started.main, started.state, future)
        submitted: concurrent.futures.Future[Any] = future
        return submitted

    def supervise(
        self, *, at_once: int = 100, told: Callable[[RunRow], object] | None = None
    ) -> AbstractContextManager[None]:
        """Go on, while the ``with`` block lasts, with all runs of the store that nobody works on: whose process is
        gone, that were never begun, whose signal or time has come, whose turn it is in a queue.

        At the end of the block runs under way have five seconds to come to an end; those that have not are left to
        whoever comes next.

        Parameters
        ----------
        at_once: runs that are gone on with at once. told: hears of each that is over, parked or waits again, in a
        thread of its own.

        Raises
        ------
        StoreError: the engine has no store.
        """
        from .runs.supervisor import supervised

        return supervised(self, at_once, told)

    def queue(self, name: str) -> Queue:
        """The queue of that name in the store, as :class:`~cflow.runs.queues.Queue`."""
        from .runs.queues import Queue

        return Queue(self, name)

    def run_node(self, node: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one node to its end, under its own policy, from ordinary code."""
        fn = node.call
        substitute = self._standing_in()
        if substitute is not None:
            fn = substitute(node.spec, fn) or fn
        if fn is node.call and node.plain and not self._sinks:
            return in_place(self, node, args, kwargs)
        from .executor.alone import run_alone

        return run_alone(self, node, fn, args, kwargs)

    def signal(
        self, name: str, value: Any = None, *, key: Any = None, run: str | None = None, unique: str = ""
    ) -> None:
        """Answer a ``wait_signal(name, key)``: of one run, or of whichever run waits for it first.

        With a store it is on disk when this returns, and reaches runs of other processes too; on an event loop, which
        must not wait, it is handed over then.

        Parameters
        ----------
        unique: two signals of one name, for the same run or both for none, with the same ``unique`` are one.

        Raises
        ------
        Unknown, Over: there is no such run in the store, or it is over. NotStorable: the value cannot be stored.
        """
        recorder = self.recorder
        if recorder is None:
            self.services.signals.send(run, name, value, key, unique)
        else:
            recorder.inbox.send(name, value, key, run or "", unique)

    @property
    def recorder(self) -> Recorder | None:
        """What records this engine's runs; None without a store."""
        if self._store is not None and self._recorder is None:
            from .runs.recorder import Recorder

            with self._lock:
                if self._recorder is None:
                    self._recorder = Recorder.of(self._store, self._pickle)
        return self._recorder

    # ---- inside ----------------------------------------------------------------------------------

    @property
    def services(self) -> Any:
        """The ports of this engine's runs."""
        if self._services is None:
            from .executor.memory import memory_services

            self._services = memory_services(self.workers)
        return self._services

    @property
    def background(self) -> Background:
        """The loop of what runs in the background."""
        if self._background is None:
            from .executor.away import Background

            with self._lock:
                self._background = self._background or Background(self._clock)
        found: Background = self._background
        return found

    @property
    def sinks(self) -> Any:
        """The listeners of this engine's runs; None where there are none."""
        if not self._sinks:
            return None
        if self._listeners is None:
            from .executor.events import Sinks

            self._listeners = Sinks(self._sinks)
        return self._listeners or None

    def _standing_in(self) -> Substitute | None:
        """What stands in for nodes just now: the engine's own substitutes, else those of a test that is running."""
        if self._substitute is not None or _STAND_INS is None:
            return self._substitute
        return _STAND_INS()

    def _linker(self, compiled: Compiled, events: bool, substitute: Substitute | None, recorded: bool = False) -> Any:
        from .executor.builtins import builtins
        from .executor.link import FlowLinker

        # Linked code is kept by the compiled program, so it must not keep the program.
        kept = weakref.ref(compiled)

        async def detach(
            run: Run, key: str, args: tuple[Any, ...], kwargs: dict[str, Any], at: Any = None, id: str = ""
        ) -> str:
            program = kept()
            assert program is not None  # the run that detaches holds it
            if at is not None:
                assert self.recorder is not None
                return await self.recorder.detach(self, program, run, key, args, kwargs, at, id)
            return await self._detach(program, run, key, args, kwargs)

        return FlowLinker(
            compiled.optimized,
            compiled.objects,
            compiled.orders,
            {**builtins(recorded), **self._builtins},
            events=events,
            substitute=substitute,
            detach=detach,
            profile=self._profile,
            recorded=recorded,
            on=self._on,
            tally=self._tally,
        )

    def _link(self, compiled: Compiled, events: bool, recorded: bool = False) -> Linked:
        substitute = self._standing_in()
        links = self._linked.get(compiled)
        key = (events, substitute, recorded)
        linked = links.of.get(key) if links is not None else None
        if linked is None or not linked.holds():
            with compiling():
                links = self._linked.setdefault(compiled, _Links())
                linked = links.of.get(key)
                if linked is None or not linked.holds():
                    linked = links.of[key] = self._linker(compiled, events, substitute, recorded).link()
        result: Linked = linked
        return result

    def _prepare(self, flow: Any, args: tuple[Any, ...], inputs: dict[str, Any]) -> Started:
        compiled = self.compiled(flow)
        graph = compiled.graph
        bound = bind_inputs(graph.main.params, args, inputs, compiled.objects.classes, name=graph.main.name)
        recorder = self.recorder
        if recorder is None:
            return self._started(compiled, bound)
        return recorder.started(self, compiled, _source(flow), bound)

    def _started(
        self,
        compiled: Compiled,
        bound: dict[str, Any],
        id: str | None = None,
        recording: Recording | None = None,
        ambient: dict[str, Any] | None = None,
    ) -> Started:
        from .executor.run import Run

        sinks = self.sinks
        linked = self._link(compiled, sinks is not None, recording is not None)
        ambient = read_ambient(compiled.graph) if ambient is None else ambient
        services = self.services
        if recording is not None:
            from .executor.rest import counted

            services = counted(recording.services(self), recording.journal)
        run = Run(id or "", services, ambient, self.limit, sinks)
        if recording is not None:
            run.journal = recording.journal
            recording.journal.run = run
        return Started(compiled, linked, run, bound, recording)

    async def _detach(
        self, compiled: Compiled, run: Run, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> str:
        graph = compiled.graph
        other = compiled.entered(key)
        bound = bind_inputs(graph.flows[key].params, args, kwargs, compiled.objects.classes, name=graph.flows[key].name)

        from .executor.launch import in_virtual_time

        # A host's loop ends when the host likes; where its time is virtual, the new run belongs to that time.
        own_loop = run.owns_loop or not in_virtual_time()

        def launch(id: str) -> Started:
            started = self._started(other, bound, id)
            started.state.owns_loop = own_loop
            return started

        return str(await self.services.detached.start(launch, own_loop))


@define(eq=False)
class _Links:
    """Linked code, by whether somebody listens, by what stands in for nodes, and by whether runs are recorded."""

    of: dict[tuple[bool, Substitute | None, bool], Any] = field(factory=dict)


def _source(flow: Any) -> FlowSource:
    source = flow if isinstance(flow, FlowSource) else getattr(flow, "source", None)
    if not isinstance(source, FlowSource):
        msg = f"this is no flow: {flow!r}; declare it with @flow, or take it from a loaded .cflow file"
        raise TypeError(msg)
    return source


_DEFAULT: Engine | None = None


def default_engine() -> Engine:
    """The engine behind ``flow.run`` and its like."""
    global _DEFAULT
    if _DEFAULT is None:
        _DEFAULT = Engine()
    return _DEFAULT


_STAND_INS: Callable[[], Substitute | None] | None = None


def stand_ins(provider: Callable[[], Substitute | None]) -> None:
    """Ask ``provider`` at each run of every engine that has no substitutes of its own what stands in for nodes.

    To be called again whenever it may answer otherwise: the short ways into flows are closed.
    """
    from .executor.tiers import TIERS

    global _STAND_INS
    _STAND_INS = provider
    TIERS.epoch += 1


__all__ = ["Compiled", "Engine", "Started", "compile_flow", "default_engine", "read_ambient", "stand_ins"]
