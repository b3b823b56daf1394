"""Values go to bytes and come back the same, or are refused with the place in them."""

from __future__ import annotations

import array
import datetime as dt
import io
import math
import pathlib
import subprocess
import sys
import threading
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from encoding_support import Colour, Level, Pair, Plain, Point, Rights, Word, same
from hypothesis import given, settings, strategies as st

import cflow
from cflow.compiler.values import Collected, Failed
from cflow.store.encoding import MARK, NotStorable, Values

VALUES = Values({})
BERLIN = ZoneInfo("Europe/Berlin")

EXAMPLES: list[Any] = [
    None, True, False, 0, -1, 2**63 - 1, -(2**63), 2**64 - 1, 2**64, -(2**63) - 1, 10**400, -(10**400),
    0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, "", "é", "\ud800 lone", "\x00", b"", b"\xc1\x00",
    bytearray(b"ab"), [], [[]], (), (1,), (1, (2, [3])), {}, {"a": 1}, {1: "a", "1": "b", None: 0, (1, 2): 3, 1.5: 4},
    {"z": 1, "a": 2}, {"\ud800": 1}, {2**70: 1}, set(), {1, 2}, {1, "a", None, (1,)}, frozenset({"a"}),
    frozenset({frozenset()}), range(0), range(1, 10, 3), range(10**30), slice(None), slice(1, "a", None),
    1j, complex(-0.0, math.inf), dt.date(1, 1, 1), dt.date.max, dt.datetime(2024, 5, 6, 7, 8, 9, 10),
    dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN), dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=-5, seconds=7), "X")),
    dt.time(1, 2, 3, 4), dt.time(2, 30, fold=1, tzinfo=dt.UTC), dt.timedelta(-1, 2, 3), dt.timedelta.max,
    dt.UTC, dt.timezone(dt.timedelta(minutes=1)), dt.timezone(dt.timedelta(0), "UTC0"), BERLIN,
    Decimal("1.10"), Decimal("NaN"), Decimal("-Infinity"), Decimal("-0E-7"), Decimal("sNaN5"), Fraction(-3, 7),
    uuid.UUID(int=5), pathlib.Path("/a/b"), pathlib.Path("\udcff"), pathlib.PurePosixPath("x"),
    pathlib.PureWindowsPath("c:\\x"), array.array("d", [1.5, -0.0]), array.array("B"), deque([1, 2], 5), deque(),
    Counter("abca"), OrderedDict([("b", 1), (1, 2)]), Colour.RED, Colour.BLUE, Colour.ODD, Level.LOW,
    Rights.READ, Rights.READ | Rights.WRITE, Rights(0), Pair(1, (2,)), Pair([Pair(1)], "x"), Point(1, Point(2)),
    int, dict, Point, Colour, ValueError, dt.datetime, Decimal, [Point], type(None),
    Collected([1], [Failed("item", 3, ValueError("no"))]), {"deep": [{"a": ({"b": {1}},)}]},
]  # fmt: skip


@pytest.mark.parametrize("value", EXAMPLES, ids=[f"{n}-{type(v).__name__}" for n, v in enumerate(EXAMPLES)])
def test_a_value_comes_back_the_same(value: Any) -> None:
    if type(value) is Collected:
        (again,) = VALUES.decode(VALUES.encode([value]))
        assert again.ok == value.ok
        assert same(again.failed[0].error, value.failed[0].error)
        return
    assert same(VALUES.decode(VALUES.encode(value)), value)
    for around in ([value], {"key": value}, (value, value), {1: [value]}, Point(value)):
        assert same(VALUES.decode(VALUES.encode(around)), around)


