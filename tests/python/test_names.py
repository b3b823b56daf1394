"""What names of the enclosing Python scope mean in a flow."""

from __future__ import annotations

import datetime
import json
import math
import os
import types
from typing import Any, Literal, Optional

import pytest
from python_sources import execute

import cflow
from cflow import env, secret
from cflow.compiler.ir import AmbientSpec
from cflow.compiler.types import INT, STR
from cflow.dsl import scope as s
from cflow.dsl.nodes import binding_of, snapshot
from cflow.dsl.python import PythonScope, builtin_binding

Mode = Literal["fast", "safe"]


class Thing:
    pass


def helper(x: int) -> int:
    return x


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        (helper, s.NodeBinding, "spec.name=helper"),
        (Thing, s.ClassBinding, "spec.name=Thing"),
        (ValueError, s.ClassBinding, "spec.key=ValueError"),
        (datetime.date, s.TypeBinding, "type=date"),
        (Mode, s.TypeBinding, "type='fast' | 'safe'"),
        (int | None, s.TypeBinding, "type=int | None"),
        (Optional, s.UnknownBinding, "name=typing.Optional"),
        (len, s.BuiltinBinding, "name=len"),
        (int, s.BuiltinBinding, "name=int"),
        (cflow.race, s.BuiltinBinding, "name=cflow.race"),
        (cflow.flow, s.BuiltinBinding, "name=cflow.flow"),
        (cflow.env, s.BuiltinBinding, "name=cflow.env"),
        (math, s.PackBinding, "name=math"),
        (os.environ, s.BadBinding, "name=it"),
        (os.getenv, s.BadBinding, "name=it"),
        (object, s.BadBinding, "name=object"),
        (3, s.ValueBinding, "value=3"),
        (Thing(), s.ValueBinding, "name=it"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_objects(value: Any, kind: type, said: str) -> None:
    binding = binding_of(value, "it")
    assert type(binding) is kind
    path, _, expected = said.partition("=")
    found: Any = binding
    for part in path.split("."):
        found = getattr(found, part)
    assert str(found) == expected


def test_declared_values() -> None:
    assert binding_of(secret("KEY")) == s.AmbientBinding(AmbientSpec("secret", "KEY", STR))
    assert binding_of(env("REGION", "eu")) == s.AmbientBinding(AmbientSpec("env", "REGION", STR, "eu", False))
    assert binding_of(env("LIMIT", 8)) == s.AmbientBinding(AmbientSpec("env", "LIMIT", INT, 8, False))
    assert binding_of(env("LIMIT", type=int)) == s.AmbientBinding(AmbientSpec("env", "LIMIT", INT, None, True))
    assert binding_of(env("REGION")) == s.AmbientBinding(AmbientSpec("env", "REGION", STR, None, True))
    maybe = binding_of(env("REGION", None, type=Optional[int]))  # type: ignore[call-overload]  # noqa: UP045
    assert isinstance(maybe, s.AmbientBinding)
    assert str(maybe.spec.type) == "int | None"
    for wrong in ("", "a=b", 3):
        with pytest.raises(ValueError, match="is not the name"):
            secret(wrong)  # type: ignore[arg-type]


def test_members_of_a_module() -> None:
    binding = binding_of(json)
    assert isinstance(binding, s.PackBinding)
    assert isinstance(binding.members("dumps"), s.NodeBinding)
    assert isinstance(binding.members("decoder"), s.PackBinding)
    assert isinstance(binding.members("JSONDecodeError"), s.ClassBinding)
    assert binding.members("_default_decoder") is None
    assert binding.members("nothing") is None
    assert "dumps" in set(binding.names())
    assert not [n for n in binding.names() if n.startswith("_")]
    environ = binding_of(os).members("environ")  # type: ignore[union-attr]
    assert isinstance(environ, s.BadBinding)
    assert ("env REGION" in environ.help, "env(" in environ.python) == (True, True)


def test_a_module_whose_member_fails_to_load() -> None:
    module = types.ModuleType("lazy")

    def fail(name: str) -> Any:
        raise ImportError(name)

    module.__getattr__ = fail  # type: ignore[method-assign]
    binding = binding_of(module)
    assert isinstance(binding, s.PackBinding)
    assert binding.members("anything") is None


@pytest.mark.parametrize("name", ["print", "open", "input", "eval", "getattr", "type", "BaseException", "super", "id"])
def test_builtins_that_mean_nothing_in_a_flow(name: str) -> None:
    binding = builtin_binding(name)
    assert isinstance(binding, s.BadBinding)
    assert binding.reason
    assert binding.help


def test_builtins() -> None:
    assert builtin_binding("sorted") == s.BuiltinBinding("sorted")
    assert isinstance(builtin_binding("KeyError"), s.ClassBinding)
    assert builtin_binding("nothing") is None
    assert builtin_binding("__import__") is None


def test_scope_of_a_function() -> None:
    def around(held: int) -> Any:
        def inner(x: int) -> int:
            return x + held + unset + math.pi

        if held > 100:
            unset = 1
        return inner

    scope = PythonScope(around(3), {"given=": Thing()})
    held = scope.lookup("held")
    assert isinstance(held, s.ValueBinding)
    assert held.value == 3
    assert scope.lookup("unset") is None
    assert isinstance(scope.lookup("math"), s.PackBinding)
    assert isinstance(scope.lookup("Mode"), s.TypeBinding)
    assert isinstance(scope.lookup("len"), s.BuiltinBinding)
    assert isinstance(scope.lookup("given="), s.ValueBinding)
    assert isinstance(scope.lookup("?"), s.UnknownBinding)
    assert scope.lookup("nothing") is None
    assert {"held", "math", "len", "ValueError"} <= set(scope.names())
    assert "given=" not in set(scope.names())


def test_a_snapshot_keeps_the_shape_of_what_it_copies() -> None:
    inner: list[Any] = [1]
    inner.append(inner)
    shared: dict[str, Any] = {"a": inner, "b": inner, "c": (inner, {1, 2})}
    copied = snapshot(shared)
    assert copied is not shared
    assert copied["a"] is copied["b"] is copied["c"][0] is copied["a"][1]
    assert copied["a"] is not inner
    assert copied["c"][1] == {1, 2}
    deep: Any = ()
    for _ in range(60):
        deep = (deep, deep)
    assert snapshot(deep)


def test_a_global_hides_a_builtin() -> None:
    names = execute("def len(x): ...\ndef f(): return len")
    assert isinstance(PythonScope(names["f"]).lookup("len"), s.NodeBinding)


def test_forms_outside_a_flow_say_where_they_belong() -> None:
    calls: list[tuple[str, Any]] = [
        ("transaction", lambda: cflow.transaction(timeout=3)),
        ("timeout", lambda: cflow.timeout(3)),
        ("lock", lambda: cflow.lock("a")),
        ("parallel", lambda: cflow.parallel([1], limit=3)),
        ("loop", lambda: cflow.loop(True, max=3)),
        ("collect", lambda: cflow.collect(max_failed=3)),
        ("buffered", lambda: cflow.buffered([1], 3)),
        ("windowed", lambda: cflow.windowed([1], 3)),
        ("batched", lambda: cflow.batched([1], 3)),
        ("race", lambda: cflow.race(1, 2)),
        ("wait_signal", lambda: cflow.wait_signal("a")),
        ("sleep", lambda: cflow.sleep(3)),
        ("detach", lambda: cflow.detach(3)),
        ("convert", lambda: cflow.convert(3, int)),
        ("append", lambda: cflow.Collected[int]().append(3)),
    ]
    for name, call in calls:
        with pytest.raises(cflow.CflowError, match=f"^{name}.* belongs in a flow"):
            call()


LOCAL = """
import enum
from dataclasses import dataclass
from cflow import flow

def around():
    @dataclass
    class Order:
        id: int

    class Color(enum.Enum):
        RED = 1

    @flow
    def main(order: Order, colors: list[Color] | None = None) -> int:
        return order.id

    return main
"""


def test_a_class_of_the_function_around_that_only_annotations_name() -> None:
    main = execute(LOCAL)["around"]()
    assert main.run({"id": 3}, colors=[1]) == 3


def test_annotations_in_text_cannot_see_it() -> None:
    main = execute("from __future__ import annotations\n" + LOCAL)["around"]()
    with pytest.raises(cflow.ProgramError, match="not seen by annotations in text"):
        main.run({"id": 3})
