"""The catalogue: every id that lowering reports is in it, every example triggers its rule, every fix does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cflow
from cflow.compiler.diagnostics import Diagnostic
from cflow.compiler.rules import RULES, SHOP, Rule, page
from cflow.dsl.catalogue import catalogue
from cflow.dsl.loader import check_python
from cflow.dsl.lower.report import WARNINGS

ROOT = Path(cflow.__file__).parent


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def findings(rule: Rule, program: str, folder: Path) -> list[Diagnostic]:
    if rule.python:
        file = folder / "program.py"
        file.write_text(program)
        return check_python(file)
    return cflow.check(program, base=folder)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda r: r.id)
def test_the_example_triggers_the_rule_and_the_fix_does_not(rule: Rule, shop: Path) -> None:
    found = findings(rule, rule.example, shop)
    mine = [d for d in found if d.id == rule.id]
    assert mine, found
    assert all(d.severity == rule.severity for d in mine)
    assert all(d.help and d.message and not d.message.endswith(".") and d.span.line for d in mine)
    fixed = findings(rule, rule.fix, shop)
    assert [d for d in fixed if d.severity == "error" or d.id == rule.id] == []


def test_every_finding_of_lowering_has_a_rule() -> None:
    text = "".join(p.read_text() for p in (ROOT / "dsl" / "lower").glob("*.py"))
    reported = set(re.findall(r'report\(\s*"([a-z]+(?:-[a-z]+)*)"', text))
    reported |= {f"undeclared-{o}" for o in ("retry", "cache")}
    whole = catalogue()
    assert reported <= set(whole), sorted(reported - set(whole))
    assert WARNINGS == {r.id for r in RULES.values() if r.severity == "warning"}


def test_the_page_is_what_the_catalogue_says() -> None:
    assert (ROOT / "docs" / "diagnostics.md").read_text() == page(catalogue())
