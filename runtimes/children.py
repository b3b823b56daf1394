"""Child processes that never outlive this one: each is the head of a group of its own, which ends as a whole.

A pipe hangs between the two: this process holds its writing end, the child its reading end, and neither uses it. When
this process ends, however it does, the kernel closes the writing end and sends SIGKILL to the child's group (``fcntl``
with ``F_SETOWN`` and ``F_SETSIG``, Linux; fcntl(2)). Unlike ``PR_SET_PDEATHSIG`` that does not strike when merely the
*thread* ends that started the child, it reaches what the child itself has started, and the child need not take part.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Any


class Child:
    """A running child. ``ended`` is set when it, and all of its group, is gone; ``code`` is its exit code then."""

    def __init__(
        self, argv: Sequence[str], *, fds: Sequence[int] = (), env: Mapping[str, str] | None = None, **streams: Any
    ) -> None:
        """Start it.

        Parameters
        ----------
        argv: the program and its arguments. fds: what it inherits beside its standard streams. env: its environment;
        None: this one's. streams: ``stdin``, ``stdout`` and ``stderr``, as for :class:`subprocess.Popen`.

        Raises
        ------
        OSError: it cannot be started.
        """
        end, self._life = os.pipe()
        try:
            self.popen = subprocess.Popen(argv, pass_fds=(*fds, end), env=env, start_new_session=True, **streams)
        except BaseException:
            os.close(self._life)
            raise
        else:
            if hasattr(fcntl, "F_SETSIG"):
                fcntl.fcntl(end, fcntl.F_SETOWN, -self.popen.pid)
                fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGKILL)
                fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_ASYNC)
        finally:
            os.close(end)
        self.pid = self.popen.pid
        self.code: int | None = None
        self._reaping = threading.Lock()
        self.ended = threading.Event()
        threading.Thread(target=self._wait, name=f"cflow-child-{self.pid}", daemon=True).start()

    def _wait(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self.signal(signal.SIGKILL)  # what it has left behind
        with self._reaping:
            self.code = self.popen.wait()
        os.close(self._life)
        self.ended.set()

    def signal(self, number: int) -> None:
        """Send a signal to the child and to what it has started."""
        with self._reaping:
            if self.code is None:  # as long as it is not reaped its number, the group's, cannot be another's
                with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a zombie
                    os.killpg(self.pid, number)

    def end(self, grace: float = 0.0) -> int:
        """End it, and wait until it has; from a thread that may block.

        Parameters
        ----------
        grace: seconds between SIGTERM and SIGKILL; 0: SIGKILL at once.
        """
        if grace:
            self.signal(signal.SIGTERM)
            self.ended.wait(grace)
        self.signal(signal.SIGKILL)
        self.ended.wait()
        assert self.code is not None
        return self.code


def how(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name} (signal {-code})"
    except ValueError:
        return f"was ended by signal {-code}"
