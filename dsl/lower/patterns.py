"""Patterns of a ``match``: the test that a value must pass, the parts that get names, and what a pattern covers."""

from __future__ import annotations

from attrs import frozen

from ...compiler.assignable import assignable, join
from ...compiler.evaluate import BUILTIN_CLASSES
from ...compiler.ir import Apply, Const, Expr, Global
from ...compiler.nearest import did_you_mean
from ...compiler.spec import ClassSpec
from ...compiler.types import ANY, NONE, Type, class_type, list_of
from .. import syntax as s
from ..scope import BuiltinBinding, ClassBinding, TypeBinding, UnknownBinding
from . import optypes
from .constants import type_of, widen
from .names import peek
from .program import literal_values
from .state import FlowLowering, Typed
from .waiting import dotted_binding


@frozen
class Matched:
    """What a pattern becomes. ``test`` None: it matches everything. ``type``: what a match tells of the value's
    type."""

    test: Expr | None
    captures: tuple[tuple[str, Typed], ...] = ()
    type: Type | None = None


_SELF = frozenset("bool bytearray bytes dict float frozenset int list set str tuple".split())
"""The classes whose pattern takes the value itself as its one argument."""


def match_pattern(at: FlowLowering, pattern: s.Pattern, value: Typed) -> Matched:
    """The test and the captures of a pattern for a value (an atom, or a part of one)."""
    match pattern:
        case s.CapturePattern():
            return Matched(None, () if pattern.name is None else ((pattern.name, value),))
        case s.ValuePattern():
            return _value(at, pattern, value)
        case s.OrPattern():
            return _either(at, pattern, value)
        case s.AsPattern():
            inner = match_pattern(at, pattern.pattern, value)
            known = Typed(value.expr, inner.type or value.type)
            return Matched(inner.test, (*inner.captures, (pattern.name, known)), inner.type)
        case s.SequencePattern():
            return _sequence(at, pattern, value)
        case s.MappingPattern():
            return _mapping(at, pattern, value)
        case s.ClassPattern():
            return _class(at, pattern, value)
        case s.StarPattern():
            at.report("unsupported", pattern.span, "a starred pattern stands alone", help="put it into [...]")
            return Matched(None)


def _value(at: FlowLowering, pattern: s.ValuePattern, value: Typed) -> Matched:
    wanted = peek(at, pattern.value)
    constant = wanted.expr
    if isinstance(constant, Const) and (constant.value is None or isinstance(constant.value, bool)):
        type = NONE if constant.value is None else Type("bool")
        _check_possible(at, pattern, value.type, type)
        return Matched(Apply("is", (value.expr, constant)), (), type)
    # A member of an enum may well equal something that is none.
    comparable = wanted.type.name != "class" or all(m.name in ("class", "none") for m in optypes.members(value.type))
    if wanted.type != ANY and comparable:
        _check_possible(at, pattern, value.type, wanted.type)
    return Matched(Apply("==", (value.expr, constant)), (), wanted.type if wanted.type.name == "literal" else None)


def _check_possible(at: FlowLowering, pattern: s.Pattern, source: Type, wanted: Type) -> None:
    """Report a case that nothing of the value's type can match, where that type is closed."""
    if source.name != "class" and not is_closed(at, source):
        return
    if any(_may_be(at, m, wanted) for m in optypes.members(source)):
        return
    help = did_you_mean(str(wanted), (str(m) for m in optypes.members(source)), f"the value is {source}")
    if source.name == "literal" and wanted.name == "literal":
        help = did_you_mean(str(wanted.args[0]), (str(v) for v in source.args), f"the value is {source}")
    at.report(
        "case-never-matches",
        pattern.span,
        f"{source} is never {wanted}",
        expected=str(source),
        found=str(wanted),
        help=help,
    )


def is_closed(at: FlowLowering, type: Type) -> bool:
    """Are all values of the type known: declared literals, bool, None, enums, classes?"""
    for member in optypes.members(type):
        if enum_members(at, member):
            continue
        if member.name == "literal":
            values = literal_values(member)
            if not any(values <= declared for declared in at.program.literals):
                return False
        elif member.name not in ("none", "bool", "class") or (member.name == "class" and type.name != "union"):
            return False
    return bool(optypes.members(type))


def enum_members(at: FlowLowering, type: Type) -> tuple[str, ...]:
    """The names of all values of a type that is an enum."""
    spec = at.program.classes.get(type.args[0]) if type.name == "class" else None
    return () if spec is None else spec.members


def member_type(key: str, name: str) -> Type:
    """One member of the enum with this key: a part of a closed type, in coverage alone."""
    return Type("member", (key, name))


def _may_be(at: FlowLowering, source: Type, wanted: Type) -> bool:
    classes = at.program.classes
    if source.name == "literal" and wanted.name == "literal":
        return any(type(a) is type(b) and a == b for a in source.args for b in wanted.args)
    if widen(source).name in ("int", "float", "bool") and widen(wanted).name in ("int", "float", "bool"):
        return True
    return assignable(source, wanted, classes) or assignable(wanted, source, classes)


