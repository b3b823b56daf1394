"""A Python flow to syntax: the source of the function, read at its first use. The body never runs."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from ...compiler.diagnostics import Collector, Diagnostic, ProgramError, Span
from .. import syntax
from ..scope import Scope
from ..source import NoSource, find_function
from .annotations import annotation
from .context import Context, bound_names, local_names
from .expressions import call_options, expression, undo_lambda
from .names import PythonScope
from .statements import block

PLAIN = (bool, int, float, complex, str, bytes, timedelta, types.NoneType)
"""What a constant of the syntax tree can hold."""


def read_flow(
    function: Callable[..., Any], collector: Collector, options: Mapping[str, Any] | None = None
) -> tuple[syntax.Flow, Scope]:
    """The syntax of a flow that is a Python function, and the scope of its names.

    Parameters
    ----------
    function: what ``@flow`` was put on.
    collector: where findings go that no part of the tree can carry.
    options: the keywords of ``@flow(...)``, as objects.

    Raises
    ------
    ProgramError: the source cannot be had, or there is none to read.
    """
    if (
        not isinstance(function, types.FunctionType)
        or function.__name__ == "<lambda>"
        or hasattr(function, "__wrapped__")
    ):
        raise ProgramError([_not_a_function(function)])
    try:
        found = find_function(function, whole=True)
    except NoSource as error:
        code = function.__code__
        where = Span(code.co_filename, code.co_firstlineno, 1, code.co_firstlineno, 2)
        raise ProgramError([Diagnostic("no-source", "error", str(error), where)]) from None
    extra: dict[str, Any] = {}
    scope = PythonScope(function, extra)
    ctx = Context(found.file, found.lines, scope, bound_names(function.__code__), scope.alias)
    return _read(ctx, found.node, _Given(function, options or {}, extra)), scope  # type: ignore[arg-type]


def read_flow_ast(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    file: str,
    scope: Scope,
    collector: Collector,
    lines: Sequence[str] = (),
) -> syntax.Flow:
    """The same from a definition that was parsed and not run, as ``cflow check`` reads ``.py`` files.

    Parameters
    ----------
    node: the definition; the first decorator that is ``flow`` gives the options.
    file, lines: where it stands (``lines`` are needed for columns where a line is not ASCII).
    scope: resolves names, those of the forms too (:func:`..nodes.binding_of` of the objects of :mod:`..forms`).
    collector: as in :func:`read_flow`.
    """
    return _read(Context(file, lines, scope, local_names(node)), node, None)


def _not_a_function(function: Any) -> Diagnostic:
    code = getattr(function, "__code__", None)
    where = Span(code.co_filename, code.co_firstlineno, 1, code.co_firstlineno, 2) if code else Span("<flow>", 1)
    if hasattr(function, "__wrapped__"):
        message = f"another decorator stands between @flow and the function {getattr(function, '__name__', '')!r}"
        return Diagnostic(
            "no-source", "error", message, where, help="put @flow nearest to the function: its body never runs"
        )
    return Diagnostic(
        "no-source", "error", f"{function!r} is not a function with a source", where, help="write @flow above a `def`"
    )


class _Given:
    """What the real function says better than its text: options and defaults were evaluated when it was defined.

    Plain values are put into the tree; any other object goes by a name that no program can write and the scope knows.
    """

    def __init__(self, function: types.FunctionType, options: Mapping[str, Any], extra: dict[str, Any]) -> None:
        self.options, self.extra = options, extra
        defaults = function.__defaults__ or ()
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        self.defaults: dict[str, Any] = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
        self.defaults.update(function.__kwdefaults__ or {})

    def value(self, name: str, value: Any, span: Span) -> syntax.Expr:
        if type(value) in PLAIN:
            return syntax.Constant(value, span=span)
        self.extra[name] = value
        return syntax.Name(name, span=span)


def _read(ctx: Context, node: ast.FunctionDef | ast.AsyncFunctionDef, given: _Given | None) -> syntax.Flow:
    header: list[syntax.Stmt] = []
    ctx.pending = header
    if isinstance(node, ast.AsyncFunctionDef):
        ctx.refuse_expression(
            node, "async def", "a flow waits by itself, and its body never runs as Python", "write def"
        )
    params = tuple(_params(ctx, node.args, given))
    returns = None if node.returns is None else annotation(ctx, node.returns)
    options = _options(ctx, node, given)
    body = block(ctx, node.body)
    doc = ast.get_docstring(node) or ""
    span = ctx.span(node)
    return syntax.Flow(node.name, params, (*header, *body), returns, options, doc, span=span)


def _params(ctx: Context, args: ast.arguments, given: _Given | None) -> list[syntax.Param]:
    positional = [*args.posonlyargs, *args.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    kinds: list[Literal["pos", "pos_or_kw"]] = ["pos"] * len(args.posonlyargs) + ["pos_or_kw"] * len(args.args)  # type: ignore[assignment]

    def param(arg: ast.arg, default: ast.expr | None, kind: Any) -> syntax.Param:
        hint = None if arg.annotation is None else annotation(ctx, arg.annotation)
        value = None
        if default is not None and (given is None or arg.arg not in given.defaults or _literal(default)):
            value = expression(ctx, default)
        elif default is not None and given is not None:
            value = given.value(f"{arg.arg}=", given.defaults[arg.arg], ctx.span(default))
        return syntax.Param(arg.arg, hint, value, kind, span=ctx.span(arg))

    result = [param(a, d, k) for a, d, k in zip(positional, [*missing, *args.defaults], kinds, strict=True)]
    if args.vararg is not None:
        result.append(param(args.vararg, None, "var_pos"))
    result += [param(a, d, "kw") for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    if args.kwarg is not None:
        result.append(param(args.kwarg, None, "var_kw"))
    return result


def _literal(node: ast.expr) -> bool:
    """Does the text alone say what the value is?"""
    return all(
        isinstance(n, (ast.Constant, ast.UnaryOp, ast.USub, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.expr_context))
        for n in ast.walk(node)
    )


def _options(
    ctx: Context, node: ast.FunctionDef | ast.AsyncFunctionDef, given: _Given | None
) -> tuple[syntax.Option, ...]:
    decorator = next((d for d in node.decorator_list if ctx.form_call(d) == "flow"), None)
    if given is None:
        return tuple(call_options(ctx, decorator)) if isinstance(decorator, ast.Call) else ()
    written = {k.arg: k.value for k in decorator.keywords} if isinstance(decorator, ast.Call) else {}
    result = []
    for name, value in given.options.items():
        where = written.get(name)
        span = ctx.span(where if where is not None else node)
        said = undo_lambda(ctx, where) if isinstance(where, ast.Lambda) else given.value(f"@{name}", value, span)
        result.append(syntax.Option(name, said, span=span))
    return tuple(result)
