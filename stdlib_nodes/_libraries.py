"""Libraries that an extra brings, as values: their types are not needed, and not all of them have any."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ._extras import needs


def library(pack: str, module: str) -> Any:
    """The library ``module``, imported at first use. Raises ModuleNotFoundError as :class:`~._extras.needs`."""
    with needs(pack):
        return import_module(module)
