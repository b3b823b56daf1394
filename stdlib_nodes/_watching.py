"""What has changed in a folder, by looking at it again and again. Knows nothing of nodes, and of time only what it is
told."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Literal

from .. import permissions

Kind = Literal["created", "changed", "deleted"]
State = tuple[int, int, int]
"""Time of the last change in nanoseconds, size, number of the file: what is written, replaced or cut differs in one."""


class Watcher:
    """The files of a folder, and what of them has been told.

    Parameters
    ----------
    look: gives the files that are there, each with its state. rest: how many seconds a file has to stay as it is before
    its change is told; one that is never at rest is told of after ten times as long.
    """

    def __init__(self, look: Callable[[], dict[str, State]], rest: float) -> None:
        self._look, self._rest = look, rest
        self._told: dict[str, State] = {}
        self._open: dict[str, tuple[State | None, float, float]] = {}  # as it is, since when, and different since when

    def begin(self) -> None:
        """What is there now is no change."""
        self._told = self._look()

    def changes(self, now: float) -> list[tuple[Kind, str]]:
        """What is to be told now, in the order of paths; ``now`` is in seconds."""
        found = self._look()
        for path in self._open.keys() - found.keys() - self._told.keys():
            del self._open[path]  # it came and went
        return [
            (kind, path) for path in sorted(self._differing(found)) if (kind := self._ripe(path, found.get(path), now))
        ]

    def _differing(self, found: dict[str, State]) -> Iterator[str]:
        for path in found.keys() | self._told.keys():
            if found.get(path) != self._told.get(path):
                yield path
            else:
                self._open.pop(path, None)

    def _ripe(self, path: str, state: State | None, now: float) -> Kind | None:
        """The kind of the change, if it is to be told now."""
        last, since, first = self._open.get(path, (state, now, now))
        if last != state:
            since = now
        if now - since < self._rest and now - first < 10 * self._rest:
            self._open[path] = state, since, first
            return None
        self._open.pop(path, None)
        known = path in self._told
        if state is None:
            del self._told[path]
            return "deleted"
        self._told[path] = state
        return "changed" if known else "created"


def states(root: Path, pattern: str) -> dict[str, State]:
    """The states of the files below a folder that fit a pattern, by their paths in it. Links to folders are not gone
    into; one to a file that the program may not see is passed over.

    Raises
    ------
    OSError: the folder is none. ValueError: the pattern leads out of it.
    """
    parts = PurePath(pattern).parts
    if not parts or os.pardir in parts or PurePath(pattern).is_absolute():
        msg = f"{pattern!r} is no pattern of files in the folder"
        raise ValueError(msg)
    found: dict[str, State] = {}
    with os.scandir(root) as entries:
        ahead = [("", [*entries], _reached(parts, {0}))]
    while ahead:
        before, inside, at = ahead.pop()
        for entry in inside:
            if entry.is_dir(follow_symlinks=False):
                onward = {i if parts[i] == "**" else i + 1 for i in at if _fits(entry.name, parts[i])}
                if onward := _reached(parts, onward - {len(parts)}):
                    with suppress(OSError), os.scandir(entry.path) as entries:
                        ahead.append((f"{before}{entry.name}/", [*entries], onward))
            elif any(i == len(parts) - 1 and _fits(entry.name, parts[i]) for i in at):
                # What is no link lies where the folder lies. Gone since it was listed is gone.
                with suppress(OSError):
                    place = permissions().file(entry.path) if entry.is_symlink() else None
                    info = entry.stat() if place is None else place.stat()
                    if stat.S_ISREG(info.st_mode):
                        found[before + entry.name] = (info.st_mtime_ns, info.st_size, info.st_ino)
    return found


def _fits(name: str, part: str) -> bool:
    return part == "**" or fnmatchcase(name, part)


def _reached(parts: tuple[str, ...], at: set[int]) -> set[int]:
    """The parts of a pattern that the next name may be for, when it may be for these: ``**`` may stand for none."""
    for i in range(len(parts) - 1):
        if i in at and parts[i] == "**":
            at.add(i + 1)
    return at