def test_the_comparison_of_these_tests_sees_what_differs() -> None:
    for a, b in [
        (1, True),
        (0.0, -0.0),
        ([1], (1,)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (Pair(1), (1, None)),
        (1, 1.0),
    ]:
        assert not same(a, b)
    assert same(math.nan, math.nan)


def test_fixed_points_stay_themselves() -> None:
    for value in (None, True, dt.UTC, Colour.RED, Point, BERLIN):
        assert VALUES.decode(VALUES.encode(value)) is value


def test_fold_and_zone_come_back() -> None:
    late = dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN)
    again = VALUES.decode(VALUES.encode(late))
    assert (again.fold, again.utcoffset(), again.tzinfo) == (1, dt.timedelta(hours=1), BERLIN)
    named = dt.timezone(dt.timedelta(hours=1), "CET")
    assert VALUES.decode(VALUES.encode(named)).tzname(None) == "CET"


ATOMS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.complex_numbers() | st.decimals()
    | st.text(st.characters(exclude_categories=())) | st.dates() | st.times(timezones=st.none() | st.timezones())
    | st.datetimes(timezones=st.none() | st.timezones()) | st.timedeltas() | st.fractions() | st.uuids()
    | st.sampled_from([Colour.RED, Rights.READ | Rights.WRITE, int, Point])
)  # fmt: skip
HASHED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.dates() | st.binary(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
ANY = st.recursive(
    ATOMS | HASHED,
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=4)
        | st.dictionaries(HASHED, inner, max_size=4) | st.sets(HASHED, max_size=4)
        | st.builds(Point, inner, inner) | st.builds(Pair, inner, inner) | st.binary().map(bytearray)
    ),
    max_leaves=12,
)  # fmt: skip


@given(ANY)
@settings(max_examples=500, deadline=None)
def test_any_value_comes_back_the_same(value: Any) -> None:
    data = VALUES.encode(value)
    assert same(VALUES.decode(data), value)
    assert VALUES.encode(VALUES.decode(data)) == data
    assert not VALUES.lossy(data)
    assert VALUES.refs(data) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
@settings(deadline=None)
def test_plain_data_is_message_pack(value: Any) -> None:
    assert VALUES.encode(value) == msgspec.msgpack.encode(value)


@given(st.sets(HASHED, max_size=8), st.randoms())
@settings(deadline=None)
def test_a_set_gives_the_same_bytes_in_whatever_order_it_was_filled(items: set[Any], random: Any) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)
    assert VALUES.encode(set(shuffled)) == VALUES.encode(items)


def test_a_set_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "from cflow.store.encoding import Values; import sys\n"
        "sys.stdout.write(Values({}).encode({'a', 'b', 'c', (1, 'x'), ('y', 2), None, 3}).hex())"
    )
    given = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(given) == 1


def test_one_list_twice_becomes_two() -> None:
    part = [1]
    again = VALUES.decode(VALUES.encode([part, part, (part,)]))
    assert again == [[1], [1], ([1],)]


class Odd(dt.tzinfo):
    pass


class Loner:
    def __call__(self) -> None: ...


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Plain(), ["result is a", "Plain", "dataclass", "Engine(pickle=[Plain])"]),
        ({"rows": [1, 2, Point(1, Plain())]}, ["result['rows'][2].y is a"]),
        ({"rows": ({3: Plain()},)}, ["result['rows'][0][3] is a"]),
        ({Plain(): 1}, ["(the key)"]),
        (Pair(1, io.StringIO()), ["result.right is a _io.StringIO"]),
        ({"f": len}, ["result['f'] is a", "code is not stored"]),
        (math, ["module", "code is not stored"]),
        (iter([1]), ["used up by reading", "list"]),
        (memoryview(b"a"), ["memoryview", "bytes(...)"]),
        (Word("a"), ["Word", "plain str", "str(...)"]),
        (defaultdict(list), ["defaultdict", "dict(...)"]),
        (type("Dict", (dict,), {})(), ["Dict", "plain dict"]),
        ([threading.Lock()], ["result[0] is a _thread.lock"]),
        (Loner, ["test_encoding.Loner", "(", "no plain data"]),
        (dt.datetime(2024, 1, 1, tzinfo=Odd()), ["result is a", "Odd"]),
    ],
)
def test_what_cannot_be_stored_is_named_with_its_place(value: Any, words: list[str]) -> None:
    with pytest.raises(NotStorable) as caught:
        VALUES.encode(value)
    for word in words:
        assert word in str(caught.value)


