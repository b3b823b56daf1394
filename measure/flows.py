"""Measuring a flow: warm-up, rounds, the times of its nodes, its critical path, its memory; and comparing with what was
measured before.

Owns the order in which these happen and what follows from them. How a flow is run is :mod:`.subject`'s.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Container, Sequence
from typing import Literal

from attrs import define, evolve, field, frozen

from ..compiler.garbage import collector_held
from ..executor.tiers import TIERS
from ..planner.counts import block_names
from ..planner.profile import Profile, codes
from .machine import Machine, here
from .rounds import Bounds, until_clear
from .standins import expected, price
from .stats import Interval, Summary, ratio_of_medians, summary
from .subject import Subject, keepers, kept_calls, quiet, writers
from .tape import MOST, Recorded, Rest, Tape, quickest
from .verdict import Verdict, decide

Mode = Literal["real", "stand-ins"]

ROUNDS = 20
SECONDS = 20.0
"""Rounds, and seconds of rounds, where nothing else is said."""
LEAST = 3
"""Rounds that are measured however long they take."""
ROUND = 5e-3
"""Seconds that a round takes at least: quick flows are run several times in each."""
WARM = 70
"""Warm-up runs at most: after 64 calls a node is known to be quick."""
PATIENCE = 5
"""So many times the rounds and the seconds, at most, to find out whether a loss is clear."""
DRIFT = 0.03
"""How much two processes that do the same are allowed to differ for their whole lives, by where in memory things lie
(Mytkowicz et al. 2009); the processes of the project's own gate differ by 2 to 6 %. Rounds of one process cannot know
it, so a comparison with another process allows for it."""


class TooLarge(Exception):
    """The run makes more calls than a recording keeps, so it cannot be repeated with stand-ins."""


@frozen
class Wanted:
    """How to measure.

    ``rounds``: at first. ``warm_up``: runs before them; None: until it is known where nodes run. ``seconds``: of
    rounds, at most. ``repeat_writes``: run for real again and again also where that writes. ``profile``: node times
    for stand-ins.
    """

    rounds: int = ROUNDS
    warm_up: int | None = None
    seconds: float = SECONDS
    repeat_writes: bool = False
    profile: Profile | None = None


@frozen
class NodeTimes:
    """The calls of one operation in one run. ``calls``: how many. ``median``: seconds of one. ``total``: of all of
    them. ``busy``: of ``total``, what they computed. ``share``: of the time of all nodes."""

    node: str
    name: str
    calls: int
    median: float
    total: float
    busy: float
    share: float


@frozen
class Figures:
    """What was measured.

    ``mode``: for real, or with stand-ins. ``samples``: seconds of a run, one for each round. ``yardsticks``: of each
    round, seconds of a piece of work that never changes. ``repeats``: runs in a round. ``critical``: the critical path
    in seconds, None where it cannot be known. ``memory``: bytes added at the peak.
    """

    flow: str
    digest: str
    mode: Mode
    samples: tuple[float, ...]
    yardsticks: tuple[float, ...]
    repeats: int
    warm_up: int
    critical: float | None
    memory: int
    nodes: tuple[NodeTimes, ...]
    profile: Profile
    machine: Machine

    @property
    def time(self) -> Summary:
        """The seconds of a run."""
        return summary(self.samples)

    @property
    def overhead(self) -> float | None:
        """What is not the critical path, in seconds: the engine's share, with what is written between the steps."""
        return None if self.critical is None else self.time.median - self.critical


@frozen
class Compared:
    """Figures beside earlier ones. ``ratio``: now over then. ``verdict``: on ``threshold``, None where none was given.
    ``notes``: what makes the comparison doubtful; ``foreign``: so doubtful that it decides nothing."""

    ratio: Interval
    verdict: Verdict | None
    threshold: float | None
    notes: tuple[str, ...]
    foreign: bool


