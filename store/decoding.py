"""A value put together again from its bytes. Nothing that they name is imported or called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from attrs import evolve
from msgspec.msgpack import Decoder

from ..compiler.secrets import HIDDEN
from . import exceptions, forms
from .failures import Damaged, StoreError
from .forms import BY_CODE
from .records import StandIn, fields_of, is_named_tuple, is_record
from .secretparts import placeholder, plain
from .unstorable import Lost, Misfit
from .writing import PLAIN_BYTEARRAY, PLAIN_TEXT, SECRET_TEXT

if TYPE_CHECKING:
    from .encoding import Values


def _refuse(code: int, data: memoryview) -> Any:
    msg = "a form that plain data has not"
    raise ValueError(msg)


plainly = Decoder(ext_hook=_refuse).decode
"""Reads what holds nothing but plain data."""


NOTHING_MORE: tuple[dict[str, Any], list[str]] = ({}, [])


class Reader:
    """Reads one value. ``show``: it is for people to see, so what cannot be made is shown by a stand-in."""

    def __init__(self, values: Values, show: bool) -> None:
        self._values = values
        self._show = show
        self._refs: list[str] = []
        self._lost = 0
        self._decode = Decoder(ext_hook=self._hook).decode

    def read(self, body: bytes | bytearray | memoryview) -> Any:
        return self._decode(body)

    def _hook(self, code: int, data: memoryview) -> Any:
        form = BY_CODE.get(code)
        if form is not None:
            parts = self._decode(data)
            try:
                return form.made(parts)
            except (Misfit, ValueError, ArithmeticError):
                if not self._show:
                    raise
                return StandIn(form.kind.__name__, parts, code, bytes(data))
        special = _SPECIAL.get(code)
        if special is None:
            msg = f"no form has the number {code}"
            raise ValueError(msg)
        return special(self, data)

    # ---- each form that is none of the table ------------------------------------------------------------

    def _blob(self, data: memoryview) -> Any:
        kind, digest = bytes(data[:1]), bytes(data[1:]).hex()
        blobs = self._values.blobs
        if blobs is None:
            msg = f"a part of it is in a file of its own ({digest[:12]}), and no folder is given for these"
            raise Misfit(msg)
        self._refs.append(digest)
        match kind:
            case b"s":
                return blobs.text(digest)
            case b"b":
                return blobs.get(digest)
            case b"B":
                return blobs.load(digest)
        msg = f"no large value is of the kind {kind!r}"
        raise ValueError(msg)

    def _secret(self, data: memoryview) -> Any:
        kind, parts = self._decode(data)
        named = self._values.watch.named
        missing = [name for name in parts[1::2] if name not in named]
        if missing and not self._show:
            msg = f"the secret {missing[0]} is not set here, and a stored value holds it: export {missing[0]}=..."
            raise Lost(msg)
        self._lost += bool(missing)
        pieces = [plain(named.get(p, HIDDEN)) if n % 2 else p for n, p in enumerate(parts)]
        text = "".join(pieces)
        if kind == PLAIN_TEXT:
            return text
        if kind == SECRET_TEXT:
            if len(parts) == 3 and not parts[0] and not parts[2] and parts[1] in named:
                return named[parts[1]]
            return placeholder(text)
        return bytearray(text.encode()) if kind == PLAIN_BYTEARRAY else text.encode()

    def _gone(self, data: memoryview) -> Any:
        if not self._show:
            msg = "a part of it was made from a secret and is not stored: it has to be computed again"
            raise Lost(msg)
        self._lost += 1
        return placeholder()

    def _record(self, data: memoryview) -> Any:
        refs, lost = len(self._refs), self._lost
        name, fields, *more = self._decode(data)
        kind = self._values.classes.find(name)
        if kind is None or not is_record(kind):
            return self._stand_in(forms.RECORD, data, name, {**fields, **(more or NOTHING_MORE)[0]}, refs, lost)
        extra, unset = more or NOTHING_MORE
        shape = self._values.classes.shape(kind)
        if {*fields, *unset} != set(shape.fields):
            was, now = ", ".join([*fields, *unset]), ", ".join(fields_of(kind))
            return self._misfit(
                f"{name} has the fields {now}, and was stored with {was}", forms.RECORD, data, name, fields, refs, lost
            )
        made: Any = object.__new__(kind)
        shape.restore(made, {**fields, **extra})
        return made

    def _named_tuple(self, data: memoryview) -> Any:
        refs, lost = len(self._refs), self._lost
        name, fields = self._decode(data)
        kind: Any = self._values.classes.find(name)
        if kind is None or not is_named_tuple(kind):
            return self._stand_in(forms.NAMED_TUPLE, data, name, fields, refs, lost)
        if tuple(fields) != kind._fields:
            reason = f"{name} has the fields {', '.join(kind._fields)}, and was stored with {', '.join(fields)}"
            return self._misfit(reason, forms.NAMED_TUPLE, data, name, fields, refs, lost)
        return tuple.__new__(kind, fields.values())

    def _enum(self, data: memoryview) -> Any:
        refs, lost = len(self._refs), self._lost
        name, member, value = self._decode(data)
        kind: Any = self._values.classes.find(name)
        members = getattr(kind, "_member_map_", None)
        if kind is None or members is None:
            return evolve(self._stand_in(forms.ENUM, data, name, member or value, refs, lost), enumerated=value)
        if member in members:
            return members[member]
        try:
            return kind(value)  # a combination of flags
        except ValueError:
            made = self._misfit(f"{name} has no member {member}", forms.ENUM, data, name, member, refs, lost)
            return evolve(made, enumerated=value)

    def _class(self, data: memoryview) -> Any:
        name = self._decode(data)
        kind = self._values.classes.find_class(name)
        return self._stand_in(forms.CLASS, data, name, None, len(self._refs), self._lost) if kind is None else kind

    def _error(self, data: memoryview) -> Any:
        refs, lost = len(self._refs), self._lost
        name, parts = self._decode(data)
        made = exceptions.build(self._values.classes, name, parts)
        if type(made) is exceptions.Restored:
            made._raw, made._refs = bytes(data), tuple(self._refs[refs:])
            self._lost = lost
        return made

    def _pickle(self, data: memoryview) -> Any:
        refs, lost = len(self._refs), self._lost
        name, pickled = self._decode(data)
        kind = self._values.pickled_by_name.get(name)
        if kind is None:
            reason = f"{name} is stored as a pickle, which is code: name the type where the engine is made"
            return self._misfit(reason, forms.PICKLE, data, name, "pickled", refs, lost)
        import pickle

        made = pickle.loads(pickled)
        if type(made) is not kind:
            raise TypeError(f"a pickle of {name} holds something else")
        return made

    def _numpy(self, data: memoryview, code: int = forms.NUMPY) -> Any:
        parts = self._decode(data)
        try:
            from .arrays import array_of, scalar_of

            return array_of(*parts) if code == forms.NUMPY else scalar_of(*parts)
        except ImportError:
            return self._misfit("numpy is not installed", code, data, "numpy:ndarray", parts[:-1], 0, self._lost)

    def _numpy_scalar(self, data: memoryview) -> Any:
        return self._numpy(data, forms.NUMPY_SCALAR)

    # ---- what the program does not know -----------------------------------------------------------------

    def _stand_in(self, code: int, data: memoryview, name: str, parts: Any, refs: int, lost: int) -> Any:
        reason = f"the class {name} is not known to the program: import its module where the flow is defined"
        return self._misfit(reason, code, data, name, parts, refs, lost)

    def _misfit(self, reason: str, code: int, data: memoryview, name: str, parts: Any, refs: int, lost: int) -> Any:
        if not self._show:
            raise Misfit(reason)
        if type(name) is not str:
            raise TypeError("a class without a name")
        return StandIn(name, parts, code, bytes(data), tuple(self._refs[refs:]), self._lost > lost)


_SPECIAL = {
    forms.BLOB: Reader._blob, forms.SECRET: Reader._secret, forms.LOST: Reader._gone, forms.RECORD: Reader._record,
    forms.NAMED_TUPLE: Reader._named_tuple, forms.ENUM: Reader._enum, forms.CLASS: Reader._class,
    forms.ERROR: Reader._error, forms.PICKLE: Reader._pickle, forms.NUMPY: Reader._numpy,
    forms.NUMPY_SCALAR: Reader._numpy_scalar,
}  # fmt: skip


def damaged(error: Exception, what: str) -> StoreError:
    """The error of bytes that are not what was written."""
    detail = str(error) if isinstance(error, (msgspec.MsgspecError, ValueError, TypeError)) else type(error).__name__
    return Damaged(f"{what} is not what was written: {detail}", what)
