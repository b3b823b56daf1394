"""The worker processes: a fresh interpreter each, kept for the next call.

Functions go there by cloudpickle, once each. Beside the socket runs another one, of *tokens*: a worker takes one before
it begins a call, and this process can take those back that are still there. So what has been sent ahead can be called
back, and whether a call has begun is certain.
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
from collections.abc import AsyncIterator, Callable
from typing import Any

import trio

from .children import Child
from .port import Job
from .wire import Head, Incoming, Packed, frame, packed_function

LARGE = 1 << 22
"""Bytes of shared memory from which on they are written in a thread: the loop is held for a millisecond or less."""

RUN, SKIP = b"\1", b"\0"
"""Tokens: the next call is to be run, or passed over."""

_PACKAGE = __name__.partition(".runtimes.")[0]

_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[3]); "
    f"from {_PACKAGE}.runtimes.worker import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)


class Function:
    """What is called: its ``number``, its pickle, the files of modules that a worker may not find by their names, and
    the seconds that it ``takes`` (None: not known yet)."""

    __slots__ = ("blob", "files", "number", "takes")

    _numbers = itertools.count(1)

    def __init__(self, fn: Callable[..., Any]) -> None:
        """
        Raises
        ------
        Exception: something that it refers to cannot be pickled.
        """
        self.blob = packed_function(fn)
        self.number = next(self._numbers)
        module = sys.modules.get(getattr(fn, "__module__", None) or "")
        file = getattr(module, "__file__", None)
        known = module is not None and file and module.__name__ != "__main__"
        self.files: dict[str, str] = {module.__name__: file} if known else {}  # type: ignore[union-attr, dict-item]
        self.takes: float | None = None

    def took(self, seconds: float) -> None:
        """A call took so long."""
        self.takes = seconds if self.takes is None else 0.7 * self.takes + 0.3 * seconds


_FUNCTIONS: weakref.WeakKeyDictionary[Callable[..., Any], Function] = weakref.WeakKeyDictionary()


def function_of(job: Job) -> Function:
    """The function of a call.

    Raises
    ------
    TypeError: what it refers to cannot be sent.
    """
    found = _FUNCTIONS.get(job.fn)
    if found is None:
        try:
            found = _FUNCTIONS[job.fn] = Function(job.fn)
        except Exception as error:
            msg = f"{job.spec.name} cannot be called in a process: what it refers to cannot be sent there ({error})"
            raise TypeError(msg) from error
    return found


class Worker:
    """One worker process, as seen from here."""

    def __init__(self) -> None:
        """Start it; blocks for some milliseconds."""
        self.sock, theirs = socket.socketpair()
        self.incoming = Incoming()
        self.answered = False
        self._path = _path()
        self._folder = _folder()
        self._known: set[int] = set()
        # The flags of this interpreter (-W, -X, -O ...), as multiprocessing hands them on.
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        flags += ["-X", "faulthandler"]
        self._giving, self._taking = socket.socketpair()
        own = [theirs.fileno(), self._taking.fileno()]
        argv = [sys.executable, *flags, "-c", _START, *map(str, own), json.dumps(self._path)]
        with theirs:
            self.child = Child(argv, fds=own, stdin=subprocess.DEVNULL)
        self.sock.setblocking(False)

    def idle(self) -> bool:
        """Is it there? What a thread that a node has left may say meanwhile is kept for the next call."""
        try:
            while self.incoming.read(self.sock):
                pass
        except BlockingIOError:
            return True
        except ConnectionError:
            pass
        return False

    def knows(self, function: Function) -> bool:
        """Has it been sent the function?"""
        return function.number in self._known

    def head(self, job: Job, memory: int | None) -> Head:
        """The head of a call, which may allocate so many bytes; it is sent next."""
        function = function_of(job)
        known = self.knows(function)
        self._known.add(function.number)
        path, folder = _path(), _folder()
        head = (
            "call", function.number, None if known else function.blob, {} if known else function.files,
            None if path == self._path else path, None if folder == self._folder else folder,
            job.here[:4], job.levels, memory, job.spec.is_stream,
        )  # fmt: skip
        self._path, self._folder = path, folder
        return head

    async def begin(self, job: Job, packed: Packed, memory: int | None) -> None:
        """Send a call, which may allocate so many bytes, and let it begin."""
        large = packed.size >= LARGE
        fd = await trio.to_thread.run_sync(packed.shared) if large else packed.shared()
        try:
            await self.send(frame(self.head(job, memory), packed), fd)
        finally:
            if fd >= 0:
                os.close(fd)
        self.give(RUN)

    async def send(self, frames: bytes, fd: int = -1) -> None:
        """Send frames, with the descriptor of what the first of them shares."""
        data = memoryview(frames)
        while data:
            try:
                sent = socket.send_fds(self.sock, [data], [fd]) if fd >= 0 else self.sock.send(data)
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self.sock)
                continue
            except OSError:  # it has ended: its answer, or the lack of one, says so
                return
            fd = -1
            data = data[sent:]

    def give(self, tokens: bytes) -> None:
        """Let it begin, or pass over, as many calls."""
        with contextlib.suppress(OSError):
            self._giving.send(tokens)

    def take_back(self) -> bytes:
        """The tokens that it has not taken; it begins no call before :meth:`give`."""
        try:
            return self._taking.recv(1 << 10, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""

    def end(self) -> int:
        """End it, at once; gives its exit code. In a thread that may block."""
        self.incoming.close()
        with self.sock, self._giving, self._taking:
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
        worker = await self.get()
        answered: list[None] = []
        try:
            yield worker, lambda: answered.append(None)
        finally:
            if answered:
                self.put(worker)
            else:
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(worker.end)

    def take(self) -> Worker | None:
        """One that has nothing to do, where there is one."""
        while True:
            with self._mutex:
                if not self._idle:
                    return None
                worker = self._idle.pop()
            if worker.idle():
                return worker
            worker.end()

    async def get(self) -> Worker:
        """One that has nothing to do; a new one where there is none."""
        worker = self.take()
        return worker if worker is not None else await trio.to_thread.run_sync(self._start)

    def put(self, worker: Worker) -> None:
        """It has answered all it was asked."""
        with self._mutex:
            self._idle.append(worker)

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


def _path() -> list[str]:
    """Where modules are looked for; the empty entry is the folder of now."""
    return [entry for entry in sys.path if isinstance(entry, str)]


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None
