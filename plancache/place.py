"""The folder of the cache: entries are read, written and thrown away here, and nothing in them is looked at.

An entry is trusted like code, since parts of it are unpickled. The boundary is ownership: the folder and each entry
must belong to the user who runs, nobody else may enter the folder or write to an entry; whoever can write there as that
user could change the program or ``~/.bashrc`` as well. The checksum is against accidents, not against people.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAGIC = b"cflow plan 1\n"
"""Begins every entry; its number changes with the form of entries."""

SUM = 20
"""Bytes of the checksum."""

MAX_ENTRY = 16 << 20
MAX_FOLDER = 64 << 20
MAX_ENTRIES = 1000
"""Bounds of one entry and of all of them; the oldest go first. (An entry of 50 steps has about 50 kB.)"""

SUFFIX = ".plan"

command = False
"""Is this process the command, run once for one line? Only then is it known what a load has brought along; in any other
nothing is kept or looked for."""


def digest(data: bytes, size: int = SUM) -> bytes:
    """A cryptographic hash. (Of what hashlib offers; hashlib itself loads OpenSSL first, for as long as Python takes to
    start.)"""
    hasher: Callable[..., Any]
    try:
        from _blake2 import blake2b as hasher
    except ImportError:
        from hashlib import blake2b as hasher
    made: bytes = hasher(data, digest_size=size).digest()
    return made


def folder() -> str | None:
    """Where entries are. None where there is no cache: this is not the command, it is switched off, there is no home or
    no way to ask who owns a file."""
    if not command or os.environ.get("CFLOW_NO_CACHE") or not hasattr(os, "geteuid"):
        return None
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # the specification: a relative one is to be ignored
        home = os.path.expanduser("~")
        if not os.path.isabs(home):
            return None
        base = os.path.join(home, ".cache")
    return os.path.join(base, "cflow")


def read(key: bytes) -> bytes | None:
    """The entry under a key; None where there is none that can be trusted.

    Parameters
    ----------
    key: all that the entry hangs on by name; it is in the entry too, so that a renamed file is not mistaken.
    """
    where = folder()
    if where is None:
        return None
    try:
        at = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if not _own(os.fstat(at), 0o077):
                return None
            file = os.open(_name(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=at)
        finally:
            os.close(at)
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode) or not _own(found, 0o022) or found.st_size > MAX_ENTRY:
                return None
            with open(file, "rb", closefd=False) as opened:
                data = opened.read(MAX_ENTRY + 1)
        finally:
            os.close(file)
    except (OSError, ValueError):
        return None
    start = MAGIC + digest(key)
    payload = data[len(start) + SUM :]
    if not data.startswith(start) or data[len(start) : len(start) + SUM] != digest(payload):
        return None
    return payload


def write(key: bytes, payload: bytes) -> None:
    """Keep an entry, whole or not at all, and throw out the oldest where there are too many."""
    where = folder()
    data = MAGIC + digest(key) + digest(payload) + payload
    if where is None or len(data) > MAX_ENTRY:
        return
    try:
        _make(where)
        at = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if _own(os.fstat(at), 0o077):
                _put(at, _name(key), data)
                _evict(at)
        finally:
            os.close(at)
    except (OSError, ValueError):
        return


def _put(at: int, name: str, data: bytes) -> None:
    temporary = f".{os.getpid()}-{os.urandom(4).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(temporary, flags, 0o600, dir_fd=at)
    try:
        with open(file, "wb") as opened:
            opened.write(data)
        os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=at)
    except BaseException:
        os.unlink(temporary, dir_fd=at)
        raise


def _evict(at: int) -> None:
    """Entries beyond the bounds, the oldest first; and what a process left that was killed while it wrote."""
    entries = []
    for name in os.listdir(at):
        try:
            found = os.stat(name, dir_fd=at, follow_symlinks=False)
        except OSError:  # another process was first
            continue
        entries.append((found.st_mtime_ns, found.st_size, name))
    entries.sort(reverse=True)
    total = count = 0
    newest = entries[0][0] if entries else 0
    for time, size, name in entries:
        total, count = total + size, count + 1
        left = name.startswith(".") and newest - time > 60e9
        if left or ((total > MAX_FOLDER or count > MAX_ENTRIES) and name.endswith(SUFFIX)):
            total, count = total - size, count - 1
            try:
                os.unlink(name, dir_fd=at)
            except OSError:
                continue


def _name(key: bytes) -> str:
    return digest(key).hex() + SUFFIX


def _own(found: os.stat_result, nobody: int) -> bool:
    """Does it belong to whoever runs this, and has nobody these rights?"""
    return found.st_uid == os.geteuid() and not found.st_mode & nobody


def _make(where: str) -> None:
    """The folder, and those around it; but root makes none in the home of a user, whom it would be in the way of."""
    if os.geteuid() == 0:
        around = where
        while not os.path.exists(around) and around != os.path.dirname(around):
            around = os.path.dirname(around)
        if os.stat(around).st_uid != 0:
            raise PermissionError(where)
    os.makedirs(where, mode=0o700, exist_ok=True)
