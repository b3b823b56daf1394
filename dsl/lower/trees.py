"""Going through the syntax tree without recursion: sub-expressions, the names read, and the bounds on size and depth.

Owns which fields of a syntax node hold expressions and which hold statements. Knows nothing of what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ...compiler.diagnostics import Span
from .. import syntax as s

Node = s.Expr | s.UndoCall | s.FormattedValue

MAX_DEPTH = 200
"""Levels of statements and expressions inside one another, counted together; a run of operators is one level."""

MAX_NODES = 1_000_000
"""Expressions in one flow."""


def children(node: Node) -> tuple[Node, ...]:
    """The expressions directly below an expression, in the order they are written (options last)."""
    match node:
        case s.Name() | s.Constant():
            return ()
        case s.Attribute() | s.Unary() | s.Starred():
            return (node.value,)
        case s.Subscript():
            return (node.value, node.index)
        case s.Slice():
            return tuple(e for e in (node.lower, node.upper, node.step) if e is not None)
        case s.UndoCall():
            return (node.call,)
        case s.Call():
            return (node.func, *node.args, *(k.value for k in node.keywords), *(o.value for o in node.options))
        case s.Form():
            return (*node.args, *(k.value for k in node.keywords))
        case s.Binary():
            return (node.left, node.right)
        case s.Logical():
            return node.values
        case s.Compare():
            return (node.left, *node.rights)
        case s.Conditional():
            return (node.then, node.test, node.orelse)
        case s.Display():
            return node.items
        case s.DictDisplay():
            return tuple(e for pair in node.items for e in pair if e is not None)
        case s.Comprehension():
            clauses = tuple(e for c in node.clauses for e in (c.source, *c.conditions, *(o.value for o in c.options)))
            return (*clauses, *((node.key,) if node.key is not None else ()), node.element)
        case s.FormattedValue():
            return (node.value,) if node.spec is None else (node.value, node.spec)
        case s.FString():
            return tuple(p for p in node.parts if isinstance(p, s.FormattedValue))


def subtree(node: Node) -> Iterator[Node]:
    """An expression and everything below it, each before what is below it."""
    stack: list[Node] = [node]
    while stack:
        at = stack.pop()
        yield at
        stack.extend(reversed(children(at)))


def names_read(node: Node, assigned: frozenset[str] = frozenset()) -> Iterator[s.Name]:
    """The names that an expression reads; not those that a comprehension binds itself, nor, in an ``undo``, the
    names of its
    result: ``assigned`` where the expression is assigned, else ``result``."""
    stack: list[tuple[Node, frozenset[str]]] = [(node, frozenset())]
    while stack:
        at, bound = stack.pop()
        if isinstance(at, s.Name):
            if at.id not in bound:
                yield at
            continue
        if isinstance(at, s.Comprehension):
            inner = bound.union(n.id for c in at.clauses for n in target_names(c.target))
            rest = [(e, inner) for e in children(at)[1:]]
            stack.extend([*reversed(rest), (at.clauses[0].source, bound)])
            continue
        if isinstance(at, s.UndoCall):
            bound |= {at.result} if at.result is not None else assigned | {"result"}
        stack.extend((child, bound) for child in reversed(children(at)))


def target_names(target: s.Expr) -> Iterator[s.Name]:
    """The names that an assignment to ``target`` binds anew (``d[k] = v`` rebinds ``d``)."""
    match target:
        case s.Name():
            yield target
        case s.Display():
            for item in target.items:
                yield from target_names(item)
        case s.Starred():
            yield from target_names(target.value)
        case s.Subscript(value=s.Name() as name):
            yield name
        case _:
            return


def pattern_names(pattern: s.Pattern) -> Iterator[tuple[str, Span]]:
    """The names that a pattern binds."""
    match pattern:
        case s.CapturePattern() | s.StarPattern():
            if pattern.name is not None:
                yield pattern.name, pattern.span
        case s.SequencePattern():
            for item in pattern.items:
                yield from pattern_names(item)
        case s.MappingPattern():
            for item in pattern.values:
                yield from pattern_names(item)
            if pattern.rest is not None:
                yield pattern.rest, pattern.span
        case s.ClassPattern():
            for item in (*pattern.args, *pattern.values):
                yield from pattern_names(item)
        case s.OrPattern():
            yield from pattern_names(pattern.options[0])
        case s.AsPattern():
            yield from pattern_names(pattern.pattern)
            yield pattern.name, pattern.span
        case s.ValuePattern():
            return


def pattern_exprs(pattern: s.Pattern) -> Iterator[s.Expr]:
    """The expressions in a pattern: values, keys and classes."""
    match pattern:
        case s.ValuePattern():
            yield pattern.value
        case s.SequencePattern():
            for item in pattern.items:
                yield from pattern_exprs(item)
        case s.MappingPattern():
            yield from pattern.keys
            for item in pattern.values:
                yield from pattern_exprs(item)
        case s.ClassPattern():
            yield pattern.cls
            for item in (*pattern.args, *pattern.values):
                yield from pattern_exprs(item)
        case s.OrPattern():
            for item in pattern.options:
                yield from pattern_exprs(item)
        case s.AsPattern():
            yield from pattern_exprs(pattern.pattern)
        case s.CapturePattern() | s.StarPattern():
            return


def blocks(statement: s.Stmt) -> tuple[tuple[s.Stmt, ...], ...]:
    """The suites of a compound statement, in the order they are written."""
    match statement:
        case s.If():
            return (*statement.bodies, statement.orelse)
        case s.Match():
            return tuple(c.body for c in statement.cases)
        case s.For() | s.While():
            return (statement.body, statement.orelse)
        case s.Parallel() | s.With():
            return (statement.body,)
        case s.Try():
            return (statement.body, *(h.body for h in statement.handlers), statement.orelse, statement.final)
        case _:
            return ()


def has_exit(bodies: Iterable[Sequence[s.Stmt]], *kinds: type[s.Break] | type[s.Continue]) -> bool:
    """Does a ``break`` or ``continue``, whichever is asked for, in these blocks belong to a loop around them?"""
    stack: list[s.Stmt] = [node for body in bodies for node in body]
    while stack:
        node = stack.pop()
        if isinstance(node, kinds):
            return True
        inside = (node.orelse,) if isinstance(node, (s.For, s.While)) else blocks(node)
        stack.extend(inner for block in inside for inner in block)
    return False


def exprs(statement: s.Stmt) -> tuple[Node, ...]:
    """The expressions that a statement holds itself, not those of its suites, in the order they are evaluated."""
    match statement:
        case s.Assign():
            index = (statement.target,) if isinstance(statement.target, s.Subscript) else ()
            return (statement.value, *index)
        case s.AugAssign():
            return (statement.target, statement.value)
        case s.ExprStmt() | s.Yield():
            return (statement.value,)
        case s.If():
            return statement.tests
        case s.Match():
            cases = (e for c in statement.cases for e in (*pattern_exprs(c.pattern), *((c.guard,) if c.guard else ())))
            return (statement.subject, *cases)
        case s.For():
            return (statement.source, *(o.value for o in statement.options))
        case s.While():
            return (statement.test, *((statement.limit,) if statement.limit is not None else ()))
        case s.With():
            return (statement.arg,) if statement.arg is not None else ()
        case s.Try():
            return tuple(h.types for h in statement.handlers if h.types is not None)
        case s.Raise():
            return tuple(e for e in (statement.error, statement.cause) if e is not None)
        case s.Assert():
            return tuple(e for e in (statement.test, statement.message) if e is not None)
        case s.Return():
            return (statement.value,) if statement.value is not None else ()
        case s.Mock():
            return tuple(e for e in (statement.target, statement.value, statement.error) if e is not None)
        case s.Parallel() | s.Break() | s.Continue() | s.Pass() | s.Unsupported():
            return ()


def statements(body: tuple[s.Stmt, ...]) -> Iterator[s.Stmt]:
    """Every statement of a body and of the suites in it, in the order they are written."""
    stack: list[s.Stmt] = list(reversed(body))
    while stack:
        at = stack.pop()
        yield at
        stack.extend(inner for block in reversed(blocks(at)) for inner in reversed(block))


def too_big(body: tuple[s.Stmt, ...]) -> tuple[Span, str] | None:
    """Where and how a body passes the bounds on depth and size; None where it does not."""
    stack: list[tuple[s.Stmt | Node, int]] = [(st, 1) for st in reversed(body)]
    count = 0
    while stack:
        at, depth = stack.pop()
        count += 1
        if depth > MAX_DEPTH:
            return at.span, f"nested more than {MAX_DEPTH} deep"
        if count > MAX_NODES:
            return at.span, f"a flow of more than {MAX_NODES} expressions"
        if isinstance(at, s.Binary):
            # The left side of a chain of operators is read in a loop, not by recursion.
            stack.extend(((at.right, depth + 1), (at.left, depth if isinstance(at.left, s.Binary) else depth + 1)))
        elif isinstance(at, _EXPRESSIONS):
            stack.extend((child, depth + 1) for child in reversed(children(at)))
        else:
            stack.extend((inner, depth + 1) for block in reversed(blocks(at)) for inner in reversed(block))
            stack.extend((e, depth + 1) for e in reversed(exprs(at)))
    return None


_EXPRESSIONS = (
    s.Name,
    s.Constant,
    s.Attribute,
    s.Subscript,
    s.Slice,
    s.Call,
    s.Form,
    s.Binary,
    s.Unary,
    s.Logical,
    s.Compare,
    s.Conditional,
    s.Display,
    s.DictDisplay,
    s.Starred,
    s.Comprehension,
    s.FString,
    s.FormattedValue,
    s.UndoCall,
)
