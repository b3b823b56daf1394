"""Which process makes a cached value just now: locks that the system frees when a process dies.

They are ranges of one byte in a file beside the store, one for each key. Nothing is written, so a lock costs a system
call and no commit; and as the store itself, they work for processes on one machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import struct
from pathlib import Path
from typing import Any

fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None
"""None: another system; there each process makes its values itself."""

FILE = "cache.lock"

# An open file's own locks (Linux), where there are any: those of a process would not keep two engines in it apart.
_SET = getattr(fcntl, "F_OFD_SETLK", None)
_FLOCK = "hhqqi4x"
"""``struct flock`` of 64-bit Linux: type, whence, start, length, pid."""


class Flights:
    """The locks of one engine.

    Parameters
    ----------
    folder: of the store; None: there are no locks, and everybody gets one.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = -1
        if fcntl is not None and folder is not None:
            with contextlib.suppress(OSError):
                self._file = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, key: str) -> bool:
        """Take the lock of a key; False where another process has it."""
        try:
            self._lock(key, "F_WRLCK")
        except BlockingIOError:
            return False
        except OSError:
            pass  # a file system without locks
        return True

    def free(self, key: str) -> None:
        with contextlib.suppress(OSError):
            self._lock(key, "F_UNLCK")

    def _lock(self, key: str, kind: str) -> None:
        if self._file < 0:
            return
        place = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") >> 2
        if _SET is not None:
            fcntl.fcntl(self._file, _SET, struct.pack(_FLOCK, getattr(fcntl, kind), os.SEEK_SET, place, 1, 0))
        else:
            how = fcntl.LOCK_UN if kind == "F_UNLCK" else fcntl.LOCK_EX | fcntl.LOCK_NB
            fcntl.lockf(self._file, how, 1, place)

    def close(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __del__(self) -> None:
        self.close()