def test_the_name_of_the_value_is_in_the_message() -> None:
    with pytest.raises(NotStorable, match=r"^order\.lines\[0\] is a") as caught:
        VALUES.encode([Plain()], "order.lines")
    assert caught.value.path == "order.lines[0]"
    assert caught.value.type.endswith(":Plain")


def test_a_class_inside_a_function_is_refused_unless_the_program_gives_it() -> None:
    import attrs

    @attrs.frozen
    class Inner:
        a: int

    with pytest.raises(NotStorable, match="inside a function"):
        VALUES.encode([Inner(1)])
    values = Values({"any.key": Inner})
    assert values.decode(values.encode([Inner(1)])) == [Inner(1)]


def test_another_class_of_the_same_name_is_refused() -> None:
    import attrs

    impostor = attrs.make_class("Point", ["x"])
    impostor.__module__ = Point.__module__
    with pytest.raises(NotStorable, match="replaced by another"):
        VALUES.encode(impostor(1))


def test_a_circle_is_refused() -> None:
    ring: list[Any] = [1]
    ring.append({"a": ring})
    with pytest.raises(NotStorable, match=r"holds itself, at result\['b'\]\[1\]\['a'\]") as caught:
        VALUES.encode({"b": ring})
    assert caught.value.path == "result['b']"
    point = Point(1)
    point.y = (point,)
    with pytest.raises(NotStorable, match=r"result holds itself, at result\.y\[0\]"):
        VALUES.encode(point)
    around: dict[Any, Any] = {}
    around[1] = [around]
    with pytest.raises(NotStorable, match="holds itself"):
        VALUES.encode(around)


def nested(levels: int, wrap: Any) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = wrap(value)
    return value


WRAPS = [lambda v: [v], lambda v: {"a": v}, lambda v: (v,), lambda v: {1: v}, lambda v: Point(v), lambda v: Pair(v)]


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("levels", [300, 10_000])
def test_what_is_nested_too_deep_is_refused(wrap: Any, levels: int) -> None:
    with pytest.raises(NotStorable, match="nested more than 200 levels"):
        VALUES.encode(nested(levels, wrap))


@pytest.mark.parametrize("wrap", WRAPS)
def test_what_is_nested_as_deep_as_may_be_comes_back_wherever_it_is_asked_for(wrap: Any) -> None:
    deep = nested(199, wrap)
    data = VALUES.encode(deep)

    def down(levels: int) -> None:
        if levels:
            return down(levels - 1)
        assert VALUES.encode(deep) == data
        assert repr(type(VALUES.decode(data))) == repr(type(deep))
        return None

    down(0)
    room = sys.getrecursionlimit()
    here = len(__import__("inspect").stack(0))
    for left in (60, 120, 240):
        down(room - here - left)


def test_flat_bytes_of_plain_data_have_no_mark_and_others_have() -> None:
    assert VALUES.encode({"a": 1})[0] != MARK
    assert VALUES.encode((1,))[0] == MARK


def test_records_of_a_cflow_file_are_found_among_the_classes_of_the_program() -> None:
    program = cflow.loads(
        "type Order:\n    id: int\n    total: float = 1.5\n\nflow main() -> Order:\n    return Order(id=1)\n"
    )
    order = program.main.run()
    with pytest.raises(NotStorable, match="not found again"):
        VALUES.encode(order)
    values = Values({"Order": type(order)})
    again = values.decode(values.encode([order]))
    assert again == [order]
    assert type(again[0]) is type(order)


def test_threads_share_one_codec() -> None:
    wrong: list[Any] = []

    def work(n: int) -> None:
        for i in range(200):
            value = {"n": (n, i), "point": Point(n, i)}
            if VALUES.decode(VALUES.encode(value)) != value:
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
