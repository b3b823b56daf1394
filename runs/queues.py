"""Submitting runs into queues, and what queues are set to; see docs/durability-queues.md.

A queue is in the store. Whoever goes on with the runs of a store (:mod:`.supervisor`) begins those that wait in it.
"""

from __future__ import annotations

import concurrent.futures
from typing import TYPE_CHECKING, Any

from ..compiler.inputs import bind_inputs
from ..executor.memory import parse_rate
from ..started import read_ambient
from ..store.failures import StoreError
from ..store.port import Change, SetPriority, SetQueue
from ..store.tickets import commit_now
from .programs import program_of

if TYPE_CHECKING:
    from ..engine import Engine


class Queue:
    """A queue in the store of an engine, by its name; it is there once a run was submitted into it, or it was set.

    All methods wait until what they do is on disk.

    Parameters
    ----------
    priority: of the runs that are submitted: higher ones begin first, and a minute of waiting counts as much as one
    step. key: whose share of the queue they take: keys with runs of one priority take turns; empty: the flow's name.

    Raises
    ------
    StoreError: the engine has no store.
    """

    def __init__(self, engine: Engine, name: str, priority: int = 0, key: str = "") -> None:
        recorder = engine.recorder
        if recorder is None:
            msg = "the engine has no store: Engine(store=...)"
            raise StoreError(msg)
        if not isinstance(name, str) or not name:
            msg = f"a queue has a name, not {name!r}"
            raise TypeError(msg)
        self.name = name
        self._engine = engine
        self._recorder = recorder
        self._priority = _whole("priority", priority)
        self._key = key

    def options(self, *, priority: int = 0, key: str = "") -> Queue:
        """The same queue, for runs of another priority and key."""
        return Queue(self._engine, self.name, priority, key)

    def put(self, flow: Any, /, *args: Any, **inputs: Any) -> str:
        """Submit a run; its id.

        Its ``env`` values are read here, its secrets where it runs.

        Raises
        ------
        ProgramError, InputError: it could not begin. NotStorable: an input cannot be stored. TypeError: it is a stream
        flow, which somebody has to read.
        """
        recorder, compiled = self._recorder, self._engine.compiled(flow)
        main = compiled.graph.main
        if main.stream:
            msg = "a stream flow is read with .run or .start; it cannot wait in a queue"
            raise TypeError(msg)
        bound = bind_inputs(main.params, args, inputs, compiled.objects.classes, name=main.name)
        begun = recorder.begin(
            compiled,
            program_of(getattr(flow, "source", flow)),
            bound,
            read_ambient(compiled.graph),
            state="queued",
            queue=self.name,
            priority=self._priority,
            key=self._key,
        )
        commit_now(recorder.store, begun.keeper.unit(0, []))
        return begun.row.id

    def submit(self, flow: Any, /, *args: Any, **inputs: Any) -> concurrent.futures.Future[Any]:
        """The same; its result, whichever process runs it. Cancelling the future cancels the run; Ctrl-C does not, and
        the process may end meanwhile.

        Raises
        ------
        As :meth:`put`.
        """
        from .supervisor import supervisor_of

        return supervisor_of(self._engine).queued(self.put(flow, *args, **inputs))

    def set(self, *, concurrency: int | None = None, rate: str | None = None) -> None:
        """Set what the queue may do, for all processes from now on. What is left out stays as it is.

        Parameters
        ----------
        concurrency: runs under way at once; 0: no limit. rate: runs that begin in a time, as ``"10/s"``, ``"3/10s"``;
        empty: no limit.
        """
        if concurrency is not None and _whole("concurrency", concurrency) < 0:
            msg = f"concurrency is at least 0, not {concurrency}"
            raise ValueError(msg)
        if rate:
            parse_rate(rate)
        self._change(SetQueue(self.name, concurrency, rate))

    def pause(self) -> None:
        """Begin none of its runs any more; those that have begun go on."""
        self._change(SetQueue(self.name, paused=True))

    def resume(self) -> None:
        """Begin them again."""
        self._change(SetQueue(self.name, paused=False))

    def prioritize(self, run: str, priority: int) -> None:
        """Give a run that waits another priority.

        Raises
        ------
        Unknown, LeaseLost: there is no such run, or it has begun.
        """
        self._change(SetPriority(run, _whole("priority", priority)))

    def _change(self, change: Change) -> None:
        commit_now(self._recorder.store, [change])


def _whole(name: str, number: Any) -> int:
    if type(number) is not int:
        msg = f"{name} is a whole number, not {number!r}"
        raise TypeError(msg)
    return number
