"""The catalogue of loading: every id that the code reports is in it, every example triggers its rule, every fix does not."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cflow
from cflow.compiler.rules import Rule
from cflow.dsl.loader.rules import RULES

LOADER = Path(cflow.__file__).parent / "dsl" / "loader"
ELSEWHERE = {
    "python-syntax",
    "python-tests",
    "file-encoding",
    "import-refused",
    "import-clash",
    "not-granted",
    "extra-missing",
    "import-failed",
    "import-cycle",
    "file-not-readable",
}
"""Rules that the text of one program cannot show; other tests of this folder do."""


def test_every_finding_has_a_rule() -> None:
    text = "".join(p.read_text() for p in LOADER.glob("*.py") if p.name != "rules.py")
    reported = set(re.findall(r'report(?:\.warn)?\(\s*"([a-z]+(?:-[a-z]+)+)"', text))
    ids = {r.id for r in RULES}
    assert len(ids) == len(RULES)
    assert reported == ids - {"python-tests"}


@pytest.mark.parametrize("rule", [r for r in RULES if r.id not in ELSEWHERE], ids=lambda r: r.id)
def test_examples(rule: Rule, tmp_path: Path) -> None:
    found = cflow.check(rule.example, base=tmp_path)
    assert rule.id in {d.id for d in found}
    assert all(d.severity == rule.severity for d in found if d.id == rule.id)
    assert [d for d in cflow.check(rule.fix, base=tmp_path) if d.severity == "error"] == []
