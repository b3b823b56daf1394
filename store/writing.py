"""A value taken apart into what MessagePack has a form for, and extension types for the rest."""

from __future__ import annotations

import enum
import sys
import types
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec.msgpack import Encoder, Ext

from ..compiler.secrets import HIDDEN, SecretText, hide
from . import exceptions, forms
from .blobs import CHUNK
from .forms import BY_KIND, Form, Raw
from .records import ATTRS_HASH, Shape, StandIn, class_name, is_named_tuple, is_record
from .secretparts import plain
from .unstorable import NotStorable

if TYPE_CHECKING:
    from .encoding import Values

PACKED = Encoder().encode

DEEPEST = 200
"""Levels of values in values: reading them takes at most four frames each, which fits the stack of a new thread."""

ATOMS: frozenset[type] = frozenset({type(None), bool, float})
PLAIN_TEXT, SECRET_TEXT, PLAIN_BYTES, PLAIN_BYTEARRAY = range(4)

PLAIN_DATA = "return plain data (numbers, text, lists, dicts, records)"


class Writer:
    """Takes one value apart. ``refs``: the large values that were put. ``lossy``: a secret had to be left out.
    ``redacting``: it is inside an error, where secrets are hidden instead."""

    __slots__ = ("_values", "depth", "errors", "inner", "lossy", "redacting", "refs", "watching")

    def __init__(self, values: Values) -> None:
        self._values = values
        self.refs: dict[str, None] = {}
        self.lossy = False
        self.redacting = False
        self.errors: list[int] = []
        """The errors that are being taken apart, one in the other."""
        self.inner = 0
        """How many errors within others were taken apart."""
        self.depth = 0
        self.watching = values.watch.look()

    def wire(self, value: Any) -> Any:
        """What stands for a value in the bytes.

        Raises
        ------
        NotStorable: without the name of the whole value (:meth:`NotStorable.at`).
        """
        kind = type(value)
        if kind in ATOMS:
            return value
        if kind is str:
            return self._text(value)
        if kind is int:
            if -(1 << 63) <= value < 1 << 64:
                return value
            return self._form(value, BY_KIND[int])
        if self.depth >= DEEPEST:
            raise NotStorable(class_name(kind), f"is nested more than {DEEPEST} levels deep", "return it flatter")
        self.depth += 1
        try:
            if kind is list:
                return self._items(value, value)
            if kind is dict:
                return self._dict(value)
            if kind is bytes:
                return self._bytes(value)
            if kind in self._values.pickled:
                return self._pickle(value)
            form = BY_KIND.get(kind)
            if form is not None:
                return self._form(value, form)
            return self._other(value, kind)
        finally:
            self.depth -= 1

    def ext(self, code: int, wired: Any) -> Ext:
        """An extension type around what is wired already."""
        return Ext(code, PACKED(wired))

    # ---- text and memory --------------------------------------------------------------------------------

    def _text(self, text: str) -> Any:
        if self.watching and self._values.watch.in_text(text):
            return hide(text) if self.redacting else self._secret(text, PLAIN_TEXT)
        if len(text) > self._values.limit and self._values.blobs is not None:
            pieces = (text[start : start + CHUNK] for start in range(0, len(text), CHUNK))
            try:
                return self._blob((piece.encode() for piece in pieces), b"s")
            except UnicodeEncodeError:
                return self._form(text, BY_KIND[str])
        try:
            if not text.isascii():
                text.encode()
        except UnicodeEncodeError:
            return self._form(text, BY_KIND[str])
        return text

    def secret_text(self, text: SecretText) -> Any:
        return HIDDEN if self.redacting else self._secret(plain(text), SECRET_TEXT)

    def _secret(self, text: str, kind: int) -> Any:
        parts = self._values.watch.parts(text)
        if parts is None:
            return self._lost()
        parts[::2] = [self._text(part) for part in parts[::2]]
        return self.ext(forms.SECRET, [kind, parts])

    def _lost(self) -> Any:
        if self.redacting:
            return HIDDEN
        self.lossy = True
        return Ext(forms.LOST, b"")

    def _bytes(self, data: bytes) -> Any:
        if self.watching and self._values.watch.in_bytes(data):
            return self._secret_bytes(data, PLAIN_BYTES)
        if len(data) > self._values.limit and self._values.blobs is not None:
            return self._blob(data, b"b")
        return data

    def _secret_bytes(self, data: bytes, kind: int) -> Any:
        if self.redacting:
            return HIDDEN.encode()
        try:
            return self._secret(data.decode(), kind)
        except UnicodeDecodeError:
            return self._lost()

    def _raw(self, view: memoryview) -> Any:
        if self.watching and self._values.watch.in_buffer(view):
            return self._lost()
        if view.nbytes > self._values.limit and self._values.blobs is not None:
            return self._blob(view, b"B")
        return view.tobytes()

    def _blob(self, data: bytes | memoryview | Iterable[bytes], kind: bytes) -> Ext:
        assert self._values.blobs is not None
        digest = self._values.blobs.put(data).digest
        self.refs[digest] = None
        return Ext(forms.BLOB, kind + bytes.fromhex(digest))

    # ---- containers -------------------------------------------------------------------------------------

    def _items(self, items: Iterable[Any], holder: object) -> list[Any]:
        made: list[Any] = []
        index = 0
        try:
            for item in items:
                made.append(self.wire(item))
                index += 1
        except NotStorable as error:
            error.within(f"[{index}]", holder)
            raise
        return made

    def _dict(self, value: dict[Any, Any]) -> Any:
        if all(map(_is_text, value)):
            keys = list(map(self._text, value))
            if all(map(_is_text, keys)):
                return dict(zip(keys, self.named(value, value).values(), strict=True))
        flat: list[Any] = []
        key: Any = None
        try:
            for key, item in value.items():
                flat.append(self._key(key))
                flat.append(self.wire(item))
        except NotStorable as error:
            error.within(f"[{_short(key)}]", value)
            raise
        return self.ext(forms.PAIRS, flat)

    def _key(self, key: Any) -> Any:
        try:
            return self.wire(key)
        except NotStorable as error:
            error.within(" (the key)", key)
            raise

    def named(self, state: dict[str, Any], holder: object, step: str = "") -> dict[str, Any]:
        """Values by name. ``step``: how a name is written in the place of a part; "": as a key."""
        made: dict[str, Any] = {}
        name = ""
        try:
            for name, item in state.items():
                made[name] = self.wire(item)
        except NotStorable as error:
            error.within(f"{step}{hide(name)}" if step else f"[{_short(name)}]", holder)
            raise
        return made

    def _form(self, value: Any, form: Form) -> Any:
        parts = form.parts(value)
        if form.container:
            wired = self._items(parts, value)
            if form.code in (forms.SET, forms.FROZENSET) and set(map(type, wired)) not in ({int}, {str}):
                wired.sort(key=PACKED)
            return self.ext(form.code, wired)
        if type(parts) is list:
            return self.ext(form.code, [self._part(part) for part in parts])
        if form.code == forms.LONG or form.code == forms.ODD_TEXT:
            if form.code == forms.ODD_TEXT and self.watching and self._values.watch.in_bytes(parts):
                return self._lost()
            return self.ext(form.code, self._bytes(parts))
        return self.ext(form.code, self._part(parts))

    def _part(self, part: Any) -> Any:
        return self._raw(part.view) if type(part) is Raw else self.wire(part)

    # ---- classes ----------------------------------------------------------------------------------------

    def _other(self, value: Any, kind: type) -> Any:
        if kind is SecretText:
            return self.secret_text(value)
        if isinstance(value, type):
            return Ext(forms.CLASS, PACKED(self._class(value, self._values.classes.find_class, "is")))
        if kind is StandIn:
            return self.again(value.code, value.raw, value.refs, value.lossy)
        if issubclass(kind, BaseException):
            return exceptions.wire(self, value)
        if issubclass(kind, enum.Enum):
            return self.ext(forms.ENUM, [self.class_(kind), value._name_, self._shown(value._value_)])
        if is_named_tuple(kind):
            if getattr(value, "__dict__", None):
                raise NotStorable(class_name(kind), "is a named tuple with attributes of its own", PLAIN_DATA)
            items = self.named(dict(zip(kind._fields, value, strict=True)), value, ".")  # type: ignore[attr-defined]
            return self.ext(forms.NAMED_TUPLE, [self.class_(kind), items])
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
            from .arrays import array_parts

            code, parts = array_parts(value)
            return self.ext(code, [self._part(part) for part in parts])
        if is_record(kind):
            return self.record(value, kind)
        raise _refused(value, kind)

    def class_(self, cls: type) -> str:
        """The name by which the class of an instance is found again."""
        return self._class(cls, self._values.classes.find)

    def shape(self, kind: type) -> Shape:
        return self._values.classes.shape(kind)

    def _class(self, cls: type, find: Callable[[str], type | None], verb: str = "has") -> str:
        name = class_name(cls)
        if find(name) is cls:
            return name
        if "<locals>" in name:
            reason, help = (
                f"{verb} a class that is defined inside a function",
                "define the class at the top of its module",
            )
        elif (known := find(name)) is not None and known is not cls:
            reason, help = f"{verb} a class that was replaced by another {known.__qualname__}", "load the program again"
        else:
            reason = f"{verb} a class that is not found again by its name, or whose instances are no plain data"
            help = f"use a class of the program, {PLAIN_DATA}, {_pickle_help(cls)}"
        raise NotStorable(name, f"({_dotted(cls)}) {reason}", help)

    def _shown(self, value: Any) -> Any:
        """The value of a member of an enumeration; it is found by its name, so that it may be left out."""
        try:
            return self.wire(value)
        except NotStorable:
            return None

    def record(self, value: Any, kind: type) -> Ext:
        shape = self.shape(kind)
        state = exceptions.known_failure(self, value, shape.state(value))
        fields = {name: state.pop(name) for name in shape.fields if name in state}
        parts = [self.class_(kind), self.named(fields, value, ".")]
        if state or len(fields) < len(shape.fields):
            unset = [name for name in shape.fields if name not in fields]
            if ATTRS_HASH in state:  # last, so that it does not hang on when it was asked for
                state[ATTRS_HASH] = state.pop(ATTRS_HASH)
            parts += [self.extra(state, value), unset]
        return self.ext(forms.RECORD, parts)

    def extra(self, state: dict[str, Any], holder: object) -> dict[str, Any]:
        """Attributes that nobody declared: their names are made at run time, too."""
        if any(type(name) is not str or (self.watching and self._values.watch.in_text(name)) for name in state):
            raise NotStorable(class_name(type(holder)), "has an attribute with no plain name", PLAIN_DATA)
        return self.named(state, holder, ".")

    def again(self, code: int, raw: bytes, refs: Iterable[str], lossy: bool) -> Ext:
        """What was read without being understood, as it was."""
        self.refs.update(dict.fromkeys(refs))
        self.lossy |= lossy
        return Ext(code, raw)

    def _pickle(self, value: Any) -> Any:
        import cloudpickle

        try:
            data = cloudpickle.dumps(value)
        except Exception as error:
            raise NotStorable(
                class_name(type(value)), f"({_dotted(type(value))}) cannot be pickled: {hide(str(error))}", PLAIN_DATA
            ) from error
        if self.watching and self._values.watch.in_bytes(data):
            return self._lost()
        return self.ext(forms.PICKLE, [class_name(type(value)), self._bytes(data)])


