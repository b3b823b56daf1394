"""Real annotations, classes and values to types."""

from __future__ import annotations

import abc
import collections
import collections.abc
import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import typing
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, Protocol, TypedDict, TypeVar, Union

import attrs
import pytest

from cflow import Collected
from cflow.compiler.types import ANY
from cflow.dsl.hints import class_binding, class_spec, signature_of, type_of, type_of_value

T = TypeVar("T")
B = TypeVar("B", bound=int)
C = TypeVar("C", list[int], str)
UserId = NewType("UserId", int)


@dataclasses.dataclass(kw_only=True)
class Order:
    id: int
    tags: list[str] = dataclasses.field(default_factory=list)
    parent: Order | None = None
    seen: bool = dataclasses.field(default=False, init=False)


@attrs.frozen
class Point:
    x: float
    _y: int = 0
    label: str = attrs.field(default="", converter=str)


class Pair(NamedTuple):
    left: int
    right: str = ""


class Declined(ValueError):
    pass


class Late(Declined, OSError):
    pass


class Plain:
    pass


class Sub(Plain, dict):  # type: ignore[type-arg]
    pass


class Color(enum.Enum):
    RED = 1


class Movie(TypedDict):
    name: str


class Readable(Protocol):
    def read(self) -> str: ...


class Box(typing.Generic[T]):
    pass


ORDER, POINT, PAIR = (f"{__name__}.{n}" for n in ("Order", "Point", "Pair"))


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (None, "None"),
        (type(None), "None"),
        (int, "int"),
        (dt.date, "date"),
        (dt.datetime, "datetime"),
        (dt.timedelta, "timedelta"),
        (decimal.Decimal, "Decimal"),
        (pathlib.Path, "Path"),
        (pathlib.PurePath, "Path"),
        (object, "Any"),
        (Any, "Any"),
        (list, "list[Any]"),
        (dict, "dict[Any, Any]"),
        (tuple, "tuple[Any, ...]"),
        (list[int], "list[int]"),
        (typing.List[int], "list[int]"),  # noqa: UP006
        (dict[str, list[int]], "dict[str, list[int]]"),
        (set[str], "set[str]"),
        (frozenset[str], "frozenset[str]"),
        (tuple[int, str], "tuple[int, str]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (tuple[()], "tuple"),
        (int | str | None, "int | str | None"),
        (Optional[int], "int | None"),  # noqa: UP045
        (Union[int, str, int], "int | str"),  # noqa: UP007
        (int | Any, "Any"),
        (Literal["a", "b"], "'a' | 'b'"),
        (Literal["a", 1, None], "'a' | 1 | None"),
        (Literal[None], "None"),
        (Literal[Color.RED], "Any"),
        (Annotated[int, "said"], "int"),
        (typing.Final[int], "int"),
        (T, "Any"),
        (B, "int"),
        (C, "list[int] | str"),
        (list[C], "list[list[int] | str]"),
        (UserId, "int"),
        (collections.abc.Sequence[int], "sequence[int]"),
        (collections.abc.Sequence, "sequence[Any]"),
        (typing.Iterable[int], "iterable[int]"),
        (collections.abc.Mapping[str, int], "mapping[str, int]"),
        (collections.abc.Iterator[int], "stream[int]"),
        (collections.abc.AsyncIterator[int], "stream[int]"),
        (collections.abc.Generator[int, None, str], "stream[int]"),
        (typing.AsyncGenerator[int, None], "stream[int]"),
        (collections.abc.AsyncIterator, "stream[Any]"),
        (collections.abc.Callable[[int], str], "Any"),
        (collections.abc.Hashable, "Any"),
        (type[int], "Any"),
        (Readable, "Any"),
        (Movie, "dict[str, Any]"),
        (Order, ORDER),
        (list[Point], f"list[{POINT}]"),
        (Box[int], f"{__name__}.Box"),
        (Collected[int], "Collected[int]"),
        (Collected, "Collected[Any]"),
        ("int", "int"),
        ("list[Order]", f"list[{ORDER}]"),
        (list["Order"], f"list[{ORDER}]"),
        (Optional["Order"], f"{ORDER} | None"),
        ("Nowhere", "Any"),
        ("1 +", "Any"),
        (3, "Any"),
    ],
    ids=str,
)
def test_hints(hint: Any, expected: str) -> None:
    assert str(type_of(hint, globals())) == expected


