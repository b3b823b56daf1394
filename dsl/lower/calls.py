"""Calls: of nodes and flows (operations), of records and built-in functions (trees), of methods of built-in values."""

from __future__ import annotations

from attrs import evolve, frozen

from ...compiler.assignable import join
from ...compiler.diagnostics import Span
from ...compiler.evaluate import BUILTIN_CLASSES
from ...compiler.ir import Apply, Call, Const, Global, Ref, Subflow
from ...compiler.nearest import did_you_mean
from ...compiler.operators import ALL_METHODS
from ...compiler.spec import ClassSpec, NodeSpec
from ...compiler.types import ANY, STR, Parameter, Signature, Type, class_type, stream_of
from .. import syntax as s
from ..declaring import no_version
from ..scope import (
    BadBinding,
    Binding,
    BuiltinBinding,
    ClassBinding,
    FlowBinding,
    FlowSource,
    NodeBinding,
    PackBinding,
    TypeBinding,
    UnknownBinding,
)
from .arguments import Arguments, check_arguments, lower_arguments
from .attributes import known_methods, method_result
from .expressions import forbidden, lower_attribute
from .live import REBINDING
from .names import forbidden_name, peek, unknown_name, unknown_owner
from .other_words import advice_on_form, advice_on_method, options_in_text
from .policies import option_nodes, resolve
from .state import UNKNOWN, FlowLowering, Typed
from .streams import open_stream
from .waiting import dotted, dotted_binding, is_method_call

MUTATORS = REBINDING | frozenset("insert pop remove sort reverse clear update setdefault popitem discard".split())


@frozen
class Callee:
    """A node or flow that is called."""

    key: str
    name: str
    signature: Signature
    is_flow: bool
    returns: Type
    source: FlowSource | None = None


def callee(at: FlowLowering, binding: Binding, span: Span) -> Callee | None:
    """The node or flow behind a binding, taken into the graph; None for anything else."""
    match binding:
        case NodeBinding():
            spec = binding.spec
            returns = spec.signature.returns
            if spec.is_stream and returns.name != "stream":
                returns = stream_of(returns)
            return Callee(at.program.use_node(binding), spec.name, spec.signature, False, returns)
        case FlowBinding():
            source = binding.source
            header = at.program.use_flow(source, span)
            return Callee(source.key, source.name, header.signature, True, header.signature.returns, source)
        case UnknownBinding():
            spec = NodeSpec(binding.name, binding.name.rpartition(".")[2])
            return Callee(at.program.use_node(NodeBinding(spec)), spec.name, spec.signature, False, ANY)
    return None


def lower_call(at: FlowLowering, node: s.Call, hint: str = "") -> Typed:
    if is_method_call(at, node):
        return _method(at, node)
    binding = dotted_binding(at, node.func)
    match binding:
        case NodeBinding() | FlowBinding() | UnknownBinding():
            return _call_out(at, node, binding, hint)
        case BuiltinBinding() if "." not in binding.name:
            _no_options(at, node, binding.name)
            from .builtins import lower_builtin

            return lower_builtin(at, node, binding.name)
        case ClassBinding():
            _no_options(at, node, binding.spec.name)
            return _construct(at, node, binding)
        case TypeBinding() if binding.type.name in BUILTIN_CLASSES:
            _no_options(at, node, binding.type.name)
            return _construct_value(at, node, binding.type)
    _not_callable(at, node, binding)
    for argument in (*node.args, *(k.value for k in node.keywords)):
        at.expr(argument.value if isinstance(argument, s.Starred) else argument)
    return UNKNOWN


def _not_callable(at: FlowLowering, node: s.Call, binding: Binding | None) -> None:
    func = node.func
    if isinstance(func, s.Name) and (at.live.is_local(func.id) or at.env.get(func.id) is not None):
        at.report(
            "not-callable",
            func.span,
            f"{func.id!r} is a value of the flow: it cannot be called",
            help="call a node by its own name; choose between nodes with if or match",
        )
    elif isinstance(func, s.Name) and binding is None:
        unknown_name(at, func, called=True)
    elif isinstance(func, s.Attribute) and binding is None:
        owner = dotted_binding(at, func.value)
        if isinstance(owner, (ClassBinding, TypeBinding, BuiltinBinding)):
            help, python = _function_of_a_class(owner, func)
            at.report(
                "unknown-method",
                func.span,
                f"{func.name!r} is called on a class, and is no node or flow: a flow calls methods of values",
                help=help,
                python=python,
            )
        else:
            lower_attribute(at, func)
    elif isinstance(func, s.Call) and (name := _given_options(at, func)):
        at.report(
            "not-callable",
            func.span,
            "options stand behind the call",
            help=options_in_text(name, func),
        )
    elif isinstance(binding, BadBinding):
        forbidden_name(at, binding, binding.name, func.span)
    elif isinstance(binding, PackBinding):
        known = ", ".join(list(binding.names())[:5])
        at.report(
            "not-callable",
            func.span,
            f"{binding.name!r} is a pack: it cannot be called",
            help=f"call one of its nodes: {known}",
        )
    else:
        at.report(
            "not-callable",
            func.span,
            "this cannot be called",
            help=advice_on_form(binding) or "call a node, a flow, a record or a built-in function",
        )


