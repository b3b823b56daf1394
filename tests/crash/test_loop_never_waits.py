"""Whatever a run asks of its store, the loop's thread makes no statement that waits for a lock: it reads at most, and
who reads a WAL database waits for no writer."""

from __future__ import annotations

import functools
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from faulty import Faulty

import cflow.store.place as place
from cflow import Engine, detach, flow, node, transaction, wait_signal
from cflow.store.place import FILE, open_store

MADE: list[tuple[int, str]] = []
"""The thread and the first word of each statement."""

ENGINE: list[Engine] = []

LOCKS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
"""


class Noted(Faulty):
    def _made(self, make: Any, statement: str, *rest: Any) -> sqlite3.Cursor:
        MADE.append((threading.get_ident(), statement.split()[0]))
        return super()._made(make, statement, *rest)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(place, "open_store", functools.partial(open_store, factory=Noted))
    made = Engine(store=tmp_path / "store")
    ENGINE[:] = [made]
    yield made
    assert made.recorder is not None
    made.recorder.close()


@node(reads="r", cache=True)
async def load(n: int) -> int:
    return n


@node(writes="w")
async def write(n: Any) -> Any:
    return n


@node(writes="w")
async def unwrite(n: Any) -> None:
    pass


@node(writes="w")
async def tell(n: int) -> None:
    ENGINE[0].signal("go", n, key=n)


@node(reads="r")
async def large(n: int) -> bytes:
    return b"x" * n


@flow
def caches(n: int) -> int:
    load(n)
    return load(n + 1)


@flow
def once(n: int) -> Any:
    with transaction():
        a = write.options(once="a", undo=unwrite)(n)
    return write.options(once="b")(a)


@flow
def signals(n: int) -> object:
    tell(n)
    return wait_signal("go", n)


@flow
def detaches(n: int) -> str:
    return detach(caches(n))


@flow
def keeps(n: int) -> int:
    data = large(200_000)
    write(n)
    return len(data)


@pytest.mark.parametrize("program", [caches, once, signals, detaches, keeps], ids=lambda f: f.source.name)
def test_while_another_process_has_the_lock(
    program: Any, engine: Engine, popen: Callable[..., subprocess.Popen[str]]
) -> None:
    recorder = engine.recorder
    assert recorder is not None
    engine.run(program, 1)  # what is planned, linked and looked up the first time is no matter of locks
    recorder.beat()
    holder = popen(
        [sys.executable, "-c", LOCKS, str(recorder.store.folder / FILE)],  # type: ignore[attr-defined]
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    result: list[Any] = []

    async def run() -> None:
        result.append(await engine.start(program, 2))

    async def until(holds: Callable[[], object]) -> None:
        with trio.fail_after(60):
            while not holds():
                await trio.sleep(0.001)

    async def main() -> None:
        MADE.clear()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            # As long as that holds, the loop turns: a commit that is waited for in its thread would end that.
            await until(lambda: recorder.store.trouble is not None and len(MADE) > 20)
            assert result == []
            holder.communicate("\n")
            await until(lambda: result)

    trio.run(main)
    here = threading.get_ident()
    assert {word for thread, word in MADE if thread == here} <= {"SELECT", "WITH"}
    assert {word for thread, word in MADE if thread != here} >= {"BEGIN", "COMMIT"}
