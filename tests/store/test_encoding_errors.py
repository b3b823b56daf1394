"""Errors come back as what they were: class, arguments, attributes, notes and what led to them."""

from __future__ import annotations

import json
import sqlite3
import sys
from typing import Any

import attrs
import httpx
import pytest
from encoding_support import Plain, Point, same

import cflow
from cflow.compiler.diagnostics import (
    CflowError,
    Diagnostic,
    InputError,
    LoopLimit,
    Problem,
    ProgramError,
    RecursionLimit,
    UndoFailed,
)
from cflow.store.encoding import Damaged, NotStorable, Restored, Values
from cflow.store.exceptions import LINKS
from cflow.store.failures import LeaseLost

VALUES = Values({})


def again(error: Any) -> Any:
    return VALUES.decode(VALUES.encode(error))


class Odd(Exception):
    def __init__(self, *, code: int, extra: Any = None) -> None:
        super().__init__(f"code {code}")
        self.code, self.extra = code, extra


class New(Exception):
    def __new__(cls, a: int, b: int) -> New:
        return super().__new__(cls, a, b)

    def __init__(self, a: int, b: int) -> None:
        self.sum = a + b


class Refused(OSError):
    def __init__(self, host: str) -> None:
        super().__init__(111, "refused", host)
        self.host = host


@attrs.define
class Declared(Exception):
    a: int
    b: str = "x"


class Slotted(Exception):
    __slots__ = ("a",)


class Unsayable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def slotted() -> Slotted:
    error = Slotted(1)
    error.a = [2]
    return error


def decode_error() -> UnicodeDecodeError:
    try:
        b"ab\xff".decode()
    except UnicodeDecodeError as error:
        return error
    raise AssertionError


def syntax_error() -> SyntaxError:
    try:
        compile("a b", "file.py", "exec")
    except SyntaxError as error:
        return error
    raise AssertionError


ERRORS = [
    ValueError(), ValueError("a", 1, (2,)), KeyError("a"), KeyError(("a", 1)), IndexError(3), StopIteration([1]),
    OSError(2, "no such file", "a.txt"), OSError(2, "n", "a", None, "b"), OSError("only text"), OSError(),
    ConnectionResetError(104, "reset"), TimeoutError("late"), BlockingIOError(11, "x", 7), decode_error(),
    UnicodeEncodeError("ascii", "é", 0, 1, "no"), UnicodeTranslateError("é", 0, 1, "no"), SystemExit(3), SystemExit(),
    KeyboardInterrupt(), ImportError("no", name="a", path="b"), ModuleNotFoundError("no", name="x"), syntax_error(),
    NameError("n", name="x"), AttributeError("no", name="a", obj=Plain()), ZeroDivisionError("division by zero"),
    Odd(code=3, extra=[1]), New(1, 2), Refused("host"), Declared(1), slotted(), sqlite3.IntegrityError("unique"),
    json.JSONDecodeError("bad", "{", 1), httpx.ConnectError("no"), LoopLimit.past(3), RecursionLimit.at("f"),
    ProgramError([Diagnostic("a-rule", "error", "wrong")]), InputError("bad", (Problem("a", "b"),)), CflowError("x"),
    UndoFailed.of([("release", ValueError("x"))]), Damaged("text", "what"), LeaseLost("gone"),
    NotStorable("a", "b", "c"),
    ExceptionGroup("two", [ValueError(1), ExceptionGroup("in", [KeyError("k")])]),
    BaseExceptionGroup("base", [KeyboardInterrupt()]),
]  # fmt: skip

MEMBERS = (
    "errno strerror filename filename2 characters_written encoding object start end reason code value name path msg "
    "lineno offset text end_lineno end_offset sum host extra a b diagnostics problems doc pos what"
).split()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{type(error).__name__}-{str(error)[:20]}")
def test_an_error_comes_back_the_same(error: BaseException) -> None:
    made = again(error)
    assert type(made) is type(error)
    if not isinstance(error, BaseExceptionGroup):
        if isinstance(error, UndoFailed):
            assert [(type(e), e.args) for e in made.errors] == [(ValueError, ("x",))]
            assert made.args[0] == error.args[0]
        else:
            assert same(made.args, error.args)
    assert str(made) == str(error)
    assert repr(made) == repr(error)
    for name in MEMBERS:
        unset = object()
        before, after = getattr(error, name, unset), getattr(made, name, unset)
        assert (before is unset) == (after is unset), name
        if before is not unset and name != "what":
            assert same(after, before), name
    assert VALUES.encode(made) == VALUES.encode(error)


def test_a_group_comes_back_with_its_errors() -> None:
    inner = ValueError("a")
    inner.add_note("inner note")
    made = again(ExceptionGroup("two", [inner, KeyError("b")]))
    assert (made.message, list(map(type, made.exceptions))) == ("two", [ValueError, KeyError])
    assert made.exceptions[0].__notes__ == ["inner note"]
    assert made.args == ("two", [made.exceptions[0], made.exceptions[1]])
    assert made.split(KeyError)[0].exceptions[0].args == ("b",)


def test_a_group_of_what_was_told_in_words_comes_back() -> None:
    """As a timeout leaves it: the group stands behind an error that is cut, and holds it."""
    cut = KeyboardInterrupt("cut")
    group = BaseExceptionGroup("from a nursery", [cut])
    cut.__context__ = group
    late = TimeoutError("late")
    late.__context__ = cut
    made = again(late)
    assert (type(made), made.args) == (TimeoutError, ("late",))
    assert type(made.__context__) is KeyboardInterrupt
    assert made.__context__.__context__.message == "from a nursery"
    assert "cut" in str(made.__context__.__context__.exceptions[0])


