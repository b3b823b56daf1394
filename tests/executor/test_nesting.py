"""Blocks nested deep, long, and in one another: more than one Python function may hold."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import cflow
from cflow import Engine
from cflow.compiler.diagnostics import RecursionLimit

HERE = Path(__file__).parent
IMPORT = 'from "./nesting_nodes.py" import read, look, same, write, unwrite, fail\n'


def load(text: str) -> Any:
    return cflow.loads(IMPORT + text, base=HERE)


def log_of(module: Any) -> list[object]:
    found: list[object] = module.read.fn.__globals__["LOG"]
    return found


def nest(headers: list[str], body: list[str], indent: int = 1) -> str:
    lines = []
    for header in headers:
        lines.append("    " * indent + header)
        indent += 1
    return "\n".join(lines + ["    " * indent + line for line in body]) + "\n"


CALLS = ["read", "same", "look", "write"]
DEPTH = 24


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("listened", [False, True])
def test_ifs(call: str, overlap: bool, listened: bool) -> None:
    more = f"    b = {call}(x)\n    c = read(x + 1)\n" if overlap else "    b = 0\n    c = 0\n"
    text = f"flow f(x: int) -> int:\n    y = 0\n{more}"
    text += nest([f"if x > {i}:" for i in range(DEPTH)], [f"y = {call}(x) + 1"])
    module = load(text + "    return y + b + c\n")
    engine = Engine(sinks=[lambda e: None] if listened else [])
    extra = (lambda x: 2 * x + 1) if overlap else (lambda x: 0)
    assert engine.run(module.f, 100) == 101 + extra(100)
    assert engine.run(module.f, 10) == extra(10)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("overlap", [False, True])
def test_loops(call: str, overlap: bool) -> None:
    depth = 20
    more = "    b = read(x)\n    c = look(x)\n" if overlap else "    b = 0\n    c = 0\n"
    text = f"flow f(x: int) -> int:\n    y = 0\n{more}"
    text += nest([f"for i{n} in range(1 if y >= 0 else 0):" for n in range(depth)], [f"y += {call}(x)"])
    module = load(text + "    return y + b + c\n")
    assert module.f.run(3) == 3 + (6 if overlap else 0)


@pytest.mark.parametrize("call", CALLS)
def test_exits_out_of_deep_blocks(call: str) -> None:
    text = "flow f(x: int) -> int:\n    y = 0\n    for k in range(5):\n"
    text += nest([f"if x > {i}:" for i in range(DEPTH)], [
        "if k == 1:", "    continue", f"y += {call}(k)", "if k == 3:", "    break", "if x == 999:", "    return -1",
    ], 2)  # fmt: skip
    text += "        y += 100\n    return y\n"
    module = load(text)
    assert module.f.run(100) == 0 + 2 + 3 + 200
    assert module.f.run(999) == -1
    assert module.f.run(5) == 500


@pytest.mark.parametrize("call", CALLS)
def test_exits_out_of_deep_loops_and_tries(call: str) -> None:
    headers = []
    for n in range(9):
        headers += [f"for i{n} in range(2):", "try:"]
    text = "flow f(x: int) -> int:\n    y = 0\n    for k in range(5):\n"
    lines = nest(
        headers,
        [f"y += {call}(1)", "if x == 1:", "    return y", "if x == 2 and y > 3:", "    raise ValueError(y)", "break"],
        2,
    )
    text += lines
    for n in reversed(range(9)):
        text += "    " * (2 * n + 3) + "except ZeroDivisionError:\n" + "    " * (2 * n + 4) + "y = -1\n"
    text += "    return y\n"
    module = load(text)

    def python(x: int) -> int:
        y = 0

        def inner(level: int) -> None:
            nonlocal y
            for _ in range(2):
                if level == 9:
                    return
                if level == 8:
                    y += 1
                    if x == 2 and y > 3:
                        raise ValueError(y)
                    break
                inner(level + 1)

        for _ in range(5):
            inner(0)
        return y

    assert module.f.run(1) == 1
    with pytest.raises(ValueError, match="4"):
        module.f.run(2)
    assert module.f.run(3) == python(3)


@pytest.mark.parametrize("call", ["read", "look", "same"])
def test_names_seen_by_a_handler_around_deep_blocks(call: str) -> None:
    text = "flow f(x: int) -> int:\n    y = 0\n    try:\n        y = 1\n"
    text += nest([f"if x > {i}:" for i in range(DEPTH)], [
        "y = 2", f"z = {call}(x)", "y = 3", "w = fail(z)", "y = 4",
    ], 2)  # fmt: skip
    text += "    except ValueError:\n        return y\n    return -y\n"
    module = load(text)
    assert module.f.run(100) == 3
    assert module.f.run(3) == -1


@pytest.mark.parametrize("call", CALLS)
def test_collecting_through_deep_blocks(call: str) -> None:
    text = "flow f(x: int) -> list[int]:\n    ys = for k in range(4):\n        yield -1\n"
    text += nest([f"if x > {i}:" for i in range(DEPTH)], [f"yield {call}(k)"], 2)
    text += "    return ys\n"
    module = load(text)
    assert module.f.run(100) == [-1, 0, -1, 1, -1, 2, -1, 3]
    assert module.f.run(2) == [-1] * 4


@pytest.mark.parametrize("call", CALLS)
def test_a_stream_through_deep_blocks(call: str) -> None:
    text = "flow f(x: int) -> stream[int]:\n    for k in range(3):\n"
    text += nest([f"if x > {i}:" for i in range(DEPTH)], [f"yield {call}(k)"], 2)
    module = load(text)
    assert list(module.f.run(100)) == [0, 1, 2]
    assert list(module.f.run(3)) == []


def test_scopes_nested_deep() -> None:
    headers = []
    for n in range(8):
        headers += [f"with timeout={n + 5}s:", f'with lock="l{n}":', f"transaction{' with timeout=9s' * (n % 2)}:"]
    text = "flow f(x: int) -> int:\n" + nest(headers, [
        "a = write(1) undo unwrite(1)", "if x:", "    b = fail(2)", "return a",
    ])  # fmt: skip
    module = load(text)
    log = log_of(module)
    log.clear()
    assert module.f.run(0) == 1
    with pytest.raises(ValueError, match="2"):
        module.f.run(1)
    assert log == [1, 1, "undo 1"]


def test_finallys_nested_deep() -> None:
    text = "flow f(x: int) -> int:\n" + nest(["try:"] * 20, ["a = fail(x)", "return a"])
    for n in reversed(range(20)):
        text += "    " * (n + 1) + "finally:\n" + "    " * (n + 2) + f"write({n})\n"
    module = load(text)
    log = log_of(module)
    log.clear()
    with pytest.raises(ValueError, match="7"):
        module.f.run(7)
    assert log == list(reversed(range(20)))


def test_parallel_in_parallel_in_parallel() -> None:
    text = "flow f(n: int) -> list[list[list[int]]]:\n"
    text += "    xs = for i in range(n) with parallel=2:\n"
    text += "        ys = for j in range(n) with parallel=2:\n"
    text += "            zs = for k in range(n) with parallel=2:\n"
    text += "                try:\n                    v = read(100 * i + 10 * j + k)\n"
    text += "                    if k == 2:\n                        v = fail(v)\n"
    text += "                except ValueError as e:\n                    v = -1\n"
    text += "                yield v\n            yield zs\n        yield ys\n    return xs\n"
    module = load(text)
    assert module.f.run(3) == [[[100 * i + 10 * j, 100 * i + 10 * j + 1, -1] for j in range(3)] for i in range(3)]


def test_parallel_blocks_nested_deep() -> None:
    text = "flow f(x: int) -> int:\n"
    for n in range(12):
        text += "    " * (n + 1) + "parallel:\n" + "    " * (n + 2) + f"a{n} = read({n})\n"
    text += "    " * 13 + "last = write(99)\n"
    text += "    return last + " + " + ".join(f"a{n}" for n in range(12)) + "\n"
    module = load(text)
    assert module.f.run(1) == 99 + sum(range(12))


@pytest.mark.parametrize("arms", [3, 60, 300])
@pytest.mark.parametrize("form", ["elif", "match", "calls"])
def test_many_arms(arms: int, form: str) -> None:
    text = "flow f(x: int) -> int:\n"
    if form == "match":
        text += "    match x:\n"
        for n in range(arms):
            text += f"        case {n}:\n            y = read({n} + 1)\n"
        text += "        case _:\n            y = -1\n"
    else:
        test = "x == {}" if form == "elif" else "look(x) == {}"
        for n in range(arms):
            text += f"    {'el' if n else ''}if {test.format(n)}:\n        y = read({n} + 1)\n"
        text += "    else:\n        y = -1\n"
    module = load(text + "    return y\n")
    for x in (0, 1, arms // 2, arms - 1):
        assert module.f.run(x) == x + 1
    assert module.f.run(arms) == -1


@pytest.mark.parametrize("terms", [100])
@pytest.mark.parametrize("op", ["+", "and", "or"])
def test_long_expressions(terms: int, op: str) -> None:
    text = "flow f(x: int) -> int:\n    a = read(x)\n    return " + f" {op} ".join(["x", "a"] * (terms // 2)) + "\n"
    module = load(text)
    assert module.f.run(2) == (2 * terms if op == "+" else 2)


def test_a_deep_expression() -> None:
    text = "flow f(x: int) -> int:\n    return " + "-(" * 60 + "x" + ")" * 60 + "\n"
    assert load(text).f.run(3) == 3


def test_two_thousand_writes_in_ifs() -> None:
    text = "flow f(x: int) -> int:\n    y = read(x)\n"
    for n in range(2000):
        text += f"    if x > {n}:\n        write({n})\n"
    module = load(text + "    return y\n")
    log = log_of(module)
    log.clear()
    assert module.f.run(30) == 30
    assert log == list(range(30))


FIB = """flow fib(n: int) -> int:
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
flow main(n: int) -> int:
    return fib(n)
