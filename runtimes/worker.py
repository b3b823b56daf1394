"""A worker process: takes calls from a socket, one after another, until that closes.

Each call brings what has changed since the last one (where modules are looked for, the folder) and, the first time, its
function. What the function prints and logs goes back while it runs.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import logging
import os
import pickle
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from .away import CALL, Away
from .wire import Head, Incoming, Packed, Received, frame


class Worker:
    """The other end of one socket, and of the one that the tokens come from."""

    def __init__(self, sock: socket.socket, tokens: socket.socket) -> None:
        self._sock = sock
        self._tokens = tokens
        self._incoming = Incoming()
        self._sending = threading.Lock()
        self._blobs: dict[int, bytes] = {}
        self._functions: dict[int, Any] = {}
        self._files = _Files()
        self._logs = _Logs(self)
        self._began = 0.0
        self._folder = ""
        self._texts = _Text(self, "out"), _Text(self, "err")
        self._forked = False
        os.register_at_fork(after_in_child=self._leave)
        sys.meta_path.append(self._files)
        logging.getLogger().addHandler(self._logs)

    def _leave(self) -> None:
        """In a process that a node has forked: the sockets are not its own, nor are we who hears what it prints."""
        self._forked = True
        self._sock.close()
        self._tokens.close()
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__

    def serve(self) -> None:
        """Until the socket closes."""
        with contextlib.suppress(OSError):
            self._folder = os.getcwd()
        while (got := self.receive()) is not None:
            (_, number, blob, files, path, folder, here, levels, memory, stream), arguments = got
            if path is not None:
                sys.path[:] = path
            self._as_at_first(folder)
            self._files.known.update(files)
            if blob is not None:
                self._blobs[number] = blob
            token = self._tokens.recv(1)
            if not token:
                return
            if token != b"\1":
                arguments.drop()
                continue
            self._logs.levels(*levels)
            self._began = time.perf_counter()
            call = CALL.set(Away._make((*here, _Progress(self))))
            try:
                if number not in self._functions:
                    self._functions[number] = pickle.loads(self._blobs[number])
                args, kwargs = arguments.value()
                with limited(memory):
                    self._began = time.perf_counter()
                    value = self._functions[number](*args, **kwargs)
                    if stream:
                        self._items(value)
                        value = None
                took = time.perf_counter() - self._began
                del args, kwargs
                if self._forked:
                    break
                packed = Packed(value)
                del value
            except BaseException as error:
                if self._forked:
                    traceback.print_exception(error)
                    break
                _explain(error, memory)
                self._failed(error)
                del error
            else:
                self._flush()
                self.send(("value", took), packed)
            finally:
                CALL.reset(call)

    def _as_at_first(self, folder: str | None) -> None:
        """Whatever an earlier call has made of it."""
        sys.stdout, sys.stderr = self._texts
        self._folder = folder or self._folder
        with contextlib.suppress(OSError):
            try:
                moved = os.getcwd() != self._folder
            except FileNotFoundError:
                moved = True
            if moved:
                os.chdir(self._folder)

    def receive(self) -> tuple[Head, Received] | None:
        """The next frame; None where there will be none."""
        while (got := self._incoming.next()) is None:
            if not self._incoming.read(self._sock):
                return None
        return got

    def send(self, head: Head, packed: Packed | None = None) -> None:
        """Send a frame; from any thread."""
        if self._forked:
            return
        data = memoryview(frame(head, packed))
        fd = packed.shared() if packed is not None else -1
        with self._sending:
            try:
                sent = socket.send_fds(self._sock, [data], [fd]) if fd >= 0 else 0
            finally:
                if fd >= 0:
                    os.close(fd)
            self._sock.sendall(data[sent:])

    def _items(self, source: Any) -> None:
        """Send each item when it is asked for; the first one is by the call."""
        with contextlib.closing(source):
            for item in source:
                self._flush()
                self.send(("item", time.perf_counter() - self._began), Packed(item))
                got = self.receive()
                if got is None or got[0][0] == "close":
                    return
                self._began = time.perf_counter()

    def _failed(self, error: BaseException) -> None:
        took = time.perf_counter() - self._began
        told = "".join(traceback.format_exception(type(error), error, _own(error.__traceback__)))
        try:
            text = str(error)
        except Exception:
            text = "<its text cannot be had>"
        try:
            if not isinstance(error, (Exception, SystemExit)):  # there they would say that this process is interrupted
                raise TypeError
            packed = Packed(error)
            pickle.loads(packed.body, buffers=packed.buffers)  # some can be sent and not be made again
        except Exception:
            packed = None
        self._flush()
        self.send(("error", packed is not None, type(error).__name__, text, told, took), packed)

    def _flush(self) -> None:
        for stream in {sys.stdout, sys.stderr, *self._texts}:
            with contextlib.suppress(Exception):
                stream.flush()


def _own(trace: Any) -> Any:
    """A traceback without the frames of this file."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _explain(error: BaseException, memory: int | None) -> None:
    if isinstance(error, MemoryError) and memory is not None:
        error.add_note(f"the call may allocate {memory:,} bytes (memory=)")


@contextlib.contextmanager
def limited(memory: int | None) -> Iterator[None]:
    """Whatever runs inside may add so many bytes to what the process has of address space (``RLIMIT_AS``)."""
    if memory is None:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
    except OSError:  # not Linux
        used = 0
    resource.setrlimit(resource.RLIMIT_AS, (used + memory, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


class _Progress:
    """Where ``context().progress`` puts it down."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def __setitem__(self, node: str, how_far: tuple[float, float]) -> None:
        self._worker.send(("progress", how_far))


class _Text(io.TextIOBase):
    """Standard output or error: lines go back when they are whole, or the call ends."""

    def __init__(self, worker: Worker, kind: str) -> None:
        self._worker = worker
        self._kind = kind
        self._line: list[str] = []

    encoding = "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._line.append(text)
        if "\n" in text:
            self.flush()
        return len(text)

    def flush(self) -> None:
        text, self._line = "".join(self._line), []
        if text:
            self._worker.send((self._kind, text))


class _Logs(logging.Handler):
    """Sends back what is logged, as the fields of the record."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    def levels(self, root: int, nodes: int) -> None:
        """From which level on, in general and from nodes."""
        logging.getLogger().setLevel(root)
        logging.getLogger("cflow.node").setLevel(nodes)

    def emit(self, record: logging.LogRecord) -> None:
        fields = {**vars(record), "msg": record.getMessage(), "args": None, "exc_info": None}
        if record.exc_info:
            fields["exc_text"] = logging.Formatter().formatException(record.exc_info)
        try:
            pickle.dumps(fields)
        except Exception:
            fields = {name: value for name, value in fields.items() if isinstance(value, (str, int, float))}
        self._worker.send(("log", fields))


class _Files(importlib.abc.MetaPathFinder):
    """Finds modules that the parent has from a file, and under a name that leads nowhere here."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        file = self.known.get(name)
        return importlib.util.spec_from_file_location(name, file) if file is not None else None


def main(*fds: int) -> None:
    """Serve the sockets with these descriptors."""
    socks = [socket.socket(fileno=fd) for fd in fds]
    for sock in socks:
        sock.set_inheritable(False)
    with contextlib.suppress(ConnectionError):
        Worker(*socks).serve()
    os._exit(0)  # threads that nodes have left do not hold it up
