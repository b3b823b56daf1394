"""A failure in words: what it was, where it came from, on which way, with which inputs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..compiler.diagnostics import Span
from ..compiler.secrets import hide, hide_passwords

LONGEST = 80
"""Characters that are shown of one input."""
FRAMES = 4
"""Lines of the user's own code that are shown."""

_ENGINE = str(Path(__file__).resolve().parent.parent) + os.sep
_WRITTEN_LIKE_USERS = (_ENGINE + "examples", _ENGINE + "tests")
_PYTHON = os.path.dirname(os.__file__) + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_LOOPS = (f"{os.sep}trio{os.sep}", f"{os.sep}outcome{os.sep}")


class FailureContext(Protocol):
    """Where a run failed, as :mod:`.errors` writes it to the error."""

    @property
    def flow(self) -> str: ...
    @property
    def node(self) -> str: ...
    @property
    def span(self) -> Span: ...
    @property
    def path(self) -> Sequence[str]: ...
    @property
    def attempt(self) -> int: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...


def context_of(error: BaseException) -> FailureContext | None:
    """What the executor knows of a failure; None of one that did not come through it."""
    found: FailureContext | None = getattr(error, "__cflow__", None)
    return found


def told(error: BaseException) -> str:
    """A failure for a log, where no source is shown around its line: several lines, secrets hidden."""
    name, text = type(error).__name__, said(error)
    first, *rest = f"{name}: {text}".splitlines() if text else [name]
    notes = (line for note in getattr(error, "__notes__", ()) for line in note.splitlines())
    lines = [*rest, *causes(error), *notes, *own_frames(error)]
    return hide("\n".join([first, *(f"  {line}" for line in lines)]))


def causes(error: BaseException) -> Iterator[str]:
    """What the error was raised from (``raise ... from``; failed undos from what made them run), the nearest first, and
    of a group that a node raised the errors in it."""
    yield from _members(error, "  ")
    seen = {id(error)}
    while (cause := error.__cause__) is not None and id(cause) not in seen:
        text = said(cause)
        yield f"from {type(cause).__name__}" + (f": {text.splitlines()[0]}" if text else "")
        yield from _members(cause, "  ")
        seen.add(id(cause))
        error = cause


def _members(error: BaseException, indent: str) -> Iterator[str]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            text = said(inner)
            yield f"{indent}{type(inner).__name__}" + (f": {text.splitlines()[0]}" if text else "")
            yield from _members(inner, indent + "  ")


def way(where: FailureContext | None) -> Iterator[str]:
    """From the flow to the operation that failed, and the inputs of that."""
    if where is None:
        return
    attempt = f" (attempt {where.attempt})" if where.attempt and where.attempt > 1 else ""
    if where.path:
        yield f"in {' > '.join(where.path)}{attempt}"
    if where.inputs:
        yield "with " + ", ".join(f"{name}={_short(value)}" for name, value in where.inputs.items())


def further_notes(error: BaseException) -> Iterator[str]:
    """The lines of the error's notes, without the executor's own note, which says what :func:`way` does."""
    where = context_of(error)
    for note in getattr(error, "__notes__", ()):
        if where is None or not note.startswith(f"in flow {where.flow}, "):
            yield from note.splitlines()


def own_frames(error: BaseException) -> list[str]:
    """The last lines of the user's own code that the error came through: not those of the engine and its packs, of
    Python and of the loop."""
    import traceback

    frames = []
    for frame in traceback.extract_tb(error.__traceback__):
        if _is_own(frame.filename):
            frames.append(
                f"{_from_here(frame.filename)}:{frame.lineno} in {frame.name}: {frame.line or ''}".rstrip(": ")
            )
    return frames[-FRAMES:]


def _from_here(file: str) -> str:
    """The path as one would write it in the folder where one is, of what lies below it."""
    try:
        here = os.getcwd() + os.sep
    except OSError:  # the folder is gone
        return file
    return file.removeprefix(here)


def _is_own(file: str) -> bool:
    if file.startswith("<") or any(part in file for part in _LOOPS):
        return False
    if file.startswith(_ENGINE) and not any(part in file[len(_ENGINE) - 1 :] for part in _INSTALLED):
        return file.startswith(_WRITTEN_LIKE_USERS)
    return not file.startswith(_PYTHON) or any(part in file for part in _INSTALLED)


def shown(value: Any) -> str:
    """Its ``repr``, without passwords in addresses; a class whose own fails is named instead."""
    try:
        return hide_passwords(repr(value))
    except Exception as error:
        return f"<{type(value).__name__}: its repr raises {type(error).__name__}>"


def said(error: BaseException | None) -> str:
    """The text of an error, without passwords in addresses; a class whose own text fails is named instead."""
    try:
        return hide_passwords(str(error))
    except Exception as inner:
        return f"<its text cannot be had: __str__ raises {type(inner).__name__}>"


def _short(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
