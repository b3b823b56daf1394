"""Files that a node names in its declaration: they are looked for beside the file that declares it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def beside(fn: Callable[..., Any], word: str) -> str:
    """The path of a file beside that of a function; the word as it is, where there is no such file."""
    code = getattr(inspect.unwrap(fn), "__code__", None)
    path = Path(code.co_filename).parent / word if code is not None else Path(word)
    return os.path.abspath(path) if path.is_file() else word


def program(fn: Callable[..., Any], command: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a command, with the paths of the files among them. As for a shell, a program is a file where it is
    written with a slash."""
    first = beside(fn, command[0]) if os.sep in command[0] else command[0]
    return (first, *(beside(fn, word) for word in command[1:]))
