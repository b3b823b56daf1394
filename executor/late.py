"""A module that is imported when it is first used: a run without a loop has no need of Trio."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any


class Late:
    """Stands for a module; what was asked for once is kept here, and costs no more than in the module itself."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self._name), name)
        setattr(self, name, value)
        return value


if TYPE_CHECKING:
    import trio as trio
else:
    trio = Late("trio")
