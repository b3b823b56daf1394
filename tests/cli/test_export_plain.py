"""What ``export`` and ``show --json`` write for another program: plain JSON, in a process that knows no class of the
run's."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

import pytest

from cflow.cli.main import main

NODES = """
import enum
import datetime as dt
from collections import namedtuple
from dataclasses import dataclass, field
from cflow import node

class Colour(enum.Enum):
    RED = "#f00"

Point = namedtuple("Point", "x y")

@dataclass
class Line:
    what: str
    colour: Colour = Colour.RED

@dataclass
class Order:
    id: int
    at: Point
    lines: list[Line] = field(default_factory=list)
    day: dt.date = dt.date(2026, 1, 31)

class Refused(Exception):
    type = "not its class"

class Socket:
    pass

@node(writes="orders")
def make(n: int) -> Order:
    return Order(n, Point(1, 2), [Line("half a pair: \\udc80 \\U0001f600")])

@node(writes="orders")
def refuse(n: int) -> int:
    raise Refused("no")

@node(writes="orders")
def hold(n: int) -> list:
    return [Socket()]
"""

PROGRAM = """\
from "./plain_nodes.py" import make, refuse, hold

flow orders(n: int) -> list:
    made = make(n)
    try:
        refuse(n)
    except Exception:
        pass
    if n == 1:
        hold(n)
    return [made]
"""

ORDER = {
    "id": 2,
    "at": [1, 2],
    "lines": [{"what": "half a pair: \udc80 \U0001f600", "colour": "#f00"}],
    "day": "2026-01-31",
}


def cflow(*words: str, encoding: str = "utf-8", code: int = 0) -> str:
    """The standard output of the command, which knows none of the classes that others have imported."""
    sys.modules.pop("plain_nodes", None)
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with contextlib.redirect_stdout(out):
        assert main(list(words)) == code
    out.flush()
    buffer = out.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(encoding)


def test_plain_json_where_the_classes_are_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain_nodes.py").write_text(NODES)
    (tmp_path / "orders.cflow").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    assert json.loads(cflow("run", "orders.cflow", "n=2", "--store", "store", "--json")) == [ORDER]
    assert "half a pair: \\udc80" in cflow("run", "orders.cflow", "n=2", encoding="ascii")
    cflow("run", "orders.cflow", "n=1", "--store", "store", code=1)
    second, first = (json.loads(line)["id"] for line in cflow("runs", "--store", "store", "--json").splitlines())

    exported = json.loads(cflow("export", first, "--store", "store"))
    assert exported["result"] == [ORDER]
    assert exported["entries"][0]["value"] == ORDER
    error = exported["entries"][1]["error"]
    assert (error["type"], error["message"]) == ("plain_nodes:Refused", "no")
    assert json.loads(cflow("export", first, "--store", "store", encoding="ascii")) == exported
    shown = json.loads(cflow("show", first, "--store", "store", "--json"))
    assert shown["steps"][0]["value"] == ORDER
    assert shown["result"] == [ORDER]
    assert "half a pair: \\udc80" in cflow("show", first, "--store", "store")

    exported = json.loads(cflow("export", second, "--store", "store"))
    assert exported["error"]["type"] == "cflow.store.unstorable:NotStorable"
    assert exported["result"] is None
    assert "! NotStorable: " in cflow("show", second, "--store", "store")


def test_a_value_that_cannot_be_read_is_null_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain_nodes.py").write_text(
        "from cflow import node\n@node(writes='x')\ndef much(n: int) -> bytes:\n    return b'x' * n\n"
    )
    (tmp_path / "much.cflow").write_text(
        'from "./plain_nodes.py" import much\n\nflow main(n: int) -> int:\n    much(n)\n    return n\n'
    )
    cflow("run", "much.cflow", "n=100_000", "--store", "store")
    for file in (tmp_path / "store" / "blobs").rglob("*"):
        if file.is_file():
            file.unlink()
    run = json.loads(cflow("runs", "--store", "store", "--json"))["id"]
    (entry,) = json.loads(cflow("export", run, "--store", "store"))["entries"]
    assert entry["value"] is None
    assert entry["unread"]
