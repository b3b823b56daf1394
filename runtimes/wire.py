"""What goes between this process and a worker: frames on a Unix socket, large buffers beside it in shared memory.

A frame is a small head (a tuple) and one pickled value. Buffers of :data:`SHARED` bytes and more (arrays, by pickle
protocol 5, PEP 574) are written once into a file in memory, whose descriptor goes along; the other side maps it,
private and writable, and its arrays stand on the map: nothing is copied there, and nothing has a name that could be
left behind.
"""

from __future__ import annotations

import array
import functools
import io
import mmap
import os
import pickle
import socket
import struct
import tempfile
from collections import ChainMap, deque
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

SHARED = 1 << 16
"""Bytes of a buffer from which on it goes by shared memory: below, a map costs more than the copies."""

PAGE = 64
"""Where buffers begin in shared memory: what vector instructions like."""

READ = 1 << 16
"""Bytes asked for at a time."""

_LENGTHS = struct.Struct("=IQ")

Head = tuple[Any, ...]


class Packed:
    """A value as it travels: ``body`` is its pickle, ``buffers`` what goes beside it."""

    __slots__ = ("body", "buffers")

    def __init__(self, value: Any) -> None:
        """
        Raises
        ------
        Exception: it cannot be pickled.
        """
        import cloudpickle

        self.buffers: list[memoryview] = []
        self.body: bytes = cloudpickle.dumps(value, protocol=5, buffer_callback=self._apart)

    def _apart(self, buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < SHARED:
            return True
        self.buffers.append(raw)
        return False

    @property
    def size(self) -> int:
        """Bytes in shared memory."""
        return sum(raw.nbytes for raw in self.buffers)

    def shared(self) -> int:
        """The descriptor of a file in memory that holds the buffers; -1 where there are none. The caller closes it."""
        if not self.buffers:
            return -1
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("cflow")
        else:
            with tempfile.TemporaryFile() as file:
                fd = os.dup(file.fileno())
        try:
            for (begin, _), raw in zip(_places(self.sizes()), self.buffers, strict=True):
                done = 0
                while done < raw.nbytes:
                    done += os.pwrite(fd, raw[done:], begin + done)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def sizes(self) -> list[int]:
        """The bytes of each buffer."""
        return [raw.nbytes for raw in self.buffers]


def _places(sizes: list[int]) -> Iterator[tuple[int, int]]:
    begin = 0
    for size in sizes:
        yield begin, begin + size
        begin += -(-size // PAGE) * PAGE


def frame(head: Head, packed: Packed | None = None) -> bytes:
    """The bytes of a frame; the descriptor of what is shared goes with the first of them."""
    sizes = packed.sizes() if packed is not None else []
    body = packed.body if packed is not None else b""
    start = pickle.dumps((head, sizes), protocol=5)
    return b"".join((_LENGTHS.pack(len(start), len(body)), start, body))


class Incoming:
    """Frames, out of the bytes and descriptors as they come."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._fds: deque[int] = deque()

    def read(self, sock: socket.socket) -> bool:
        """Take in what there is; False where the other side has closed.

        Raises
        ------
        BlockingIOError: there is nothing yet.
        """
        flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        size = array.array("i").itemsize
        data, ancillary, _, _ = sock.recvmsg(READ, socket.CMSG_SPACE(size), flags)
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                self._fds.extend(array.array("i", content[: len(content) // size * size]))
        self._data += data
        return bool(data)

    def next(self) -> tuple[Head, Received] | None:
        """The next frame, once it is whole."""
        if len(self._data) < _LENGTHS.size:
            return None
        start, length = _LENGTHS.unpack_from(self._data)
        begin = _LENGTHS.size + start
        end = begin + length
        if len(self._data) < end:
            return None
        with memoryview(self._data) as data:
            head, sizes = pickle.loads(data[_LENGTHS.size : begin])
            body = bytes(data[begin:end])
        del self._data[:end]
        return head, Received(body, sizes, self._fds.popleft() if sizes else -1)

    def close(self) -> None:
        """Drop what has come and was not asked for."""
        while self._fds:
            os.close(self._fds.popleft())


class Received:
    """A value that has come, not unpickled yet."""

    __slots__ = ("_body", "_fd", "_sizes")

    def __init__(self, body: bytes, sizes: list[int], fd: int) -> None:
        self._body = body
        self._sizes = sizes
        self._fd = fd

    def drop(self) -> None:
        """Not to be asked for."""
        if self._fd >= 0:
            os.close(self._fd)

    def value(self) -> Any:
        """The value; once.

        Raises
        ------
        Exception: it cannot be made here.
        """
        if self._fd < 0:
            return pickle.loads(self._body)
        try:
            whole = memoryview(mmap.mmap(self._fd, 0, access=mmap.ACCESS_COPY))
        finally:
            os.close(self._fd)
        return pickle.loads(self._body, buffers=(whole[begin:end] for begin, end in _places(self._sizes)))


def packed_function(function: Callable[..., Any]) -> bytes:
    """The pickle of a function, with the files of its code: cloudpickle leaves them out, and tracebacks need them.

    Raises
    ------
    Exception: something that it refers to cannot be pickled.
    """
    out = io.BytesIO()
    _function_pickler()(out, protocol=5).dump(function)
    return out.getvalue()


@functools.cache
def _function_pickler() -> Any:
    import cloudpickle

    usual: Any = cloudpickle.Pickler.dispatch_table

    def code(value: CodeType) -> Any:
        make, parts = usual[CodeType](value)
        return make, tuple(value.co_filename if part == "<dynamic-code>" else part for part in parts)

    return type("Pickler", (cloudpickle.Pickler,), {"dispatch_table": ChainMap({CodeType: code}, usual)})
