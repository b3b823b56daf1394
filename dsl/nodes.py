"""What real Python objects mean to a program: nodes and what they declare, and the binding of any object.

``@node`` keeps the function and its declarations (:mod:`.declaring`); the spec is made at first use, when annotations
can name what the module defines further down. Nothing here runs a node.
"""

from __future__ import annotations

import os
import types
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from attrs import evolve

from ..compiler.operators import BUILTIN_EXCEPTIONS, BUILTINS
from ..compiler.spec import Effects, NodeSpec
from ..compiler.types import Signature
from . import hints
from .declaring import (
    DECLARED as DECLARED,
    EFFECTS as EFFECTS,
    FORM as FORM,
    POLICY as POLICY,
    RUNTIME as RUNTIME,
    Ambient as Ambient,
    FlowDef as FlowDef,
    FormName as FormName,
    NodeDef as NodeDef,
    call_of as call_of,
    check_declared as check_declared,
    check_function as check_function,
    check_options as check_options,
    check_seek as check_seek,
    effects_of as effects_of,
    policy_of as policy_of,
    runtime_of as runtime_of,
)
from .keys import qualified, unique_key
from .programs import code_digest
from .purelist import is_pure
from .scope import (
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

_PACKAGE = __name__.partition(".dsl.")[0]
_AROUND = frozenset(f"{_PACKAGE}.{part}" for part in ("facade", "modules", "engine", "executor.context"))
"""Where the functions live that belong around a flow and never into it; they are told apart like forms."""


def spec_of(function: Callable[..., Any], *, replaced: bool = False, **declared: Any) -> NodeSpec:
    """What the compiler knows of a function as a node.

    Parameters
    ----------
    function: any callable.
    replaced: has its module another version under its name by now? Then its key names its version.
    declared: the keywords of ``@node``. A function on the shipped list of pure callables is pure and trusted by itself.

    Raises
    ------
    TypeError, ValueError: as :func:`check_declared`.
    """
    check_declared(declared)
    trusted = not declared and is_pure(function)
    policy = policy_of(declared)
    if declared.get("undo") is not None:
        policy["undo"] = key_of(binding_of(declared["undo"]))
    transactional = declared.get("transactional") is not None
    signature, runtime = hints.signature_of(function), runtime_of(declared)
    spec = NodeSpec(
        key="",
        name=getattr(function, "__name__", type(function).__name__),
        signature=_without_handle(function, signature) if transactional else signature,
        effects=Effects() if trusted else effects_of(declared),
        policy=policy,
        is_async=hints.is_async(function),
        is_stream=hints.is_stream(function) or is_program_stream(declared.get("runs"), signature),
        runs=declared.get("runs", "auto"),
        version=str(declared.get("version", "") or ""),
        source="" if trusted else code_digest(function, runtime),
        trusted=trusted,
        transactional=transactional,
        seek=declared.get("seek") or "",
        doc=(getattr(function, "__doc__", None) or "").strip(),
        runtime=runtime,
    )
    check_seek(spec)
    name = qualified(function) + (f"@{spec.version}" if replaced and spec.version else "")
    return evolve(spec, key=unique_key(name, call_of(function, declared), spec))


def _without_handle(function: Callable[..., Any], signature: Signature) -> Signature:
    """How flows call a transactional node.

    Raises
    ------
    TypeError: it is no plain function of a handle.
    """
    if hints.is_async(function) or hints.is_stream(function):
        msg = f"{qualified(function)}: a transactional node is a plain def, as its transaction is one thread's"
        raise TypeError(msg)
    try:
        return signature.without_first()
    except ValueError:
        msg = f"{qualified(function)}: the first parameter of a transactional node is the handle of its transaction"
        raise TypeError(msg) from None


def is_program_stream(runs: str | None, signature: Signature) -> bool:
    """Is it a stream although its function yields nothing: one whose items another program prints?"""
    return runs == "command" and signature.returns.name == "stream"


def key_of(binding: Binding) -> str:
    """The key by which a graph refers to a node or flow."""
    match binding:
        case NodeBinding():
            return binding.spec.key
        case FlowBinding():
            return binding.source.key
    msg = "undo= is a node, a flow or a function of the result"
    raise TypeError(msg)


# ---- bindings ------------------------------------------------------------------------------------

_PLAIN_NODES: weakref.WeakKeyDictionary[Any, NodeBinding] = weakref.WeakKeyDictionary()
_BUILTIN_OBJECTS = {id(value): name for name, value in vars(__import__("builtins")).items() if name in BUILTINS}


def node_binding(function: Callable[..., Any]) -> NodeBinding:
    """A plain function as a node: it declares nothing, unless it is on the shipped list of pure callables."""
    try:
        found = _PLAIN_NODES.get(function)
        if found is None:
            found = _PLAIN_NODES[function] = NodeBinding(spec_of(function), function)
    except TypeError:  # cannot be hashed or referred to weakly
        return NodeBinding(spec_of(function), function)
    return found


ENVIRONMENT = ("environ", "environb", "getenv", "getenvb", "putenv")
"""The names in ``os`` that reach the environment; not every system has all."""
_NOTHING = object()


def environment_binding(name: str) -> BadBinding:
    """The environment as a name in a flow."""
    return BadBinding(
        name,
        "the environment is read once, when a run starts, so that a run can be repeated",
        'declare `env REGION: str = "default"` or `secret KEY` at the top of the file and use that name',
        'declare REGION = env("REGION", "default") or KEY = secret("KEY") beside the flow and use that name',
    )


def binding_of(value: Any, name: str = "") -> Binding:
    """What any Python object means as a name in a flow.

    Parameters
    ----------
    value: the object.
    name: how the program calls it, for messages.
    """
    if isinstance(value, NodeDef):
        others = {name: NodeBinding(node.spec, node.call, node.undo) for name, node in value.others.items()}
        return NodeBinding(value.spec, value.call, value.undo, others)
    if isinstance(value, FlowDef):
        return FlowBinding(value.source, None if value.undo is None else binding_of(value.undo))
    if isinstance(value, Ambient):
        return AmbientBinding(value.spec)
    if isinstance(value, (types.FunctionType, type)):
        form = vars(value).get("__cflow_form__")
        if isinstance(form, FormName):
            return BuiltinBinding(FORM + form.name)
        if value.__module__ in _AROUND:
            return BuiltinBinding(FORM + value.__name__)
    if id(value) in _BUILTIN_OBJECTS:
        return BuiltinBinding(_BUILTIN_OBJECTS[id(value)])
    if any(value is vars(os).get(n, _NOTHING) for n in ENVIRONMENT):
        return environment_binding(name or "os.environ")
    if isinstance(value, types.ModuleType):
        return pack_binding(value)
    if hints.is_special(value):
        return UnknownBinding(f"typing.{hints.is_special(value)}")
    if hints.is_annotation(value):
        return TypeBinding(hints.type_of(value), varies=bool(getattr(value, "__constraints__", ())))
    if isinstance(value, type):
        return class_binding_of(value)
    if callable(value) and not isinstance(value, type):
        return node_binding(value)
    return ValueBinding(snapshot(value), hints.type_of_value(value), name)


def class_binding_of(cls: type) -> Binding:
    """A class as a name: value types of the language are types, every other is a class."""
    if hints.is_plain(cls):
        return TypeBinding(hints.type_of(cls))
    if BUILTIN_EXCEPTIONS.get(cls.__name__) is cls or cls.__module__ != "builtins":
        return ClassBinding(hints.class_spec(cls), cls, lambda name: _static_method(cls, name))
    return BadBinding(cls.__name__, "it gives access to Python's own objects, or to values that change")


def _static_method(cls: type, name: str) -> Binding | None:
    """A node or flow that is declared in a class; a method that declares nothing is none."""
    value = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    if isinstance(value, staticmethod):
        value = value.__func__
    declared = isinstance(value, (NodeDef, FlowDef)) and not name.startswith("_")
    return binding_of(value, f"{cls.__name__}.{name}") if declared else None


def pack_binding(module: types.ModuleType) -> PackBinding:
    """A module as a name: its public names are its members."""

    def member(name: str) -> Binding | None:
        if name.startswith("_"):
            return None
        try:
            value = getattr(module, name)
        except Exception:  # not there, or loaded at first use and failing at that
            return None
        return binding_of(value, f"{module.__name__}.{name}")

    def names() -> Iterable[str]:
        return [n for n in dir(module) if not n.startswith("_")]

    return PackBinding(module.__name__, member, names)


def snapshot(value: Any) -> Any:
    """The value as it is now: containers are copied, since the module may change them after the flow was compiled."""
    return _copied(value, {})


def _copied(value: Any, known: dict[int, Any]) -> Any:
    """``known``: the containers met so far, since one may be held often, or hold itself."""
    kind = type(value)
    if kind not in (list, dict, set, tuple):
        return value
    if id(value) in known:
        return known[id(value)]
    if kind is list:
        items: list[Any] = []
        known[id(value)] = items
        items.extend(_copied(item, known) for item in value)
        return items
    if kind is dict:
        pairs: dict[Any, Any] = {}
        known[id(value)] = pairs
        pairs.update((k, _copied(v, known)) for k, v in value.items())
        return pairs
    known[id(value)] = found = set(value) if kind is set else tuple(_copied(item, known) for item in value)
    return found
