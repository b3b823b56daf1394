"""The inputs of a run, bound to the parameters of a flow: all that is wrong with them is told in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

from .convert import EXACT, Classes, ConversionError, convert
from .diagnostics import InputError, Problem
from .ir import Const, FlowParam
from .nearest import nearest
from .textvalues import parse_text
from .types import Type, list_of


class Param(Protocol):
    """What is asked of a parameter: an :class:`~.ir.FlowParam` or a :class:`~.types.Parameter`."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> Type: ...
    @property
    def kind(self) -> str: ...
    @property
    def required(self) -> bool: ...


Converter = Callable[[Any, Type, Classes], Any]


def bind_inputs(
    params: Sequence[Param], args: Sequence[Any], kwargs: Mapping[str, Any], classes: Classes, *, name: str = "the flow"
) -> dict[str, Any]:
    """The values of the parameters that were given, converted to their types; a parameter left out is not in the
    result.

    Parameters
    ----------
    params: the flow's parameters in order.
    args, kwargs: what the caller gave.
    classes: the real classes behind the keys in the parameters' types.
    name: the flow's, for messages.

    Raises
    ------
    InputError: its ``.problems`` list every missing, unknown and wrong input.
    """
    return _bind(params, args, {key: (value, convert) for key, value in kwargs.items()}, classes, name)


def bind_again(
    params: Sequence[Param], bound: Mapping[str, Any], classes: Classes, *, name: str = "the flow"
) -> dict[str, Any]:
    """What :func:`bind_inputs` gave, for the parameters as they are by now.

    Raises
    ------
    InputError: as :func:`bind_inputs`.
    """
    spread = {p.name for p in params if p.kind == "var_kw" and isinstance(bound.get(p.name), Mapping)}
    given = {key: value for key, value in bound.items() if key not in spread}
    for key in spread:
        given.update(bound[key])
    return _bind(params, (), {key: (value, convert) for key, value in given.items()}, classes, name, by_name=True)


Binder = Callable[..., "tuple[Any, ...] | None"]
"""Called with the inputs: the values of all parameters in order, or None where an input needs a closer look."""


def binder(params: Sequence[FlowParam]) -> Binder | None:
    """A function with a flow's own parameters, which looks at the classes of its arguments and at nothing else; None
    for parameters that need more than that (``*args``, types with parts, defaults that are computed).

    Parameters
    ----------
    params: the flow's.
    """
    own = "_"
    while any(p.name.startswith(own) for p in params):
        own += "_"
    names: dict[str, Any] = {}
    heads: list[str] = []
    tests: list[str] = []
    for number, param in enumerate(params):
        exact = EXACT.get(param.type.name) if not param.type.args else None
        if param.kind != "pos_or_kw" or (exact is None and param.type.name != "any") or not param.name.isidentifier():
            return None
        default = ""
        if not param.required:
            if not isinstance(param.default, Const):
                return None
            names[f"{own}d{number}"] = param.default.value
            default = f"={own}d{number}"
        heads.append(param.name + default)
        if exact is not None:
            names[f"{own}c{number}"] = exact
            tests.append(f"{param.name}.__class__ is {own}c{number}")
    given = "".join(f"{p.name}, " for p in params)
    source = f"lambda {', '.join(heads)}: ({given}) if {' and '.join(tests) or 'True'} else None"
    return cast(Binder, eval(source, names))


def bind_texts(
    params: Sequence[Param],
    texts: Mapping[str, str],
    values: Mapping[str, Any],
    classes: Classes,
    *,
    name: str = "the flow",
) -> dict[str, Any]:
    """As :func:`bind_inputs`, for a command line: ``texts`` are the ``name=value`` pairs, laid over ``values`` from a
    JSON file. There every parameter is given by its name: ``xs`` a list for ``*xs``, and ``**kw`` takes the other
    names."""
    given: dict[str, tuple[Any, Converter]] = {key: (value, convert) for key, value in values.items()}
    given.update({key: (text, parse_text) for key, text in texts.items()})
    return _bind(params, (), given, classes, name, by_name=True)


