"""Python's cycle collector, held while a program is compiled.

Compiling allocates millions of small objects that all stay; each full collection walks all of them again for nothing,
a third of the time for a flow of 10,000 steps. Knows nothing of graphs.
"""

from __future__ import annotations

import gc
import threading
from contextlib import ContextDecorator

_LOCK = threading.Lock()
_holders = 0
_was_enabled = False


class collector_held(ContextDecorator):  # noqa: N801 - reads as the statement it is
    """No cycle collection inside the ``with`` block, or while the decorated function runs; may be nested, and entered
    from several threads. A collector that was off stays off."""

    def __enter__(self) -> None:
        global _holders, _was_enabled
        with _LOCK:
            if _holders == 0:
                _was_enabled = gc.isenabled()
                gc.disable()
            _holders += 1

    def __exit__(self, *exc: object) -> None:
        global _holders
        with _LOCK:
            _holders -= 1
            if _holders == 0 and _was_enabled:
                gc.enable()