def test_what_led_to_an_error_comes_back() -> None:
    try:
        try:
            try:
                raise KeyError("first")
            except KeyError as first:
                raise ValueError("second") from first
        except ValueError:
            raise RuntimeError("third")
    except RuntimeError as error:
        made = again(error)
    assert type(made.__context__) is ValueError
    assert made.__cause__ is None
    assert not made.__suppress_context__
    second = made.__context__
    assert type(second.__cause__) is KeyError
    assert second.__context__ is second.__cause__
    assert second.__suppress_context__
    with pytest.raises(ValueError, match="x") as caught:
        raise ValueError("x") from None
    assert again(caught.value).__suppress_context__


def test_a_long_row_of_errors_is_cut() -> None:
    error = ValueError(0)
    for n in range(1, 100):
        outer = ValueError(n)
        outer.__cause__ = error
        error = outer
    made, length = again(error), 0
    while made is not None:
        last, made, length = made, made.__cause__, length + 1
    assert length == LINKS + 2
    assert type(last) is Restored
    assert "ValueError(" in str(last)


def test_errors_in_a_circle_are_cut() -> None:
    a, b = ValueError("a"), ValueError("b")
    a.__cause__, b.__cause__ = b, a
    made = again(a)
    assert made.__cause__.args == ("b",)
    assert type(made.__cause__.__cause__) is Restored
    loop = ValueError("loop")
    loop.args = ([loop],)
    loop.self = loop  # type: ignore[attr-defined]
    assert "not stored: args[0], self" in again(loop).__notes__


def test_errors_that_hang_together_in_many_ways_end() -> None:
    error = ValueError(0)
    for n in range(1, 40):
        outer = ValueError(n, error, [error])
        outer.__cause__, outer.__context__, outer.also = error, ValueError(n), error  # type: ignore[attr-defined]
        error = outer
    assert again(error).args[0] == 39


def test_what_cannot_be_stored_of_an_error_is_left_out_and_said() -> None:
    error = Odd(code=1, extra=Plain())
    error.args = ("a", Plain())
    error.add_note("mine")
    made = again(error)
    assert made.args[0] == "a"
    assert "Plain object" in made.args[1]
    assert made.extra is None
    assert made.code == 1
    assert made.__notes__ == ["mine", "not stored: args[1], extra"]
    assert again(made).__notes__ == made.__notes__


def test_an_error_of_httpx_says_what_is_missing() -> None:
    request = httpx.Request("GET", "http://a.b")
    error = httpx.HTTPStatusError("404", request=request, response=httpx.Response(404, request=request))
    made = again(error)
    assert isinstance(made, httpx.HTTPError)
    assert str(made) == "404"
    assert made.response is None
    assert "not stored: _request, response" in made.__notes__
    with pytest.raises(RuntimeError, match="has not been set"):
        _ = made.request


def test_an_error_that_cannot_say_anything_is_stored() -> None:
    assert type(again(Unsayable("a"))) is Unsayable


def test_an_error_of_an_unknown_class_is_shown_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    error = Odd(code=7, extra=Point(1))
    error.add_note("noted")
    error.__cause__ = ValueError("why")
    datas = [VALUES.encode(e) for e in ([error], ExceptionGroup("g", [error]), Unsayable("a"), Refused("h"))]
    monkeypatch.delitem(sys.modules, __name__)
    made = VALUES.decode(datas[0], show=True)[0]
    assert isinstance(made, Restored)
    assert made.type.endswith(":Odd")
    assert str(made) == "Odd: code 7"
    assert made.args == ("code 7",)
    assert made.__notes__ == ["noted"]
    assert type(made.__cause__) is ValueError
    assert str(VALUES.decode(datas[2])) == "Unsayable: a"
    assert isinstance(VALUES.decode(datas[0])[0], Restored), "it is one for a run that goes on, too"
    for data in datas:
        assert VALUES.encode(VALUES.decode(data, show=True)) == data


def test_the_failure_that_the_engine_wrote_comes_along() -> None:
    program = cflow.loads("flow main(n: int, thing: Any) -> int:\n    return int('x' * n)\n")
    with pytest.raises(ValueError, match="invalid literal") as caught:
        program.main.run(2, Plain())
    before, made = caught.value.__cflow__, again(caught.value)  # type: ignore[attr-defined]
    after = made.__cflow__
    assert type(after) is type(before)
    assert (after.flow, after.node, after.span, after.path, after.attempt) == (
        before.flow, before.node, before.span, before.path, before.attempt,
    )  # fmt: skip
    assert made.__notes__ == caught.value.__notes__


def test_the_inputs_of_a_failure_that_cannot_be_stored_are_told() -> None:
    text = "flow main(thing: Any) -> int:\n    return int(thing)\n"
    with pytest.raises(TypeError) as caught:
        cflow.loads(text).main.run(Plain())
    error: Any = caught.value
    error.__cflow__ = attrs.evolve(error.__cflow__, inputs={"thing": Plain(), "n": 1})
    inputs = again(error).__cflow__.inputs
    assert inputs["n"] == 1
    assert any("Plain object" in str(value) for value in inputs.values())


def test_an_error_about_a_place_outside_of_its_text_is_damage() -> None:
    data = VALUES.encode(decode_error())
    crafted = data.replace(b"\xa5start\x02", b"\xa5start\xff")
    assert crafted != data
    with pytest.raises(Damaged):
        VALUES.decode(crafted)


def test_an_error_whose_class_is_in_a_function_is_refused_and_told_inside_others() -> None:
    class Inner(Exception):
        pass

    with pytest.raises(NotStorable, match="inside a function"):
        VALUES.encode(Inner("a"))
    outer = ValueError("b")
    outer.__cause__ = Inner("a")
    assert str(again(outer).__cause__) == "Inner('a')"
