"""What programs have in common, here and on other machines: their lines, and how they fail. It knows no nodes."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .shell import ProgramError

_LINE = 16 << 20  # bytes of a line
_SHOWN = 400  # characters of the last output in the text of an error


class Lines:
    """Cuts what a program prints into lines, as it comes.

    Parameters
    ----------
    program: for the text of the error.
    """

    def __init__(self, program: str) -> None:
        self._program = program
        self._rest = b""

    def cut(self, chunk: bytes | bytearray) -> list[str]:
        """The lines that end in a chunk. Raises ValueError for one of more than 16 MiB."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LINE:
            msg = f"{self._program!r} printed a line of more than {_LINE} bytes"
            raise ValueError(msg)
        return [line.decode("utf-8", "replace") for line in whole]

    def end(self) -> list[str]:
        """The last line, where it has no end of its own."""
        return [self._rest.decode("utf-8", "replace")] if self._rest else []


def failed(program: str, code: int, said: str) -> ProgramError:
    """The error for an exit status other than 0 (negative: the signal that ended it), and its last words."""
    from .shell import ProgramError

    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    last = " ".join(said[-_SHOWN:].split())
    return ProgramError(f"{program!r} {how}{f': {last}' if last else ''}", code, said)
