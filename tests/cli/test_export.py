"""``cflow export``: a run as JSON."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cflow.cli.main import main

NODES = """
import datetime as dt
from dataclasses import dataclass
from cflow import context, node

@dataclass
class Order:
    id: int
    day: dt.date

@node(writes="orders")
async def make(n: int) -> Order:
    return Order(n, dt.date(2026, 1, 31))

@node(writes="orders", retry=1)
async def ship(n: int) -> bytes:
    if context().attempt < 2:
        raise OSError("no truck")
    return b"ship" * n

@node(writes="orders")
async def bill(key: str) -> str:
    try:
        raise KeyError("address")
    except KeyError as error:
        raise ValueError(f"no bill with {key}") from error
"""

PROGRAM = """\
from "./export_nodes.py" import make, ship, bill

secret TOKEN

flow orders(n: int) -> int:
    make(n)
    ship(n)
    bill(TOKEN)
    return n
"""


def exported(n: int, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["run", "orders.cflow", f"n={n}", "--store", "store"]) == 1
    capsys.readouterr()
    assert main(["runs", "--store", "store", "--json"]) == 0
    run = json.loads(capsys.readouterr().out)["id"]
    assert main(["export", run, "--store", "store"]) == 0
    text = capsys.readouterr().out
    assert "sentinel" not in text
    found = json.loads(text)
    assert isinstance(found, dict)
    assert found["run"]["id"] == run
    return found


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "export_nodes.py").write_text(NODES)
    (tmp_path / "orders.cflow").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", "sentinel-0815")
    monkeypatch.delitem(sys.modules, "export_nodes", raising=False)


def test_the_shape(capsys: pytest.CaptureFixture[str]) -> None:
    found = exported(3, capsys)
    assert (found["format"], found["version"], found["damage"], found["result"]) == ("cflow-run", 1, None, None)
    assert (found["run"]["flow"], found["run"]["state"], found["inputs"]) == ("orders", "failed", {"n": 3})
    error = found["error"]
    assert (error["type"], error["message"]) == ("ValueError", "no bill with <secret>")
    assert error["cause"] == {"type": "KeyError", "message": "'address'", "notes": []}
    assert any("in flow orders" in note for note in error["notes"])
    assert found["plan"].startswith("graph ")
    entries = [{k: v for k, v in e.items() if k not in ("began", "took")} for e in found["entries"]]
    assert entries[:3] == [
        {"number": 0, "key": "make", "kind": "done", "value": {"id": 3, "day": "2026-01-31"}, "attempt": 1},
        {
            "number": 1,
            "key": "ship#1",
            "kind": "attempt",
            "error": {"type": "OSError", "message": "no truck", "notes": []},
            "attempt": 1,
        },
        {
            "number": 2,
            "key": "ship",
            "kind": "done",
            "value": base64.b64encode(b"ship" * 3).decode(),
            "attempt": 2,
        },
    ]
    assert (entries[3]["key"], entries[3]["kind"]) == ("bill", "failed")
    assert found["entries"][0]["began"] > 1e9


def test_large_values_are_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    found = exported(50_000, capsys)
    assert base64.b64decode(found["entries"][2]["value"]) == b"ship" * 50_000


def test_an_unknown_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    exported(1, capsys)
    assert main(["export", "run-nobody", "--store", "store"]) == 2
    assert "no run 'run-nobody'" in capsys.readouterr().err
