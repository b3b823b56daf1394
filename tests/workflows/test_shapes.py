"""The generated workflows have the shapes that their sources describe, whatever the size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from workflows import generate
from workflows.graph import Workflow

MAKERS: list[Callable[[int], Workflow]] = [
    lambda seed: generate.montage(12, seed),
    lambda seed: generate.epigenomics(3, 5, seed),
    lambda seed: generate.blast(20, seed),
    lambda seed: generate.layered(6, 8, seed),
]


@pytest.mark.parametrize("make", MAKERS)
def test_a_seed_gives_the_same_again_and_another_something_else(make: Callable[[int], Workflow]) -> None:
    assert make(3) == make(3)
    assert make(3) != make(4)


def kinds(workflow: Workflow) -> Counter[str]:
    return Counter(task.kind for task in workflow.tasks)


def parent_kinds(workflow: Workflow, kind: str) -> set[tuple[str, ...]]:
    """For the tasks of a kind, the kinds of their parents, each once."""
    tasks = workflow.tasks
    return {
        tuple(sorted({tasks[p].kind for p in parents}))
        for task, parents in zip(tasks, workflow.parents, strict=True)
        if task.kind == kind
    }


@pytest.mark.parametrize("images", [2, 3, 10, 60])
def test_montage(images: int) -> None:
    found = generate.montage(images)
    count = kinds(found)
    assert count["mProject"] == count["mBackground"] == images
    assert {count[k] for k in ("mConcatFit", "mBgModel", "mImgtbl", "mAdd", "mShrink", "mJPEG")} == {1}
    assert parent_kinds(found, "mDiffFit") == {("mProject",)}
    assert parent_kinds(found, "mBackground") == {("mBgModel", "mProject")}
    assert all(len(p) == 2 for t, p in zip(found.tasks, found.parents, strict=True) if t.kind == "mDiffFit")
    assert [found.tasks[i].kind for i, c in enumerate(found.children) if not c] == ["mJPEG"]
    if images >= 10:
        assert 3 * images <= count["mDiffFit"] <= 4 * images


def test_epigenomics() -> None:
    found = generate.epigenomics(4, 10)
    count = kinds(found)
    assert count["fastQSplit"] == 4
    assert count["filterContams"] == count["sol2sanger"] == count["fastq2bfq"] == count["map"]
    assert 20 <= count["map"] <= 60
    assert count["mapMerge"] == 5
    assert parent_kinds(found, "map") == {("fastq2bfq",)}
    assert parent_kinds(found, "mapMerge") == {("map",), ("mapMerge",)}
    assert [found.tasks[i].kind for i, c in enumerate(found.children) if not c] == ["pileup"]


def test_blast() -> None:
    found = generate.blast(30)
    assert kinds(found) == {"split_fasta": 1, "blastall": 30, "cat_blast": 1, "cat": 1}
    assert parent_kinds(found, "blastall") == {("split_fasta",)}
    assert parent_kinds(found, "cat") == parent_kinds(found, "cat_blast") == {("blastall",)}


def test_bounds() -> None:
    found = generate.chain_beside(links=10, others=20, length=0.5)
    assert found.work == pytest.approx(20)
    assert found.critical_path == pytest.approx(10)
    assert [found.lower_bound(k) for k in (1, 2, 4)] == pytest.approx([20, 10, 10])
    half = found.scaled(0.5)
    assert half.lower_bound(1) == pytest.approx(10)
    assert half.parents == found.parents
