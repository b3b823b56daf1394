"""What converts to what: the hooks that tell ``cattrs`` how values are made of what comes from outside.

One converter is one set of rules; :mod:`.convert` decides which classes share one, and reads what went wrong.
"""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import os
import pathlib
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import cattrs
from cattrs.cols import list_structure_factory
from cattrs.errors import BaseValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn

from .convert import describe
from .durations import parse_duration
from .nearest import nearest


class Mismatch(ValueError):
    """One part of a value does not fit; its text is the whole message."""


@attrs.frozen
class OrderedUnion:
    """A union as a hint. ``typing.Union`` forgets the order of its members, and here the first that fits counts."""

    members: tuple[Any, ...]


def _wrong(expected: str, value: Any, why: str = "") -> Mismatch:
    return Mismatch(f"expected {expected}, found {describe(value)}{f': {why}' if why else ''}")


def _instance(expected: type, *accepted: type) -> Callable[[Any, Any], Any]:
    """A hook that takes instances alone; for a subclass (``class Sku(str)``) it builds one from the plain value."""

    def hook(value: Any, wanted: Any) -> Any:
        if isinstance(value, wanted if isinstance(wanted, type) else expected):
            return value
        if not isinstance(value, (expected, *accepted)):
            raise _wrong(getattr(wanted, "__name__", expected.__name__), value)
        return value if wanted is expected else wanted(value)

    return hook


def _float(value: Any, wanted: Any) -> Any:
    if isinstance(value, wanted):
        return value
    if not isinstance(value, int):
        raise _wrong("float", value)
    try:
        return wanted(value)
    except OverflowError:
        raise _wrong("float", value, "it is too large") from None


def _iso(cls: Any, example: str) -> Callable[[Any, Any], Any]:
    def hook(value: Any, _: Any) -> Any:
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            try:
                return cls.fromisoformat(value)
            except ValueError:
                pass
        raise _wrong(f"a {cls.__name__} such as {example!r}", value)

    return hook


