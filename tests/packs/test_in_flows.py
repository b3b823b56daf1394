"""Packs in programs, through the real engine: order, streams, policies, errors."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest

import cflow
from cflow.stdlib_nodes import http


def test_a_read_sees_the_write_before_it(tmp_path: Path) -> None:
    module = cflow.loads(
        """
import files

flow again(path: str) -> str:
    files.write(path, "one")
    first = files.read(path)
    files.append(path, ", two")
    return f"{first}; {files.read(path)}"
"""
    )
    assert module.again.run(str(tmp_path / "a")) == "one; one, two"


def test_records_stream_through(tmp_path: Path) -> None:
    module = cflow.loads(
        """
import csv, data

type Sale:
    region: str
    total: float

flow copy(source: str, target: str) -> int:
    n = 0
    for rows in csv.records(source) with batch=100:
        big = data.filter(rows, "region", "==", "north")
        csv.append(target, big)
        n += len(big)
    return n

flow totals(source: str) -> dict[str, float]:
    sales: list[Sale] = csv.read(source) |> data.cast({"total": "float"})
    return {r["region"]: r["total"] for r in data.summarize(sales, "region", total="sum total")}
"""
    )
    source = tmp_path / "in.csv"
    source.write_text("region,total\n" + "north,1\nsouth,2\n" * 500)
    assert module.copy.run(str(source), str(tmp_path / "out.csv")) == 500
    assert (tmp_path / "out.csv").read_text() == "region,total\n" + "north,1\n" * 500
    assert module.totals.run(str(source)) == {"north": 500.0, "south": 1000.0}


def test_a_call_that_takes_too_long_is_a_timeout() -> None:
    module = cflow.loads(
        """
import http

flow fetch(url: str) -> str:
    try:
        return http.get(url).text
    except (http.HttpError, TimeoutError) as e:
        return "gave up"

flow hurry(url: str) -> str:
    return http.get(url).text with timeout=50ms
"""
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        quick = cflow.loads("import http\nflow f(url: str) -> Any:\n    return http.get(url) with timeout=50ms\n")
        with pytest.raises(TimeoutError):
            quick.f.run(url)
    assert module.fetch.run(url) == "gave up"


def test_a_failed_write_names_the_path_and_the_line(tmp_path: Path) -> None:
    module = cflow.loads('import files\nflow f(path: str):\n    files.write(f"{path}/report.md", "x")\n')
    (tmp_path / "file").write_text("old")
    with pytest.raises(OSError, match=r"file/report\.md") as caught:
        module.f.run(str(tmp_path / "file"))
    assert any("line 3" in note or ":3" in note for note in caught.value.__notes__)


def test_a_line_of_the_log_names_its_run(caplog: pytest.LogCaptureFixture) -> None:
    module = cflow.loads('import log\nflow f():\n    log.warning("careful", n=1)\n')
    module.f.run()
    (record,) = (r for r in caplog.records if r.name == "cflow.flow")
    assert (record.getMessage(), record.levelno) == ("careful", logging.WARNING)
    assert record.__dict__["fields"] == {"n": 1}
    assert record.__dict__["run"]


def test_the_clock_measures_what_lies_between(tmp_path: Path) -> None:
    module = cflow.loads(
        """
import files, time

flow f(path: str) -> bool:
    before = time.now()
    files.write(path, "x")
    after = time.now()
    changed = files.stat(path).modified
    return before - 1s <= changed <= after + 1s and time.between(before, after) >= 0s
"""
    )
    assert module.f.run(str(tmp_path / "a")) is True


def test_nodes_run_outside_flows(tmp_path: Path) -> None:
    from cflow.stdlib_nodes import files, text

    assert text.slug("Hello, World") == "hello-world"
    path = files.write(tmp_path / "a", "one\ntwo")
    assert list(files.lines(path)) == ["one", "two"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(http.HttpError):
            http.get(f"http://127.0.0.1:{free.getsockname()[1]}/")
