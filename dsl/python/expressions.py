"""Expressions of a Python flow to syntax, and the forms that look like calls."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Literal

from .. import syntax
from ..scope import BuiltinBinding
from .annotations import annotation
from .context import Context

BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitXor: "^", ast.BitOr: "|",
}  # fmt: skip
_UNARY: dict[type[ast.unaryop], str] = {ast.Not: "not", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip

_REFUSED: dict[type[ast.expr], tuple[str, str, str]] = {
    ast.Lambda: (
        "a lambda",
        "functions are not values in a flow, and its body would run unseen by the plan",
        "use a comprehension, name a built-in function (key=len), or make it a node",
    ),
    ast.Await: (
        "await",
        "a flow waits for a node by itself, and only where something needs its result",
        "leave out await: x = fetch(url)",
    ),
    ast.NamedExpr: (
        "an assignment inside an expression (:=)",
        "each step of a flow stands on a line of its own",
        "assign on the line before",
    ),
    ast.Yield: (
        "yield inside an expression",
        "nothing can be sent into a flow",
        "write it as a statement: yield x",
    ),
    ast.YieldFrom: (
        "yield from",
        "each item of a flow's stream is a step of its own",
        "write a loop: for x in xs: yield x",
    ),
}

PLACES = {
    "parallel": "a `with` or the source of a `for`: for x in parallel(xs, limit=8)",
    "buffered": "the source of a `for`: for x in buffered(stream, 100)",
    "windowed": 'the source of a `for`: for xs in windowed(stream, "1m")',
    "batched": "the source of a `for`: for xs in batched(stream, 1000)",
    "loop": "the test of a `while`: while loop(cond, max=500)",
    "timeout": "a `with`: with timeout(5)",
    "lock": 'a `with`: with lock("name")',
    "transaction": "a `with`: with transaction()",
}
"""Forms that are no expressions: where each belongs."""

OUTSIDE = {
    "secret": "declare it beside the flow: KEY = secret(...), and use that name",
    "env": "declare it beside the flow: REGION = env(...), and use that name",
    "flow": "declare the flow at the top of the module",
    "node": "declare the node at the top of the module",
    "load": "load it beside the flow: orders = cflow.load(...), and call orders.settle(...)",
    "loads": "load it beside the flow",
    "check": "call it from ordinary code",
    "context": "call it inside a node",
    "Engine": "make it beside the flow",
}
"""What belongs around a flow and not into it."""


def expression(ctx: Context, node: ast.expr) -> syntax.Expr:
    """One expression."""
    reader = _READERS.get(type(node))
    if reader is not None:
        return reader(ctx, node)
    what, reason, instead = _REFUSED.get(
        type(node), (f"{ast.unparse(node)}", "a flow has no such expression", "make it a node")
    )
    return ctx.refuse_expression(node, what, reason, instead)


def _constant(ctx: Context, node: ast.Constant) -> syntax.Expr:
    return syntax.Constant(node.value, span=ctx.span(node))


def _name(ctx: Context, node: ast.Name) -> syntax.Expr:
    form = ctx.form(node)
    return _misplaced(ctx, node, form) if form is not None else syntax.Name(node.id, span=ctx.span(node))


def _attribute(ctx: Context, node: ast.Attribute) -> syntax.Expr:
    form = ctx.form(node)
    if form is not None:
        return _misplaced(ctx, node, form)
    return syntax.Attribute(expression(ctx, node.value), node.attr, span=ctx.span(node))


def _misplaced(ctx: Context, node: ast.expr, form: str) -> syntax.Expr:
    """A form that is named or called where it means nothing."""
    if form in OUTSIDE:
        return ctx.refuse_expression(node, f"{form}(...)", "it belongs outside the flow", OUTSIDE[form])
    if form in PLACES:
        return ctx.refuse_expression(node, f"{form} here", "it is not a value", f"use it as {PLACES[form]}")
    return ctx.refuse_expression(
        node, f"{form} without a call", "it is a form of the language, not a value", f"write {form}(...)"
    )


def _subscript(ctx: Context, node: ast.Subscript) -> syntax.Expr:
    return syntax.Subscript(expression(ctx, node.value), expression(ctx, node.slice), span=ctx.span(node))


def _slice(ctx: Context, node: ast.Slice) -> syntax.Expr:
    lower, upper, step = (None if n is None else expression(ctx, n) for n in (node.lower, node.upper, node.step))
    return syntax.Slice(lower, upper, step, span=ctx.span(node))


def _binary(ctx: Context, node: ast.BinOp) -> syntax.Expr:
    # A long `a + b + c + ...` is nested to the left: read by a loop, so that its length does not matter.
    chain = [node]
    while isinstance(chain[-1].left, ast.BinOp):
        chain.append(chain[-1].left)
    result = expression(ctx, chain[-1].left)
    for part in reversed(chain):
        result = syntax.Binary(BINARY[type(part.op)], result, expression(ctx, part.right), span=ctx.span(part))
    return result


def _unary(ctx: Context, node: ast.UnaryOp) -> syntax.Expr:
    return syntax.Unary(_UNARY[type(node.op)], expression(ctx, node.operand), span=ctx.span(node))


def _logical(ctx: Context, node: ast.BoolOp) -> syntax.Expr:
    op: Literal["and", "or"] = "and" if isinstance(node.op, ast.And) else "or"
    return syntax.Logical(op, _all(ctx, node.values), span=ctx.span(node))


def _compare(ctx: Context, node: ast.Compare) -> syntax.Expr:
    ops = tuple(_COMPARE[type(op)] for op in node.ops)
    return syntax.Compare(expression(ctx, node.left), ops, _all(ctx, node.comparators), span=ctx.span(node))


def _conditional(ctx: Context, node: ast.IfExp) -> syntax.Expr:
    test = expression(ctx, node.test)
    return syntax.Conditional(test, expression(ctx, node.body), expression(ctx, node.orelse), span=ctx.span(node))


def _display(ctx: Context, node: Any) -> syntax.Expr:
    kind: Literal["list", "tuple", "set"] = {ast.List: "list", ast.Tuple: "tuple", ast.Set: "set"}[type(node)]  # type: ignore[assignment]
    return syntax.Display(kind, _all(ctx, node.elts), span=ctx.span(node))


def _dict(ctx: Context, node: ast.Dict) -> syntax.Expr:
    items = tuple(
        (None if k is None else expression(ctx, k), expression(ctx, v))
        for k, v in zip(node.keys, node.values, strict=True)
    )
    return syntax.DictDisplay(items, span=ctx.span(node))


def _starred(ctx: Context, node: ast.Starred) -> syntax.Expr:
    return syntax.Starred(expression(ctx, node.value), span=ctx.span(node))


def _fstring(ctx: Context, node: ast.JoinedStr) -> syntax.FString:
    parts: list[str | syntax.FormattedValue] = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            spec = _fstring(ctx, part.format_spec) if isinstance(part.format_spec, ast.JoinedStr) else None
            conversion = chr(part.conversion) if part.conversion > 0 else ""
            parts.append(syntax.FormattedValue(expression(ctx, part.value), conversion, spec, span=ctx.span(part)))
        elif isinstance(part, ast.Constant):
            parts.append(str(part.value))
    return syntax.FString(tuple(parts), span=ctx.span(node))


def _all(ctx: Context, nodes: list[ast.expr]) -> tuple[syntax.Expr, ...]:
    return tuple(expression(ctx, n) for n in nodes)


# ---- comprehensions ------------------------------------------------------------------------------

_KINDS: dict[type[ast.expr], Literal["list", "set", "dict", "generator"]] = {
    ast.ListComp: "list", ast.SetComp: "set", ast.DictComp: "dict", ast.GeneratorExp: "generator",
}  # fmt: skip


def _comprehension(ctx: Context, node: Any) -> syntax.Comprehension:
    clauses = []
    for clause in node.generators:
        if clause.is_async:
            ctx.refuse_expression(clause.target, "async for", "a flow waits by itself", "leave out async")
        source, options = loop_source(ctx, clause.iter)
        where = ctx.span(clause.target)
        clauses.append(syntax.ForClause(target(ctx, clause.target), source, _all(ctx, clause.ifs), options, span=where))
    is_dict = isinstance(node, ast.DictComp)
    key = expression(ctx, node.key) if is_dict else None
    element = expression(ctx, node.value if is_dict else node.elt)
    return syntax.Comprehension(_KINDS[type(node)], element, tuple(clauses), key, span=ctx.span(node))


def loop_source(ctx: Context, node: ast.expr) -> tuple[syntax.Expr, tuple[syntax.Option, ...]]:
    """The source of a ``for``, and the options that its wrappers (``parallel``, ``buffered``, ...) stand for."""
    options: list[syntax.Option] = []
    while isinstance(node, ast.Call) and (form := ctx.form(node.func) or "") in _SOURCES:
        name, wanted = _SOURCES[form]
        inner = _wrapped(ctx, node, form, name, wanted, options)
        if inner is None:
            return ctx.refuse_expression(
                node, f"this {form}(...)", "it has nothing to pass over", f"use it as {PLACES[form]}"
            ), ()
        node = inner
    return expression(ctx, node), tuple(options)


_SOURCES: dict[str, tuple[str, int]] = {
    "parallel": ("parallel", 1), "buffered": ("buffer", 2), "windowed": ("window", 2), "batched": ("batch", 2),
}  # fmt: skip
"""Wrapper -> its option, and how many arguments it takes."""


def _wrapped(
    ctx: Context, node: ast.Call, form: str, name: str, wanted: int, options: list[syntax.Option]
) -> ast.expr | None:
    if len(node.args) != wanted or any(isinstance(a, ast.Starred) for a in node.args):
        return None
    span = ctx.span(node)
    if form != "parallel":
        options.append(syntax.Option(name, expression(ctx, node.args[1]), span=span))
    elif not any(k.arg == "limit" for k in node.keywords):
        options.append(syntax.Option(name, syntax.Constant(None, span=span), span=span))
    for keyword in node.keywords:
        if form != "parallel" or keyword.arg not in ("limit", "take", "rest"):
            said = f"{keyword.arg}=" if keyword.arg else "**"
            known = "limit=, take= and rest=" if form == "parallel" else "no keywords"
            ctx.refuse_expression(keyword, f"{said} of {form}", f"{form} knows {known}", f"use it as {PLACES[form]}")
            continue
        option = "parallel" if keyword.arg == "limit" else keyword.arg
        options.append(syntax.Option(option, expression(ctx, keyword.value), span=ctx.span(keyword)))
    return node.args[0]


def target(ctx: Context, node: ast.expr) -> syntax.Expr:
    """What is assigned to: names, displays of them, items of a name."""
    span = ctx.span(node)
    match node:
        case ast.Name(id=name):
            return syntax.Name(name, span=span)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            kind: Literal["tuple", "list"] = "tuple" if isinstance(node, ast.Tuple) else "list"
            return syntax.Display(kind, tuple(target(ctx, i) for i in items), span=span)
        case ast.Starred(value=value):
            return syntax.Starred(target(ctx, value), span=span)
        case ast.Subscript(value=ast.Name()):
            return expression(ctx, node)
    what = f"an assignment to {ast.unparse(node)}"
    return ctx.refuse_expression(node, what, "values do not change in a flow", "build a new value, or make it a node")


# ---- calls ---------------------------------------------------------------------------------------


def _call(ctx: Context, node: ast.Call) -> syntax.Expr:
    form = ctx.form(node.func)
    if form is not None:
        return _form(ctx, node, form)
    func = node.func
    options: list[syntax.Option] = []
    while isinstance(func, ast.Call) and isinstance(func.func, ast.Attribute) and func.func.attr == "options":
        # f.options(a=1).options(b=2): what is said later holds.
        said = call_options(ctx, func)
        options = [o for o in said if o.name not in {later.name for later in options}] + options
        func = func.func.value
    if isinstance(func, ast.Attribute) and func.attr == "options" and _is_callable(ctx, func.value):
        reason = "it only says how a call is made"
        return ctx.refuse_expression(node, ".options(...) without a call", reason, f"{ast.unparse(node)}(...)")
    keywords = _keywords(ctx, node.keywords)
    if isinstance(ctx.binding(func), BuiltinBinding):  # sorted(xs, key=lambda ...): one finding is enough
        keywords = tuple(k for k, n in zip(keywords, node.keywords, strict=True) if not isinstance(n.value, ast.Lambda))
    args = _all(ctx, node.args)
    return syntax.Call(expression(ctx, func), args, keywords, tuple(options), span=ctx.span(node))


def _is_callable(ctx: Context, node: ast.expr) -> bool:
    return ctx.binding(node) is not None


def _keywords(ctx: Context, keywords: list[ast.keyword]) -> tuple[syntax.Keyword, ...]:
    return tuple(syntax.Keyword(k.arg, expression(ctx, k.value), span=ctx.span(k)) for k in keywords)


def call_options(ctx: Context, node: ast.Call) -> list[syntax.Option]:
    """The options of ``.options(...)``, or of a flow's decorator."""
    if node.args:
        ctx.refuse_expression(node.args[0], "an option without a name", "options are keywords", ".options(retry=3)")
    options = []
    for keyword in node.keywords:
        if keyword.arg is None:
            ctx.refuse_expression(keyword, "** among options", "options are known before the run", "write each one")
            continue
        value: syntax.Expr | syntax.UndoCall
        if keyword.arg == "undo" and isinstance(keyword.value, ast.Lambda):
            value = undo_lambda(ctx, keyword.value)
        else:
            value = expression(ctx, keyword.value)
        options.append(syntax.Option(keyword.arg, value, span=ctx.span(keyword)))
    return options


