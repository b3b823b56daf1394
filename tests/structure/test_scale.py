"""Large programs: many waits, long loops, long streams, deep flows. Sizes are the promised ones with ``--long``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import cflow
from cflow import flow, node, parallel, sleep


@node(reads="x")
async def wait(n: int) -> int:
    await trio.sleep(1)
    return n


@node(reads="x")
async def quick(n: int) -> int:
    return n


@node(pure=True)
def add(a: int, b: int) -> int:
    return a + b


@node(reads="s")
async def numbers(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield i


def virtual(program: Any, limit: int = 1000, **inputs: Any) -> tuple[Any, float]:
    """The result and the virtual time it took."""

    async def body() -> tuple[Any, float]:
        result = await cflow.Engine(limit=limit).start(program, **inputs)
        return result, trio.current_time()

    return trio.run(body, clock=trio.testing.MockClock(autojump_threshold=0))


@flow
def waits(n: int) -> int:
    return sum([wait(i) for i in parallel(range(n), limit=100_000)])


def test_concurrent_waits() -> None:
    n = 10_000
    assert virtual(waits, limit=n, n=n) == (sum(range(n)), 1.0)


def test_the_cap_holds_them_back() -> None:
    assert virtual(waits, limit=1000, n=3000) == (sum(range(3000)), 3.0)


@flow
def sleepers(n: int) -> int:
    xs = []
    for i in parallel(range(n), limit=100_000):
        sleep(3600)
        xs.append(i)
    return len(xs)


def test_sleeping_passes_are_not_counted() -> None:
    assert virtual(sleepers, limit=1, n=2000) == (2000, 3600.0)


@flow
def items(n: int) -> int:
    return len([quick(i) for i in parallel(range(n), limit=64)])


def test_a_long_parallel_loop(long: bool) -> None:
    n = 100_000 if long else 10_000
    assert virtual(items, n=n)[0] == n


@flow
def plain_loop(n: int) -> int:
    total = 0
    for i in range(n):
        total = add(total, quick(i))
    return total


def test_a_long_plain_loop(long: bool) -> None:
    n = 100_000 if long else 5_000
    assert virtual(plain_loop, n=n)[0] == sum(range(n))


@flow
def down(n: int) -> int:
    if n == 0:
        return quick(0)
    return 1 + down(n - 1)


@flow
def down_with_options(n: int) -> int:
    if n == 0:
        return quick(0)
    return 1 + down_with_options.options(timeout=1000)(n - 1)


@pytest.mark.parametrize("program", [down, down_with_options], ids=["plain", "options"])
def test_sub_flows_two_hundred_deep(program: Any) -> None:
    assert virtual(program, n=200)[0] == 200


def test_too_deep_is_a_clear_error() -> None:
    with pytest.raises(cflow.RecursionLimit, match=r"1,?000"):
        virtual(down, n=5000)


def test_flows_that_call_each_other_two_hundred_deep(tmp_path: Path) -> None:
    (tmp_path / "nodes.py").write_text(NODES)
    lines = ['from "./nodes.py" import read', "flow f0(n: int) -> int:", "    return read(n)"]
    for i in range(1, 201):
        lines += [f"flow f{i}(n: int) -> int:", f"    return f{i - 1}(n) + 1"]
    module = cflow.loads("\n".join(lines) + "\n", base=tmp_path)
    assert virtual(module.f200, n=5)[0] == 205


NODES = """
from cflow import node

@node(reads="x")
async def read(n: int) -> int:
    return n

@node(writes="x")
async def write(n: int) -> int:
    return n

@node(pure=True, runs="loop")
def calc(n: int) -> int:
    return n + 1
"""


def chain(n: int, call: str) -> str:
    head = 'from "./nodes.py" import read, write, calc\n' if call == "mixed" else f'from "./nodes.py" import {call}\n'
    names = ("read", "write", "calc")
    calls = [names[i % 3] if call == "mixed" else call for i in range(n)]
    body = "".join(f"    x = {name}(x)\n" for name in calls)
    return f"{head}flow main(x: int) -> int:\n{body}    return x\n"


@pytest.mark.parametrize("call", ["read", "write", "calc", "mixed"])
def test_a_chain_of_steps(tmp_path: Path, call: str, long: bool) -> None:
    n = 10_000 if long or call == "mixed" else 1_000
    (tmp_path / "nodes.py").write_text(NODES)
    module = cflow.loads(chain(n, call), base=tmp_path)
    expected = {"read": 0, "write": 0, "calc": n, "mixed": n // 3}[call]
    assert virtual(module.main, x=0)[0] == expected


def test_independent_steps(tmp_path: Path) -> None:
    n = 2_000
    (tmp_path / "nodes.py").write_text(NODES)
    body = "".join(f"    x{i} = read({i})\n" for i in range(n))
    text = f'from "./nodes.py" import read\nflow main() -> int:\n{body}    return x0 + x{n - 1}\n'
    assert virtual(cflow.loads(text, base=tmp_path).main)[0] == n - 1


STREAM = """
import resource, sys
from collections.abc import AsyncIterator, Iterator
import trio
import cflow
from cflow import flow, node, buffered, batched

@node(reads="s")
async def numbers(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield i

@flow
def doubled(n: int) -> Iterator[int]:
    for i in numbers(n):
        yield i * 2

@flow
def plain(n: int) -> int:
    total = 0
    for x in doubled(n):
        total += x
    return total

@flow
def ahead(n: int) -> int:
    total = 0
    for x in buffered(numbers(n), 100):
        total += x
    return total

@flow
def by_batch(n: int) -> int:
    total = 0
    for xs in batched(numbers(n), 1000):
        total += len(xs)
    return total

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

name, small, large = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
program = globals()[name]
program.run(small)
before = peak()
program.run(large)
print(peak() - before)
"""


@pytest.mark.parametrize("name", ["plain", "ahead", "by_batch"])
def test_a_long_stream_takes_no_memory(tmp_path: Path, name: str, long: bool) -> None:
    """The highest resident size after a long stream is that after a short one, give or take a few MB."""
    script = tmp_path / "stream.py"
    script.write_text(STREAM)
    n = 1_000_000 if long else 50_000
    done = subprocess.run(
        [sys.executable, str(script), name, str(n // 10), str(n)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # A list of the items alone would take 8 bytes an item and the integers 28 more: 32 MB for a million.
    assert float(done.stdout) < (8 if long else 4)
