"""What an entry depends on: this Python, this Conductor, the files that were read.

A file of the user is known by its content; one of an installed library by its time of change and its size, as Python
itself knows the files that it has compiled.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys

from .._version import __version__
from .place import digest

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The package."""

_ASIDE = frozenset({"tests", "benchmarks", "examples", "docs", "build", "changelog.d", "__pycache__"})

PACKAGE = __name__.partition(".plancache.")[0]

_LIBRARY = frozenset({"site-packages", "dist-packages"})

_PATH = [os.path.abspath(folder) if os.path.exists(folder or ".") else str(folder) for folder in sys.path]
"""Where modules are looked for, before programs have made their folders importable."""

_STANDARD = os.path.dirname(os.__file__)


def key(*words: Any) -> bytes:
    """The name of an entry: what it is asked by, this Python and this Conductor.

    Parameters
    ----------
    words: plain values.
    """
    python = (sys.version, sys.implementation.cache_tag, sys.platform, sys.prefix, tuple(sys.flags), _PATH)
    return marshal.dumps((*words, os.getcwd(), python, __version__, _package()), 2)


def _package() -> bytes:
    """The state of the package's own files: in a checkout, and where somebody has changed an installed one by hand."""
    found = [ROOT]
    folders = [ROOT]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                name = entry.name
                if name.endswith((".py", ".lark")):
                    seen = entry.stat()
                    found.append(f"{entry.path} {seen.st_mtime_ns} {seen.st_size} {seen.st_ctime_ns}")
                elif "." not in name and name not in _ASIDE and entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return digest("\n".join(found).encode("utf-8", "surrogateescape"))


def content_of(path: str, size: int | None = None) -> tuple[int, bytes] | None:
    """The length of a file and the hash of its content; None where it cannot be read.

    Parameters
    ----------
    path: of the file. size: the only length that is of interest; another one is not read.
    """
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would be waited for
        with open(opened, "rb") as file:
            found = os.fstat(opened)
            if not stat.S_ISREG(found.st_mode) or (size is not None and size != found.st_size):
                return None
            data = file.read()
            return len(data), digest(data)
    except (OSError, ValueError):
        return None


def stat_of(path: str) -> tuple[int, int, int, int] | None:
    """What changes with a file or folder: its number, its size, when it was written and when anything about it was last
    changed (which nobody can set back); None where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def installed(path: str) -> bool:
    """Is it a file of Python itself, of an installed library or of this package, and not one of the user?"""
    if path.startswith(ROOT + os.sep):
        return path[len(ROOT) + 1 :].partition(os.sep)[0] not in _ASIDE
    return (
        path.startswith(_STANDARD + os.sep)
        or f"{os.sep}site-packages{os.sep}" in path
        or (f"{os.sep}dist-packages{os.sep}" in path)
    )


def importable(named: set[str]) -> dict[str, Any]:
    """Where modules are looked for, as it is now: what is installed, or taken away, or comes to hide something, changes
    it.

    Parameters
    ----------
    named: the modules that were looked for by name.
    """
    found: dict[str, Any] = {}
    others = {name for name in named if name.partition(".")[0] != PACKAGE}
    for folder in _PATH:
        if _LIBRARY.intersection(folder.split(os.sep)) or folder.startswith(_STANDARD) or not os.path.isdir(folder):
            found[folder] = stat_of(folder)
        for name in others:
            stem = os.path.join(folder, *name.split("."))
            for suffix in ("", "/__init__.py", *_suffixes()):
                found[stem + suffix] = stat_of(stem + suffix)
        if others:  # what installed distributions declare as packs
            for entry in os.listdir(folder) if os.path.isdir(folder) else ():
                if entry.endswith((".dist-info", ".egg-info")):
                    declared = os.path.join(folder, entry, "entry_points.txt")
                    found[declared] = stat_of(declared)
    return found


def _suffixes() -> list[str]:
    from importlib.machinery import all_suffixes

    return all_suffixes()


def holds(contents: dict[str, Any], stats: dict[str, Any], resolved: dict[str, str]) -> bool:
    """Is everything as it was?

    Parameters
    ----------
    contents: files by path, with their length and hash. stats: paths with what :func:`stat_of` gave.
    resolved: paths, and where they led.
    """
    return (
        all(os.path.realpath(path) == known for path, known in resolved.items())
        and all(stat_of(path) == known for path, known in stats.items())
        and all(content_of(path, known[0]) == known for path, known in contents.items())
    )
