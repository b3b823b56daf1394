"""The regression gate: does this checkout take clearly longer than the baseline?

``./dev gate`` measures every case beside its floor and compares the ratios with those of ``baseline.json``; what looks
slower, and everything on another machine than the baseline's, is measured again beside the baseline's own revision,
both in turns. How the command starts, how compiling grows and what memory takes are held by bounds (``gate_held.py``).
It fails where a loss is clear. docs/benchmarking.md tells how it decides; docs/decisions/0013 why.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import gate_held
from attrs import evolve, frozen
from gate_load import busy, loaded
from gate_process import ROOT, Alone, Beside, Trouble, children, commit, linked, middle, revision
from gate_shapes import CASES

from cflow.measure.documents import BadDocument, read_document, write_document
from cflow.measure.groups import Limits, Outcome, until_all_clear
from cflow.measure.machine import Machine, here
from cflow.measure.stats import grouped_ratio
from cflow.measure.verdict import decide

BASELINE = ROOT / "benchmarks" / "baseline.json"
KIND, VERSION = "gate-baseline", 1

LINE = 0.05
"""A loss of 10 % has to fail and no loss has to pass: the line lies halfway between."""
ROUGH = 0.5
"""The same on another machine, where the baseline's revision is not at hand: ratios of two machines differ by tens of
per cent for reasons of their own."""

SHORT = Limits(least=3, least_loss=5, most=8, seconds=14.0), Limits(least=3, least_loss=5, most=10, seconds=54.0)
LONG = Limits(least=5, least_loss=7, most=15, seconds=240.0), Limits(least=5, least_loss=7, most=20, seconds=600.0)
PATIENT = SHORT[0], Limits(least=3, least_loss=5, most=14, seconds=150.0)
"""Of the comparison with the kept ratios, and of both that and the one beside the other revision. The proof is patient
where a loss has to be found, for the machine may be busy anyway."""


@frozen
class Baseline:
    """What is committed: for each case, the median ratio of each of a few processes."""

    machine: Machine
    revision: str
    ratios: Mapping[str, Sequence[float]]

    def save(self, path: Path) -> None:
        """Write it."""
        m = self.machine
        machine = {"processor": m.processor, "cores": m.cores, "system": m.system, "python": m.python}
        ratios = {name: [round(r, 4) for r in values] for name, values in self.ratios.items()}
        write_document(path, KIND, VERSION, {"revision": self.revision, "machine": machine, "ratios": ratios})


def load(path: Path) -> Baseline:
    """The committed baseline.

    Raises
    ------
    BadDocument: there is none, or it is broken.
    """
    value = read_document(path, KIND, VERSION)
    try:
        return Baseline(Machine(**value["machine"]), value["revision"], value["ratios"])
    except (KeyError, TypeError) as error:
        raise BadDocument(f"{path} is broken: {error}") from None


@frozen
class Result:
    """What came out of one run of the gate. ``how``: in words, what was compared with what."""

    outcomes: Mapping[str, Outcome]
    how: Mapping[str, str]
    seconds: float

    @property
    def lost(self) -> list[str]:
        return [name for name, o in self.outcomes.items() if o.verdict == "loss"]

    @property
    def unclear(self) -> list[str]:
        return [name for name, o in self.outcomes.items() if o.verdict == "unclear"]


def compare(cases: Sequence[str], limits: tuple[Limits, Limits], against: str = "", slow: float = 1.0) -> Result:
    """One run of the gate.

    Parameters
    ----------
    cases: their names. limits: of the two comparisons. against: a revision to compare with instead of the baseline.
    slow: makes our side take so many times as long.

    Raises
    ------
    Trouble, BadDocument: there is nothing to compare with.
    """
    began = time.monotonic()
    with linked(ROOT) as new:
        if against:
            outcomes = beside(cases, new, against, limits[1], slow)
            return Result(outcomes, dict.fromkeys(outcomes, against), time.monotonic() - began)
        baseline = load(BASELINE)
        known = [name for name in cases if name in baseline.ratios]
        floors = {name: [[r] for r in baseline.ratios[name]] for name in known}
        same = baseline.machine == here()
        there = commit(baseline.revision)
        if busy() and there:
            same = False  # on a busy machine ratios are others: no time is lost on the kept ones
        if not same and not there:
            outcomes = until_all_clear(known, Alone(new, slow), floors, ROUGH, limits[0])
            return Result(outcomes, dict.fromkeys(outcomes, "rough"), time.monotonic() - began)
        outcomes, how = {}, {}
        if same:
            outcomes = until_all_clear(known, Alone(new, slow), floors, LINE, limits[0])
            how = dict.fromkeys(outcomes, "kept")
        doubtful = [name for name in known if name not in outcomes or not _settled(outcomes[name])]
        if doubtful and there:
            left = limits[1].seconds - (time.monotonic() - began)
            outcomes = {**outcomes, **beside(doubtful, new, there, evolve(limits[1], seconds=left), slow)}
            how |= dict.fromkeys(doubtful, there)
        return Result({name: outcomes[name] for name in known}, how, time.monotonic() - began)


def _settled(outcome: Outcome) -> bool:
    """Is the comparison with the kept ratio enough? Not where it seems a gain: either the kept ratio is of a busier
    hour and would hide a loss, or the baseline is due for renewal."""
    return outcome.verdict == "no loss" and outcome.ratio.value > 1 - LINE


def beside(cases: Sequence[str], new: Path, name: str, limits: Limits, slow: float) -> dict[str, Outcome]:
    """Beside another revision."""
    began = time.monotonic()
    with revision(name) as tree, linked(tree) as old:
        with children([old], 0) as (child,):
            child.ask(case=cases[0], seconds=0.0)  # Python compiles the fresh files, once
        left = evolve(limits, seconds=limits.seconds - (time.monotonic() - began))
        return until_all_clear(cases, Beside(new, old, slow), {}, LINE, left)


def show(result: Result) -> None:
    """The table, and a line of what follows from it."""
    width = max(map(len, result.outcomes), default=0)
    for name, o in result.outcomes.items():
        how = result.how[name]
        beside_what = {"kept": "the kept ratios", "rough": "another machine's ratios"}.get(how, how[:12])
        change = (
            f"{(o.ratio.value - 1) * 100:+6.1f} %  [{(o.ratio.low - 1) * 100:+.1f}, {(o.ratio.high - 1) * 100:+.1f}]"
        )
        print(f"{name:<{width}}  {o.verdict:<8} {change:<28} {o.processes:>2} processes, beside {beside_what}")
    if "rough" in result.how.values():
        print(f"another machine, and its revision is not in this clone: only a loss of {ROUGH:.0%} would be seen")
    if result.unclear:
        print(f"unclear within the time, which is no failure: {', '.join(result.unclear)}")
    print(f"{'LOSS: ' + ', '.join(result.lost) if result.lost else 'no loss'} ({result.seconds:.0f} s)", flush=True)


def save(cases: Sequence[str], processes: int) -> None:
    """Measure the last commit, without what has changed since, and write the baseline."""
    with revision("HEAD") as tree, linked(tree) as path:
        take = Alone(path)
        groups = [take(number, cases) for number in range(processes)]
    ratios = {name: [sorted(g[name])[len(g[name]) // 2] for g in groups] for name in cases}
    Baseline(here(), commit(), ratios).save(BASELINE)
    print(f"wrote {BASELINE.relative_to(ROOT)}: {len(cases)} cases, {processes} processes")


def prove(times: int, caught: int) -> int:
    """Unchanged code under load must not fail; a loss of 15 % must. Exit code 1 where it is otherwise."""
    cases = [name for name, case in CASES.items() if case.short]
    alarms, missed, unclear = 0, 0, 0
    pool: dict[str, list[tuple[float, ...]]] = {name: [] for name in cases}
    with loaded() as more:
        print(f"load average {os.getloadavg()[0]:.1f} before, {more} busy processes added", flush=True)
        for number in range(times):
            result = compare(cases, SHORT)
            alarms += bool(result.lost)
            unclear += len(result.unclear)
            _told(f"unchanged, under load, {number + 1}/{times}", result)
            for name, outcome in result.outcomes.items():
                if result.how[name] != "kept":
                    pool[name] += outcome.groups
    for number in range(caught):
        result = compare(cases, PATIENT, slow=1.15)
        missed += not result.lost
        _told(f"15 % slower, {number + 1}/{caught}", result)
    print(f"{alarms} false alarms in {times} runs of unchanged code ({unclear} of {times * len(cases)} cases unclear)")
    print(f"{caught - missed} of {caught} runs with a loss of 15 % failed, as they should")
    drawn(pool)
    return 1 if alarms or missed else 0


def drawn(pool: Mapping[str, Sequence[Sequence[float]]], gates: int = 40) -> None:
    """How often the rule is wrong for pairs of processes like those of the proof: verdicts on draws of some of them,
    as they are and made slower. This says something also where every run by itself ended unclear."""
    rng = random.Random(1)
    for name, groups in pool.items():
        logs = [math.log(middle(g)) for g in groups]
        if len(groups) < 2 * SHORT[1].least_loss:
            continue
        said = [f"{name}: {len(groups)} pairs, which differ by {statistics.pstdev(logs):.1%}"]
        for count in (SHORT[1].least_loss, 2 * SHORT[1].least_loss):
            for slow in (1.0, 1.1, 1.15):
                verdicts = [
                    decide(grouped_ratio([[r * slow for r in g] for g in rng.sample(groups, count)]), LINE)
                    for _ in range(gates)
                ]
                shares = {v: verdicts.count(v) / gates for v in ("loss", "no loss")}
                said.append(
                    f"{count} pairs, {slow - 1:.0%} slower: loss {shares['loss']:.1%}, no loss {shares['no loss']:.1%}"
                )
        print("\n  ".join(said), flush=True)


def _told(what: str, result: Result) -> None:
    ratios = " ".join(f"{o.ratio.value:.3f}" for o in result.outcomes.values())
    print(f"{what}: lost {result.lost}, unclear {result.unclear}, {result.seconds:.0f} s; ratios {ratios}")
    print(f"  load average {os.getloadavg()[0]:.1f}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 1 where a loss is clear; 2 where nothing can be measured."""
    parser = argparse.ArgumentParser(prog="./dev gate", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--short", action="store_true", help="the main cases, at most about a minute")
    parser.add_argument("--against", default="", metavar="REV", help="compare with a revision instead of the baseline")
    parser.add_argument("--save", action="store_true", help="measure the last commit and write the baseline")
    parser.add_argument("--prove", action="store_true", help="unchanged code under load, and a loss of 15 %%")
    parser.add_argument("--times", type=int, default=20, help="runs of unchanged code in the proof (20)")
    parser.add_argument("--slower", type=int, default=5, help="runs of slower code in the proof (5)")
    parser.add_argument("--slow", type=float, default=1.0, help=argparse.SUPPRESS)
    both = {**CASES, **gate_held.HELD}
    parser.add_argument(
        "--case",
        action="append",
        choices=both,
        metavar="NAME",
        help=f"only this one; may be repeated: {', '.join(map(repr, both))}",
    )
    asked = parser.parse_args(argv)
    chosen = asked.case or [name for name, case in both.items() if case.short or not asked.short]
    cases = [name for name in chosen if name in CASES]
    bounds = [name for name in chosen if name in gate_held.HELD and not asked.against]
    limits = SHORT if asked.short else LONG
    try:
        if asked.save:
            save(cases, processes=9)
            return 0
        if asked.prove:
            return prove(asked.times, caught=asked.slower)
        result = compare(cases, limits, asked.against, asked.slow)
        show(result)
        with linked(ROOT) as path:
            held = gate_held.hold(bounds, path, gate_held.SHORT if asked.short else gate_held.LONG)
    except (Trouble, BadDocument) as error:
        print(f"the gate cannot measure: {error}", file=sys.stderr)
        return 2
    return 1 if gate_held.show(bounds, held) or result.lost else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
