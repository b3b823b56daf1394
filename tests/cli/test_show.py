"""``cflow show``: what a run did, read from its store alone."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import cflow
from cflow import Engine
from cflow.cli.main import main
from cflow.store.place import open_store
from cflow.store.port import BeginRun, SetOwner
from cflow.store.rows import Owner, RunRow
from cflow.store.tickets import commit_now

NODES = '''
from cflow import context, node

class Declined(Exception):
    """No funds."""

@node(reads="orders")
async def fetch(n: int) -> list[int]:
    return list(range(n))

@node(writes="cards", retry=2)
async def charge(n: int) -> str:
    if context().attempt < 2 and n == 1:
        raise OSError("the reader is off")
    return f"paid {n}"

@node(writes="stock")
async def release(n: int) -> None:
    return None

@node(writes="stock")
async def reserve(n: int) -> str:
    return f"r{n}"

@node(writes="mail")
async def mail(text: str) -> int:
    if "2" in text:
        raise Declined("no such address")
    return len(text)

@node(writes="log")
async def tell(n: int) -> int:
    if n == 7:
        raise ValueError("seven")
    return n

@node(writes="vault")
async def use(key: str) -> str:
    return f"used {key}"
'''

PROGRAM = """\
from "./show_nodes.py" import fetch, charge, reserve, release, mail, tell, use, Declined

secret TOKEN

flow one(n: int) -> str:
    reserve(n) undo release(n)
    p = charge(n)
    mail(f"order {n}")
    return p

flow settle(n: int) -> list[str]:
    xs = fetch(n)
    out = for x in xs:
        try:
            transaction:
                p = one(x)
        except Declined:
            p = "declined"
        yield p
    parallel:
        charge(7)
        mail("done")
    return out

flow fails(n: int) -> int:
    return tell(n)

flow many() -> int:
    for x in range(20):
        try:
            tell(x)
        except ValueError:
            pass
    return 20

flow raced() -> str:
    w = race(sleep(1ms), wait_signal("go"))
    return str(w)

flow hidden() -> str:
    return use(TOKEN)
"""

Show = Callable[..., list[str]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "show_nodes.py").write_text(NODES)
    (tmp_path / "prog.cflow").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "show_nodes", raising=False)
    return tmp_path


def record(flow: str, *args: object) -> str:
    """Run a flow of the program on record; the run's id."""
    engine = Engine(store="store")
    program = cflow.load("prog.cflow")
    try:
        engine.run(getattr(program, flow), *args)
    except Exception:
        pass
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs(limit=1)
    engine.recorder.close()
    return row.id


@pytest.fixture
def show(place: Path, capsys: pytest.CaptureFixture[str]) -> Show:
    """The lines of ``cflow show``, without times."""

    def call(run: str, *options: str, code: int = 0) -> list[str]:
        capsys.readouterr()
        assert main(["show", run, "--store", "store", *options]) == code
        text = re.sub(r"  [\d.e-]+ m?s(?=  |$)", "", capsys.readouterr().out, flags=re.MULTILINE)
        return text.splitlines()

    return call


def test_the_steps_are_a_tree_with_the_lines_of_the_author(show: Show) -> None:
    run = record("settle", 3)
    head, program, *lines = show(run)
    assert head.startswith(f"{run}  settle(n=3)  done in ")
    assert program == "prog.cflow:settle"
    assert lines == [
        "├─ xs = fetch(n)  = [0, 1, 2]  prog.cflow:12",
        "├─ out = for x in xs:  3 passes  prog.cflow:13",
        "│  ├─ pass 0",
        "│  │  └─ transaction:  prog.cflow:15",
        "│  │     └─ p = one(x)  prog.cflow:16",
        "│  │        ├─ reserve(n) undo release(n)  = 'r0'  prog.cflow:6",
        "│  │        ├─ p = charge(n)  = 'paid 0'  prog.cflow:7",
        "│  │        └─ mail(f\"order {n}\")  = 7  prog.cflow:8",
        "│  ├─ pass 1",
        "│  │  └─ transaction:  prog.cflow:15",
        "│  │     └─ p = one(x)  prog.cflow:16",
        "│  │        ├─ reserve(n) undo release(n)  = 'r1'  prog.cflow:6",
        "│  │        ├─ p = charge(n)  = 'paid 1'  attempt 2  prog.cflow:7",
        "│  │        │  attempt 1 failed",
        "│  │        │  ! OSError: the reader is off",
        "│  │        └─ mail(f\"order {n}\")  = 7  prog.cflow:8",
        "│  └─ pass 2",
        "│     └─ transaction:  prog.cflow:15",
        "│        └─ p = one(x)  prog.cflow:16",
        "│           ├─ reserve(n) undo release(n)  = 'r2'  prog.cflow:6",
        "│           │  └─ undo: release",
        "│           ├─ p = charge(n)  = 'paid 2'  prog.cflow:7",
        "│           └─ mail(f\"order {n}\")  prog.cflow:8",
        "│              ! Declined: no such address",
        "└─ parallel:  prog.cflow:20",
        "   ├─ charge(7)  = 'paid 7'  prog.cflow:21",
        "   └─ mail(\"done\")  = 4  prog.cflow:22",
        "= ['paid 0', 'paid 1', 'declined']",
    ]  # fmt: skip


