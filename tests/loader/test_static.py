"""Python files read as syntax give what the real objects give: over the standard packs, and over a file with every kind of definition."""

# ruff: noqa: E501 - tables

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

import cflow
from cflow.dsl.loader import check_python, load_module, packs
from cflow.dsl.loader.packs import Found, find_pack, import_pack, pack_scope, standard_packs
from cflow.dsl.loader.static import StaticReader
from cflow.dsl.scope import Binding, ClassBinding, FlowBinding, NodeBinding, TypeBinding, ValueBinding


def complaints(name: str, real: Binding | None, read: Binding | None) -> list[str]:
    """What differs between what is known of an object and of its text."""
    if type(real) is not type(read):
        return [f"{name}: {real} is not {read}"]
    found = []
    if isinstance(real, NodeBinding) and isinstance(read, NodeBinding):
        for a in attrs.fields(type(real.spec)):
            one, other = getattr(real.spec, a.name), getattr(read.spec, a.name)
            if a.name == "key":  # made from another node: unique, either way
                one, other = one.partition("#")[0], other.partition("#")[0]
            if a.name != "source" and one != other:
                found.append(f"{name}.{a.name}: {one} is not {other}")
        if (real.undo is None) != (read.undo is None):
            found.append(f"{name}: undo")
    if isinstance(real, ClassBinding) and isinstance(read, ClassBinding):
        one, other = attrs.evolve(real.spec, source=""), read.spec
        if one != other or [f.keyword for f in one.fields or ()] != [f.keyword for f in other.fields or ()]:
            found.append(f"{name}: {one} is not {other}")
    if isinstance(real, TypeBinding) and real != read:
        found.append(f"{name}: {real} is not {read}")
    if (
        isinstance(real, ValueBinding)
        and isinstance(read, ValueBinding)
        and (real.value, real.type) != (read.value, read.type)
    ):
        found.append(f"{name}: {real.value} is not {read.value}")
    return found


@pytest.mark.parametrize("name", standard_packs())
def test_standard_packs(name: str) -> None:
    found = find_pack(name)
    assert found is not None
    real = pack_scope(import_pack(found), found)
    read = StaticReader().pack(found).pack_binding()
    names = set(real.names())
    assert names
    assert names == {n for n in read.names() if read.members(n) is not None}
    assert [c for n in sorted(names) for c in complaints(n, real.members(n), read.members(n))] == []


