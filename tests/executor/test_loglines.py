"""Where the lines of nodes and of detached runs go in a program that has not configured logging."""

from __future__ import annotations

import logging

import pytest

from cflow import context, detach, flow, node
from cflow.executor.underway import settle

CLOCK = len("12:30:05 ")


def unconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a program that has not configured logging; pytest has, and adds its handlers before each phase of a test,
    so this is called within it."""
    for name in ("cflow", "cflow.node"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", False)


@node(reads="r")
def talks(n: int) -> None:
    log = context().log
    log.debug("not shown")
    log.info("got %d of %s", n, "many")
    log.warning("odd: %r", {"n": n})
    try:
        raise ValueError(n)
    except ValueError:
        log.exception("failed")


@flow
def talking(n: int) -> None:
    talks(n)


def test_lines_of_nodes_from_info_up_have_a_time_and_a_level(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unconfigured(monkeypatch)
    talking.run(3)
    first, second, third, trace, *_ = capsys.readouterr().err.splitlines()
    assert first[CLOCK:] == "info: got 3 of many"
    assert second[CLOCK:] == "warning: odd: {'n': 3}"
    assert third[CLOCK:] == "error: failed"
    assert trace.startswith("Traceback")
    assert first[2] == first[5] == ":"


def test_the_level_of_the_logger_counts(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    unconfigured(monkeypatch)
    monkeypatch.setattr(logging.getLogger("cflow.node"), "level", logging.ERROR)
    talking.run(3)
    assert capsys.readouterr().err.splitlines()[0][CLOCK:] == "error: failed"


def test_a_host_is_told_the_line_that_logs(caplog: pytest.LogCaptureFixture) -> None:
    talking.run(3)
    assert [(r.levelname, r.filename, r.funcName) for r in caplog.records] == [
        ("WARNING", "test_loglines.py", "talks"),
        ("ERROR", "test_loglines.py", "talks"),
    ]


@node(writes="w")
def refuses(n: int) -> None:
    raise ValueError(f"no {n}")


@flow
def refused(n: int) -> None:
    refuses(n)


@flow
def detaching() -> str:
    detach(refused(4))
    return "ok"


def test_a_failed_detached_run_is_told_like_any_other_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unconfigured(monkeypatch)
    assert detaching.run() == "ok"
    settle()
    first, note, way, inputs, own = capsys.readouterr().err.splitlines()
    assert first[CLOCK:].startswith("error: the detached run-")
    assert first.endswith("failed: ValueError: no 4")
    assert note.startswith("  in flow refused, ")
    assert note.endswith("refuses(n)")
    assert way.strip() == "on the way refused > refuses"
    assert inputs.strip() == "with n=4"
    assert own.endswith('raise ValueError(f"no {n}")'), "the author's own code, and none of the engine's"
