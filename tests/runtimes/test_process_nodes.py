"""``runs="process"``: what goes there and comes back, and that whatever happens to a worker costs its call only."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio

import cflow
from cflow import Engine, context, flow, node, parallel
from cflow.runs.history import read_history
from cflow.runs.repeat import repetition
from cflow.runs.replay import call_again, find_call
from cflow.runtimes.port import ForeignError, NodeCrashed
from cflow.runtimes.processes import POOL
from cflow.runtimes.wire import SHARED, Packed
from cflow.testing import attempt, mock


@dataclass
class Order:
    id: int
    lines: list[str]


class Broken(Exception):
    pass


class Choosy(Exception):
    """It is not made again from its ``args``."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


@node(reads="p", runs="process")
def pid() -> int:
    return os.getpid()


@node(pure=True, runs="process")
def filled(order: Order, line: str) -> Order:
    return Order(order.id, [*order.lines, line])


@node(pure=True, runs="process")
def plus(values: np.ndarray, x: float) -> np.ndarray:
    values[0] = x  # on a copy of its own, as far as the caller can tell
    return values + x


@node(reads="p", runs="process")
def fail(how: str) -> Any:
    match how:
        case "own":
            raise Broken("as told")
        case "choosy":
            raise Choosy(1, 2)
        case "exit":
            os._exit(3)
        case "signal":
            os.kill(os.getpid(), signal.SIGKILL)
        case "lock":
            return threading.Lock()
    return None


@node(reads="p", runs="process")
def told() -> tuple[str, str, int, str]:
    here = context()
    print("a line\nand half")
    print("an error", file=sys.stderr)
    here.log.info("so far %d", 1)
    here.log.debug("not wanted")
    here.progress(1, 4)
    return here.run, here.node, here.attempt, here.key


@node(reads="p", runs="process")
def hang(mark: str) -> None:
    Path(mark).write_text(f"{os.getpid()} {subprocess.Popen(['sleep', '1000']).pid}")
    time.sleep(1000)


@node(reads="p", runs="process", memory="64MB")
def hungry(size: int) -> int:
    return len(bytes(size))


@node(reads="p", runs="process")
def numbers(n: int, mark: str = "") -> Iterator[int]:
    try:
        yield from range(n)
        raise Broken("at the end")
    finally:
        if mark:
            Path(mark).write_text("closed")


@pytest.fixture(autouse=True, scope="module")
def _no_worker_is_left() -> Iterator[None]:
    yield
    POOL.close()
    assert not gone_within({w.child.pid for w in POOL._all})


def gone_within(pids: set[int], seconds: float = 60) -> set[int]:
    """Those of the processes that are still there after a while."""
    until = time.monotonic() + seconds
    while (left := {pid for pid in pids if running(pid)}) and time.monotonic() < until:
        time.sleep(0.01)
    return left


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


# ---- there and back --------------------------------------------------------------------------------


def test_it_runs_in_another_process_which_is_kept() -> None:
    first = pid()
    assert first != os.getpid()
    assert pid() == first


def test_records_go_there_and_back() -> None:
    assert filled(Order(7, ["a"]), "b") == Order(7, ["a", "b"])


def test_a_large_array_is_not_in_the_pickle_and_stands_on_shared_memory() -> None:
    values = np.zeros(SHARED)
    packed = Packed(values)
    assert packed.size == values.nbytes
    assert len(packed.body) < 1000
    result = plus(values, 2.0)
    assert result[0] == 4.0
    assert result[1] == 2.0
    result[1] = 9.0  # what has come is the caller's own
    assert values[0] == 0.0


def test_a_small_array_goes_too() -> None:
    assert list(plus(np.zeros(2), 2.0)) == [4.0, 2.0]


