"""Collecting loops that are comprehensions: ``ys = for x in xs: yield x + 1`` is ``[x + 1 for x in xs]``.

Also the other way of saying where a loop collects: the Python spelling's ``ys.append(y)``.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from .. import syntax as s
from .state import FlowLowering
from .trees import target_names


@frozen
class Into:
    """Where a collecting loop puts what it collects. ``appended``: the Python spelling, in which
    ``target.append(y)`` yields."""

    target: s.Expr
    annotation: s.Expr | None = None
    appended: bool = False


def appended_value(statement: s.Stmt, name: str) -> s.Expr | None:
    """``y`` of the statement ``name.append(y)``; None for any other statement."""
    match statement:
        case s.ExprStmt(
            value=s.Call(func=s.Attribute(value=s.Name(id=box), name="append"), args=(value,), keywords=(), options=())
        ):
            return value if box == name and not isinstance(value, s.Starred) else None
    return None


def as_comprehension(at: FlowLowering, node: s.For, into: Into) -> s.Comprehension | None:
    """The comprehension that a collecting loop is, if nothing in it is to be waited for and none of its names is
    used later."""
    clauses: list[s.ForClause] = []
    loop: s.For = node
    while True:
        if loop.options or loop.orelse or any(at.live.live_after(loop, n.id) for n in target_names(loop.target)):
            return None
        conditions, last = _conditions(loop.body)
        clauses.append(s.ForClause(loop.target, loop.source, tuple(conditions), span=loop.span))
        if not (isinstance(last, s.For) and last.into is None):
            break
        loop = last
    element = _yielded(last, into)
    # The first source is evaluated once and before: it may call out.
    if element is None or any(map(at.waits, [element, *list(_parts(clauses))[1:]])):
        return None
    return s.Comprehension("list", element, tuple(clauses), span=node.span)


def _conditions(body: tuple[s.Stmt, ...]) -> tuple[list[s.Expr], s.Stmt | None]:
    """The tests around the one statement of a body, and that statement."""
    conditions: list[s.Expr] = []
    while len(body) == 1 and isinstance(body[0], s.If) and len(body[0].tests) == 1 and not body[0].orelse:
        conditions.append(body[0].tests[0])
        body = body[0].bodies[0]
    return conditions, body[0] if len(body) == 1 else None


def _yielded(statement: s.Stmt | None, into: Into) -> s.Expr | None:
    if isinstance(statement, s.Yield) and not into.appended:
        return statement.value
    if statement is not None and into.appended and isinstance(into.target, s.Name):
        return appended_value(statement, into.target.id)
    return None


def _parts(clauses: list[s.ForClause]) -> Iterator[s.Expr]:
    for clause in clauses:
        yield from (clause.source, *clause.conditions)
