from __future__ import annotations

import datetime as dt
import socket
from dataclasses import dataclass
from typing import Any

import pytest

from cflow.stdlib_nodes import validate

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "mail": {"type": "string", "format": "email"},
        "day": {"type": "string", "format": "date"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"qty": {"type": "integer"}}}},
    },
    "additionalProperties": False,
}


@dataclass
class Order:
    id: int
    day: dt.date


def test_values_that_fit() -> None:
    order = Order(1, dt.date(2026, 3, 1))
    assert validate.check.fn(order, ORDER) is order
    assert validate.fits.fn({"id": 1, "lines": [{"qty": 2}]}, ORDER)
    assert validate.fits.fn(7, True)
    assert not validate.fits.fn(7, False)


def test_problems_name_their_places() -> None:
    value = {"id": 0, "mail": "x", "day": "2026-02-30", "lines": [{}, {"qty": "x"}], "more": 1}
    found = validate.problems.fn(value, ORDER)
    assert [p.path for p in found] == ["", "day", "id", "lines[1].qty", "mail"]
    assert found[3].message == "'x' is not of type 'integer'"
    with pytest.raises(ValueError, match=r"the value does not fit: .*'more' was unexpected.*; id: 0 is less than"):
        validate.check.fn(value, ORDER)
    many = [{"qty": "x"}] * 8
    with pytest.raises(ValueError, match=r"lines\[4\]\.qty: .* \(and 3 more\)$"):
        validate.check.fn({"id": 1, "lines": many}, ORDER)
    (long,) = validate.problems.fn({"id": "y" * 1000}, ORDER)
    assert len(long.message) < 250


def test_split() -> None:
    rows = [{"id": 1}, {"id": "x"}, {}, Order(2, dt.date(2026, 3, 1))]
    good, bad = validate.split.fn(rows, ORDER)
    assert (good, bad) == ([rows[0], rows[3]], rows[1:3])


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "number!"}, "the schema is none: type: 'number!' is not valid"),
        ({"properties": {"a": {"minimum": "x"}}}, r"the schema is none: properties\.a\.minimum"),
        ({"pattern": "("}, "the schema is none|no regular expression"),
        ({"$ref": "#/$defs/none"}, "the schema refers to what is not in it"),
        ({"$ref": "#"}, "refers to itself without end"),
    ],
)
def test_schemas_that_are_none(schema: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        validate.fits.fn("a", schema)


def test_older_drafts_are_known() -> None:
    old = {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 3, "exclusiveMinimum": True}
    assert not validate.fits.fn(3, old)
    assert validate.fits.fn(4, old)


def test_nothing_is_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        with pytest.raises(ValueError, match="refers to what is not in it"):
            validate.fits.fn(1, {"$ref": f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"})
        with pytest.raises(BlockingIOError):
            server.accept()


def test_what_nests_without_end() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="nested too deeply"):
        validate.fits.fn(value, {"items": {"$ref": "#"}})
    with pytest.raises(TypeError, match="no form for object"):
        validate.fits.fn(object(), {})


def test_a_schema_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import jsonschema

    checked = []
    real = jsonschema.Draft202012Validator.check_schema
    monkeypatch.setattr(jsonschema.Draft202012Validator, "check_schema", lambda s: (checked.append(s), real(s)))
    schema: dict[str, Any] = {"title": "once", "properties": {"id": {"type": "integer"}}}
    assert [validate.fits({"id": value}, dict(schema)) for value in (1, "x", 2)] == [True, False, True]
    assert len(checked) == 1
    # One that was changed in the meantime is another, in both directions.
    schema["properties"]["id"]["type"] = "string"
    assert validate.fits({"id": "x"}, schema)
    schema["properties"]["id"]["type"] = "integer"
    assert not validate.fits({"id": "x"}, schema)
    for number in range(200):
        validate.fits({}, {"title": f"{number}"})
    assert len(validate._validators) <= validate._KEPT


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("iri", "https://bücher.example/straße?q=ü#ß", "https://bücher.example/a b"),
        ("iri", "mailto:ü@example.test", "straße"),
        ("iri-reference", "../straße?q=1", "a\\b"),
        ("uri", "https://example.test/a", "https://bücher.example/"),
    ],
)
def test_addresses(name: str, good: str, bad: str) -> None:
    schema = {"format": name}
    assert validate.fits(good, schema)
    assert not validate.fits(bad, schema)
    assert validate.fits(7, schema)
    assert validate.fits(good, {"$schema": "http://json-schema.org/draft-07/schema#", **schema})


def test_no_format_takes_seconds_to_import() -> None:
    """jsonschema imports what there is; this one compiles a grammar of Lark."""
    from importlib.metadata import requires

    assert not [r for r in requires("conductor-cflow") or () if "rfc3987" in r or "format" in r.partition(";")[0]]
