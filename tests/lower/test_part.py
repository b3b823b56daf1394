"""A flow taken out of the program of its whole file is the graph that lowering it alone gives."""

from __future__ import annotations

from pathlib import Path

import pytest

import cflow
from cflow.compiler.diagnostics import Collector
from cflow.compiler.digest import canonical_text
from cflow.compiler.ir import Graph
from cflow.compiler.verify import verify
from cflow.dsl.loader import load_module
from cflow.dsl.lower import check_module, lower, part

EXAMPLES = Path(__file__).parents[2] / "examples"

FILE = """
from "./shop.py" import look, put, take, Basket

secret KEY
env REGION: str = "eu"
const LIMITS: dict[str, int] = {"eu": 3}
type Order:
    id: int
    parts: list[Part] = []
type Part:
    sku: str

flow undo_all(n: int):
    take(n)

flow inner(order: Order) -> int with retry=2:
    transaction:
        n = put(order.id) undo undo_all(n)
    return n

flow outer(orders: list[Order]) -> list[int]:
    done = for order in orders with parallel=2:
        yield inner(order)
    return done

flow alone(basket: Basket) -> str:
    return look(KEY, f"{REGION} {LIMITS['eu']}")

flow down(n: int) -> int:
    if n <= 0:
        return 0
    return up(n - 1)

flow up(n: int) -> int:
    return down(n)

test "all":
    assert down(3) == 0
"""

SHOP = """
from attrs import define
from cflow import node

@define
class Shelf:
    name: str

@define
class Basket:
    shelf: Shelf

@node(reads="shop")
def look(key: str, what: str) -> str:
    return what

@node(writes="shop")
def put(n: int) -> int:
    return n

@node(writes="shop")
def take(n: int) -> None: ...
"""


def assert_same(path: Path) -> None:
    module = load_module(path)
    assert module is not None
    found = Collector()
    program = check_module(module.syntax, module.scope, module.flows, found)
    assert not found.failed, found.items
    for source in module.flows.values():
        ours, alone = part(program, source.key), lower(source, Collector())
        assert ours is not None
        assert alone is not None
        verify(ours.graph)
        assert names(ours.graph) == names(alone.graph)
        assert canonical_text(ours.graph) == canonical_text(alone.graph)
        assert set(alone.objects.nodes) <= set(ours.objects.nodes)
        assert set(alone.objects.classes) <= set(ours.objects.classes)


def names(graph: Graph) -> list[set[str]]:
    return [set(table) for table in (graph.flows, graph.nodes, graph.classes, graph.ambient)]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.cflow")), ids=lambda p: p.stem)
def test_examples(path: Path) -> None:
    assert_same(path)


def test_a_file_of_many_flows(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "file.cflow").write_text(FILE)
    assert_same(tmp_path / "file.cflow")


def test_loading_lowers_each_flow_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cflow.dsl.lower import api

    lowered: list[str] = []
    once = api.lower_flow
    monkeypatch.setattr(api, "lower_flow", lambda program, source: (lowered.append(source.name), once(program, source)))
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "file.cflow").write_text(FILE)
    module = cflow.load(tmp_path / "file.cflow")
    assert module.down.run(5) == 0
    assert module.down.digest
    assert sorted(lowered) == ["alone", "down", "inner", "outer", "undo_all", "up"]


def test_a_flow_loaded_from_a_file_still_tells_its_findings(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    text = "flow quiet() -> int:\n    return 1\nflow loud() -> int:\n    max(1, 2)\n    return 1\n"
    (tmp_path / "file.cflow").write_text(text)
    module = cflow.load(tmp_path / "file.cflow")
    assert module.loud.run() == 1
    assert [d.id for d in module.loud.check()] == ["unused-result"]
    assert module.quiet.check() == []