def _timedelta(value: Any, _: Any) -> dt.timedelta:
    if isinstance(value, dt.timedelta):
        return value
    try:
        if isinstance(value, str):
            return parse_duration(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return dt.timedelta(seconds=value)
    except (ValueError, OverflowError):
        pass
    raise _wrong("a duration such as '1h30m', or seconds", value)


def _decimal(value: Any, _: Any) -> decimal.Decimal:
    if isinstance(value, decimal.Decimal):
        return value
    try:
        if isinstance(value, (int, str)) and not isinstance(value, bool):
            return decimal.Decimal(value)
        if isinstance(value, float):  # the digits a person sees: JSON has no other way to write 9.95
            return decimal.Decimal(repr(value))
    except decimal.InvalidOperation:
        pass
    raise _wrong("a decimal number such as '9.95'", value)


def _path(value: Any, wanted: Any) -> Any:
    if isinstance(value, wanted):
        return value
    if isinstance(value, (str, os.PathLike)) and "\0" not in str(value):
        return wanted(value)
    raise _wrong("a path", value)


def _enum(value: Any, wanted: Any) -> Any:
    if isinstance(value, wanted):
        return value
    try:
        return wanted(value)
    except ValueError:
        if isinstance(value, str) and value in wanted.__members__:
            return wanted[value]
        raise _wrong(" | ".join(repr(m.value) for m in wanted), value) from None


def _literal(value: Any, wanted: Any) -> Any:
    for choice in typing.get_args(wanted):
        if choice.__class__ is value.__class__ and choice == value:
            return value
        if isinstance(choice, enum.Enum) and choice.value == value:
            return choice
    raise _wrong(" | ".join(map(repr, typing.get_args(wanted))), value, near_choice(value, typing.get_args(wanted)))


def near_choice(value: Any, choices: typing.Iterable[Any]) -> str:
    """The words that offer the choice most like ``value``; empty where none is."""
    if not isinstance(value, str):
        return ""
    near = nearest(value, [c for c in choices if isinstance(c, str)], 1)
    return f"did you mean {near[0]!r}?" if near else ""


def _none(value: Any, _: Any) -> None:
    if value is not None:
        raise _wrong("None", value)


_SEQUENCES = (list, tuple, range, abc.Sequence)


def _guarded(accepted: tuple[type, ...], factory: Callable[[Any, cattrs.Converter], Any], what: str) -> Any:
    """A container's hook that looks at the container itself first: no string passes for a list of characters."""

    def make(wanted: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
        inner = factory(wanted, converter)

        def hook(value: Any, _: Any) -> Any:
            if not isinstance(value, accepted) or isinstance(value, (str, bytes, bytearray)):
                raise _wrong(what, value)
            return inner(value, wanted)

        return hook

    return make


def _mapping_factory(wanted: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    key_type, item_type = typing.get_args(wanted) or (Any, Any)
    key_hook, item_hook = _later(converter, key_type), _later(converter, item_type)

    def key(value: Any) -> Any:
        try:
            return key_hook(value, key_type)
        except (ValueError, TypeError, BaseValidationError):
            if not isinstance(value, str):
                raise
            from .textvalues import plain_text  # JSON's keys are strings, whatever they mean

            return key_hook(plain_text(value, key_type), key_type)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _wrong("a dict", value)
        return {
            _within(lambda k, _: key(k), k, key_type, k): _within(item_hook, v, item_type, k) for k, v in value.items()
        }

    return hook


def _later(converter: cattrs.Converter, hint: Any) -> Callable[[Any, Any], Any]:
    """The hook for a hint, made at its first use: records may name one another."""
    made: list[Callable[[Any, Any], Any]] = []

    def hook(value: Any, wanted: Any) -> Any:
        if not made:
            made.append(converter.get_structure_hook(hint))
        return made[0](value, wanted)

    return hook


def _within(hook: Callable[[Any, Any], Any], value: Any, type: Any, index: Any) -> Any:
    try:
        return hook(value, type)
    except Exception as error:
        error.add_note(IterableValidationNote("", index, type))
        raise


def _tuple_factory(wanted: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    args = typing.get_args(wanted) or (Any, ...)
    if args[-1] is Ellipsis:
        to_list = list_structure_factory(list[args[0]], converter)  # type: ignore[valid-type]
        return lambda value, _: tuple(to_list(value, wanted))
    hooks = [_later(converter, arg) for arg in args]

    def hook(value: Any, _: Any) -> Any:
        if len(value) != len(hooks):
            msg = f"expected {len(hooks)} items, found {len(value)}"
            raise Mismatch(msg)
        return tuple(_within(h, v, a, i) for i, (h, v, a) in enumerate(zip(hooks, value, args, strict=True)))

    return hook


def _set_factory(wanted: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    origin, (item, *_) = typing.get_origin(wanted) or wanted, typing.get_args(wanted) or (Any,)
    to_list = list_structure_factory(list[item], converter)  # type: ignore[valid-type]
    return lambda value, _: origin(to_list(value, wanted))


def _list_factory(wanted: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    item, *_ = typing.get_args(wanted) or (Any,)
    return list_structure_factory(list[item], converter)  # type: ignore[valid-type]


def _union_factory(wanted: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    """A value that is an instance of a member stays; else the first member that it converts to."""
    members = wanted.members if isinstance(wanted, OrderedUnion) else typing.get_args(wanted)
    hooks = [(member, _later(converter, member)) for member in members]

    def hook(value: Any, _: Any) -> Any:
        for member in members:
            if member.__class__ is type and value.__class__ is member and not typing.get_args(member):
                return value
        failures: list[Exception] = []
        for member, inner in hooks:
            try:
                return inner(value, member)
            except (ValueError, TypeError, BaseValidationError) as error:
                failures.append(error)
        # Where one member alone takes a value of this shape, its own problems say more than the list of choices.
        telling = [f for f in failures if isinstance(f, BaseValidationError)]
        if len(telling) == 1:
            raise telling[0]
        if len(failures) == 2 and types.NoneType in members:
            raise failures[1 - members.index(types.NoneType)]
        raise _wrong(" | ".join(_hint_name(m) for m in members), value)

    return hook


def _hint_name(hint: Any) -> str:
    return (
        "None"
        if hint is types.NoneType
        else getattr(hint, "__name__", str(hint))
        if isinstance(hint, type)
        else str(hint)
    )


def _record_factory(wanted: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    """A record from a mapping. cattrs builds it and finds what is wrong within; missing fields are named here."""
    cls: Any = typing.get_origin(wanted) or wanted
    parameters: tuple[Any, ...] = getattr(cls, "__parameters__", ())
    if wanted is cls and parameters:  # generic, and what of is not known
        bounds = (getattr(p, "__bound__", None) for p in parameters)
        wanted = cls[tuple(b if isinstance(b, type) else Any for b in bounds)]

    @functools.cache
    def inner() -> Callable[[Any, Any], Any]:
        return make_dict_structure_fn(
            wanted, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True
        )

    def hook(value: Any, _: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise _wrong(cls.__name__, value)
        return inner()(dict(value), wanted)

    return hook


def _other_class(wanted: Any, _: cattrs.Converter) -> Callable[[Any, Any], Any]:
    def hook(value: Any, _: Any) -> Any:
        try:
            fits = isinstance(value, typing.get_origin(wanted) or wanted)
        except TypeError:  # a protocol, or a form of typing that cannot be asked
            return value
        if not fits:
            raise _wrong(getattr(wanted, "__name__", str(wanted)), value)
        return value

    return hook


def _is_record(hint: Any) -> bool:
    cls = typing.get_origin(hint) or hint
    return isinstance(cls, type) and (attrs.has(cls) or dataclasses.is_dataclass(cls))


def _origin_in(*origins: Any) -> Callable[[Any], bool]:
    return lambda hint: (typing.get_origin(hint) or hint) in origins


def make_converter() -> cattrs.Converter:
    """A fresh ``cattrs`` converter with the rules of this module."""
    c = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    factory: Any = c.register_structure_hook_factory
    # Later registrations are asked first.
    factory(lambda t: isinstance(t, type) and not typing.is_typeddict(t), _other_class)
    factory(_is_record, _record_factory)
    factory(_origin_in(set, frozenset), _guarded((abc.Set, *_SEQUENCES), _set_factory, "a list"))
    factory(_origin_in(tuple), _guarded(_SEQUENCES, _tuple_factory, "a list"))
    factory(
        _origin_in(list, abc.Sequence, abc.Collection, abc.Iterable, abc.MutableSequence),
        _guarded((*_SEQUENCES, abc.ValuesView, abc.KeysView, abc.ItemsView), _list_factory, "a list"),
    )
    factory(_origin_in(dict, abc.Mapping, abc.MutableMapping), _mapping_factory)
    factory(_origin_in(typing.Union, types.UnionType), _union_factory)
    factory(lambda t: isinstance(t, OrderedUnion), _union_factory)
    plain: Any = c.register_structure_hook_func
    plain(_origin_in(typing.Literal), _literal)
    plain(_origin_in(None, types.NoneType), _none)
    plain(lambda t: isinstance(t, type) and issubclass(t, enum.Enum), _enum)
    for cls, hook in _LEAVES.items():
        c.register_structure_hook(cls, hook)
    c.register_structure_hook(enum.IntEnum, _enum)
    c.register_structure_hook(enum.StrEnum, _enum)
    return c


_LEAVES: dict[Any, Callable[[Any, Any], Any]] = {
    str: _instance(str),
    bytes: _instance(bytes, bytearray),
    bool: _instance(bool),
    int: _instance(int),
    float: _float,
    complex: _instance(complex, int, float),
    dt.date: _iso(dt.date, "2026-01-31"),
    dt.datetime: _iso(dt.datetime, "2026-01-31T08:30:00"),
    dt.time: _iso(dt.time, "08:30:00"),
    dt.timedelta: _timedelta,
    decimal.Decimal: _decimal,
    pathlib.PurePath: _path,
    pathlib.Path: _path,
}
