"""Statements of a Python flow to syntax, and what a flow cannot hold."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any, Literal

from .. import syntax
from .annotations import annotation
from .context import Context
from .expressions import BINARY, expression, loop_source, target
from .patterns import pattern

_REFUSED: dict[type[ast.stmt], tuple[str, str, str]] = {
    ast.Global: ("global", "a flow changes nothing outside itself", "return the value, or write it in a node"),
    ast.Nonlocal: ("nonlocal", "a flow changes nothing outside itself", "return the value, or write it in a node"),
    ast.Import: (
        "import inside a flow",
        "a flow's names are known before it runs",
        "import it at the top of the module",
    ),
    ast.ImportFrom: (
        "import inside a flow",
        "a flow's names are known before it runs",
        "import it at the top of the module",
    ),
    ast.FunctionDef: (
        "a function inside a flow",
        "its body would run unseen by the plan",
        "move it out and make it a @node or a @flow",
    ),
    ast.AsyncFunctionDef: (
        "a function inside a flow",
        "its body would run unseen by the plan",
        "move it out and make it a @node",
    ),
    ast.ClassDef: ("a class inside a flow", "classes are known before a flow runs", "move it out of the flow"),
    ast.Delete: ("del", "values do not change, and what is not used any more is let go", "leave it out"),
    ast.AsyncFor: ("async for", "a flow waits by itself", "write for x in stream:"),
    ast.AsyncWith: ("async with", "a flow waits by itself, and opens nothing", "open and close it within one node"),
    ast.TryStar: ("except*", "one error leaves a block of a flow, never a group", "write except"),
}

_UNKNOWN_BLOCK = (
    "a flow holds nothing open between its steps, so that any of them can run elsewhere or again",
    "use it within one node, or one of parallel, timeout, lock and transaction",
)


def block(ctx: Context, nodes: Iterable[ast.stmt]) -> tuple[syntax.Stmt, ...]:
    """The statements of one block. What was found unfit within a statement stands before it."""
    result: list[syntax.Stmt] = []
    for node in nodes:
        outer, ctx.pending = ctx.pending, []
        read = statement(ctx, node)
        result += ctx.pending
        result += read
        ctx.pending = outer
    return tuple(result)


def statement(ctx: Context, node: ast.stmt) -> list[syntax.Stmt]:
    """One statement of Python: mostly one of the flow, several for ``a = b = f()``."""
    reader = _READERS.get(type(node))
    if reader is not None:
        return reader(ctx, node)
    what, reason, instead = _REFUSED.get(
        type(node), (type(node).__name__, "a flow has no such statement", "make it a node")
    )
    return [ctx.refuse(node, what, reason, instead)]


def _expression(ctx: Context, node: ast.Expr) -> list[syntax.Stmt]:
    span = ctx.span(node)
    match node.value:
        case ast.Constant(value=str() | bytes()):
            return []  # a comment in quotes
        case ast.Constant(value=v) if v is Ellipsis:
            return [syntax.Pass(span=span)]
        case ast.Yield(value=None):
            return [syntax.Yield(syntax.Constant(None, span=span), span=span)]
        case ast.Yield(value=ast.expr() as value):
            return [syntax.Yield(expression(ctx, value), span=span)]
    return [syntax.ExprStmt(expression(ctx, node.value), span=span)]


def _assign(ctx: Context, node: ast.Assign) -> list[syntax.Stmt]:
    value, span = expression(ctx, node.value), ctx.span(node)
    if len(node.targets) == 1:
        return [syntax.Assign(target(ctx, node.targets[0]), value, span=span)]
    # a = b = f(): the first plain name takes the value, the others take it from there.
    first = next((t for t in node.targets if isinstance(t, ast.Name)), None)
    if first is None:
        return [
            ctx.refuse(node, "this double assignment", "no plain name takes the value", "assign it to a name first")
        ]
    held = syntax.Name(first.id, span=ctx.span(first))
    result: list[syntax.Stmt] = [syntax.Assign(held, value, span=span)]
    result += [syntax.Assign(target(ctx, t), held, span=span) for t in node.targets if t is not first]
    return result


def _annotated(ctx: Context, node: ast.AnnAssign) -> list[syntax.Stmt]:
    span = ctx.span(node)
    if node.value is None:  # `x: int` binds nothing in Python either
        return [syntax.Pass(span=span)]
    return [
        syntax.Assign(
            target(ctx, node.target), expression(ctx, node.value), annotation(ctx, node.annotation), span=span
        )
    ]


def _augmented(ctx: Context, node: ast.AugAssign) -> list[syntax.Stmt]:
    where = target(ctx, node.target)
    return [syntax.AugAssign(where, BINARY[type(node.op)], expression(ctx, node.value), span=ctx.span(node))]


def _if(ctx: Context, node: ast.If) -> list[syntax.Stmt]:
    tests, bodies = [expression(ctx, node.test)], [block(ctx, node.body)]
    part = node
    # Python writes `elif` and `else: if` alike but for the column; the former is one statement of ours.
    while len(part.orelse) == 1 and isinstance(inner := part.orelse[0], ast.If) and inner.col_offset == part.col_offset:
        part = inner
        tests.append(expression(ctx, part.test))
        bodies.append(block(ctx, part.body))
    return [syntax.If(tuple(tests), tuple(bodies), block(ctx, part.orelse), span=ctx.span(node))]


def _match(ctx: Context, node: ast.Match) -> list[syntax.Stmt]:
    subject = expression(ctx, node.subject)
    cases = tuple(
        syntax.Case(
            pattern(ctx, c.pattern),
            None if c.guard is None else expression(ctx, c.guard),
            block(ctx, c.body),
            span=ctx.span(c.pattern),
        )
        for c in node.cases
    )
    return [syntax.Match(subject, cases, span=ctx.span(node))]


def _for(ctx: Context, node: ast.For) -> list[syntax.Stmt]:
    source, options = loop_source(ctx, node.iter)
    where = target(ctx, node.target)
    body, orelse = block(ctx, node.body), block(ctx, node.orelse)
    return [syntax.For(where, source, body, orelse, options, span=ctx.span(node))]


def _while(ctx: Context, node: ast.While) -> list[syntax.Stmt]:
    test, limit = _loop_test(ctx, node.test)
    return [syntax.While(test, block(ctx, node.body), block(ctx, node.orelse), limit, span=ctx.span(node))]


def _loop_test(ctx: Context, node: ast.expr) -> tuple[syntax.Expr, syntax.Expr | None]:
    """``loop(cond, max=500)`` or a plain condition."""
    if not isinstance(node, ast.Call) or ctx.form(node.func) != "loop":
        return expression(ctx, node), None
    named = {k.arg: k.value for k in node.keywords}
    if len(node.args) != 1 or isinstance(node.args[0], ast.Starred) or not set(named) <= {"max"}:
        reason = "it takes the condition, and max="
        return ctx.refuse_expression(node, "this loop(...)", reason, "while loop(cond, max=500):"), None
    return expression(ctx, node.args[0]), expression(ctx, named["max"]) if "max" in named else None


def _with(ctx: Context, node: ast.With) -> list[syntax.Stmt]:
    openers = [_opener(ctx, item) for item in node.items]
    body = block(ctx, node.body)
    span = ctx.span(node)
    for opener in reversed(openers):
        body = opener(body, span)
    return list(body)


def _opener(ctx: Context, item: ast.withitem) -> Callable[[tuple[syntax.Stmt, ...], Any], tuple[syntax.Stmt, ...]]:
    """What one item of a ``with`` makes of the block."""
    node = item.context_expr
    form = ctx.form_call(node)
    if not isinstance(node, ast.Call) or form not in _BLOCKS:
        if (named := ctx.form(node)) in _BLOCKS:
            ctx.refuse_expression(
                node, f"{named} without a call", "a block is opened by calling it", f"with {_BLOCKS[named]}:"
            )
        elif (missing := _unimported(ctx, node)) is not None:
            reason, instead = f"{missing} is not imported here", f"from cflow import {missing}"
            ctx.refuse_expression(node, f"with {ast.unparse(node)}", reason, instead)
        else:
            ctx.refuse_expression(node, f"with {ast.unparse(node)}", *_UNKNOWN_BLOCK)
        return lambda body, span: body
    if item.optional_vars is not None:
        ctx.refuse_expression(item.optional_vars, "as after with", f"{form} gives nothing", f"with {_BLOCKS[form]}:")
    given = [*node.args, *(k.value for k in node.keywords if k.arg == "timeout" and form == "transaction")]
    at_most = 0 if form == "parallel" else 1
    at_least = 1 if form in ("timeout", "lock") else 0
    named_ok = all(k.arg == "timeout" and form == "transaction" for k in node.keywords)
    positional = form == "transaction" and node.args
    if (
        not at_least <= len(given) <= at_most
        or not named_ok
        or positional
        or any(isinstance(a, ast.Starred) for a in given)
    ):
        ctx.refuse_expression(node, f"this {form}(...)", "its arguments do not fit", f"with {_BLOCKS[form]}:")
        return lambda body, span: body
    if form == "parallel":
        return lambda body, span: (syntax.Parallel(body, span=span),)
    arg = expression(ctx, given[0]) if given else None
    kind: Literal["timeout", "lock", "transaction"] = form  # type: ignore[assignment]
    return lambda body, span: (syntax.With(kind, arg, body, span=span),)


def _unimported(ctx: Context, node: ast.expr) -> str | None:
    """The name of a block that stands for nothing in this file: its import was forgotten."""
    match node:
        case ast.Call(func=ast.Name(id=name) as func) if name in _BLOCKS and name not in ctx.locals:
            return name if ctx.binding(func) is None else None
    return None


_BLOCKS = {
    "parallel": "parallel()", "timeout": "timeout(5)", "lock": 'lock("name")',
    "transaction": "transaction(timeout=120)",
}  # fmt: skip


def _try(ctx: Context, node: ast.Try) -> list[syntax.Stmt]:
    body = block(ctx, node.body)
    handlers = tuple(
        syntax.Except(None if h.type is None else expression(ctx, h.type), h.name, block(ctx, h.body), span=ctx.span(h))
        for h in node.handlers
    )
    orelse, final = block(ctx, node.orelse), block(ctx, node.finalbody)
    return [syntax.Try(body, handlers, orelse, final, span=ctx.span(node))]


def _raise(ctx: Context, node: ast.Raise) -> list[syntax.Stmt]:
    error, cause = (None if n is None else expression(ctx, n) for n in (node.exc, node.cause))
    return [syntax.Raise(error, cause, span=ctx.span(node))]


def _assert(ctx: Context, node: ast.Assert) -> list[syntax.Stmt]:
    message = None if node.msg is None else expression(ctx, node.msg)
    return [syntax.Assert(expression(ctx, node.test), message, span=ctx.span(node))]


def _return(ctx: Context, node: ast.Return) -> list[syntax.Stmt]:
    return [syntax.Return(None if node.value is None else expression(ctx, node.value), span=ctx.span(node))]


_READERS: dict[type[ast.stmt], Callable[[Context, Any], list[syntax.Stmt]]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.If: _if,
    ast.Match: _match,
    ast.For: _for,
    ast.While: _while,
    ast.With: _with,
    ast.Try: _try,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.Return: _return,
    ast.Break: lambda ctx, node: [syntax.Break(span=ctx.span(node))],
    ast.Continue: lambda ctx, node: [syntax.Continue(span=ctx.span(node))],
    ast.Pass: lambda ctx, node: [syntax.Pass(span=ctx.span(node))],
}
