"""Reading names: locals, what may be unbound, and what the scope around gives."""

from __future__ import annotations

import sys
from collections.abc import Collection

from ...compiler.diagnostics import EngineBug, Label, Span
from ...compiler.evaluate import BUILTIN_CLASSES
from ...compiler.ir import Ambient, Const, Global
from ...compiler.nearest import did_you_mean
from ...compiler.types import ANY, STR
from .. import syntax as s
from ..scope import (
    AmbientBinding,
    BadBinding,
    Binding,
    BuiltinBinding,
    ClassBinding,
    FlowBinding,
    NodeBinding,
    PackBinding,
    TypeBinding,
    UnknownBinding,
    ValueBinding,
)
from .constants import type_of, value_expr
from .env import Bound, Collecting, Maybe
from .other_words import advice_on_name
from .state import UNKNOWN, FlowLowering, Typed
from .streams import use_stream


def lower_name(at: FlowLowering, node: s.Name, hint: str = "") -> Typed:
    """A name whose value something comes to hold: another name, a container, a result."""
    value = read(at, node)
    at.owners.hold(value.expr, node.span)
    return value


def peek(at: FlowLowering, node: s.Expr, hint: str = "") -> Typed:
    """An operand that is looked at and not kept: a name's collection stays its own."""
    return read(at, node) if isinstance(node, s.Name) else at.expr(node, hint)


def read(at: FlowLowering, node: s.Name, *, alias: bool = False) -> Typed:
    """What a name stands for. ``alias``: it only gets another name, which does not use a stream up."""
    state = at.env.get(node.id)
    match state:
        case Bound():
            if not alias:
                use_stream(at, state.atom, node.span, node.id)
            return Typed(state.atom, state.type)
        case Maybe():
            _unbound(at, node, state)
            at.env.set(node.id, Bound(Const(None), ANY))
            return UNKNOWN
        case Collecting():
            msg = f"{node.id!r} is read where it is being collected"
            raise EngineBug(msg)
    if at.live.is_local(node.id):
        _unbound(at, node, Maybe("it is assigned later in the flow"))
        at.env.set(node.id, Bound(Const(None), ANY))
        return UNKNOWN
    binding = at.program.lookup(at.scope, node.id)
    if binding is None:
        unknown_name(at, node)
        return UNKNOWN
    return binding_value(at, binding, node.id, node.span)


def unknown_owner(at: FlowLowering, node: s.Expr) -> bool:
    """Report a dotted name whose first part means nothing; False where it means something, or there is no name."""
    member = ""
    while isinstance(node, s.Attribute):
        member, node = node.name, node.value
    if not isinstance(node, s.Name) or at.live.is_local(node.id) or at.env.get(node.id) is not None:
        return False
    if at.program.lookup(at.scope, node.id) is not None:
        return False
    unknown_name(at, node, member=member)
    return True


def unknown_name(
    at: FlowLowering, node: s.Name, *, called: bool = False, member: str = "", known: Collection[str] | None = None
) -> None:
    """Report a name that means nothing. ``called``: it stands before the brackets of a call. ``member``: what is read
    from it, as from a module. ``known``: what may be meant, where it is not every name."""
    if at.report.full:
        return
    message = f"there is nothing called {node.id!r} here"
    advice = advice_on_name(node.id, called=called, member=member)
    if advice is not None:
        at.report("unknown-name", node.span, message, help=advice[0], python=advice[1])
        return
    from ..loader.packs import standard_packs  # the loader stands on lowering too

    packs = standard_packs()
    if node.id in packs or (member and node.id in sys.stdlib_module_names):
        at.report(
            "unknown-name",
            node.span,
            message,
            help=f"import it: import {node.id}",
            python=f"import it: from cflow.stdlib_nodes import {node.id}" if node.id in packs else "",
        )
        return
    if known is None:
        known = [*at.env.names, *at.live.names, *at.program.known_names(at.scope)]
    at.report(
        "unknown-name",
        node.span,
        message,
        help=did_you_mean(node.id, known, f"assign {node.id} before, or import it"),
    )


def forbidden_name(at: FlowLowering, binding: BadBinding, name: str, span: Span) -> None:
    """Report a name that exists and must not be used."""
    message = f"{name!r} cannot be used in a flow: {binding.reason}"
    at.report("forbidden-name", span, message, help=binding.help, python=binding.python)


def _unbound(at: FlowLowering, node: s.Name, state: Maybe) -> None:
    labels = (Label(state.span, state.reason),) if state.span.line else ()
    at.report(
        "unbound-name",
        node.span,
        f"{node.id!r} may have no value here: {state.reason}",
        labels=labels,
        help=f"give {node.id} a value on every way to this line",
    )


def binding_value(at: FlowLowering, binding: Binding, name: str, span: Span) -> Typed:
    """What something from outside the flow is as a value."""
    match binding:
        case ValueBinding():
            expr = value_expr(binding.value, binding.name or name, at.program.objects)
            exact = type_of(binding.value) if isinstance(expr, Const) else ANY
            return Typed(expr, binding.type if exact == ANY else exact)
        case AmbientBinding():
            at.program.use_ambient(binding)
            return Typed(
                Ambient(binding.spec.kind, binding.spec.name),
                STR if binding.spec.kind == "secret" else binding.spec.type,
            )
        case ClassBinding():
            return Typed(Global("class", at.program.use_class(binding)), ANY)
        case BuiltinBinding() if "." not in binding.name:
            return Typed(Global("builtin", binding.name), ANY)
        case TypeBinding() if binding.type.name in BUILTIN_CLASSES:
            return Typed(Global("class", binding.type.name), ANY)
        case UnknownBinding():
            return UNKNOWN
        case BadBinding():
            forbidden_name(at, binding, name, span)
        case NodeBinding() | FlowBinding():
            kind = "node" if isinstance(binding, NodeBinding) else "flow"
            at.report(
                "not-a-value",
                span,
                f"{name!r} is a {kind}: it can be called, but it is not a value",
                help=f"write {name}(...)",
            )
        case PackBinding():
            at.report(
                "not-a-value",
                span,
                f"{name!r} is a pack: it is not a value",
                help=f"use one of its members: {name}.<name>",
            )
        case _:
            at.report(
                "not-a-value",
                span,
                f"{name!r} is not a value",
                help="use it in an annotation, or as options after `with`",
            )
    return UNKNOWN
