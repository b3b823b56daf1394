"""The figures of a flow for people, as plain lines or as a table on a terminal, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from .streams import results

if TYPE_CHECKING:
    from ..measure.flows import Compared, Figures

SHOWN = 30
"""Nodes in the table, the most expensive first; all of them are in the JSON."""

COLUMNS = ("node", "calls", "median", "total", "share")


def seconds(value: float) -> str:
    """A time for people, with three digits that count.

    >>> [seconds(s) for s in (0.0000000041, 0.0000012345, 0.01, 2.5, 125.0, -0.0003, 0.0)]
    ['4.10 ns', '1.23 µs', '10.0 ms', '2.50 s', '125 s', '-300 µs', '0 s']
    """
    size = abs(value)
    if size < 1e-12:
        return "0 s"
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")):
        if size >= scale * 0.9995 or unit == "ns":
            shown = value / scale
            digits = 0 if abs(shown) >= 99.95 else 1 if abs(shown) >= 9.995 else 2
            return f"{shown:.{digits}f} {unit}"
    raise AssertionError


def size(value: int) -> str:
    """Bytes for people.

    >>> [size(n) for n in (900, 20_480, 5_000_000)]
    ['900 B', '20 KiB', '4.8 MiB']
    """
    if value < 1024:
        return f"{value} B"
    return f"{value / 1024:.0f} KiB" if value < 1024 * 1024 else f"{value / 1024 / 1024:.1f} MiB"


def facts(figures: Figures) -> list[tuple[str, str]]:
    """Name and value of what is known of the whole run."""
    time = figures.time
    found = [("a run", f"{seconds(time.median)}  (half of them {seconds(time.low)} to {seconds(time.high)})")]
    if figures.critical is None:
        found.append(
            (
                "critical path",
                "not known: a run with the recorded results takes another way, or is too long, or it detaches flows",
            )
        )
    else:
        found.append(("critical path", seconds(figures.critical)))
    if figures.overhead is not None:
        share = figures.overhead / time.median
        calls = sum(node.calls for node in figures.nodes)
        each = f", {seconds(figures.overhead / calls)} a call" if calls else ""
        found.append(("overhead", f"{seconds(figures.overhead)}  ({share:.0%} of the run{each})"))
    found.append(("memory", f"{size(figures.memory)} added at the peak"))
    return found


def head(figures: Figures, target: str, times: str) -> str:
    """What was measured, and how. ``times``: the file that the times of the nodes are from, "" where they were
    measured."""
    how = "" if figures.mode == "real" else ", with stand-ins"
    how += f" that take the times of {times}" if times else ""
    runs = "1 run" if figures.repeats == 1 else f"{figures.repeats} runs"
    return (
        f"{figures.flow} ({target}): {len(figures.samples)} rounds of {runs}{how}, after {figures.warm_up} to warm up"
    )


def rows(figures: Figures) -> list[tuple[str, ...]]:
    """The nodes."""
    return [
        (node.node, f"{node.calls:,}", seconds(node.median), seconds(node.total), f"{node.share:.0%}")
        for node in figures.nodes[:SHOWN]
    ]


def more(figures: Figures) -> str:
    """What the table leaves out."""
    return f"and {len(figures.nodes) - SHOWN} more" if len(figures.nodes) > SHOWN else ""


def told(compared: Compared) -> list[tuple[str, str]]:
    """The comparison in words, each line with what it is: ``change``, ``loss``, ``no loss``, ``unclear``, ``note``."""
    ratio = compared.ratio
    certain = f"{_change(ratio.value)} (certainly between {_change(ratio.low)} and {_change(ratio.high)})"
    said = [(f"beside the baseline: {certain}", "change")]
    if compared.verdict is not None and compared.threshold is not None:
        limit = f"{compared.threshold * 100:g} %"
        words = {
            "loss": f"LOSS: more than {limit}",
            "no loss": f"no loss of more than {limit}",
            "unclear": f"unclear whether it is a loss of more than {limit}, which is no failure",
        }[compared.verdict]
        if compared.verdict == "unclear" and not compared.foreign:
            words += ": measure longer, or on a quieter machine"
        said.append((words, compared.verdict))
    return said + [(f"note: {text}", "note") for text in compared.notes]


def _change(ratio: float) -> str:
    return f"{(ratio - 1) * 100:+.1f} %"


def lines(figures: Figures, compared: Compared | None, target: str, times: str) -> list[str]:
    """Plain lines, for a pipe."""
    said = [head(figures, target, times), *(f"  {name:<14}{value}" for name, value in facts(figures))]
    found = rows(figures)
    if found:
        cells = [COLUMNS, *found]
        widths = [max(len(row[i]) for row in cells) for i in range(len(COLUMNS))]
        said.append("")
        for row in cells:
            first, *rest = (
                cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            said.append("  " + "  ".join([first, *rest]).rstrip())
        said += [f"  {more(figures)}"] if more(figures) else []
    return said + (["", *(text for text, _ in told(compared))] if compared is not None else [])


def table(figures: Figures, compared: Compared | None, target: str, times: str) -> None:
    """A table, for a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=results(), highlight=False)
    console.print(Text(head(figures, target, times), "bold"))
    grid = Table.grid(padding=(0, 2))
    for name, value in facts(figures):
        grid.add_row(Text(name, "cyan"), Text(value))
    console.print(grid)
    found = rows(figures)
    if found:
        nodes = Table(box=None, padding=(0, 1), header_style="dim", pad_edge=False)
        for column in COLUMNS:
            nodes.add_column(column, justify="left" if column == "node" else "right", no_wrap=True)
        for row in found:
            nodes.add_row(*map(Text, row))
        console.print()
        console.print(nodes)
        if more(figures):
            console.print(Text(more(figures), "dim"))
    if compared is not None:
        console.print()
        styles = {"loss": "bold red", "no loss": "green", "unclear": "yellow", "note": "dim"}
        for text, kind in told(compared):
            console.print(Text(text, styles.get(kind, "")))


def as_json(figures: Figures, compared: Compared | None, times: str) -> dict[str, Any]:
    """The figures as one JSON object; times in seconds."""
    time = figures.time
    value: dict[str, Any] = {
        "flow": figures.flow,
        "digest": figures.digest,
        "mode": figures.mode,
        "times": times or None,
        "rounds": len(figures.samples),
        "repeats": figures.repeats,
        "warm_up": figures.warm_up,
        "seconds": {"median": time.median, "low": time.low, "high": time.high, "best": time.best},
        "critical_path": figures.critical,
        "overhead": figures.overhead,
        "memory": figures.memory,
        "nodes": [attrs.asdict(node) for node in figures.nodes],
        "machine": attrs.asdict(figures.machine),
        "comparison": None,
    }
    if compared is not None:
        value["comparison"] = {
            "ratio": attrs.asdict(compared.ratio),
            "verdict": compared.verdict,
            "fail_above": compared.threshold,
            "notes": list(compared.notes),
        }
    return value