def _is_text(key: Any) -> bool:
    return type(key) is str


def _short(key: Any) -> str:
    try:
        shown = hide(repr(key))
    except Exception:
        shown = f"<{type(key).__name__}>"
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _dotted(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _pickle_help(kind: type) -> str:
    return f"or name the type where the engine is made: Engine(pickle=[{kind.__qualname__}])"


_BASES = (str, bytes, bytearray, int, float, complex, list, tuple, dict, set, frozenset)
_CODE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType)


def _refused(value: Any, kind: type) -> NotStorable:
    name = f"is a {_dotted(kind)}"
    if isinstance(value, _CODE):
        return NotStorable(class_name(kind), f"{name}, and code is not stored", PLAIN_DATA)
    if isinstance(value, (Iterator, types.CoroutineType, types.AsyncGeneratorType)):
        return NotStorable(
            class_name(kind), f"{name}, which is used up by reading it", "return a list of what it gives"
        )
    if kind is memoryview:
        return NotStorable(class_name(kind), f"{name}, a view of memory that is not its own", "return bytes(...) of it")
    if kind is defaultdict:
        return NotStorable(class_name(kind), f"{name}, which holds a function", "return dict(...) of it")
    base = next((base for base in _BASES if isinstance(value, base)), None)
    if base is not None:
        help = f"return {base.__name__}(...) of it, {_pickle_help(kind)}"
        return NotStorable(class_name(kind), f"{name}, and would come back as a plain {base.__name__}", help)
    help = f"make its class a dataclass or an attrs class, {PLAIN_DATA}, {_pickle_help(kind)}"
    return NotStorable(class_name(kind), f"{name}, which has no stored form", help)
