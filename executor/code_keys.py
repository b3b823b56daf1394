"""The code behind a function, with the helpers that it names: a cached value is good as long as that stays as it is.

It is the byte code, which knows no layout and no comments. Helpers are the functions, classes and constants that it
names, in its own package or anywhere that is not installed; what is installed counts by its name alone. Lists, dicts
and other objects that a module holds may be the state of a run as well as constants; they do not count.
"""

from __future__ import annotations

import functools
import sys
import types
import weakref
from collections.abc import Iterator
from enum import Enum
from typing import Any

from ..compiler.hashing import sha256

_PACKAGE = __name__.partition(".executor.")[0]
_VERSION = ".".join(map(str, sys.version_info[:2]))
_PLAIN = (type(None), bool, int, float, complex, str, bytes)

_known: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
_same: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def code_key(function: Any) -> str:
    """A digest of a function's, or a class's, code and that of its helpers, as they are when it is first asked for.

    Byte code differs between versions of Python, so the same code has another digest in another one.
    """
    try:
        function = _same.get(function, function)
        found = _known.get(function)
    except TypeError:  # it cannot be referred to weakly
        return _digest(function)
    if found is None:
        found = _known[function] = _digest(function)
    return found


def same_code(wrapper: Any, function: Any) -> None:
    """What ``wrapper`` does beside calling ``function`` changes no result: the one has the key of the other."""
    _same[wrapper] = function


def is_ours(value: Any, package: str = "") -> bool:
    """Is a function or class neither installed nor the language's own, or is it of a package?"""
    module = getattr(value, "__module__", None)
    if not isinstance(module, str):
        return False
    top = module.partition(".")[0]
    if package and top == package:
        return True
    if top in (_PACKAGE, "builtins"):
        return False
    code = getattr(value, "__code__", None)
    file = code.co_filename if code is not None else getattr(sys.modules.get(module), "__file__", None)
    return isinstance(file, str) and not file.startswith(_installed()) and "/dist-packages/" not in file


@functools.cache
def _installed() -> tuple[str, ...]:
    """What the files of the standard library and of installed packages begin with."""
    import sysconfig

    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return ("<frozen ", *(path.rstrip("/") + "/" for path in sorted(paths) if path))


def _digest(root: Any) -> str:
    """Of all that is reached, each once, in the order it is met."""
    module = getattr(root, "__module__", None) or ""
    package = module.partition(".")[0]
    made = sha256(_VERSION.encode())
    seen = {id(root)}
    waiting = [root]
    while waiting:
        for text, value in _parts(waiting.pop()):
            made.update(text.encode("utf-8", "surrogatepass"))
            made.update(b"\x1f")
            value = _behind(value)
            if value is not None and id(value) not in seen and (value is root or is_ours(value, package)):
                seen.add(id(value))
                waiting.append(value)
    return made.hexdigest()


def _behind(value: Any) -> Any:
    """The function or class that something is or wraps; None where it is neither."""
    if isinstance(value, (staticmethod, classmethod, types.MethodType)):
        return value.__func__
    if isinstance(value, (types.FunctionType, type)):
        return value
    if type(value).__module__.partition(".")[0] == _PACKAGE:  # a node
        fn = getattr(value, "fn", None)
        return fn if isinstance(fn, types.FunctionType) else None
    return None


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What of a function or a class counts: as text, and what is to be looked at too."""
    if isinstance(value, types.FunctionType):
        yield from _function(value)
    elif isinstance(value, type):
        yield f"class {value.__qualname__}", None
        for base in value.__bases__:
            yield _named(base), base
        members = {**vars(value), **{m.name: m.value for m in value}} if issubclass(value, Enum) else vars(value)
        for name, member in members.items():
            if isinstance(member, property):
                for part in (member.fget, member.fset):
                    yield name, part
            elif not name.startswith("__") or isinstance(member, (types.FunctionType, staticmethod, classmethod)):
                yield f"{name}={_constant(member)}", member
    else:
        yield _named(value), getattr(value, "func", None)  # a partial, an object that can be called


def _function(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    code = function.__code__
    yield from ((text, None) for text in _code(code, function.__doc__))
    for name, value in {**(function.__kwdefaults__ or {}), **_defaults(function)}.items():
        yield f"{name}={_constant(value)}", value
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:  # not bound yet
            continue
        yield f"{name}={_constant(value)}", value
    scope = function.__globals__
    names = list(dict.fromkeys(_names(code)))
    modules = [scope[name] for name in names if isinstance(scope.get(name), types.ModuleType)]
    for name in names:
        if name in scope:
            yield f"{name}={_constant(scope[name])}", scope[name]
        for module in modules:
            if name in vars(module):
                yield f"{module.__name__}.{name}", vars(module)[name]


def _defaults(function: types.FunctionType) -> dict[str, Any]:
    values = function.__defaults__ or ()
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return dict(zip(names[len(names) - len(values) :], values, strict=True))


def _code(code: types.CodeType, doc: str | None = None) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join((*code.co_names, *code.co_varnames, *code.co_freevars))
    for index, constant in enumerate(code.co_consts):
        if isinstance(constant, types.CodeType):
            yield from _code(constant)
        elif index or constant != doc:
            yield _constant(constant)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _constant(value: Any) -> str:
    """A constant by its value, anything else by what it is."""
    if isinstance(value, _PLAIN):
        return f"{type(value).__name__}:{value!r}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_constant, value))})"
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(_constant, value)))}}}"
    return _named(value)


def _named(value: Any) -> str:
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type)):
        return f"{value.__module__}.{value.__qualname__}"
    return f"a {type(value).__module__}.{type(value).__qualname__}"