def _both(tests: list[Expr]) -> Expr | None:
    return None if not tests else tests[0] if len(tests) == 1 else Apply("and", tuple(tests))


def _parts(at: FlowLowering, tests: list[Expr], parts: list[tuple[s.Pattern, Typed]]) -> Matched:
    """A pattern made of others: all must match, in order."""
    captures: list[tuple[str, Typed]] = []
    for inner, part in parts:
        matched = match_pattern(at, inner, part)
        if matched.test is not None:
            tests.append(matched.test)
        captures += matched.captures
    return Matched(_both(tests), tuple(captures))


def _either(at: FlowLowering, pattern: s.OrPattern, value: Typed) -> Matched:
    found = [match_pattern(at, option, value) for option in pattern.options]
    names = [{name for name, _ in m.captures} for m in found]
    if any(n != names[0] for n in names):
        at.report(
            "or-pattern-names",
            pattern.span,
            "the alternatives of a pattern must bind the same names",
            help="bind the same names in each, or write two cases",
        )
        return Matched(None)
    captures = []
    for name, first in found[0].captures:
        others = [dict(m.captures)[name] for m in found]
        expr = others[-1].expr
        for matched, other in reversed(list(zip(found[:-1], others[:-1], strict=True))):
            if matched.test is not None and other.expr != expr:
                expr = Apply("if", (matched.test, other.expr, expr))
        captures.append((name, Typed(expr, first.type if all(o.type == first.type for o in others) else ANY)))
    tests = [m.test for m in found if m.test is not None]
    test = None if len(tests) < len(found) else Apply("or", tuple(tests))
    types = [m.type for m in found if m.type is not None]
    return Matched(test, tuple(captures), join(types) if len(types) == len(found) else None)


def _item(value: Typed, index: int, type: Type) -> Typed:
    return Typed(Apply("item", (value.expr, Const(index))), type)


def _sequence(at: FlowLowering, pattern: s.SequencePattern, value: Typed) -> Matched:
    items = pattern.items
    stars = [i for i, p in enumerate(items) if isinstance(p, s.StarPattern)]
    if len(stars) > 1:
        at.report(
            "unsupported",
            items[stars[1]].span,
            "only one part of a pattern can have a star",
            help="leave one of the stars out",
        )
        return Matched(None)
    star = stars[0] if stars else None
    least = len(items) - len(stars)
    tests: list[Expr] = [Apply("match_sequence", (value.expr, Const(least), Const(star is None)))]
    parts: list[tuple[s.Pattern, Typed]] = []
    captures: list[tuple[str, Typed]] = []
    for i, item in enumerate(items):
        if isinstance(item, s.StarPattern):
            if item.name is not None:
                end = i + 1 - len(items)
                cut = Apply("slice", (Const(i or None), Const(end or None), Const(None)))
                rest = Apply("py.list", (Apply("item", (value.expr, cut)),))
                captures.append((item.name, Typed(rest, list_of(optypes.element(value.type) or ANY))))
            continue
        index = i if star is None or i < star else i - len(items)
        parts.append((item, _item(value, index, optypes.item(value.type, ANY, index) or ANY)))
    matched = _parts(at, tests, parts)
    return Matched(matched.test, (*matched.captures, *captures))


def _mapping(at: FlowLowering, pattern: s.MappingPattern, value: Typed) -> Matched:
    keys = [peek(at, k).expr for k in pattern.keys]
    if not all(isinstance(k, Const) for k in keys):
        at.report("unsupported", pattern.span, "the keys of a pattern are constants", help="write the key as a literal")
        return Matched(None)
    constant = Const(tuple(k.value for k in keys if isinstance(k, Const)))
    tests: list[Expr] = [Apply("match_mapping", (value.expr, constant))]
    inner = widen(value.type)
    of_item = inner.args[1] if inner.name == "dict" and inner.args else ANY
    parts = [(p, Typed(Apply("item", (value.expr, k)), of_item)) for p, k in zip(pattern.values, keys, strict=True)]
    matched = _parts(at, tests, parts)
    if pattern.rest is None:
        return matched
    rest = Typed(Apply("match_rest", (value.expr, constant)), Type("dict", inner.args) if inner.name == "dict" else ANY)
    return Matched(matched.test, (*matched.captures, (pattern.rest, rest)))


def _class(at: FlowLowering, pattern: s.ClassPattern, value: Typed) -> Matched:
    binding = dotted_binding(at, pattern.cls)
    spec: ClassSpec | None = None
    match binding:
        case ClassBinding():
            spec = binding.spec
            cls: Expr = Global("class", at.program.use_class(binding))
            type = class_type(spec.key)
        case TypeBinding() if binding.type.name in BUILTIN_CLASSES:
            cls, type = Global("class", binding.type.name), Type(binding.type.name)
        case BuiltinBinding() if binding.name in BUILTIN_CLASSES:
            cls, type = Global("builtin", binding.name), Type(binding.name)
        case UnknownBinding():
            cls, type = Const(None), ANY
        case None:
            at.expr(pattern.cls)
            return Matched(Const(False))
        case _:
            at.report(
                "not-a-type",
                pattern.span,
                "a class belongs here",
                help="name a built-in type, a record or an exception",
            )
            return Matched(Const(False))
    if type != ANY:
        _check_possible(at, pattern, value.type, type)
    tests: list[Expr] = [Apply("py.isinstance", (value.expr, cls))]
    narrowed = Typed(value.expr, _narrowed(at, value.type, type))
    parts: list[tuple[s.Pattern, Typed]] = []
    names = _positional(at, pattern, spec, type)
    for name, inner in (*zip(names, pattern.args, strict=False), *zip(pattern.names, pattern.values, strict=True)):
        if name is None:
            parts.append((inner, narrowed))
            continue
        tests.append(Apply("has_attr", (value.expr, Const(name))))
        parts.append((inner, Typed(Apply("attr", (value.expr, Const(name))), _field(at, pattern, spec, name))))
    matched = _parts(at, tests, parts)
    return Matched(matched.test, matched.captures, narrowed.type)


