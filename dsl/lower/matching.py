"""``match``: patterns as tests and captures, and whether the cases leave anything out."""

from __future__ import annotations

from collections.abc import Iterable

from ...compiler.ir import Apply, Branch, Const, Expr
from ...compiler.types import BOOL, Type
from .. import syntax as s
from .arms import Arm, fill_arm, join_arms
from .env import Bound
from .names import peek
from .patterns import Matched, covered, enum_members, is_closed, match_pattern, member_type
from .state import FlowLowering, Typed


def lower_match(at: FlowLowering, node: s.Match) -> None:
    value = peek(at, node.subject)
    at.owners.hold(value.expr, node.subject.span)
    subject = at.name_value(value, "subject", node.subject.span)
    whole = _check_exhaustive(at, node, subject.type)
    _cases(at, node, subject, 0, whole)


def _cases(at: FlowLowering, node: s.Match, subject: Typed, start: int, covered: bool) -> None:
    """The cases from ``start`` on; a case whose guard calls out is decided before its branch, in the region after
    the others.

    ``covered``: the cases leave no value out.
    """
    if not node.cases:
        return  # a syntax error that was reported
    first = node.cases[start]
    if first.guard is None:
        matched = match_pattern(at, first.pattern, subject)
        if matched.test is None or (covered and start + 1 == len(node.cases)):
            _report_unreached(at, node, start)
            _arm(at, node, first, matched, subject)
            return
    id = at.op_id("match")
    tests: list[Expr] = []
    arms: list[Arm] = []
    i = start
    whole = False
    while i < len(node.cases):
        case = node.cases[i]
        if case.guard is not None and at.waits(case.guard) and i > start:
            break
        matched = match_pattern(at, case.pattern, subject)
        test = _guarded(at, case, matched) if case.guard is not None else matched.test
        arms.append(fill_arm(at, lambda c=case, m=matched: _arm(at, node, c, m, subject)))  # type: ignore[misc]
        if test is None:
            whole = True
            _report_unreached(at, node, i)
            break
        tests.append(test)
        i += 1
    if not whole:
        if i < len(node.cases):
            arms.append(fill_arm(at, lambda: _cases(at, node, subject, i, covered)))
        elif (
            tests
            and covered
            and node.cases[-1].guard is None
            and (_needs_all(at, node) or all(a.builder.ended for a in arms))
        ):
            tests.pop()  # every value is covered: the last case is what remains
        else:
            arms.append(fill_arm(at, lambda: None))
    joined = join_arms(at, arms, lambda name: at.live.live_after(node, name), "this `match`", node.span)
    at.emit(Branch(id, tuple(tests), joined.regions, joined.results, node.span))
    joined.settle(at)


def _report_unreached(at: FlowLowering, node: s.Match, last: int) -> None:
    if last + 1 < len(node.cases):
        at.report(
            "unreachable",
            node.cases[last + 1].span,
            "this case is never reached: the one before matches everything",
            help="move it before, or remove it",
        )


def _guarded(at: FlowLowering, case: s.Case, matched: Matched) -> Expr | None:
    """The test of a case with a guard; the captures are known in it."""
    assert case.guard is not None
    if not at.waits(case.guard):
        mark = at.env.mark()
        before, at.pure = at.pure, at.pure or "it is evaluated only sometimes"
        for name, value in matched.captures:
            at.env.set(name, Bound(value.expr, value.type))
        guard = peek(at, case.guard)
        at.pure = before
        at.env.rewind(mark)
        return guard.expr if matched.test is None else Apply("and", (matched.test, guard.expr))

    def fill() -> list[Typed]:
        for name, value in matched.captures:
            at.bind(name, value, case.span)
        assert case.guard is not None
        return [peek(at, case.guard)]

    if matched.test is None:
        mark = at.env.mark()
        value = fill()[0]
        at.env.rewind(mark)
        return at.name_value(value, "guard", case.guard.span).expr
    arms = [fill_arm(at, fill), fill_arm(at, lambda: [Typed(Const(False), BOOL)])]
    joined = join_arms(at, arms, lambda _: False, "this guard", case.span, "guard")
    at.emit(Branch(at.op_id("guard"), (matched.test,), joined.regions, joined.results, case.guard.span))
    return joined.values[0].expr


def _arm(at: FlowLowering, node: s.Match, case: s.Case, matched: Matched, subject: Typed) -> None:
    if isinstance(node.subject, s.Name) and matched.type is not None:
        state = at.env.get(node.subject.id)
        if isinstance(state, Bound):
            at.env.set(node.subject.id, Bound(state.atom, matched.type))
    for name, value in matched.captures:
        if at.live.read_in_case(case, name):
            at.bind(name, value, case.pattern.span)
    at.body(case.body)


# ---- what is left out ----------------------------------------------------------------------------


def _remaining(at: FlowLowering, cases: Iterable[s.Case], subject: Type) -> tuple[Type, ...]:
    left = _members(at, subject)
    for case in cases:
        if case.guard is None:
            left = tuple(m for m in left if not covered(at, case.pattern, m))
    return left


def _members(at: FlowLowering, subject: Type) -> tuple[Type, ...]:
    """A closed type as the smallest parts a case can tell apart."""
    parts: list[Type] = []
    for member in subject.args if subject.name == "union" else (subject,):
        if member.name == "literal":
            parts += [Type("literal", (v,)) for v in member.args]
        elif member == BOOL:
            parts += [Type("literal", (True,)), Type("literal", (False,))]
        elif names := enum_members(at, member):
            parts += [member_type(member.args[0], name) for name in names]
        else:
            parts.append(member)
    return tuple(parts)


def _check_exhaustive(at: FlowLowering, node: s.Match, subject: Type) -> bool:
    """Do the cases cover the type? A finding where they should and do not, after which all goes on as if they did."""
    left = _remaining(at, node.cases, subject)
    closed = is_closed(at, subject)
    if left and closed:
        names = ", ".join(_name(at, m) for m in left)
        at.report(
            "match-not-exhaustive",
            node.span,
            f"no case matches {names}",
            expected=str(subject),
            found=f"cases without {names}",
            help=f"add `case {_as_case(at, left[0])}:`, or `case _:` for all the rest",
        )
    return not left or closed


def _name(at: FlowLowering, type: Type) -> str:
    if type.name not in ("class", "member"):
        return str(type)
    spec = at.program.classes.get(type.args[0])
    return ".".join([str(type.args[0]) if spec is None else spec.name, *type.args[1:]])


def _as_case(at: FlowLowering, type: Type) -> str:
    return f"{_name(at, type)}()" if type.name == "class" else _name(at, type)


def _needs_all(at: FlowLowering, node: s.Match) -> bool:
    """Does a name that the cases assign matter afterwards, so that falling through would leave it without a value?"""
    return any(
        at.live.live_after(node, name) and not isinstance(at.env.get(name), Bound) for name in at.live.assigned(node)
    )
