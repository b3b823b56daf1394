"""How far a node is that reads or writes much; shared by packs that do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import IO, Any, BinaryIO

from .. import context

_PIECE = 1 << 18


def how_far(total: float) -> Callable[[float], None]:
    """What tells the run how far the node is that calls this, out of ``total``; outside of a run nobody hears it. To be
    asked for in the node's own thread or task."""
    try:
        say = context().progress
    except RuntimeError:
        return lambda done: None
    return lambda done: say(done, total)


def size_of(file: IO[Any]) -> int:
    """The bytes of an open file; 0 where that is not known, of a pipe."""
    return os.fstat(file.fileno()).st_size


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file, while the run is told how far the node is."""
    say, done = how_far(size_of(file)), 0
    while data := file.read(_PIECE):
        yield data
        done += len(data)
        say(done)