EVERYTHING = '''
"""Every kind of definition."""
from __future__ import annotations

import collections.abc as abc
import dataclasses
import datetime as dt
import enum
import functools
import typing as t
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, NewType, Optional, Protocol, TypedDict, TypeVar, Union

import attrs
from attrs import define, frozen

import cflow
from cflow import Retry, flow, node
from cflow import node as n
from helpers_static import helper, Helped, HELP

if t.TYPE_CHECKING:
    from os import PathLike

T = TypeVar("T")
One = TypeVar("One", list[int], str)
LIMIT = 3
NAMES = ("a", "b")
DEEP = {"a": [1, 2]}
Mode = Literal["fast", "safe"]
Maybe = Optional[int]
Rows = list[dict[str, Any]]
Mixed = int | str | None
Sku = NewType("Sku", str)
OPTIONS = ("orders", "mail")
ALIAS = helper


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Named(NamedTuple):
    a: int
    b: str = "x"


class Page(TypedDict):
    items: list[int]


class Speaks(Protocol):
    def speak(self) -> str: ...


class Bad(Exception):
    pass


class Worse(Bad, ValueError):
    def __init__(self, code: int) -> None:
        self.code = code


class Plain:
    x: int = 3


class Child(Plain):
    pass


class Text(str):
    pass


@dataclass
class Line:
    kind: ClassVar[str] = "line"
    sku: Sku
    qty: int = 1
    tags: list[str] = field(default_factory=list)
    hidden: int = field(default=0, init=False)


@dataclasses.dataclass(kw_only=True)
class Order(Line):
    id: int = 0
    day: dt.date | None = None
    parent: Optional["Order"] = None
    made: Helped | None = None


@dataclass
class Cut:
    at: int
    _: dataclasses.KW_ONLY
    deep: float = 0.5
    name: str = field(default="", kw_only=False)


@define
class Point:
    x: float
    k: int = attrs.field(default=0, kw_only=True)
    _y: float = attrs.field(default=1.0, alias="why")
    _z: int = 3
    c: Any = attrs.field(converter=int, default=0)


@frozen(kw_only=True)
class Custom:
    x: int

    def area(self) -> int:
        return self.x


def plain(a, b: int, /, c: str = "x", *rest: float, d: "Order", e: Mode = "fast", **more: bytes) -> list[Order]: ...
def types(a: Optional[int], b: Union[int, str], c: Annotated[int, "x"], d: tuple[int, ...], e: tuple[int, str], f: dict[str, list[date]],
          g: abc.Sequence[int], h: t.List[int], i: Path, j: Decimal, k: timedelta, l: T, m: Color, n: Page, o: Speaks, p: Sku, q: Maybe,
          r: Rows, s: Mixed, u: set, v: frozenset[int], w: object, x: type[int], y: abc.Callable[[int], str], z: Named) -> None: ...
def literals(a: Literal["a", 1, None], b: Literal[True], c: t.Literal["x"] | Literal["y"] | None, d: Literal[Color.RED]): ...
def strings(a: "int | None", b: "list['Order']", c: "nowhere.Thing", d: 3): ...
def varies(a: One, b: list[One]) -> dict[str, One]: ...
async def waits(x: int) -> str: ...
async def streams(path: str) -> t.AsyncIterator[str]:
    yield path
def items(xs: list[int]) -> abc.Iterator[int]:
    yield from xs
def listed() -> list[int]:
    yield 1
async def untyped():
    yield 1


@node
def bare(x: int) -> int:
    """Its doc.

    More of it.
    """
    return x


@node(pure=True)
def pure(x: int) -> int: ...
@n(reads="orders", writes=OPTIONS, timeout="1m30s", retry=3, cache=True, rate="10/s", lock="x", version=2, runs="thread")
def much(x: int) -> int: ...
@cflow.node(writes=("stock", "mail"), undo=bare, retry=Retry(5, backoff=3.0), default=None, timeout=timedelta(minutes=2))
async def undone(x: int) -> int: ...
@node(barrier=True)
def barrier() -> None: ...
@node(pure=True)
@functools.cache
def cached(x: int) -> int: ...
declared = node(plain, reads="x")
optioned = pure.options(timeout=5)


@flow
def main(x: int) -> int:
    """A flow."""
    return pure(x)


@flow(timeout="1h")
def other() -> str:
    return waits(1)
'''
HELPERS = """
import attrs
from cflow import node

HELP = ["x"]

@attrs.frozen
class Helped:
    a: int

@node(reads="help")
def helper(x: Helped) -> Helped: ...
"""
FLAWED = {"cached"}  # what another decorator made: read, its signature is not known


def test_every_kind_of_definition(write) -> None:
    folder = write({"everything.py": EVERYTHING, "helpers_static.py": HELPERS})
    real, read = (load_module(folder / "everything.py", execute=execute) for execute in (True, False))
    assert real is not None
    assert read is not None
    assert list(real.flows) == list(read.flows) == ["main", "other"]
    assert [f.key for f in real.flows.values()] == [f.key for f in read.flows.values()]
    names = [n for n in real.scope.names() if n not in ("annotations", "PathLike") and n not in FLAWED]
    modules = {n for n, v in real.names.items() if type(v).__name__ == "module"}
    wrong = []
    for name in names:
        if name == "Page":
            continue  # its text says that it is a typed dict, the class has forgotten
        if name in modules or getattr(real.names[name], "__module__", "") in (
            "typing",
            "dataclasses",
            "attr._next_gen",
            "functools",
        ):
            continue
        if name in ("T", "Enum", "Any", "date", "timedelta", "Decimal", "Path", "Retry"):
            continue
        wrong += complaints(name, real.scope.lookup(name), read.scope.lookup(name))
    assert not wrong, "\n".join(wrong)
    for name, source in real.flows.items():
        assert source.loaded()[0] == read.flows[name].loaded()[0]


def test_what_another_decorator_made(write) -> None:
    folder = write({"everything.py": EVERYTHING, "helpers_static.py": HELPERS})
    read = load_module(folder / "everything.py", execute=False)
    assert read is not None
    cached = read.scope.lookup("cached")
    assert isinstance(cached, NodeBinding)
    assert cached.spec.effects.pure


