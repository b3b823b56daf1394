"""What a definition in a Python file means, told from its text: functions, nodes, flows, classes, assignments.

Gives what :mod:`..nodes` and :mod:`..hints` give for the real objects; the two are compared by tests over the standard
packs.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable
from typing import Any

from attrs import evolve

from ...compiler.diagnostics import Collector, ProgramError
from ...compiler.ir import AmbientSpec
from ...compiler.spec import UNDECLARED, NodeSpec, Retry
from ...compiler.types import ANY, STR, Parameter, Signature, stream_of, union
from .. import hints, syntax
from ..nodes import DECLARED, EFFECTS, POLICY, effects_of, is_program_stream, key_of, policy_of, runtime_of
from ..python import read_flow_ast
from ..scope import (
    AmbientBinding,
    Binding,
    ClassBinding,
    FlowBinding,
    FlowSource,
    NodeBinding,
    Scope,
    TypeBinding,
    UnknownBinding,
    ValueBinding,
)
from ..variants import variant
from .annotations import dotted_meaning
from .static import StaticModule
from .static_classes import read_class
from .static_names import dotted_name, form_of, read_type, resolve

Function = ast.FunctionDef | ast.AsyncFunctionDef
_TRANSPARENT = frozenset({"functools.cache", "functools.lru_cache", "typing.final", "typing.override"})
"""Decorators that leave how a function is called as it is."""


class Unreadable(Exception):
    """The text does not tell the value."""


def binding_of_statement(module: StaticModule, statement: ast.stmt, name: str) -> Binding:
    """What ``name`` means after the statement that binds it."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return _function(module, statement)
        case ast.ClassDef():
            return read_class(module, statement, lambda method: _method(module, statement.name, method))
        case ast.Import(names=names):
            for alias in names:
                if (alias.asname or alias.name.partition(".")[0]) == name:
                    return module.module_binding(alias.name if alias.asname else name)
        case ast.ImportFrom(module=source, level=level, names=names):
            for alias in names:
                if (alias.asname or alias.name) == name:
                    return module.from_import(source, level, alias.name, name)
        case ast.Assign(targets=[ast.Name()], value=value):
            return _value(module, name, value)
        case ast.AnnAssign(value=value) if value is not None:
            return _value(module, name, value)
    if type(statement).__name__ == "TypeAlias":  # `type X = ...` of Python 3.12
        return TypeBinding(read_type(module, statement.value))  # type: ignore[attr-defined]
    return UnknownBinding(name)


# ---- functions -----------------------------------------------------------------------------------


def _function(module: StaticModule, node: Function) -> Binding:
    spec: NodeSpec | None = plain_spec(module, node)
    opaque = UnknownBinding(node.name)
    binding: Binding = NodeBinding(spec) if spec is not None else opaque
    for decorator in reversed(node.decorator_list):
        head = decorator.func if isinstance(decorator, ast.Call) else decorator
        match form_of(module, head):
            case "node":
                keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
                if not isinstance(binding, NodeBinding):  # another decorator has made it; how it is called is not told
                    unknown = Signature(known=False)
                    binding = NodeBinding(
                        NodeSpec(
                            f"{module.name}.{node.name}",
                            node.name,
                            unknown,
                            doc=(ast.get_docstring(node, clean=False) or "").strip(),
                        )
                    )
                binding = declare(module, binding, keywords)
                module.nodes.add(node.name)
            case "flow":
                return FlowBinding(_flow(module, node))
            case _ if dotted_name(module, head) not in _TRANSPARENT:
                binding = opaque
    return binding


def with_others(module: StaticModule, binding: Binding, earlier: Iterable[ast.stmt]) -> Binding:
    """A node with its other versions: the nodes that had its name before, as far as they have one of their own."""
    if not isinstance(binding, NodeBinding) or not earlier:
        return binding
    others: dict[str, NodeBinding] = {}
    for statement in earlier:
        assert isinstance(statement, Function)
        other = _function(module, statement)
        if isinstance(other, NodeBinding) and (version := other.spec.version):
            others[version] = evolve(other, spec=evolve(other.spec, key=f"{other.spec.key}@{version}"))
    others.pop(binding.spec.version, None)
    return evolve(binding, others=others)


