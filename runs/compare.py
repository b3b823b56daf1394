"""What two runs did differently: their plans, and step by step what they recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs
from attrs import define, field, frozen

from ..executor.entries import CUT, DONE, FAILED, OWED
from ..executor.told import said, shown
from ..store.keeper import Noted
from ..store.records import StandIn
from .differences import differences
from .history import History, Unread
from .paths import read_name

What = Literal["value", "error", "attempts", "decision", "passes", "only first", "only second"]

_PASS = re.compile(r"\[\d+\]")

DEEPEST = 8
"""Levels of a value that are gone down to find the place where two differ."""


@frozen
class Change:
    """One thing that differs. ``key``: the step's name; ``where``: the part of its value, empty: all of it."""

    key: str
    what: What
    before: str = ""
    after: str = ""
    where: str = ""

    @property
    def shape(self) -> str:
        """The step whatever the pass."""
        return _PASS.sub("[*]", self.key)


@frozen
class Comparison:
    """``plans``: how the plans differ, a line each; ``inputs``, ``ends``: how these do; ``changes``: of the steps, in
    the order of the first run."""

    plans: tuple[str, ...]
    inputs: tuple[Change, ...]
    changes: tuple[Change, ...]
    ends: tuple[Change, ...]

    @property
    def same(self) -> bool:
        return not (self.plans or self.inputs or self.changes or self.ends)


@define
class _Call:
    """What is on record of one call."""

    end: Noted | None = None
    attempts: int = 1
    decision: Noted | None = None
    passes: set[int] = field(factory=set)


def compare(first: History, second: History) -> Comparison:
    """Compare two runs."""
    inputs = list(
        _values(
            "inputs",
            first.value(first.row.inputs),
            second.value(second.row.inputs),
            first.row.inputs == second.row.inputs,
        )
    )
    ends: list[Change] = []
    if first.row.state != second.row.state:
        ends.append(Change("state", "value", first.row.state, second.row.state))
    results = first.row.result, second.row.result
    if results != (None, None):
        a, b = (h.value(r) if r is not None else Unread("none") for h, r in zip((first, second), results, strict=True))
        ends += _values("result", a, b, results[0] == results[1])
    errors = [h.error(h.row.error) if h.row.error is not None else "" for h in (first, second)]
    if _bare(errors[0]) != _bare(errors[1]):
        ends.append(Change("error", "error", errors[0], errors[1]))
    return Comparison(_plans(first, second), tuple(inputs), tuple(_steps(first, second)), tuple(ends))


def _bare(error: str) -> str:
    """An error without its notes, which tell where it was raised."""
    return "\n".join(line for line in error.splitlines() if not line.startswith("  "))


def _plans(first: History, second: History) -> tuple[str, ...]:
    if first.row.digest == second.row.digest:
        return ()
    if first.plan is None or second.plan is None:
        return ("a plan is not in the store, or cannot be read",)
    found = differences(first.plan, second.plan, first.helpers, second.helpers)
    gone = [
        f"node {s.name}: it is not called any more" for k, s in first.plan.nodes.items() if k not in second.plan.nodes
    ]
    new = [
        f"node {s.name}: it was not called before" for k, s in second.plan.nodes.items() if k not in first.plan.nodes
    ]
    flows = [
        f"flow {f.name}: it was not there before" for k, f in second.plan.flows.items() if k not in first.plan.flows
    ]
    return (*found.lines, *gone, *new, *flows) or ("what surrounds the steps is different",)


def _steps(first: History, second: History) -> Iterator[Change]:
    before, after = _calls(first), _calls(second)
    for key, was in before.items():
        now = after.get(key)
        if now is None:
            if was.end is not None:
                yield Change(key, "only first", _outcome(first, was.end))
            continue
        yield from _call(key, first, was, second, now)
    for key, now in after.items():
        if key not in before and now.end is not None:
            yield Change(key, "only second", "", _outcome(second, now.end))


