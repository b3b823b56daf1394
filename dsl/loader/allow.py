"""What a program may import, and what the packs it imports may do for it: the host's list."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from attrs import frozen

from ...compiler.permissions import TRUSTED, Permissions, is_grant


@frozen
class Allow:
    """The patterns over packs and files (``None``: everything), and the grants.

    A pack or module is matched by its name (``http``, ``math``, ``shop.*``); a file by its resolved path, links
    followed. A pattern that begins with a dot (``./nodes/*.py``) is relative to the current folder of the process,
    never to the importing file: what a stranger's file lies beside says nothing about what its host allows.
    ``net:HOST``, ``files:FOLDER``, ``process:PROGRAM`` and ``env:NAME`` are grants: see
    :mod:`~cflow.compiler.permissions`.
    """

    patterns: tuple[str, ...] | None = None
    permissions: Permissions = TRUSTED

    @classmethod
    def of(cls, patterns: Iterable[str] | Allow | None) -> Allow:
        """From what a user gives.

        Raises
        ------
        ValueError: a grant that is none, or an empty text.
        """
        if isinstance(patterns, Allow):
            return patterns
        if patterns is None:
            return cls()
        given = [os.fspath(p) for p in ((patterns,) if isinstance(patterns, str) else patterns)]
        if not all(p.strip() for p in given):
            msg = "an empty text allows nothing: name a pack, a file or a grant"
            raise ValueError(msg)
        grants = Permissions.of(p for p in given if is_grant(p))
        return cls(tuple(_absolute(p) for p in given if not is_grant(p)), grants)

    def name(self, name: str) -> bool:
        """May the pack or module ``name`` be imported?"""
        return self.patterns is None or any(fnmatchcase(name, p) for p in self.patterns)

    def path(self, path: Path) -> bool:
        """May the file be imported?"""
        return self.patterns is None or any(fnmatchcase(str(path), p) for p in self.patterns)

    @property
    def texts(self) -> tuple[str, ...] | None:
        """What a user would give for the same, in any folder; None: everything."""
        if self.patterns is None:
            return None
        return (*self.patterns, *self.permissions.absolute())

    def __str__(self) -> str:
        return ", ".join((*(self.patterns or ()), *(self.permissions.grants or ()))) or "nothing"


def _absolute(pattern: str) -> str:
    if not pattern.startswith(("./", "../")) and pattern not in (".", ".."):
        return pattern
    return os.path.normpath(os.path.join(os.path.realpath(os.getcwd()), pattern))
