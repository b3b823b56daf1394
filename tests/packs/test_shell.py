"""The shell pack: arguments, streams, limits, the environment, and that nothing is left running."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import trio

import cflow
from cflow.compiler.permissions import Permissions, under
from cflow.stdlib_nodes import shell

PYTHON = sys.executable


def py(code: str, *args: str, **options: Any) -> Any:
    return shell.run(PYTHON, ["-c", code, *args], **options)


def gone(pid: int) -> bool:
    """Is the process no more, or dead and not yet collected?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def until_gone(pid: int) -> None:
    with trio.fail_after(20):
        while not gone(pid):
            await trio.sleep(0.01)


def test_arguments_reach_the_program_as_they_are() -> None:
    args = ["*", "$HOME", "; exit 3", "", "a b", "\n", "é"]
    assert py("import sys; print(sys.argv[1:])", *args).stdout.strip() == repr(args)


def test_input_output_and_errors() -> None:
    done = py("import sys; sys.stdout.write(sys.stdin.read().upper()); sys.stderr.write('x')", input="héllo")
    assert done == shell.Output(code=0, stdout="HÉLLO", stderr="x")
    assert py("import sys; print(len(sys.stdin.buffer.read()))", input=b"\xff" * 500_000).stdout == "500000\n"
    assert py("pass", input="x" * 1_000_000).code == 0  # it need not read all


def test_an_exit_status_is_an_error_or_a_value() -> None:
    code = "import sys; print('why', file=sys.stderr); sys.exit(3)"
    with pytest.raises(shell.ProgramError, match="ended with status 3: why") as caught:
        py(code)
    assert (caught.value.code, caught.value.stderr) == (3, "why\n")
    assert py(code, check=False).code == 3
    with pytest.raises(shell.ProgramError, match="was ended by SIGKILL"):
        py("import os; os.kill(os.getpid(), 9)")


def test_no_such_program(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such program: 'no-such-program'"):
        shell.run("no-such-program")
    with pytest.raises(FileNotFoundError):
        py("pass", folder=tmp_path / "missing")


def test_too_much_output_ends_the_program() -> None:
    endless = "import sys\nwhile True: sys.std{}.write('x' * 1000)"
    for stream in ("out", "err"):
        with pytest.raises(ValueError, match="printed more than 10000 bytes"):
            py(endless.format(stream), limit=10_000)
    assert len(py("print('x' * 9999)", limit=10_000).stdout) == 10_000


def test_the_environment_is_what_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "1")
    monkeypatch.setenv("WANTED", "2")
    monkeypatch.setenv("TZ", "UTC")
    seen = py("import os; print(*sorted(os.environ.items()))", keep=["WANTED", "NOT_SET"], env={"OWN": "3"}).stdout
    assert "SECRET_KEY" not in seen
    for pair in (("WANTED", "2"), ("OWN", "3"), ("TZ", "UTC"), ("PATH", os.environ["PATH"])):
        assert repr(pair) in seen
    assert "NOT_SET" not in seen


def test_the_folder(tmp_path: Path) -> None:
    assert py("import os; print(os.getcwd())", folder=tmp_path).stdout.strip() == str(tmp_path.resolve())


def test_a_program_is_not_looked_for_where_the_call_says(tmp_path: Path) -> None:
    fake = tmp_path / "env"
    fake.write_text("#!/bin/sh\necho fake\n")
    fake.chmod(0o755)
    assert "fake" not in shell.run("env", env={"PATH": str(tmp_path)}, folder=tmp_path).stdout


# ---- nothing is left -----------------------------------------------------------------------------

FAMILY = """
import os, signal, subprocess, sys, time
if {deaf}: signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1] + ".new", "w").write(f"{{os.getpid()}} {{child.pid}}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""


@pytest.mark.parametrize("deaf", [False, True])
def test_a_call_that_is_cut_leaves_no_process(tmp_path: Path, deaf: bool) -> None:
    pids = tmp_path / "pids"

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shell.run.fn, PYTHON, ["-c", FAMILY.format(deaf=deaf), str(pids)])
            with trio.fail_after(60):
                while not pids.exists():
                    await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        for pid in pids.read_text().split():
            await until_gone(int(pid))

    trio.run(main)


def test_a_child_that_outlives_its_program_is_ended() -> None:
    code = (
        "import subprocess, sys\nn = subprocess.DEVNULL\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], stdout=n, stderr=n).pid)"
    )
    trio.run(until_gone, int(py(code).stdout))


def test_a_timeout_in_a_flow() -> None:
    module = cflow.loads(
        "import shell\nflow f(p: str) -> Any:\n"
        "    return shell.run(p, ['-c', 'import time; time.sleep(600)']) with timeout=200ms\n"
    )
    with pytest.raises(TimeoutError):
        module.f.run(PYTHON)


# ---- streams -------------------------------------------------------------------------------------


def streamed(code: str, count: int = -1) -> list[str]:
    async def main() -> list[str]:
        found: list[str] = []
        async with aclosing(shell.lines.fn(PYTHON, ["-c", code])) as stream:
            async for line in stream:
                found.append(line)
                if len(found) == count:
                    break
        return found

    return trio.run(main)


def test_lines_as_they_are_printed() -> None:
    assert streamed("print('a'); print(); print('é'); print('last', end='')") == ["a", "", "é", "last"]
    assert streamed("import time; print('first', flush=True); time.sleep(600)", 1) == ["first"]
    assert len(streamed("for n in range(50000): print(n)")) == 50_000
    with pytest.raises(shell.ProgramError, match="status 2"):
        streamed("print('a'); raise SystemExit(2)")


def test_a_line_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "_LIMIT", 1 << 20)
    with pytest.raises(ValueError, match="a line of more than"):
        streamed("import sys\nwhile True: sys.stdout.write('x' * 100000)")


# ---- programs that are not trusted ---------------------------------------------------------------

REFUSED: dict[str, Callable[[], Any]] = {
    "another program": lambda: shell.run("id"),
    "by its path": lambda: shell.run("/usr/bin/env"),
    "a variable": lambda: shell.run("env", keep=["HOME"]),
    "a variable of its own": lambda: shell.run("env", env={"LD_PRELOAD": "x.so"}),
    "a folder": lambda: shell.run("env", folder="/etc"),
    "lines": lambda: [*shell.lines("id")],
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_was_not_given(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with under(Permissions.of(["process:env", "env:APP_*", "files:."])):
        with pytest.raises(PermissionError, match="not allowed"):
            REFUSED[name]()
        assert "APP_X=1" in shell.run("env", env={"APP_X": "1"}, folder=".").stdout
