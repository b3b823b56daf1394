"""The words of a command line to arguments.

Must stay importable in a fraction of a millisecond: a line without options, the most usual one, is read here; any other
one, and what is said about a wrong one, by argparse (:mod:`.parsers`).
"""

from __future__ import annotations

from types import SimpleNamespace

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    import argparse
    from typing import Any


class Usage(Exception):
    """The command line itself is wrong; the text is what standard error gets."""


class Unwritable(Exception):
    """Standard output takes nothing: a full disk, or it is closed. The text is what standard error gets."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"error[output]: the result cannot be written to standard output: {error.strerror or error}")


def parse(argv: list[str]) -> argparse.Namespace | None:
    """The arguments of one command line, with ``module`` set to the one that does it; None: all is said.

    Raises
    ------
    Usage: the line is wrong.
    """
    found: Any = plain(argv)
    if found is not None:
        return found  # type: ignore[no-any-return]
    from . import parsers

    return parsers.parse(argv)


def plain(argv: list[str]) -> SimpleNamespace | None:
    """The arguments of a line without options: what argparse would give; None of any other line."""
    if len(argv) < 2 or any(word[:1] == "-" for word in argv):
        return None
    if argv[0] == "run":
        return SimpleNamespace(
            module="run",
            target=argv[1],
            inputs=argv[2:],
            input=None,
            json=False,
            events=False,
            limit=None,
            profile=None,
            store=None,
            queue=None,
            priority=None,
            key=None,
            allow=None,
        )
    if argv[0] == "check":
        return SimpleNamespace(module="check", files=argv[1:], format="people", advice=False, allow=None)
    return None
