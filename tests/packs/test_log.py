from __future__ import annotations

import logging

import pytest

from cflow.stdlib_nodes import log


def test_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # As in a program that has not configured logging; pytest has, and adds its handlers before each phase of a test.
    monkeypatch.setattr(logging.getLogger("cflow.flow"), "propagate", False)
    log.info.fn("settled", orders=3)
    log.debug.fn("not shown")
    log.error.fn(ValueError("odd % sign"))
    out = capsys.readouterr()
    assert out.out == ""
    lines = out.err.splitlines()
    assert [line.partition(" ")[2] for line in lines] == ["info: settled  orders=3", "error: odd % sign"]


def test_a_host_that_configures_logging_decides(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG, "cflow.flow"):
        log.debug.fn("d", page=1)
        log.warning.fn("w")
    assert [(r.levelname, r.getMessage(), r.__dict__["fields"]) for r in caplog.records] == [
        ("DEBUG", "d", {"page": 1}),
        ("WARNING", "w", {}),
    ]
    assert capsys.readouterr().err == ""
    caplog.clear()
    with caplog.at_level(logging.ERROR, "cflow.flow"):
        log.info.fn("too quiet")
    assert not caplog.records
