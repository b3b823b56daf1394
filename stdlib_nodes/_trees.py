"""What stands below a folder, here or on another machine: links left out, names that are none refused. It knows nothing
of nodes."""

from __future__ import annotations

import os
import posixpath
import stat
from pathlib import Path
from typing import Any, NamedTuple

from ._names import climbs, has_control


class Leaf(NamedTuple):
    """A file or folder; ``path`` is below the root, with ``/`` between its parts, ``size`` that of a file."""

    path: str
    is_folder: bool
    size: int


async def there(files: Any, root: str, most: int) -> list[Leaf]:
    """What an SFTP client of asyncssh finds below a folder; each folder before what is in it.

    Raises
    ------
    SshError: a name that would be a path. ValueError: more than ``most``.
    """
    from .ssh import SshError

    found: list[Leaf] = []
    ahead = [""]
    while ahead:
        folder = ahead.pop()
        for one in sorted(await files.readdir(posixpath.join(root, folder)), key=lambda one: str(one.filename)):
            if one.filename in (".", ".."):
                continue
            name = name_of(one.filename)
            if name is None:
                msg = f"{posixpath.join(root, folder)!r} has an entry that is no name: {one.filename!r}"
                raise SshError(msg)
            mode, path = one.attrs.permissions or 0, posixpath.join(folder, name)
            if stat.S_ISDIR(mode):
                ahead.append(path)
            _add(found, path, mode, one.attrs.size or 0, most, root)
    return found


def here(root: Path, most: int) -> list[Leaf]:
    """What stands below a folder of this machine. Raises OSError, and ValueError for more than ``most``."""
    found: list[Leaf] = []
    ahead = [""]
    while ahead:
        folder = ahead.pop()
        for name in sorted(os.listdir(root / folder)):
            info, path = (root / folder / name).lstat(), posixpath.join(folder, name)
            if stat.S_ISDIR(info.st_mode):
                ahead.append(path)
            _add(found, path, info.st_mode, info.st_size, most, str(root))
    return found


def name_of(written: Any) -> str | None:
    """A name in a folder of another machine, as a host tells it; None: it is none."""
    if not isinstance(written, str) or not written or "/" in written or has_control(written) or climbs(written):
        return None
    return written


def _add(found: list[Leaf], path: str, mode: int, size: int, most: int, root: str) -> None:
    is_folder = stat.S_ISDIR(mode)
    if not is_folder and not stat.S_ISREG(mode):
        return
    if len(found) >= most:
        msg = f"there are more than {most:,} files and folders below {root!r} (most=)"
        raise ValueError(msg)
    found.append(Leaf(path, is_folder, 0 if is_folder else size))
