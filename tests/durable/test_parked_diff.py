"""A run whose program has changed: what it is parked for, and which of its recorded steps that touches."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cflow import Engine
from cflow.cli.main import main
from cflow.executor.suspended import Suspended
from cflow.runs.helpers import helpers_of
from cflow.runs.resume import resume
from cflow.store.rows import RunRow

NODES = """
import functools
import os
import goods_prices as prices
from dataclasses import dataclass
from cflow import context, node

STARTED = os.getpid()
LIMIT = 10

def logged(fn):
    @functools.wraps(fn)
    def wrapper(*args):
        return fn(*args)
    return wrapper

@dataclass
class Order:
    n: int

    def total(self):
        return rounded(self.n)

    def unused(self):
        return 0

@logged
def rounded(n):
    return n

@functools.lru_cache
def kept(n):
    return n

twice = functools.partial(prices.scaled, 2)

@node(reads="shop")
def look(n: int) -> int:
    return n

@node(writes="shop")
def unput(n: int) -> None:
    pass

@node(writes="shop", undo=unput)
async def put(n: int) -> int:
    if n == 2 and "STOPS" in os.environ:
        context()._run.journal.stop("broken off by a test")
    return twice(kept(Order(n).total()))

@node(writes="shop", version="1")
async def pinned(n: int) -> int:
    return prices.other(n)
"""

PRICES = """
def scaled(by, n):
    return by * n

def other(n):
    return n
"""

PROGRAM = """
from "./goods_nodes.py" import look, put, pinned

flow goods(n: int) -> int:
    for i in range(n):
        at = look(i)
        put(at)
        pinned(at)
    return n
"""

Changes = Callable[[str, str], RunRow]


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Changes:
    """What becomes of a run that was broken off in the third call of ``put`` when a text in its program is another."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    files = {"goods_nodes.py": NODES, "goods_prices.py": PRICES, "goods.cflow": PROGRAM}

    def write(old: str, new: str) -> None:
        for name, text in files.items():
            (tmp_path / name).write_text(text.replace(old, new))
        assert not old or any(old in text for text in files.values())
        for module in ("goods_nodes", "goods_prices"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.setattr("cflow.runs.programs._SEEN", {})
        for taken in ("keys._TAKEN", "loader.load._LABELS", "loader.load._COUNTS"):  # as in another process
            monkeypatch.setattr(f"cflow.dsl.{taken}", {})

    def changed(old: str, new: str) -> RunRow:
        write("", "")
        monkeypatch.setenv("STOPS", "1")
        engine = Engine(store=tmp_path / "store")
        assert engine.recorder is not None
        with pytest.raises(Suspended):
            engine.run(engine.load(tmp_path / "goods.cflow").goods, 3)
        engine.recorder.close()
        monkeypatch.delenv("STOPS")
        write(old, new)
        engine = Engine(store=tmp_path / "store")
        assert engine.recorder is not None
        run = engine.recorder.store.runs(limit=1)[0].id
        (row,) = resume(engine, run)
        engine.recorder.close()
        return row

    return changed


PUTS = "on record: for[0]:put for[1]:put"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("    return twice(", "    return 1 * twice(", ["node put: its code is different", PUTS]),
        ("by * n", "by * n + 1", ["node put: scaled, which it calls, is different", PUTS]),
        ("rounded(self.n)", "rounded(self.n + 1)", ["node put: Order.total, which it calls, is different", PUTS]),
        ("return fn(*args)", "return fn(*args) or 0", ["node put: logged.<locals>.wrapper, which it calls, is", PUTS]),
        ("def kept(n):\n    return n", "def kept(n):\n    return 2", ["node put: kept, which it calls, is", PUTS]),
        ("def unput(n: int) -> None:\n    pass", "def unput(n: int) -> None:\n    return", [
            "node unput: its code is different", "no step on record is touched",
        ]),
        ('version="1"', 'version="2"', ["node pinned: version 1 is 2 now", "on record: for[0]:pinned for[1]:pinned"]),
    ],
)  # fmt: skip
def test_what_differs_and_which_steps_it_touches(changed: Changes, old: str, new: str, told: list[str]) -> None:
    row = changed(old, new)
    assert row.state == "parked"
    for text in told:
        assert text in row.reason


def test_a_flow_alone_that_is_different_parks_nobody(changed: Changes) -> None:
    assert changed("pinned(at)", "pinned(at + 1)").state == "done"  # it goes on under its own plan


def test_a_list_of_runs_has_all_of_it(changed: Changes, capsys: pytest.CaptureFixture[str]) -> None:
    changed("by * n", "by * n + 1")
    assert main(["runs", "--store", "store"]) == 0
    assert (
        f"  the program has changed since the run began: node put: scaled, which it calls, is different; {PUTS}\n"
        in (capsys.readouterr().out)
    )


def test_steps_of_a_flow_that_are_not_the_same_any_more(changed: Changes) -> None:
    row = changed("at = look(i)\n        put(at)", "at = look(i)")
    assert row.state == "parked"
    assert row.reason.splitlines()[1:] == [
        "  node put: the program has it no more",
        "    on record: for[0]:put for[1]:put",
        "  node unput: the program has it no more",
        "    no step on record is touched",
        "  flow goods: its steps are different",
        "    on record: for[0]:put for[1]:put",
        "`--accept` does not find this, so what stands there now is done anew:",
        "  for[0]:put for[1]:put",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 10", "LIMIT = 11"),
        ("def unused(self):\n        return 0", "def unused(self):\n        return 1"),
        ("def other(n):\n    return n", "def other(n):\n    return n + 1"),  # of a node with a version
        ("def scaled(by, n):\n    return", 'def scaled(by, n):\n    "Documented."\n\n    return  '),
        ("twice = functools.partial(prices.scaled, 2)", "twice = functools.partial(prices.scaled, 2)  # moved\n\n"),
    ],
)
def test_what_is_no_change_of_the_code_parks_nobody(changed: Changes, old: str, new: str) -> None:
    row = changed(old, new)
    assert row.state == "done", row.reason


class _Absent:
    """Stands for what is there in a request only."""

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        raise RuntimeError("there is no request")


request: Any = _Absent()
itself: Any = types.SimpleNamespace()
itself.__wrapped__ = itself


def _odd() -> Any:
    return request, itself, _recursive


def test_odd_objects_of_a_module_are_no_helpers() -> None:
    assert set(helpers_of(_odd)) == {"_recursive", "_mutual"}


def test_nothing_that_is_installed_counts() -> None:
    from cflow.stdlib_nodes import http

    assert helpers_of(http.get.fn if hasattr(http.get, "fn") else http.get) == {}
    assert "_recursive" in helpers_of(_mutual)
    assert helpers_of(len) == {}


def _recursive(n: int) -> int:
    return _mutual(n - 1) if n else 0


def _mutual(n: int) -> int:
    return _recursive(n)
