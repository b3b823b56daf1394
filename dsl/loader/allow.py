"""What a program may import: the host's patterns over pack names and file paths."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from attrs import frozen


@frozen
class Allow:
    """The patterns (``None``: everything).

    A pack or module is matched by its name (``http``, ``math``, ``shop.*``); a file by its resolved path, links
    followed. A pattern that begins with a dot (``./nodes/*.py``) is relative to the current folder of the process,
    never to the importing file: what a stranger's file lies beside says nothing about what its host allows.
    """

    patterns: tuple[str, ...] | None = None

    @classmethod
    def of(cls, patterns: Iterable[str] | Allow | None) -> Allow:
        """From what a user gives."""
        if isinstance(patterns, Allow):
            return patterns
        if patterns is None:
            return cls()
        given = (patterns,) if isinstance(patterns, str) else tuple(patterns)
        return cls(tuple(_absolute(os.fspath(p)) for p in given))

    def name(self, name: str) -> bool:
        """May the pack or module ``name`` be imported?"""
        return self.patterns is None or any(fnmatchcase(name, p) for p in self.patterns)

    def path(self, path: Path) -> bool:
        """May the file be imported?"""
        return self.patterns is None or any(fnmatchcase(str(path), p) for p in self.patterns)

    def __str__(self) -> str:
        return ", ".join(self.patterns or ()) or "nothing"


def _absolute(pattern: str) -> str:
    if not pattern.startswith(("./", "../")) and pattern not in (".", ".."):
        return pattern
    return os.path.normpath(os.path.join(os.path.realpath(os.getcwd()), pattern))
