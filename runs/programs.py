"""How a run's flow is found again: by its file and its name."""

from __future__ import annotations

import json
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compiler.diagnostics import NOWHERE, Diagnostic, ProgramError

if TYPE_CHECKING:
    from ..dsl.scope import FlowSource
    from ..engine import Engine

_SEEN: weakref.WeakValueDictionary[str, FlowSource] = weakref.WeakValueDictionary()
"""Flows of this process that were run on record: those that are in no file are found nowhere else."""

_NAMES: weakref.WeakKeyDictionary[FlowSource, str] = weakref.WeakKeyDictionary()
"""What they were called: to resolve a path is a tenth of the start of a run."""

_ALLOW = "\nallow "


def place_of(program: str) -> str:
    """The file and the flow of a program's name, for people."""
    return program.partition(_ALLOW)[0]


def program_of(source: FlowSource) -> str:
    """The name under which a flow is found again: ``file:flow``, and of one that is not trusted what was allowed."""
    name = _NAMES.get(source)
    if name is None:
        file = Path(source.file)
        where = str(file.resolve()) if file.suffix and file.is_file() else source.file
        name = f"{where}:{source.name}"
        if source.allow is not None:
            name += _ALLOW + json.dumps(source.allow)
        _NAMES[source] = name
        _SEEN[name] = source
    return name


def find_program(engine: Engine, program: str) -> Any:
    """The flow of that name.

    Raises
    ------
    ProgramError: it is not there any more, or the file is wrong.
    """
    found = _SEEN.get(program)
    if found is not None:
        return found
    program, limited, given = program.partition(_ALLOW)
    allow = json.loads(given) if limited else engine.allow
    file, _, name = program.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise _gone(f"the program of the run is not there: {program}")
    if path.suffix == ".py":
        flow = getattr(_imported(path), name, None)
        if flow is not None:
            return flow
        from ..dsl.loader import load_module

        loaded = load_module(path)
        flows = {} if loaded is None else {n: loaded.names[n] for n in loaded.flows}
    else:
        from ..modules import load

        module = load(path, allow=allow)
        flows = {n: getattr(module, n) for n in module.__all__}
    if name not in flows:
        raise _gone(f"{path} has no flow {name!r} any more")
    return flows[name]


def _gone(message: str) -> ProgramError:
    return ProgramError([Diagnostic("no-such-program", "error", message, NOWHERE, help="put it back, or start anew")])


def _imported(path: Path) -> Any:
    """The module that is made from a file, where it is imported already."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and Path(file).name == path.name and Path(file).resolve() == path:
            return module
    return None