UNCERTAIN = """
import os
if os.name == "posix":
    def here(x): pass
else:
    def here(x, y): pass
try:
    from fast_json_that_is_not_installed import loads
except ImportError:
    from json import loads
for name in ("a", "b"):
    made = name
globals()["hidden"] = 3
def wrapped(f): return f
@wrapped
def other(x): pass
computed = os.environ.get("X")
value: int = len("x")
first = second = 3
a, b = 1, 2
"""


def test_what_cannot_be_told_is_unknown(write) -> None:
    folder = write(
        {"shop.py": UNCERTAIN, "main.cflow": "from './shop.py' import here, loads, made, other, computed, value, a\n"}
    )
    module = load_module(folder / "main.cflow", execute=False)
    assert module is not None
    kinds = {
        name: type(module.scope.lookup(name)).__name__
        for name in ("here", "loads", "made", "other", "computed", "value", "a")
    }
    assert set(kinds.values()) == {"UnknownBinding"}, kinds


def test_stars_and_modules_that_make_names(write) -> None:
    folder = write(
        {
            "shop.py": "from parts_ import *\n",
            "parts_.py": "def part(x: int) -> int: ...\n_private = 1\n",
            "lazy.py": "def __getattr__(name): return len\n",
            "main.cflow": "from './shop.py' import part\nfrom './lazy.py' import anything\n",
        }
    )
    module = load_module(folder / "main.cflow", execute=False)
    assert module is not None
    part = module.scope.lookup("part")
    assert isinstance(part, NodeBinding)
    assert part.spec.signature.params[0].name == "x"


def test_imports_in_a_circle(write) -> None:
    folder = write(
        {
            "a_.py": "from b_ import x as y\n",
            "b_.py": "from a_ import y as x\n",
            "main.cflow": "from './a_.py' import y\n",
        }
    )
    assert load_module(folder / "main.cflow", execute=False) is not None


def test_finding_executes_nothing() -> None:
    assert packs.find_spec("xml.dom.minidom") is not None
    assert packs.find_spec("no.such.module") is None
    assert packs.find_spec("not a name") is None
    found = find_pack("math")
    assert found == Found("math", "math", is_pack=False)


def test_check_of_a_python_file(write) -> None:
    folder = write(
        {
            "good.py": "from cflow import flow, node\n@node(pure=True)\ndef f(x: int) -> int: ...\n@flow\ndef g(x: int) -> int:\n    return f(x)\n",
            "bad.py": "from cflow import flow, node\n@node(pure=True)\ndef f(x: int) -> int: ...\n@flow\ndef g(x: int) -> int:\n    return f(x, 2)\n",
            "worse.py": "def f(:\n",
        }
    )
    assert check_python(folder / "good.py") == []
    assert [d.span.line for d in check_python(folder / "bad.py")] == [6]
    assert [d.id for d in check_python(folder / "worse.py")] == ["python-syntax"]
    assert [d.id for d in check_python(folder / "none.py")] == ["file-not-found"]


def test_properties_of_a_record_that_is_only_read(write) -> None:
    folder = write(
        {
            "shop.py": "from attrs import frozen\n@frozen\nclass Order:\n    id: int\n    @property\n    def name(self) -> str: ...\n",
            "main.cflow": "from './shop.py' import Order\n\nflow main(o: Order) -> str:\n    return f'{o.name} {o.nane}'\n",
        }
    )
    text = (folder / "main.cflow").read_text()
    assert [d.message for d in cflow.check(text, base=folder)] == ["Order has no field 'nane'"]


@pytest.mark.parametrize(
    ("head", "use"), [("import os", "os.environ['HOME']"), ("from os import getenv", "getenv('HOME')")]
)
def test_the_environment_in_a_file_that_is_only_read(write, head: str, use: str) -> None:
    text = f"{head}\nfrom cflow import flow\n@flow\ndef g() -> str:\n    return {use}\n"
    assert [d.id for d in check_python(write({"reads.py": text}) / "reads.py")] == ["forbidden-name"]


def test_flows_of_a_read_file_are_flows(write) -> None:
    folder = write(
        {
            "everything.py": EVERYTHING,
            "helpers_static.py": HELPERS,
            "main.cflow": "from './everything.py' import main\n",
        }
    )
    module = load_module(Path(folder / "main.cflow"), execute=False)
    assert module is not None
    assert isinstance(module.scope.lookup("main"), FlowBinding)
