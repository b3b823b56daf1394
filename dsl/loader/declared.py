"""What an import declares of the node that it imports: ``from "./util.py" import slug with pure=True``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from ...compiler.spec import LIMITS, Retry
from .. import syntax
from ..declaring import no_version
from ..keys import unique_key
from ..nodes import (
    DECLARED,
    EFFECTS,
    RUNTIME,
    check_declared,
    check_function,
    check_seek,
    effects_of,
    key_of,
    policy_of,
    runtime_of,
)
from ..scope import Binding, ClassBinding, FlowBinding, NodeBinding
from .constants import Evaluator, NotConstant

IMPORTABLE = tuple(name for name in DECLARED if name not in RUNTIME or name in LIMITS)
"""What names a program or a library is said in Python alone: text calls what it may import, and nothing else."""

RETRY = ("times", "backoff", "max", "jitter", "on")


def read_options(
    options: tuple[syntax.Option, ...], evaluator: Evaluator, lookup: Callable[[str], Binding | None]
) -> dict[str, Any]:
    """The keywords that an import's options write, as ``@node(...)`` would get them; ``undo`` is a
    :data:`~..scope.Binding`.

    Raises
    ------
    NotConstant: a value is not one that can be known while loading, or the option does not exist.
    """
    declared: dict[str, Any] = {}
    for option in options:
        if option.name not in IMPORTABLE:
            raise NotConstant(
                f"an import cannot declare {option.name!r}", option.span, f"it can declare {', '.join(IMPORTABLE)}"
            )
        if option.name in declared:
            raise NotConstant(f"{option.name!r} is declared twice", option.span, "leave one of them out")
        declared[option.name] = _value(option, evaluator, lookup)
    return declared


def _value(option: syntax.Option, evaluator: Evaluator, lookup: Callable[[str], Binding | None]) -> Any:
    match option.name, option.value:
        case "undo", syntax.Name(id=name):
            binding = lookup(name)
            if isinstance(binding, (NodeBinding, FlowBinding)):
                return binding
            raise NotConstant(
                f"undo= names a node or a flow, and {name!r} is none", option.span, "import it above this line"
            )
        case "undo", _:
            raise NotConstant("undo= of an import names a node or a flow", option.span, "write undo f(...) at the call")
        case "retry", syntax.Call(func=syntax.Name(id="Retry")) as call:
            return _retry(call, evaluator, lookup)
        case _, syntax.UndoCall():
            raise NotConstant(f"{option.name}= is not a call", option.span)
        case _, value:
            return evaluator.constant(value)


def _retry(call: syntax.Call, evaluator: Evaluator, lookup: Callable[[str], Binding | None]) -> Retry:
    given: dict[str, Any] = {name: evaluator.constant(value) for name, value in zip(RETRY, call.args, strict=False)}
    for keyword in call.keywords:
        if keyword.name == "on":
            given["on"] = _classes(keyword.value, lookup)
        elif keyword.name in RETRY:
            given[keyword.name] = evaluator.constant(keyword.value)
        else:
            raise NotConstant(f"Retry has no {keyword.name!r}", call.span, f"it has {', '.join(RETRY)}")
    try:
        return Retry(**given)
    except (TypeError, ValueError) as error:
        raise NotConstant(str(error), call.span) from None


def _classes(expr: syntax.Expr, lookup: Callable[[str], Binding | None]) -> Any:
    parts = expr.items if isinstance(expr, syntax.Display) else (expr,)
    found = []
    for part in parts:
        binding = lookup(part.id) if isinstance(part, syntax.Name) else None
        if not isinstance(binding, ClassBinding):
            raise NotConstant("on= names an exception class, or a tuple of them", expr.span)
        found.append(binding.cls)
    return None if None in found else tuple(found) if len(found) > 1 else found[0]


def redeclare(binding: NodeBinding, declared: Mapping[str, Any]) -> NodeBinding:
    """The node with these declarations laid over its own: what is said of its effects replaces them, policies go key by
    key.

    Raises
    ------
    TypeError, ValueError: a value of the wrong kind, or declarations that contradict each other.
    """
    if binding.others and "version" in declared:  # which of them, and not what it is to be called
        binding = pinned(binding, declared["version"])
        declared = {name: value for name, value in declared.items() if name != "version"}
    given = {name: value for name, value in declared.items() if name != "undo"}
    check_declared(given)
    if binding.fn is not None:
        check_function(binding.fn, given)
    undo = declared.get("undo", binding.undo)
    policy = {**binding.spec.policy, **policy_of(given)}
    if undo is not None:
        policy["undo"] = key_of(undo)
    spec = binding.spec
    if "runs" in given:
        spec = evolve(spec, runs=given["runs"], runtime=runtime_of(given))
    spec = evolve(
        spec,
        effects=effects_of(given) if any(name in given for name in EFFECTS) else binding.spec.effects,
        policy=policy,
        version=str(given.get("version", binding.spec.version) or ""),
        trusted=binding.spec.trusted and not given,
        seek=given.get("seek", binding.spec.seek) or "",
    )
    check_seek(spec)
    if spec == binding.spec:
        return binding
    owner = binding.fn if binding.fn is not None else binding.spec.key
    return evolve(binding, spec=evolve(spec, key=unique_key(binding.spec.key, owner, spec)), undo=undo)


def pinned(binding: NodeBinding, version: object) -> NodeBinding:
    """One of the versions of a node.

    Raises
    ------
    ValueError: it has none of that name.
    """
    versions = binding.versions()
    found = versions.pop(str(version), None)
    if found is None:
        raise ValueError(no_version(binding.spec.name, version, versions))
    return evolve(found, others=versions)
