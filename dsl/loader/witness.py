"""Who watches a load: which files were read, what was imported and in which order, what was looked at in it.

Only watches, for whoever wants to know on what the outcome hangs (:mod:`cflow.plancache`); nothing here changes what is
loaded. It must import nothing heavy: it is also asked where a load is spared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar

M = TypeVar("M")

Step = tuple[str, str]
"""Something executed: ``("file", path)`` or ``("pack", full module name)``."""


class Witness:
    """What was seen of one load.

    Attributes
    ----------
    files: what was read, by path. looked: paths that were looked for, whether or not there was a file.
    resolved: where paths led, links followed. named: the modules that were looked for by name.
    steps: what was executed, in order. members: what was looked at in real modules: the module, the name, the value.
    failed: did something go wrong that the files read do not explain?
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.looked: set[str] = set()
        self.resolved: dict[str, str] = {}
        self.named: set[str] = set()
        self.steps: list[Step] = []
        self.members: list[tuple[ModuleType, str, Any]] = []
        self.failed = False


_seeing: Witness | None = None
_failed: dict[Step, BaseException] = {}


@contextmanager
def watching() -> Iterator[Witness]:
    """A witness of every load within; loads of other threads are taken for parts of it, which does no harm."""
    global _seeing
    before, _seeing = _seeing, Witness()
    try:
        yield _seeing
    finally:
        _seeing = before


def read(path: object, data: bytes | None) -> None:
    """A source file was read; None: it could not be."""
    if _seeing is not None:
        if data is None:
            _seeing.failed = True
        else:
            _seeing.files[str(path)] = data


def looked(path: object) -> None:
    """A file was looked for."""
    if _seeing is not None:
        _seeing.looked.add(str(path))


def resolved(path: object, real: object) -> None:
    """A path was followed to the file that it means."""
    if _seeing is not None:
        _seeing.resolved[str(path)] = str(real)


def searched(name: str, origin: str | None) -> None:
    """A module was looked for by name, and found in a file or not."""
    if _seeing is not None:
        _seeing.named.add(name)
        if origin is not None:
            _seeing.looked.add(origin)


def member(module: ModuleType, name: str, value: Any) -> None:
    """A name of a real module was looked up."""
    if _seeing is not None:
        _seeing.members.append((module, name, value))


def failed() -> None:
    """What was loaded did not come to a good end."""
    if _seeing is not None:
        _seeing.failed = True


def unseen() -> None:
    """What is loaded hangs on more than is told here."""
    failed()


def executed(step: Step, run: Callable[[], M]) -> M:
    """Execute a module, as one step; what has failed a moment ago (:func:`replay`) is not executed again."""
    error = _failed.pop(step, None)
    if error is not None:
        raise error
    if _seeing is not None:
        _seeing.steps.append(step)
    return run()


def replay(step: Step, run: Callable[[], M]) -> M:
    """Execute a module ahead of the load that will want it; the load gets the error where there is one.

    Raises
    ------
    BaseException: whatever executing it raises.
    """
    try:
        return run()
    except (Exception, SystemExit) as error:
        _failed[step] = error
        raise
