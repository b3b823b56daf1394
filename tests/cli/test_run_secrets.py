"""A secret that a run has used is in nothing that the commands print of it, nor in the store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SENTINEL = "sentinel-5150"

NODES = """
from cflow import node

@node(writes="vault")
async def use(key: str) -> str:
    return f"used {key}"

@node(writes="vault", retry=1)
async def breaks(key: str) -> str:
    raise ValueError(f"no {key}")
"""

PROGRAM = """\
from "./secret_nodes.py" import use, breaks

secret TOKEN

flow hidden(n: int) -> str:
    use(TOKEN)
    return breaks(f"{TOKEN} {n}")
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "secret_nodes.py").write_text(NODES)
    (tmp_path / "hidden.cflow").write_text(PROGRAM)
    return tmp_path


def test_a_secret_is_nowhere(place: Path) -> None:
    printed = []

    def command(*arguments: str) -> str:
        line = [sys.executable, "-m", "cflow", *arguments, "--store", "store"]
        env = {**os.environ, "TOKEN": SENTINEL}
        done = subprocess.run(line, capture_output=True, text=True, cwd=place, env=env, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        printed.append(done.stdout + done.stderr)
        return done.stdout

    command("run", "hidden.cflow", "n=1")
    command("run", "hidden.cflow", "n=2")
    second, first = (line.split()[0] for line in command("runs").splitlines())
    for arguments in (
        ("show", first),
        ("show", first, "--json"),
        ("export", first),
        ("diff", first, second),
        ("diff", first, second, "--json"),
        ("replay", first),
        ("replay", first, "use", "--yes"),
        ("replay", first, "breaks", "--yes"),
        ("rerun", first, "--from", "breaks"),
        ("runs", "--json"),
    ):
        command(*arguments)
    for text in printed:
        assert SENTINEL not in text
    assert sum("<secret>" in text for text in printed) >= 6
    for file in (place / "store").rglob("*"):
        if file.is_file():
            assert SENTINEL.encode() not in file.read_bytes(), file
