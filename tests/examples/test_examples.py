"""Every example runs through the real engine, in both spellings, and does what it says."""

from __future__ import annotations

import json
import logging
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import cflow
from cflow.dsl.text import format_text

SVG = "{http://www.w3.org/2000/svg}"
Load = Callable[[str], Any]

FLOWS = [
    ("hello", "hello"),
    ("quakes", "read_quake"),
    ("quakes", "study"),
    ("quakes", "quakes"),
    ("orders", "settle"),
    ("orders", "orders"),
    ("crawl", "item_numbers"),
    ("crawl", "crawl"),
    ("stream", "slices"),
    ("stream", "main"),
]
FILES = sorted({name for name, _ in FLOWS})


def command(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cflow", *args], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


def test_every_example_is_listed(examples: Path) -> None:
    assert FILES == sorted(path.stem for path in examples.glob("*.cflow"))
    assert all((examples / f"{name}.py").exists() for name in FILES)


@pytest.mark.parametrize(("file", "flow"), FLOWS)
def test_the_two_spellings_have_one_digest(file: str, flow: str, examples: Path, python_example: Load) -> None:
    text = getattr(cflow.load(examples / f"{file}.cflow"), flow)
    python = getattr(python_example(file), flow)
    assert text.digest == python.digest


@pytest.mark.parametrize("file", FILES)
def test_the_checker_has_nothing_to_say(file: str, examples: Path) -> None:
    assert [str(d) for d in cflow.check((examples / f"{file}.cflow").read_text(), base=examples)] == []


@pytest.mark.parametrize("file", FILES)
def test_the_formatter_has_nothing_to_do(file: str, examples: Path) -> None:
    text = (examples / f"{file}.cflow").read_text("utf-8")
    assert format_text(text, file) == text


@pytest.mark.parametrize("file", ["hello", "orders", "quakes"])
def test_the_tests_within(file: str, examples: Path) -> None:
    done = command("test", str(examples / f"{file}.cflow"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_hello(load: Load) -> None:
    assert load("hello").hello.run() == "Hello, world!"
    assert load("hello").hello.run(name="Ada") == "Hello, Ada!"


# ---- quakes ------------------------------------------------------------------------------------------


def test_quakes(load: Load, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "out"
    result = load("quakes").quakes.run(out=str(out))
    assert result["strongest"].startswith("M 6.4 22km NNE of Hualian, Taiwan, 11 km deep, on 6 February at 15:50 UTC")
    del result["strongest"]
    assert result == {"report": str(out / "report.md"), "quakes": 1677, "regions": 71, "left_out": 5}

    report = (out / "report.md").read_text("utf-8")
    assert "# Earthquakes, 31 January to 7 February 2018" in report
    assert "1,677 earthquakes in 71 regions" in report
    assert "- **Taiwan** (strong): M 6.4" in report
    assert report.count("- record ") == 5
    left_out = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(left_out) == 5
    assert all(f"- {line}\n" in report for line in left_out)

    world = ElementTree.parse(out / "map.svg").getroot()
    names = [title.text or "" for title in world.iter(SVG + "title")]
    assert len(names) >= 1677
    assert any("Hualian" in name for name in names)
    assert "Taiwan  6.4" in [text.text for text in world.iter(SVG + "text")]
    bars = ElementTree.parse(out / "magnitudes.svg").getroot()
    assert sum(int((title.text or "").rpartition(" ")[2]) for title in bars.iter(SVG + "title")) == 1677


def test_quakes_reads_a_file_of_the_user(load: Load, tmp_path: Path) -> None:
    def feature(number: int, **changes: Any) -> dict[str, Any]:
        known = {"type": "earthquake", "place": "Here, Alaska", "time": 1000, "mag": 2.0, "rms": 0.1, **changes}
        return {"id": f"q{number}", "properties": known, "geometry": {"coordinates": [-150.0, 61.0 + number, 5.0]}}

    feed = tmp_path / "feed.json"
    features = [feature(0), feature(1, mag="strong"), feature(2, mag=99), feature(40), feature(3, type="explosion")]
    feed.write_text(json.dumps({"features": features}))
    result = load("quakes").quakes.run(source=str(feed), out=str(tmp_path / "out"))
    assert (result["quakes"], result["left_out"], result["strongest"]) == (1, 3, "M 2.0 at most")
    report = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert "q40 lies nowhere on earth" in report
    assert "q2 has a magnitude of 99" in report


def test_quakes_says_which_file_is_missing(load: Load, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json"):
        load("quakes").quakes.run(source="nowhere.json", out=str(tmp_path))


@pytest.mark.parametrize("spelling", ["cflow", "py"])
def test_quakes_by_the_command(spelling: str, examples: Path, tmp_path: Path) -> None:
    done = command("run", str(examples / f"quakes.{spelling}"), "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["quakes"] == 1677
    assert done.stderr.count("warning: record ") == 5
    assert {p.name for p in (tmp_path / "quakes-out").iterdir()} == {"report.md", "map.svg", "magnitudes.svg"}


# ---- orders ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 4])
def test_orders(load: Load, tmp_path: Path, limit: int) -> None:
    result = load("orders").orders.run(out=str(tmp_path / "out"), limit=limit)
    assert result == {
        "parcels": ["parcel-1", "parcel-2", "parcel-5", "parcel-7"],
        "failed": [3, 4, 6],
        "declined": [3],
        "shelves": {"chair": 1, "lamp": 2, "vase": 2},
        "takings": 265.0,
    }
    with closing(sqlite3.connect(tmp_path / "out" / "shop.db")) as db:
        assert db.execute("select count(*) from holds").fetchone() == (4,)
        assert db.execute("select card from payments where refunded").fetchall() == [("4444",)]
        diary = [what for (what,) in db.execute("select what from diary order by id")]
    if limit == 1:
        assert diary == [
            "reserve 1 lamp", "charge 4242", "ship 1",
            "reserve 2 lamp", "charge 4000-busy", "ship 2",
            "reserve 1 chair", "release 1 chair",
            "reserve 1 vase", "charge 4343", "ship 5",
            "reserve 2 vase", "charge 4444", "refund 4444", "release 2 vase",
            "reserve 1 chair", "charge 4545", "ship 7",
        ]  # fmt: skip
    assert diary.index("refund 4444") < diary.index("release 2 vase")


def test_a_failing_order_keeps_its_error(load: Load, tmp_path: Path) -> None:
    module = load("orders")
    module.orders.run(out=str(tmp_path))
    order = {"id": 8, "sku": "vase", "qty": 2, "card": "4242", "total": 50.0}
    with pytest.raises(Exception, match="a vase of order 8 broke") as caught:
        module.settle.run(str(tmp_path / "shop.db"), order)
    assert type(caught.value).__name__ == "Damaged"


# ---- crawl and stream ----------------------------------------------------------------------------------


def test_crawl(load: Load, tmp_path: Path) -> None:
    before = threading.active_count()
    result = load("crawl").crawl.run(out=str(tmp_path))
    assert (result["items"], result["gone"]) == (59, [33])
    assert [maker["maker"] for maker in result["makers"]] == ["Ashworth", "Bellini", "Castell", "Dietrich"]
    assert sum(maker["items"] for maker in result["makers"]) == 59
    rows = (tmp_path / "items.csv").read_text().splitlines()
    assert rows[:2] == ["id,name,maker,price", "1,Item 1,Dietrich,42.01"]
    assert len(rows) == 60
    ElementTree.parse(tmp_path / "makers.svg")
    assert threading.active_count() <= before + 8  # the engine's own lanes may stay; the server is gone
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("http://127.0.0.1")]


def test_stream(load: Load, tmp_path: Path) -> None:
    module = load("stream")
    result = module.main.run(lines=20_000, out=str(tmp_path))
    assert (result["requests"], result["slices"], len(result["alarms"])) == (20_000, 20, 4)
    ElementTree.parse(tmp_path / "errors.svg")
    slices = list(module.slices.run(str(tmp_path / "access.log"), size=3_000))
    assert [part.requests for part in slices] == [3_000] * 6 + [2_000]
    assert slices[4].worst == "/pay"


def test_a_stream_is_one_line_of_json_a_slice(examples: Path, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("2026-03-01T00:00:00Z /pay 500 12ms\nnonsense\n2026-03-01T00:00:01Z / 200 8ms\n")
    done = command("run", f"{examples / 'stream.cflow'}:slices", "path=a.log", "size=2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["requests"], first["unread"], first["errors"], first["worst"]) == (1, 1, 1, "/pay")
    assert (second["requests"], second["p95"], second["worst"]) == (1, 8, "")
