"""Errors: their class, arguments, attributes, notes, and the errors that led to them, without their tracebacks.

An error is for people to read and for handlers to choose by, so what of it cannot be stored is told in words, where a
result would be refused; and secrets in it are hidden for good. It is made again without a call of its constructor,
whose parameters need not be its arguments.
"""

from __future__ import annotations

import reprlib
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..compiler.secrets import hide
from . import forms
from .records import ATTRS_HASH, Classes, class_name
from .unstorable import NotStorable

if TYPE_CHECKING:
    from .writing import Writer

INNER = 1_000
"""Errors within others that are taken apart in one value: where each is named in many ways they multiply."""

LINKS = 10
"""Errors in a row (one the cause or context of the other) that are stored."""

LEFT_OUT = "not stored:"

_BASE_STATE = frozenset({"args", "message", "exceptions", "obj"})
"""What is stored elsewhere, or not at all: ``obj`` of an AttributeError is any object of the program."""

_TEXT_ERRORS: tuple[tuple[type[UnicodeError], type], ...] = (
    (UnicodeDecodeError, bytes), (UnicodeEncodeError, str), (UnicodeTranslateError, str),
)  # fmt: skip
"""Errors whose own code reads memory by their fields, so that these are checked, with the class of their text."""


class Restored(Exception):
    """Stands for a stored error whose class this program does not know.

    ``type``: its class by name (``shop.flows:OutOfStock``). ``text``: what it said. It has the arguments, notes, cause
    and context of the error; stored again, it is the same bytes.
    """

    def __init__(self, type: str, text: str, args: tuple[Any, ...] = ()) -> None:
        self.type, self.text = type, text
        self._raw = b""
        self._refs: tuple[str, ...] = ()
        super().__init__(*args)

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.type.rpartition(":")[2], self.text)))


def members(base: type) -> Iterator[tuple[str, Any]]:
    """What an exception class of the interpreter keeps outside of ``__dict__`` (``errno``, ``code``, ``name`` ...)."""
    for kind in base.__mro__:
        for name, member in kind.__dict__.items():
            if isinstance(member, (types.MemberDescriptorType, types.GetSetDescriptorType)):
                if name not in _BASE_STATE and not name.startswith("__"):
                    yield name, member


# ---- writing ------------------------------------------------------------------------------------------------


def wire(writer: Writer, error: BaseException) -> Any:
    """What stands for an error in the bytes.

    Raises
    ------
    NotStorable: its class cannot be found by name, or it is part of itself.
    """
    if type(error) is Restored and error._raw:
        return writer.again(forms.ERROR, error._raw, error._refs, False)
    writer.inner += bool(writer.errors)
    if id(error) in writer.errors or len(writer.errors) > LINKS or writer.inner > INNER:
        raise NotStorable(class_name(type(error)), "is one of too many errors in a row", "cut the row")
    before = writer.redacting
    writer.redacting = True
    writer.errors.append(id(error))
    try:
        return _Taken(writer).wire(error)
    finally:
        writer.errors.pop()
        writer.redacting = before


@frozen
class _Taken:
    """One error taken apart."""

    writer: Writer

    def wire(self, error: BaseException) -> Any:
        kind = type(error)
        name = self.writer.class_(kind)
        shape = self.writer.shape(kind)
        state = shape.state(error)
        notes = state.pop("__notes__", None)
        state.pop(ATTRS_HASH, None)
        lost: list[str] = []
        args = BaseException.args.__get__(error)  # type: ignore[attr-defined]
        if isinstance(error, BaseExceptionGroup):
            args = args[:1]  # the errors in it follow
        parts: dict[str, Any] = {"args": [self._kept(f"args[{n}]", arg, lost, told=True) for n, arg in enumerate(args)]}
        if isinstance(error, BaseExceptionGroup):
            parts["group"] = [hide(str(error.message)), [self._inner(one) for one in error.exceptions]]
        own = {name: value for name, member in members(shape.base) if (value := _get(member, error)) is not None}
        for key, values in (("own", own), ("state", state)):
            kept = {n: v for n, value in values.items() if (v := self._kept(n, value, lost)) is not _NOTHING}
            if kept:
                parts[key] = kept
        if lost:
            parts["lost"] = lost
        if isinstance(notes, (list, tuple)):
            parts["notes"] = [hide(note) for note in notes if isinstance(note, str)]
        cause, context = error.__cause__, error.__context__
        if cause is not None:
            parts["cause"] = self._inner(cause)
        if context is not None and context is cause:
            parts["same"] = True
        elif context is not None:
            parts["context"] = self._inner(context)
        if error.__suppress_context__:
            parts["suppress"] = True
        if kind.__module__ != "builtins":  # what it says hangs on code of the program
            parts["text"] = _said(error)
        return self.writer.ext(forms.ERROR, [name, parts])

    def _inner(self, error: BaseException) -> Any:
        try:
            return self.writer.wire(error)
        except NotStorable:
            return _told(error)

    def _kept(self, name: Any, value: Any, lost: list[str], told: bool = False) -> Any:
        """What stands for an attribute or argument; the name of one that cannot be stored is kept for a note.
        ``told``: it is told in words then."""
        if type(name) is not str or hide(name) != name:
            return _NOTHING
        try:
            return self.writer.wire(value)
        except NotStorable:
            lost.append(name)
            return _told(value) if told else _NOTHING


