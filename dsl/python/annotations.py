"""Annotations of a Python flow in the words of the ``.cflow`` spelling.

``Optional[X]`` is ``X | None``, ``Iterator[T]`` is ``stream[T]``, ``dt.date`` is ``date``; text in an annotation is
read as Python would. What a name means comes from the scope.
"""

from __future__ import annotations

import ast

from .. import syntax
from ..scope import BadBinding, ClassBinding, TypeBinding, UnknownBinding
from .context import Context

_TYPING = frozenset("Optional Union Literal Annotated Final ClassVar Required NotRequired Any".split())
_STREAMS = frozenset("Iterator Generator AsyncIterator AsyncGenerator AsyncIterable".split())
_OLD_NAMES = {"List": "list", "Dict": "dict", "Set": "set", "FrozenSet": "frozenset", "Tuple": "tuple"}


def annotation(ctx: Context, node: ast.expr) -> syntax.Expr:
    """One annotation; text in it is read as Python would."""
    span = ctx.span(node)
    match node:
        case ast.Constant(value=str(text)):
            try:
                inner = ast.parse(text.strip(), mode="eval").body
            except (SyntaxError, ValueError):
                return ctx.refuse_expression(node, f"the annotation {text!r}", "it is not Python", "write a type")
            for part in ast.walk(inner):
                if isinstance(part, ast.expr):
                    ast.copy_location(part, node)
            return annotation(ctx, inner)
        case ast.Constant(value=value):
            return syntax.Constant(value, span=span)
        case ast.Name() | ast.Attribute():
            return _name(ctx, node)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return syntax.Binary("|", annotation(ctx, left), annotation(ctx, right), span=span)
        case ast.Subscript(value=value, slice=index):
            return _generic(ctx, node, _special(ctx, value), value, index)
        case ast.List(elts=items):  # Callable[[int], str]
            return syntax.Display("list", tuple(annotation(ctx, i) for i in items), span=span)
        case ast.Tuple(elts=items):
            return syntax.Display("tuple", tuple(annotation(ctx, i) for i in items), span=span)
    return ctx.refuse_expression(node, "this annotation", "it is not a type", "write a type, such as list[int]")


def _name(ctx: Context, node: ast.Name | ast.Attribute) -> syntax.Expr:
    span = ctx.span(node)
    special = _special(ctx, node)
    if special in _STREAMS:
        return syntax.Name("stream", span=span)
    if special is not None:
        return syntax.Name(_OLD_NAMES.get(special, special), span=span)
    bound = ctx.binding(node)
    if isinstance(bound, BadBinding) and isinstance(node, ast.Name) and node.id == "object":
        return syntax.Name("Any", span=span)
    if isinstance(bound, TypeBinding) and not _composed(bound):
        return syntax.Name(bound.type.name, span=span)  # a value type, whatever it is called here: `dt.date` is `date`
    if isinstance(node, ast.Name):
        return syntax.Name(node.id, span=span)
    return syntax.Attribute(annotation(ctx, node.value), node.attr, span=span)


def _composed(bound: TypeBinding) -> bool:
    """Is it an alias (``Mode = Literal["a", "b"]``), which stays under its name?"""
    return bool(bound.type.args) or bound.type.name in ("any", "none", "union", "literal")


def _special(ctx: Context, node: ast.expr) -> str | None:
    """The name that a special form of :mod:`typing` or an iterator class has at home, if this is one."""
    bound = ctx.binding(node)
    if isinstance(bound, UnknownBinding) and bound.name.startswith("typing."):
        return bound.name.removeprefix("typing.")
    if isinstance(bound, TypeBinding) and bound.type.name == "stream" and len(bound.type.args) == 1:
        return "Iterator" if bound.type.args[0].name == "any" else None
    if isinstance(bound, ClassBinding):
        return None
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name if name in _TYPING or name in _STREAMS or name in _OLD_NAMES else None


def _generic(ctx: Context, node: ast.expr, special: str | None, value: ast.expr, index: ast.expr) -> syntax.Expr:
    span = ctx.span(node)
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    match special:
        case "Literal":
            return _alternatives(ctx, node, [syntax.Constant(_literal(p), span=ctx.span(p)) for p in parts])
        case "Optional":
            return syntax.Binary("|", annotation(ctx, parts[0]), syntax.Constant(None, span=span), span=span)
        case "Union":
            return _alternatives(ctx, node, [annotation(ctx, p) for p in parts])
        case "Annotated" | "Final" | "ClassVar" | "Required" | "NotRequired":
            return annotation(ctx, parts[0])
        case _ if special in _STREAMS:
            return syntax.Subscript(syntax.Name("stream", span=ctx.span(value)), annotation(ctx, parts[0]), span=span)
    bound = ctx.binding(value)
    if isinstance(bound, TypeBinding) and special not in _OLD_NAMES:
        # Sequence[int]: the text has no word for it.
        return syntax.Name(ctx.alias(ast.unparse(node)), span=span) if ctx.alias is not None else annotation(ctx, value)
    return syntax.Subscript(annotation(ctx, value), annotation(ctx, index), span=span)


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:  # a member of an enum
        return ast.unparse(node)


def _alternatives(ctx: Context, node: ast.expr, parts: list[syntax.Expr]) -> syntax.Expr:
    result = parts[0]
    for part in parts[1:]:
        result = syntax.Binary("|", result, part, span=ctx.span(node))
    return result