def undo_lambda(ctx: Context, node: ast.Lambda) -> syntax.Expr | syntax.UndoCall:
    """``undo=lambda hold: release(order.id, hold)``."""
    plain = not (
        node.args.posonlyargs or node.args.kwonlyargs or node.args.vararg or node.args.kwarg or node.args.defaults
    )
    if len(node.args.args) != 1 or not plain:
        reason = "an undo is given the result of the call, and nothing else"
        return ctx.refuse_expression(node, "this lambda", reason, "undo=lambda result: release(result)")
    name = node.args.args[0].arg
    call = expression(ctx, node.body)
    if not isinstance(call, syntax.Call):
        reason = "an undo is one call of a node or flow"
        return ctx.refuse_expression(node.body, "this undo", reason, f"undo=lambda {name}: release({name})")
    return syntax.UndoCall(call, name, span=ctx.span(node))


def _form(ctx: Context, node: ast.Call, form: str) -> syntax.Expr:
    if form in OUTSIDE or form in PLACES:
        return _misplaced(ctx, node, form)
    if form == "collect" and node.args:
        return _collect(ctx, node)
    args, keywords = node.args, _keywords(ctx, node.keywords)
    if form == "convert" and len(args) == 2:
        values: tuple[syntax.Expr, ...] = (expression(ctx, args[0]), annotation(ctx, args[1]))
    else:
        values = _all(ctx, args)
    return syntax.Form(form, values, keywords, span=ctx.span(node))


