"""``runs="process"``: worker processes (:mod:`.pool`), which have one call at a time (:mod:`.lanes`).

Whatever ends a call without an answer (a cut, a timeout, a crash) ends its worker, and no other: the next call starts
another one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

import trio

from ..compiler.spec import NodeSpec
from .children import how
from .lanes import Call, queue_of
from .pool import POOL, Worker, function_of
from .port import ForeignError, Job, NodeCrashed
from .wire import Head, Packed, Received, frame


class Processes:
    """The runtime of ``runs="process"``, and below those of WebAssembly and of libraries."""

    def prepared(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        """See :class:`~.port.Runtime`."""
        return fn

    def memory(self, job: Job) -> int | None:
        """The bytes that a call may allocate; None: as many as there are."""
        memory: int | None = job.spec.runtime.get("memory")
        return memory

    async def call(self, job: Job) -> Any:
        """See :class:`~.port.Runtime`."""
        call = Call(job, _packed(job), self.memory(job))
        return _value(job, *await queue_of(job.place).answer(call))

    async def items(self, job: Job) -> AsyncGenerator[Any, None]:
        """See :class:`~.port.Runtime`. Each item is made when it is asked for."""
        packed = _packed(job)
        async with job.place(), POOL.worker() as (worker, answered):
            await worker.begin(job, packed, self.memory(job))
            while True:
                head, received = await _answer(worker, job)
                if head[0] != "item":
                    answered()
                    break
                try:
                    yield received.value()
                except GeneratorExit:
                    with trio.CancelScope(shield=True):
                        await worker.send(frame(("close",)))
                        head, received = await _answer(worker, job)
                    answered()
                    if head[0] == "error":
                        _value(job, head, received, worker.child.pid)
                    raise
                await worker.send(frame(("next",)))
        _value(job, head, received, worker.child.pid)


RUNTIME = Processes()


def _packed(job: Job) -> Packed:
    function_of(job)  # what cannot be sent is found before a worker waits for it
    try:
        return Packed((job.args, job.kwargs))
    except Exception as error:
        msg = f"{job.spec.name} cannot be called in a process: its arguments cannot be sent there ({error})"
        raise TypeError(msg) from error


def _value(job: Job, head: Head, received: Received, pid: int) -> Any:
    if head[0] == "value":
        try:
            return received.value()
        except Exception as unmade:
            unmade.add_note(f"{job.spec.name} has a result, which cannot be made here from its pickle")
            raise
    _, made, name, text, told, _ = head
    try:
        error = received.value() if made else ForeignError(name, text)
    except Exception:
        error = ForeignError(name, text)
    error.add_note(f"in process {pid}, which ran {job.spec.name}:\n{told.rstrip()}")
    raise error


async def _answer(worker: Worker, job: Job) -> tuple[Head, Received]:
    """What it answers; what it says before that is handed on.

    Raises
    ------
    NodeCrashed: it has ended.
    """
    while True:
        while (got := worker.incoming.next()) is not None:
            if got[0][0] in ("value", "item", "error"):
                job.took(got[0][-1])
                return got
            job.heard(got[0][0], got[0][1])
        try:
            alive = worker.incoming.read(worker.sock)
        except BlockingIOError:
            await trio.lowlevel.wait_readable(worker.sock)
            continue
        except ConnectionError:
            alive = False
        if not alive:
            code = await trio.to_thread.run_sync(worker.end)
            msg = f"{job.spec.name} has no result: its process {how(code)}"
            raise NodeCrashed(msg, code)
