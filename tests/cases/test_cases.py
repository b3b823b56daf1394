"""Every Markdown case of this folder: both spellings, one digest, the expected result, error, times and calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from case_build import Built, build, import_python
from case_file import Case, Variant, read_cases, slug
from case_run import complaints, play_engine, play_reference, result_complaints, writes_of

import cflow

FOLDER = Path(__file__).parent
CASES = [c for path in sorted(FOLDER.glob("*.md")) if path.name != "README.md" for c in read_cases(path)]
VARIANTS = [(c, v) for c in CASES for v in c.variants]


def wrong(variant: Variant) -> bool:
    return any(d.startswith("error") for d in variant.diagnostics or ())


def variants(keep: Any = lambda v: True) -> Any:
    chosen = [pytest.param(c, v, id=f"{c.id}/{slug(v.title)}") for c, v in VARIANTS if keep(v)]
    return pytest.mark.parametrize(("case", "variant"), chosen)


def text_flow(built: Built) -> Any:
    return cflow.loads(built.text, base=built.folder).main


def python_flow(built: Built) -> Any:
    return import_python(built).main


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    def put(variant: Variant) -> None:
        for name, value in variant.env.items():
            monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in CASES if not any(map(wrong, c.variants))])
def test_both_spellings_have_one_digest(case: Case, tmp_path: Path) -> None:
    built = build(case, case.variants[0], tmp_path)
    assert text_flow(built).digest == python_flow(built).digest


@variants(lambda v: v.diagnostics is not None)
def test_diagnostics(case: Case, variant: Variant, tmp_path: Path) -> None:
    built = build(case, variant, tmp_path)
    found = [d for d in cflow.check(built.text, base=built.folder) if d.severity != "info"]
    lines = sorted(f"{d.severity} {d.id} {d.span.line - built.text_lines}" for d in found)
    assert lines == sorted(variant.diagnostics or ()), "\n".join(map(str, found))
    in_python = [d for d in python_flow(built).check() if d.severity != "info"]
    assert sorted(d.id for d in in_python) == sorted(d.split()[1] for d in variant.diagnostics or ()), in_python


@variants(lambda v: v.run and not wrong(v) and v.reference != "no")
def test_reference(case: Case, variant: Variant, tmp_path: Path, environment: Any) -> None:
    environment(variant)
    built = build(case, variant, tmp_path)
    out = play_reference(text_flow(built), variant)
    assert result_complaints(variant, out) == []


@pytest.mark.parametrize("spelling", ["text", "python"])
@variants(lambda v: v.run and not wrong(v))
def test_engine(case: Case, variant: Variant, spelling: str, tmp_path: Path, environment: Any) -> None:
    environment(variant)
    built = build(case, variant, tmp_path)
    flow = text_flow(built) if spelling == "text" else python_flow(built)
    out = play_engine(flow, variant)
    problems = complaints(variant, out)
    assert not problems, "\n".join(problems)
    if variant.reference != "yes":
        return
    reference = play_reference(flow, variant)
    for log in (False, True):
        ours, theirs = writes_of(variant, out, log=log), writes_of(variant, reference, log=log)
        if "parallel" in case.text:  # the author's permission to overlap: any order
            ours, theirs = sorted(ours), sorted(theirs)
        assert ours == theirs, "the writes differ from the sequential reference"
