"""Reads a Markdown case file into data; knows nothing of the engine.

The format is described for authors in ``README.md`` beside this module.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

FIELDS = (
    "given",
    "returns",
    "raises",
    "at",
    "calls",
    "nodes",
    "cancel",
    "signals",
    "diagnostics",
    "limit",
    "clock",
    "reference",
    "env",
    "run",
)
NODE_COLUMNS = 4


@frozen
class FakeNode:
    """One line of a ``nodes`` block.

    ``takes`` and ``gives`` are Python texts, one per call in turn (the last one repeats).
    """

    name: str
    signature: str
    declares: str
    takes: tuple[str, ...]
    gives: tuple[str, ...]
    stream: bool = False
    sync: bool = False


@frozen
class Seen:
    """One call in the trace: the call as text, when it started and ended, and how."""

    call: str
    start: float
    end: float | None
    """None: at any time."""
    how: str = "done"

    def __str__(self) -> str:
        end = "*" if self.end is None else f"{self.end:g}"
        return f"{self.call}  {self.start:g} {end}" + ("" if self.how == "done" else f" {self.how}")


@frozen
class Signal:
    """An answer to a ``wait_signal``."""

    at: float
    name: str
    value: Any
    key: Any = None


@define
class Variant:
    """One ``expect`` block: what is given and what must come out."""

    title: str
    line: int
    nodes: dict[str, FakeNode]
    given: dict[str, Any] = field(factory=dict)
    returns: str | None = None
    raises: str | None = None
    at: float | None = None
    calls: list[Seen] | None = None
    cancel: float | None = None
    signals: list[Signal] = field(factory=list)
    diagnostics: list[str] | None = None
    limit: int | None = None
    clock: str = "virtual"
    reference: str = "yes"
    env: dict[str, str] = field(factory=dict)
    run: bool = True


@define
class Case:
    """A program in both spellings with its variants."""

    file: Path
    title: str
    line: int
    text: str
    python: str
    variants: list[Variant]

    @property
    def id(self) -> str:
        return f"{self.file.stem}/{slug(self.title)}"


def slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


class BadCase(Exception):
    """A case file that cannot be read: names the file and the line."""


_FENCE = re.compile(r"^(`{3,})(\w+)?[ \t]*(.*)$")


@define
class _Draft:
    title: str
    line: int
    blocks: dict[str, str] = field(factory=dict)
    nodes: dict[str, FakeNode] = field(factory=dict)
    expects: list[tuple[str, int, list[str]]] = field(factory=list)


def read_cases(path: Path) -> list[Case]:
    """Every case of one file. A case begins at a ``## `` heading; the ``nodes`` above the first one are shared."""
    drafts: list[_Draft] = []
    shared: dict[str, FakeNode] = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    i = 0
    while i < len(lines):
        line = lines[i]
        if line.startswith("## "):
            drafts.append(_Draft(line[3:].strip(), i + 1, nodes=dict(shared)))
        fence = _FENCE.match(line)
        i += 1
        if fence is None:
            continue
        start = i
        while i < len(lines) and lines[i].strip() != fence[1]:
            i += 1
        body = lines[start:i]
        i += 1
        kind, title = fence[2] or "", fence[3].strip()
        try:
            _block(kind, title, body, start, drafts, shared)
        except (ValueError, SyntaxError, IndexError) as error:
            msg = f"{path}:{start}: {error}"
            raise BadCase(msg) from error
    return [_finish(path, d) for d in drafts]


def _block(
    kind: str, title: str, body: list[str], line: int, drafts: list[_Draft], shared: dict[str, FakeNode]
) -> None:
    if kind == "nodes":
        target = drafts[-1].nodes if drafts else shared
        target.update(read_nodes(body))
    elif kind in ("cflow", "python"):
        if kind in drafts[-1].blocks:
            msg = f"a case has one {kind} block; begin another case with a ## heading"
            raise ValueError(msg)
        drafts[-1].blocks[kind] = "\n".join(body) + "\n"
    elif kind == "expect":
        drafts[-1].expects.append((title, line, body))
    else:
        msg = f"unknown block {kind!r}"
        raise ValueError(msg)


