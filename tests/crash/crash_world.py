"""What nodes of the crash tests do to the world: lines of a file outside of the store, each appended in one call, and
the moments at which the process may end itself.

A line is ``process phase what saw attempt key``, tab-separated. ``process``: which of the run's processes, from 0.
``phase``: ``begin`` when the node is entered, ``did`` when its effect has happened, ``cut`` when it was cancelled.
``saw``: what the effect was made of; a read gives something else each time that it is made.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from cflow import context

BEGIN, DID, ENDED, CUT = "begin", "did", "ended", "cut"


class World:
    """Where lines go, and the call after which the process is gone.

    ``strike``: (phase, count): kill at that point of the count-th call of a node.
    """

    def __init__(self) -> None:
        self.put: Callable[[str], object] = lambda line: None
        self.pause: Callable[[float], float] = lambda seconds: seconds
        """How long a node takes that should take so long."""
        self.process = 0
        self.calls = 0
        self.strike: tuple[str, int] = ("", 0)
        self.die: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGKILL)

    def open(self, path: str, process: int) -> None:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.put = lambda line: os.write(file, f"{line}\n".encode())
        self.process = process

    def say(self, phase: str, what: str, saw: str) -> None:
        it = context()
        self.put("\t".join((str(self.process), phase, what, saw, str(it.attempt), it.key)))

    def enter(self) -> int:
        self.calls += 1
        return self.calls

    def point(self, phase: str, call: int) -> None:
        """One of the moments; the process may end here."""
        if self.strike == (phase, call):
            self.die()


WORLD = World()


def nonce() -> str:
    """Something that is never the same twice."""
    return f"<{os.urandom(4).hex()}>"