def _calls(history: History) -> dict[str, _Call]:
    """By the key, in the order of the journal."""
    found: dict[str, _Call] = {}

    def at(key: str) -> _Call:
        call = found.get(key)
        if call is None:
            call = found[key] = _Call()
        return call

    for entry in history.entries:
        name = read_name(entry.key)
        way = ""
        for step in name.way:
            if step.index is not None:
                at(f"{way}{step.id}").passes.add(step.index)
            mark = "~" if step.undo else ":"
            index = "" if step.index is None else f"[{step.index}]"
            attempt = f"#{step.attempt}" if step.attempt > 1 else ""
            way += f"{step.id}{index}{attempt}{mark}"
        if name.mark in ("", "<", "$") and entry.kind not in (CUT, OWED):
            call = at(entry.key)
            call.end, call.attempts = entry, entry.attempt
        elif name.mark == "=" and name.index is None:
            at(f"{way}{name.id}").decision = entry
    return found


def _call(key: str, first: History, was: _Call, second: History, now: _Call) -> Iterator[Change]:
    if len(was.passes) != len(now.passes):
        yield Change(key, "passes", str(len(was.passes)), str(len(now.passes)))
    if was.decision is not None and now.decision is not None and was.decision.data != now.decision.data:
        arms = first.value(was.decision.data), second.value(now.decision.data)
        yield Change(key, "decision", f"arm {arms[0]!r}", f"arm {arms[1]!r}")
    if was.end is None or now.end is None:
        return
    if FAILED in (was.end.kind, now.end.kind):
        told = _outcome(first, was.end), _outcome(second, now.end)
        if _bare(told[0]) != _bare(told[1]):
            yield Change(key, "error", *told)
    else:
        yield from _values(key, first.value(was.end.data), second.value(now.end.data), was.end.data == now.end.data)
    if was.attempts != now.attempts:
        yield Change(key, "attempts", str(was.attempts), str(now.attempts))


def _outcome(history: History, end: Noted) -> str:
    if end.kind == FAILED:
        return history.error(end.data)
    return shown(history.value(end.data)) if end.kind >= DONE else ""


def _values(key: str, before: Any, after: Any, alike: bool) -> Iterator[Change]:
    """Where two values differ. ``alike``: their bytes are the same."""
    if alike or _equal(before, after):
        return
    where = ""
    for _ in range(DEEPEST):
        part = _differing(before, after)
        if part is None:
            break
        step, before, after = part
        where += step
    yield Change(key, "value", shown(before), shown(after), where.removeprefix("."))


def _equal(before: Any, after: Any) -> bool:
    if isinstance(before, BaseException) and isinstance(after, BaseException):
        return type(before) is type(after) and said(before) == said(after)
    try:
        return type(before) is type(after) and bool(before == after)
    except Exception:  # arrays, and whatever else compares in its own way
        return shown(before) == shown(after)


def _differing(before: Any, after: Any) -> tuple[str, Any, Any] | None:
    """The only part in which two values of the same form differ."""
    if type(before) is not type(after):
        return None
    if isinstance(before, list | tuple) and len(before) == len(after):
        parts = [(f"[{i}]", a, b) for i, (a, b) in enumerate(zip(before, after, strict=True))]
    elif isinstance(before, Mapping) and before.keys() == after.keys():
        parts = [(f"[{key!r}]", value, after[key]) for key, value in before.items()]
    elif isinstance(before, StandIn) and before.type == after.type and isinstance(before.parts, dict):
        parts = [(f".{name}", value, after.parts.get(name)) for name, value in before.parts.items()]
    elif attrs.has(type(before)) or hasattr(type(before), "__dataclass_fields__"):
        names = getattr(type(before), "__dataclass_fields__", None) or [f.name for f in attrs.fields(type(before))]
        parts = [(f".{name}", getattr(before, name, None), getattr(after, name, None)) for name in names]
    else:
        return None
    found = [part for part in parts if not _equal(part[1], part[2])]
    return found[0] if len(found) == 1 else None
