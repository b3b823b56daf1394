"""``flow.options(...)``: a flow with a policy laid over its own, in a flow and outside."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

import cflow
from cflow import Retry, flow, node, transaction
from cflow.dsl.loader import check_python

calls: list[str] = []


class Unlucky(Exception):
    pass


@pytest.fixture(autouse=True)
def _empty() -> None:
    calls.clear()


@node(reads="stock")
def look(sku: str) -> int:
    calls.append(sku)
    if len(calls) < 3:
        raise Unlucky(sku)
    return len(calls)


@node(writes="stock")
def fail() -> None:
    calls.append("fail")
    raise Unlucky


@node(writes="stock")
def put_back(n: int) -> None:
    calls.append(f"back {n}")


@flow(timeout=60)
def stock_of(sku: str) -> int:
    return look(sku)


@flow(timeout=60, retry=Retry(2, backoff=0, on=Unlucky))
def declared(sku: str) -> int:
    return look(sku)


@flow
def taken(n: int) -> int:
    put_back(n + 1)
    return n


patient = stock_of.options(retry=Retry(2, backoff=0, on=Unlucky))
undone = taken.options(undo=put_back)


@flow
def main() -> int:
    return patient("a")


@flow
def one(sku: str) -> int:
    return patient.options(retry=1)(sku)


@flow
def rolled_back() -> None:
    with transaction():
        undone(5)
        fail()


def test_the_policy_is_that_of_the_whole_run() -> None:
    assert patient.run("a") == 3
    assert calls == ["a"] * 3
    calls.clear()
    assert patient("a") == 3


def test_it_starts_and_plans_like_any_other() -> None:
    async def main() -> int:
        return await patient.start("a")

    assert trio.run(main) == 3
    assert patient.check() == []
    assert patient.plan().steps
    assert patient.explain()


def test_it_is_the_flow_with_that_header() -> None:
    assert patient.digest == declared.digest != stock_of.digest
    assert stock_of.options().digest == stock_of.digest
    assert declared.options(retry=None).digest == stock_of.digest


def test_it_is_called_in_flows_and_says_more_at_a_call() -> None:
    assert main.run() == 3
    calls.clear()
    with pytest.raises(Unlucky):
        one.run("a")
    assert calls == ["a", "a"]


def test_an_undo_belongs_to_the_call() -> None:
    with pytest.raises(Unlucky):
        rolled_back.run()
    assert calls == ["back 6", "fail", "back 5"]
    calls.clear()
    assert undone.run(1) == 1


def test_what_is_said_later_holds() -> None:
    with pytest.raises(Unlucky):
        patient.options(retry=0).run("a")
    assert calls == ["a"]
    with pytest.raises(TypeError, match="no option 'reads'"):
        stock_of.options(reads="b")  # type: ignore[call-arg]


def test_a_flow_of_a_text_has_options_too() -> None:
    module = cflow.loads("flow f(n: int) -> float:\n    return 1 / n\n")
    assert module.f.options(default=0.5).run(0) == 0.5


def test_checking_reads_it_as_syntax(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text(
        "from cflow import flow\n\n@flow\ndef f(n: int) -> int:\n    return n\n\n\ng = f.options(retry=2)\n\n\n"
        "@flow\ndef main() -> int:\n    return g('a')\n"
    )
    assert [d.id for d in check_python(file)] == ["argument-type"]