def _function_of_a_class(owner: ClassBinding | TypeBinding | BuiltinBinding, func: s.Attribute) -> tuple[str, str]:
    """The fix for a call of a class's own function that is no node, and as Python writes it where that differs."""
    match owner:
        case TypeBinding(type=type):
            advice = advice_on_method(type.name, func.name)
        case ClassBinding(spec=spec) if spec.key == f"datetime.{spec.name}":  # only its text was read
            advice = advice_on_method(spec.name, func.name)
        case ClassBinding():
            advice = f"declare it in the class (@staticmethod above @node), or call {dotted(func)} in a node", ""
        case _:
            advice = None
    return advice or (f"make a node that calls {dotted(func)}", "")


def _given_options(at: FlowLowering, call: s.Call) -> str:
    """The node or flow whose options ``name.options(...)`` gives; empty where it is another call."""
    func = call.func
    if not isinstance(func, s.Attribute) or func.name != "options":
        return ""
    owner = dotted_binding(at, func.value)
    return dotted(func.value) if isinstance(owner, (NodeBinding, FlowBinding)) else ""


def _no_options(at: FlowLowering, node: s.Call, name: str) -> None:
    for option in node.options:
        at.report(
            "option-misfit",
            option.span,
            f"{name} takes no options: it is evaluated in its place",
            help=f"remove {option.name}, or make a node that calls {name}",
        )


# ---- nodes and flows -----------------------------------------------------------------------------


def _call_out(at: FlowLowering, node: s.Call, binding: Binding, hint: str) -> Typed:
    node, binding = _pinned(at, node, binding)
    target = callee(at, binding, node.span)
    assert target is not None
    extra = option_nodes(node.options)
    arguments = lower_arguments(at, node.args, node.keywords, node.span, extra)
    check_arguments(at, target.name, target.signature, arguments)
    if at.pure:
        pure_place(at, target.name, node.span)
        return Typed(Const(None), target.returns)
    result = at.fresh(hint or target.name)
    called = binding if isinstance(binding, (NodeBinding, FlowBinding)) else None
    policy = resolve(
        at, node.options, arguments.extra, result, target.returns, called=called, assigned=hint, span=node.span
    )
    if target.is_flow:
        at.emit(
            Subflow(at.op_id(target.name), target.key, arguments.args, arguments.kwargs, result, policy, span=node.span)
        )
    else:
        at.emit(Call(at.op_id(target.name), target.key, arguments.args, arguments.kwargs, result, policy, node.span))
    type = target.returns
    if policy.default is not None:
        given = [v for o, v in zip(_with_values(node.options), arguments.extra, strict=False) if o.name == "default"]
        type = join((type, given[0].type if given else ANY))
    if type.name == "stream":
        open_stream(at, result, node.span)
    return Typed(Ref(result), type)


def _pinned(at: FlowLowering, node: s.Call, binding: Binding) -> tuple[s.Call, Binding]:
    """The version of a node that the option ``version`` of its call names, and the call without it."""
    option = next((o for o in node.options if o.name == "version"), None)
    if option is None or not isinstance(binding, NodeBinding):
        return node, binding
    value, versions = option.value, binding.versions()
    if not isinstance(value, s.Constant) or not isinstance(value.value, str):
        at.report("bad-option", option.span, "version= is written out, as text", help='write version="1"')
    elif value.value in versions:
        binding = versions[value.value]
    else:
        at.report("bad-option", option.span, no_version(binding.spec.name, value.value, versions))
    return evolve(node, options=tuple(o for o in node.options if o.name != "version")), binding


def _with_values(options: tuple[s.Option, ...]) -> list[s.Option]:
    return [o for o in options if o.value in option_nodes((o,))]


def pure_place(at: FlowLowering, name: str, span: Span) -> None:
    """Report a call that would have to wait where nothing can."""
    at.report(
        "call-not-here",
        span,
        f"{name} cannot be called here: {at.pure}",
        help=f"call {name} on a line before, and use its result here",
    )


def call_engine(
    at: FlowLowering, spec: NodeSpec, arguments: Arguments, span: Span, hint: str, returns: Type, **policy: object
) -> Typed:
    """A call of one of the engine's own operations."""
    from ...compiler.ir import NO_POLICY, Policy

    if at.pure:
        pure_place(at, spec.name, span)
        return Typed(Const(None), returns)
    kept = {k: v for k, v in policy.items() if v is not None}
    result = at.fresh(hint or spec.name)
    key = at.program.use_spec(spec)
    options = Policy(**kept) if kept else NO_POLICY  # type: ignore[arg-type]
    at.emit(Call(at.op_id(spec.name), key, arguments.args, arguments.kwargs, result, options, span))
    return Typed(Ref(result), returns)


