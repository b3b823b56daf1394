"""Every pass on the pairs of graphs in ``tests/fixtures/<pass>/``: it gives what is written, and both do the same.

A file has the graph before, a line ``---`` and the graph after. ``# run: n=3`` lines give the inputs of the runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from graph_fakes import outcome, parse_inputs

from cflow.compiler.diagnostics import EngineBug
from cflow.compiler.passes import PASSES, Pass, optimize
from cflow.compiler.printer import print_graph
from cflow.compiler.reader import read_graph
from cflow.compiler.verify import verify

FIXTURES = Path(__file__).parent.parent / "fixtures"
FILES = sorted(path for step in PASSES for path in (FIXTURES / step.name).glob("*.graph"))


def test_every_pass_has_fixtures() -> None:
    assert {path.parent.name for path in FILES} == {step.name for step in PASSES}


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_fixture(path: Path) -> None:
    text = path.read_text()
    before_text, _, after_text = text.partition("\n---\n")
    before, after = read_graph(before_text), read_graph(after_text)
    verify(before)
    step = next(p for p in PASSES if p.name == path.parent.name)
    result = optimize(before, (step,))
    assert print_graph(result) == print_graph(after)
    runs = [line.removeprefix("# run:").strip() for line in text.splitlines() if line.startswith("# run:")]
    assert runs, "a fixture says with which inputs it is run"
    for run in runs:
        inputs = parse_inputs(run)
        assert outcome(result, inputs) == outcome(before, inputs)
        assert outcome(optimize(before), inputs) == outcome(before, inputs)


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_pass_with_nothing_to_do_gives_the_same_object(path: Path) -> None:
    _, _, after_text = path.read_text().partition("\n---\n")
    after = read_graph(after_text)
    step = next(p for p in PASSES if p.name == path.parent.name)
    assert step.run(after) is after


def test_the_observer_sees_every_step() -> None:
    graph = read_graph("graph m\nflow m = m() -> int\n  body:\n    give (1 + 2)\n")
    seen: list[tuple[str, bool]] = []
    optimize(graph, observer=lambda step, before, after: seen.append((step.name, before is after)))
    assert [name for name, _ in seen] == [step.name for step in PASSES]
    assert [name for name, unchanged in seen if not unchanged] == ["fold_constants"]


def test_a_pass_that_breaks_a_law_is_named() -> None:
    graph = read_graph("graph m\nflow m = m() -> int\n  body:\n    give 1\n")
    broken = read_graph("graph m\nflow m = m() -> int\n  body:\n    give %x\n")
    with pytest.raises(EngineBug, match="the pass spoil broke a law: bound"):
        optimize(graph, (Pass("spoil", "none", lambda _: broken),))
