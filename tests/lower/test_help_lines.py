"""What a finding advises is what the author can write."""

from __future__ import annotations

from pathlib import Path

import pytest

import cflow
from cflow.compiler.rules import SHOP

HEAD = 'from "./shop.py" import fetch\n'

HELP: dict[str, tuple[str, list[str]]] = {
    "a pack that is not imported": (
        'flow main() -> str:\n    a = files.read("x")\n    return a\n',
        ["import it: import files"],
    ),
    "a module that is not imported": (
        "flow main() -> float:\n    return math.sqrt(2.0)\n",
        ["import it: import math"],
    ),
    "a field by position": (
        "type P:\n    x: int\n\nflow main() -> int:\n    p = P(1)\n    return p.x\n",
        ["give it by name: x=..."],
    ),
}


@pytest.mark.parametrize(("program", "expected"), HELP.values(), ids=HELP)
def test_help(program: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    text = HEAD + program if "fetch" in program else program
    found = cflow.check(text, base=tmp_path)
    assert [d.help for d in found if d.severity == "error"] == expected
