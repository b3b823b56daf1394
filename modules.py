"""Loading ``.cflow`` text from Python: a module-like object whose flows are flows like any other; and checking text."""

from __future__ import annotations

import os
import types
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .compiler.diagnostics import Collector, Diagnostic, ProgramError
from .compiler.garbage import collector_held
from .compiler.nearest import did_you_mean
from .dsl.scope import FlowSource
from .facade import Flow

if TYPE_CHECKING:
    from .dsl.loader import LoadedModule


class Module(types.ModuleType):
    """A loaded ``.cflow`` file or text: its flows (named by ``__all__``), and what its other public names stand for."""

    def __init__(self, loaded: LoadedModule) -> None:
        super().__init__(loaded.name, loaded.syntax.doc or None)
        self.__file__ = loaded.file
        self.__all__ = list(loaded.flows)
        for name, value in loaded.names.items():
            # A flow has one identity, however often its name is read.
            setattr(self, name, Flow[..., Any](value) if isinstance(value, FlowSource) else value)

    def __getattr__(self, name: str) -> Any:
        public = [n for n in vars(self) if not n.startswith("_")]
        msg = f"{self.__file__} has no {name!r} ({did_you_mean(name, public, 'it has ' + ', '.join(public))})"
        raise AttributeError(msg)

    def __repr__(self) -> str:
        return f"<module {self.__name__} from {self.__file__!r}>"


@collector_held()
def load(path: str | os.PathLike[str], *, allow: Iterable[str] | None = None) -> Module:
    """Loads a ``.cflow`` file, with what it imports.

    Parameters
    ----------
    path: the file.
    allow: patterns of the packs and paths that it may import, and what is granted to it
    (``net:HOST files:FOLDER process:PROGRAM env:NAME``); None: all.

    Raises
    ------
    ProgramError: the file cannot be read, or the program is wrong. ValueError: a grant is none.
    """
    from .dsl.loader import load_module

    return _checked(load_module(Path(path), allow=allow))


@collector_held()
def loads(text: str, *, base: str | os.PathLike[str] | None = None, allow: Iterable[str] | None = None) -> Module:
    """The same from text.

    Parameters
    ----------
    text: the program.
    base: the folder that its imports are relative to; None: the current one.
    allow: as for :func:`load`.

    Raises
    ------
    ProgramError: the program is wrong.
    """
    from .dsl.loader import load_text

    return _checked(load_text(text, None if base is None else Path(base), allow=allow))


def _checked(loaded: LoadedModule | None) -> Module:
    from .compiled import keep_checked
    from .dsl.loader.grants import check_calls
    from .dsl.lower import check_module

    found = Collector()
    if loaded is not None and not loaded.is_python:
        program = check_module(loaded.syntax, loaded.scope, loaded.flows, found)
        check_calls(program, loaded.granted, found)
        if not found.failed:
            keep_checked(loaded.flows.values(), program)
    if loaded is None or found.failed:
        raise ProgramError(found.items)
    return Module(loaded)


@collector_held()
def check(
    text: str, *, base: str | os.PathLike[str] | None = None, allow: Iterable[str] | None = None
) -> list[Diagnostic]:
    """Checks ``.cflow`` text; nothing is imported or run.

    Parameters
    ----------
    text: the program.
    base: the folder that its imports are relative to; None: the current one.
    allow: as for :func:`load`.
    """
    from .dsl.loader import load_text
    from .dsl.loader.grants import check_calls
    from .dsl.lower import check_module

    found = Collector()
    loaded = load_text(text, None if base is None else Path(base), allow=allow, execute=False, collector=found)
    if loaded is not None:
        check_calls(check_module(loaded.syntax, loaded.scope, loaded.flows, found), loaded.granted, found)
    return sorted(found.items, key=lambda d: d.severity != "error")