def test_records() -> None:
    spec = class_spec(Order)
    assert (spec.key, spec.name, spec.kind, spec.bases) == (ORDER, "Order", "record", ())
    assert [(f.name, str(f.type), f.required) for f in spec.fields or ()] == [
        ("id", "int", True),
        ("tags", "list[str]", False),
        ("parent", f"{ORDER} | None", False),
    ]
    assert [(f.name, str(f.type), f.required) for f in class_spec(Point).fields or ()] == [
        ("x", "float", True),
        ("y", "int", False),
        ("label", "Any", False),
    ]
    assert [(f.name, str(f.type), f.required) for f in class_spec(Pair).fields or ()] == [
        ("left", "int", True),
        ("right", "str", False),
    ]
    assert class_spec(Pair).bases == ("tuple",)


def test_a_record_with_a_constructor_of_its_own_has_unknown_fields() -> None:
    @dataclasses.dataclass(init=False)
    class Own:
        id: int

    @attrs.define(init=False)
    class Also:
        id: int

    assert class_spec(Own).fields is None
    assert class_spec(Also).fields is None


def test_fields_of_a_base_are_read_in_its_own_words() -> None:
    @dataclasses.dataclass
    class Child(Order):
        extra: str = ""

    assert [str(f.type) for f in class_spec(Child).fields or ()] == ["int", "list[str]", f"{ORDER} | None", "str"]
    assert class_spec(Child).bases == (ORDER,)


def test_other_classes() -> None:
    assert (class_spec(Declined).kind, class_spec(Declined).bases) == ("exception", ("ValueError",))
    assert class_spec(Late).bases == (f"{__name__}.Declined", "OSError")
    assert (class_spec(ValueError).key, class_spec(ValueError).kind) == ("ValueError", "exception")
    assert (class_spec(Plain).kind, class_spec(Plain).bases) == ("other", ())
    assert class_spec(Sub).bases == (f"{__name__}.Plain", "dict")
    assert class_spec(Color).kind == "other"
    assert class_spec(Plain) is class_spec(Plain)

    class Abstract(abc.ABC):
        pass

    assert class_spec(Abstract).kind == "other"


def test_classes_of_one_name_have_keys_of_their_own() -> None:
    def make() -> type:
        @dataclasses.dataclass
        class Same:
            id: int

        return Same

    a, b = make(), make()
    assert class_spec(a).key != class_spec(b).key
    found = class_binding(class_spec(a).key)
    assert found is not None
    assert found.cls is a


def test_a_key_leads_back_to_its_class() -> None:
    assert class_binding(str(type_of(Order))) is not None
    assert class_binding("ValueError") is not None
    assert class_binding("nothing") is None


def test_functions_that_say_nothing() -> None:
    assert signature_of(lambda x: x).returns == ANY

    def same(x: C, y: B) -> tuple[C, B]:
        return x, y

    assert str(signature_of(same).params[0].type) == "list[int] | str"
    assert str(signature_of(same).returns) == "tuple[Any, int]"  # whichever fits what is given
    assert signature_of(int).known in (True, False)
    assert not signature_of(min).known


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "None"),
        (3, "int"),
        ("a", "str"),
        ([1, 2], "list[int]"),
        ([1, "a"], "list[Any]"),
        ([], "list[Any]"),
        ({"a": 1}, "dict[str, int]"),
        ((1, "a"), "tuple[int, str]"),
        ({1}, "set[int]"),
        (dt.date(2024, 1, 1), "date"),
        (Pair(1), PAIR),
        (collections.OrderedDict(a=1), "Any"),
    ],
    ids=str,
)
def test_values(value: Any, expected: str) -> None:
    assert str(type_of_value(value)) == expected
