"""What the runtimes share whose code is not Python and runs in a worker process: where a cut, a timeout or a crash ends
the worker, so that neither has to be waited for."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..compiler.beside import beside
from ..compiler.spec import NodeSpec


def need(library: str, extra: str, spec: NodeSpec) -> None:
    """
    Raises
    ------
    ImportError: the library is not installed; names the extra that has it.
    """
    if find_spec(library) is None:
        msg = f"{spec.name} has runs={spec.runs!r}, which needs {library}: pip install 'conductor-cflow[{extra}]'"
        raise ImportError(msg)


def content(spec: NodeSpec, fn: Callable[..., Any], word: str) -> bytes:
    """The content of the file that the node names.

    Raises
    ------
    OSError: it cannot be read.
    """
    return Path(beside(fn, spec.runtime[word])).read_bytes()
