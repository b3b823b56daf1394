"""The page of a comparison: ``docs/comparison.md`` from the JSON that ``run.py`` has written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines import ENGINES
from figures import cold, figure, short
from workloads import WAITS, WORKLOADS, make

HEAD = """\
# Beside other engines

What one node costs in Conductor, in the floors that a person would write without an engine, and in other workflow
engines for Python. Every engine does the same work, and its results are compared with a reference that uses none of
them. Run it again with

    ./dev peers                       # installs what is missing, then runs all of it: about ten minutes
    ./dev peers --engines dask dbos   # only these beside the floors and Conductor; --rounds, --seconds, --help

The engines are installed from PyPI, each in a virtual environment of its own (`$CONDUCTOR_PEERS`, else
`~/.cache/conductor-peers`); nothing of them is a dependency of this project. The samples are in
`benchmarks/peers/results.json`, and this page is made from them (`benchmarks/peers/page.py`).
"""

READ = """\
## How to read it

- **The figure** is the time of a run less the critical path of what waits in it (10 ms for the sleeps, {blocking} for
  the blocking nodes, 115 ms for the chain of waits), divided by the number of nodes (of `if`s, of flow calls, of
  items, of runs; the chain of waits counts as one). It is the median over {rounds}; in a round every engine runs once,
  in a fresh process. Below it stands the range of the medians of the rounds: the machine is shared, and where the
  ranges of two engines come close nothing follows. Where the load average is above the number of cores, every figure
  is several times that of a quiet machine: compare within a row.
- **Threads.** Plain `def` nodes of Conductor begin in threads, until 64 calls took less than 200 µs each. On a busy
  machine some do not get there within the few runs before the samples; a figure near that of the thread pool says so.
  `@node(runs="loop")` would say at once that a node is quick; the nodes here do not say it.
- **\\*** marks a smaller size than the full one, for engines that would take minutes. Fixed costs of a run weigh more
  there.
- **–** means that the engine has no form for the workload: no coroutines as nodes, no conditionals at run time, no
  flows that call flows.

## What is not like for like

- **What a step leaves behind.** DBOS records every step in a database and can resume a workflow after a crash;
  Prefect keeps every task run with its states on a server. Their figures are mostly that, and it is what one chooses
  them for. Conductor, as measured here, records nothing; neither do Hamilton, pipefunc, tawazi and dask.
- **What nodes do.** Nothing, so that only the engine is seen. Where nodes take milliseconds, most of these
  differences vanish.
- **When the work is done.** Conductor compiles a flow to Python code before its first run, and a plain `def` node
  begins in a thread until it is known to be quick; the table has warm runs. The second table has the cold ones. dask
  turns its graph into another form in every run; Hamilton resolves the graph in every run.
- **Effects are declared.** Conductor's nodes say `reads="world"`; a node that declares nothing runs in its place,
  alone, and a fan-out of such nodes does not overlap.
- **Other uses.** dask is made for arrays and clusters, pipefunc for sweeps over parameters, Hamilton for lineage of
  columns, Prefect for schedules and an overview of what runs. None of that is measured.
- **Who wrote it.** The code that calls each engine is ours (`benchmarks/peers/engines`), in the fastest setting that
  we found in its documentation. Its authors may know a faster one.
"""

COLD = """\
Import of the engine, start of what it needs once in a process (a server, a database), and from the definition of the
graph to the end of its first run.
"""

CLAIM = """\
## The chain of 115 ms

A well-known roadmap in this field names "115 ms, 22 % faster than n8n" as a result. What is timed there is a chain of
waits of {waits} ms: 115 ms is the sum of the waits, which every engine pays. What can be compared is the overhead
*over* it, the last row of the table. n8n did not run here, so nothing is said about it.
"""


def page(document: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    engines = document["engines"]
    ran = [name for name in ENGINES if engines.get(name, {}).get("workloads")]
    waits = ", ".join(f"{seconds * 1000:.0f}" for seconds in WAITS[:-1]) + f" and {WAITS[-1] * 1000:.0f}"
    parts = [
        HEAD,
        "![For each workload a row of marks, one an engine, on a logarithmic axis of time](img/comparison.svg)\n",
        f"{document['machine']}; {document['when']}.\n",
        grid(document, ran),
        READ.format(blocking=short(make("blocking").ideal), rounds=rounds(document)),
        CLAIM.format(waits=waits),
        "## Cold\n",
        COLD,
        cold_grid(document, ran),
        "## The engines\n",
        notes(document, ran),
    ]
    return "\n".join(parts)


def rounds(document: Mapping[str, Any]) -> str:
    """How many rounds there were, in words."""
    number = document.get("rounds", 1)
    return f"{number} rounds" if number > 1 else "one round"


def grid(document: Mapping[str, Any], ran: list[str]) -> str:
    """Overhead by workload and engine."""
    lines = [["", *(ENGINES[name].title for name in ran)], ["---"] * (len(ran) + 1)]
    for workload in WORKLOADS:
        cells = [cell(document["engines"][name]["workloads"].get(workload, {})) for name in ran]
        lines.append([make(workload).title, *cells])
    return _table(lines)


def cell(entry: Mapping[str, Any]) -> str:
    """One figure, with its range below."""
    found = figure(entry)
    if found is None:
        return "failed" if entry.get("failed") else "–"
    mark = "\\*" if found.small else ""
    return f"{short(found.median)}{mark}<br><sub>{short(found.low)} – {short(found.high)}</sub>"


def cold_grid(document: Mapping[str, Any], ran: list[str]) -> str:
    """Import, start and first runs by engine."""
    import statistics

    shown = ["chain", "sleeps", "random_dag", "one_run"]
    lines = [["", "import", "start", *(make(w).title for w in shown)], ["---"] * (len(shown) + 3)]
    for name in ran:
        found = document["engines"][name]
        row = [ENGINES[name].title, *(short(statistics.median(found[key])) for key in ("importing", "starting"))]
        for workload in shown:
            entry = found["workloads"].get(workload, {})
            seconds = cold(entry)
            row.append("–" if seconds is None else short(seconds) + ("\\*" if entry.get("small") else ""))
        lines.append(row)
    return _table(lines)


def notes(document: Mapping[str, Any], ran: list[str]) -> str:
    """Versions and settings; and who did not run, with the reason."""
    lines = []
    for name, engine in ENGINES.items():
        found = document["engines"].get(name, {})
        version = f" {found['version']}" if found.get("version") else ""
        if name in ran:
            lines.append(f"- **{engine.title}**{version}: {engine.note}.")
        else:
            lines.append(f"- **{engine.title}** did not run: {found.get('why') or 'it was not chosen'}.")
        for workload, entry in found.get("workloads", {}).items():
            if entry.get("failed"):
                lines.append(f"  It failed on {make(workload).title}: {entry['failed']}.")
    return "\n".join([*lines, ""])


def _table(lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
