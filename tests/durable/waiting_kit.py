"""Shorthand for tests of runs that wait."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHILD = Path(__file__).parent / "waiting_child.py"


Popen = Callable[..., subprocess.Popen[str]]


def start(popen: Popen, store: Path, effects: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    child = popen(
        [sys.executable, str(CHILD), str(store), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "EFFECTS": str(effects), **environment},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def kill(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


def until(what: Callable[[], Any], seconds: float = 120.0) -> Any:
    """What ``what`` gives, as soon as that is true."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it has not come to that"
        time.sleep(0.01)
    return found


def effects_of(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []
