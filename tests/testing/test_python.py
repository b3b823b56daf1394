"""``cflow.testing`` from Python: the same words, for pytest."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import trio

import cflow
from cflow import testing
from cflow.dsl.loader.python_files import import_file

FLOWS = """

@flow
def settle(sku: str, tries: int = 2) -> str:
    with transaction(timeout=120):
        hold = reserve.options(undo=release)(sku)
        pay = charge.options(retry=tries)("4242", 9.5, key=KEY)
        return f"{hold} {pay}"

@flow
def wait(x: int) -> int:
    sleep("3d")
    return slow(x)

@node(writes="mail")
def quick(x: int) -> int:
    return x

@flow
def quickly(x: int) -> int:
    return quick(x)
"""


@pytest.fixture
def shop_module(shop: Path) -> ModuleType:
    path = shop / "shop.py"
    path.write_text(path.read_text() + FLOWS)
    sys.modules.pop("shop", None)
    module = import_file(path)
    sys.modules.pop("shop", None)
    return module


def test_mock_and_attempt(shop_module: ModuleType) -> None:
    m = shop_module
    with testing.mock(m.reserve, "hold-1"), testing.mock(m.charge, "pay-1"):
        assert testing.attempt(m.settle, "A").value == "hold-1 pay-1"
    assert testing.calls(m.reserve) == ["A"]
    assert testing.calls(m.charge) == [("4242", 9.5, "<SHOP_KEY_THAT_IS_NOT_SET>")]
    assert isinstance(testing.attempt(m.settle, "A").error, RuntimeError)


def test_a_mock_without_a_block_holds_to_the_end_of_the_test(shop_module: ModuleType) -> None:
    m = shop_module
    testing.mock(m.reserve, "hold-1")
    testing.mock(m.release)
    testing.mock(m.charge, raises=m.CardDeclined("no funds"))
    result = testing.attempt(m.settle, "A")
    assert isinstance(result.error, m.CardDeclined)
    assert len(testing.calls(m.charge)) == 3
    assert testing.calls(m.release) == ["hold-1"]
    testing.reset()
    assert testing.calls(m.charge) == []


def test_the_test_before_left_nothing(shop_module: ModuleType) -> None:
    assert testing.calls(shop_module.charge) == []
    assert isinstance(testing.attempt(shop_module.settle, "A").error, RuntimeError)


def test_the_last_mock_counts_and_blocks_end(shop_module: ModuleType) -> None:
    m = shop_module
    with testing.mock(m.slow, 1):
        with testing.mock(m.slow, 2):
            assert testing.attempt(m.wait, 5).value == 2
        assert testing.attempt(m.wait, 5).value == 1
    assert testing.attempt(m.wait, 5).value == 5


def test_a_mock_as_a_decorator(shop_module: ModuleType) -> None:
    mocked = testing.mock(shop_module.slow, 7)

    @mocked
    def inner() -> object:
        return testing.attempt(shop_module.wait, 5).value

    assert inner() == 7


def test_an_exception_class(shop_module: ModuleType) -> None:
    with testing.mock(shop_module.slow, raises=shop_module.CardDeclined):
        assert isinstance(testing.attempt(shop_module.wait, 5).error, shop_module.CardDeclined)


def test_run_meets_mocks_too(shop_module: ModuleType) -> None:
    m = shop_module
    with testing.mock(m.reserve, "hold-1"), testing.mock(m.charge, "pay-1"), pytest.raises(cflow.InputError):
        m.settle.run("A")  # the secret is not set: only `attempt` stands in for it
    with testing.mock(m.slow, 9):
        assert m.slow(1) == 9


def test_within_a_loop(shop_module: ModuleType) -> None:
    async def inside() -> object:
        return testing.attempt(shop_module.wait, 5).value

    assert trio.run(inside) == 5


def test_events(shop_module: ModuleType) -> None:
    result, seen = testing.events(shop_module.wait, 5)
    assert result.value == 5
    assert [(e.kind, e.what) for e in seen][:1] == [("run", "started")]
    assert ("node", "done") in [(e.kind, e.what) for e in seen]


def test_inputs_and_programs_that_are_wrong(shop_module: ModuleType) -> None:
    assert isinstance(testing.attempt(shop_module.wait, "x").error, cflow.InputError)
    with pytest.raises(TypeError, match="mock the nodes"):
        testing.mock(shop_module.wait)
    with pytest.raises(TypeError, match="mock the nodes"):
        testing.calls(5)


def test_a_loaded_file(shop: Path) -> None:
    (shop / "orders.cflow").write_text(
        'from "./shop.py" import reserve\nflow f(sku: str) -> str:\n    return reserve(sku, 2)\n'
    )
    module = cflow.load(shop / "orders.cflow")
    with testing.mock(module.reserve, "h"):
        assert testing.attempt(module.f, "A").value == "h"
    assert testing.calls(module.reserve) == [("A", 2)]


def test_a_mock_as_a_decorator_of_what_goes_on_after_its_call(shop_module: ModuleType) -> None:
    m = shop_module
    testing.mock(m.quick, 1)

    @testing.mock(m.quick, 7)
    async def coroutine() -> object:
        return await m.quickly.start(5)

    @testing.mock(m.quick, 8)
    def generator() -> Iterator[object]:
        yield m.quick(5)
        yield m.quick(5)

    @testing.mock(m.quick, 9)
    async def async_generator() -> AsyncIterator[object]:
        yield await m.quickly.start(5)

    async def both() -> list[object]:
        return [await coroutine(), *[x async for x in async_generator()], await m.quickly.start(5)]

    assert m.quick(5) == 1  # a decorator holds while its function runs, no longer
    assert trio.run(both) == [7, 9, 1]
    assert list(generator()) == [8, 8]
    assert m.quick(5) == 1


def test_every_engine_meets_mocks(shop_module: ModuleType) -> None:
    m = shop_module
    engine = cflow.Engine()
    assert engine.run(m.quickly, 5) == m.quickly.run(5) == 5
    with testing.mock(m.quick, 1):
        assert engine.run(m.quickly, 5) == cflow.Engine().run(m.quickly, 5) == m.quickly.run(5) == 1
        assert engine.submit(m.quickly, 5).result() == 1
    assert testing.calls(m.quick) == [5] * 4
    assert engine.run(m.quickly, 5) == m.quickly.run(5) == 5
    testing.reset()
    assert engine.run(m.quickly, 5) == 5
    assert testing.calls(m.quick) == []
    testing.mock(m.quick, 2)
    assert engine.run(m.quickly, 5) == m.quickly.run(5) == 2
