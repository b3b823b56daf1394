"""Each optimization can be switched off: other code is written then. That it does the same: ``tests/generate``."""

from __future__ import annotations

import linecache
from typing import Any

import pytest

from cflow import Engine, flow, node, parallel
from cflow.engine import compile_flow
from cflow.executor.frame import Table
from cflow.executor.tiers import TIERS
from cflow.planner.optimizations import ALL, NAMES, NONE, Optimizations


@node(reads="world")
async def wait(x: int) -> list[int]:
    return [x]


@node(reads="world")
def slow(x: int) -> int:
    return x


@node(reads="world", runs="loop")
def quick(x: int) -> int:
    return x


@node(reads="world")
def proven(x: int) -> int:
    return x


@flow
def chain(x: int) -> int:
    a = wait(x)
    b = wait(len(a))
    return len(b)


@flow
def rows(x: int) -> int:
    a = wait(x)
    b = wait(x)
    c = quick(x)
    d = quick(x)
    return len(a) + len(b) + c + d


@flow
def in_place(x: int) -> int:
    return quick(x)


@flow
def caller(x: int) -> int:
    a = wait(x)
    b = in_place(x)
    return len(a) + b


@flow
def threads(x: int) -> int:
    a = slow(x)
    b = slow(x)
    return a + b


@flow
def hops(x: int) -> int:
    a = slow(x)
    return slow(a)


@flow
def lanes(x: int) -> list[int]:
    return [slow(i) for i in parallel(range(x))]


@flow
def passes(x: int) -> list[int]:
    a = wait(x)
    return [quick(i) for i in parallel(a)]


@flow
def trusted(x: int) -> int:
    return proven(x)


FLOWS: dict[str, Any] = {
    "straight": chain,
    "direct": in_place,
    "flows_in_place": caller,
    "segments": rows,
    "plain_rows": rows,
    "nodes_in_place": trusted,
    "hops": hops,
    "lanes": lanes,
    "lane_rows": threads,
    "loops_in_order": passes,
    "release": chain,
    "critical_first": rows,
}


def written(program: Any, on: Optimizations) -> Any:
    """What linking gives, in a form that can be compared."""
    compiled = compile_flow(program.source)
    compiled._optimized = compiled.graph  # else small flows are inlined
    linked = Engine(optimizations=on)._link(compiled, False)
    linked.written()
    module = linked.module
    tables = [(t.kind, t.priority) for t in module.names.values() if isinstance(t, Table)]
    return linked.direct is None, tables, ["".join(linecache.getlines(file)) for file in module.files]


def test_a_switch_changes_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TIERS.of(proven.fn), "trusted", True)
    assert {*FLOWS, "door"} == set(NAMES)
    for name, program in FLOWS.items():
        usual = written(program, ALL)
        assert written(program, ALL) == usual, name
        assert written(program, ALL.without(name)) != usual, name


@pytest.mark.parametrize("on", [ALL, ALL.without("door"), ALL.without("direct"), NONE])
def test_the_short_way_in(on: Optimizations) -> None:
    in_place.door = None
    engine = Engine(optimizations=on)
    assert [engine.run(in_place, x) for x in (1, 2)] == [1, 2]
    assert (in_place.door is not None) is (on == ALL)


def test_an_unknown_name() -> None:
    with pytest.raises(TypeError, match="fast"):
        ALL.without("fast")
