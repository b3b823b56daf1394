"""What the calls of a run's nodes took, by listening to it: a profile for the next run."""

from __future__ import annotations

from attrs import define, field

from ..executor.events import Event
from ..planner.profile import Profile


@define
class _Times:
    begun: float = 0.0
    ended: float = 0.0
    calls: int = 0
    open: int = 0
    whole: bool = True
    """Did every call end well, by running?"""


@define(eq=False)
class NodeTimes:
    """A listener that adds up what calls took: in all, the sum of their ends less the sum of their beginnings,
    whichever began first."""

    _times: dict[str, _Times] = field(factory=dict)

    def __call__(self, event: Event) -> None:
        if event.kind != "node" or event.what == "skipped":
            return
        times = self._times.setdefault(event.node, _Times())
        if event.what == "started":
            times.begun += event.time
            times.calls += 1
            times.open += 1
        elif event.what == "done":
            times.ended += event.time
            times.open -= 1
        else:
            times.whole = False

    def profile(self, flow: str, digest: str, known: Profile | None = None) -> Profile:
        """What was heard, as a profile.

        Parameters
        ----------
        flow, digest: of the flow that ran.
        known: an earlier profile. Where it is of the same program, the new times count for half; else it says nothing.
        """
        seconds: dict[str, float] = {}
        calls: dict[str, int] = {}
        if known is not None and known.digest == digest:
            seconds, calls = dict(known.seconds), dict(known.calls)
        for id, times in self._times.items():
            if not times.whole or times.open:
                continue
            mean = max(0.0, times.ended - times.begun) / times.calls
            seconds[id] = (seconds[id] + mean) / 2 if id in seconds else mean
            calls[id] = times.calls
        return Profile(flow, digest, seconds, calls)
