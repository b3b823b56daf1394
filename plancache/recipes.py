"""How a real object is found again in another process: by its module and its name in it, checked by what it is.

A recipe is made only where following it leads to the very object; and what is found later must look the same: its
mark (:mod:`.marks`) is in the recipe.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from .marks import Unmarked, mark
from .place import digest
from .stamp import installed

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Recipe = tuple[str, str, str, bool, str]
    """Module, its file, the name in it, is it the function of a declared node?, the mark."""

MISSING = object()
"""Stands for what is not found, or is not what it was."""


class Unfindable(Exception):
    """There is no way back to an object; it is not kept, nor what needs it."""


def describe(value: Any, members: Iterable[tuple[ModuleType, str, Any]] = ()) -> Recipe:
    """The recipe of an object.

    Parameters
    ----------
    value: a function, a class or anything else that stands in a module under a name.
    members: further places to look for it: names of modules with their values.

    Raises
    ------
    Unfindable: it cannot be found again.
    """
    module = sys.modules.get(str(getattr(value, "__module__", "")))
    name = getattr(value, "__qualname__", None)
    if module is not None and isinstance(name, str):
        made = _made(module, name, value)
        if made is not None:
            return made
    for place, attribute, _ in members:
        made = _made(place, attribute, value)
        if made is not None:
            return made
    raise Unfindable(repr(value))


def _made(module: ModuleType, name: str, value: Any) -> Recipe | None:
    found = _walk(module, name)
    node = found is not value and getattr(found, "fn", MISSING) is value
    if not node and found is not value:
        return None
    try:
        return module.__name__, _file(module), name, node, short(found)
    except Unmarked as error:
        raise Unfindable(str(error)) from None


def short(value: Any) -> str:
    """The mark of an object, as a hash.

    Raises
    ------
    Unmarked: there is none.
    """
    return digest(mark(value).encode("utf-8", "surrogatepass")).hex()


def find(recipe: Recipe) -> Any:
    """The object of a recipe; :data:`MISSING` where it is not what it was."""
    name, file, path, node, known = recipe
    module = sys.modules.get(name)
    if module is None:
        if file and not installed(file):  # files of the user are imported by what imports them
            return MISSING
        module = import_module(name)
    if _file(module) != file:
        return MISSING
    found = _walk(module, path)
    try:
        if found is MISSING or short(found) != known:
            return MISSING
    except Unmarked:
        return MISSING
    return found.fn if node else found


def _walk(module: ModuleType, path: str) -> Any:
    found: Any = module
    for part in path.split("."):
        found = getattr(found, part, MISSING)
        if found is MISSING:
            return MISSING
    return found


def _file(module: ModuleType) -> str:
    return str(getattr(module, "__file__", None) or "")
