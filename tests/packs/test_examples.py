"""What the docstrings of packs promise: an example that "gives" something does, in both spellings.

Such an example is: ``call`` gives ``value``.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import cflow
import cflow.stdlib_nodes as packs
from cflow.dsl.nodes import NodeDef

_GIVES = re.compile(r"``((?:[^`]|`(?!`))+)``\s+gives\s+``((?:[^`]|`(?!`))+)``")
_NUMBER = count()


def examples() -> list[tuple[str, str, Any]]:
    found = []
    for pack in packs.PACKS:
        if pack == "files":  # its examples need files
            continue
        module = importlib.import_module(f"cflow.stdlib_nodes.{pack}")
        for name, value in vars(module).items():
            if isinstance(value, NodeDef) and value.fn.__module__ == module.__name__:
                doc = value.fn.__doc__ or ""
                for i, (call, result) in enumerate(_GIVES.findall(doc)):
                    if f"{pack}.{name}(" in call and "..." not in result + call:
                        found.append((f"{pack}.{name}-{i}", call, ast.literal_eval(result)))
    return found


def test_there_are_examples() -> None:
    packs_shown = {name.partition(".")[0] for name, _, _ in examples()}
    assert packs_shown >= {"csv", "json", "jsonl", "yaml", "toml"}


@pytest.mark.parametrize(("call", "result"), [pytest.param(c, r, id=n) for n, c, r in examples()])
def test_an_example_gives_what_it_says_in_both_spellings(
    call: str, result: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = [p for p in packs.PACKS if re.search(rf"(?<![\w.]){p}\.", call)]
    text = cflow.loads(f"import {', '.join(used)}\nflow example() -> Any:\n    return {call}\n")
    name = f"docstring_example_{next(_NUMBER)}"
    (tmp_path / f"{name}.py").write_text(
        f"from typing import Any\nfrom cflow import flow\nfrom cflow.stdlib_nodes import {', '.join(used)}\n\n\n"
        f"@flow\ndef example() -> Any:\n    return {call}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        python: Any = importlib.import_module(name)
    finally:
        sys.modules.pop(name, None)
    assert text.example.run() == result
    assert python.example.run() == result
    assert text.example.digest == python.example.digest