flow cut(n: int) -> int:
    with timeout=50ms:
        x = fib(n)
    return x
flow even(n: int) -> bool:
    return n == 0 or odd(n - 1)
flow odd(n: int) -> bool:
    return n != 0 and even(n - 1)
flow waits(n: int) -> int:
    if n <= 0:
        return read(0)
    return waits(n - 1) + waits(n - 2)
"""


def test_recursion_that_only_computes_needs_no_loop() -> None:
    module = load(FIB)
    assert module.main.run(15) == 610
    assert module.even.run(40) is True
    engine = Engine()
    for name, direct in (("main", True), ("even", True), ("cut", False), ("waits", False)):
        flow = getattr(module, name)
        assert (engine._link(engine.compiled(flow), False).direct is not None) == direct, name
    assert module.waits.run(4) == 0


def test_recursion_that_only_computes_can_be_cut() -> None:
    """It would take days."""
    with pytest.raises(TimeoutError):
        load(FIB).cut.run(80)


def test_recursion_has_a_limit_under_options() -> None:
    text = "flow f(x: int) -> int with timeout=1h:\n    if x < 0:\n        return 0\n    return f(x + 1) + read(0)\n"
    module = load(text)
    with pytest.raises(RecursionLimit, match=r"1,?000"):
        module.f.run(1)


def test_recursion_has_room_where_others_move_pythons_limit() -> None:
    """Test tools put Python's limit back after each test: the next run has to look, not to remember."""
    module = load(
        "flow f(x: int) -> int with timeout=1h:\n    if x < 0:\n        return 0\n    return f(x - 1) + read(0)\n"
    )
    limit = sys.getrecursionlimit()
    try:
        for _ in range(2):
            sys.setrecursionlimit(900)
            assert module.f.run(300) == 0
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("option", ["", " with retry=1", " with timeout=1h"])
def test_sub_flows_two_hundred_deep_under_options(option: str) -> None:
    text = "flow f(x: int) -> int:\n    if x <= 0:\n        return read(0)\n    return (f(x - 1)" + option + ") + 1\n"
    assert load(text).f.run(200) == 200


def test_sub_flows_of_nested_blocks_are_inlined_into_one_another() -> None:
    text = ""
    for n in range(5):
        inner = f"y = f{n + 1}(x)" if n < 4 else "y = read(x)"
        text += f"flow f{n}(x: int) -> int:\n    y = 0\n" + nest(["if x > 0:"] * 30, [inner]) + "    return y\n"
    module = load(text)
    assert module.f0.run(3) == 3
    assert module.f0.run(0) == 0


@pytest.mark.parametrize("call", CALLS)
def test_an_exit_through_deep_finallys_takes_along_what_they_assign(call: str) -> None:
    text = "flow f(x: int) -> int:\n    y = 0\n    for k in range(3):\n"
    text += nest(["try:"] * 18, [f"z = {call}(k)", "if z >= x:", "    break", "if z == 1:", "    continue"], 2)
    for n in reversed(range(18)):
        text += "    " * (n + 2) + "finally:\n" + "    " * (n + 3) + "y += 1\n"
    text += "        y += 1000\n    return y\n"
    module = load(text)
    assert module.f.run(5) == 2 * 1018 + 18
    assert module.f.run(1) == 1018 + 18
    assert module.f.run(0) == 18
