"""Files written whole or not at all: a full disk, or an end in the middle, leaves what was there before."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file; a reader meets the old one or the new one, never half of it. A link stays a link, a file keeps its
    mode, and a device or a pipe is written to.

    Raises
    ------
    OSError: it cannot be written.
    """
    import tempfile  # takes as long as a small command

    target = path.resolve()
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:  # it would name the temporary file, which nobody has asked for
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def check_writable(path: Path) -> None:
    """Can a file be written there? Asked before the work whose result goes there.

    Raises
    ------
    OSError: its folder is not there, or takes no file; it is a folder itself.
    """
    target = path.resolve()
    if target.is_dir():
        raise IsADirectoryError(21, "it is a folder", str(path))
    where = target if target.exists() and not target.is_file() else target.parent
    if not where.exists():
        raise FileNotFoundError(2, "there is no such folder", str(path))
    if not os.access(where, os.W_OK):
        raise PermissionError(13, os.strerror(13), str(path))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
