"""Types as symbols: what the checker reasons about without importing anything.

Real Python classes never appear here, so a program can be checked from its text alone; the
link between a class's key and the class itself travels beside the graph (:mod:`.spec`).
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, field, frozen


def _exactly(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """What two types compare of their arguments: the literals ``1`` and ``True`` are two."""
    return tuple((type(arg), arg) for arg in args)


@frozen(cache_hash=True)
class Type:
    """A type constructor with its arguments.

    ``name`` is ``any``, ``none``, a built-in's name (``int``, ``list``, ``dict``, ``date``, ...),
    ``union`` (arguments are the members), ``literal`` (arguments are the values), ``stream`` (one
    argument), ``collected`` (one argument), ``tuple`` (``args[-1] is ELLIPSIS`` for a homogeneous one), ``class``
    (one argument: the key of a :class:`~.spec.ClassSpec`).
    """

    name: str
    args: tuple[Any, ...] = field(default=(), eq=_exactly)

    def __str__(self) -> str:
        match self.name:
            case "any":
                return "Any"
            case "none":
                return "None"
            case "union":
                return " | ".join(map(str, self.args))
            case "literal":
                return " | ".join(map(repr, self.args))
            case "class":
                return str(self.args[0])
            case "collected":
                return f"Collected[{self.args[0]}]"
        if not self.args:
            return self.name
        args = [str(arg) for arg in self.args]
        return f"{self.name}[{', '.join(args)}]" if all(args) else self.name  # nothing is known of what is in `{}`


ANY = Type("any")
NONE = Type("none")
BOOL = Type("bool")
INT = Type("int")
FLOAT = Type("float")
STR = Type("str")
BYTES = Type("bytes")
ELLIPSIS = Type("...")


def size_up_to(type_: Type, most: int) -> int:
    """How many constructors the type has when written out; counting stops at ``most``."""
    count, work = 0, [type_]
    while work and count < most:
        count += 1
        work += [arg for arg in work.pop().args if isinstance(arg, Type)]
    return count


def list_of(item: Type) -> Type:
    return Type("list", (item,))


def stream_of(item: Type) -> Type:
    return Type("stream", (item,))


def class_type(key: str) -> Type:
    return Type("class", (key,))


def union(*members: Type) -> Type:
    """The union of the members, flattened and without repeats; ``Any`` swallows the rest, literals become one
    member."""
    flat: list[Type] = []
    for member in members:
        for part in member.args if member.name == "union" else (member,):
            if part == ANY:
                return ANY
            at = next((i for i, old in enumerate(flat) if old.name == part.name == "literal"), None)
            if at is not None:
                flat[at] = Type("literal", _distinct((*flat[at].args, *part.args)))
            elif part not in flat:
                flat.append(part)
    return flat[0] if len(flat) == 1 else Type("union", tuple(flat))


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values without repeats; ``1`` and ``True`` are two."""
    return tuple({(type(value), value): value for value in values}.values())


@frozen(cache_hash=True)
class Signature:
    """How something is called: parameters in order, and what it returns."""

    params: tuple[Parameter, ...] = ()
    returns: Type = ANY
    known: bool = True
    """False where nothing can be said: every call fits."""

    def without_first(self) -> Signature:
        """How it is called where somebody else gives the first argument.

        Raises
        ------
        ValueError: it takes none by position.
        """
        if not self.known or (self.params and self.params[0].kind == "var_pos"):
            return self
        if not self.params or self.params[0].kind not in ("pos", "pos_or_kw"):
            msg = "there is no first parameter"
            raise ValueError(msg)
        return evolve(self, params=self.params[1:])


@frozen(cache_hash=True)
class Parameter:
    """One parameter; ``kind`` as in :mod:`inspect`: ``pos``, ``pos_or_kw``, ``var_pos``, ``kw``, ``var_kw``."""

    name: str
    type: Type = ANY
    kind: str = "pos_or_kw"
    required: bool = True
    default: Any = field(default=None, eq=False)
