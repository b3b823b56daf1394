"""What the tests of stored values share: an equality that sees types, and classes to store."""

from __future__ import annotations

import array
import dataclasses
import enum
import math
from collections import Counter, OrderedDict, deque
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

import attrs


def same(a: Any, b: Any) -> bool:
    """Are they the same value of the same type, in all parts? NaN is the same as NaN, and 0.0 is not -0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, type):
        return a is b
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, Decimal):
        return str(a) == str(b)
    if isinstance(a, (list, tuple, deque)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (dict, OrderedDict)):
        return same(list(a), list(b)) and all(map(same, a.values(), b.values()))
    if isinstance(a, (set, frozenset)):
        return a == b and Counter(map(type, a)) == Counter(map(type, b))
    if isinstance(a, array.array):
        return a.typecode == b.typecode and a.tobytes() == b.tobytes()
    if isinstance(a, BaseException):
        return same(a.args, b.args) and same(a.__dict__, b.__dict__)
    if attrs.has(type(a)) or dataclasses.is_dataclass(a):
        return all(same(getattr(a, f), getattr(b, f)) for f in getattr(a, "__match_args__", ()))
    return bool(a == b)


CALLS: list[str] = []


@dataclasses.dataclass
class Point:
    x: int
    y: Any = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    name: str
    tags: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Hooked:
    """Whoever makes one is heard."""

    n: int
    twice: int = dataclasses.field(init=False)
    start: dataclasses.InitVar[int] = 0

    def __post_init__(self, start: int) -> None:
        CALLS.append("post_init")
        object.__setattr__(self, "twice", 2 * self.n + start)

    def __new__(cls, *args: Any, **kwargs: Any) -> Hooked:
        CALLS.append("new")
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        CALLS.append("setstate")

    @cached_property
    def big(self) -> object:
        return object()


def _checked(*_: Any) -> None:
    CALLS.append("validator")


@attrs.frozen
class Order:
    id: int = attrs.field(validator=_checked)
    lines: list[Any] = attrs.Factory(list)
    _note: str = ""

    def __attrs_post_init__(self) -> None:
        CALLS.append("attrs_post_init")


@attrs.frozen(cache_hash=True)
class Hashed:
    name: str


@attrs.define(slots=False)
class Loose:
    a: int

    @property
    def b(self) -> int:
        return self.a

    @b.setter
    def b(self, value: int) -> None:
        CALLS.append("setter")


@attrs.define
class Base:
    a: int


@attrs.define
class Derived(Base):
    b: str = ""


@dataclasses.dataclass
class Node:
    next: Any = None


class Pair(NamedTuple):
    left: Any
    right: Any = None


class Colour(enum.Enum):
    RED = 1
    BLUE = "b"
    ODD = object()


class Level(enum.IntEnum):
    LOW = 1


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Word(str):
    pass


class Plain:
    def __init__(self) -> None:
        self.a = 1


@dataclasses.dataclass
class Dropped:
    """Somebody's class that does something when it goes."""

    path: str

    def __del__(self) -> None:
        CALLS.append(f"del {self.path}")
