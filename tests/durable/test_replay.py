"""Runs are repeated from their record: nothing outside is touched, and what is different is told."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from engines_kit import Make

import cflow
from cflow import Engine, Retry, context, detach, flow, node, parallel, race, sleep, timeout, transaction, wait_signal
from cflow.cli.main import main
from cflow.executor.suspended import Suspended
from cflow.runs.cancel import cancel
from cflow.runs.history import read_history
from cflow.runs.repeat import repetition
from cflow.runs.replay import Agreement, agreement, call_again, find_call, is_writer
from cflow.store.failures import Unknown

TOUCHED: list[str] = []
WORLD: dict[str, Any] = {}


@pytest.fixture
def engine(engines: Make, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr("cflow.executor.recorded.WORTH", 60.0)  # pure calls are made again, also on a busy machine
    TOUCHED.clear()
    WORLD.clear()
    return engines()


@node(reads="world")
async def look(n: int) -> int:
    TOUCHED.append(f"look {n}")
    return n


@node(writes="world")
async def unput(n: int) -> None:
    TOUCHED.append(f"unput {n}")


@node(writes="world", undo=unput)
async def put(n: int) -> int:
    TOUCHED.append(f"put {n}")
    if n in WORLD.get("stop", ()):
        WORLD.clear()
        context()._run.journal.stop("broken off by a test")
    await trio.lowlevel.checkpoint()
    return n


@node(writes="world", retry=Retry(2, backoff=0.0))
async def flaky(n: int) -> int:
    TOUCHED.append(f"flaky {n}")
    if context().attempt < 3:
        raise OSError("not yet")
    return n


@node(writes="world")
async def forever() -> None:
    await trio.sleep_forever()


@node(reads="world")
async def numbers(n: int) -> AsyncIterator[int]:
    TOUCHED.append("numbers")
    for i in range(n):
        yield i


@node(writes="world")
def blocking(n: int) -> int:
    TOUCHED.append(f"blocking {n}")
    return n


@node(pure=True)
def scaled(n: int) -> int:
    return int(n * WORLD.get("scale", 1))


@flow
def steps(n: int) -> int:
    total = look(n)
    for x in range(n):
        total += put(x)
    return total + flaky(7) + blocking(1)


@flow
def undone(n: int) -> str:
    try:
        with transaction():
            put(n)
            flaky(n)
            raise ValueError("no")
    except ValueError:
        return "undone"


@flow
def fails(n: int) -> int:
    with transaction():
        put(n)
        raise KeyError("x")


@flow
def wins(n: int) -> int:
    race(sleep(n), sleep(60))
    return put(n)


@flow
def late(n: int) -> str:
    try:
        with timeout(0.01):
            forever()
    except TimeoutError:
        return "late"
    return "never"


@flow
def arms(n: int) -> list[int]:
    with cflow.parallel():
        put(100)
        put(200)
    return [put(x) for x in parallel(range(n), limit=2)]


@flow
def reads(n: int) -> int:
    total = 0
    for x in numbers(n):
        total += put(x)
    return total


@flow
def child(n: int) -> int:
    return put(n)


@flow
def parent(n: int) -> str:
    return detach(child(n))


@flow
def gives(n: int) -> Iterator[int]:
    for x in numbers(n):
        yield scaled(x)


def last(engine: Engine) -> str:
    assert engine.recorder is not None
    return engine.recorder.store.runs()[0].id


def repeated(engine: Engine, run: str) -> Agreement:
    assert engine.recorder is not None
    store = engine.recorder.store
    row = store.run(run)
    assert row is not None
    return agreement(repetition(store, row))


@flow
def asks(n: int) -> str:
    said = wait_signal("said", n, timeout="1ms", default="nothing")
    return f"{said} {put(n)}"


@flow
def heard(n: int) -> str:
    return f"{wait_signal('said', n)} {put(n)}"


@node(writes="world")
async def made(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield i


@flow
def writes_items(n: int) -> int:
    total = 0
    for i in made(n):
        total += put(i)
    return total


def test_waits_and_streams_that_write_are_repeated(engine: Engine) -> None:
    engine.run(asks, 1)
    engine.signal("said", "yes", key=2)
    engine.run(heard, 2)
    engine.run(writes_items, 3)
    assert engine.recorder is not None
    for row in engine.recorder.store.runs():
        found = repeated(engine, row.id)
        assert (found.same, found.unused, found.beyond, found.ends) == (True, (), (), ""), row.flow


@pytest.mark.parametrize("work", [steps, undone, fails, wins, late, arms, reads], ids=lambda f: f.__name__)
def test_a_run_is_repeated_without_touching_anything(engine: Engine, work: Any) -> None:
    with pytest.raises(KeyError) if work is fails else _as_it_is():
        engine.run(work, 2)
    before, run = list(TOUCHED), last(engine)
    found = repeated(engine, run)
    assert found.same, found
    assert (found.unused, found.beyond, found.ends) == ((), (), "")
    assert found.total > 0
    assert before == TOUCHED
    assert last(engine) == run


class _as_it_is:
    def __enter__(self) -> None: ...
    def __exit__(self, *rest: object) -> None: ...


def test_a_stream_flow(engine: Engine) -> None:
    assert list(engine.run(gives, 3)) == [0, 1, 2]
    before = list(TOUCHED)
    assert repeated(engine, last(engine)).same
    assert before == TOUCHED


def test_what_was_detached_is_not_detached_again(engine: Engine) -> None:
    id = engine.run(parent, 1)
    assert engine.recorder is not None
    run = next(row.id for row in engine.recorder.store.runs() if row.id != id)
    assert repeated(engine, run).same
    assert len(engine.recorder.store.runs()) == 2
    while (row := engine.recorder.store.run(id)) is not None and row.state != "done":
        time.sleep(0.01)  # it is not to be under way in the next test


def test_a_cancelled_run_is_cancelled_again(engine: Engine) -> None:
    WORLD["stop"] = (2,)
    with pytest.raises(Suspended):
        engine.run(books, 3)
    run = last(engine)
    assert cancel(engine, run).state == "cancelled"
    assert TOUCHED == ["put 1", "put 2", "unput 1"]
    found = repeated(engine, run)
    assert found.same, found
    assert len(TOUCHED) == 3


@flow
def books(n: int) -> int:
    with transaction():
        put(1)
        return put(2)


TRIES: list[int] = []


@node(writes="world")
async def third(n: int) -> int:
    TRIES.append(n)
    if len(TRIES) < 3:
        raise OSError("not yet")
    return n


@flow
def inner(n: int) -> int:
    put(n)
    return third(n)


@flow
def patient(n: int) -> int:
    return inner.options(retry=Retry(4, backoff=1.0))(n)


def test_pauses_between_attempts_of_a_flow_are_not_waited_for_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    TRIES.clear()
    pauses: list[int] = []

    def pause(retry: Retry, k: int) -> float:
        pauses.append(k)
        return 0.0

    monkeypatch.setattr("cflow.executor.invoke.pause", pause)
    engine.run(patient, 1)
    assert pauses == [0, 1]
    assert repeated(engine, last(engine)).same
    assert pauses == [0, 1]


def test_what_comes_next_in_a_run_that_is_not_over(engine: Engine) -> None:
    WORLD["stop"] = (1,)
    with pytest.raises(Suspended):
        engine.run(steps, 3)
    found = repeated(engine, last(engine))
    assert found.same
    assert found.beyond == ("for[1]:put",)
    assert TOUCHED == ["look 3", "put 0", "put 1"]


@flow
def sums(n: int) -> int:
    return put(n) + scaled(n)


def test_a_result_that_is_another_now_is_told(engine: Engine) -> None:
    engine.run(sums, 2)
    WORLD["scale"] = 3
    found = repeated(engine, last(engine))
    assert not found.same
    assert found.ends == "it gave 4; now it gives 8"


@flow
def chooses(n: int) -> int:
    if scaled(n) > 2:
        return put(n + 10)
    return put(n)


def test_another_way_through_the_program_is_told(engine: Engine) -> None:
    engine.run(chooses, 2)
    WORLD["scale"] = 3
    found = repeated(engine, last(engine))
    assert (found.same, found.unused, found.beyond) == (False, ("put_2",), ("put",))
    assert TOUCHED == ["put 2"]


# ---- one call -----------------------------------------------------------------------------------------------


@pytest.fixture
def again(engine: Engine) -> Callable[..., Any]:
    def call(node_: str) -> Any:
        assert engine.recorder is not None
        store = engine.recorder.store
        history = read_history(store, last(engine))
        made = repetition(store, history.row)
        key = find_call(history, node_)
        reached = made.to(key)
        assert reached is not None
        before = next((entry for entry in history.entries if entry.key == key), None)
        return call_again(made, reached, before)

    return call


def test_one_call_is_made_again_on_its_inputs(engine: Engine, again: Callable[..., Any]) -> None:
    engine.run(steps, 3)
    TOUCHED.clear()
    found = again("for[2]:put")
    assert (found.value, found.same, found.reached.args, is_writer(found.reached)) == (2, True, (2,), True)
    assert TOUCHED == ["put 2"]
    assert again("look").same
    assert not is_writer(again("look").reached)
    assert again("blocking").same
    assert again("flaky").value == 7  # in the attempt that was recorded


def test_a_call_that_gives_something_else(engine: Engine, again: Callable[..., Any]) -> None:
    WORLD["scale"] = 1
    engine.run(scaling, 3)
    WORLD["scale"] = 5
    found = again("slow_scaled")
    assert (found.value, found.same) == (15, False)


@node(reads="world")
async def slow_scaled(n: int) -> int:
    return int(n * WORLD["scale"])


@flow
def scaling(n: int) -> int:
    return slow_scaled(n)


def test_a_name_that_fits_several_calls(engine: Engine) -> None:
    engine.run(steps, 2)
    assert engine.recorder is not None
    history = read_history(engine.recorder.store, last(engine))
    assert find_call(history, "flaky") == "flaky"
    with pytest.raises(Unknown, match=r"2 calls fit 'put'; say which: for\[0\]:put for\[1\]:put"):
        find_call(history, "put")
    with pytest.raises(Unknown, match="no call 'for' is on record"):
        find_call(history, "for")


# ---- the command ---------------------------------------------------------------------------------------------

NODES = """
from cflow import node