_NOTHING = object()


def _get(member: Any, error: BaseException) -> Any:
    try:
        return member.__get__(error)
    except (AttributeError, TypeError):  # not set
        return None


def _said(error: BaseException) -> str:
    try:
        return hide(str(error))
    except Exception:
        return ""


class _Brief(reprlib.Repr):
    """``repr``, but for errors: theirs repeats what they hold, which grows without bound where they hold each other."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = 20
        self.maxstring = self.maxother = 1_000

    def repr1(self, x: Any, level: int) -> str:
        if not isinstance(x, BaseException):
            return super().repr1(x, level)
        inner = ", ".join(self.repr1(arg, level - 1) for arg in x.args[:20]) if level > 0 else "..."
        return f"{type(x).__name__}({inner})"


def _told(value: object) -> str:
    try:
        return hide(_Brief().repr(value))
    except Exception:
        return f"<{type(value).__name__}>"


def known_failure(writer: Writer, value: Any, state: dict[str, Any]) -> dict[str, Any]:
    """The state of a record as it is stored: as it is, but for what the engine wrote to an error (``Failure``), whose
    inputs are for people to read, and which holds a traceback."""
    kind = type(value)
    if kind.__qualname__ != "Failure" or not kind.__module__.endswith(".executor.errors"):
        return state
    inputs: dict[str, Any] = {}
    for name, given in state["inputs"].items():
        try:
            writer.wire(given)
            inputs[name] = given
        except NotStorable:
            inputs[name] = _told(given)
    return {**state, "inputs": inputs, "_number": 0, "_read": None}


# ---- reading ------------------------------------------------------------------------------------------------


def build(classes: Classes, name: str, parts: dict[str, Any]) -> BaseException:
    """An error from its parts; a :class:`Restored` where its class is not known.

    Raises
    ------
    ValueError, TypeError, LookupError: they are no parts of an error.
    """
    args = tuple(_typed(parts.get("args", []), list))
    kind = classes.find(name)
    if kind is None:
        text = _typed(parts.get("text", ""), str)
        made: BaseException = Restored(name, text or ", ".join(map(str, args)), args)
        if "group" in parts:
            made.args = (*args, *_typed(parts["group"][1], list))
    elif not issubclass(kind, BaseException):
        raise TypeError(f"{name} is no class of errors")
    else:
        made = _bare(classes, kind, args, parts)
    lost = _typed(parts.get("lost", []), list)
    notes = [*_typed(parts.get("notes", []), list), *([f"{LEFT_OUT} {', '.join(lost)}"] if lost else [])]
    for note in notes:
        BaseException.add_note(made, note)
    made.__cause__ = _link(parts.get("cause"))
    made.__context__ = made.__cause__ if "same" in parts else _link(parts.get("context"))
    made.__suppress_context__ = "suppress" in parts
    return made


def _bare(classes: Classes, kind: type[BaseException], args: tuple[Any, ...], parts: dict[str, Any]) -> BaseException:
    shape = classes.shape(kind)
    own = dict(_typed(parts.get("own", {}), dict))
    new: Any = shape.base.__new__
    made: BaseException
    if issubclass(kind, BaseExceptionGroup):
        message, inner = _typed(parts["group"], list)
        inner = [_link(one) for one in _typed(inner, list)]
        made = new(kind, message, inner)
        args = (*args, inner)
    else:
        made = new(kind)
    # Those in the group that are told in words stand as Exceptions: Python makes the narrower group of them.
    if type(made) is not kind and (kind, type(made)) != (BaseExceptionGroup, ExceptionGroup):
        raise TypeError(f"no {kind.__qualname__} is made of this")
    for base, text in _TEXT_ERRORS:
        if issubclass(kind, base) and own:
            _text_error(made, base, text, own)
            own = {}
    if issubclass(kind, UnicodeError) and own:
        raise ValueError("these are no fields of such an error")
    places = dict(members(shape.base))
    for member, value in own.items():
        places[member].__set__(made, value)
    BaseException.args.__set__(made, args)  # type: ignore[attr-defined]
    state = _typed(parts.get("state", {}), dict)
    lost = [name for name in _typed(parts.get("lost", []), list) if name not in places and not name.startswith("args[")]
    shape.restore(made, {**dict.fromkeys(lost), **state})  # None: a property that reads it finds something
    return made


def _text_error(made: BaseException, base: Any, text: type, own: dict[str, Any]) -> None:
    subject: Any
    subject, start, end = own.get("object"), own.get("start"), own.get("end")
    if not isinstance(subject, (str, bytes)) or type(subject) is not text:
        raise TypeError("this is no text of such an error")
    if type(start) is not int or type(end) is not int:
        raise TypeError("these are no fields of such an error")
    if not 0 <= start <= len(subject) or not 0 <= end <= len(subject):
        raise ValueError("an error about a place outside of its text")
    coded = () if base is UnicodeTranslateError else (own.get("encoding", ""),)
    initialize: Any = base.__init__
    initialize(made, *coded, subject, start, end, own.get("reason", ""))


def _link(error: Any) -> BaseException | None:
    if error is None or isinstance(error, BaseException):
        return error
    return Restored("", _typed(error, str))  # its class cannot be found by name: it was told in words


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected")
    return value
