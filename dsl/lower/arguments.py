"""The arguments of a call: lowered from left to right, and checked against what is called."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field, frozen

from ...compiler.assignable import assignable
from ...compiler.diagnostics import Span
from ...compiler.ir import Expr, Star
from ...compiler.nearest import did_you_mean
from ...compiler.types import ANY, NONE, Parameter, Signature, Type
from .. import syntax as s
from .constants import widen
from .optypes import element, members
from .state import FlowLowering, Typed


@frozen
class Given:
    """One argument of a call. ``name`` None: positional; ``spread``: ``*`` or ``**``."""

    value: Typed
    span: Span
    name: str | None = None
    spread: bool = False


@frozen
class Arguments:
    """The arguments of one call. ``extra``: values that were lowered with them (options), in the order they were
    given."""

    given: tuple[Given, ...] = ()
    extra: tuple[Typed, ...] = ()
    span: Span = field(default=Span("", 0))

    @property
    def args(self) -> tuple[Expr | Star, ...]:
        return tuple(Star(g.value.expr) if g.spread else g.value.expr for g in self.given if g.name is None)

    @property
    def kwargs(self) -> tuple[tuple[str, Expr], ...]:
        return tuple((g.name, g.value.expr) for g in self.given if g.name is not None)

    @property
    def plain(self) -> bool:
        """Is nothing spread, so that every argument is known?"""
        return not any(g.spread for g in self.given)


def lower_arguments(
    at: FlowLowering,
    args: Sequence[s.Expr],
    keywords: Sequence[s.Keyword],
    span: Span,
    extra: Sequence[s.Expr] = (),
) -> Arguments:
    """Lower the arguments of a call; what is called holds the collections among them."""
    nodes = [*(a.value if isinstance(a, s.Starred) else a for a in args), *(k.value for k in keywords), *extra]
    values = at.in_order(nodes)
    given = [Given(v, a.span, None, isinstance(a, s.Starred)) for a, v in zip(args, values, strict=False)]
    for keyword, value in zip(keywords, values[len(args) :], strict=False):
        name = "**" if keyword.name is None else keyword.name
        given.append(Given(value, keyword.span, name, keyword.name is None))
    return Arguments(tuple(given), tuple(values[len(given) :]), span)


def check_arguments(at: FlowLowering, what: str, signature: Signature, arguments: Arguments) -> None:
    """Report every argument that does not fit: too many, unknown, given twice, of the wrong type, missing."""
    if not signature.known:
        return
    by_name = {p.name: p for p in signature.params if p.kind in ("pos_or_kw", "kw")}
    in_place = [p for p in signature.params if p.kind in ("pos", "pos_or_kw")]
    rest = next((p for p in signature.params if p.kind == "var_pos"), None)
    names = next((p for p in signature.params if p.kind == "var_kw"), None)
    taken: set[str] = set()
    position, spread, fits = 0, False, True
    for given in arguments.given:
        if given.name is None:
            if given.spread:
                spread = True
                continue
            param = in_place[position] if position < len(in_place) and not spread else rest
            if spread:
                continue
            position += 1
            if param is None:
                fits = False
                _too_many(at, what, signature, given, len(in_place))
            else:
                if param is not rest:
                    taken.add(param.name)
                check_type(at, what, param.name, param.type, given)
        elif given.spread:
            spread = True
        elif given.name in by_name:
            if given.name in taken:
                at.report(
                    "argument-twice", given.span, f"{what} gets {given.name!r} twice", help="remove one of the two"
                )
            taken.add(given.name)
            check_type(at, what, given.name, by_name[given.name].type, given)
        elif names is not None:
            check_type(at, what, given.name, names.type, given)
        else:
            at.report(
                "unknown-keyword",
                given.span,
                f"{what} has no parameter {given.name!r}",
                expected=_listed(signature.params),
                found=given.name,
                help=did_you_mean(given.name, by_name, f"its parameters are {_listed(signature.params)}"),
            )
    if fits and not spread:  # what is too many by position is what is missing by name
        _missing(at, what, signature, taken, arguments.span)


def check_type(at: FlowLowering, what: str, name: str, wanted: Type, given: Given) -> None:
    """Report an argument whose type does not fit."""
    if assignable(given.value.type, wanted, at.program.classes):
        return
    at.report(
        "argument-type",
        given.span,
        f"{what} wants {wanted} for {name!r}, not {given.value.type}",
        expected=str(wanted),
        found=str(given.value.type),
        help=type_help(given.value.type, wanted),
    )


_MADE_OF = {
    "int": frozenset("bool float str bytes Decimal".split()),
    "float": frozenset("bool int str bytes Decimal".split()),
}
"""Types whose values the built-in functions of these names may take."""


def type_help(found: Type, wanted: Type) -> str:
    """A fix for a type that does not fit."""
    if found == NONE:
        return f"give a value of type {wanted}, or say {wanted} | None where it may be None"
    if found.name == "union" and any(m.name == "none" for m in found.args):
        return "it may be None here: test for that first"
    if found.name == "stream":
        return "collect its items first: items = [x for x in stream]"
    if found.name == "timedelta" and wanted.name in _MADE_OF:
        seconds = "value.total_seconds()"
        return f"take its seconds: {f'int({seconds})' if wanted.name == 'int' else seconds}"
    if _converts(found, wanted):
        return f"convert it: {wanted.name}(...)"
    return f"give a value of type {wanted}"


def _converts(found: Type, wanted: Type) -> bool:
    """Does the built-in function that is called like the type make a value of it?"""
    if wanted.name in _MADE_OF:
        return all(m.name in _MADE_OF[wanted.name] for m in members(widen(found)))
    if wanted.name == "list":
        return widen(found).name != "list" and element(found) is not None
    return wanted.name in ("str", "bool")


def _too_many(at: FlowLowering, what: str, signature: Signature, given: Given, most: int) -> None:
    by_name = any(p.kind == "kw" for p in signature.params)
    at.report(
        "too-many-arguments",
        given.span,
        f"{what} takes {most} positional argument{'s' * (most != 1)}",
        expected=_listed(signature.params) or "no arguments",
        help=_by_name(signature) if by_name else "remove it",
    )


def _by_name(signature: Signature) -> str:
    names = [p.name for p in signature.params if p.kind == "kw"]
    return f"give it by name: {', '.join(f'{n}=...' for n in names[:3])}"


def _missing(at: FlowLowering, what: str, signature: Signature, taken: set[str], span: Span) -> None:
    missing = [
        p.name for p in signature.params if p.required and p.kind in ("pos", "pos_or_kw", "kw") and p.name not in taken
    ]
    if missing:
        names = ", ".join(repr(n) for n in missing)
        at.report(
            "missing-argument",
            span,
            f"{what} is called without {names}",
            expected=_listed(signature.params),
            help=f"add {', '.join(f'{n}=...' for n in missing)}",
        )


def _listed(params: Sequence[Parameter]) -> str:
    marks = {"var_pos": "*", "var_kw": "**"}
    return ", ".join(
        f"{marks.get(p.kind, '')}{p.name}"
        + (f": {p.type}" if p.type != ANY else "")
        + ("" if p.required or p.kind in marks else " = ...")
        for p in params
    )
