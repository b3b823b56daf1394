"""Python's recursion limit: the one place that moves it.

Since Python 3.11 a call from Python to Python does not use the C stack, so raising the limit is enough to walk a deeply
nested program. The limit belongs to the whole process, and others move it too (test tools put it back after each
test), so nothing here trusts what it set before: it looks.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

DEEP = 100_000
"""The limit while a program is walked: each ``elif`` whose test calls a node stands inside the one before."""

COMPILING = 20_000
"""The limit while generated code is compiled: Python's compiler does use the C stack."""

RECURSIVE = 20_000
"""The limit from the first run of a recursive flow on. A thousand sub-flows under options take about 11,000 frames, and
twice that where a debugger or a coverage tool traces them: then the limit is twice as high."""

_LOCK = threading.Lock()
_users = 0
_found = 0
_raised = 0
_least = 0


@contextmanager
def deep(limit: int = DEEP) -> Iterator[None]:
    """Room for deeply nested programs; may be nested, and entered from several threads."""
    global _users, _found, _raised
    with _LOCK:
        now = sys.getrecursionlimit()
        if _users == 0:
            _found, _raised = now, 0
        if now < limit:
            _raised = limit
            sys.setrecursionlimit(limit)
        _users += 1
    try:
        yield
    finally:
        with _LOCK:
            _users -= 1
            # Where somebody else has moved it meanwhile, it is theirs.
            if _users == 0 and sys.getrecursionlimit() == _raised:
                sys.setrecursionlimit(max(_found, _least))


def deepen() -> None:
    """Room for a recursive flow.

    The limit stays raised: another run may need it, and the flow's own limit guards against what it would.
    """
    global _least
    needed = RECURSIVE if sys.gettrace() is None else 2 * RECURSIVE
    if sys.getrecursionlimit() < needed or _least < needed:
        with _LOCK:
            _least = max(_least, needed)
            sys.setrecursionlimit(max(sys.getrecursionlimit(), needed))
