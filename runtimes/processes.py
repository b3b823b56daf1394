"""``runs="process"``: worker processes, each for one call at a time, kept for the next one.

A worker is a fresh interpreter. Functions go there by cloudpickle, once each. Whatever ends a call without an answer
(a cut, a timeout, a crash) ends its worker, and no other: the next call starts another one.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import trio

from ..compiler.spec import NodeSpec
from .children import Child, how
from .port import ForeignError, Job, NodeCrashed
from .wire import Head, Incoming, Packed, Received, frame, packed_function

LARGE = 1 << 22
"""Bytes of shared memory from which on they are written in a thread: the loop is held for a millisecond or less."""

_PACKAGE = __name__.partition(".runtimes.")[0]

_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[2]); "
    f"from {_PACKAGE}.runtimes.worker import main; main(int(sys.argv[1]))"
)


class Worker:
    """One worker process, as seen from here."""

    def __init__(self) -> None:
        """Start it; blocks for some milliseconds."""
        self._sock, theirs = socket.socketpair()
        self._path = _path()
        self._folder = _folder()
        self._known: set[int] = set()
        self._incoming = Incoming()
        # The flags of this interpreter (-W, -X, -O ...), as multiprocessing hands them on.
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        flags += ["-X", "faulthandler"]
        argv = [sys.executable, *flags, "-c", _START, str(theirs.fileno()), json.dumps(self._path)]
        with theirs:
            self.child = Child(argv, fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        self._sock.setblocking(False)

    def idle(self) -> bool:
        """Is it there? What a thread that a node has left may say meanwhile is kept for the next call."""
        try:
            while self._incoming.read(self._sock):
                pass
        except BlockingIOError:
            return True
        except ConnectionError:
            pass
        return False

    async def begin(self, job: Job, packed: Packed, memory: int | None) -> None:
        """Send a call, which may allocate so many bytes."""
        number, blob, files = _function(job)
        known = number in self._known
        self._known.add(number)
        path, folder = _path(), _folder()
        head = (
            "call", number, None if known else blob, {} if known else files,
            None if path == self._path else path, None if folder == self._folder else folder,
            job.here[:4], job.levels, memory, job.spec.is_stream,
        )  # fmt: skip
        self._path, self._folder = path, folder
        large = packed.size >= LARGE
        fd = await trio.to_thread.run_sync(packed.shared) if large else packed.shared()
        try:
            await self.send(head, packed, fd)
        finally:
            if fd >= 0:
                os.close(fd)

    async def send(self, head: Head, packed: Packed | None = None, fd: int = -1) -> None:
        """Send a frame, with the descriptor of what it shares."""
        data = memoryview(frame(head, packed))
        while data:
            try:
                sent = socket.send_fds(self._sock, [data], [fd]) if fd >= 0 else self._sock.send(data)
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._sock)
                continue
            except ConnectionError:  # it has ended: its answer, or the lack of one, says so
                return
            fd = -1
            data = data[sent:]

    async def answer(self, job: Job) -> tuple[Head, Received]:
        """What it answers; what it says before that is handed on.

        Raises
        ------
        NodeCrashed: it has ended.
        """
        while True:
            while (got := self._incoming.next()) is not None:
                if got[0][0] in ("value", "item", "error"):
                    job.took(got[0][-1])
                    return got
                job.heard(got[0][0], got[0][1])
            try:
                alive = self._incoming.read(self._sock)
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self._sock)
                continue
            except ConnectionError:
                alive = False
            if not alive:
                code = await trio.to_thread.run_sync(self.end)
                msg = f"{job.spec.name} has no result: its process {how(code)}"
                raise NodeCrashed(msg, code)

    def end(self) -> int:
        """End it, at once; gives its exit code. In a thread that may block."""
        self._incoming.close()
        with self._sock:
            return self.child.end()


class Pool:
    """The workers of this process, whichever engine or loop uses them."""

    def __init__(self) -> None:
        self._idle: list[Worker] = []
        self._all: weakref.WeakSet[Worker] = weakref.WeakSet()
        self._mutex = threading.Lock()

    @contextlib.asynccontextmanager
    async def worker(self) -> AsyncIterator[tuple[Worker, Callable[[], None]]]:
        """A worker, and what tells that it has answered: one that has not is ended."""
        worker = self._take()
        if worker is None:
            worker = await trio.to_thread.run_sync(self._start)
        answered: list[None] = []
        try:
            yield worker, lambda: answered.append(None)
        finally:
            if answered:
                with self._mutex:
                    self._idle.append(worker)
            else:
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(worker.end)

    def _take(self) -> Worker | None:
        while True:
            with self._mutex:
                if not self._idle:
                    return None
                worker = self._idle.pop()
            if worker.idle():
                return worker
            worker.end()

    def _start(self) -> Worker:
        worker = Worker()
        with self._mutex:
            self._all.add(worker)
        return worker

    def close(self) -> None:
        """End all workers. What they are at fails; the next call starts new ones."""
        with self._mutex:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()
        for worker in set(self._all):  # who waits for them hears of it
            worker.child.end()

    def forget(self) -> None:
        """In a forked child: the workers are the parent's."""
        self.__init__()  # type: ignore[misc]