def _collect(ctx: Context, node: ast.Call) -> syntax.Expr:
    """``collect(<generator>, max_failed=3)``: options of the generator's first clause."""
    inner = node.args[0]
    if len(node.args) != 1 or not isinstance(inner, (ast.GeneratorExp, ast.ListComp)):
        reason = "it collects the passes of one generator, as they succeed or fail"
        return ctx.refuse_expression(
            node, "this collect(...)", reason, "collect((f(x) for x in parallel(xs, limit=8)), max_failed=3)"
        )
    read = _comprehension(ctx, inner)
    first, *rest = read.clauses
    more = [syntax.Option("collect", syntax.Constant(True, span=ctx.span(node)), span=ctx.span(node))]
    more += [syntax.Option(k.name or "**", k.value, span=k.span) for k in _keywords(ctx, node.keywords)]
    clause = syntax.ForClause(first.target, first.source, first.conditions, (*first.options, *more), span=first.span)
    return syntax.Comprehension("list", read.element, (clause, *rest), span=ctx.span(node))


_READERS: dict[type[ast.expr], Callable[[Context, Any], syntax.Expr]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _logical,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.List: _display,
    ast.Tuple: _display,
    ast.Set: _display,
    ast.Dict: _dict,
    ast.Starred: _starred,
    ast.JoinedStr: _fstring,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.Call: _call,
}
