"""Text from strangers: loading ends in findings, in time that is linear in its size; nothing is imported or executed."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

import cflow
from cflow.compiler.diagnostics import Collector
from cflow.dsl.loader import load_module, load_text
from cflow.dsl.loader.files import decode
from cflow.dsl.loader.report import Reporter

SEED = '''"""A program."""
import http, files as f
from "./shop.py" import reserve, Item as Thing with pure=True, retry=2
from math import sqrt
secret KEY
env REGION: str = "eu"
const CAP: int = 10_000 * 2
type Mode = "fast" | "safe"
type Order:
    id: int
    lines: list[Line] = []
type Line:
    of: Order | None = None
flow settle(order: Order, tries: int = 3) -> str:
    return reserve(order.id)
test "x":
    assert 1 == 1
'''
PARTS = [
    "import", "from", "const", "type", "env", "secret", "with", "pure=True", "undo=", "Order", "A", "B", "=", ":", "|", "[", "]", "(",
    ")", "{", "}", "**", "*", "'x'", '"', "\n", "\n    ", ",", ".", "10s", "1e999", "0", "None", "list", "dict", "lambda", "é", "\0", "\t", "#",
    "__class__", "./shop.py", "range(10**9)", "type A = list[A]\n", "const A: int = A\n", "retry=Retry(", "as", "race", "\ufeff", "\\",
]  # fmt: skip


def mutated(rng: random.Random) -> str:
    """The program with a few cuts, repeats and strange parts."""
    text = SEED
    for _ in range(rng.randint(1, 6)):
        at, to = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        match rng.randrange(4):
            case 0:
                text = text[:at] + rng.choice(PARTS) + text[at:]
            case 1:
                text = text[:at] + text[min(to, at + 20) :]
            case 2:
                text = text[:to] + text[at : min(to, at + 60)] + text[to:]
            case _:
                text = text[:at] + "".join(rng.choices(PARTS, k=4)) + text[at:]
    return text


def test_mutated_programs(tmp_path: Path, long: bool) -> None:
    mark = tmp_path / "executed"
    (tmp_path / "shop.py").write_text(f"open({str(mark)!r}, 'w')\ndef reserve(x): return x\nclass Item: pass\n")
    rng = random.Random(20260131)
    for number in range(3000 if long else 300):
        text = mutated(rng)
        collector = Collector()
        load_text(text, base=tmp_path, execute=False, collector=collector)
        assert all(d.message and d.span.line >= 0 for d in collector.items), number
    assert not mark.exists()


def test_random_bytes(tmp_path: Path) -> None:
    rng = random.Random(7)
    path = tmp_path / "main.cflow"
    for _ in range(60):
        path.write_bytes(rng.randbytes(rng.randrange(200)))
        collector = Collector()
        load_module(path, execute=False, collector=collector)
        decode(rng.randbytes(50), "x", Reporter(collector))


def test_random_python_files(tmp_path: Path) -> None:
    """A neighbour may be anything."""
    rng = random.Random(7)
    pieces = [
        "def f(x): pass\n",
        "@node\n",
        "class A(A): pass\n",
        "from shop import *\n",
        "f = f\n",
        "x: int\n",
        "g = node(g)\n",
        "if 1:\n",
        "    y = 1\n",
        "X = list[X]\n",
        "from . import a\n",
    ]
    for _ in range(60):
        (tmp_path / "shop.py").write_text("".join(rng.choices(pieces, k=6)))
        collector = Collector()
        load_text("from './shop.py' import f, A, g, X, a\n", base=tmp_path, execute=False, collector=collector)
        assert {d.id for d in collector.items} <= {"import-name", "python-syntax"}


GROWING = {
    "constants": lambda n: "".join(f"const A{i}: int = {i}\n" for i in range(n)),
    "records": lambda n: "".join(f"type T{i}:\n    a: int\n    b: T{(i + 1) % n} | None = None\n" for i in range(n)),
    "aliases": lambda n: "".join(f"type T{i} = int | None\n" for i in range(n)),
    "unknown names": lambda n: "".join(f"type T{i} = nowhere{i}\n" for i in range(n)),
    "imports": lambda n: "".join(f"from math import sqrt as s{i}\n" for i in range(n)),
    "missing packs": lambda n: "".join(f"import pack_number_{i}\n" for i in range(n)),
    "one union": lambda n: "type T = " + " | ".join(f'"{i}"' for i in range(n)) + "\n",
    "one list": lambda n: "const A = [" + ", ".join(map(str, range(n))) + "]\n",
    "the same name": lambda n: "const A: int = 1\n" * n,
}


@pytest.mark.parametrize("title", GROWING)
def test_work_grows_with_the_size(title: str, work: Callable[[Callable[[], object]], int]) -> None:
    """Ten times the text takes about ten times as many calls: far from the hundred times of a quadratic step."""
    counts = [
        work(lambda text=GROWING[title](n): load_text(text, execute=False, collector=Collector()))  # type: ignore[misc]
        for n in (200, 2000)
    ]
    assert counts[1] < 15 * counts[0], counts


def test_a_type_that_doubles_with_each_line_is_refused() -> None:
    lines = ["type A0 = int", *(f"type A{i} = tuple[A{i - 1}, A{i - 1}]" for i in range(1, 61))]
    found = cflow.check("\n".join([*lines, "flow f(a: A60) -> int:", "    return 1", ""]))
    assert {d.id for d in found if d.severity == "error"} == {"type-too-big"}
