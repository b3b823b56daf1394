"""What the calls of a run's nodes took, as a profile for the next run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from attrs import define

from ..compiler.spec import NodeSpec
from ..executor.groups import is_cancellation
from ..planner.profile import Profile
from .clocks import Clocks, where
from .tape import Piece


@define
class _Times:
    calls: int = 0
    seconds: float = 0.0
    busy: float = 0.0


class NodeTimes:
    """Adds up what calls took, while ``substitute`` is the substitute of an engine. A call that was cut short says
    nothing."""

    def __init__(self) -> None:
        self.substitute = Clocks(self._begins).substitute
        self._lock = threading.Lock()
        self._times: dict[str, _Times] = {}

    def _begins(self, spec: NodeSpec, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Timed:
        return _Timed(self, where(spec))

    def add(self, op: str, piece: Piece) -> None:
        """One more call; from any thread."""
        with self._lock:
            times = self._times.setdefault(op, _Times())
            times.calls += 1
            times.seconds += piece.seconds
            times.busy += piece.busy

    def profile(self, flow: str, digest: str, codes: Mapping[str, str], known: Profile | None = None) -> Profile:
        """What the calls took, as a profile.

        Parameters
        ----------
        flow, digest: of the flow that ran. codes: its operations, as :func:`~cflow.planner.profile.codes` gives them.
        known: an earlier profile, as far as the code is the same. What it says counts for half: of a time, and of how
        often a run makes a call, which of one that this run has not made is never.
        """
        known = known or Profile(flow, digest)
        seconds, calls, busy = dict(known.seconds), {id: n / 2 for id, n in known.calls.items()}, dict(known.busy)
        for id in codes:
            times = self._times.get(id)
            if times is None:
                continue
            mean, computed = times.seconds / times.calls, times.busy / times.calls
            if id in seconds or (known.seconds and known.digest == digest):  # else there is nothing to compare with
                calls[id] = calls.get(id, 0.0) + times.calls / 2
            else:
                calls[id] = times.calls
            seconds[id] = (seconds.get(id, mean) + mean) / 2
            busy[id] = min(seconds[id], (busy.get(id, computed) + computed) / 2)
        return Profile(flow, digest, seconds, calls, busy, {id: codes[id] for id in seconds})


@define(eq=False)
class _Timed:
    """One call under way."""

    times: NodeTimes
    op: str

    def item(self, piece: Piece, value: Any, error: BaseException | None) -> None:
        pass

    def ended(self, began: float, piece: Piece, value: Any, error: BaseException | None) -> None:
        if error is None or not is_cancellation(error):
            self.times.add(self.op, piece)
