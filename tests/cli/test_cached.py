"""What the command says of cached values: ``explain`` before a run, ``run --events`` during it, ``cache`` after it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cflow.cli.main import main
from cflow.planner.kept import span

NODES = """
from cflow import node

@node(reads="orders")
async def fetch(day: str, n: int = 1) -> list[int]:
    return [n, 2]

@node(pure=True, version="7")
def rate(x: int) -> int:
    return 2 * x

@node(writes="mail")
def send(day: str, text: str) -> str:
    return text
"""

FLOWS = """
from "./kept_nodes.py" import fetch, rate, send

flow total(xs: list[int]) -> int with cache=2h:
    return sum(xs)

flow main(day: str) -> int:
    raw = fetch(day, 3) with cache=1h
    fixed = rate(21) with cache=True
    all = total(raw)
    sent = send(day, "hello") with once=f"mail:{day}"
    return all + fixed + len(sent)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "kept_nodes.py").write_text(NODES)
    (tmp_path / "kept.cflow").write_text(FLOWS)
    monkeypatch.delitem(sys.modules, "kept_nodes", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(list(words)) == code, capsys.readouterr().err
    return capsys.readouterr().out


def lines(out: str, id: str) -> list[str]:
    """What explain says of a step below its first line."""
    found: list[str] = []
    inside = False
    for line in out.splitlines():
        head = line.split()[:2]
        if head[:1] and head[0].isdigit() and not line.startswith("        "):
            inside = id in line.split()[1:3]
        elif inside and line.startswith("   "):
            found.append(line.strip())
    return [line for line in found if not line.startswith("waits for")]


def test_explain_tells_what_keys_are_made_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "explain", "kept.cflow")
    assert lines(out, "fetch") == ["cached for 1 h by the code of fetch with its helpers and its arguments (day, 3)"]
    assert lines(out, "rate") == ["cached for ever by version 7 of rate and its arguments (21)"]
    assert lines(out, "send") == ["done once for what is made of day, over all runs"]


def test_explain_tells_hits_and_misses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "run", "kept.cflow", "day=mon", "--store", "s")
    run = json.loads(said(capsys, "runs", "--store", "s", "--json"))["id"]

    def told(*words: str) -> dict[str, str]:
        out = said(capsys, "explain", "kept.cflow", "--store", "s", *words)
        return {id: lines(out, id)[1].partition(" made ")[0] for id in ("fetch", "rate", "total", "send")}

    assert told("day=mon") == {"fetch": "hit:", "rate": "hit:", "total": "hit:", "send": f"done: by {run}"}
    there = "1 value of {} in the store, the youngest"
    assert told() == {
        "fetch": f"hit or miss: known when it runs, by day; {there.format('fetch')}",
        "rate": "hit:",
        "total": f"hit or miss: known when it runs, by day; {there.format('total')}",
        "send": "done or not: known when it runs, by day",
    }
    assert told("day=tue") == {
        "fetch": f"miss: it is not in the store; {there.format('fetch')}",
        "rate": "hit:",
        "total": f"hit or miss: known when it runs, by raw; {there.format('total')}",
        "send": "not done yet",
    }
    (folder / "kept_nodes.py").write_text(NODES.replace("return [n, 2]", "return [n, 333]").replace('"7"', '"8"'))
    changed = told("day=mon")
    assert changed["fetch"] == changed["rate"] == "miss: what is in the store for these arguments was"  # made from ...
    assert told("day=tue")["fetch"].endswith("the youngest")
    out = said(capsys, "explain", "kept.cflow", "--store", "s", "day=tue")
    assert lines(out, "fetch")[1].endswith(" ago, for other arguments and from other code")


def test_explain_tells_the_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = said(capsys, "explain", "kept.cflow", "--store", "s", "day=mon")
    said(capsys, "run", "kept.cflow", "day=mon", "--store", "s")
    kept = [json.loads(line) for line in said(capsys, "cache", "list", "--store", "s", "--json").splitlines()]
    keys = {row["node"]: f"key {row['key']}" for row in kept}
    after = said(capsys, "explain", "kept.cflow", "--store", "s", "day=mon")
    for id in ("fetch", "rate"):
        assert lines(before, id)[2] == lines(after, id)[2] == keys[id]
    assert lines(after, "total")[2] == keys["total"]
    assert lines(said(capsys, "explain", "kept.cflow", "--store", "s", "day=tue"), "fetch")[1].endswith(
        " ago, for other arguments"
    )


def test_what_is_too_old_is_a_miss(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "run", "kept.cflow", "day=mon", "--store", "s")
    (folder / "kept.cflow").write_text(FLOWS.replace("cache=1h", "cache=0s"))
    out = said(capsys, "explain", "kept.cflow", "--store", "s", "day=mon")
    assert lines(out, "fetch")[1].endswith("and is too old")


def test_explain_needs_no_input_that_is_not_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "run", "kept.cflow", "day=mon", "--store", "s")
    assert main(["explain", "kept.cflow", "--store", "s", "night=mon"]) == 2
    assert "night" in capsys.readouterr().err


def test_explain_before_there_is_a_store(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "kept.cflow", "--store", "nowhere", "day=mon"]) == 0
    told = capsys.readouterr()
    assert told.err == "there is no store in nowhere yet: nothing is kept\n"
    assert lines(told.out, "fetch")[1] == "miss: it is not in the store; nothing of fetch is in the store"
    assert lines(told.out, "send")[1] == "not done yet"
    assert not (folder / "nowhere").exists()


def test_a_hit_is_an_event(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hits = []
    for _ in range(2):
        assert main(["run", "kept.cflow", "day=mon", "--store", "s", "--events"]) == 0
        captured = capsys.readouterr()
        assert captured.out == "52\n"
        events = [json.loads(line) for line in captured.err.splitlines()]
        hits.append(sorted(event["node"] for event in events if event["what"] == "cached"))
    assert hits == [[], ["fetch", "rate", "send", "total"]]


def test_cached_values_are_listed_and_dropped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "run", "kept.cflow", "day=mon", "--store", "s")
    listed = said(capsys, "cache", "list", "--store", "s").splitlines()
    assert sorted(line.split()[0] for line in listed) == ["fetch", "rate", "total"]
    row = json.loads(said(capsys, "cache", "list", "fetch", "--store", "s", "--json"))
    assert row["node"] == "fetch"
    assert row["until"] - row["made"] == pytest.approx(3600)
    assert said(capsys, "cache", "clear", "fetch", "--store", "s") == "1 dropped\n"
    assert said(capsys, "cache", "list", "fetch", "--store", "s", code=1) == ""
    assert said(capsys, "cache", "clear", "--store", "s") == "2 dropped\n"
    assert said(capsys, "cache", "list", "--store", "s") == ""
    assert main(["cache", "list", "--store", "nowhere"]) == 2


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0.25 s"), (1.4, "1 s"), (90, "1 min 30 s"), (3600, "1 h"), (90061, "1 d 1 h"), (86400 * 30, "30 d")],
)
def test_times_are_told_in_two_parts(seconds: float, text: str) -> None:
    assert span(seconds) == text