def _finish(path: Path, draft: _Draft) -> Case:
    for kind in ("cflow", "python"):
        if kind not in draft.blocks:
            msg = f"{path}:{draft.line}: the case {draft.title!r} has no {kind} block"
            raise BadCase(msg)
    if not draft.expects:
        msg = f"{path}:{draft.line}: the case {draft.title!r} has no expect block"
        raise BadCase(msg)
    variants = []
    for title, line, body in draft.expects:
        try:
            variants.append(_variant(title, line, body, draft.nodes))
        except (ValueError, SyntaxError, IndexError) as error:
            msg = f"{path}:{line}: {error}"
            raise BadCase(msg) from error
    return Case(path, draft.title, draft.line, draft.blocks["cflow"], draft.blocks["python"], variants)


def read_nodes(lines: list[str]) -> dict[str, FakeNode]:
    """``name(params) -> T | declares | takes | gives`` a line."""
    found = {}
    for line in lines:
        if not line.strip():
            continue
        columns = [c.strip() for c in re.split(r"\s\|(?=\s|$)", line)]
        columns += [""] * (NODE_COLUMNS - len(columns))
        head, declares, takes, gives = columns
        name = head.split("(")[0].strip()
        words = [w.strip() for w in declares.split(", ")] if declares else []
        plain = [w for w in words if w not in ("stream", "sync")]
        found[name] = FakeNode(
            name,
            head,
            ", ".join(plain),
            tuple(t.strip() for t in (takes or "0").split(";")),
            tuple(g.strip() for g in (gives or "None").split(";")),
            stream="stream" in words,
            sync="sync" in words,
        )
    return found


def _variant(title: str, line: int, body: list[str], nodes: dict[str, FakeNode]) -> Variant:
    fields: dict[str, list[str]] = {}
    current: list[str] | None = None
    for text in body:
        if not text.strip():
            continue
        if text[0] in " \t":
            if current is None:
                msg = f"an indented line before any field: {text!r}"
                raise ValueError(msg)
            current.append(text.strip())
            continue
        name, _, rest = text.partition(":")
        if name not in FIELDS:
            msg = f"unknown field {name!r}; there are {', '.join(FIELDS)}"
            raise ValueError(msg)
        current = fields.setdefault(name, [])
        if rest.strip():
            current.append(rest.strip())
    out = Variant(title or "expect", line, dict(nodes))
    out.nodes.update(read_nodes(fields.get("nodes", [])))
    one = {k: " ".join(v) for k, v in fields.items()}
    out.given = _keywords(one.get("given", ""))
    out.env = _keywords(one.get("env", ""))
    out.returns = one.get("returns")
    out.raises = one.get("raises")
    out.at = float(one["at"]) if "at" in one else None
    out.cancel = float(one["cancel"]) if "cancel" in one else None
    out.limit = int(one["limit"]) if "limit" in one else None
    out.clock = one.get("clock", "virtual")
    out.run = one.get("run", "yes") == "yes"
    out.reference = one.get("reference", "yes")
    out.calls = [_seen(c) for c in fields["calls"]] if "calls" in fields else None
    out.signals = [_signal(s) for s in fields.get("signals", [])]
    out.diagnostics = list(fields["diagnostics"]) if "diagnostics" in fields else None
    return out


def _keywords(text: str) -> dict[str, Any]:
    call = ast.parse(f"f({text})", mode="eval").body
    assert isinstance(call, ast.Call)
    return {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg}


def _seen(text: str) -> Seen:
    match = re.fullmatch(r"(.+?)\s+(\d[\d.]*)\s+(\d[\d.]*|\*)(?:\s+(\w+))?", text)
    if match is None:
        msg = f"not a call: {text!r} (write `call(args)  start end [how]`)"
        raise ValueError(msg)
    return Seen(match[1].strip(), float(match[2]), None if match[3] == "*" else float(match[3]), match[4] or "done")


def _signal(text: str) -> Signal:
    """``3 approve = True`` or ``3 approve "key" = True``."""
    match = re.fullmatch(r"(\d[\d.]*)\s+(\w+)(?:\s+(.+?))?\s*=\s*(.+)", text)
    if match is None:
        msg = f"not a signal: {text!r} (write `3 approve = True`)"
        raise ValueError(msg)
    key = ast.literal_eval(match[3]) if match[3] else None
    return Signal(float(match[1]), match[2], ast.literal_eval(match[4]), key)
