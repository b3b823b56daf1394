"""Writing a file whole or not at all; shared by the packs that write. Knows nothing of nodes."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .. import permissions

Paths = list[Path]
"""For a module whose own ``list`` hides the built-in one."""


def write_whole(path: str | Path, content: bytes) -> Path:
    """Put ``content`` at ``path``: see :func:`writing`."""
    with writing(path) as file:
        file.write(content)
    return Path(path)


@contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """A file that takes the place of ``path`` when the block ends well.

    Until then whoever reads ``path`` sees the old content, and after a failure (a full disk, an exception in the
    block) it is still there and nothing else is. Missing folders are made, a link keeps pointing where it did, the
    mode of the old file is kept. What is no regular file (a device, a pipe) is written in place.

    Raises OSError with the path in its text.
    """
    asked = Path(path)
    permitted = permissions().file(asked)
    temporary = None
    try:
        target = permitted.resolve()
        if target.exists() and not target.is_file():
            with open(target, "wb") as file:  # a folder fails here, by name
                yield file
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".part", dir=target.parent)
        with open(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode_for(target))
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise named(error, asked, "nothing was changed there") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)


def named(error: OSError, path: str | Path, more: str = "") -> OSError:
    """The same error with the path the author wrote: writes on an open file (a full disk) fail without one."""
    text = error.strerror or str(error)
    if error.errno is None:
        return OSError(f"{text}: {str(path)!r}")
    return OSError(error.errno, f"{text} ({more})" if more else text, str(path))


def _mode_for(target: Path) -> int:
    """The mode of the file to be replaced, or what a new file would get."""
    with suppress(OSError):
        return stat.S_IMODE(target.stat().st_mode)
    return 0o666 & ~_umask()


def _umask() -> int:
    """The process's umask. Reading it means setting it, so where the system says it (Linux), it is read there."""
    with suppress(OSError, ValueError), open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o022
