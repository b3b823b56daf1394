"""What users call: flows and nodes from ordinary code, and ``.cflow`` text loaded from Python."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trio

import cflow
from cflow import ProgramError, flow, node, parallel

ran: list[str] = []


@node(reads="numbers")
async def double(x: int) -> int:
    await trio.lowlevel.checkpoint()
    return x * 2


@node(pure=True)
def add(a: int, b: int = 1) -> int:
    return a + b


@node(reads="numbers")
async def count(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield i


@flow
def main(x: int, y: int = 1) -> int:
    """Doubles."""
    ran.append("the body")  # a flow may not do that, and never does
    return double(x)


@flow
def total(xs: list[int]) -> int:
    return sum([double(x) for x in parallel(xs, limit=2)]) + inner(1)


@flow
def inner(x: int) -> int:
    return add(x, b=x)


@flow
def live(n: int) -> Iterator[int]:
    for i in count(n):
        yield double(i)


def test_a_node_outside_a_flow_runs_to_its_end() -> None:
    assert double(3) == 6
    assert add(3, b=4) == 7
    assert list(count(3)) == [0, 1, 2]
    assert add.fn(1) == 2


def test_a_flow_from_ordinary_code() -> None:
    assert total.run([1, 2, 3]) == 14
    assert total([1]) == 4
    assert total.run(xs=[]) == 2
    assert list(live.run(3)) == [0, 2, 4]


def test_a_flow_inside_trio() -> None:
    async def around() -> list[int]:
        first = await total.start([1])
        return [first, *[x async for x in await live.start(2)]]

    assert trio.run(around) == [4, 0, 2]


def test_what_a_flow_says_of_itself() -> None:
    assert total.check() == []
    assert "double" in total.explain()
    assert len(total.plan().steps) > 1
    assert len(total.digest) == 64
    assert total.digest == total.digest != inner.digest
    assert (main.__name__, main.__doc__) == ("main", "Doubles.")
    assert repr(inner) == f"<flow {__name__}.inner>"


def test_the_body_never_runs() -> None:
    found = main.check()
    assert [d.severity for d in found][:1] == ["error"]
    assert all(d.span.file == __file__ for d in found)
    with pytest.raises(ProgramError):
        main(1)
    assert ran == []


TEXT = '''"""Words."""
const CAP: int = 3

flow twice(a: int) -> int:
    return a * 2

flow main(a: int) -> int:
    return twice(a) + CAP
'''


def test_loading_text(tmp_path: Path) -> None:
    module = cflow.loads(TEXT)
    assert module.main.run(2) == 7
    assert module.main(2) == 7
    assert module.twice is module.twice
    assert module.CAP == 3
    assert module.__doc__ == "Words."
    assert module.__all__ == ["twice", "main"]
    assert module.main.digest != module.twice.digest
    with pytest.raises(AttributeError, match=r"has no 'mian'.*main"):
        _ = module.mian

    path = tmp_path / "sums.cflow"
    path.write_text(TEXT, encoding="utf-8")
    loaded = cflow.load(path)
    assert loaded.main.digest == module.main.digest
    assert loaded.__file__ == str(path)
    assert "sums" in repr(loaded)


def test_a_loaded_flow_is_a_flow_like_any_other() -> None:
    module = cflow.loads(TEXT)

    @flow
    def around(a: int) -> int:
        return module.main(a) + 1

    assert around.run(2) == 8


def test_wrong_text() -> None:
    with pytest.raises(ProgramError) as caught:
        cflow.loads("flow f() -> int:\n    return nowhere\n")
    assert [d.span.line for d in caught.value.diagnostics if d.severity == "error"] == [2]
    with pytest.raises(ProgramError):
        cflow.load("/nowhere/x.cflow")
    found = cflow.check("import http\nflow f() -> int:\n    return nowhere\n")
    assert found[0].severity == "error"
    assert cflow.check(TEXT) == []


def test_imports_are_allowed_by_pattern(tmp_path: Path) -> None:
    (tmp_path / "a.cflow").write_text("flow f() -> int:\n    return 1\n", encoding="utf-8")
    text = 'from "./a.cflow" import f\nflow g() -> int:\n    return f()\n'
    assert cflow.loads(text, base=tmp_path).g.run() == 1
    with pytest.raises(ProgramError):
        cflow.loads(text, base=tmp_path, allow=["http"])
