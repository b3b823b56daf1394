"""Follows a page word by word: writes its files, runs its commands, compares what they print.

A fenced block whose info string names a file (``python shop.py``) is written to a folder; another block of that name
replaces it. A ``console`` block holds commands after ``$`` and what they print, with ``...`` for what may differ. A
``python`` block without a name is run there. What is not to be followed is marked ``text``.

``.venv/bin/python tests/docs/console.py docs/tutorial.md`` writes what the commands print now into the page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

FENCE = re.compile(r"^(`{3,})(\w+)?[ \t]*(.*)$")


@frozen
class Block:
    """One fenced block: its language, the rest of the info string, its lines, and where they stand."""

    kind: str
    name: str
    lines: tuple[str, ...]
    start: int

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


@frozen
class Command:
    """One command of a console block with what it should print."""

    command: str
    printed: tuple[str, ...]
    start: int


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page."""
    lines = page.read_text(encoding="utf-8").splitlines()
    i = 0
    while i < len(lines):
        fence = FENCE.match(lines[i])
        i += 1
        if fence is None:
            continue
        start = i
        while i < len(lines) and lines[i].strip() != fence[1]:
            i += 1
        yield Block(fence[2] or "", fence[3].strip(), tuple(lines[start:i]), start)
        i += 1


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console block."""
    at = [i for i, line in enumerate(block.lines) if line.startswith("$ ")]
    for here, following in zip(at, [*at[1:], len(block.lines)], strict=True):
        yield Command(block.lines[here][2:], block.lines[here + 1 : following], block.start + here)


PROGRESS = re.compile(r"\d\d:\d\d:\d\d |\d+ \w+(, \d+ \w+)* in [\d.]+ s$")
"""Lines about progress, which the pages say they leave out: they hold times, and their order is by chance."""


def run(command: str, folder: Path) -> list[str]:
    """What a command prints in ``folder``, both streams as on a terminal, without progress."""
    here = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": here + os.pathsep + os.environ["PATH"], "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    text = done.stdout.replace(f"{folder}{os.sep}", "").rstrip()
    return [line.rstrip() for line in text.splitlines() if not PROGRESS.match(line)]


def fits(expected: tuple[str, ...], found: list[str]) -> bool:
    """Does the output fit, with ``...`` for what may differ?"""
    pattern = "\n".join(line.rstrip() for line in expected).rstrip()
    parts = [re.escape(p) for p in pattern.split("...")]
    return re.fullmatch(r"(?s:.*)".join(parts), "\n".join(found)) is not None


def write(block: Block, folder: Path) -> None:
    """Put a named block where its name says."""
    path = folder / block.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")


def refresh(page: Path, folder: Path) -> None:
    """Write what the commands print now into the page."""
    lines = page.read_text(encoding="utf-8").splitlines()
    edits: list[tuple[int, int, list[str]]] = []
    for block in blocks(page):
        if block.kind in ("python", "cflow", "json", "csv") and block.name:
            write(block, folder)
        elif block.kind == "console":
            for command in commands(block):
                found = run(command.command, folder)
                if not fits(command.printed, found):
                    edits.append((command.start + 1, len(command.printed), found))
    for start, length, found in reversed(edits):
        lines[start : start + length] = found
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    import tempfile

    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as there:
            refresh(Path(name), Path(there))
