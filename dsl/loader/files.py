"""Source files to text: whatever stands at a path, the outcome is text or one clear diagnostic."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ...compiler.diagnostics import NOWHERE, Span
from ...compiler.nearest import did_you_mean
from . import witness
from .report import Reporter

MAX_BYTES = 8_000_000
"""Of one source file; no person writes a longer one, and reading stops here."""

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8 = b"\xef\xbb\xbf"


def read_source(
    path: Path, report: Reporter, span: Span = NOWHERE, suffixes: tuple[str, ...] = (".cflow", ".py")
) -> str | None:
    """The text of a source file; None where it was reported that it cannot be had.

    Parameters
    ----------
    path: of the file.
    report: told what is wrong.
    span: where the file is asked for (an import); without one, the file itself is blamed.
    suffixes: those of the files that would do, the one to suggest first.
    """
    at = span if span != NOWHERE else Span(str(path), 1)
    data = _read(path, report, at, suffixes)
    witness.read(path, data)
    return None if data is None else decode(data, str(path), report)


def _read(path: Path, report: Reporter, at: Span, suffixes: tuple[str, ...]) -> bytes | None:
    shown = show(path)
    wanted = f"name a {' or '.join(suffixes)} file"
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            inside = sorted(p.name for p in path.glob(f"*{suffixes[0]}"))[:3]
            hint = f"name a file in it: {', '.join(inside)}" if inside else wanted
            report("file-not-readable", at, f"{shown} is a folder, not a file", help=hint)
            return None
        if not stat.S_ISREG(mode):
            report("file-not-readable", at, f"{shown} is not an ordinary file", help=wanted)
            return None
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        report(
            "file-not-found", at, f"there is no file {shown}", help=_neighbours(path, imported=at != Span(str(path), 1))
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        report("file-not-readable", at, f"{shown} cannot be read: {reason}", help="check the path and its permissions")
    else:
        if len(data) <= MAX_BYTES:
            return data
        report(
            "file-not-readable", at, f"{shown} is longer than {MAX_BYTES:,} bytes", help="split it into several files"
        )
    return None


def _neighbours(path: Path, *, imported: bool) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {show(folder)} either"
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.endswith((".cflow", ".py"))]
    except OSError:
        names = []
    looked = f"it was looked for in {show(folder.absolute())}"
    if imported:
        looked = f"paths are relative to the importing file; this one was looked for in {show(folder)}"
    return did_you_mean(path.name, names, looked)


def show(path: Path) -> str:
    """A path as a person would write it: relative where it is below the current folder."""
    try:
        return repr(str(path.relative_to(Path.cwd())))
    except (ValueError, OSError):
        return repr(str(path))


def decode(data: bytes, file: str, report: Reporter) -> str | None:
    """The text of a source file's bytes: UTF-8, with or without a byte order mark."""
    if data[:2] in _UTF16:
        report("file-encoding", Span(file, 1), "the file is written in UTF-16", help="save it as UTF-8")
        return None
    start = len(_UTF8) if data.startswith(_UTF8) else 0
    try:
        text = data[start:].decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[start : start + error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        byte = error.object[error.start]
        report(
            "file-encoding",
            Span(file, line, column, line, column + 1),
            f"the file is not UTF-8: byte 0x{byte:02x} on line {line} is part of no character",
            help="save it as UTF-8 (it looks like Latin-1 or Windows-1252)",
        )
        return None
    if "\0" in text:
        before_it = text[: text.index("\0")]
        line, column = before_it.count("\n") + 1, len(before_it) - before_it.rfind("\n")
        report(
            "file-encoding",
            Span(file, line, column),
            "the file has NUL characters: it is not text",
            help="name a text file",
        )
        return None
    return text
