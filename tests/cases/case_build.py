"""Turns a case into files: a module of fake nodes, the program as text, the program as Python."""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
from pathlib import Path
from types import ModuleType

from attrs import frozen
from case_file import Case, FakeNode, Variant

_numbers = itertools.count(1)

FORMS = (
    "flow node secret env transaction timeout lock parallel collect Collected race loop wait_signal sleep detach "
    "buffered windowed batched convert Retry"
).split()
LIBRARY = {
    "Iterator": "collections.abc",
    "dataclass": "dataclasses",
    "date": "datetime",
    "datetime": "datetime",
    "timedelta": "datetime",
    "Final": "typing",
    "Any": "typing",
    "Literal": "typing",
}
ERRORS = ("A", "B", "C", "SubA")

HEAD = '''"""Fake nodes of a case."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

from case_stage import call, fail, items, now as _now, world as _world
from cflow import Retry, node


class A(Exception):
    """A fake error."""


class B(Exception):
    """Another one."""


class C(Exception):
    """A third one."""


class SubA(A):
    """A kind of A."""

'''


@frozen
class Built:
    """The two programs of one variant on disk."""

    folder: Path
    nodes: str
    text: str
    python: str
    text_lines: int
    """How many lines the runner put in front of the author's text."""
    python_lines: int


def build(case: Case, variant: Variant, folder: Path) -> Built:
    """Write ``nodes.py``, ``program.cflow`` and ``program.py`` under ``folder``."""
    nodes = f"case_nodes_{next(_numbers)}"
    (folder / f"{nodes}.py").write_text(HEAD + "".join(_source(n) for n in variant.nodes.values()), encoding="utf-8")
    names = [*variant.nodes, *ERRORS]
    text_head = [f'from "./{nodes}.py" import {", ".join(used)}'] if (used := _used(names, case.text)) else []
    text = _join(text_head, case.text)
    python_head = ["from __future__ import annotations"]
    if used := _used(names, case.python):
        python_head.append(f"from {nodes} import {', '.join(used)}")
    if used := _used(FORMS, case.python):
        python_head.append(f"from cflow import {', '.join(used)}")
    python_head += [f"from {LIBRARY[n]} import {n}" for n in _used(LIBRARY, case.python)]
    python = _join(python_head, case.python)
    (folder / "program.cflow").write_text(text, encoding="utf-8")
    (folder / "program.py").write_text(python, encoding="utf-8")
    return Built(folder, nodes, text, python, len(text_head), len(python_head))


def import_python(built: Built) -> ModuleType:
    """Import the Python spelling, with its nodes under their own name."""
    for name, path in ((built.nodes, f"{built.nodes}.py"), (f"{built.nodes}_program", "program.py")):
        spec = importlib.util.spec_from_file_location(name, built.folder / path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return module


def _used(names: object, text: str) -> list[str]:
    return [n for n in names if re.search(rf"(?<![\w.]){n}\b", text)]  # type: ignore[attr-defined]


def _join(head: list[str], body: str) -> str:
    return "".join(f"{line}\n" for line in head) + body


def _source(n: FakeNode) -> str:
    params = n.signature[n.signature.index("(") :]
    returns = "" if "->" in params else " -> Any"
    args = list(re.findall(r"(\w+)\s*(?::[^,()]*(?:\[[^]]*\])?)?(?:=[^,()]*)?[,)]", params.split("->")[0]))
    shown = "".join(f", {a}" for a in args)
    if n.stream and "->" not in params:
        returns = " -> AsyncIterator[Any]"
    kind = "def" if n.sync else "async def"
    decorator = f"@node({n.declares})" if n.declares else "@node"
    lines = [decorator, f"{kind} {n.name}{params}{returns}:", f"    with call({n.name!r}{shown}) as it:"]
    body = []
    if n.stream:
        body += [
            f"async with aclosing(items(it, {n.takes[0]}, {n.gives[0]})) as values:",
            "    async for value in values:",
            "        yield value",
        ]
    else:
        wait = "it.takes_sync" if n.sync else "await it.takes"
        body += [f"{wait}({t})" for t in n.takes[:1]] if len(n.takes) == 1 else [f"{wait}({_by_count(n.takes)})"]
        for index, outcome in enumerate(n.gives, 1):
            last = index == len(n.gives)
            statement = outcome if outcome.startswith("raise ") else f"return {outcome}"
            statement = statement.replace("now()", "_now()").replace("world", "_world()")
            body.append(statement if last else f"if it.count == {index}:")
            if not last:
                body.append(f"    {statement}")
    lines += [f"        {line}" for line in body]
    return "\n" + "\n".join(lines) + "\n\n"


def _by_count(values: tuple[str, ...]) -> str:
    return f"({', '.join(values)})[min(it.count, {len(values)}) - 1]"