def test_the_lines_are_there_when_the_program_is_not(show: Show, place: Path) -> None:
    run = record("settle", 1)
    (place / "prog.cflow").unlink()
    (place / "show_nodes.py").unlink()
    assert "├─ xs = fetch(n)  = [0]  prog.cflow:12" in show(run)


def test_long_loops_are_folded_but_for_failures(show: Show) -> None:
    lines = [line.strip("│├└─ ") for line in show(record("many"))]
    shown = [line for line in lines if line.startswith(("pass", "…"))]
    assert shown == ["pass 0", "pass 1", "… 5 more", "pass 7", "… 10 more", "pass 18", "pass 19"]
    assert "! ValueError: seven" in lines


def test_the_decision_of_a_race_is_told(show: Show) -> None:
    lines = show(record("raced"))
    assert lines[2:6] == [
        '└─ w = race(sleep(1ms), wait_signal("go"))  prog.cflow:37',
        "   arm 0 won",
        "   ├─ sleep(0.001)",
        "   └─ wait_signal('go')  its end is not on record",
    ]


def test_a_failed_run_tells_its_error_in_full(show: Show) -> None:
    lines = show(record("fails", 7))
    assert "  failed in " in lines[0]
    at = lines.index("! ValueError: seven")
    assert lines[at + 1].startswith("!   in flow fails, ")
    assert lines[at + 1].endswith("prog.cflow:26: return tell(n)")


def test_as_json(show: Show) -> None:
    run = record("settle", 2)
    (line,) = show(run, "--json")
    told = json.loads(line)
    assert (told["id"], told["state"], told["inputs"], told["result"]) == (run, "done", {"n": 2}, ["paid 0", "paid 1"])
    fetch, loop, _ = told["steps"]
    assert (fetch["key"], fetch["value"], fetch["line"]["line"]) == ("fetch", [0, 1], 12)
    charge = loop["steps"][1]["steps"][0]["steps"][0]["steps"][1]
    assert (charge["key"], charge["attempt"]) == ("for[1]:one:charge", 2)
    assert charge["attempts"] == [{"attempt": 1, "error": "OSError: the reader is off"}]


def test_a_secret_is_not_shown(show: Show, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TOKEN", "sentinel-4711")
    run = record("hidden")
    monkeypatch.delenv("TOKEN")
    for options in ((), ("--json",)):
        text = "\n".join(show(run, *options))
        assert "<secret>" in text
        assert "sentinel" not in text


def test_what_can_be_read_of_a_damaged_journal_is_shown(show: Show, place: Path) -> None:
    run = record("settle", 3)
    base = sqlite3.connect(place / "store" / "store.db")
    assert base.execute("SELECT count(*) FROM segment").fetchone()[0] > 4
    base.execute("UPDATE segment SET payload = x'00' WHERE id = (SELECT max(id) - 2 FROM segment)")
    first, count = base.execute("SELECT first, count FROM segment ORDER BY id DESC LIMIT 1 OFFSET 2").fetchone()
    base.commit()
    base.close()
    lines = show(run, code=1)
    assert "├─ xs = fetch(n)  = [0, 1, 2]  prog.cflow:12" in lines
    # What comes after it is shown, too.
    assert '   └─ mail("done")  = 4  prog.cflow:22' in lines
    assert lines[-2].startswith(f"entries {first} to {first + count - 1} cannot be read: the journal of {run}")
    assert "its checksum is wrong" in lines[-2]
    told = re.fullmatch(r"(\d+) of (\d+) entries can be read, and are shown", lines[-1])
    assert told is not None
    assert int(told[2]) - int(told[1]) == count


def test_a_run_whose_process_is_gone_says_so(show: Show, place: Path) -> None:
    record("fails", 1)
    store = open_store("store")
    row = RunRow("run-left", "f", "x.cflow:f", "none", "running", 1.0, owner="gone")
    commit_now(store, [SetOwner(Owner("gone", "elsewhere", "", 1, 1)), BeginRun(row)])
    commit_now(store, [BeginRun(RunRow("run-alone", "f", "x.cflow:f", "none", "running", 1.0, owner="unknown"))])
    store.close()
    assert show("run-left")[-2:] == [
        "process 1 on elsewhere works on it",
        "nothing is on record yet; a call is when it ends",
    ]
    assert show("run-alone")[-1] == "its process is gone; it goes on with: cflow resume run-alone"


def test_colours_on_a_terminal(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = record("fails", 3)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "40")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["show", run, "--store", "store"]) == 0
    text = out.getvalue()
    assert "\x1b[32mdone in" in text
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert max(map(len, plain.splitlines())) <= 40


def test_an_unknown_run_is_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record("fails", 1)
    assert main(["show", "run-nobody", "--store", "store"]) == 2
    assert "no run 'run-nobody'" in capsys.readouterr().err
