"""How good the order is on real shapes: the makespan beside the lower bound and beside a list scheduler.

    .venv/bin/python benchmarks/workflows/table.py                  generated shapes
    .venv/bin/python benchmarks/workflows/table.py trace.json ...   traces in WfFormat 1.4 or 1.5
    .venv/bin/python benchmarks/workflows/table.py --random 100     random traces in which many tasks end at once

Times are virtual, so the ratios are exact and the same on every machine; ``benchmarks/test_scheduling.py`` has real
sleeps.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from attrs import frozen

from workflows import generate
from workflows.graph import Workflow
from workflows.replay import Replay, prepare
from workflows.schedule import list_schedule
from workflows.wfformat import WfFormatError, load

WORKERS = (2, 4, 8, 16, 32)


def shapes() -> list[Workflow]:
    """The workflows of the table."""
    return [
        generate.montage(20),
        generate.montage(100),
        generate.epigenomics(4, 10),
        generate.epigenomics(8, 30),
        generate.blast(50),
        generate.blast(300),
        generate.layered(20, 12),
        generate.chain_beside(50, 100, 1.3),
    ]


@frozen
class Row:
    """One workflow on so many workers; makespans are in seconds of the trace.

    ``bound``: the lower bound. ``listed``: of the list scheduler that knows the times; ``blind``: of the one that
    takes all for equal. ``profiled``, ``plain``: of Conductor with and without a profile.
    """

    name: str
    tasks: int
    workers: int
    bound: float
    listed: float
    blind: float
    profiled: float
    plain: float


def measure(replay: Replay, workers: int) -> Row:
    """One row of the table."""
    workflow = replay.workflow
    bound = workflow.lower_bound(workers)
    units = [1.0] * len(workflow.tasks)
    return Row(
        workflow.name,
        len(workflow.tasks),
        workers,
        bound,
        list_schedule(workflow, workers).makespan,
        list_schedule(workflow, workers, units).makespan,
        replay.virtual(workers, replay.costs()),
        replay.virtual(workers),
    )


def table(rows: Iterable[Row]) -> str:
    """The rows as Markdown: what matters are ratios."""
    heads = ["shape", "tasks", "k", "list / bound", "makespan / bound", "makespan / list", "without profile / list"]
    heads.append("list without times / list")
    lines = [heads]
    for row in rows:
        ratios = [
            row.listed / row.bound,
            row.profiled / row.bound,
            row.profiled / row.listed,
            row.plain / row.listed,
            row.blind / row.listed,
        ]
        name = " ".join(row.name.replace("|", "\\|").split())
        lines.append([name, str(row.tasks), str(row.workers), *(f"{ratio:.3f}" for ratio in ratios)])
    lines.insert(1, ["---"] * len(heads))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def rows(workflows: Sequence[Workflow], workers: Sequence[int] = WORKERS) -> list[Row]:
    """The table's rows; nothing is measured where there are as many workers as tasks."""
    found: list[Row] = []
    for workflow in workflows:
        with tempfile.TemporaryDirectory() as folder:
            replay = prepare(workflow, Path(folder))
            found += [measure(replay, k) for k in workers if k < len(workflow.tasks)]
    return found


def at_once(count: int) -> str:
    """Random traces of whole seconds on 2 to 8 workers: how far the makespans are from those of the list scheduler."""
    ratios: dict[str, float] = {}
    for seed in range(count):
        rng = Random(seed)
        workflow, workers = generate.whole_seconds(rng.randint(10, 60), seed), rng.randint(2, 8)
        with tempfile.TemporaryDirectory() as folder:
            replay = prepare(workflow, Path(folder))
            makespan = replay.virtual(workers, replay.costs())
        ratios[f"{workflow.name} on {workers}"] = makespan / list_schedule(workflow, workers).makespan
    worst = max(ratios, key=ratios.__getitem__)
    longer, beyond = (sum(r > 1 + share for r in ratios.values()) for share in (1e-9, 0.02))
    shorter = sum(r < 1 - 1e-9 for r in ratios.values())
    return (
        f"{count} traces: {longer} longer than the list scheduler's, {beyond} by more than 2 %, {shorter} shorter; "
        f"at most {ratios[worst]:.3f} ({worst})"
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is wanted, not {text!r}")
    return int(text)


def main(argv: list[str]) -> None:
    """Print the table.

    Raises
    ------
    SystemExit: what is asked for cannot be shown; standard error tells why.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="*", type=Path, help="WfFormat files (default: generated shapes)")
    parser.add_argument("-k", "--workers", type=_count, nargs="+", default=WORKERS)
    parser.add_argument("--random", type=_count, metavar="N", help="so many random traces of whole seconds instead")
    chosen = parser.parse_args(argv)
    if chosen.random is not None and chosen.traces:
        parser.error("--random makes traces of its own: leave the files out")
    if chosen.random is not None:
        print(at_once(chosen.random))
        return
    try:
        workflows = [load(path) for path in chosen.traces] or shapes()
    except OSError as error:
        parser.error(f"{error.filename} cannot be read: {error.strerror}")
    except WfFormatError as error:
        parser.error(str(error))
    for workflow in workflows:
        if not any(task.seconds for task in workflow.tasks):
            parser.error(f"{workflow.name}: no task takes any time, so no order is better than another")
    found = rows(workflows, chosen.workers)
    if not found:
        most = max(len(workflow.tasks) for workflow in workflows)
        parser.error(f"there is nothing to order where each task has a worker of its own: give -k below {most}")
    print(table(found))


if __name__ == "__main__":
    main(sys.argv[1:])
