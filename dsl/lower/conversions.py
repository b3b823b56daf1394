"""``x: T = f(a)`` and ``convert(f(a), T)``: the value is converted, unless it is surely a ``T`` already."""

from __future__ import annotations

from ...compiler.assignable import assignable
from ...compiler.diagnostics import Span
from ...compiler.ir import Apply, Const
from ...compiler.types import ANY, Type
from .constants import widen
from .optypes import known_to_be, members
from .state import FlowLowering, Typed

_BECOMES: dict[str, frozenset[str]] = {
    "str": frozenset("date datetime time timedelta Decimal Path class literal".split()),
    "int": frozenset("float complex timedelta Decimal class".split()),
    "float": frozenset("complex timedelta Decimal class".split()),
    "dict": frozenset("class mapping".split()),
    **dict.fromkeys(
        ("list", "tuple"), frozenset("list tuple set frozenset sequence collection iterable class".split())
    ),
    **dict.fromkeys(("set", "frozenset"), frozenset("set frozenset collection iterable".split())),
}
"""What conversion makes of a type beside itself."""


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
    if value.type.name == wanted.name == "collected":
        return Typed(value.expr, wanted)  # for the type checker of Python: the text has no word for it
    return Typed(Apply("convert", (value.expr, Const(wanted))), wanted)


def _convertible(source: Type, target: Type) -> bool:
    """Might conversion at run time succeed for some values?"""
    return any(
        "any" in (a.name, b.name) or a.name == b.name or b.name in _BECOMES.get(a.name, ())
        for a in members(widen(source))
        for b in members(target)
    )
