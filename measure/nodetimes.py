"""What the calls of a run's nodes took, and which blocks it entered, as a profile for the next run."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define

from ..compiler.spec import NodeSpec
from ..executor.groups import is_cancellation
from ..planner.profile import Profile
from .blocks import Blocks
from .clocks import Clocks, where
from .tape import Piece


@define
class _Times:
    calls: int = 0
    seconds: float = 0.0
    busy: float = 0.0


class NodeTimes:
    """Adds up what calls took, while ``substitute`` is the substitute of an engine, and ``blocks`` its ``tally``. A
    call that was cut short says nothing."""

    def __init__(self) -> None:
        self.substitute = Clocks(self._begins).substitute
        self._lock = threading.Lock()
        self._times: dict[str, _Times] = {}
        self.blocks = Blocks()

    def _begins(self, spec: NodeSpec, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Timed:
        return _Timed(self, where(spec))

    def add(self, op: str, piece: Piece) -> None:
        """One more call; from any thread."""
        with self._lock:
            times = self._times.setdefault(op, _Times())
            times.calls += 1
            times.seconds += piece.seconds
            times.busy += piece.busy

    def profile(
        self,
        flow: str,
        digest: str,
        codes: Mapping[str, str],
        blocks: Iterable[str] = (),
        known: Profile | None = None,
    ) -> Profile:
        """What the calls took, as a profile.

        Parameters
        ----------
        flow, digest: of the flow that ran. codes: its operations, as :func:`~cflow.planner.profile.codes` gives them.
        blocks: the names of its blocks. known: an earlier profile, as far as the program is the same. What it says
        counts for half: of a time, and of how often a run makes a call or enters a block.
        """
        known = known or Profile(flow, digest)
        seconds, busy = dict(known.seconds), dict(known.busy)
        calls: dict[str, float] = {}
        for id in codes:
            times = self._times.get(id, _Times())
            calls[id] = (known.calls.get(id, times.calls) + times.calls) / 2
            if times.calls:
                mean, computed = times.seconds / times.calls, times.busy / times.calls
                seconds[id] = (seconds.get(id, mean) + mean) / 2
                busy[id] = min(seconds[id], (busy.get(id, computed) + computed) / 2)
        now = self.blocks.entered
        entered = {name: (known.blocks.get(name, now[name]) + now[name]) / 2 for name in blocks}
        limits = {**known.limits, **self.blocks.limits}
        return Profile(flow, digest, seconds, calls, busy, dict(codes), entered, limits)


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
