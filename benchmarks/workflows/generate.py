"""Workflows with the shapes of well-known traces, of any size, from a seed.

The shapes are those that S. Bharathi et al. describe in "Characterization of scientific workflows" (WORKS 2008) and
G. Juve et al. in "Characterizing and profiling scientific workflows" (Future Generation Computer Systems 29, 2013);
Blast is that of the recipes of T. Coleman et al. in "WfCommons: a framework for enabling scientific workflow research
and development" (Future Generation Computer Systems 128, 2022). Mean run times are round numbers of the size that the
second of them reports for each kind of task; the spread around them is ours.
"""

from __future__ import annotations

import itertools
import random

from .graph import Task, Workflow


class _Maker:
    """Collects tasks; run times vary around a mean by ``spread`` (the sigma of a lognormal factor)."""

    def __init__(self, seed: int, spread: float) -> None:
        self.rng = random.Random(seed)
        self.spread = spread
        self.tasks: list[Task] = []
        self._numbers = itertools.count(1)

    def add(self, kind: str, mean: float, *parents: str) -> str:
        """One more task; its id."""
        seconds = mean * self.rng.lognormvariate(0, self.spread)
        id = f"{kind}_{next(self._numbers):05d}"
        self.tasks.append(Task(id, kind, seconds, parents))
        return id


def montage(images: int = 20, seed: int = 1, spread: float = 0.25) -> Workflow:
    """A mosaic of the sky: wide, narrow, wide, narrow.

    Every image is projected (``mProject``); every pair that overlaps is compared (``mDiffFit``), here each image with
    the four after it on its ring, of which the last is there in half of the cases; one task gathers the
    fits (``mConcatFit``), one finds the corrections (``mBgModel``), which are applied to each projected image
    (``mBackground``); then table, sum, shrunk image and picture (``mImgtbl mAdd mShrink mJPEG``).

    Parameters
    ----------
    images: at least 2; the workflow has about ``5.5 * images`` tasks.
    """
    make = _Maker(seed, spread)
    projected = [make.add("mProject", 1.7) for _ in range(images)]
    pairs = {
        tuple(sorted((at, (at + step) % images)))
        for at in range(images)
        for step in (1, 2, 3, 4)
        if step < 4 or make.rng.random() < 0.5
    }
    fits = [make.add("mDiffFit", 0.7, projected[a], projected[b]) for a, b in sorted(pairs) if a != b]
    gathered = make.add("mConcatFit", 0.07 * images, *fits)
    model = make.add("mBgModel", 0.18 * images, gathered)
    flat = [make.add("mBackground", 1.7, image, model) for image in projected]
    table = make.add("mImgtbl", 2.8, *flat)
    total = make.add("mAdd", 0.13 * images, table, *flat)
    shrunk = make.add("mShrink", 0.03 * images, total)
    make.add("mJPEG", 0.6, shrunk)
    return Workflow(f"montage-{images}", tuple(make.tasks))


def epigenomics(lanes: int = 4, chunks: int = 10, seed: int = 1, spread: float = 0.35) -> Workflow:
    """A genome mapped lane by lane: parallel chains of unequal length between a split and a merge.

    Each lane is split (``fastQSplit``); each chunk is filtered, converted twice and mapped
    (``filterContams sol2sanger fastq2bfq map``, of which the last takes nearly all of the time); a merge for
    each lane, one for all (``mapMerge``), then index and pile-up (``maqIndex pileup``). Lanes differ in the number of
    their chunks.

    Parameters
    ----------
    lanes, chunks: the workflow has about ``4 * lanes * chunks`` tasks; lane sizes vary between half and one and a half
    times ``chunks``.
    """
    make = _Maker(seed, spread)
    merged: list[str] = []
    for _ in range(lanes):
        split = make.add("fastQSplit", 34.0)
        mapped: list[str] = []
        for _ in range(max(1, round(chunks * make.rng.uniform(0.5, 1.5)))):
            filtered = make.add("filterContams", 2.5, split)
            sanger = make.add("sol2sanger", 0.5, filtered)
            binary = make.add("fastq2bfq", 1.4, sanger)
            mapped.append(make.add("map", 200.0, binary))
        merged.append(make.add("mapMerge", 11.0, *mapped))
    whole = make.add("mapMerge", 11.0, *merged)
    index = make.add("maqIndex", 44.0, whole)
    make.add("pileup", 56.0, index)
    return Workflow(f"epigenomics-{lanes}x{chunks}", tuple(make.tasks))


def blast(parts: int = 50, seed: int = 1, spread: float = 0.5) -> Workflow:
    """A sequence search: one split, many searches of uneven length, two that gather.

    ``split_fasta`` cuts the queries, each ``blastall`` searches one part, ``cat_blast`` joins what they found and
    ``cat`` what they reported.

    Parameters
    ----------
    parts: the workflow has ``parts + 3`` tasks.
    """
    make = _Maker(seed, spread)
    split = make.add("split_fasta", 2.0)
    searches = [make.add("blastall", 60.0, split) for _ in range(parts)]
    make.add("cat_blast", 4.0, *searches)
    make.add("cat", 1.0, *searches)
    return Workflow(f"blast-{parts}", tuple(make.tasks))


def chain_beside(links: int = 20, others: int = 20, length: float = 1.0) -> Workflow:
    """A chain that is the critical path, beside as much work that can be done at any time.

    Every link has to follow the one before at once, or the whole is late: the hardest case for an order that is decided
    when a task ends, and of no source but ours.
    """
    tasks = [Task(f"link_{at}", "link", 1.0, (f"link_{at - 1}",) if at else ()) for at in range(links)]
    tasks += [Task(f"other_{at}", "other", length) for at in range(others)]
    return Workflow(f"chain-beside-{links}", tuple(tasks))


def layered(layers: int = 10, width: int = 12, seed: int = 1, spread: float = 1.0) -> Workflow:
    """Random layers, each task of one to three of the two layers before; run times of very unequal length."""
    make = _Maker(seed, spread)
    before: list[list[str]] = []
    for _ in range(layers):
        near = [id for layer in before[-2:] for id in layer]
        before.append(
            [
                make.add("step", 1.0, *sorted(make.rng.sample(near, min(len(near), make.rng.randint(1, 3)))))
                for _ in range(make.rng.randint(width // 2, width))
            ]
        )
    return Workflow(f"layered-{layers}x{width}", tuple(make.tasks))


def whole_seconds(tasks: int = 40, seed: int = 1, longest: int = 4) -> Workflow:
    """A random DAG with run times in whole seconds: many tasks end at the same moment, and more become ready then than
    there are workers. Of no source but ours.

    Parameters
    ----------
    longest: run times are from 1 to so many seconds.
    """
    rng = random.Random(seed)
    made: list[Task] = []
    for at in range(tasks):
        near = made[-rng.randint(3, 12) :]
        parents = rng.sample(near, rng.randint(0, min(3, len(near))))
        made.append(Task(f"t{at}", "step", float(rng.randint(1, longest)), tuple(p.id for p in parents)))
    return Workflow(f"whole-seconds-{tasks}-{seed}", tuple(made))