def as_call(params: Sequence[FlowParam], bound: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call, by position and by keyword, that gives the parameters these values.

    Parameters
    ----------
    params: the flow's. bound: the values, as :func:`bind_texts` gives them.

    Raises
    ------
    InputError: a parameter that only running the program gives its value was left out before one that goes by position.
    """
    by_place = [p for p in params if p.kind in ("pos", "pos_or_kw")]
    rest = next((bound.get(p.name, ()) for p in params if p.kind == "var_pos"), ())
    last = len(by_place)
    while not rest and last and (by_place[last - 1].kind == "pos_or_kw" or by_place[last - 1].name not in bound):
        last -= 1
    args: list[Any] = []
    for param in by_place[:last]:
        if param.name in bound:
            args.append(bound[param.name])
        elif isinstance(param.default, Const):
            args.append(param.default.value)
        else:
            problem = Problem(param.name, "missing: inputs after it go by position")
            raise InputError(_message("the flow", [problem]), (problem,))
    kwargs = {p.name: bound[p.name] for p in params if p.kind in ("pos_or_kw", "kw") and p.name in bound}
    for param in by_place[:last]:
        kwargs.pop(param.name, None)
    for param in params:
        if param.kind == "var_kw":
            kwargs.update(bound.get(param.name, {}))
    return (*args, *rest), kwargs


def _bind(
    params: Sequence[Param],
    args: Sequence[Any],
    given: dict[str, tuple[Any, Converter]],
    classes: Classes,
    name: str,
    *,
    by_name: bool = False,
) -> dict[str, Any]:
    bound: dict[str, Any] = {}
    problems: list[Problem] = []

    def take(param: Param, value: Any, converter: Converter, path: str = "", type: Type | None = None) -> Any:
        try:
            return converter(value, type or param.type, classes)
        except ConversionError as error:
            base = path or param.name
            for p in error.problems:
                dot = "." if p.name and not p.name.startswith("[") else ""
                problems.append(Problem(f"{base}{dot}{p.name}", p.message))
            return None

    rest = list(args)
    for param in params:
        if param.kind == "var_pos" and by_name and param.name in given:
            bound[param.name] = tuple(take(param, *given.pop(param.name), type=list_of(param.type)) or ())
        elif param.kind == "var_pos":
            bound[param.name] = tuple(take(param, v, convert, f"{param.name}[{i}]") for i, v in enumerate(rest))
            rest = []
        elif param.kind == "var_kw":
            continue
        elif param.kind in ("pos", "pos_or_kw") and rest:
            if param.kind == "pos_or_kw" and param.name in given:
                problems.append(Problem(param.name, "given twice: by position and by name"))
                del given[param.name]
            bound[param.name] = take(param, rest.pop(0), convert)
        elif (by_name or param.kind != "pos") and param.name in given:
            bound[param.name] = take(param, *given.pop(param.name))
        elif param.required:
            problems.append(Problem(param.name, f"missing ({param.type})" if param.type.name != "any" else "missing"))
    spread = next((p for p in params if p.kind == "var_kw"), None)
    if spread is not None:
        bound[spread.name] = {key: take(spread, *value, path=key) for key, value in given.items()}
    else:
        names = [p.name for p in params if by_name or p.kind != "var_pos"]
        problems += [Problem(key, _unknown(key, names, bound, name)) for key in given]
    if rest:
        most = len(args) - len(rest)
        problems.append(Problem(f"[{most}]", f"{name} takes at most {most} inputs by position, {len(args)} were given"))
    if problems:
        raise InputError(_message(name, problems), tuple(problems))
    return bound


def _unknown(key: str, names: Iterable[str], bound: Mapping[str, Any], flow: str) -> str:
    names = list(names)
    near = nearest(key, [n for n in names if n not in bound], 1) or nearest(key, names, 1)
    if near:
        return f"{flow} has no input of this name: did you mean {near[0]!r}?"
    return f"{flow} has no input of this name" + (f" (it has {', '.join(names)})" if names else " (it takes none)")


def _message(name: str, problems: Sequence[Problem]) -> str:
    head = f"the inputs do not fit {name}"
    if len(problems) == 1:
        return f"{head}: {problems[0].name}: {problems[0].message}"
    return "\n".join([f"{head}:", *(f"  {p.name}: {p.message}" for p in problems)])
