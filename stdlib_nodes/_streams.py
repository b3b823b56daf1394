"""Files as streams: decompressed by their suffix, read in bounded pieces; shared by the packs that stream.

Knows nothing of nodes.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar, cast

import trio

from .. import permissions
from ._atomic import named, writing
from ._libraries import library
from ._progress import how_far, size_of

T = TypeVar("T")
Piece = Literal["line", "item", "content"]
"""What is bounded."""

PIECE = 1 << 26
"""The longest line, or item, that is read unless the caller asks for more: 64 MiB. What expands without end is
refused when it reaches this, whatever the file's own size."""

_BUFFER = 1 << 18  # bytes asked of the file at once
_HOP = 1 << 20  # bytes, and
_ITEMS = 4000  # items fetched per hop to a thread: a hop each would cost 100 times as much
_ZSTD_PIECE = 2048  # a block of 4 bytes may stand for 128 KiB, so these for 64 MiB at once
_WINDOW = 1 << 27  # zstd: the largest window, so the memory it may ask for (128 MiB, as the zstd command allows)

_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError)


class _Zstd:
    """Decompresses frame after frame. The library's own reader takes a frame that is cut short for a whole one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decompressor = _zstd().ZstdDecompressor(max_window_size=_WINDOW)
        self._frame: Any = None
        self._input = b""
        self._ready = memoryview(b"")

    def read(self, size: int) -> bytes:
        while not self._ready:
            data = self._input or self._file.read(_ZSTD_PIECE)
            if not data:
                if self._frame is not None:
                    msg = "it ends within a frame"
                    raise EOFError(msg)
                return b""
            self._frame = self._frame or self._decompressor.decompressobj()
            self._ready = memoryview(self._frame.decompress(data))
            self._input = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        out, self._ready = bytes(self._ready[:size]), self._ready[size:]
        return out

    def close(self) -> None:
        self._file.close()


class Source(io.RawIOBase):
    """The bytes of a file, counted: at most ``limit`` between two line ends, two calls of :meth:`passed`, or in all.

    Raises ValueError that names ``origin`` where there are more, or where compressed bytes are damaged.
    """

    def __init__(self, raw: BinaryIO, file: BinaryIO, origin: str, limit: int, *, of: Piece) -> None:
        """``file``: what gives the bytes of ``raw``, which is closed with it."""
        self._raw, self._file, self._origin, self._limit, self._of = raw, file, origin, limit, of
        self._pending = 0
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read(len(buffer))
        except _BROKEN as error:
            msg = f"{self._origin} is damaged or cut short: {error}"
            raise ValueError(msg) from error
        except OSError as error:
            if error.errno is not None:
                raise
            msg = f"{self._origin} is damaged: {error}"  # bz2 says so by an OSError without a number
            raise ValueError(msg) from error
        except Exception as error:
            if type(error).__name__ != "ZstdError":  # its class is there only where the library is
                raise
            msg = f"{self._origin} is damaged: {error}"
            raise ValueError(msg) from error
        size = len(data)
        buffer[:size] = data
        self.taken += size
        longest = self._pending + size
        if self._of == "line" and (end := data.rfind(b"\n")) >= 0:
            longest = self._pending + data.find(b"\n")
            if self._limit < size:  # else no line within these bytes can be too long
                longest = max(longest, *map(len, data[:end].split(b"\n")))
            self._pending = size - end - 1
        else:
            self._pending = longest
        if longest > self._limit:
            msg = f"{self._origin}: the {self._of} has more than {self._limit:,} bytes"
            raise ValueError(msg)
        return size

    @property
    def size(self) -> int:
        """The bytes of the file itself, compressed as they are; 0 where that is not known."""
        return size_of(self._raw)

    def place(self) -> int | None:
        """How many of them were read; None where that is not known any more, as it was closed at its end."""
        if self._raw.closed:
            return None
        return self._raw.tell() if self._raw.seekable() else 0

    def passed(self) -> None:
        """What was read so far is done with."""
        self._pending = 0

    def close(self) -> None:
        self._file.close()
        self._raw.close()  # the decompressors leave it open
        super().close()


def opened(path: str | Path, limit: int = PIECE, *, of: Piece = "line", suffix: str | None = None) -> io.BufferedReader:
    """A file to read, its ``raw`` a :class:`Source`; ``.gz``, ``.bz2``, ``.xz`` and ``.zst`` are decompressed."""
    raw = open(permissions().file(path), "rb")  # noqa: SIM115  # the caller closes it
    try:
        return source(raw, Path(path).suffix if suffix is None else suffix, str(path), limit, of=of)
    except BaseException:
        raw.close()
        raise


def source(file: BinaryIO, suffix: str, origin: str, limit: int, *, of: Piece = "line") -> io.BufferedReader:
    """The same of an open file, which is closed with it."""
    return io.BufferedReader(Source(file, _decompressed(file, suffix), origin, limit, of=of), _BUFFER)


def compressing(file: BinaryIO, suffix: str) -> BinaryIO:
    """A file that compresses into ``file`` as the suffix says, or ``file`` itself. Closing it leaves ``file`` open."""
    match suffix:
        case ".gz":
            return cast(BinaryIO, gzip.GzipFile("", "wb", 6, file, mtime=0))
        case ".bz2":
            return cast(BinaryIO, bz2.BZ2File(file, "wb"))
        case ".xz":
            return cast(BinaryIO, lzma.LZMAFile(file, "wb"))
        case ".zst":
            return cast(BinaryIO, zstd_compressor(3).stream_writer(file, closefd=False))
    return file


@contextmanager
def writing_packed(path: str | Path) -> Iterator[BinaryIO]:
    """As :func:`._atomic.writing`, compressed as the suffix says."""
    with writing(path) as file:
        packed = compressing(file, Path(path).suffix)
        yield packed
        if packed is not file:
            packed.close()


def append_bytes(path: str | Path, content: bytes) -> Path:
    """Add bytes at the end of a file, compressed as its suffix says: each of these forms may follow itself."""
    target = permissions().file(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(target, "ab") as file:
            packed = compressing(file, target.suffix)
            packed.write(content)
            if packed is not file:
                packed.close()
    except OSError as error:
        raise named(error, path) from error
    return Path(path)


@asynccontextmanager
async def hops(
    path: str | Path, parse: Callable[[io.BufferedReader], Iterator[T]], limit: int = PIECE, *, of: Piece = "line"
) -> AsyncIterator[Callable[[], Awaitable[list[T]]]]:
    """Fetches what ``parse`` makes of a file, in a thread, some items at a time; an empty list is the end."""
    file = await trio.to_thread.run_sync(lambda: opened(path, limit, of=of))
    counted = cast(Source, file.raw)
    size = counted.size
    say = how_far(size)
    try:
        items = parse(file)

        def take() -> list[T]:
            end, out = counted.taken + _HOP, []
            for item in islice(items, _ITEMS):
                out.append(item)
                if counted.taken > end:
                    break
            return out

        async def more() -> list[T]:
            taken = await trio.to_thread.run_sync(take)
            place = counted.place()
            say(size if place is None else place)
            return taken

        yield more
    finally:
        file.close()


def zstd_compressor(level: int) -> Any:
    """One that adds a check sum, as the zstd command does: without it damage may pass for content."""
    return _zstd().ZstdCompressor(level=level, write_checksum=True)


def _zstd() -> Any:
    return library("compress", "zstandard")


def _decompressed(file: BinaryIO, suffix: str) -> BinaryIO:
    match suffix:
        case ".gz":
            return cast(BinaryIO, gzip.GzipFile(fileobj=file))
        case ".bz2":
            return cast(BinaryIO, bz2.BZ2File(file))
        case ".xz":
            return cast(BinaryIO, lzma.LZMAFile(file))
        case ".zst":
            return cast(BinaryIO, _Zstd(file))
    return file
