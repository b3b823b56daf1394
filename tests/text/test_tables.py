"""The kept tables are those of the grammar, and reading a text needs no Lark."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cflow.dsl.text import lalr, tables
from cflow.dsl.text.declarations import Declarations
from cflow.dsl.text.report import Reporter


def test_the_kept_tables_are_those_of_the_grammar() -> None:
    """If this fails, run ``python -m cflow.dsl.text``."""
    made = tables.analyse(tables.grammar_text())  # strict: a conflict would be an error
    kept = tables.tables()
    assert kept == made
    assert tables.pack(made) == (tables.pack(kept))


def test_a_changed_grammar_is_analysed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lalr, "GRAMMAR", "of another grammar")
    assert tables.tables.__wrapped__() == tables.tables()


def test_every_action_is_there() -> None:
    builder = Declarations("", Reporter("x"))
    for production in tables.tables().productions:
        assert callable(getattr(builder, production.action)), production


def test_reading_a_text_needs_no_lark() -> None:
    code = (
        "import sys\n"
        "from cflow.compiler.diagnostics import Collector\n"
        "from cflow.dsl.text import parse\n"
        "assert parse('flow f():\\n    return 1\\n', 'x', Collector())\n"
        "assert not parse('flow f(:', 'x', Collector()).declarations\n"
        "assert not any(name.split('.')[0] == 'lark' for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