def test_the_node_knows_its_call_and_is_heard(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cflow.node")

    @flow
    def once() -> tuple[str, str, int, str]:
        return told()

    run, name, number, key = once.run()
    assert (name, number) == ("told", 1)
    assert key.startswith(f"{run}/told")
    out, err = capsys.readouterr()
    assert out == "a line\nand half\n"
    assert err == "an error\n"
    assert [(r.name, r.getMessage(), r.node) for r in caplog.records] == [("cflow.node", "so far 1", "told")]  # type: ignore[attr-defined]


def test_progress_reaches_the_run() -> None:
    from cflow.executor.alone import run_of
    from cflow.executor.elsewhere import located
    from cflow.executor.invoke import Site, bare
    from cflow.executor.tiers import Tier

    run = run_of(Engine())
    fn = located(told.spec, told.fn)
    trio.run(bare, run, Site("told", told.spec, fn, "loop", Tier(), True), (), {})
    assert run.progress == {"told": (1, 4)}


def test_a_plain_generator_is_a_stream_made_item_by_item(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    @flow
    def some(n: int, mark: str) -> list[int]:
        found = []
        for x in numbers(n, mark):
            if x == 3:
                break
            found.append(x)
        return found

    assert some.run(1000, str(mark)) == [0, 1, 2]
    assert mark.read_text() == "closed"
    with pytest.raises(Broken, match="at the end"):
        some.run(2, "")


def test_where_files_are_and_modules_is_as_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid()  # a worker that has begun elsewhere
    (tmp_path / "shop_of_the_test.py").write_text("PRICE = 4\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    @node(reads="p", runs="process")
    def there() -> tuple[str, int]:
        import shop_of_the_test

        return os.getcwd(), shop_of_the_test.PRICE

    assert there() == (str(tmp_path), 4)


# ---- errors ----------------------------------------------------------------------------------------


def test_an_error_keeps_its_type_and_shows_where_it_was_raised() -> None:
    with pytest.raises(Broken, match="as told") as caught:
        fail("own")
    (note,) = [n for n in caught.value.__notes__ if n.startswith("in process")]
    assert 'raise Broken("as told")' in note
    assert "worker.py" not in note


def test_an_error_that_cannot_be_made_again_is_told_by_name() -> None:
    with pytest.raises(ForeignError, match="Choosy: 1 and 2") as caught:
        fail("choosy")
    assert caught.value.type == "Choosy"


def test_what_cannot_be_sent_says_so() -> None:
    with pytest.raises(TypeError, match="filled cannot be called in a process: its arguments"):
        filled(threading.Lock(), "")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="cannot pickle"):
        fail("lock")
    lock = threading.Lock()

    @node(runs="process")
    def holds() -> None:
        lock.acquire()

    with pytest.raises(TypeError, match="holds cannot be called in a process: what it refers to"):
        holds()


@pytest.mark.parametrize(("how", "text", "code"), [("exit", "exit code 3", 3), ("signal", "SIGKILL", -9)])
def test_a_crash_costs_its_call_only(how: str, text: str, code: int) -> None:
    @flow
    def three(hows: list[str]) -> list[bool]:
        done = []
        for how in parallel(hows, limit=3):
            ok = True
            try:
                fail(how)
            except NodeCrashed:
                ok = False
            done.append(ok)
        return done

    assert three.run(["", how, ""]) == [True, False, True]
    with pytest.raises(NodeCrashed, match=f"fail has no result: its process .*{text}") as caught:
        fail(how)
    assert caught.value.code == code


def test_more_than_its_memory_is_an_error_and_the_worker_stays() -> None:
    before = pid()
    with pytest.raises(MemoryError) as caught:
        hungry(200_000_000)
    assert "64,000,000 bytes" in str(caught.value.__notes__)
    assert hungry(1_000_000) == 1_000_000
    assert pid() == before


# ---- cut short -------------------------------------------------------------------------------------


def test_a_cut_ends_the_worker_and_what_it_has_started(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    @flow
    def long(mark: str) -> None:
        hang(mark)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(long.start, str(mark))
            while not (mark.exists() and " " in mark.read_text()):
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()

    trio.run(main)
    worker, child = map(int, mark.read_text().split())
    assert not running(worker)
    assert not gone_within({child})


def test_timeout_is_the_usual_error(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match=r"hang took longer than 0\.5 s"):
        hang.options(timeout=0.5)(str(tmp_path / "mark"))


PARENT = """
import sys, threading
from cflow import node
import os, subprocess, time

@node(reads="p", runs="process")
def hang():
    print(os.getpid(), subprocess.Popen(["sleep", "1000"]).pid, flush=True)
    {work}

hang()
"""


@pytest.mark.parametrize("work", ["time.sleep(1000)", "re = __import__('re').match('(a*)*b', 'a' * 60)"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_its_parent(number: int, work: str, popen: Callable[..., subprocess.Popen[str]]) -> None:
    """Also where the worker never lets go of its interpreter (a regular expression that takes for ever)."""
    command = [sys.executable, "-c", PARENT.format(work=work)]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    parent = popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=buffered)
    assert parent.stdout is not None
    pids = {int(pid) for pid in parent.stdout.readline().split()}
    assert len(pids) == 2
    parent.send_signal(number)
    parent.wait()
    assert not gone_within(pids)


def test_no_process_outlives_a_parent_that_ends() -> None:
    script = "from cflow import node\nimport os\nprint(node(os.getpid, reads='p', runs='process')())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert not gone_within({int(done.stdout)})


# ---- how many --------------------------------------------------------------------------------------


@node(reads="p", runs="process")
def span(x: int) -> tuple[float, float]:
    began = time.monotonic()
    time.sleep(0.05)
    return began, time.monotonic()


@flow
def spans(n: int) -> list[tuple[float, float]]:
    return [span(x) for x in parallel(range(n), limit=n)]


@node(reads="p", runs="process")
def meet(folder: str, x: int, n: int) -> int:
    """Waits for the others."""
    Path(folder, str(x)).touch()
    while len(os.listdir(folder)) < n:
        time.sleep(0.01)
    return n


@flow
def meetings(folder: str, n: int) -> list[int]:
    return [meet(folder, x, n) for x in parallel(range(n), limit=n)]


def test_an_engine_has_as_many_in_processes_as_it_has_workers(tmp_path: Path) -> None:
    found = sorted(Engine(workers=1).run(spans, 3))
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(found))
    assert Engine(workers=3).run(meetings, str(tmp_path), 3) == [3, 3, 3]


# ---- declared --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "error", "text"),
    [
        ({"runs": "cloud"}, ValueError, "'process'"),
        ({"memory": "1GB"}, ValueError, "memory= belongs to runs='process' or"),
        ({"runs": "process", "memory": "much"}, ValueError, "is not a size"),
        ({"runs": "process", "memory": 0}, ValueError, "at least one byte"),
        ({"runs": "process", "fuel": 3}, ValueError, "fuel= belongs to runs='wasm'"),
        ({"runs": "command"}, ValueError, "needs command="),
        ({"runs": "command", "command": "ls -l"}, TypeError, "a program and its arguments"),
        ({"runs": "asyncio"}, TypeError, "is for an async def"),
    ],
)
def test_what_does_not_fit_is_told_where_it_is_declared(declared: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        node(os.getpid, **declared)


def test_an_async_def_cannot_go_there() -> None:
    with pytest.raises(TypeError, match="is for a plain def"):

        @node(runs="process")
        async def wrong() -> None: ...


def test_an_import_may_say_it_and_explain_shows_it(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text("import os\n\ndef where() -> int:\n    return os.getpid()\n")
    text = (
        'from "./work.py" import where with reads="p", runs="process", memory="1GB"\n\n'
        "flow main() -> int:\n    return where()\n"
    )
    assert [d.id for d in cflow.check(text, base=tmp_path)] == []
    main = cflow.loads(text, base=tmp_path).main
    assert main.run() != os.getpid()
    assert "in a process" in main.explain()


@pytest.mark.parametrize("said", ['command=["true"]', 'module="x.wat"', 'library="libc.so.6"', 'signature="int f();"'])
def test_text_names_no_program(said: str, tmp_path: Path) -> None:
    """Else a file that may import one function could run anything."""
    (tmp_path / "work.py").write_text("def f() -> int:\n    return 1\n")
    text = f'from "./work.py" import f with pure=True, runs="command", {said}\n\nflow main() -> int:\n    return f()\n'
    assert "an import cannot declare" in str(cflow.check(text, base=tmp_path)[0])
    with pytest.raises(cflow.ProgramError, match="an import cannot declare"):
        cflow.loads(text, base=tmp_path)


def test_a_static_method_may_go_there() -> None:
    class Shop:
        @node(reads="p", runs="process")
        @staticmethod
        def where() -> int:
            return os.getpid()

    assert Shop.where() != os.getpid()


def test_a_graph_keeps_what_the_runtime_is_told() -> None:
    from cflow.compiler.printer import print_graph
    from cflow.compiler.reader import read_graph
    from cflow.engine import default_engine

    @flow
    def one() -> int:
        return hungry(3)

    graph = default_engine().compiled(one).graph
    again = read_graph(print_graph(graph))
    assert [n.runtime for n in again.nodes.values()] == [{"memory": 64_000_000}]
    assert again.nodes == graph.nodes


def test_tests_mock_it_or_call_it() -> None:
    @flow
    def one() -> int:
        return pid()

    assert attempt(one).value not in (None, os.getpid())
    with mock(pid, 4):
        assert attempt(one).value == 4
        assert one.run() == 4


@node(writes="marks", runs="process")
def signed(mark: str) -> int:
    with open(mark, "a+") as file:
        file.write("x")
        return file.tell()


@flow
def twice(mark: str) -> list[int]:
    first = signed(mark)
    second = signed(mark)
    return [first, second]


def test_a_recorded_run_is_repeated_without_its_processes(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    engine = Engine(store=tmp_path / "store")
    assert engine.run(twice, str(mark)) == [1, 2]
    assert engine.recorder is not None
    store = engine.recorder.store
    (row,) = store.runs()
    again = repetition(store, row)
    again.run()
    assert (again.value, again.error) == ([1, 2], None)
    assert mark.read_text() == "xx"
    reached = repetition(store, row).to(find_call(read_history(store, row.id), "signed_2"))
    assert reached is not None
    assert call_again(repetition(store, row), reached, None).value == 3  # as the command `replay RUN NODE` does
    engine.recorder.close()


def test_a_file_may_be_called_like_a_module_of_python(tmp_path: Path) -> None:
    """Also where its plan was kept, and next to nothing is imported before it."""
    (tmp_path / "json.py").write_text(
        "from cflow import node\n\n@node(pure=True, runs='process')\ndef one() -> int:\n    return 1\n"
    )
    (tmp_path / "f.cflow").write_text('from "./json.py" import one\n\nflow main() -> int:\n    return one()\n')
    argv = [sys.executable, "-m", "cflow", "run", str(tmp_path / "f.cflow"), "--json"]
    (tmp_path / "aside").mkdir()
    for _ in range(2):
        done = subprocess.run(argv, cwd=tmp_path / "aside", capture_output=True, text=True, check=False)
        assert done.stdout == "1\n", done.stderr
