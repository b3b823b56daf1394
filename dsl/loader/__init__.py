"""Loading: ``.cflow`` files and text, what they import, their declarations; ``.py`` files run or only read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .load import check_python, load_module, load_text
    from .module import LoadedModule

__all__ = ["LoadedModule", "check_python", "load_module", "load_text"]


def __getattr__(name: str) -> Any:
    # Lowering reads annotations with a module of this package, and loading stands on lowering: no cycle at import.
    if name in ("check_python", "load_module", "load_text"):
        from . import load

        return getattr(load, name)
    if name == "LoadedModule":
        from .module import LoadedModule

        return LoadedModule
    raise AttributeError(name)
