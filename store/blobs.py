"""Large values as files, each under the digest of its content.

A file is written beside its place, synced and renamed, so under a digest there is all of the content or nothing. The
same content is one file, whoever puts it. What nobody refers to any more is swept; a file that was put within the last
hour stays, since its reference may be on its way to the store.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from attrs import frozen

from .failures import Damaged, ReadOnly
from .rows import Blob

CHUNK = 1 << 20
"""Bytes that are hashed, written or read at a time."""

YOUNGEST = 3600.0
"""Seconds for which a file stays after it was put, whether or not something refers to it."""

Buffer = bytes | bytearray | memoryview

_DIGEST = re.compile(r"[0-9a-f]{64}")
_GONE = ".gone"


@frozen
class Swept:
    """What a sweep removed. ``size``: in bytes."""

    files: int
    size: int


def chunks(data: Buffer) -> Iterator[memoryview]:
    """The bytes of a buffer, :data:`CHUNK` at a time, without a copy."""
    view = memoryview(data).cast("B")
    for start in range(0, len(view), CHUNK):
        yield view[start : start + CHUNK]


def digest_of(data: Buffer) -> str:
    """The digest of a content: BLAKE2b with 256 bits, as hexadecimal digits."""
    made = hashlib.blake2b(digest_size=32)
    for chunk in chunks(data):
        made.update(chunk)
    return made.hexdigest()


@frozen
class Blobs:
    """A folder of large values. Its methods block on the disk, and may be called from any thread and process.

    Raises
    ------
    ReadOnly: from whatever writes, where the folder cannot be written to.
    Damaged: from whatever reads, where a file is missing or is not what was put.
    OSError: anything else the system says (a full disk: ``ENOSPC``), after what was begun has been removed.
    """

    folder: Path

    def put(self, data: Buffer | Iterable[Buffer]) -> Blob:
        """Keep a content: a buffer, which is not copied, or its parts in order, which are written as they come.

        When this returns, the content is on disk.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            return self._write(data)
        whole = cast("Buffer", data)
        digest, size = digest_of(whole), memoryview(whole).nbytes
        return Blob(digest, size) if self._stays(digest, size) else self._write(chunks(whole))

    def get(self, digest: str) -> bytes:
        """A content as bytes: one piece of memory of its size."""
        with self._reading(digest) as (file, size):
            data = file.read(size)
            if len(data) < size:  # more than the system reads at once
                rest = bytearray(size - len(data))
                _fill(file, memoryview(rest))
                data += rest
        self._check(digest, data)
        return data

    def load(self, digest: str) -> bytearray:
        """A content as a bytearray: one piece of memory of its size."""
        with self._reading(digest) as (file, size):
            data = bytearray(size)
            _fill(file, memoryview(data))
        self._check(digest, data)
        return data

    def text(self, digest: str) -> str:
        """A content as the text that it is in UTF-8."""
        text = io.StringIO(newline="")
        made = hashlib.blake2b(digest_size=32)
        decode = _utf8()
        with self._reading(digest) as (file, _):
            while chunk := file.read(CHUNK):
                made.update(chunk)
                text.write(decode(chunk))
        if made.hexdigest() != digest:
            raise self._changed(digest)
        text.write(decode(b"", True))
        return text.getvalue()

    @contextmanager
    def open(self, digest: str) -> Iterator[Iterator[bytes]]:
        """A content piece by piece; the last piece is followed by the check, so use nothing before the end is there.

        >>> with blobs.open(digest) as pieces:  # doctest: +SKIP
        ...     shutil.copyfileobj(pieces, out)
        """

        def pieces(file: IO[bytes]) -> Iterator[bytes]:
            made = hashlib.blake2b(digest_size=32)
            while chunk := file.read(CHUNK):
                made.update(chunk)
                yield chunk
            if made.hexdigest() != digest:
                raise self._changed(digest)

        with self._reading(digest) as (file, _):
            yield pieces(file)

    def path(self, digest: str) -> Path:
        """Where a content is or would be.

        Raises
        ------
        ValueError: that is no digest.
        """
        if not _DIGEST.fullmatch(digest):
            msg = f"{digest!r} is no digest of a blob: 64 hexadecimal digits"
            raise ValueError(msg)
        return self.folder / digest[:2] / digest[2:]

    def __contains__(self, digest: str) -> bool:
        return self.path(digest).is_file()

    def __iter__(self) -> Iterator[str]:
        """The digests of what is kept."""
        for path in self._files():
            if _DIGEST.fullmatch(digest := path.parent.name + path.name):
                yield digest

    def size(self) -> int:
        """Bytes in all files, those that are being written too."""
        total = 0
        for path in self._files():
            with suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def sweep(self, keep: set[str], older_than: float = YOUNGEST) -> Swept:
        """Remove what is not in ``keep`` and was put more than ``older_than`` seconds ago (at least :data:`YOUNGEST`),
        and what a process left behind that died while writing.

        ``keep`` is read from the store before: what is referred to after that was put just now.
        """
        before = time.time() - max(older_than, YOUNGEST)
        files = size = 0
        for path in self._files():
            if path.parent.name + path.name in keep:
                continue
            with suppress(FileNotFoundError), _writable(self.folder):
                removed = _remove(path, before)
                files += removed is not None
                size += removed or 0
        return Swept(files, size)

    # ---- inside -----------------------------------------------------------------------------------------

    def _files(self) -> Iterator[Path]:
        try:
            shelves = sorted(self.folder.iterdir())
        except FileNotFoundError:
            return
        for shelf in shelves:
            if len(shelf.name) == 2 and shelf.is_dir():
                yield from sorted(shelf.iterdir())

    def _stays(self, digest: str, size: int) -> bool:
        """Is the content there? Then it is as young as if it were put now."""
        path = self.path(digest)
        try:
            if path.stat().st_size != size:
                return False
            with _writable(self.folder):
                os.utime(path)
        except FileNotFoundError:
            return False
        self._sync(path)  # whoever renamed it may not have come that far
        return True

    def _write(self, parts: Iterable[Buffer]) -> Blob:
        made, size = hashlib.blake2b(digest_size=32), 0
        with _writable(self.folder):
            # Beside its place, which is not known yet: all shelves are on one file system.
            shelf = self.folder / "00"
            shelf.mkdir(parents=True, exist_ok=True)
            temporary = shelf / f".{secrets.token_hex(8)}"
            try:
                with temporary.open("xb", buffering=0) as file:
                    for part in parts:
                        for chunk in chunks(part):
                            made.update(chunk)
                            size += len(chunk)
                            _write_all(file, chunk)
                    os.fsync(file.fileno())
                path = self.path(made.hexdigest())
                path.parent.mkdir(exist_ok=True)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            self._sync(path)
        return Blob(made.hexdigest(), size)

    def _sync(self, path: Path) -> None:
        """The name of a file is on disk, too, and that of its folder."""
        if os.name != "posix":  # folders cannot be synced there
            return
        for folder in (path.parent, self.folder):
            number = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)

    @contextmanager
    def _reading(self, digest: str) -> Iterator[tuple[IO[bytes], int]]:
        path = self.path(digest)
        # A sweep that finds it is used after all has it under another name for a moment.
        for name in (path, path.with_name(path.name + _GONE), path):
            try:
                file = name.open("rb", buffering=0)
            except FileNotFoundError:
                continue
            with file:
                yield file, os.fstat(file.fileno()).st_size
            return
        msg = f"the large value {digest[:12]} is not there: {path} is missing"
        raise Damaged(msg, str(path))

    def _check(self, digest: str, data: Buffer) -> None:
        if digest_of(data) != digest:
            raise self._changed(digest)

    def _changed(self, digest: str) -> Damaged:
        path = self.path(digest)
        return Damaged(f"the large value {digest[:12]} is not what was written: {path} has changed", str(path))


def _fill(file: IO[bytes], view: memoryview) -> None:
    """Read until a piece of memory is full or the file ends; the check sees what is missing."""
    while view and (got := file.readinto(view)):  # type: ignore[attr-defined]
        view = view[got:]


def _write_all(file: IO[bytes], view: memoryview) -> None:
    while view:
        view = view[file.write(view) :]


def _remove(path: Path, before: float) -> int | None:
    """Remove a file that was put before a time; how large it was, None where it stays.

    It is renamed first: whoever wants to put the same content meanwhile either made it young before, which is seen now,
    or does not find it and writes it anew.
    """
    if path.stat().st_mtime >= before:
        return None
    if not _DIGEST.fullmatch(path.parent.name + path.name):
        size = path.stat().st_size
        path.unlink()
        return size
    gone = path.with_name(path.name + _GONE)
    path.replace(gone)
    found = gone.stat()
    if found.st_mtime >= before:
        gone.replace(path)
        return None
    gone.unlink()
    return found.st_size


def _utf8() -> Any:
    import codecs

    return codecs.getincrementaldecoder("utf-8")("strict").decode


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            msg = f"{folder} cannot be written to ({error.strerror}): make it writable, or choose another store"
            raise ReadOnly(msg) from error
        raise
