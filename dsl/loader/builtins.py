"""The names that every ``.cflow`` text has without importing anything: built-in functions, exceptions and types."""

from __future__ import annotations

from ...compiler.operators import BUILTIN_EXCEPTIONS, BUILTINS
from ...compiler.types import ANY
from ..python.names import NOT_HERE, builtin_binding
from ..scope import Binding, DictScope, TypeBinding
from .annotations import PLAIN_TYPES


def _bindings() -> dict[str, Binding]:
    found: dict[str, Binding] = {}
    for name in (*BUILTINS, *BUILTIN_EXCEPTIONS, *NOT_HERE):
        binding = builtin_binding(name)
        if binding is not None:
            found[name] = binding
    for name in ("date", "datetime", "time", "timedelta", "Path", "Decimal"):
        found[name] = TypeBinding(PLAIN_TYPES[name])
    found["Any"] = TypeBinding(ANY)
    return found


BUILTIN_SCOPE = DictScope(_bindings())
"""The outermost scope of a ``.cflow`` text."""
