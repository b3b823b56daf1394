"""Conductor's own order on real shapes, in virtual time: as good as list scheduling, with any kind of call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock
from workflows import generate
from workflows.graph import Workflow
from workflows.replay import Replay, depths, prepare, text
from workflows.schedule import list_schedule
from workflows.wfformat import load

DATA = Path(__file__).parent / "data"
SHAPES = [
    generate.montage(10),
    generate.montage(25, seed=3),
    generate.epigenomics(3, 6),
    generate.epigenomics(4, 10, seed=2),
    generate.blast(20),
    generate.blast(60, seed=4),
    generate.chain_beside(),
    generate.chain_beside(20, 30, 1.3),
    generate.layered(8, 10),
    generate.layered(14, 6, seed=9, spread=1.5),
    load(DATA / "diamond-1.4.json"),
]
LIST = 1.02
"""Makespan over that of the list scheduler, at most."""
BOUND = 1.05
"""Makespan over the lower bound, at most, wherever the list scheduler stays below it."""


@pytest.mark.parametrize("workflow", SHAPES, ids=[f"{w.name}-{len(w.tasks)}" for w in SHAPES])
def test_the_makespan_is_that_of_a_list_scheduler(workflow: Workflow, tmp_path: Path) -> None:
    replay = prepare(workflow, tmp_path)
    for workers in (2, 3, 4, 8, 16):
        bound, listed = workflow.lower_bound(workers), list_schedule(workflow, workers).makespan
        found = replay.virtual(workers, replay.costs())
        assert bound * (1 - 1e-9) <= found <= LIST * listed, workers
        if listed <= BOUND * bound:
            assert found <= BOUND * bound, workers


@pytest.mark.parametrize("workflow", SHAPES[:8], ids=[f"{w.name}-{len(w.tasks)}" for w in SHAPES[:8]])
def test_without_a_profile_it_is_that_of_a_list_scheduler_that_knows_no_times(
    workflow: Workflow, tmp_path: Path
) -> None:
    """Among equals either may take the one or the other, so single makespans differ: on the whole, less."""
    replay = prepare(workflow, tmp_path)
    units = [1.0] * len(workflow.tasks)
    ratios = [
        replay.virtual(workers) / list_schedule(workflow, workers, units).makespan for workers in (2, 3, 4, 8, 16)
    ]
    assert max(ratios) <= 1.1
    assert sum(ratios) / len(ratios) <= LIST


def test_tasks_that_end_at_one_moment_change_nothing(tmp_path: Path) -> None:
    """Whole seconds: what becomes ready then is ready before any of it starts."""
    for seed in (7, 23, 30):
        workflow = generate.whole_seconds(39, seed)
        replay = prepare(workflow, tmp_path)
        for workers in (2, 3, 4):
            assert replay.virtual(workers, replay.costs()) == list_schedule(workflow, workers).makespan, (seed, workers)


@pytest.mark.parametrize("options", ["retry=2", "timeout=1000"])
@pytest.mark.parametrize("heard", [False, True])
def test_calls_with_options_or_listeners_keep_the_order(options: str, heard: bool, tmp_path: Path) -> None:
    workflow = generate.layered(14, 6, seed=9, spread=1.5)
    source = text(workflow)
    changed = source.replace("= do_step(", f"= do_step.options({options})(")
    assert changed != source
    plain = prepare(workflow, tmp_path)
    replay = prepare(workflow, tmp_path, changed)
    for workers in (2, 3, 4):
        clock = MockClock(autojump_threshold=0)
        sinks: dict[str, Any] = {"sinks": [lambda event: None]} if heard else {}
        replay.run(replay.engine(workers, replay.costs(), clock=clock, **sinks))
        assert clock.current_time() == pytest.approx(plain.virtual(workers, plain.costs()))


def test_results_tell_whether_parents_came_first(tmp_path: Path) -> None:
    workflow = load(DATA / "diamond-1.5.json")
    replay = prepare(workflow, tmp_path)
    assert depths(workflow) == [3]
    assert replay.virtual(1) == pytest.approx(10.5)
    starts = dict(zip((t.id for t in workflow.tasks), replay.starts(), strict=True))
    assert starts["ID1"] == 0
    assert starts["ID4"] == pytest.approx(9.0)
    assert set(replay.costs().values()) == {1.5, 2.0, 3.0, 4.0}


def test_a_wrong_result_is_noticed(tmp_path: Path) -> None:
    workflow = load(DATA / "diamond-1.5.json")
    other = generate.blast(2)
    with pytest.raises(AssertionError, match="the replay of"):
        Replay(other, prepare(workflow, tmp_path).module, ()).virtual(2)
