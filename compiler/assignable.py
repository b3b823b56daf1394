"""The relation between types: may a value of one type stand where another is expected?

Owns `assignable` and `join`. Works on symbols alone: what the program's text does not tell (an unread base class, a
type without arguments) is given the benefit of the doubt, so a finding of this module is never a guess. Values do not
change in a flow, so all containers are read covariantly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .operators import BUILTIN_EXCEPTIONS
from .spec import ClassSpec
from .types import ANY, ELLIPSIS, INT, NONE, STR, Type, union

Classes = Mapping[str, ClassSpec]

_WIDER = {
    "bool": ("int", "float", "complex"),
    "int": ("float", "complex"),
    "float": ("complex",),
    "datetime": ("date",),
}
"""Which simple types pass for which others, as Python's type checkers have it."""

_SEQUENCE = ("sequence", "collection", "iterable")
_ITEMS = {
    "list": _SEQUENCE, "tuple": _SEQUENCE, "range": _SEQUENCE, "str": _SEQUENCE, "bytes": _SEQUENCE,
    "sequence": ("collection", "iterable"), "set": ("frozenset", "collection", "iterable"),
    "frozenset": ("set", "collection", "iterable"), "dict": ("mapping", "collection", "iterable"),
    "mapping": ("dict", "collection", "iterable"), "collection": ("iterable",),
}  # fmt: skip
"""Containers, and others that they pass for. ``set`` and ``frozenset``, ``dict`` and ``mapping`` pass for each other: a
flow never changes one, so the difference has no meaning in it."""

_INHERITED = {
    **{name: name for name in ("int", "float", "complex", "str", "bytes", "list", "tuple", "dict", "set", "frozenset")},
    "IntEnum": "int", "IntFlag": "int", "StrEnum": "str",
}  # fmt: skip
"""Built-in classes that a class may inherit from, and the type that its values then pass for."""

_OPAQUE_BASES = frozenset({"object", "BaseException", "Enum", "Flag", "Generic", "NamedTuple"})
"""Other bases that may stand among those of a class; they hide nothing."""

_MAX_LITERALS = 32
_MAX_UNION = 16


def assignable(source: Type, target: Type, classes: Classes) -> bool:
    """May a value of type ``source`` be given where ``target`` is expected?

    Parameters
    ----------
    source, target: the types to compare.
    classes: the classes that the types may name; a class that is missing here is one of which nothing is known.
    """
    if source == target or "any" in (source.name, target.name):
        return True
    if source.name == "union":
        return all(assignable(member, target, classes) for member in source.args)
    if source.name == "literal":
        return all(_literal_fits(value, target, classes) for value in source.args)
    if target.name == "union":
        return any(assignable(source, member, classes) for member in target.args) or _both_bools(source, target)
    if target.name == "literal":
        return source.name == "bool" and _both_bools(source, target)
    if source.name == "class" or target.name == "class":
        return _class_fits(source, target, classes)
    if source.name == target.name:
        return _arguments_fit(source, target, classes)
    if target.name in _WIDER.get(source.name, ()):
        return True
    if target.name in _ITEMS.get(source.name, ()):
        return _items_fit(source, target, classes)
    return not (_known(source) and _known(target))


def join(types: Iterable[Type]) -> Type:
    """The narrowest type that all of ``types`` pass for; ``Any`` where there are none, or too many to say.

    Containers of one kind are joined item by item: ``[1, "a"]`` is a ``list[int | str]``.
    """
    members: list[Type] = []
    for given in types:
        for member in given.args if given.name == "union" else (given,):
            if member == ANY:
                return ANY
            _add(members, member)
            if len(members) > _MAX_UNION:
                return ANY
    return union(*members) if members else ANY


def _add(members: list[Type], new: Type) -> None:
    """Put ``new`` into the union ``members``, merged with a member of its kind or left out where one says more."""
    for i, old in enumerate(members):
        merged = _merge(old, new)
        if merged is not None:
            rest = members[i + 1 :]
            members[i:] = []
            _add(members, merged) if merged != old else members.append(old)
            for member in rest:
                _add(members, member)
            return
    members.append(new)


def _merge(a: Type, b: Type) -> Type | None:
    """One type for both, where that loses nothing worth keeping; else None."""
    if a == b:
        return a
    if a.name == b.name == "literal":
        values = tuple(_distinct((*a.args, *b.args)))
        return Type("literal", values) if len(values) <= _MAX_LITERALS else join(literal_type(v) for v in values)
    for narrow, wide in ((a, b), (b, a)):
        if narrow.name == "literal" and all(literal_type(v) == wide for v in narrow.args):
            return wide
        if (
            wide.name in ("int", "float")
            and narrow.name in ("bool", "int")
            and wide.name in _WIDER.get(narrow.name, ())
        ):
            return wide
    if a.name != b.name or a.name in ("class", "union"):
        return None
    if a.name != "tuple" and not (a.args and b.args):
        return Type(a.name)
    if a.name == "tuple" and (len(a.args) != len(b.args) or ELLIPSIS in (*a.args, *b.args)):
        return Type("tuple", (join((*_items(a), *_items(b))), ELLIPSIS))
    if len(a.args) == len(b.args) and all(isinstance(x, Type) for x in (*a.args, *b.args)):
        return Type(a.name, tuple(join((x, y)) for x, y in zip(a.args, b.args, strict=True)))
    return None