@node(reads="orders")
async def fetch(n: int) -> int:
    return n

@node(writes="orders")
async def ship(n: int) -> str:
    shipped = f"ship {n}"
    print(shipped)
    return shipped
"""

PROGRAM = """\
from "./{name}_nodes.py" import fetch, ship

flow orders(n: int) -> str:
    return ship(fetch(n))
"""


NUMBERS = itertools.count(1)


@pytest.fixture
def name() -> str:
    """Of the program: another one in each test, since a process tells programs of one name apart."""
    return f"replayed{next(NUMBERS)}"


@pytest.fixture
def run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    (tmp_path / f"{name}_nodes.py").write_text(NODES)
    (tmp_path / f"{name}.cflow").write_text(PROGRAM.format(name=name))
    monkeypatch.chdir(tmp_path)
    assert main(["run", f"{name}.cflow", "n=3", "--store", "store"]) == 0
    assert main(["runs", "--store", "store"]) == 0
    return capsys.readouterr().out.splitlines()[-1].split()[0]


def test_the_command(run: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", run, "--store", "store"]) == 0
    assert capsys.readouterr().out == f"the program does what {run} recorded (2 entries)\n"
    assert main(["replay", run, "fetch", "--store", "store"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"fetch: fetch(n=3)  {name}.cflow:4", "  recorded  3", "  now       3", "  the same",
    ]  # fmt: skip
    assert main(["replay", run, "ship", "--store", "store"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "ship writes, and would do so again: add --yes if it may\n"
    assert main(["replay", run, "ship", "--yes", "--store", "store"]) == 0
    assert capsys.readouterr().err == "ship 3\n"
    assert main(["replay", "run-nobody", "--store", "store"]) == 2


def command(folder: Path, *arguments: str) -> tuple[int, list[str], str]:
    """In a process that has not run the program."""
    line = [sys.executable, "-m", "cflow", *arguments, "--store", "store"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=folder)
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_a_program_that_has_changed(run: str, name: str, tmp_path: Path) -> None:
    program, text = tmp_path / f"{name}.cflow", PROGRAM.format(name=name)
    program.write_text(text.replace("ship(fetch(n))", "ship(fetch(n) + 1)"))
    code, out, _ = command(tmp_path, "replay", run)
    assert (code, out) == (
        0,
        [
            "the program has changed since the run began:",
            "  flow orders: its steps are different",
            f"the program of today does what {run} recorded (2 entries)",
        ],
    )
    code, out, _ = command(tmp_path, "replay", run, "ship", "--yes")
    assert (code, out[1:]) == (1, ["  recorded  'ship 3'", "  now       'ship 4'", "  it differs"])
    program.write_text(text.replace("ship(fetch(n))", "str(fetch(n))").replace(", ship", ""))
    code, out, _ = command(tmp_path, "replay", run)
    assert (code, out[2:]) == (
        1,
        [
            f"the program of today does not do what {run} recorded (1 of 2 entries are used)",
            "on record, and it does not come to it:",
            "  ship",
            "it gave 'ship 3'; now it gives '3'",
        ],
    )
    program.unlink()
    code, out, err = command(tmp_path, "replay", run)
    assert (code, out) == (2, [])
    assert "the program of the run is not there" in err


def test_under_the_debugger(run: str, name: str, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "cflow", "replay", run, "ship", "--yes", "--pdb", "--store", "store"]
    done = subprocess.run(line, input="p n + 1000\nn\np shipped\nc\n", capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{name}_nodes.py(10)ship()" in done.stderr
    assert "1003" in done.stderr
    assert "'ship 3'" in done.stderr
    assert done.stdout.splitlines()[-1] == "  the same"