# ---- values that are built -----------------------------------------------------------------------


def _construct(at: FlowLowering, node: s.Call, binding: ClassBinding) -> Typed:
    spec = binding.spec
    arguments = lower_arguments(at, node.args, node.keywords, node.span)
    if spec.kind == "other":
        at.report(
            "not-callable",
            node.func.span,
            f"{spec.name} is neither a record nor an exception: building it may do anything",
            help=f"make a node that returns {spec.name}(...)",
        )
        return Typed(Const(None), class_type(spec.key))
    if spec.kind == "record" and spec.fields is not None:
        check_arguments(at, spec.name, record_signature(spec), arguments)
    key = at.program.use_class(binding)
    return Typed(Apply("new", (Global("class", key), *arguments.args), arguments.kwargs), class_type(spec.key))


def record_signature(spec: ClassSpec) -> Signature:
    """How a record is built: by keyword, or by position where its class allows that."""
    return Signature(
        tuple(Parameter(f.name, f.type, "kw" if f.keyword else "pos_or_kw", f.required) for f in spec.fields or ())
    )


def _construct_value(at: FlowLowering, node: s.Call, type: Type) -> Typed:
    arguments = lower_arguments(at, node.args, node.keywords, node.span)
    return Typed(Apply("new", (Global("class", type.name), *arguments.args), arguments.kwargs), type)


# ---- methods -------------------------------------------------------------------------------------


def _method(at: FlowLowering, node: s.Call) -> Typed:
    func = node.func
    assert isinstance(func, s.Attribute)
    _no_options(at, node, f".{func.name}()")
    if forbidden(at, func):
        return UNKNOWN
    owner = dotted_binding(at, func.value)
    if func.name == "fn" and isinstance(owner, (NodeBinding, FlowBinding)):
        name = dotted(func.value)
        at.report(
            "not-a-value",
            func.span,
            f"{name}.fn is the function itself: a flow calls the node",
            help=f"write {name}(...)",
        )
        return UNKNOWN
    if name := _given_options(at, node):
        at.report(
            "not-a-value",
            func.span,
            f"{name} with other options is not a value: options belong to a call",
            help=options_in_text(name, node),
        )
        return UNKNOWN
    nodes = [
        func.value,
        *(a.value if isinstance(a, s.Starred) else a for a in node.args),
        *(k.value for k in node.keywords),
    ]
    if unknown_owner(at, func):
        at.in_order(nodes[1:])
        return UNKNOWN
    values = at.in_order(nodes, lambda e: peek(at, e))
    receiver = values[0]
    if not _permitted(at, receiver.type, func, node):
        return UNKNOWN
    arguments = [v.type for v in values[1 : 1 + len(node.args)]]
    kwargs = tuple(
        ("**" if k.name is None else k.name, v.expr)
        for k, v in zip(node.keywords, values[1 + len(node.args) :], strict=True)
    )
    from ...compiler.ir import Star

    args = [Star(v.expr) if isinstance(a, s.Starred) else v.expr for a, v in zip(node.args, values[1:], strict=False)]
    if func.name == "format" and receiver.type == STR:
        return UNKNOWN
    type = method_result(receiver.type, func.name, arguments)
    return Typed(Apply("method", (receiver.expr, Const(func.name), *args), kwargs), type)


def _permitted(at: FlowLowering, receiver: Type, func: s.Attribute, node: s.Call) -> bool:
    name = func.name
    if name in known_methods(receiver):
        return True
    if name in MUTATORS:
        at.report(
            "changing-method",
            node.span,
            f".{name}() changes a value, and values do not change in a flow",
            help=_instead(name, func),
        )
    elif (receiver.name == "class" and receiver.args[0] in at.program.classes) or receiver.name in (
        "any",
        "union",
        "none",
        "collected",
        "stream",
    ):
        at.report(
            "unknown-method",
            node.span,
            f"the method {name!r} of {receiver} cannot be called in a flow",
            help=f"make it a node: @node def {name}(value): return value.{name}(...)",
        )
    else:
        known = known_methods(receiver) or ALL_METHODS
        at.report(
            "unknown-method",
            node.span,
            f"{receiver} has no method {name!r} that a flow may call",
            help=did_you_mean(name, known, "make it a node"),
        )
    return False


def _instead(name: str, func: s.Attribute) -> str:
    box = func.value.id if isinstance(func.value, s.Name) else "xs"
    match name:
        case "append" | "insert":
            return f"write {box} = [*{box}, item], or make it a statement of its own"
        case "extend":
            return f"write {box} = [*{box}, *more]"
        case "add":
            return f"write {box} = {{*{box}, item}}"
        case "update" | "setdefault":
            return f"write {box} = {{**{box}, key: value}}"
        case "sort":
            return f"write {box} = sorted({box})"
        case "reverse":
            return f"write {box} = {box}[::-1]"
        case "pop" | "remove" | "discard" | "popitem":
            return f"write a comprehension that leaves the item out, such as [x for x in {box} if x != item]"
    return "make a new value"