def literal_type(value: object) -> Type:
    """The type of a literal's value."""
    return NONE if value is None else Type(type(value).__name__)


def bases_of(key: str, classes: Classes) -> Iterator[str]:
    """``key`` and the keys of its bases, all of them, as far as they are known; built-in exceptions know theirs."""
    seen: set[str] = set()
    todo = [key]
    while todo:
        name = todo.pop(0)
        if name in seen:
            continue
        seen.add(name)
        yield name
        spec = classes.get(name)
        if spec is not None:
            todo.extend(spec.bases)
        elif name in BUILTIN_EXCEPTIONS:
            todo.extend(base.__name__ for base in BUILTIN_EXCEPTIONS[name].__mro__[1:-1])


def _literal_fits(value: object, target: Type, classes: Classes) -> bool:
    match target.name:
        case "literal":
            return any(type(value) is type(v) and value == v for v in target.args)
        case "union":
            return any(_literal_fits(value, member, classes) for member in target.args)
    return assignable(literal_type(value), target, classes)


def _both_bools(source: Type, target: Type) -> bool:
    """``bool`` passes for ``True | False``."""
    parts = target.args if target.name == "union" else (target,)
    values = {v for part in parts if part.name == "literal" for v in part.args if isinstance(v, bool)}
    return source.name == "bool" and len(values) == 2


def _class_fits(source: Type, target: Type, classes: Classes) -> bool:
    if source.name != "class":
        # A built-in value where a class is expected: only a class of which something is unknown (a protocol, an
        # abstract class) may fit.
        return source.name != "none" and (not _known(source) or not _fully_known(target.args[0], classes))
    key = source.args[0]
    bases = list(bases_of(key, classes))
    if target.name == "class":
        if target.args[0] in bases:
            return True
    elif any(base in _INHERITED and assignable(Type(_INHERITED[base]), target, classes) for base in bases):
        return True
    elif target.name == "none":
        return False
    # Nothing known about a base of the one, or about the other: it may well fit.
    return not _fully_known(key, classes) or (target.name == "class" and not _fully_known(target.args[0], classes))


def _fully_known(key: str, classes: Classes) -> bool:
    """Are the class and all its bases known?"""
    return all(
        name in classes or name in BUILTIN_EXCEPTIONS or name in _INHERITED or name in _OPAQUE_BASES
        for name in bases_of(key, classes)
    )


def _arguments_fit(source: Type, target: Type, classes: Classes) -> bool:
    if not source.args or not target.args:
        return True
    if source.name == "tuple":
        return _tuple_fits(source, target, classes)
    return len(source.args) == len(target.args) and all(
        assignable(a, b, classes) if isinstance(a, Type) and isinstance(b, Type) else a == b
        for a, b in zip(source.args, target.args, strict=True)
    )


def _tuple_fits(source: Type, target: Type, classes: Classes) -> bool:
    if target.args[-1] == ELLIPSIS:
        return all(assignable(item, target.args[0], classes) for item in _items(source))
    if source.args[-1] == ELLIPSIS:
        return all(assignable(source.args[0], item, classes) for item in target.args)
    return len(source.args) == len(target.args) and all(
        assignable(a, b, classes) for a, b in zip(source.args, target.args, strict=True)
    )


def _items_fit(source: Type, target: Type, classes: Classes) -> bool:
    """A container for another kind of container: by what it holds."""
    if {source.name, target.name} == {"dict", "mapping"}:
        return _arguments_fit(source, Type(source.name, target.args), classes)
    return not target.args or all(assignable(item, target.args[0], classes) for item in _items(source))


def _items(container: Type) -> tuple[Type, ...]:
    """The types of what going through a container gives."""
    match container.name:
        case "str":
            return (STR,)
        case "bytes" | "range":
            return (INT,)
        case "tuple":
            return tuple(item for item in container.args if item != ELLIPSIS)
    return container.args[:1]


def _known(type_: Type) -> bool:
    """Is the type one that this relation knows all about?"""
    return type_.name in _KNOWN


def _distinct(values: Iterable[object]) -> Iterator[object]:
    seen: set[tuple[type, object]] = set()
    for value in values:
        if (type(value), value) not in seen:
            seen.add((type(value), value))
            yield value


_KNOWN = frozenset(
    """none bool int float complex str bytes list tuple dict set frozenset range date datetime time timedelta Decimal
    Path sequence collection iterable mapping stream collected literal union""".split()
)
