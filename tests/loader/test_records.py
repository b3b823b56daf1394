"""Records: real classes that Python code can use, known to the compiler by one key."""

from __future__ import annotations

import copy
import pickle
import typing
from typing import Any

import attrs
import cloudpickle
import pytest

from cflow.compiler.convert import convert
from cflow.compiler.types import class_type
from cflow.dsl import hints
from cflow.dsl.loader import LoadedModule, load_text
from cflow.dsl.nodes import binding_of
from cflow.dsl.scope import ClassBinding

TEXT = '''
type Order:
    """One order."""
    id: int
    sku: str = "A"
    lines: list[Line] = []
    parent: Order | None = None
type Line:
    qty: int = 1
    of: Order | None = None
'''


@pytest.fixture
def module() -> LoadedModule:
    loaded = load_text(TEXT, file="shop_records.cflow")
    assert loaded is not None
    return loaded


def test_a_class_for_python(module: LoadedModule) -> None:
    cls: Any = module.names["Order"]
    order = cls(id=1)
    assert repr(order) == "Order(id=1, sku='A', lines=[], parent=None)"
    assert order == cls(id=1)
    assert cls.__doc__ == "One order."
    assert cls.__module__ == module.name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        order.id = 2
    with pytest.raises(TypeError):
        cls(1)
    assert order.lines is not cls(id=2).lines
    assert typing.get_args(attrs.fields(cls).lines.type) == (module.names["Line"],)
    assert copy.deepcopy(order) == order


def test_one_key(module: LoadedModule) -> None:
    bound = module.scope.lookup("Order")
    assert isinstance(bound, ClassBinding)
    assert bound.cls is module.names["Order"]
    assert hints.class_spec(module.names["Order"]) == bound.spec
    assert binding_of(module.names["Order"]) == bound
    assert hints.type_of(module.names["Order"]) == class_type(bound.spec.key)
    assert [(f.name, str(f.type), f.required) for f in bound.spec.fields or ()][:2] == [
        ("id", "int", True),
        ("sku", "str", False),
    ]


def test_two_loads_are_two_classes(module: LoadedModule) -> None:
    again = load_text(TEXT, file="shop_records.cflow")
    assert again is not None
    one, two = module.scope.lookup("Order"), again.scope.lookup("Order")
    assert isinstance(one, ClassBinding)
    assert isinstance(two, ClassBinding)
    assert one.spec.key != two.spec.key
    assert one.cls is not two.cls


def test_conversion_goes_in_deep(module: LoadedModule) -> None:
    bound = module.scope.lookup("Order")
    assert isinstance(bound, ClassBinding)
    value = convert({"id": 1, "lines": [{"of": {"id": 2}}]}, class_type(bound.spec.key), {bound.spec.key: bound.cls})  # type: ignore[dict-item]
    assert value == module.names["Order"](id=1, lines=[module.names["Line"](of=module.names["Order"](id=2))])


def test_records_travel(module: LoadedModule) -> None:
    order = module.names["Order"](id=1)
    back = pickle.loads(cloudpickle.dumps(order))
    assert repr(back) == repr(order)


def test_reading_makes_no_classes() -> None:
    loaded = load_text(TEXT, execute=False)
    assert loaded is not None
    bound = loaded.scope.lookup("Line")
    assert isinstance(bound, ClassBinding)
    assert bound.cls is None
    assert bound.spec.key.endswith(".Line")
