"""Runs that are killed at seeded moments and gone on with until they are over: one scenario is one number."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from attrs import define, field
from crash_check import Expected, Law, Scenario, effects, stored

LAWS = {
    "straight": Law(),
    "kinds": Law(),
    "wide": Law(at_once=4, ordered=False),
    "booked": Law(),
    "arms": Law(at_once=2, ordered=False),
    "retried": Law(),
    "streamed": Law(),
    "sought": Law(),
    "live": Law(),
    "detaches": Law(at_once=3, ordered=False),
    "waits": Law(),
    "races": Law(),
    "cut_short": Law(chosen=True),
    "gathered": Law(at_once=3, ordered=False),
    "some": Law(at_once=3, chosen=True),
    "large": Law(),
    "fails": Law(),
    "polls": Law(),
    "transacted": Law(at_once=2, ordered=False),
    "passes": Law(at_once=3, ordered=False),
    "tree": Law(),
    "timers": Law(at_once=3, ordered=False),
}
"""The flows that are killed, and what holds of each."""

HOWS = ("time", "statement", "commit", "call")


@define
class Server:
    """See :mod:`crash_server`."""

    process: subprocess.Popen[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        program = Path(__file__).parent / "crash_server.py"
        self.process = subprocess.Popen(
            [sys.executable, str(program), *LAWS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, **order: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()


@define
class Whole:
    """A run that nobody kills: what it does, and how much there is in it."""

    expected: Expected
    counts: dict[str, Any]


@define
class Tried:
    """What became of a scenario."""

    kills: Counter[tuple[str, str]]
    """By the moment at which they came, and by what the store had of the run then."""
    figures: Counter[str]
    problems: list[str]
    told: list[str]
    """How each process ended."""


def whole(server: Server, flow: str, folder: Path) -> Whole:
    store, lines, out = folder / "store", folder / "effects", folder / "out"
    folder.mkdir(parents=True)
    answer = server.ask(store=str(store), effects=str(lines), out=str(out), process=0, flow=flow, kill={"how": "never"})
    assert (answer["status"], answer["killed"]) == (0, False), out.read_text()
    return Whole(Expected.of(stored(store), effects(lines)), answer)


def moment(rng: random.Random, counts: dict[str, Any], first: bool) -> dict[str, Any]:
    """How a process ends. ``first``: it begins the run; others repeat what is done, so they have less to do."""
    how = rng.choice(HOWS)
    share = 1.05 if first else rng.choice((0.1, 0.3, 0.6))
    if how == "time":
        return {"how": how, "after": rng.uniform(0, counts["seconds"] * share)}
    if how == "statement":
        return {
            "how": how,
            "count": rng.randint(1, int(counts["statements"] * share) + 1),
            "where": rng.choice(("before", "after")),
        }
    if how == "commit":
        return {"how": how, "count": rng.randint(1, int(counts["commits"] * share) + 1), "after": rng.uniform(0, 0.002)}
    return {
        "how": how,
        "count": rng.randint(1, int(counts["calls"] * share) + 1),
        "where": rng.choice(("begin", "did", "ended")),
    }


def scenario(server: Server, flow: str, seed: str, before: Whole, folder: Path, most: int = 5) -> Tried:
    """Begin a run, kill its process, go on with it, kill that, ...; and look after each of them."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    store, lines, out = folder / "store", folder / "effects", folder / "out"
    seen = Scenario(LAWS[flow])
    kills: Counter[tuple[str, str]] = Counter()
    told: list[str] = []
    for process in range(most + 1):
        kill = moment(rng, before.counts, process == 0) if process < most else {"how": "never"}
        answer = server.ask(
            store=str(store),
            effects=str(lines),
            out=str(out),
            process=process,
            flow="" if process else flow,
            kill=kill,
        )
        told.append(f"{process}: {kill} {'killed' if answer['killed'] else 'ended'} {answer['seconds']:.3f} s")
        if answer["late"] or answer["status"]:
            seen.problems.append(f"process {process} hangs or fails: {out.read_text()[-6000:]}")
            break
        if not answer["killed"]:
            seen.over(process, stored(store), effects(lines), before.expected, out.read_text())
            break
        now = stored(store)
        found = next((run.state for run in now.values() if not run.parent), "not on record")
        kills[f"{kill['how']} {kill.get('where', '')}".strip(), found] += 1
        seen.killed(process, now, effects(lines))
    if not seen.problems:
        shutil.rmtree(folder)
    return Tried(kills, seen.figures, seen.problems, told)
