"""A process of the regression gate: measures cases on request, for the ``cflow`` that it finds on its path.

Reads one JSON object a line, ``{"case": name, "seconds": s, "slow": 1.15}``, answers with ``{"ratios": [...]}``: ours
over floor of each round, both for one call. ``slow`` makes our side take so many times as long, for the proof of the
gate. The first line it writes says which ``cflow`` it is.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from gate_shapes import Ready, per_call, ready, settle

import cflow


def core() -> Any:
    """The measuring core of *this* checkout, whichever ``cflow`` is measured: older ones have none, or another."""
    folder = Path(__file__).resolve().parent.parent / "measure"
    spec = importlib.util.spec_from_file_location("gate_measure", folder / "__init__.py")
    assert spec is not None
    sys.modules["gate_measure"] = importlib.util.module_from_spec(spec)
    return importlib.import_module("gate_measure.rounds")


Turns = core().Turns
LEAST = 4
TRIES = 3
"""Rounds during which the engine has changed its mind about where a node runs are of two programs: they are dropped."""


def main() -> None:
    """Answer until the other end closes."""
    answers = sys.stdout
    sys.stdout = sys.stderr
    built: dict[str, Ready] = {}
    with tempfile.TemporaryDirectory(prefix="cflow-gate-") as folder:
        print(json.dumps({"cflow": cflow.__file__, "version": cflow.__version__}), file=answers, flush=True)
        for line in sys.stdin:
            asked = json.loads(line)
            name = asked["case"]
            if name not in built:
                built[name] = ready(name, Path(folder))
            print(json.dumps({"ratios": rounds(built[name], asked)}), file=answers, flush=True)


def rounds(case: Ready, asked: dict[str, float]) -> list[float]:
    """Rounds, turn about, for so many seconds of real time; :data:`LEAST` at least."""
    slow = asked.get("slow", 1.0)
    ours = case.ours if slow == 1.0 else slowed(case.ours, slow, case.clock)
    scale = per_call(case.floor) / per_call(case.ours)
    for attempt in range(TRIES):
        state = settle(case.ours)
        turns = Turns(ours, case.floor, case.clock, seed=int(asked.get("seed", 1)) + attempt)
        until = time.monotonic() + asked["seconds"]
        ratios: list[float] = []
        while len(ratios) < LEAST or time.monotonic() < until:
            ratios.append(turns.round() * scale)
        if settle(case.ours) == state:
            break
    return ratios


def slowed(work: Callable[[], object], times: float, clock: Callable[[], float]) -> Callable[[], object]:
    """``work``, followed by as much computing as makes it take ``times`` as long, by the same clock."""

    def longer() -> None:
        began = clock()
        work()
        until = began + (clock() - began) * times
        if clock is time.perf_counter:
            time.sleep(max(0.0, until - clock()))
        while clock() < until:
            pass

    return longer


if __name__ == "__main__":
    main()