def _narrowed(at: FlowLowering, source: Type, cls: Type) -> Type:
    """What a value of type ``source`` is when it is an instance of ``cls``."""
    kept = [m for m in optypes.members(source) if m.name == cls.name and cls.name != "class"]
    return kept[0] if len(kept) == 1 else cls


def _positional(at: FlowLowering, pattern: s.ClassPattern, spec: ClassSpec | None, type: Type) -> list[str | None]:
    if not pattern.args:
        return []
    if spec is None and type.name in _SELF and len(pattern.args) == 1:
        return [None]
    names = [f.name for f in spec.fields] if spec is not None and spec.fields is not None else []
    if len(pattern.args) > len(names):
        at.report(
            "too-many-arguments",
            pattern.span,
            f"{spec.name if spec else type} has {len(names)} fields to match by position",
            help="match fields by name: Order(id=n)",
        )
        return [None] * len(pattern.args)
    return list(names[: len(pattern.args)])


def _field(at: FlowLowering, pattern: s.ClassPattern, spec: ClassSpec | None, name: str) -> Type:
    if name.startswith("_"):
        at.report(
            "forbidden-attribute",
            pattern.span,
            f"the attribute {name!r} cannot be read in a flow",
            help="read it in a node and return what you need",
        )
    if spec is None or spec.fields is None:
        return ANY
    for known in spec.fields:
        if known.name == name:
            return known.type
    if spec.kind == "record" and not spec.bases:
        names = [f.name for f in spec.fields]
        at.report(
            "unknown-attribute",
            pattern.span,
            f"{spec.name} has no field {name!r}",
            expected=", ".join(names),
            found=name,
            help=did_you_mean(name, names, f"its fields are {', '.join(names)}"),
        )
    return ANY


# ---- coverage ------------------------------------------------------------------------------------


def covered(at: FlowLowering, pattern: s.Pattern, member: Type) -> bool:
    """Does the pattern match every value of this part of a closed type?"""
    match pattern:
        case s.CapturePattern():
            return True
        case s.AsPattern():
            return covered(at, pattern.pattern, member)
        case s.OrPattern():
            return any(covered(at, option, member) for option in pattern.options)
        case s.ValuePattern():
            value = _constant(pattern.value)
            if value is ...:
                return member.name == "member" and _is_member(at, pattern.value, member)
            wanted = NONE if value is None else Type("literal", (value,))
            return wanted == member and type_of(value).name == type_of(member.args[0] if member.args else None).name
        case s.ClassPattern():
            return _class_covers(at, pattern, member)
    return False


def _is_member(at: FlowLowering, node: s.Expr, member: Type) -> bool:
    """Does a dotted name stand for this member of an enum? A member may have further names; where only the text of the
    class was read, a name of which it does not tell more has the benefit of the doubt."""
    binding = dotted_binding(at, node.value) if isinstance(node, s.Attribute) else None
    if not isinstance(node, s.Attribute) or not isinstance(binding, ClassBinding):
        return False
    key, name = member.args
    if binding.spec.key != key:
        return False
    if binding.cls is None:
        return node.name == name or node.name not in binding.spec.members
    known = getattr(binding.cls, "__members__", {}).get(node.name)
    return known is not None and known.name == name


def _constant(node: s.Expr) -> object:
    if (
        isinstance(node, s.Unary)
        and node.op == "-"
        and isinstance(node.value, s.Constant)
        and isinstance(node.value.value, int)
    ):
        return -node.value.value
    return node.value if isinstance(node, s.Constant) else ...


def _class_covers(at: FlowLowering, pattern: s.ClassPattern, member: Type) -> bool:
    if not all(isinstance(p, s.CapturePattern) for p in (*pattern.args, *pattern.values)):
        return False
    if member.name == "member":
        member = class_type(member.args[0])
    binding = dotted_binding(at, pattern.cls)
    match binding:
        case ClassBinding():
            return member.name == "class" and assignable(
                member, class_type(binding.spec.key), {**at.program.classes, binding.spec.key: binding.spec}
            )
        case BuiltinBinding() | TypeBinding():
            name = binding.name if isinstance(binding, BuiltinBinding) else binding.type.name
            return widen(member).name == name or (name == "int" and widen(member).name == "bool")
    return False
