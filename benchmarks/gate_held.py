"""What the gate holds by bounds that are written down: how the command starts, how compiling grows, what memory takes.

These are no ratios to an earlier revision but promises: a bound stands here, and what is measured stays below it. It is
judged as the rest of the gate is: a figure above its bound fails where that is clear, and what is unclear is told.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import memory
from attrs import evolve, frozen
from cold_start import PASS, TRIO, Commands, spent
from gate_process import Trouble

from cflow.measure.groups import Limits, Outcome, until_all_clear

Take = Callable[[Path, str, float], list[float]]
"""One group of samples of the ``cflow`` in a folder, within so many seconds. The text is code that its processes run
first: with that the tests of the gate make them worse."""

COLD = Limits(least=3, least_loss=5, most=8, seconds=30.0)
GROWTH = Limits(least=2, least_loss=3, most=4, seconds=200.0)
MEMORY = Limits(least=1, least_loss=2, most=3, seconds=60.0)
"""For one bound each. A process of the growth takes 10 to 20 s; memory hardly varies."""


@frozen
class Bound:
    """``most``: what a figure may be, in ``unit``. ``take``: measures it. ``short``: part of the short form."""

    most: float
    unit: str
    take: Take
    limits: Limits
    short: bool = True


# ---- how the command starts ------------------------------------------------------------------------------


def started(words: Sequence[str], floor: Sequence[str]) -> Take:
    """A line of the command over its floor, by the processor time of the processes; the plan is kept already."""

    def take(path: Path, worse: str, seconds: float) -> list[float]:
        with tempfile.TemporaryDirectory(prefix="cflow-gate-") as folder:
            commands = Commands(Path(folder), path)
            line = ("-c", f"{worse}\nfrom cflow.cli.main import main\nraise SystemExit(main())", *words)
            commands.python(*line)

            def timed(line: Sequence[str]) -> float:
                began = spent()
                commands.python(*line)
                return spent() - began

            ratios: list[float] = []
            for _ in range(2):
                ours, theirs = timed(line), timed(floor) + timed(floor)
                ratios.append((ours + timed(line)) / theirs)
            return ratios

    return take


# ---- how compiling grows ---------------------------------------------------------------------------------

GROWING = """
import sys, tempfile
from pathlib import Path
{before}
from growth_stages import whole
for steps in {sizes}:
    with tempfile.TemporaryDirectory() as folder:
        print(sum(whole({spelling!r}, steps, Path(folder)).values()) / steps)
"""


def grown(spelling: str, steps: int) -> Take:
    """What a step costs among so many, over what it costs among a tenth of them: from the source to runnable code."""
    sizes = steps // 10, steps, steps // 10

    def take(path: Path, worse: str, seconds: float) -> list[float]:
        code = GROWING.format(before=worse, spelling=spelling, sizes=sizes)
        paths = [str(path), str(Path(__file__).parent)]
        done = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{code}"],
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds,
        )
        few, many, again = map(float, done.stdout.split())
        return [many / statistics.mean((few, again))]

    return take


# ---- what memory takes -----------------------------------------------------------------------------------


def taken(what: str, items: int = 0) -> Take:
    """A line of ``memory.py``."""

    return lambda path, worse, seconds: [memory.measured(what, items, worse, path, seconds)]


ITEMS = 200_000
"""Passes of a loop: held by somebody, they would take 7 MB as bare integers in a list."""

HELLO = started(("run", "hello.cflow"), TRIO)
WAITS = started(("run", "p.cflow:waits"), TRIO)
HELD = {
    "memory: the first flow": Bound(15.0, "MB", taken("plain"), MEMORY),
    "memory: the first flow that waits": Bound(11.0, "MB", taken("waiting"), MEMORY),
    "memory: another flow": Bound(1.0, "MB", taken("again"), MEMORY),
    "memory: a stream": Bound(4.0, "MB", taken("stream", ITEMS), MEMORY),
    "memory: a parallel loop": Bound(4.0, "MB", taken("passes", ITEMS), MEMORY),
    "start: cflow run hello": Bound(0.8, "x import trio", HELLO, COLD),
    "start: cflow run, an async node": Bound(1.5, "x import trio", WAITS, COLD, short=False),
    "start: cflow check": Bound(1.5, "x an empty Python", started(("check", "hello.cflow"), PASS), COLD),
    "start: cflow --help": Bound(1.5, "x an empty Python", started(("--help",), PASS), COLD),
    "growth: 10,000 steps, python": Bound(1.3, "x a step of 1,000", grown("python", 10_000), GROWTH),
    "growth: 20,000 steps, python": Bound(1.3, "x a step of 2,000", grown("python", 20_000), GROWTH, short=False),
    "growth: 20,000 steps, text": Bound(1.3, "x a step of 2,000", grown("text", 20_000), GROWTH, short=False),
}
"""By name; what takes longest is last."""

SHORT, LONG = 50.0, 400.0
"""Seconds of real time, for all of them in the short form and in the long one."""


def hold(names: Sequence[str], path: Path, seconds: float, worse: str = "") -> dict[str, Outcome]:
    """Measure until it is clear on which side of its bound each figure is; one that could not be measured within
    ``seconds`` is left out.

    Parameters
    ----------
    names: of bounds. path: where ``import cflow`` finds what is measured. worse: code that the processes run first.

    Raises
    ------
    Trouble: a process failed.
    """
    until = time.monotonic() + seconds
    found: dict[str, Outcome] = {}
    for name in names:
        try:
            found |= _held(name, path, until, worse)
        except subprocess.CalledProcessError as error:
            raise Trouble(f"{name}: {error.stderr}") from None
    return found


def _held(name: str, path: Path, until: float, worse: str) -> dict[str, Outcome]:
    bound = HELD[name]

    def take(number: int, cases: Sequence[str]) -> dict[str, list[float]]:
        left = until - time.monotonic()
        try:
            return {name: bound.take(path, worse, left)} if left > 0 else {}
        except subprocess.TimeoutExpired:
            return {}

    left = min(bound.limits.seconds, until - time.monotonic())
    return until_all_clear([name], take, {name: [[bound.most]]}, 0.0, evolve(bound.limits, seconds=left))


def show(names: Sequence[str], outcomes: Mapping[str, Outcome]) -> list[str]:
    """A line for each bound; the names of those that are lost."""
    width = max(map(len, names), default=0)
    for name in names:
        bound, outcome = HELD[name], outcomes.get(name)
        value = "not measured within the time" if outcome is None else f"{outcome.ratio.value * bound.most:.2f}"
        verdict = "unclear" if outcome is None else outcome.verdict
        print(f"{name:<{width}}  {verdict:<8} {value}, at most {bound.most:g} {bound.unit}")
    over = [name for name, outcome in outcomes.items() if outcome.verdict == "loss"]
    if over:
        print(f"OVER THEIR BOUNDS: {', '.join(over)}", flush=True)
    return over
