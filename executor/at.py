"""Where in a run code stands: the depth of flow calls, and, where the run is recorded, the path that names its calls.

Generated code hands ``_depth`` on to everything that it calls. Where nothing is recorded that is a plain number.
"""

from __future__ import annotations

import re

_new = int.__new__
_ANEW = re.compile(r"#\d+~")


def known(path: str) -> str:
    """A path as outsiders know it: the attempts of an undo that has parked its run are one call to them."""
    return _ANEW.sub("~", path) if "~" in path else path


class At(int):
    """A depth with a path: of flow calls, passes and attempts, from the outside in, each with its mark at the end.

    The same step of the same plan stands at the same path in every execution. A path has no spaces.
    """

    path: str = ""
    line: tuple[str, int] = ("", 0)
    """Of what an undo is owed for: the author's file and line, where they are known."""

    named: tuple[str, int] = ("", 0)
    """In what is done once over all runs: what its calls are known by, in place of the run and so many characters of
    the path."""

    def __new__(cls, depth: int = 0, path: str = "") -> At:
        self = int.__new__(cls, depth)
        self.path = path
        return self

    def key(self, path: str) -> str:
        """The idempotency key of a call at a path within this one; "" where its run gives it."""
        name, begins = self.named
        return f"{name}/{known(path[begins:])}" if name else ""

    def _inside(self, depth: int, path: str) -> At:
        at = At(depth, path)
        if self.named[0]:
            at.named = self.named
        return at

    def call(self, id: str) -> At:
        """Inside the flow that the operation ``id`` calls."""
        return self._inside(self + 1, f"{self.path}{id}:")

    def again(self, attempt: int) -> At:
        """The same in an attempt (from 1)."""
        return self._inside(self, f"{self.path[:-1]}#{attempt}:") if attempt > 1 else self

    def owed(self, id: str, file: str = "", line: int = 0) -> At:
        """Inside the undo of the call ``id``, which stands on a line of the author's."""
        at = self._inside(self, f"{self.path}{id}~")
        at.line = file, line
        return at

    def anew(self, attempt: int) -> At:
        """The same in an attempt (from 1) of the undo, each of which has parked the run before."""
        return self._inside(self, f"{self.path[:-1]}#{attempt}~") if attempt > 1 else self

    def nth(self, id: str, index: int) -> At:
        """Inside a pass (from 0) of the loop ``id``. (Written out: it is made for each pass.)"""
        at = _new(At, self)
        at.path = f"{self.path}{id}[{index}]:"
        if self.named[0]:
            at.named = self.named
        return at
