"""Conductor: workflows as Python functions or ``.cflow`` text, run on one Trio nursery.

Owns the list of public names and nothing else. Every name is loaded at its first use, so that ``import cflow`` costs a
fraction of a millisecond; no module of the package imports from here.
"""

from __future__ import annotations

from importlib import import_module

from ._version import __version__

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    from typing import Any

    from .compiler.diagnostics import (
        CflowError,
        Diagnostic,
        EngineBug,
        InputError,
        LoopLimit,
        ProgramError,
        RecursionLimit,
        UndoFailed,
    )
    from .compiler.permissions import Permissions, permissions
    from .compiler.secrets import SecretText, hide, redact
    from .compiler.spec import Retry
    from .engine import Engine
    from .executor.context import context
    from .executor.events import Event
    from .facade import (
        Collected,
        batched,
        buffered,
        collect,
        convert,
        detach,
        env,
        flow,
        lock,
        loop,
        node,
        parallel,
        race,
        secret,
        sleep,
        timeout,
        transaction,
        wait_signal,
        windowed,
    )
    from .modules import check, load, loads

# Public name -> the module that has it.
_HOME = {
    "flow": ".facade",
    "node": ".facade",
    "secret": ".facade",
    "env": ".facade",
    "transaction": ".facade",
    "timeout": ".facade",
    "lock": ".facade",
    "parallel": ".facade",
    "collect": ".facade",
    "Collected": ".facade",
    "race": ".facade",
    "loop": ".facade",
    "wait_signal": ".facade",
    "sleep": ".facade",
    "detach": ".facade",
    "buffered": ".facade",
    "windowed": ".facade",
    "batched": ".facade",
    "convert": ".facade",
    "context": ".executor.context",
    "load": ".modules",
    "loads": ".modules",
    "check": ".modules",
    "permissions": ".compiler.permissions",
    "Permissions": ".compiler.permissions",
    "SecretText": ".compiler.secrets",
    "hide": ".compiler.secrets",
    "redact": ".compiler.secrets",
    "Retry": ".compiler.spec",
    "Engine": ".engine",
    "Event": ".executor.events",
    "CflowError": ".compiler.diagnostics",
    "Diagnostic": ".compiler.diagnostics",
    "EngineBug": ".compiler.diagnostics",
    "InputError": ".compiler.diagnostics",
    "LoopLimit": ".compiler.diagnostics",
    "ProgramError": ".compiler.diagnostics",
    "RecursionLimit": ".compiler.diagnostics",
    "UndoFailed": ".compiler.diagnostics",
}

__all__ = [
    "CflowError",
    "Collected",
    "Diagnostic",
    "Engine",
    "EngineBug",
    "Event",
    "InputError",
    "LoopLimit",
    "Permissions",
    "ProgramError",
    "RecursionLimit",
    "Retry",
    "SecretText",
    "UndoFailed",
    "__version__",
    "batched",
    "buffered",
    "check",
    "collect",
    "context",
    "convert",
    "detach",
    "env",
    "flow",
    "hide",
    "load",
    "loads",
    "lock",
    "loop",
    "node",
    "parallel",
    "permissions",
    "race",
    "redact",
    "secret",
    "sleep",
    "timeout",
    "transaction",
    "wait_signal",
    "windowed",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(home, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
