"""What SQLite's error codes mean for a store: what is worth another try, and what is not.

The codes are those of https://www.sqlite.org/rescode.html; the lowest eight bits are the primary code.
"""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Literal

BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB = 5, 6, 7, 8, 10, 11, 13, 14, 15, 26

Fault = Literal["busy", "full", "io", "readonly", "damaged", "unit"]
"""``busy``, ``full``: get better by themselves. ``io``: may. ``readonly``, ``damaged``: do not. ``unit``: what was
asked for is at fault."""

_FAULTS: dict[int, Fault] = {
    BUSY: "busy",
    LOCKED: "busy",
    PROTOCOL: "busy",
    FULL: "full",
    IOERR: "io",
    NOMEM: "io",
    CANTOPEN: "io",  # too many open files, say
    READONLY: "readonly",
    CORRUPT: "damaged",
    NOTADB: "damaged",
}


def primary(error: BaseException) -> int:
    """The primary code of an error; 0 where it has none."""
    code = getattr(error, "sqlite_errorcode", 0) or 0
    return int(code) & 0xFF


def fault(error: BaseException) -> Fault:
    """What kind of trouble an error is."""
    return _FAULTS.get(primary(error), "unit")


NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT}) if hasattr(errno, "EDQUOT") else frozenset({errno.ENOSPC})


def no_space(folder: Path) -> bool:
    """Is there no room in a folder? SQLite calls a used-up quota an I/O error, and a full disk where it cannot make its
    shared memory longer, so a small file is tried."""
    try:
        handle, name = tempfile.mkstemp(prefix="space-", dir=folder)
    except OSError as error:
        return error.errno in NO_SPACE
    try:
        os.write(handle, bytes(65536))
        os.fsync(handle)
    except OSError as error:
        return error.errno in NO_SPACE
    finally:
        os.close(handle)
        os.unlink(name)
    return False


def describe(error: BaseException) -> str:
    """The message of an error, with SQLite's name for it."""
    name = getattr(error, "sqlite_errorname", "")
    return f"{error} ({name})" if name else str(error)
