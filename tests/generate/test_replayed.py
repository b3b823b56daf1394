"""Generated programs on record: each run is repeated from its journal to the same end, and touches nothing.

That is how a killed run goes on, but for where it was killed: every entry is used, and none is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gen_makers as makers
import pytest
from gen_check import from_text, observed
from gen_makers import make, make_streams
from gen_suite import Seeds, report
from gen_tree import Program
from gen_world import begin

from cflow import Engine
from cflow.compiler.diagnostics import ProgramError
from cflow.runs.repeat import repetition
from cflow.runs.replay import agreement

Make = Callable[[int], Program]


def make_races(seed: int) -> Program:
    return makers.make_races(seed, 20)


def problems(program: Program, folder: Path) -> list[str]:
    try:
        flow = from_text(program)
    except ProgramError as error:
        return [] if error.diagnostics else ["refused without a reason"]
    engine = Engine(store=folder)
    assert engine.recorder is not None
    try:
        observed(program, lambda inputs: engine.run(flow, **inputs))
        rows = engine.recorder.store.runs(limit=1)
        if not rows:
            return []  # its inputs were refused
        world = begin(program.plan, None, apart=program.apart)
        found = agreement(repetition(engine.recorder.store, rows[0]))
        told = [f"unused: {key}" for key in found.unused] + [f"not on record: {key}" for key in found.beyond]
        told += [f"ends: {found.ends}"] if found.ends else []
        told += [f"touched: {write}" for write in (*world.writes, *world.log, *world.once)]
        assert found.same is not bool(found.unused or found.beyond or found.ends)
        return told
    finally:
        engine.recorder.close()


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Program, int], list[str]]:
    monkeypatch.setattr("cflow.executor.recorded.WORTH", -1.0)  # a fake pure node may fail the first time only
    monkeypatch.setattr("cflow.executor.watch.STUCK", 0.5)
    runs = iter(range(100_000))

    def checked(program: Program, seed: int) -> list[str]:
        return problems(program, tmp_path / str(next(runs)))

    return checked


@pytest.mark.parametrize("batch", [610, 611])
@pytest.mark.parametrize("made", [make, make_streams, make_races], ids=lambda made: made.__name__)
def test_programs(batch: int, made: Make, seeds: Seeds, check: Callable[[Program, int], list[str]]) -> None:
    for seed in seeds.of(batch, 8):
        report(made(seed), seed, check)


@pytest.mark.parametrize(
    ("seed", "made"),
    [
        (500_029, make_streams),  # the end of a stream was recorded twice
        (500_181, make),  # a pure node was found quick meanwhile
        (500_227, make_streams),
        (500_276, make_races),  # passes of a `take` that ended together
        (500_278, make_streams),
        (700_203, make),  # reads that had run ahead of what failed
    ],
)
def test_seeds_that_failed_once(seed: int, made: Make, check: Callable[[Program, int], list[str]]) -> None:
    for _ in range(3):
        assert check(made(seed), seed) == []
