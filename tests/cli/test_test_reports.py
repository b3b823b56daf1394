"""What ``cflow test`` says of a failing test: as ``cflow run`` does of a failing flow, without secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cflow.compiler.secrets import forget

NODES = """
import json
from cflow import node

@node(reads="r")
def parse(x: int) -> int:
    return json.loads("{")
"""
TESTS = """from "./parsing.py" import parse
secret TOKEN

flow shout(k: str) -> str:
    return k + "!"

flow refuse(k: str) -> str:
    raise ValueError(f"bad {k}")

test "shown":
    assert shout(TOKEN) == "x", f"it is {shout(TOKEN)}"

test "raised":
    refuse(TOKEN)

test "failed":
    n = parse(4)
"""


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TOKEN", "s3cr3t-abcdef")
    forget()
    yield
    forget()


@pytest.fixture
def tests(folder: Path) -> str:
    (folder / "parsing.py").write_text(NODES)
    (folder / "tests.cflow").write_text(TESTS)
    return "tests.cflow"


def test_secrets_are_hidden(cflow: Callable[..., Any], tests: str) -> None:
    done = cflow("test", tests)
    assert done.code == 1
    assert "s3cr3t" not in done.out + done.err
    assert "error[test-failed]: shown: it is <secret>!" in done.err
    assert "   = shout(TOKEN) is <secret>" in done.err.splitlines()
    assert "error[test-failed]: raised: ValueError: bad <secret>" in done.err
    done = cflow("test", tests, "--json")
    assert "s3cr3t" not in done.out + done.err
    assert [t["message"].splitlines()[0] for t in json.loads(done.out)[:2]] == [
        "it is <secret>!",
        "ValueError: bad <secret>",
    ]


def test_a_failing_node_is_told_as_by_run(cflow: Callable[..., Any], tests: str) -> None:
    said = cflow("test", tests).err.split("error[test-failed]: failed: ")[1].splitlines()
    assert said[0].startswith("JSONDecodeError: ")
    notes = said[said.index("   |") :] if "   |" in said else said
    assert "   = in failed > parse" in notes
    assert notes.count("   = with x=4") == 1, "the executor's own note says the same in other words"
    assert not any("on the way" in line for line in notes)
    (frame,) = [line for line in notes if line.startswith("     ")]
    assert frame.endswith('parsing.py:7 in parse: return json.loads("{")'), "no line of Python's own json module"
    assert not any("help:" in line or "= in flow" in line for line in notes)
