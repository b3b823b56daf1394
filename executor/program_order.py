"""Where in the program a call stands that is being made, for tests: calls overlap and begin in any order, and a record
of them shall not depend on that.

As for :mod:`.context`, nothing is set up: the frames between the node and the start of the run tell. Only where steps
may overlap has one a place of its own: a row of a table, a pass of a ``parallel`` loop, an arm. Everything else runs
one after another, and there the order is that of time.
"""

from __future__ import annotations

from types import FrameType
from typing import Any

from . import blocks
from .callers import callers
from .frame import work

_ARMS = {f"{fn.__name__}.<locals>.one" for fn in (blocks.parallel, blocks.race)}


def places() -> list[tuple[Any, int]]:
    """The place of the call that the caller of this makes, from the outside in: what is executed there (any object of
    its own for each execution), and the place in it."""
    found = [place for frame in callers() if (place := _place(frame)) is not None]
    found.reverse()
    return found


def _place(frame: FrameType) -> tuple[Any, int] | None:
    code = frame.f_code
    if code is work.__code__:
        return frame.f_locals["frame"], frame.f_locals["row"]
    if code is blocks._worker.__code__:
        local = frame.f_locals
        return (local["state"], local["index"]) if "index" in local else None
    if code.co_filename == blocks.__file__ and code.co_qualname in _ARMS:
        return frame.f_locals["nursery"], frame.f_locals["index"]
    return None
