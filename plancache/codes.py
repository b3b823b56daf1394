"""The code of a flow that is a plain function call, or that only awaits one call after another, as data and back.

Such code refers to few things: nodes, classes, constants, functions of this package. What can be found again by name is
a recipe; what a node has promised is looked at only where a result is not of the class that it should be, and is loaded
then; where the code refers to anything else it is not kept, and the flow is linked anew in each process.
"""

from __future__ import annotations

import builtins
import linecache
from types import CodeType, FunctionType

from . import recipes

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..executor.link import Linked

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))


def freeze(linked: Linked, members: Iterable[Any]) -> tuple[Any, list[Any]] | None:
    """The code as plain data, and the objects that it asks for late; None where there is none, or it cannot be kept.

    Parameters
    ----------
    linked: the flow. members: see :func:`~.recipes.describe`.
    """
    if linked.recursive or linked.graph.main.stream:
        return None
    entry = linked.direct or linked.waiting or linked.written()
    from ..compiler.promises import Promise

    module = linked.module
    pieces = []
    needed: set[str] = set()
    for number, file in enumerate(module.files):
        name = f"<cflow {module.title} kept {number}>"
        code = compile("".join(linecache.getlines(file)), name, "exec", dont_inherit=True)
        needed |= _names(code)
        pieces.append((name, code))
    names: dict[str, Any] = {}
    late: list[Any] = []
    for name in sorted(needed & set(module.names)):
        value = module.names[name]
        if isinstance(value, FunctionType) and value.__code__.co_filename in module.files:
            continue
        if type(value) in PLAIN:
            names[name] = ("plain", value)
        elif isinstance(value, Promise):
            names[name] = ("late", len(late))
            late.append(value)
        else:
            try:
                names[name] = ("found", recipes.describe(value, members))
            except recipes.Unfindable:
                return None
    return (entry.__name__, pieces, names), late


def _names(code: CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names(constant)
    return found


class _Promise:
    """What a node has promised, loaded where it is asked for."""

    def __init__(self, late: Callable[[int], Any], number: int) -> None:
        self._late, self._number = late, number

    def check(self, value: Any) -> None:
        self._late(self._number).check(value)


def thaw(frozen: Any, late: Callable[[int], Any]) -> Callable[..., Any] | None:
    """The function of the flow; None where something that it needs is not what it was.

    Parameters
    ----------
    frozen: what :func:`freeze` gave. late: gives the objects that are asked for late.
    """
    entry, pieces, names = frozen
    known: dict[str, Any] = {"__name__": "cflow.generated", "__builtins__": builtins}
    for name, (kind, value) in names.items():
        if kind == "found":
            value = recipes.find(value)
            if value is recipes.MISSING:
                return None
        elif kind == "late":
            value = _Promise(late, value)
        known[name] = value
    for _, code in pieces:
        exec(code, known)
    found: Callable[..., Any] = known[entry]
    return found
