"""The patterns of ``match`` to syntax."""

from __future__ import annotations

import ast

from .. import syntax
from .context import Context
from .expressions import expression


def pattern(ctx: Context, node: ast.pattern) -> syntax.Pattern:
    """One pattern."""
    span = ctx.span(node)
    match node:
        case ast.MatchValue(value=value):
            return syntax.ValuePattern(expression(ctx, value), span=span)
        case ast.MatchSingleton(value=value):
            return syntax.ValuePattern(syntax.Constant(value, span=span), span=span)
        case ast.MatchSequence(patterns=items):
            return syntax.SequencePattern(_all(ctx, items), span=span)
        case ast.MatchStar(name=name):
            return syntax.StarPattern(name, span=span)
        case ast.MatchMapping(keys=keys, patterns=values, rest=rest):
            return syntax.MappingPattern(tuple(expression(ctx, k) for k in keys), _all(ctx, values), rest, span=span)
        case ast.MatchClass(cls=cls, patterns=args, kwd_attrs=names, kwd_patterns=values):
            return syntax.ClassPattern(
                expression(ctx, cls), _all(ctx, args), tuple(names), _all(ctx, values), span=span
            )
        case ast.MatchAs(pattern=None, name=name):
            return syntax.CapturePattern(name, span=span)
        case ast.MatchAs(pattern=inner, name=str(name)) if inner is not None:
            return syntax.AsPattern(pattern(ctx, inner), name, span=span)
        case ast.MatchOr(patterns=options):
            return syntax.OrPattern(_all(ctx, options), span=span)
    ctx.refuse_expression(node, f"the pattern {ast.unparse(node)}", "a flow has no such pattern", "write an if")
    return syntax.CapturePattern(None, span=span)


def _all(ctx: Context, nodes: list[ast.pattern]) -> tuple[syntax.Pattern, ...]:
    return tuple(pattern(ctx, n) for n in nodes)
