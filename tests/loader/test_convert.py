"""Values at the door: what converts to what, and what is said of what does not."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
from typing import Any, Generic, NamedTuple, TypeVar

import attrs
import pytest

from cflow.compiler.convert import ConversionError, convert
from cflow.compiler.diagnostics import InputError
from cflow.compiler.inputs import as_call, bind_inputs, bind_texts
from cflow.compiler.ir import Const, FlowParam, Ref
from cflow.compiler.textvalues import parse_text
from cflow.compiler.types import (
    ANY,
    BOOL,
    BYTES,
    ELLIPSIS,
    FLOAT,
    INT,
    NONE,
    STR,
    Parameter,
    Type,
    class_type,
    list_of,
    union,
)


@attrs.frozen(kw_only=True)
class Line:
    sku: str
    qty: int = 1


@dataclasses.dataclass
class Order:
    id: int
    lines: list[Line]
    day: dt.date | None = None
    total: float = 0.0


@attrs.define
class Checked:
    n: int = attrs.field(validator=attrs.validators.ge(0))


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Sku(str):
    pass


class Pair(NamedTuple):
    a: int
    b: str


class Other:
    pass


CLASSES: dict[str, type] = {c.__name__: c for c in (Line, Order, Checked, Color, Level, Sku, Pair, Other)}
OTHER = Other()


def of(name: str) -> Type:
    return class_type(name)


DATE, DATETIME, TIME, DELTA, DECIMAL, PATH = map(Type, ("date", "datetime", "time", "timedelta", "Decimal", "Path"))
GOOD: list[tuple[Any, Type, Any]] = [
    (OTHER, ANY, OTHER),
    (3, INT, 3),
    (True, INT, True),
    (3, FLOAT, 3.0),
    (2.5, FLOAT, 2.5),
    (True, BOOL, True),
    ("x", STR, "x"),
    (b"x", BYTES, b"x"),
    (2, Type("complex"), 2),
    (None, NONE, None),
    ("2026-01-31", DATE, dt.date(2026, 1, 31)),
    (dt.date(2026, 1, 31), DATE, dt.date(2026, 1, 31)),
    ("2026-01-31T08:30:00Z", DATETIME, dt.datetime(2026, 1, 31, 8, 30, tzinfo=dt.UTC)),
    ("08:30", TIME, dt.time(8, 30)),
    ("1h30m", DELTA, dt.timedelta(minutes=90)),
    (90, DELTA, dt.timedelta(seconds=90)),
    (9.95, DECIMAL, decimal.Decimal("9.95")),
    ("9.95", DECIMAL, decimal.Decimal("9.95")),
    (3, DECIMAL, decimal.Decimal(3)),
    ("a/b", PATH, pathlib.Path("a/b")),
    ("fast", Type("literal", ("fast", 1)), "fast"),
    (1, Type("literal", ("fast", 1)), 1),
    ([1, 2], list_of(INT), [1, 2]),
    ((1, 2), list_of(INT), [1, 2]),
    (range(2), list_of(INT), [0, 1]),
    ([1, 1], Type("set", (INT,)), {1}),
    ([1], Type("frozenset", (INT,)), frozenset({1})),
    ([1, "x"], Type("tuple", (INT, STR)), (1, "x")),
    ([1, 2], Type("tuple", (INT, ELLIPSIS)), (1, 2)),
    ({"1": 2}, Type("dict", (INT, FLOAT)), {1: 2.0}),
    ({"2026-01-31": 1}, Type("dict", (DATE, INT)), {dt.date(2026, 1, 31): 1}),
    ([1], Type("sequence", (INT,)), [1]),
    ({"a": 1}, Type("mapping", (STR, INT)), {"a": 1}),
    (3, union(STR, INT), 3),
    (3, union(FLOAT, INT), 3),
    ("x", union(DATE, STR), "x"),
    (None, union(INT, NONE), None),
    (3, union(NONE, FLOAT), 3.0),
    ({"sku": "A"}, of("Line"), Line(sku="A")),
    (Line(sku="A"), of("Line"), Line(sku="A")),
    (
        {"id": 1, "lines": [{"sku": "A", "qty": 2}], "day": "2026-01-31", "total": 3},
        of("Order"),
        Order(1, [Line(sku="A", qty=2)], dt.date(2026, 1, 31), 3.0),
    ),
    ([{"sku": "A"}, None], list_of(union(of("Line"), NONE)), [Line(sku="A"), None]),
    ("red", of("Color"), Color.RED),
    ("RED", of("Color"), Color.RED),
    (1, of("Level"), Level.LOW),
    ("x", of("Sku"), Sku("x")),
    (OTHER, of("Other"), OTHER),
    (5, of("NotGiven"), 5),
    (iter(()), Type("stream", (INT,)), None),
]

BAD: list[tuple[Any, Type, dict[str, str]]] = [
    ("12", INT, {"": "expected int, found '12'"}),
    (2.0, INT, {"": "expected int, found 2.0"}),
    (None, INT, {"": "expected int, found None"}),
    ("1", FLOAT, {"": "expected float, found '1'"}),
    (10**400, FLOAT, {"": "too large"}),
    (1, BOOL, {"": "expected bool, found 1"}),
    (1, STR, {"": "expected str, found 1"}),
    ("x", BYTES, {"": "expected bytes, found 'x'"}),
    ("31.1.2026", DATE, {"": "a date such as '2026-01-31'"}),
    (5, DATETIME, {"": "a datetime such as"}),
    ("long", DELTA, {"": "a duration such as"}),
    ("x", DECIMAL, {"": "a decimal number"}),
    (5, PATH, {"": "expected a path"}),
    ("a\0", PATH, {"": "expected a path"}),
    ("fats", Type("literal", ("fast", "safe")), {"": "expected 'fast' | 'safe', found 'fats': did you mean 'fast'?"}),
    (True, Type("literal", (1,)), {"": "expected 1, found True"}),
    ("ab", list_of(STR), {"": "expected a list, found 'ab'"}),
    ({"a": 1}, list_of(INT), {"": "expected a list, found a dict of 1"}),
    ({1}, list_of(INT), {"": "expected a list, found a set of 1"}),
    ([1, "x", 2, "y"], list_of(INT), {"[1]": "expected int, found 'x'", "[3]": "expected int, found 'y'"}),
    ([[1], ["x"]], list_of(list_of(INT)), {"[1][0]": "expected int"}),
    ([1], Type("tuple", (INT, STR)), {"": "expected 2 items, found 1"}),
    ([1, 2], Type("tuple", (INT, STR)), {"[1]": "expected str, found 2"}),
    ([], Type("dict", (STR, INT)), {"": "expected a dict"}),
    ({"a": "x"}, Type("dict", (STR, INT)), {"['a']": "expected int, found 'x'"}),
    ({"a": 1}, Type("dict", (INT, INT)), {"['a']": "expected int, found 'a'"}),
    ("x", union(INT, FLOAT), {"": "expected int | float, found 'x'"}),
    ("x", union(INT, NONE), {"": "expected int, found 'x'"}),
    ({"qty": 1}, union(of("Line"), NONE), {"sku": "missing"}),
    (5, of("Line"), {"": "expected Line, found 5"}),
    ({"qty": 2}, of("Line"), {"sku": "missing"}),
    ({"sku": "A", "qyt": 2}, of("Line"), {"qyt": "no such field: did you mean 'qty'?"}),
    (
        {"id": "1", "lines": [{"sku": "A"}, {"sku": 2}], "x": 1},
        of("Order"),
        {"id": "expected int", "lines[1].sku": "expected str, found 2", "x": "no such field"},
    ),
    ({"n": -1}, of("Checked"), {"": "ValueError: 'n' must be >= 0"}),
    ("blue", of("Color"), {"": "expected 'red', found 'blue'"}),
    (5, of("Other"), {"": "expected Other, found 5"}),
    ("x" * 1000, INT, {"": "found a str of 1002 characters"}),
]


@pytest.mark.parametrize(("value", "type", "expected"), GOOD, ids=lambda v: str(v).partition(" at 0x")[0][:40])
def test_what_converts(value: Any, type: Type, expected: Any) -> None:
    got = convert(value, type, CLASSES)
    if expected is not None or value is None:
        assert got == expected
        assert got.__class__ is expected.__class__


@pytest.mark.parametrize(("value", "type", "expected"), BAD, ids=lambda v: str(v)[:40])
def test_what_does_not(value: Any, type: Type, expected: dict[str, str]) -> None:
    with pytest.raises(ConversionError) as error:
        convert(value, type, CLASSES)
    found = {p.name: p.message for p in error.value.problems}
    assert sorted(found) == sorted(expected), found
    for path, words in expected.items():
        assert words in found[path], found
    assert isinstance(error.value, ValueError)


TEXTS: list[tuple[str, Type, Any]] = [
    ("12", INT, 12),
    ("1_000", INT, 1000),
    ("1.5", FLOAT, 1.5),
    ("yes", BOOL, True),
    ("False", BOOL, False),
    ("12", STR, "12"),
    ("x", BYTES, b"x"),
    ("2026-01-31", DATE, dt.date(2026, 1, 31)),
    ("90", DELTA, dt.timedelta(seconds=90)),
    ("2d", DELTA, dt.timedelta(days=2)),
    ("9.95", DECIMAL, decimal.Decimal("9.95")),
    ("a/b", PATH, pathlib.Path("a/b")),
    ("none", union(INT, NONE), None),
    ("3", union(STR, INT), 3),
    ("x", union(INT, STR), "x"),
    ("safe", Type("literal", ("fast", "safe")), "safe"),
    ("2", Type("literal", (1, 2)), 2),
    ("true", Type("literal", (True,)), True),
    ("1,2, 3", list_of(INT), [1, 2, 3]),
    ("", list_of(INT), []),
    ("[1, 2]", list_of(INT), [1, 2]),
    ("a,b", Type("set", (STR,)), {"a", "b"}),
    ("1,x", Type("tuple", (INT, STR)), (1, "x")),
    ('{"a": 1}', Type("dict", (STR, INT)), {"a": 1}),
    ('{"sku": "A"}', class_type("Line"), Line(sku="A")),
    ("red", class_type("Color"), Color.RED),
    ('{"a": [1]}', ANY, {"a": [1]}),
    ("plain", ANY, "plain"),
]
BAD_TEXTS: list[tuple[str, Type, dict[str, str]]] = [
    ("x", union(INT, NONE), {"": "expected int | None, found 'x'"}),
    ('[1, "x"]', union(list_of(INT), NONE), {"[1]": "expected int"}),
    ("x", INT, {"": "expected int, found 'x'"}),
    ("maybe", BOOL, {"": "expected bool"}),
    ("1,x", list_of(INT), {"[1]": "expected int, found 'x'"}),
    ("[1, 'x']", list_of(INT), {"": "expected JSON"}),
    ('["x"]', list_of(INT), {"[0]": "expected int"}),
    ("[NaN]", list_of(FLOAT), {"": "NaN is not JSON"}),
    ("[" * 100_000, list_of(INT), {"": "JSON"}),
    ("x", union(INT, DATE), {"": "expected int | date, found 'x'"}),
    ("x", union(INT, NONE), {"": "expected int"}),
    ("{", class_type("Line"), {"": "expected Line, found '{'"}),
    ('{"qty": 2}', class_type("Line"), {"sku": "missing"}),
    ("fsat", Type("literal", ("fast", "safe")), {"": "did you mean 'fast'?"}),
]


@pytest.mark.parametrize(("text", "type", "expected"), TEXTS, ids=lambda v: str(v)[:40])
def test_text(text: str, type: Type, expected: Any) -> None:
    got = parse_text(text, type, CLASSES)
    assert got == expected
    assert got.__class__ is expected.__class__


@pytest.mark.parametrize(("text", "type", "expected"), BAD_TEXTS, ids=lambda v: str(v)[:40])
def test_bad_text(text: str, type: Type, expected: dict[str, str]) -> None:
    with pytest.raises(ConversionError) as error:
        parse_text(text, type, CLASSES)
    found = {p.name: p.message for p in error.value.problems}
    assert sorted(found) == sorted(expected), found
    for path, words in expected.items():
        assert words in found[path], found


PARAMS = [Parameter("order", class_type("Line")), Parameter("tries", INT, required=False), Parameter("day", DATE, "kw")]


def test_inputs_are_bound() -> None:
    day = dt.date(2026, 1, 31)
    line = Line(sku="A")
    assert bind_inputs(PARAMS, ({"sku": "A"},), {"day": "2026-01-31"}, CLASSES) == {"order": line, "day": day}
    assert bind_inputs(PARAMS, (line, 3), {"day": day}, CLASSES) == {"order": line, "tries": 3, "day": day}
    spread = [Parameter("a"), Parameter("rest", INT, "var_pos", False), Parameter("more", INT, "var_kw", False)]
    assert bind_inputs(spread, (1, 2, 3), {"b": 4}, {}) == {"a": 1, "rest": (2, 3), "more": {"b": 4}}
    given = bind_texts(PARAMS, {"tries": "5", "day": "2026-01-31"}, {"order": {"sku": "A"}, "tries": 1}, CLASSES)
    assert given == {"order": line, "tries": 5, "day": day}


def test_every_wrong_input_is_told() -> None:
    with pytest.raises(InputError) as error:
        bind_inputs(PARAMS, (), {"order": {"qty": "x"}, "trise": 3, "dya": 1}, CLASSES, name="settle")
    assert [(p.name, p.message) for p in error.value.problems] == [
        ("order.sku", "missing"),
        ("order.qty", "expected int, found 'x'"),
        ("day", "missing (date)"),
        ("trise", "settle has no input of this name: did you mean 'tries'?"),
        ("dya", "settle has no input of this name: did you mean 'day'?"),
    ]
    assert str(error.value).startswith("the inputs do not fit settle:\n  order.sku: missing\n")


def test_inputs_by_position() -> None:
    with pytest.raises(InputError) as error:
        bind_inputs(PARAMS, (Line(sku="A"), 1, 2), {"tries": 2, "day": dt.date.today()}, CLASSES)
    assert [p.name for p in error.value.problems] == ["tries", "[2]"]
    with pytest.raises(InputError, match="it takes none"):
        bind_inputs([], (), {"x": 1}, {})


KINDS = (
    FlowParam("a", INT, kind="pos"),
    FlowParam("b", INT, False, Const(2), "pos_or_kw"),
    FlowParam("xs", INT, False, None, "var_pos"),
    FlowParam("c", INT, False, Const(3), "kw"),
    FlowParam("more", INT, False, None, "var_kw"),
)


@pytest.mark.parametrize(
    ("texts", "values", "call"),
    [
        ({"a": "1"}, {}, ((1,), {})),
        ({"a": "1", "b": "5"}, {}, ((1,), {"b": 5})),
        ({"a": "1", "xs": "[7, 8]"}, {}, ((1, 2, 7, 8), {})),
        ({"a": "1", "xs": "7,8", "b": "4"}, {}, ((1, 4, 7, 8), {})),
        ({"a": "1", "d": "9", "c": "4"}, {"xs": [6]}, ((1, 2, 6), {"c": 4, "d": 9})),
    ],
)
def test_on_a_command_line_every_input_goes_by_name(texts: Any, values: Any, call: Any) -> None:
    bound = bind_texts(KINDS, texts, values, {})
    assert as_call(KINDS, bound) == call
    args, kwargs = call
    assert bind_inputs(KINDS, args, kwargs, {}) == {**({"b": 2} if len(args) > 1 else {}), **bound}


def test_what_is_wrong_is_told_by_the_name_on_the_command_line() -> None:
    with pytest.raises(InputError) as error:
        bind_texts(KINDS[:4], {"xs": '[1, "x"]', "d": "1"}, {}, {})
    assert [p.name for p in error.value.problems] == ["a", "xs[1]", "d"]
    computed = (FlowParam("a", INT, False, Ref("now"), "pos"), FlowParam("b", INT, kind="pos"))
    assert as_call(computed[:1], {}) == ((), {})
    with pytest.raises(InputError, match="a: missing"):
        as_call(computed, {"b": 1})


def test_classes_are_not_kept_alive() -> None:
    """A server that loads text after text makes records by the thousand: converting to one must not hold it for ever."""
    import gc
    import weakref

    seen = []
    for _ in range(600):
        cls = attrs.make_class("Made", {"x": attrs.field(type=int)})
        convert({"x": 1}, class_type("Made"), {"Made": cls})
        seen.append(weakref.ref(cls))
    del cls
    gc.collect()
    assert sum(r() is not None for r in seen) < 300


T = TypeVar("T")
N = TypeVar("N", bound=int)


@dataclasses.dataclass
class Box(Generic[T]):
    item: T


@attrs.frozen
class Counted(Generic[N]):
    n: N


@dataclasses.dataclass
class Shelf:
    box: Box[int]


def test_generic_records() -> None:
    classes = {"Box": Box, "Counted": Counted, "Shelf": Shelf}
    assert convert({"item": "a"}, class_type("Box"), classes) == Box("a")
    assert convert({"n": 1}, class_type("Counted"), classes) == Counted(1)
    assert convert({"box": {"item": 1}}, class_type("Shelf"), classes) == Shelf(Box(1))
    for value, key in (({}, "Box"), ({"n": "a"}, "Counted"), ({"box": {"item": "a"}}, "Shelf")):
        with pytest.raises(ConversionError):
            convert(value, class_type(key), classes)


def test_what_cannot_be_made_from_outside_is_told_as_such() -> None:
    class Odd(Generic[T]):
        pass

    @dataclasses.dataclass
    class Holder:
        odd: Odd[T]  # type: ignore[valid-type]

    with pytest.raises(ConversionError):
        convert({"odd": 1}, class_type("Holder"), {"Holder": Holder})
