"""Standard output is the result's alone: while a command runs, what nodes print goes to standard error.

It is so for the whole command, and results ask for their stream. The other way round, with standard output handed back
while a result is written, what a detached run printed at that moment stood in the middle of the result.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    from typing import TextIO

_results: list[TextIO | None] = []


def results() -> TextIO | None:
    """Where results go; None where the shell has closed it."""
    return _results[-1] if _results else sys.stdout


@contextlib.contextmanager
def results_to(stream: TextIO | None) -> Iterator[None]:
    """Results go there."""
    _results.append(stream)
    try:
        yield
    finally:
        _results.pop()


@contextlib.contextmanager
def nodes_print_to_standard_error() -> Iterator[None]:
    """Results go where standard output went, all else that is printed to standard error."""
    with results_to(results()), contextlib.redirect_stdout(sys.stderr):
        yield
