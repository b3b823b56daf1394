"""What is shown of a run while it goes on."""

from __future__ import annotations

import io
import json

import pytest

from cflow.cli import progress as shown
from cflow.executor.events import Event


def happen(sink: object, *steps: tuple[str, str, str]) -> None:
    for i, (kind, what, node) in enumerate(steps):
        error = ValueError("no\nluck") if what in ("failed", "retried") else None
        sink(Event(kind, what, "run-1", node, 1, 1000.0 + i, error))  # type: ignore[operator, arg-type]


RUN = (
    ("run", "started", ""),
    ("node", "started", "a"),
    ("attempt", "started", "a"),
    ("attempt", "retried", "a"),
    ("node", "done", "a"),
    ("node", "started", "a"),
    ("node", "done", "a"),
    ("node", "cached", "b"),
    ("node", "started", "c"),
    ("node", "failed", "c"),
    ("run", "failed", ""),
)


def test_events_are_json_lines() -> None:
    out = io.StringIO()
    with shown.progress(events=True, silent=True, stream=out) as sinks:
        happen(sinks[0], *RUN)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(lines) == len(RUN)
    assert lines[1] == {
        "kind": "node", "what": "started", "run": "run-1", "node": "a", "attempt": 1, "time": 1001.0, "error": None,
    }  # fmt: skip
    assert lines[9]["error"] == {"type": "ValueError", "message": "no\nluck"}


def test_silent_has_no_sink_at_all() -> None:
    """A run that nobody watches pays for nothing."""
    with shown.progress(events=False, silent=True) as sinks:
        assert sinks == []


def test_a_pipe_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(shown.time, "monotonic", lambda: now[0] + 10)
    out = io.StringIO()
    with shown.progress(events=False, silent=False, stream=out) as sinks:
        happen(sinks[0], *RUN)
        now[0] = 2.5
        happen(sinks[0], ("node", "started", "a"), ("node", "done", "a"))
    lines = [line.split(" ", 1)[-1] if line[2] == ":" else line for line in out.getvalue().splitlines()]
    assert lines == [
        "a retried: ValueError: no luck",
        "a 1 retried, 1 done",
        "b 1 cached",
        "c failed: ValueError: no luck",
        "a 1 retried, 3 done",
        "1 retried, 3 done, 1 cached, 1 failed in 2.5 s",
    ]


def test_a_terminal_gets_a_live_table_that_leaves_one_line() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with shown.progress(events=False, silent=False, stream=out) as sinks:
        happen(sinks[0], *RUN[:-2])
    text = out.getvalue()
    assert "1 running" in text
    assert text.rstrip().splitlines()[-1].count("done") == 1


def test_what_a_live_table_shows() -> None:
    from rich.console import Console

    tally = shown.Tally()
    happen(tally, ("node", "started", "slow"), ("node", "started", "slow"))
    assert tally.total().startswith("2 running in ")
    tally = shown.Tally()
    happen(tally, *RUN[:-2])
    for i in range(20):
        happen(tally, ("node", "started", f"n{i}"), ("node", "done", f"n{i}"))
    console = Console(file=io.StringIO(), width=100)
    console.print(shown._table(tally))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "c" in lines[0].split()
    assert "running" in lines[0]
    assert any("and 11 more" in line for line in lines)
