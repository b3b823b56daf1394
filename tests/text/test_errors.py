"""What is said about malformed texts: ``errors.md``, the table of mistakes, the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from text_support import FOLDER, check, line, sections

from cflow.compiler.diagnostics import Collector, ProgramError
from cflow.dsl.text import errors, format_text, parse
from cflow.dsl.text.mistakes import MISTAKES, WORDS, Mistake
from cflow.dsl.text.rules import RULES

SOURCES = FOLDER.parent.parent / "dsl" / "text"


@sections("errors.md")
def test_errors(blocks: dict[str, str]) -> None:
    _, found = check(blocks["cflow"])
    assert "\n".join(map(line, found)) + "\n" == blocks["found"]
    for diagnostic in found:
        assert diagnostic.help, "every finding says what to do"
        assert not diagnostic.message.endswith(".")


EXAMPLES = [pytest.param(m, e, id=f"{m.id}: {e!r:.50}") for m in MISTAKES for e in m.examples]


@pytest.mark.parametrize(("mistake", "example"), EXAMPLES)
def test_each_mistake_is_recognised(mistake: Mistake, example: str) -> None:
    text = errors.program(example)
    assert errors.stop(text), "the example is well formed"
    _, found = check(text)
    assert found[0].id == mistake.id or found[0].id in {word[0] for word in WORDS.values()}
    assert len(found) == 1 or example in ("match x:\n    case 1\n    y = 1",)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_catalogue_shows_each_rule(rule: object) -> None:
    assert [d.id for d in check(rule.example)[1]] == [rule.id]  # type: ignore[attr-defined]
    assert check(rule.fix)[1] == []  # type: ignore[attr-defined]


def test_the_catalogue_is_whole() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))
    files = [path for path in SOURCES.glob("*.py") if path.name != "rules.py"]
    used = {id for path in files for id in re.findall(r'"(syntax-[a-z-]+)"', path.read_text("utf-8"))}
    assert used == set(ids)


def test_errors_have_the_severity_of_their_rule() -> None:
    collector = Collector()
    parse("flow f():\n    x = = 1\n", "x.cflow", collector)
    assert collector.failed
    assert str(collector.items[0]).startswith("x.cflow:2:9: error[syntax-expression]: a value is missing (")


def test_what_was_readable_is_there() -> None:
    module, found = check("flow f():\n    x = = 1\n    return 2\n\nflow g(:\n    pass\n\nconst C = 3\n")
    assert len(found) == 2
    assert module is not None
    assert [d.name for d in module.declarations] == ["f", "C"]  # type: ignore[union-attr]


def test_an_unclosed_bracket_names_the_place_where_it_opened() -> None:
    (only,) = check("flow f():\n    x = (a, [b, c)\n")[1]
    assert (only.labels[0].span.column, only.labels[0].text) == (13, "opened here")
    assert (only.expected, only.found) == ("`]`", "`)`")


def test_the_formatter_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(ProgramError) as caught:
        format_text("flow f():\n    x =\n", "x.cflow")
    assert caught.value.diagnostics[0].id == "syntax-expression"