@define
class Bench:
    """One measurement of a flow.

    Parameters
    ----------
    subject: the flow with its inputs. wanted: how. say: told what goes on, in a line.
    """

    subject: Subject
    wanted: Wanted
    say: Callable[[str], object] = lambda text: None
    mode: Mode = field(default="real", init=False)
    samples: list[float] = field(factory=list, init=False)
    yardsticks: list[float] = field(factory=list, init=False)
    tape: Tape = field(factory=Tape, init=False)
    run_time: float = field(default=0.0, init=False)
    repeats: int = field(default=1, init=False)
    warmed: int = field(default=0, init=False)

    def prepare(self) -> None:
        """Run once for real and record; then as often as it takes to be warm, for real or with stand-ins.

        Raises
        ------
        TooLarge: it cannot be repeated. Else what the flow raises.
        """
        subject, wanted = self.subject, self.wanted
        writing = [] if wanted.repeat_writes else writers(subject.graph)
        once = bool(writing) or wanted.profile is not None
        if writing:
            names = ", ".join(writing[:4]) + (f" and {len(writing) - 4} more" if len(writing) > 4 else "")
            self.say(f"{names} may write: run once for real, then with stand-ins (--repeat-writes runs it each time)")
        elif once:
            self.say("run once for real, then with stand-ins that take the times of the profile")
        if kept := keepers(subject.graph):
            names = ", ".join(kept[:4]) + (f" and {len(kept) - 4} more" if kept[4:] else "")
            self.say(f"results of {names} are kept: called in the first run, and found by those that are measured")
        tape = subject.record()
        if once and tape.overflow:
            msg = f"the run makes more than {MOST:,} calls: too many to record it and to repeat it with stand-ins"
            raise TooLarge(msg)
        self.tape = tape
        if once:
            self.mode = "stand-ins"
            subject.stand_in(tape)
        with quiet():
            self._warm()
            if self.mode == "real" and not kept:  # a second recording would find the results, too
                self._calm(tape)

    def _warm(self) -> None:
        """Until it is known where nodes run: two runs without news; and how many runs make a round."""
        fixed = self.wanted.warm_up
        most = WARM if fixed is None else max(1, fixed)  # one in any case, to know how long it takes
        began = time.perf_counter()
        best = math.inf
        still = 0
        for number in range(most):
            epoch, start = TIERS.epoch, time.perf_counter()
            self.subject.run()
            best = min(best, time.perf_counter() - start)
            self.warmed = number + 1
            still = still + 1 if TIERS.epoch == epoch else 0
            spent = time.perf_counter() - began
            if fixed is None and ((still >= 2 and spent > 0.2) or spent > self.wanted.seconds / 4):
                break
        self.run_time = best
        self.repeats = max(1, math.ceil(ROUND / best))

    def _calm(self, first: Tape) -> None:
        """A few more recordings, in which calls do not disturb each other. A long run is not recorded often, and not
        again at all where its calls did not overlap."""
        long = self.run_time > self.wanted.seconds / 16
        if first.overflow or (long and not first.overlapping):
            return
        calm: list[Tape] = []
        while len(calm) < (1 if long else 3):
            with collector_held():  # what recording allocates is not the node's to collect
                tape = self.subject.calm(first)
            if tape is None:
                break
            calm.append(tape)
        if calm:
            self.tape = quickest(calm)

    def rounds(self, number: int | None = None) -> None:
        """Measure some rounds."""
        wanted = self.wanted
        gc.collect()
        began = time.perf_counter()
        with quiet():
            for _ in range(wanted.rounds if number is None else number):
                self.round()
                if time.perf_counter() - began > wanted.seconds and len(self.samples) >= LEAST:
                    break

    def round(self) -> float:
        """One round; gives the seconds of a run."""
        began = time.perf_counter()
        for _ in range(self.repeats):
            self.subject.run()
        self.samples.append((time.perf_counter() - began) / self.repeats)
        began = time.perf_counter()
        yardstick()
        self.yardsticks.append(time.perf_counter() - began)
        return self.samples[-1]

    def figures(self) -> Figures:
        """What came out."""
        with quiet():
            memory = self.subject.memory()
            least = price() if self.mode == "stand-ins" else 0.0
            critical = self.subject.critical_path(self.tape, least)
        wanted, profile = self.wanted, _profile(self.subject, self.tape)
        return Figures(
            flow=self.subject.graph.main.name,
            digest=profile.digest,
            mode=self.mode,
            samples=tuple(self.samples),
            yardsticks=tuple(self.yardsticks),
            repeats=self.repeats,
            warm_up=self.warmed,
            critical=critical,
            memory=memory,
            nodes=node_times(self.tape, wanted.profile, kept_calls(self.subject.graph)),
            profile=wanted.profile or profile,
            machine=here(),
        )

    def until_clear(self, then: Figures, threshold: float) -> None:
        """Measure on until it is clear which side of the threshold the change lies on, within bounds."""
        first = len(self.samples)
        bounds = Bounds(first=1, most=(PATIENCE - 1) * first, seconds=PATIENCE * self.wanted.seconds)
        if decide(change(self.samples, self.yardsticks, then), threshold) != "unclear":
            return
        gc.collect()
        with quiet():
            until_clear(self.round, threshold, bounds, judge=lambda _: change(self.samples, self.yardsticks, then))


