"""The reference scheduler: small cases by hand, and what holds of any list schedule."""

from __future__ import annotations

import pytest
from workflows import generate
from workflows.graph import Task, Workflow
from workflows.schedule import list_schedule


def independent(*seconds: float) -> Workflow:
    return Workflow("w", tuple(Task(f"t{i}", "k", s) for i, s in enumerate(seconds)))


def test_the_longest_goes_first() -> None:
    found = list_schedule(independent(1, 2, 6, 3), 2)
    assert found.starts == (5.0, 3.0, 0.0, 0.0)
    assert found.makespan == 6.0


def test_the_path_counts_and_not_the_task() -> None:
    workflow = Workflow("w", (Task("long", "k", 3.0), Task("a", "k", 1.0), Task("b", "k", 4.0, ("a",))))
    assert list_schedule(workflow, 1).starts == (5.0, 0.0, 1.0)


def test_expected_times_decide_the_order_and_true_ones_the_makespan() -> None:
    found = list_schedule(independent(1, 2, 6, 3), 2, [1.0, 1.0, 1.0, 1.0])
    assert found.starts == (0.0, 0.0, 1.0, 2.0)
    assert found.makespan == 7.0


def test_equals_go_in_their_order() -> None:
    assert list_schedule(independent(1, 1, 1), 1).starts == (0.0, 1.0, 2.0)


def test_all_that_ends_at_one_time_is_done_before_anything_is_chosen() -> None:
    workflow = Workflow(
        "w",
        (Task("a", "k", 1.0), Task("b", "k", 1.0), Task("short", "k", 1.0, ("a",)), Task("long", "k", 5.0, ("b",))),
    )
    assert list_schedule(workflow, 1).starts == (6.0, 0.0, 7.0, 1.0)
    assert list_schedule(workflow, 2).starts == (0.0, 0.0, 1.0, 1.0)


def test_no_worker_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1 worker"):
        list_schedule(independent(1.0), 0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("workers", [1, 2, 3, 8, 100])
def test_laws(seed: int, workers: int) -> None:
    """Parents come first, no more run than there are workers, nobody idles while something is ready; so the makespan
    lies between the bound and twice the bound (Graham)."""
    workflow = generate.layered(6, 8, seed)
    found = list_schedule(workflow, workers)
    ends = [start + task.seconds for start, task in zip(found.starts, workflow.tasks, strict=True)]
    for at, parents in enumerate(workflow.parents):
        assert all(ends[p] <= found.starts[at] for p in parents)
        ready = max((ends[p] for p in parents), default=0.0)
        if found.starts[at] > ready:  # it waited, so everybody was busy
            middle = (ready + found.starts[at]) / 2
            assert sum(s <= middle < e for s, e in zip(found.starts, ends, strict=True)) == workers
    assert all(sum(s <= t < e for s, e in zip(found.starts, ends, strict=True)) <= workers for t in found.starts)
    assert found.makespan == max(ends)
    bound = workflow.lower_bound(workers)
    assert bound * (1 - 1e-9) <= found.makespan <= 2 * bound
