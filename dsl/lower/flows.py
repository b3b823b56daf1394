"""Flows: the header, the parameters with their defaults, the body."""

from __future__ import annotations

from ...compiler.assignable import assignable
from ...compiler.depth import deep
from ...compiler.diagnostics import NOWHERE
from ...compiler.ir import NO_POLICY, Const, FlowGraph, FlowParam, Policy, Ref
from ...compiler.types import ANY, ELLIPSIS, NONE, STR, Parameter, Signature, Type, stream_of
from .. import syntax as s
from ..scope import FlowSource, Scope
from .env import Bound
from .live import Liveness
from .policies import option_nodes, resolve
from .program import Header, Program
from .state import FlowLowering
from .streams import open_stream
from .tables import EXPRESSIONS, STATEMENTS
from .trees import blocks, statements, too_big

_LATER = ("schedule", "on_failure", "overlap")
"""Options of a header that are kept free for later."""


def header_of(program: Program, flow: s.Flow, scope: Scope) -> Header:
    """What callers see of a flow."""
    params = []
    for param in flow.params:
        type = program.read_type(param.annotation, scope)
        required = param.default is None and param.kind not in ("var_pos", "var_kw")
        params.append(Parameter(param.name, type, param.kind, required))
    returns = program.read_type(flow.returns, scope)
    stream = returns.name == "stream" or (flow.returns is None and _yields(flow))
    if stream and returns.name != "stream":
        returns = stream_of(ANY)
    return Header(Signature(tuple(params), returns), stream)


def _yields(flow: s.Flow) -> bool:
    """Does a flow without a declared result yield for itself, outside every collecting loop?"""
    stack: list[s.Stmt] = list(flow.body)
    while stack:
        node = stack.pop()
        if isinstance(node, s.Yield):
            return True
        if isinstance(node, s.For) and node.into is not None:
            continue
        stack.extend(inner for block in blocks(node) for inner in block)
    return False


def lower_flow(program: Program, source: FlowSource) -> None:
    """Lower one flow into the program's graph."""
    header = program.header(source, NOWHERE)
    if not header.usable:
        return
    flow, scope = source.loaded()
    program.begin(source.key)
    at = begin(program, flow, scope, header)
    if at is None:
        return
    with deep():
        params = _params(at, header)
        policy = _header_policy(at)
        at.body(flow.body)
    _end(at, header)
    body = at.region.close(None if at.region.ended else (Const(None),))
    program.flows[source.key] = FlowGraph(
        source.key, flow.name, params, body, header.signature.returns, header.is_stream, policy, flow.span, flow.doc
    )


def begin(
    program: Program, flow: s.Flow, scope: Scope, header: Header, *, is_test: bool = False
) -> FlowLowering | None:
    """The state at the start of a flow; None where its size is out of bounds."""
    problem = too_big(flow.body)
    if problem is not None:
        program.report("too-big", problem[0], problem[1], help="split the flow into several flows")
        return None
    with deep():
        live = Liveness(flow.body, tuple(p.name for p in flow.params))
    at = FlowLowering(
        program, flow, scope, live, EXPRESSIONS, STATEMENTS, header.is_stream, is_test, header.signature.returns
    )
    at.region.params = tuple(at.fresh(p.name) for p in flow.params)
    return at


def _params(at: FlowLowering, header: Header) -> tuple[FlowParam, ...]:
    found = []
    seen: set[str] = set()
    for param, known in zip(at.source.params, header.signature.params, strict=True):
        if param.name in seen:
            at.report(
                "duplicate-name", param.span, f"two parameters are called {param.name!r}", help="rename one of them"
            )
        seen.add(param.name)
        default = None
        if param.default is not None:
            before, at.pure = at.pure, "a default is a constant"
            value = at.expr(param.default)
            at.pure = before
            default = value.expr
            if not assignable(value.type, known.type, at.program.classes):
                at.report(
                    "argument-type",
                    param.default.span,
                    f"the default of {param.name!r} is {value.type}, not {known.type}",
                    expected=str(known.type),
                    found=str(value.type),
                    help=f"give a default of type {known.type}",
                )
        found.append(FlowParam(param.name, known.type, known.required, default, param.kind))
    for id, param, known in zip(at.region.params, at.source.params, header.signature.params, strict=True):
        type = known.type
        if param.kind == "var_pos":
            type = Type("tuple", (known.type, ELLIPSIS))
        elif param.kind == "var_kw":
            type = Type("dict", (STR, known.type))
        at.env.set(param.name, Bound(Ref(id), type))
        if type.name == "stream":
            open_stream(at, id, param.span)
    return tuple(found)


def _header_policy(at: FlowLowering) -> Policy:
    options = at.source.options
    for option in options:
        if option.name in _LATER:
            at.report("unknown-option", option.span, f"{option.name}= has no meaning yet", help="remove it")
        elif option.name == "undo":
            at.report(
                "option-misfit",
                option.span,
                "a flow's undo is given where it is called",
                help="write flow(...) undo f(...) at the call",
                python="write flow.options(undo=f)(...) at the call",
            )
    kept = tuple(o for o in options if o.name not in (*_LATER, "undo"))
    if not kept:
        return NO_POLICY
    values = at.in_order(option_nodes(kept))
    return resolve(at, kept, values, "", at.returns)


def _end(at: FlowLowering, header: Header) -> None:
    """What reaching the end of a flow means for its result."""
    if at.region.ended or header.is_stream or at.is_test:
        return
    if assignable(NONE, header.signature.returns, at.program.classes):
        return
    flow = at.source
    if at.report.malformed_below(flow.span):
        return
    returns = [n for n in statements(flow.body) if isinstance(n, s.Return)]
    last = flow.body[-1].span if flow.body else flow.span
    how = "some ways through it return nothing" if returns else "it returns nothing"
    at.report(
        "missing-return",
        last,
        f"the flow {flow.name!r} promises {header.signature.returns}, but {how}",
        expected=str(header.signature.returns),
        found="None",
        help="return a value at the end",
    )
