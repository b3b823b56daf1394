"""``cflow fmt``: formats files in place, or says which would change."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..whole import write_whole
from .arguments import Usage
from .output import emit, note
from .target import read_stdin, read_text, report_wrong


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where ``--check`` found a file that would change; 2 where a file is wrong."""
    changed = 0
    with report_wrong() as wrong:
        for name in arguments.files:
            with wrong.each():
                changed += _format(name, check=arguments.check)
    if wrong.code:
        return wrong.code
    return 1 if changed and arguments.check else 0


def _format(name: str, *, check: bool) -> bool:
    """Formats one file; True if it changed, or would."""
    from ..dsl.text import format_text

    if name == "-":
        before = read_stdin("<stdin>")
        after = format_text(before, "<stdin>")
        if not check:
            emit(after, end="")
        return after != before
    path = Path(name)
    if path.suffix == ".py":
        raise Usage(f"cflow fmt: {name}: Python files are left to Python's formatters")
    before = read_text(path)
    after = format_text(before, name)
    if after == before:
        return False
    if check:
        note(f"would reformat {name}")
    else:
        write_whole(path, after.encode())
        note(f"reformatted {name}")
    return True
