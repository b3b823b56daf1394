"""Values on standard output."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from cflow.cli.output import plain, to_text, write_result


@attrs.frozen
class Order:
    id: int
    tags: frozenset[str]


@dataclasses.dataclass
class Line:
    order: Order
    at: dt.datetime


class Mode(enum.Enum):
    FAST = "fast"


def test_every_kind_of_value_has_a_json_form() -> None:
    value = {
        "line": Line(Order(1, frozenset("ba")), dt.datetime(2026, 1, 31, 12, 30)),
        "mode": Mode.FAST,
        "price": Decimal("1.10"),
        "nan": float("nan"),
        "path": Path("a/b"),
        "raw": b"\x00\x01",
        "pair": (1, None),
        "error": KeyError("x"),
        3: dt.date(2026, 1, 1),
        dt.date(2026, 1, 2): True,
    }
    assert json.loads(json.dumps(plain(value))) == {
        "line": {"order": {"id": 1, "tags": ["a", "b"]}, "at": "2026-01-31T12:30:00"},
        "mode": "fast",
        "price": "1.10",
        "nan": None,
        "path": "a/b",
        "raw": "AAE=",
        "pair": [1, None],
        "error": {"type": "KeyError", "message": "'x'"},
        "3": "2026-01-01",
        "2026-01-02": True,
    }


def test_what_has_no_form_is_its_repr_and_nesting_is_bounded() -> None:
    assert plain(plain) == repr(plain)
    loop: list[object] = []
    loop.append(loop)
    assert plain(loop) == "<nested too deeply>"


def test_text_is_printed_as_it_is() -> None:
    assert to_text("a\nb") == "a\nb"
    assert to_text({"a": 1}) == '{\n  "a": 1\n}'


def test_people_see_the_numbers_that_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    inf, nan = float("inf"), float("nan")
    assert to_text(inf) == "inf"
    assert to_text([-inf, nan, 'a "NaN" or Infinity']) == '[\n  -inf,\n  nan,\n  "a \\"NaN\\" or Infinity"\n]'
    assert to_text({inf: 1}) == '{\n  "inf": 1\n}'
    write_result(iter([[inf], nan]), as_json=False)
    assert capsys.readouterr().out == "[inf]\nnan\n"
    write_result(iter([[inf], {nan: 1}]), as_json=True)
    assert capsys.readouterr().out == '[null]\n{"null": 1}\n'


def test_none_is_nothing_for_people_and_null_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    write_result(None, as_json=False)
    assert capsys.readouterr().out == ""
    write_result(None, as_json=True)
    assert capsys.readouterr().out == "null\n"


def test_a_stream_is_one_item_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_result(iter([{"a": 1}, "x"]), as_json=True)
    assert capsys.readouterr().out == '{"a": 1}\n"x"\n'
    write_result(iter([{"a": 1}, "x"]), as_json=False)
    assert capsys.readouterr().out == '{"a": 1}\nx\n'
