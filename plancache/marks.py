"""What a plan may know of a real object, as text that is the same in each process, or a refusal.

A file that has not changed may still define something else today, under another environment or beside another library.
So whatever a load has looked at is written down whole: of a function its code, its defaults, its annotations with all
that text in them names; of a class its bases, fields, defaults and members; of a node what it declares; of a value the
value. An object that is none of these is :class:`Unmarked`, and what needs it is not kept: an exact mark or none.
"""

from __future__ import annotations

import os
import sys
from types import BuiltinFunctionType, CodeType, FunctionType, MappingProxyType, MethodType, ModuleType

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PACKAGE = __name__.partition(".plancache.")[0]
_STANDARD = os.path.dirname(os.__file__) + os.sep
_PLAIN = frozenset({bool, int, float, complex, str, bytes, bytearray, range, slice, type(None), type(...)})
_BY_REPR = frozenset(
    {
        *(("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("uuid", "UUID"),
        ("pathlib", "PosixPath"),
        ("pathlib", "PurePosixPath"),
    }
)
"""Classes whose instances their ``repr`` tells whole."""

_OF_A_FUNCTION = frozenset({"__wrapped__", "__signature__", "__cflow_form__", "_is_coroutine_mark", "_partialmethod"})
_DEPTH = 60


class Unmarked(Exception):
    """Of this object it cannot be told whether it is what it was."""


def mark(value: Any) -> str:
    """The mark of an object.

    Raises
    ------
    Unmarked: there is none.
    """
    return _Marker().of(value)


class _Marker:
    """One mark under way: what was met already is a number."""

    def __init__(self) -> None:
        self._met: dict[int, tuple[int, Any]] = {}  # with the object, so that no other takes its place in memory
        self._depth = 0

    def of(self, value: Any) -> str:
        kind = type(value)
        if kind in _PLAIN:
            return f"{kind.__name__}:{value!r}"
        if kind is tuple:  # which are one object in one process and two in another
            return f"tuple({self.items(value)})"
        met = self._met.get(id(value))
        if met is not None:
            return f"#{met[0]}"
        self._met[id(value)] = len(self._met), value
        self._depth += 1
        if self._depth > _DEPTH:
            raise Unmarked("too deep")
        try:
            return self._told(value, kind)
        finally:
            self._depth -= 1

    def _told(self, value: Any, kind: type) -> str:
        if kind is list:
            return f"list({self.items(value)})"
        if kind in (set, frozenset):
            # Each with a memory of its own: the order of a set is another in each process.
            return f"{kind.__name__}({','.join(sorted(mark(item) for item in value))})"
        if kind in (dict, MappingProxyType):
            return f"dict({self.pairs(value)})"
        if kind is FunctionType:
            return self.function(value)
        if isinstance(value, type) and kind is not _GenericAlias:
            return self.cls(value)
        if kind is BuiltinFunctionType and (value.__self__ is None or type(value.__self__) is ModuleType):
            return f"builtin({value.__module__}.{value.__qualname__} {value.__text_signature__})"
        if kind is ModuleType or isinstance(value, ModuleType):
            return f"module({value.__name__} {getattr(value, '__file__', None)})"
        if kind is CodeType:
            return self.code(value)
        if kind is MethodType:
            return f"method({self.of(value.__func__)} {self.of(value.__self__)})"
        if kind in (staticmethod, classmethod):
            return f"{kind.__name__}({self.of(value.__func__)})"
        return self.instance(value, kind)

    def items(self, values: Iterable[Any]) -> str:
        return ",".join([self.of(value) for value in values])

    def pairs(self, values: Mapping[Any, Any]) -> str:
        return ",".join([f"{self.of(key)}={self.of(value)}" for key, value in values.items()])

    # ---- functions -------------------------------------------------------------------------------

    def function(self, value: Any) -> str:
        """Its code and all that its signature is made of."""
        if _library_file(value.__code__.co_filename):
            return f"function({value.__code__.co_filename} {value.__qualname__})"
        own = {name: kept for name, kept in vars(value).items() if name in _OF_A_FUNCTION}
        held = dict(zip(value.__code__.co_freevars, value.__closure__ or (), strict=True))
        names = {**value.__globals__, **_cells(held)}
        code, defaults, by_name = self.code(value.__code__), self.of(value.__defaults__), self.of(value.__kwdefaults__)
        return (
            f"function({value.__module__}.{value.__qualname__} {code} {defaults} {by_name} {self.of(value.__doc__)}"
            f" {self.pairs(own)} {self.closure(held)} {self.annotations(value.__annotations__, names)})"
        )

    def closure(self, held: Mapping[str, Any]) -> str:
        """What a function closes over, as far as it enters the digest of a node (:mod:`cflow.dsl.source`)."""
        told = []
        for name, value in _cells(held).items():
            whole = type(value) in _WHOLE or isinstance(value, (FunctionType, type))
            told.append(f"{name}={self.of(value) if whole else type(value).__qualname__}")
        return ",".join(told)

    def code(self, code: Any) -> str:
        told = (
            code.co_filename, code.co_firstlineno, code.co_qualname, code.co_flags, code.co_argcount,
            code.co_posonlyargcount, code.co_kwonlyargcount, code.co_varnames, code.co_names, code.co_freevars,
            code.co_cellvars, code.co_code,
        )  # fmt: skip
        return f"code({told!r} {self.items(code.co_consts)})"

    def annotations(self, annotations: Any, names: dict[str, Any]) -> str:
        """With what the text in them means, which is found out as a load does: by evaluating it."""
        if type(annotations) is not dict:
            raise Unmarked("annotations")
        return f"{self.pairs(annotations)} {self.meant(annotations.values(), names)}"

    def meant(self, annotations: Iterable[Any], names: dict[str, Any], depth: int = 0) -> str:
        told = []
        for text in [text for annotation in annotations for text in _texts(annotation)]:
            try:
                value = eval(text, names)  # the author's own, of a module that was imported
            except Exception:
                told.append("?")
                continue
            if depth > _DEPTH:
                raise Unmarked("too deep")
            told.append(f"{self.of(value)} {self.meant((value,), names, depth + 1)}")
        return ",".join(told)

    # ---- classes ---------------------------------------------------------------------------------

    def cls(self, value: Any) -> str:
        """What it is made of; one of Python itself, or of this package, by its name."""
        name = f"{value.__module__}.{value.__qualname__}"
        if _of_library(value):
            return f"class({name})"
        own = vars(value)
        told = [f"class({name} {self.items(value.__bases__)} {type(value).__module__}.{type(value).__qualname__}"]
        if own.keys() & {"__dataclass_fields__", "__attrs_attrs__", "_fields"}:
            module = sys.modules.get(value.__module__)
            names = {**(vars(module) if module is not None else {}), value.__name__: value}
            told += [self.annotations(vars(base).get("__annotations__", {}), dict(names)) for base in value.__mro__]
        for key, kept in own.items():
            if key in _ASIDE:
                continue
            if key == "__dataclass_fields__":
                told.append(f"fields({self.fields(kept.values(), _DATACLASS)})")
            elif key == "__attrs_attrs__":
                told.append(f"attrs({self.fields(kept, _ATTRS)})")
            elif key == "__dataclass_params__":
                told.append(repr(kept))
            elif key in ("_fields", "_field_defaults", "_member_map_") or type(kept) in _WHOLE:
                told.append(f"{key}={self.of(kept)}")
            elif isinstance(kept, FunctionType):
                told.append(
                    f"{key}={self.code(kept.__code__)}{self.of(kept.__defaults__)}{self.of(kept.__kwdefaults__)}"
                )
            else:  # a descriptor, a lock, ...: nothing that a program can ask for
                told.append(f"{key}:{type(kept).__module__}.{type(kept).__qualname__}")
        return " ".join(told) + ")"

    def fields(self, fields: Iterable[Any], asked: tuple[str, ...]) -> str:
        return ",".join([":".join([self.of(getattr(field, name)) for name in asked]) for field in fields])

    # ---- other values ----------------------------------------------------------------------------

    def instance(self, value: Any, kind: type) -> str:
        name = (kind.__module__, kind.__qualname__)
        if name in _BY_REPR:
            return f"{kind.__qualname__}:{value!r}"
        if name in ((f"{_PACKAGE}.dsl.declaring", "NodeDef"), (f"{_PACKAGE}.facade", "Node")):
            return f"node({self.pairs(value.declared)} {self.of(value.fn)})"
        if name in _OWN:
            return f"{kind.__qualname__}({self.items(getattr(value, part) for part in _OWN[name])})"
        if kind.__module__ in _PARTS:
            return self.of_a_library(value, kind)
        if hasattr(kind, "_member_map_") and hasattr(value, "_name_"):
            return f"member({self.of(kind)} {value._name_} {self.of(value._value_)})"
        raise Unmarked(f"{kind.__module__}.{kind.__qualname__}")

    def of_a_library(self, value: Any, kind: type) -> str:
        """Parts of annotations and of definitions."""
        origin, args = getattr(value, "__origin__", None), getattr(value, "__args__", None)
        name = kind.__qualname__
        if isinstance(args, tuple):
            return f"{name}({self.of(origin)}[{self.items(args)}])"
        match name:
            case "TypeVar":
                return f"TypeVar({value.__name__} {self.of(value.__bound__)} {self.items(value.__constraints__)})"
            case "NewType":
                return f"NewType({value.__name__} {self.of(value.__supertype__)})"
            case "ForwardRef":
                return f"ForwardRef({value.__forward_arg__})"
            case "_MISSING_TYPE" | "_KW_ONLY_TYPE" | "_HAS_DEFAULT_FACTORY_CLASS" | "_Nothing":
                return name
            case "_SpecialForm" | "_LiteralSpecialForm" | "_SpecialGenericAlias" | "_TupleType" | "_CallableType":
                return f"{name}({value._name})"
            case "Factory":
                return f"Factory({self.of(value.factory)} {value.takes_self})"
            case "_lru_cache_wrapper":
                return f"cache({self.of(value.__wrapped__)})"
            case "partial":
                return f"partial({self.of(value.func)} {self.items(value.args)} {self.pairs(value.keywords)})"
            case "cached_property":
                return f"cached({self.of(value.func)})"
        raise Unmarked(name)


_PARTS = frozenset(
    {"typing", "types", "collections.abc", "functools", "dataclasses", "attr._make", "attr", "attrs"}
)  # of annotations and definitions
_GenericAlias = type(list[int])
_WHOLE = frozenset({*_PLAIN, tuple, list, dict, set, frozenset, staticmethod, classmethod})
_ASIDE = frozenset(
    {"__module__", "__qualname__", "__dict__", "__weakref__", "__annotations__", "__doc__", "__firstlineno__"}
    | {"_value2member_map_", "_member_names_", "_unhashable_values_", "_hashable_values_", "__abstractmethods__"}
)
_DATACLASS = ("name", "type", "default", "default_factory", "init", "kw_only")
_ATTRS = ("name", "alias", "type", "default", "init", "kw_only", "converter")
_OWN: dict[tuple[str, str], tuple[str, ...]] = {
    (f"{_PACKAGE}.compiler.spec", "Retry"): ("times", "backoff", "max", "jitter", "on"),
    (f"{_PACKAGE}.dsl.declaring", "Ambient"): ("spec",),
    (f"{_PACKAGE}.dsl.declaring", "FormName"): ("name",),
    (f"{_PACKAGE}.compiler.ir", "AmbientSpec"): ("kind", "name", "type", "default", "required"),
    (f"{_PACKAGE}.compiler.types", "Type"): ("name", "args"),
}
"""Objects of this package that a module may offer, and their parts."""


def _texts(value: Any, depth: int = 0) -> list[str]:
    """The text in an annotation: it names what the annotation means."""
    if isinstance(value, str):
        return [value]
    if depth > 20:
        raise Unmarked("too deep")
    text = getattr(value, "__forward_arg__", None)
    if isinstance(text, str):
        return [text]
    parts = getattr(value, "__args__", None)
    return [t for part in parts for t in _texts(part, depth + 1)] if isinstance(parts, tuple) else []


def _cells(held: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, cell in held.items():
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return found


def _of_library(cls: type) -> bool:
    """Is it a class of Python itself or of this package? Their state is in the name of each entry."""
    module = sys.modules.get(cls.__module__)
    found: Any = module
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    if module is None or (found is not cls and cls is not type(None)):
        return False
    file = getattr(module, "__file__", None)
    return module.__name__ in sys.builtin_module_names if file is None else _library_file(file)


def _library_file(file: str) -> bool:
    if file.startswith(ROOT + os.sep):
        return file[len(ROOT) + 1 :].partition(os.sep)[0] not in ("tests", "benchmarks", "examples", "docs")
    return file.startswith(_STANDARD) and f"{os.sep}site-packages{os.sep}" not in file
