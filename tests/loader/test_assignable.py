"""The relation between types, as a table."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import pytest

from cflow.compiler.assignable import assignable, join
from cflow.compiler.diagnostics import Collector
from cflow.compiler.spec import ClassSpec
from cflow.compiler.types import ANY, ELLIPSIS, INT, NONE, Type
from cflow.dsl import syntax
from cflow.dsl.loader.annotations import read_annotation
from cflow.dsl.loader.builtins import BUILTIN_SCOPE
from cflow.dsl.scope import ClassBinding, DictScope
from cflow.dsl.text import parse

CLASSES = {
    spec.key: spec
    for spec in (
        ClassSpec("shop.Base", "Base", "record", ()),
        ClassSpec("shop.Child", "Child", "record", (), ("shop.Base",)),
        ClassSpec("shop.Mixed", "Mixed", "other", None, ("elsewhere.Unknown",)),
        ClassSpec("shop.Bad", "Bad", "exception", None, ("ValueError",)),
        ClassSpec("shop.Worse", "Worse", "exception", None, ("shop.Bad",)),
        ClassSpec("shop.Text", "Text", "other", None, ("str",)),
        ClassSpec("shop.Level", "Level", "other", None, ("IntEnum",)),
        ClassSpec("shop.Color", "Color", "other", None, ("Enum",)),
        ClassSpec("shop.Plain", "Plain", "other", None, ()),
    )
}
SCOPE = DictScope({spec.name: ClassBinding(spec) for spec in CLASSES.values()}, BUILTIN_SCOPE)


def type_(text: str) -> Type:
    """The type that ``text`` writes; the names of abstract containers too."""
    match text.partition("["):
        case ("sequence" | "iterable" | "collection" | "mapping") as name, _, inner:
            return Type(name, tuple(type_(part) for part in inner.removesuffix("]").split(", ")))
    collector = Collector()
    module = parse(f"type T = {text}\n", "<type>", collector)
    assert module is not None, collector.items
    declaration = module.declarations[0]
    assert isinstance(declaration, syntax.TypeDecl)
    assert declaration.alias is not None
    found = read_annotation(declaration.alias, SCOPE, collector)
    assert collector.items == []
    return found


FITS = """
Any -> int            int -> Any            int -> int           bool -> int         int -> float         bool -> float
float -> complex      datetime -> date      None -> None         None -> int | None  int -> int | None
int | None -> int | None | str              "a" -> str           "a" -> "a" | "b"    "a" | "b" -> str     1 -> int
1 -> float            True -> bool          bool -> True | False                     1 | "a" -> int | str
list[int] -> list[float]                    list[int] -> list[Any]                   list -> list[int]    list[Any] -> list[int]
list[int] -> list[int | None]               set[int] -> frozenset[int]               frozenset[int] -> set[float]
dict[str, int] -> dict[str, float]          tuple[int, str] -> tuple[float, str]     tuple[int, int] -> tuple[int, ...]
tuple[int, ...] -> tuple[int, int]          tuple -> tuple[int, str]                 list[int] -> sequence[float]
tuple[int, str] -> iterable[int | str]      str -> iterable[str]                     range -> sequence[int]
bytes -> iterable[int]                      dict[str, int] -> mapping[str, float]    dict[str, int] -> iterable[str]
stream[int] -> stream[float]                Collected[int] -> Collected[float]       Child -> Base        Base -> Base
Worse -> ValueError   Worse -> Exception    Text -> str          Level -> int        Level -> float       ValueError -> Exception
Mixed -> Base         Mixed -> str          list[Child] -> list[Base]                Child | Base -> Base
FileNotFoundError -> OSError                list[list[int]] -> list[list[float]]
"""
FITS_NOT = """
float -> int          int -> bool           int -> str           str -> int          None -> int          int -> None
date -> datetime      int | None -> int     "a" -> "b" | "c"     "a" -> int          str -> "a"           1 -> True
bool -> True          list[int] -> list[str]                     list[int] -> tuple[int, ...]             tuple[int, ...] -> list[int]
list[int] -> set[int]                       dict[str, int] -> dict[int, int]         tuple[int, str] -> tuple[int]
tuple[int, str] -> tuple[int, ...]          str -> list[str]     stream[int] -> list[int]                 list[int] -> stream[int]
stream[int] -> stream[str]                  Base -> Child        Base -> str         int -> Base          Plain -> Base
Exception -> ValueError                     Bad -> KeyError      Color -> int        str -> Text          str -> date
str -> Path           Decimal -> float      float -> Decimal     Collected[int] -> list[int]              bytes -> str
iterable[int] -> list[int]                  Child -> None        dict[str, int] -> sequence[str]
"""


def pairs(table: str) -> list[str]:
    return [pair.strip() for line in table.strip().splitlines() for pair in line.split("  ") if pair.strip()]


@pytest.mark.parametrize("pair", pairs(FITS))
def test_fits(pair: str) -> None:
    source, _, target = pair.partition(" -> ")
    assert assignable(type_(source), type_(target), CLASSES)


@pytest.mark.parametrize("pair", pairs(FITS_NOT))
def test_fits_not(pair: str) -> None:
    source, _, target = pair.partition(" -> ")
    assert not assignable(type_(source), type_(target), CLASSES)


JOINS = {
    "": "Any",
    "int": "int",
    "int; int": "int",
    "int; str": "int | str",
    "int; float": "float",
    "bool; int": "int",
    "int; None": "int | None",
    "int | None; str": "int | None | str",
    "Any; int": "Any",
    '"a"; "b"': '"a" | "b"',
    '"a"; str': "str",
    '"a"; int': '"a" | int',
    "list[int]; list[str]": "list[int | str]",
    "list[int]; list[float]": "list[float]",
    "list[int]; list": "list[Any]",
    "dict[str, int]; dict[str, None]": "dict[str, int | None]",
    "tuple[int, str]; tuple[float, None]": "tuple[float, str | None]",
    "tuple[int]; tuple[int, str]": "tuple[int | str, ...]",
    "Child; Base": "Child | Base",
    "int; str; list[int]; list[str]; bool": "int | str | list[int | str]",
}  # fmt: skip


@pytest.mark.parametrize("members", JOINS)
def test_join(members: str) -> None:
    types = [type_(m) for m in members.split("; ") if m]
    joined = join(types)
    assert joined == type_(JOINS[members])
    assert all(assignable(t, joined, CLASSES) for t in types)


def test_joins_stay_small() -> None:
    assert join(Type("literal", (i,)) for i in range(100)) == Type("int")
    assert join(Type("class", (f"c{i}",)) for i in range(100)) == ANY
    assert join([Type("literal", ("a",)), NONE, Type("literal", ("b",))]) == Type(
        "union", (Type("literal", ("a", "b")), NONE)
    )
    assert join([Type("tuple", (ANY, ELLIPSIS)), Type("tuple", ())]) == Type("tuple", (ANY, ELLIPSIS))


def test_of_an_empty_display_nothing_is_said_of_its_items() -> None:
    assert str(Type("dict", (Type("union"), Type("union")))) == "dict"
    assert str(Type("dict", (INT, Type("list", (Type("union"),))))) == "dict[int, list]"