def _method(module: StaticModule, owner: str, node: Function) -> Binding | None:
    """A static method that is declared as a node or flow; None for any other."""
    heads = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    if not any(form_of(module, head) in ("node", "flow") for head in heads):
        return None
    inner = copy.copy(node)
    inner.decorator_list = [d for d in node.decorator_list if dotted_name(module, d) != "builtins.staticmethod"]
    known = node.name in module.nodes
    binding = _function(module, inner)
    if not known:  # the name is the class's, not the module's
        module.nodes.discard(node.name)
    key = f"{module.name}.{owner}.{node.name}"
    if isinstance(binding, NodeBinding):
        return evolve(binding, spec=evolve(binding.spec, key=key))
    if isinstance(binding, FlowBinding):
        binding.source.key = key
    return binding


def _flow(module: StaticModule, node: Function) -> FlowSource:
    file = str(module.path)

    def load() -> tuple[syntax.Flow, Scope]:
        collector = Collector()
        flow = read_flow_ast(node, file, module, collector, module.lines)
        if collector.failed:
            raise ProgramError(collector.items)
        return flow, module

    return FlowSource(node.name, f"{module.name}.{node.name}", file, load)


def _variant(module: StaticModule, flow: FlowBinding, keywords: list[ast.keyword]) -> FlowBinding:
    """``flow.options(...)`` with these keywords; what cannot be read is left out."""
    options: dict[str, Any] = {}
    undo = flow.undo
    for keyword in keywords:
        try:
            if keyword.arg == "undo":
                found = resolve(module, keyword.value)
                undo = found if isinstance(found, (NodeBinding, FlowBinding)) else None
            elif keyword.arg in POLICY:
                options[keyword.arg] = _option(module, keyword.value)
        except Unreadable:
            continue
    try:
        policy_of(options)
    except (TypeError, ValueError):  # told when the file is executed
        return flow
    return FlowBinding(variant(flow.source, options) if options else flow.source, undo)


def plain_spec(module: StaticModule, node: Function) -> NodeSpec:
    """A function as a node that declares nothing."""
    stream = _yields(node)
    returns = read_type(module, node.returns, given=True)
    if stream and returns.name != "stream":
        returns = stream_of(returns.args[0] if returns.name == "list" else ANY)
    return NodeSpec(
        key=f"{module.name}.{node.name}",
        name=node.name,
        signature=Signature(tuple(_params(module, node.args)), returns),
        effects=UNDECLARED,
        is_async=isinstance(node, ast.AsyncFunctionDef),
        is_stream=stream,
        doc=(ast.get_docstring(node, clean=False) or "").strip(),
    )


