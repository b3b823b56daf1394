"""Every workload gives the reference's result by the floors and by Conductor; sizes are those that are told."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import workloads
from engines import ENGINES, Unsupported
from workloads import WORKLOADS, Workload, make

SMALL = {"chain": 20, "async_chain": 20, "fan": 20, "sleeps": 5, "lattice": 5, "random_dag": 300, "branches": 10}
SMALL |= {"nested": 2, "map": 50, "blocking": 20, "one_run": 3}
LACKING = {"plain": {"async_chain", "sleeps", "blocking"}, "pool": {"async_chain", "sleeps", "nested"}}
HERE = ["plain", "by_hand", "pool", "conductor"]


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits are looked up when they begin."""
    monkeypatch.setattr(workloads, "SLEEP", 0.0)
    monkeypatch.setattr(workloads, "BLOCK", 0.0)
    monkeypatch.setattr(workloads, "WAITS", (0.0, 0.0, 0.0))


@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize("name", WORKLOADS)
@pytest.mark.parametrize("engine", HERE)
def test_the_floors_and_conductor_do_the_same_work(engine: str, name: str) -> None:
    module: Any = importlib.import_module(f"engines.{engine}")
    workload = make(name, SMALL.get(name))
    if name in LACKING.get(engine, ()):
        with pytest.raises(Unsupported, match=r"here|one after another"):
            module.build(workload)
        return
    run = module.build(workload)
    for x in (1, 1_000_006):
        assert run(x) == workload.reference(x)


@pytest.mark.parametrize("engine", [name for name, e in ENGINES.items() if e.environment])
def test_adapters_can_be_read_without_their_engine(engine: str) -> None:
    module: Any = importlib.import_module(f"engines.{engine}")
    assert set(module.SIZES) <= set(WORKLOADS)
    assert module.IMPORTS
    build: Callable[[Workload], Any] = module.build
    assert callable(build)
    getattr(module, "stop", lambda: None)()


def test_what_waits_has_an_ideal_and_what_is_small_says_so() -> None:
    assert make("waits").ideal == pytest.approx(0.115)
    assert make("blocking").ideal == pytest.approx(0.065)
    assert make("sleeps").ideal == pytest.approx(0.010)
    assert make("chain").ideal == 0
    assert make("chain", 10).small
    assert not make("chain").small
    assert not make("chain", 1000).small
    assert make("random_dag").units == 2001


def test_named_functions_have_the_parameters_that_they_are_wired_by() -> None:
    import inspect

    node = make("random_dag", 50).nodes[-2]
    fn = workloads.named(node, workloads.FUNCTIONS[node.op])
    assert fn.__name__ == node.name
    assert tuple(inspect.signature(fn).parameters) == node.needs
    assert fn(*range(len(node.needs))) == sum(range(len(node.needs))) + 1
