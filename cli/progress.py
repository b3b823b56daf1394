"""What is shown of a run while it goes on: events as JSON lines, as plain lines, or live on a terminal.

Each of the three is a sink, called in the run's own task for every event: it counts and returns. A picture of the
counts is drawn by rich, from a thread of its own, a few times a second.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

from attrs import define, field

from ..compiler.secrets import hide
from ..executor.told import said
from .output import Hide
from .streams import results, results_to

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..executor.events import Event

QUIET = 1.0
"""Seconds between two plain lines about the same node; what happens in between is counted."""
SHOWN = 12
"""Nodes on a terminal at once."""


@contextmanager
def progress(*, events: bool, silent: bool, hide: Hide = hide, stream: TextIO | None = None) -> Iterator[list[Any]]:
    """The sinks of a run.

    Parameters
    ----------
    events: every event as a JSON line, and nothing else.
    silent: nothing at all (but for ``events``): standard error is for a failure in JSON.
    hide: takes secrets out of what errors say.
    stream: where to, standard error where left out.
    """
    out = sys.stderr if stream is None else stream
    if events:
        yield [Events(out, hide)]
    elif silent:
        yield []
    elif out.isatty():
        with live(out) as sink:
            yield [sink]
    else:
        lines = Lines(out, hide)
        yield [lines]
        lines.close()


class Events:
    """One JSON object a line."""

    def __init__(self, out: TextIO, hide: Hide) -> None:
        self.out = out
        self.hide = hide

    def __call__(self, event: Event) -> None:
        error = None if event.error is None else {"type": type(event.error).__name__, "message": said(event.error)}
        facts = {name: getattr(event, name) for name in ("kind", "what", "run", "node", "attempt", "time")}
        how_far = {} if event.progress is None else {"progress": event.progress}
        self.out.write(self.hide(json.dumps({**facts, "error": error, **how_far}, ensure_ascii=False)) + "\n")
        self.out.flush()


@define
class Row:
    """What is known of one node: how many calls are running, how many have ended and how."""

    running: int = 0
    ended: dict[str, int] = field(factory=dict)
    since: float = 0.0
    said: float = 0.0
    far: tuple[float, float] | None = None

    def text(self) -> str:
        return ", ".join(f"{count:,} {what}" for what, count in self.ended.items() if count)


class Tally:
    """Counts events by node."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.began = time.monotonic()

    def __call__(self, event: Event) -> Row | None:
        if event.kind == "run" or (event.kind == "attempt" and event.what != "retried"):
            return None
        row = self.rows.get(event.node)
        if row is None:
            row = self.rows[event.node] = Row()
        if event.what == "progress":
            row.far = event.progress
        elif event.what == "started":
            row.running += 1
            if row.running == 1:
                row.since = time.monotonic()
        else:
            row.ended[event.what] = row.ended.get(event.what, 0) + 1
            if event.kind == "node" and event.what in ("done", "failed", "cancelled") and row.running:
                row.running -= 1
                row.far = None
        return row

    def total(self) -> str:
        """``12 done, 1 failed, 2 running in 3.2 s``."""
        sums: dict[str, int] = {}
        for row in list(self.rows.values()):
            for what, count in [*row.ended.items(), ("running", row.running)]:
                if count:
                    sums[what] = sums.get(what, 0) + count
        counts = ", ".join(f"{count:,} {what}" for what, count in sums.items())
        return f"{counts or 'no node calls'} in {time.monotonic() - self.began:.1f} s"


def far(done: float, total: float) -> str:
    """How far a node is, for people.

    >>> far(1, 4), far(2_000_000, 0), far(5, 4)
    ('25 %', '2,000,000', '100 %')
    """
    return f"{min(1.0, done / total):.0%}".replace("%", " %") if total > 0 else f"{done:,.0f}"


class Lines:
    """A line when a node has ended: not more than one a second of each node, but each failure and each retry."""

    def __init__(self, out: TextIO, hide: Hide) -> None:
        self.out = out
        self.hide = hide
        self.tally = Tally()

    def __call__(self, event: Event) -> None:
        row = self.tally(event)
        if row is None or event.what == "started":
            return
        now = time.monotonic()
        if event.what in ("failed", "retried"):
            self.say(event, f"{event.node} {event.what}: {type(event.error).__name__}: {said(event.error)}")
        elif now - row.said >= QUIET or not row.said:
            row.said = now
            self.say(event, f"{event.node} {row.text() if row.far is None else far(*row.far)}")

    def say(self, event: Event, text: str) -> None:
        clock = time.strftime("%H:%M:%S", time.localtime(event.time))
        self.out.write(self.hide(f"{clock} {' '.join(text.split())}\n"))
        self.out.flush()

    def close(self) -> None:
        """The sum of it all, if there is any."""
        if self.tally.rows:
            self.out.write(f"{self.tally.total()}\n")
            self.out.flush()


@contextmanager
def live(out: TextIO) -> Iterator[Tally]:
    """A table of the nodes that are running or were last, redrawn in place."""
    from rich.console import Console
    from rich.file_proxy import FileProxy
    from rich.live import Live

    tally = Tally()
    console = Console(file=out)
    view = Live(get_renderable=lambda: _table(tally), console=console, transient=True, refresh_per_second=8)
    own = results()
    # The items of a stream go above the table, as what nodes print does, as long as they go to the same terminal.
    above = cast("TextIO", FileProxy(console, own)) if own is not None and own.isatty() else own
    with view, results_to(above):
        yield tally
    if tally.rows:
        console.print(f"[dim]{tally.total()}[/dim]", highlight=False)


def _table(tally: Tally) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.spinner import Spinner
    from rich.table import Table
    from rich.text import Text

    now = time.monotonic()
    rows = list(tally.rows.items())
    # Running ones first, the longest on top; then what ended last.
    rows.sort(key=lambda item: (not item[1].running, item[1].since if item[1].running else -item[1].since))
    grid = Table.grid(padding=(0, 2))
    for name, row in rows[:SHOWN]:
        sign = (
            Spinner("dots", style="cyan") if row.running else Text("✓" if "failed" not in row.ended else "!", "green")
        )
        busy = f"{row.running:,} running, {now - row.since:.0f} s" if row.running else ""
        how_far = "" if row.far is None else far(*row.far)
        if row.far is not None and row.far[1] > 0:
            bar = Table.grid(padding=(0, 1))
            bar.add_row(ProgressBar(row.far[1], min(row.far), width=20), Text(how_far, "cyan"))
            state: RenderableType = bar
        else:
            state = Text(how_far or row.text(), "dim")
        grid.add_row(sign, Text(name, "bold" if row.running else ""), Text(busy, "cyan"), state)
    if len(rows) > SHOWN:
        grid.add_row("", Text(f"and {len(rows) - SHOWN} more", "dim"), "", "")
    return Group(grid, Text(tally.total(), "dim"))