def _params(module: StaticModule, args: ast.arguments) -> list[Parameter]:
    positional = [*args.posonlyargs, *args.args]
    defaults: list[ast.expr | None] = [*[None] * (len(positional) - len(args.defaults)), *args.defaults]

    def param(arg: ast.arg, default: ast.expr | None, kind: str) -> Parameter:
        value = None
        if default is not None:
            try:
                value = literal(module, default)
            except Unreadable:
                pass
        required = default is None and kind not in ("var_pos", "var_kw")
        return Parameter(arg.arg, read_type(module, arg.annotation), kind, required, value)

    kinds = ["pos"] * len(args.posonlyargs) + ["pos_or_kw"] * len(args.args)
    found = [param(a, d, k) for a, d, k in zip(positional, defaults, kinds, strict=True)]
    if args.vararg is not None:
        found.append(param(args.vararg, None, "var_pos"))
    found += [param(a, d, "kw") for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    if args.kwarg is not None:
        found.append(param(args.kwarg, None, "var_kw"))
    return found


def _yields(node: Function) -> bool:
    todo: list[ast.AST] = list(node.body)
    while todo:
        inner = todo.pop()
        if isinstance(inner, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            todo.extend(ast.iter_child_nodes(inner))
    return False


# ---- what is declared ----------------------------------------------------------------------------


def declare(module: StaticModule, binding: NodeBinding, keywords: list[ast.keyword]) -> NodeBinding:
    """The node with these keywords of ``@node(...)``; what cannot be read is left out, of its effects: it declares
    nothing."""
    declared: dict[str, Any] = {}
    unread = transactional = False
    undo: Binding | None = binding.undo
    for keyword in keywords:
        try:
            if keyword.arg == "undo":
                found = resolve(module, keyword.value)
                undo = found if isinstance(found, (NodeBinding, FlowBinding)) else None
            elif keyword.arg == "transactional":  # which database it is does not matter here
                transactional = not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None)
            elif keyword.arg in DECLARED:
                declared[keyword.arg] = _option(module, keyword.value)
        except Unreadable:
            unread = unread or keyword.arg in EFFECTS
    try:
        if unread:
            declared = {name: value for name, value in declared.items() if name not in EFFECTS}
        effects, policy, runtime = effects_of(declared), policy_of(declared), runtime_of(declared)
        signature = binding.spec.signature.without_first() if transactional else binding.spec.signature
    except (TypeError, ValueError):  # told when the file is executed
        return binding
    spec = binding.spec
    if undo is not None:
        policy["undo"] = key_of(undo)
    spec = evolve(
        spec,
        signature=signature,
        transactional=transactional or spec.transactional,
        effects=effects if unread or any(name in declared for name in EFFECTS) else spec.effects,
        policy={**spec.policy, **policy},
        is_stream=spec.is_stream or is_program_stream(declared.get("runs"), spec.signature),
        runs=declared.get("runs", spec.runs),
        runtime=runtime if "runs" in declared else spec.runtime,
        version=str(declared.get("version", spec.version) or ""),
        seek=str(declared.get("seek", spec.seek) or ""),
    )
    return NodeBinding(spec, None, undo)


def _option(module: StaticModule, node: ast.expr) -> Any:
    """The value of an option: a literal, a constant of the file, ``Retry(...)`` or ``timedelta(...)`` of such."""
    if isinstance(node, ast.Call):
        import datetime

        made = {
            f"{__name__.partition('.')[0]}.Retry": Retry,
            "cflow.Retry": Retry,
            "datetime.timedelta": datetime.timedelta,
        }
        cls = made.get(dotted_name(module, node.func)) or (Retry if _is_retry(module, node.func) else None)
        if cls is None:
            raise Unreadable
        args = [literal(module, a) for a in node.args]
        # The class of `on=` is not to be had from text; that it retries is what counts.
        named = {k.arg: literal(module, k.value) for k in node.keywords if k.arg is not None and k.arg != "on"}
        try:
            return cls(*args, **named)
        except TypeError:
            raise Unreadable from None
    return literal(module, node)


def _is_retry(module: StaticModule, node: ast.expr) -> bool:
    found = resolve(module, node)
    return isinstance(found, ClassBinding) and found.cls is Retry


def literal(module: StaticModule, node: ast.expr) -> Any:
    """The value of a literal, or of a name of the file that stands for one.

    Raises
    ------
    Unreadable: it is neither.
    """
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    if isinstance(node, (ast.Name, ast.Attribute)):
        found = resolve(module, node)
        if isinstance(found, ValueBinding):
            return found.value
    raise Unreadable


# ---- assignments ---------------------------------------------------------------------------------


def _value(module: StaticModule, name: str, node: ast.expr) -> Binding:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    else:
        return ValueBinding(value, hints.type_of_value(value), name)
    if (number := _whole_number(node)) is not None:
        return ValueBinding(number, hints.type_of_value(number), name)
    match node:
        case ast.Name() | ast.Attribute():
            found = resolve(module, node)
            if isinstance(found, NodeBinding):
                module.nodes.add(name)
            return found if found is not None else UnknownBinding(name)
        case ast.Call():
            return _called(module, name, node)
        case ast.Subscript() | ast.BinOp(op=ast.BitOr()) if _is_type(module, node):
            return TypeBinding(read_type(module, node))
    return UnknownBinding(name)


def _whole_number(node: ast.expr) -> int | None:
    """The value of sizes as people write them: ``1 << 20``, ``64 * 1024``."""
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.BinOp(left=left, op=ast.LShift() | ast.Mult() as op, right=right):
            a, b = _whole_number(left), _whole_number(right)
            if a is None or b is None or not (0 <= a < 1 << 64 and 0 <= b < 1 << 64):
                return None
            if isinstance(op, ast.Mult):
                return a * b
            return a << b if b < 64 else None
    return None


def _is_type(module: StaticModule, node: ast.expr) -> bool:
    """Is ``X = <node>`` an alias of a type?"""
    match node:
        case ast.Subscript(value=head):
            return dotted_meaning(dotted_name(module, head)) is not None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_type(module, left) and _is_type(module, right)
        case ast.Constant(value=None):
            return True
        case ast.Name() | ast.Attribute():
            known = dotted_meaning(dotted_name(module, node))
            return known is not None or isinstance(resolve(module, node), (TypeBinding, ClassBinding))
    return False


def _called(module: StaticModule, name: str, call: ast.Call) -> Binding:
    """``x = node(f, pure=True)``, ``x = f.options(...)``, ``K = secret("K")`` and what else a call can name."""
    match form_of(module, call.func):
        case "node" if call.args:
            inner = resolve(module, call.args[0])
            module.nodes.add(name)
            if isinstance(inner, NodeBinding):
                return _renamed(declare(module, inner, call.keywords), inner, name)
            unknown = NodeSpec(f"{module.name}.{name}", name, Signature(known=False))
            return declare(module, NodeBinding(unknown), call.keywords)
        case "secret" | "env":
            return _ambient(module, name, call)
    if isinstance(call.func, ast.Attribute) and call.func.attr == "options":
        inner = resolve(module, call.func.value)
        if isinstance(inner, NodeBinding):
            module.nodes.add(name)
            return _renamed(declare(module, inner, call.keywords), inner, name)
        if isinstance(inner, FlowBinding):
            return _variant(module, inner, call.keywords)
    match dotted_name(module, call.func):
        case "typing.NewType" if len(call.args) == 2:
            return TypeBinding(read_type(module, call.args[1]))
        case "typing.TypeVar":
            if len(call.args) > 2:
                return TypeBinding(union(*(read_type(module, one) for one in call.args[1:])), varies=True)
            bound = next((k.value for k in call.keywords if k.arg == "bound"), None)
            return TypeBinding(read_type(module, bound))
    return UnknownBinding(name)


def _renamed(made: NodeBinding, of: NodeBinding, name: str) -> NodeBinding:
    """A node that another one was made into has a key of its own, unless it is the same."""
    return made if made.spec == of.spec else evolve(made, spec=evolve(made.spec, key=f"{of.spec.key}#{name}"))


def _ambient(module: StaticModule, name: str, call: ast.Call) -> Binding:
    try:
        args = [literal(module, a) for a in call.args]
        named = {k.arg: literal(module, k.value) for k in call.keywords if k.arg not in (None, "type")}
    except Unreadable:
        return UnknownBinding(name)
    variable = str(args[0]) if args else str(named.get("name", name))
    if form_of(module, call.func) == "secret":
        return AmbientBinding(AmbientSpec("secret", variable, STR))
    has_default = len(args) > 1 or "default" in named
    default = args[1] if len(args) > 1 else named.get("default")
    kind = hints.type_of_value(default) if has_default else STR
    return AmbientBinding(AmbientSpec("env", variable, kind, default, not has_default))
