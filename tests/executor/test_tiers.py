"""Where plain nodes run, found out by measuring; and that a program means the same wherever they do."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cflow import Engine, collect, flow, node, parallel, transaction
from cflow.executor import tiers
from cflow.executor.tiers import TIERS, Tier

LOG: list[Any] = []
WHERE: list[str] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()
    WHERE.clear()


def here() -> None:
    WHERE.append("main" if threading.current_thread() is threading.main_thread() else "thread")


def make(**declared: Any) -> tuple[Any, Any]:
    """A new node that nothing is known of, in a flow that needs a loop."""

    @node(reads="r", **declared)
    def fresh(x: int) -> int:
        here()
        if x < 0:
            time.sleep(0.06)
        return x

    @node(reads="r")
    async def on_the_loop(x: int) -> int:
        return x

    @flow
    def program(x: int) -> int:
        a = on_the_loop(x)
        return fresh(a)

    return fresh, program


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine any call may take long."""
    monkeypatch.setattr(tiers, "QUICK", 0.02)
    monkeypatch.setattr(tiers, "lost", lambda: 0.0)


@pytest.mark.usefixtures("patient")
def test_a_node_begins_in_a_thread_and_is_trusted_when_it_is_quick() -> None:
    _, program = make()
    engine = Engine()
    for _ in range(tiers.CALLS):
        engine.run(program, 1)
    assert set(WHERE) == {"thread"}
    WHERE.clear()
    for _ in range(5):
        engine.run(program, 1)
    assert set(WHERE) == {"main"}


@pytest.mark.usefixtures("patient")
def test_a_node_that_stalls_goes_back() -> None:
    fresh, program = make()
    engine = Engine()
    tier = TIERS.of(fresh.fn)
    for _ in range(tiers.CALLS):
        tier.measured(1e-6)
    engine.run(program, -1)
    assert WHERE == ["main"]
    engine.run(program, 1)
    assert WHERE == ["main", "thread"]


def trusted() -> Tier:
    tier = Tier()
    for _ in range(tiers.CALLS):
        tier.measured(1e-6)
    assert tier.trusted
    return tier


@pytest.mark.parametrize(("lost", "stays"), [(0.0, False), (0.03, False), (0.0595, True)])
def test_a_call_that_waited_for_a_processor_is_not_slow(
    lost: float, stays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiers, "lost", lambda: lost)
    tier = trusted()
    for _ in range(tiers.STRIKES):
        tier.stalled(0.06)
    assert tier.trusted is stays


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="only Linux tells")
def test_who_sleeps_does_not_wait_for_a_processor() -> None:
    began = time.perf_counter()
    tiers.lost()
    time.sleep(0.05)
    assert 0.0 <= tiers.lost() <= time.perf_counter() - began - 0.05 + 1e-3


def test_where_nobody_can_tell_all_is_the_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: Any, **kwargs: Any) -> Any:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    assert tiers.lost() == 0.0


def test_what_is_declared_is_obeyed() -> None:
    fresh, program = make(runs="loop")
    Engine().run(program, 1)
    Engine().run(program, -1)
    Engine().run(program, 1)
    assert WHERE == ["main"] * 3
    WHERE.clear()
    fresh, program = make(runs="thread")
    for _ in range(tiers.CALLS):
        TIERS.of(fresh.fn).measured(1e-6)
    Engine().run(program, 1)
    assert WHERE == ["thread"]


def test_a_slow_call_starts_the_window_again() -> None:
    tier = Tier()
    for _ in range(10):
        for _ in range(tiers.CALLS - 1):
            tier.measured(1e-6)
        tier.measured(1.0)
    assert not tier.trusted
    for _ in range(tiers.CALLS):
        tier.measured(1e-6)
    assert tier.trusted


def test_callables_of_any_kind_have_a_tier() -> None:
    class Odd:
        __slots__ = ()
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, x: int) -> int:
            return x

    odd = Odd()
    assert TIERS.of(odd) is TIERS.of(odd)
    assert TIERS.of(len) is TIERS.of(len)


# ---- the same program in every state -------------------------------------------------------------------------


@node(reads="r")
def look(x: Any) -> Any:
    return x


@node(writes="w")
def put(x: Any) -> Any:
    LOG.append(x)
    return x


@node(writes="w")
def take_back(x: Any) -> None:
    LOG.append(f"-{x}")


@node(writes="w", undo=take_back)
def reserve(x: Any) -> Any:
    LOG.append(x)
    return x


@node(reads="r")
def check(x: Any) -> Any:
    if x == 3:
        raise ValueError(x)
    return x


