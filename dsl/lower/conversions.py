"""``x: T = f(a)`` and ``convert(f(a), T)``: the value is converted, unless it is surely a ``T`` already."""

from __future__ import annotations

from ...compiler.assignable import assignable
from ...compiler.diagnostics import Span
from ...compiler.ir import Apply, Const
from ...compiler.types import ANY, Type
from .constants import widen
from .optypes import known_to_be, members
from .state import FlowLowering, Typed

_FROM_TEXT = frozenset("int float bool complex date datetime time timedelta Decimal Path bytes".split())
"""What conversion makes from text, or from numbers, though the types are not assignable."""


def converted(at: FlowLowering, value: Typed, wanted: Type, span: Span) -> Typed:
    """``value`` as a ``wanted``; a finding where that can never be."""
    if known_to_be(value.type, wanted, at.program.classes):
        return Typed(value.expr, wanted if wanted != ANY else value.type)
    if not assignable(value.type, wanted, at.program.classes) and not _convertible(value.type, wanted):
        at.report(
            "assigned-type",
            span,
            f"{value.type} can never be {wanted}",
            expected=str(wanted),
            found=str(value.type),
            help=f"give a value of type {wanted}, or change the annotation",
        )
        return Typed(Const(None), wanted)
    return Typed(Apply("convert", (value.expr, Const(wanted))), wanted)


def _convertible(source: Type, target: Type) -> bool:
    """Might conversion at run time succeed? Text and numbers become other plain values, dicts records, containers
    each other."""
    source = widen(source)
    for a in members(source):
        for b in members(target):
            if a.name in ("str", "int", "float", "dict") and (b.name in _FROM_TEXT or b.name in ("class", "literal")):
                return True
            if a.name in _BOXES and b.name in _BOXES:
                return True
            if b.name == "any" or a.name == "any" or a.name == b.name:
                return True
    return False


_BOXES = frozenset("list tuple set frozenset dict mapping sequence collection iterable class".split())
