"""The standard packs beside the libraries that they stand on, used directly."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import trio
from bench_beside import Beside

import cflow

REQUESTS = 1_000
ROWS = 20_000

PROGRAM = """
import http, csv, json

flow fan_out(url: str) -> int:
    sizes = for i in range(1000) with parallel=1000:
        yield len((http.get(f"{url}/{i}") with timeout=10m).body)
    return sum(sizes)

flow read_csv(path: str) -> int:
    return len(csv.read(path))

flow stream_csv(path: str) -> int:
    n = 0
    for rows in csv.records(path) with batch=1000:
        n += len(rows)
    return n

flow write_csv(path: str, rows: list[Any]) -> Any:
    return csv.write(path, rows)

flow read_json(path: str) -> int:
    return len(json.read(path))

flow write_json(path: str, rows: list[Any]) -> Any:
    return json.write(path, rows, indent=None)
"""

SERVER = """
import trio

ANSWER = b"HTTP/1.1 200 OK\\r\\ncontent-type: text/plain\\r\\ncontent-length: 100\\r\\n\\r\\n" + b"x" * 100

async def serve(stream):
    held = b""
    while part := await stream.receive_some():
        held += part
        n = held.count(b"\\r\\n\\r\\n")
        if n:
            held = held.rpartition(b"\\r\\n\\r\\n")[2]
            await stream.send_all(ANSWER * n)

async def main():
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=2048)
    print(listener.socket.getsockname()[1], flush=True)
    await trio.serve_listeners(serve, [listener])

trio.run(main)
"""


@pytest.fixture(scope="module")
def program() -> Any:
    return cflow.loads(PROGRAM)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server in a process of its own, so that its time is not ours."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.terminate()


def by_hand(url: str) -> int:
    """Trio and httpx, a task a request: in several clients of a few connections, for one of all of them takes several
    times as long (its pool looks at each connection at each request)."""
    sizes = [0] * REQUESTS

    async def main() -> None:
        limits = httpx.Limits(max_connections=8, max_keepalive_connections=8)
        context = httpx.create_ssl_context()
        clients = [
            httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(600, pool=None), verify=context) for _ in range(12)
        ]

        async def one(i: int) -> None:
            answer = await clients[i % 12].get(f"{url}/{i}")
            answer.raise_for_status()
            sizes[i] = len(answer.content)

        async with trio.open_nursery() as nursery:
            for i in range(REQUESTS):
                nursery.start_soon(one, i)
        for client in clients:
            await client.aclose()

    trio.run(main)
    return sum(sizes)


CPU = pytest.mark.benchmark(timer=time.process_time)


@CPU
def test_http_fan_out(program: Any, url: str, benchmark: Any) -> None:
    engine = cflow.Engine()

    def ours() -> Any:
        return engine.run(program.fan_out, url)

    def theirs() -> int:
        return by_hand(url)

    assert ours() == theirs() == REQUESTS * 100
    Beside(benchmark, "http: 1,000 requests", REQUESTS, "<= 1.15x").run(ours, theirs, 3)


def rows() -> list[dict[str, Any]]:
    return [{"id": str(i), "region": ("north", "south")[i % 2], "note": f"{i:07d}" * 5} for i in range(ROWS)]


def read_csv(path: Path) -> int:
    with open(path, newline="", encoding="utf-8") as file:
        return len(list(csv.DictReader(file)))


def stream_csv(path: Path) -> int:
    n = 0
    with open(path, newline="", encoding="utf-8") as file:
        records = csv.DictReader(file)
        while batch := list(islice(records, 1000)):
            n += len(batch)
    return n


def write_csv(path: Path) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, ["id", "region", "note"], lineterminator="\n")
        out.writeheader()
        out.writerows(rows())
        file.flush()
        os.fsync(file.fileno())  # as the pack does


def read_json(path: Path) -> int:
    return len(json.loads(path.read_bytes()))


def read_json_msgspec(path: Path) -> int:
    return len(msgspec.json.decode(path.read_bytes()))


def write_json(path: Path) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(rows(), ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


@CPU
@pytest.mark.parametrize(
    ("flow", "library", "name"),
    [
        ("read_csv", read_csv, "a.csv"),
        ("stream_csv", stream_csv, "a.csv"),
        ("write_csv", write_csv, "b.csv"),
        ("read_json", read_json, "a.json"),
        ("read_json", read_json_msgspec, "a.json"),
        ("write_json", write_json, "b.json"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_files(
    program: Any, flow: str, library: Callable[[Path], Any], name: str, benchmark: Any, tmp_path: Path
) -> None:
    """Whole files, beside Python's own modules, and msgspec, which the packs read JSON by."""
    write_csv(tmp_path / "a.csv")
    write_json(tmp_path / "a.json")
    path = tmp_path / name
    engine = cflow.Engine()
    call = getattr(program, flow)

    def ours() -> Any:
        return engine.run(call, str(path), rows()) if name.startswith("b") else engine.run(call, str(path))

    def theirs() -> Any:
        return library(path)

    if name.startswith("b"):
        ours()
        written = path.read_bytes()
        theirs()
        assert path.read_bytes() == written
    else:
        assert ours() == theirs() == ROWS
    Beside(benchmark, f"{flow.replace('_', ' ')} ({library.__name__})", ROWS, "<= 1.2x").run(ours, theirs, 9)