def yardstick() -> int:
    """A piece of work that never changes, about a millisecond of it: how fast is the machine just now?"""
    table = {0: 1}
    for i in range(8000):
        table[i & 255] = i ^ table.get(i & 127, 0)
    return len(table)


def change(samples: Sequence[float], yardsticks: Sequence[float], then: Figures) -> Interval:
    """Now over then, for a machine that may be faster or slower today.

    The ratio as it is, and the ratio corrected by the yardstick; what is certain is what both say. Added is what two
    processes may differ by.
    """
    plain = ratio_of_medians(samples, then.samples)
    scale = statistics.median(then.yardsticks) / statistics.median(yardsticks) if then.yardsticks else 1.0
    low, high = min(plain.low, plain.low * scale), max(plain.high, plain.high * scale)
    return Interval(plain.value, low * (1 - DRIFT), high * (1 + DRIFT))


def compare(now: Figures, then: Figures, threshold: float | None) -> Compared:
    """Figures beside earlier ones."""
    ratio = change(now.samples, now.yardsticks, then)
    notes: list[str] = []
    foreign = False
    if now.machine != then.machine:
        foreign = True
        notes.append(f"the baseline is of another machine ({then.machine}), which decides nothing")
    if now.mode != then.mode:
        foreign = True
        notes.append(f"the baseline was measured {_how(then.mode)}, this {_how(now.mode)}, which decides nothing")
    if now.digest != then.digest:
        notes.append("the flow has changed since the baseline")
    if then.yardsticks and now.yardsticks and not foreign:
        pace = statistics.median(now.yardsticks) / statistics.median(then.yardsticks)
        if not 0.95 < pace < 1.05:
            word = "slower" if pace > 1 else "faster"
            notes.append(f"the machine itself is {abs(pace - 1):.0%} {word} than it was: the interval is as much wider")
    verdict: Verdict | None = None
    if threshold is not None:
        verdict = "unclear" if foreign else decide(ratio, threshold)
    return Compared(ratio, verdict, threshold, tuple(notes), foreign)


def _how(mode: Mode) -> str:
    return "for real" if mode == "real" else "with stand-ins"


def node_times(tape: Tape, profile: Profile | None = None, kept: Container[str] = ()) -> tuple[NodeTimes, ...]:
    """The times of each operation in a run, the largest share first: those of the profile where stand-ins take them.
    Of calls that were too many to keep, the totals count. ``kept``: the operations whose results the measured runs
    find: they make no such call, and what is known is how long one would take."""
    found = _by_operation(tape)
    rows = []
    for op in {**found, **tape.rest}:
        calls, rest = found.get(op, []), tape.rest.get(op, Rest())
        pieces = [expected(call, profile) for call in calls]
        times = 0 if op in kept else 1
        rows.append(
            NodeTimes(
                node=op,
                name=calls[0].name if calls else op,
                calls=times * (len(calls) + rest.calls),
                median=statistics.median(p.seconds for p in pieces) if pieces else rest.seconds / rest.calls,
                total=times * (sum(p.seconds for p in pieces) + rest.seconds),
                busy=times * (sum(p.busy for p in pieces) + rest.busy),
                share=0.0,
            )
        )
    whole = sum(row.total for row in rows) or 1.0
    return tuple(evolve(row, share=row.total / whole) for row in sorted(rows, key=lambda row: -row.total))


def _by_operation(tape: Tape) -> dict[str, list[Recorded]]:
    found: dict[str, list[Recorded]] = {}
    for call in tape.calls:
        found.setdefault(call.op, []).append(call)
    return found


def _profile(subject: Subject, tape: Tape) -> Profile:
    """The node times as data for later: of each operation the mean."""
    found = _by_operation(tape)
    graph = subject.engine.compiled(subject.flow).optimized
    program = codes(graph)
    seconds, busy, calls = {}, {}, dict.fromkeys(program, 0)
    for op in {**found, **tape.rest}:
        kept, rest = found.get(op, []), tape.rest.get(op, Rest())
        calls[op] = len(kept) + rest.calls
        seconds[op] = (sum(c.piece.seconds for c in kept) + rest.seconds) / calls[op]
        busy[op] = min(seconds[op], (sum(c.piece.busy for c in kept) + rest.busy) / calls[op])
    return Profile(
        flow=subject.graph.main.name,
        digest=subject.engine.digest(subject.flow),
        seconds=seconds,
        calls=calls,
        busy=busy,
        codes=program,
        blocks={name: tape.blocks.entered[name] for name in block_names(graph).values()},
        limits=tape.blocks.limits,
    )