POOL = Pool()
atexit.register(POOL.close)
os.register_at_fork(after_in_child=POOL.forget)


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
        packed = _packed(job)
        async with job.place(), POOL.worker() as (worker, answered):
            await worker.begin(job, packed, self.memory(job))
            head, received = await worker.answer(job)
            answered()
        return _value(job, worker, head, received)

    async def items(self, job: Job) -> AsyncGenerator[Any, None]:
        """See :class:`~.port.Runtime`. Each item is made when it is asked for."""
        packed = _packed(job)
        async with job.place(), POOL.worker() as (worker, answered):
            await worker.begin(job, packed, self.memory(job))
            while True:
                head, received = await worker.answer(job)
                if head[0] != "item":
                    answered()
                    break
                try:
                    yield received.value()
                except GeneratorExit:
                    with trio.CancelScope(shield=True):
                        await worker.send(("close",))
                        head, received = await worker.answer(job)
                    answered()
                    if head[0] == "error":
                        _value(job, worker, head, received)
                    raise
                await worker.send(("next",))
        _value(job, worker, head, received)


RUNTIME = Processes()


def _packed(job: Job) -> Packed:
    _function(job)  # what cannot be sent is found before a worker waits for it
    try:
        return Packed((job.args, job.kwargs))
    except Exception as error:
        msg = f"{job.spec.name} cannot be called in a process: its arguments cannot be sent there ({error})"
        raise TypeError(msg) from error


def _value(job: Job, worker: Worker, head: Head, received: Received) -> Any:
    if head[0] == "value":
        return received.value()
    _, made, name, text, told, _ = head
    try:
        error = received.value() if made else ForeignError(name, text)
    except Exception:
        error = ForeignError(name, text)
    error.add_note(f"in process {worker.child.pid}, which ran {job.spec.name}:\n{told.rstrip()}")
    raise error


_FUNCTIONS: weakref.WeakKeyDictionary[Callable[..., Any], tuple[int, bytes, dict[str, str]]] = (
    weakref.WeakKeyDictionary()
)


_NUMBERS = itertools.count(1)


def _function(job: Job) -> tuple[int, bytes, dict[str, str]]:
    """The number of a function, its pickle, and the files of modules that a worker may not find by their names."""
    found = _FUNCTIONS.get(job.fn)
    if found is None:
        try:
            blob = packed_function(job.fn)
        except Exception as error:
            msg = f"{job.spec.name} cannot be called in a process: what it refers to cannot be sent there ({error})"
            raise TypeError(msg) from error
        module = sys.modules.get(getattr(job.fn, "__module__", None) or "")
        file = getattr(module, "__file__", None)
        files = {module.__name__: file} if module is not None and file and module.__name__ != "__main__" else {}
        found = _FUNCTIONS[job.fn] = next(_NUMBERS), blob, files
    return found


def _path() -> list[str]:
    """Where modules are looked for; the empty entry is the folder of now."""
    return [entry for entry in sys.path if isinstance(entry, str)]


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None
