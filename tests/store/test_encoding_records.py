"""Records come back with the state that they had, without a call of their code; unknown ones are shown, and kept."""

from __future__ import annotations

import gc
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import encoding_support as support
import numpy as np
import pytest
from encoding_support import (
    CALLS,
    Base,
    Colour,
    Derived,
    Dropped,
    Frozen,
    Hashed,
    Hooked,
    Loose,
    Node,
    Order,
    Pair,
    Plain,
    Point,
    Rights,
)

from cflow.store.blobs import Blobs
from cflow.store.encoding import Damaged, Misfit, NotStorable, StandIn, Values

VALUES = Values({})


@pytest.fixture(autouse=True)
def heard() -> Iterator[list[str]]:
    CALLS.clear()
    yield CALLS
    CALLS.clear()


def again(value: Any, values: Values = VALUES) -> Any:
    data = values.encode(value)
    CALLS.clear()
    return values.decode(data)


@pytest.mark.parametrize(
    "value",
    [
        Point(1, [2]),
        Frozen("a", ("b",)),
        Order(1, [Point(1)], "n"),
        Derived(1, "b"),
        Loose(3),
        Hashed("a"),
        Hooked(2, 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_record_is_made_without_its_own_code(value: Any) -> None:
    made = again(value)
    assert made == value
    assert type(made) is type(value)
    assert CALLS == []


def test_fields_that_no_constructor_takes_come_back() -> None:
    hooked = Hooked(2, 1)
    object.__setattr__(hooked, "twice", 99)
    assert again(hooked).twice == 99


def test_what_a_record_computed_for_itself_is_computed_again() -> None:
    hooked = Hooked(1)
    assert hooked.big is hooked.big
    assert "big" not in vars(again(hooked))


def test_a_hash_that_was_kept_is_none_in_another_process() -> None:
    record = Hashed("a")
    fresh = VALUES.encode(record)
    hash(record)
    assert VALUES.encode(record) == fresh
    made = VALUES.decode(fresh)
    assert hash(made) == hash(record)
    assert {made: 1}[record] == 1
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from encoding_support import Hashed\n"
        "from cflow.store.encoding import Values; r = Hashed('a'); hash(r); print(Values({}).encode(r).hex())"
    )
    folder = str(Path(support.__file__).parent)
    there = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True).stdout
    assert hash(VALUES.decode(bytes.fromhex(there))) == hash(record)


def test_attributes_besides_the_fields_come_back() -> None:
    point = Point(1)
    point.more = (1, 2)  # type: ignore[attr-defined]
    made = again(point)
    assert made.more == (1, 2)
    assert list(vars(made)) == ["x", "y", "more"]


def test_a_field_that_was_never_set_is_not_set() -> None:
    made = again(object.__new__(Base))
    assert not hasattr(made, "a")


def test_a_property_has_no_part_in_it() -> None:
    data = VALUES.encode(Loose(1))
    crafted = data.replace(b"\xa1a\x01", b"\xa1b\x01")
    assert crafted != data
    with pytest.raises(Misfit, match="fields a, and was stored with b"):
        VALUES.decode(crafted)
    loose = Loose(1)
    vars(loose)["b"] = 5
    again(loose)
    assert CALLS == []


def test_a_record_that_is_a_dict_as_well_is_refused() -> None:
    mixed = attrs.define(slots=False)(type("Mixed", (dict,), {"__annotations__": {"a": int}, "a": 1}))
    with pytest.raises(NotStorable, match="plain dict"):
        VALUES.encode(mixed())


def test_a_class_that_does_something_when_it_goes_is_not_made() -> None:
    with pytest.raises(NotStorable, match="no plain data"):
        VALUES.encode(Dropped("a"))
    with pytest.raises(NotStorable):
        VALUES.encode(Dropped("a"))
    given = Values({"Dropped": Dropped})
    data = given.encode(Dropped("b"))
    gc.collect()
    CALLS.clear()
    with pytest.raises(Misfit, match="not known"):
        VALUES.decode(data)
    shown = VALUES.decode(data, show=True)
    assert (shown.type, shown.parts) == ("encoding_support:Dropped", {"path": "b"})
    del shown
    gc.collect()
    assert CALLS == []


NAMES = [
    "subprocess:Popen", "os:_wrap_close", "builtins:eval", "builtins:dict", "posix:system", "shutil:rmtree",
    "os:system",
    "encoding_support:Plain", "encoding_support:CALLS", "encoding_support:Point.x", "encoding_support:", ":", "", "::",
    "importlib.machinery:ModuleSpec", "dataclasses:Field", "cflow.engine:Engine", "trio:Nursery", "antigravity:x",
    "cflow.compiler.ir:Graph", "pdb:Pdb", "encoding_support:support.Point", "encoding_support:Point.__init__", 3, None,
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_the_bytes_reaches_nothing_but_plain_records(name: Any) -> None:
    import msgspec

    from cflow.store import forms
    from cflow.store.writing import PACKED

    before = set(sys.modules)
    for code, parts in [
        (forms.RECORD, [name, {"args": 1, "x": 1}]),
        (forms.RECORD, [name, {}, {"__class__": 1}, []]),
        (forms.NAMED_TUPLE, [name, {"args": 1}]),
        (forms.ENUM, [name, "x", 1]),
        (forms.CLASS, name),
        (forms.ERROR, [name, {"args": ["true"]}]),
        (forms.PICKLE, [name, b"cos\nsystem\n(S'true'\ntR."]),
    ]:
        if (code, name) == (forms.CLASS, "builtins:dict"):
            continue  # a class of the language is a value
        data = b"\xc1\x00" + msgspec.msgpack.encode(msgspec.msgpack.Ext(code, PACKED(parts)))
        for show in (False, True):
            try:
                made = VALUES.decode(data, show=show)
            except (Damaged, Misfit):
                continue
            assert type(made).__module__.startswith("cflow.store"), made
    assert set(sys.modules) == before


def test_reading_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    module = tmp_path / "once_seen_records.py"
    module.write_text("import dataclasses\n@dataclasses.dataclass\nclass Row:\n    a: int\n")
    import once_seen_records  # type: ignore[import-not-found]

    data = VALUES.encode(once_seen_records.Row(1))
    assert VALUES.decode(data) == once_seen_records.Row(1)
    monkeypatch.delitem(sys.modules, "once_seen_records")
    module.write_text("raise SystemExit('it was imported')\n")
    with pytest.raises(Misfit, match="import its module"):
        VALUES.decode(data)
    assert "once_seen_records" not in sys.modules


class Ask(types.ModuleType):
    """A module that loads something when it is asked for a name."""

    def __getattr__(self, name: str) -> Any:
        CALLS.append(name)
        raise AttributeError(name)


def test_a_lazy_module_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lazy_records", Ask("lazy_records"))
    data = VALUES.encode(Point(1)).replace(b"encoding_support:Point", b"lazy_records:Something")
    with pytest.raises(Misfit, match="lazy_records:Something is not known"):
        VALUES.decode(data)
    assert VALUES.classes.find("lazy_records:Thing") is None
    assert CALLS == []


def hidden(values: list[Any], monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Values as bytes, whose module is not there any more."""
    made = list(map(VALUES.encode, values))
    monkeypatch.delitem(sys.modules, "encoding_support")
    return made


def test_what_is_not_known_is_shown_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [
        Point(1, [Order(2)]), Pair(1, Pair(2)), Colour.RED, Rights.READ | Rights.WRITE, Point, {"a": (Point(1),)},
        {Frozen("a"), Frozen("b")}, {Frozen("a"): 1}, [np.arange(3), Point(1)],
    ]  # fmt: skip
    datas = hidden(values, monkeypatch)
    for data in datas:
        with pytest.raises(Misfit, match="not known"):
            VALUES.decode(data)
        assert VALUES.encode(VALUES.decode(data, show=True)) == data
    shown = VALUES.decode(datas[0], show=True)
    assert isinstance(shown, StandIn)
    assert shown.type == "encoding_support:Point"
    assert repr(shown) == "Point(x=1, y=[Order(id=2, lines=[], _note='')])"
    assert repr(VALUES.decode(datas[2], show=True)) == "Colour('RED')"
    assert repr(VALUES.decode(datas[4], show=True)) == "<class encoding_support:Point>"


def test_a_stand_in_keeps_its_large_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = Values({}, blobs=Blobs(tmp_path), limit=300)
    data = values.encode([Point(b"x" * 400), b"y" * 400, Point("z" * 400)])
    monkeypatch.delitem(sys.modules, "encoding_support")
    shown = values.decode(data, show=True)
    assert sorted(values.refs(values.encode(shown[0]))) == [values.refs(data)[0]]
    assert values.encode(shown) == data
    assert len(values.refs(data)) == 3


def test_a_class_that_has_changed_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    data = [VALUES.encode(Point(1, 2)), VALUES.encode(Pair(1, 2)), VALUES.encode(Colour.RED)]

    def renamed(cls: type) -> type:
        cls.__module__ = "encoding_support"
        return cls

    import collections
    import enum

    monkeypatch.setattr(support, "Point", renamed(attrs.make_class("Point", ["x", "z"])))
    monkeypatch.setattr(support, "Pair", renamed(collections.namedtuple("Pair", ["left"])))
    monkeypatch.setattr(support, "Colour", renamed(enum.Enum("Colour", {"GREEN": 1})))  # type: ignore[arg-type]
    values = Values({})
    with pytest.raises(Misfit, match="Point has the fields x, z, and was stored with x, y"):
        values.decode(data[0])
    with pytest.raises(Misfit, match="Pair has the fields left, and was stored with left, right"):
        values.decode(data[1])
    assert isinstance(values.decode(data[2]), support.Colour)  # found by its value


def test_pickles_are_for_the_host_to_allow() -> None:
    plain = Plain()
    plain.a = [1]  # type: ignore[assignment]
    allowed = Values({}, pickled=(Plain,))
    data = allowed.encode([plain])
    assert allowed.decode(data)[0].a == [1]
    with pytest.raises(Misfit, match="is code"):
        VALUES.decode(data)
    shown = VALUES.decode(data, show=True)
    assert shown[0].type == "encoding_support:Plain"
    assert VALUES.encode(shown) == data
    with pytest.raises(NotStorable):
        allowed.encode(type("Sub", (Plain,), {})())


def test_a_pickle_under_the_name_of_another_class_is_refused() -> None:
    allowed = Values({}, pickled=(Plain,))
    import pickle

    import msgspec

    from cflow.store import forms
    from cflow.store.writing import PACKED

    crafted = msgspec.msgpack.Ext(forms.PICKLE, PACKED(["encoding_support:Plain", pickle.dumps([1])]))
    with pytest.raises(Damaged, match="something else"):
        allowed.decode(b"\xc1\x00" + msgspec.msgpack.encode(crafted))


ARRAYS = [
    np.arange(6), np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.arange(10)[::2],
    np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2), np.array(5), np.array([]), np.zeros((0, 3)),
    np.array(["a", "bc"]), np.array([b"x"]), np.array(["2024-01-01", "NaT"], "datetime64[D]"),
    np.array([1, 2], "timedelta64[ms]"), np.array([True, False]), np.array([1 + 2j]), np.arange(3, dtype=">i4"),
    np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8", (1,))]), np.float16([1]), np.longdouble([1]),
    np.array([(1, 2)], dtype=np.dtype([("a", "i1"), ("b", "i4")], align=True)),
]  # fmt: skip


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype.str}-{a.shape}")
@pytest.mark.parametrize("writable", [True, False])
def test_an_array_comes_back_the_same(array: Any, writable: bool) -> None:
    array = array.copy(order="K")
    array.flags.writeable = writable
    made = again(array)
    assert (made.dtype, made.shape, made.flags.writeable) == (array.dtype, array.shape, writable)
    assert made.tobytes() == array.tobytes()
    assert made.flags.f_contiguous == array.flags.f_contiguous or not array.flags.c_contiguous


@pytest.mark.parametrize(
    "scalar",
    [np.float64(1.5), np.int8(-1), np.bool_(True), np.str_("abc"), np.str_(""), np.bytes_(b"x"), np.complex64(1j),
     np.datetime64("2024-01-01"), np.timedelta64(5, "s"), ARRAYS[15][0], np.longdouble(2)],
    ids=lambda scalar: type(scalar).__name__,
)  # fmt: skip
def test_a_scalar_of_numpy_comes_back_the_same(scalar: Any) -> None:
    made = again(scalar)
    assert type(made) is type(scalar)
    assert made.dtype == scalar.dtype
    assert made == scalar


def test_arrays_of_objects_and_of_subclasses_are_refused() -> None:
    with pytest.raises(NotStorable, match="array of Python objects"):
        VALUES.encode(np.array([object()]))
    with pytest.raises(NotStorable, match=r"result\['a'\] is a MaskedArray"):
        VALUES.encode({"a": np.ma.array([1])})


def test_next_to_each_other_many_records_take_no_stack() -> None:
    chain = [Node(Node(n)) for n in range(1000)]
    assert again(chain) == chain