@node(pure=True)
def plus(x: int, y: int = 1) -> int:
    return x + y


@flow
def inner(x: int) -> int:
    y = reserve(x)
    return look(y)


@flow
def deep(x: int) -> int:
    if x <= 0:
        return look(0)
    return plus(deep(x - 1))


@flow
def everything(xs: list[int]) -> list[Any]:
    a = look(1)
    b = look(a + 1)
    c = plus(a, y=b)
    put(c)
    done = collect((check(x) for x in parallel(xs, limit=3)), max_failed=2)
    squares = [plus(look(x), x) for x in parallel(xs, limit=3)]
    with parallel():
        d = look(4)
        e = plus(5)
    seen = 0
    try:
        seen = look(1)
        with transaction():
            inner(1)
            seen = look(2)
            for x in xs:
                reserve(x)
                check(x)
            seen = look(3)
    except ValueError as error:
        f = [seen, str(error)]
    else:
        f = []
    finally:
        put("finally")
    total = 0
    for x in xs:
        if look(x) % 2:
            continue
        total = plus(total, x)
        if total > 5:
            break
    return [a, b, c, list(done.ok), len(done.failed), squares, d, e, f, total, deep(5)]


NODES = [look, put, take_back, reserve, check, plus]


def substituted(spec: Any, fn: Any) -> Any:
    if spec.name not in {n.fn.__name__ for n in NODES}:
        return None

    async def other(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return other


def test_a_program_means_the_same_in_every_state() -> None:
    xs = list(range(8))
    found = []
    for state in ("cold", "warm", "stalled"):
        for n in NODES:
            tier = TIERS.of(n.fn)
            tier.trusted = state == "warm"
        TIERS.epoch += 1
        for options in ({}, {"sinks": [lambda event: None]}, {"substitute": substituted}, {"limit": 1}):
            for way in ("run", "submit"):
                LOG.clear()
                engine = Engine(**options)
                value = engine.run(everything, xs) if way == "run" else engine.submit(everything, xs).result(20)
                found.append((value, list(LOG)))
    assert all(f == found[0] for f in found), found
    assert found[0][0][8] == [2, "3"]
    assert found[0][1] == [3, 1, 0, 1, 2, 3, "-3", "-2", "-1", "-0", "-1", "finally"]


@node(writes="w", undo=take_back, runs="loop")
def reserve_in_place(x: Any) -> Any:
    LOG.append(x)
    return x


@node(pure=True, runs="loop")
def fails_in_place(x: Any) -> Any:
    raise ValueError(x)


@flow
def quick_inner(x: int) -> int:
    return reserve_in_place(x)


@flow
def quick_inners_in_a_transaction(x: int) -> int:
    with transaction():
        a = quick_inner(x)
        b = quick_inner(a + 1)
        c = fails_in_place(b)
    return c  # noqa: RET504


@pytest.mark.parametrize("inlined", [True, False])
def test_what_a_quick_sub_flow_did_is_undone(inlined: bool) -> None:
    engine = Engine()
    compiled = engine.compiled(quick_inners_in_a_transaction)
    compiled._optimized = None if inlined else compiled.graph
    compiled._orders = None
    with pytest.raises(ValueError, match="2"):
        engine.run(quick_inners_in_a_transaction, 1)
    assert LOG == [1, 2, "-2", "-1"]


def test_linking_again_while_a_run_is_under_way() -> None:
    @flow
    def many(n: int) -> int:
        total = 0
        for i in range(n):
            total += look(i)
        return total

    for n in NODES:
        TIERS.of(n.fn).trusted = False
        TIERS.of(n.fn).calls = 0
    assert Engine().run(many, 200) == sum(range(200))
    assert Engine().run(many, 200) == sum(range(200))


@pytest.mark.parametrize("declared", [{}, {"runs": "thread"}])
@pytest.mark.parametrize("owed", [False, True], ids=["bare", "in a transaction"])
def test_a_flow_of_plain_nodes_is_one_function_call_where_nothing_is_to_be_waited_for(
    declared: dict[str, Any], owed: bool
) -> None:
    @node(writes="w", **declared)
    def put(x: int) -> int:
        here()
        return x

    @flow
    def bare(x: int) -> int:
        put(x)
        return put(x)

    @flow
    def kept(x: int) -> int:
        with transaction():
            put(x)
            return put(x)

    Engine().run(kept if owed else bare, 1)
    assert set(WHERE) == {"thread" if owed or declared else "main"}, "as docs/writing-nodes.md says"
