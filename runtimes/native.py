"""``runs="native"``: a function of a shared library in C or C++ (``extern "C"``), by its declaration.

The library is loaded by cffi in a worker process, so what it does to that (a crash, a leak, a loop) costs its call.

Arguments: numbers as they are; ``str`` and ``bytes`` for ``const char *``; for any other pointer what has a buffer
(an array of NumPy, ``array.array``, ``bytes``) or a list of numbers. A pointer that is not ``const`` is written to: the
call gives what the function returns, then each of these, as a tuple where that is more than one value.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import AsyncGenerator, Callable
from typing import Any

from ..compiler.beside import beside
from ..compiler.spec import NodeSpec
from . import processes
from .code import need
from .port import Job


class Function:
    """A function of a library, as it is sent to a worker; loaded there once."""

    def __init__(self, name: str, library: str, declaration: str, signature: inspect.Signature) -> None:
        self._name = name
        self._library = library
        self._declaration = declaration
        self._signature = signature

    @functools.cached_property
    def _loaded(self) -> tuple[Any, Any, Any]:
        import cffi

        ffi = cffi.FFI()
        try:
            ffi.cdef(self._declaration)
            function = getattr(ffi.dlopen(self._library), self._name)
        except (cffi.CDefError, cffi.FFIError, AttributeError) as error:
            msg = f"signature= of {self._name} declares no C function {self._name} of the library: {error}"
            raise ValueError(msg) from None
        type = ffi.typeof(function)
        if len(type.args) != len(self._signature.parameters):
            msg = f"{self._name} has {len(self._signature.parameters)} parameters, its signature= {len(type.args)}"
            raise ValueError(msg)
        gives = type.result
        text = gives.kind == "pointer" and gives.item.cname == "char"
        if type.ellipsis or gives.cname == "long double" or not (text or gives.kind in ("void", "primitive", "enum")):
            msg = f"signature= of {self._name} is to give a number, const char * or void, and have fixed parameters"
            raise ValueError(msg)
        return ffi, function, type

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """One call.

        Raises
        ------
        OSError: the library cannot be loaded. ValueError: it has no such function, or one with other parameters; a text
        with a zero character.
        TypeError: an argument does not fit.
        """
        ffi, function, type = self._loaded
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given: list[Any] = []
        written: list[Any] = []
        for (name, value), wanted, const in zip(
            bound.arguments.items(), type.args, _const(self._declaration, len(type.args)), strict=True
        ):
            if wanted.kind != "pointer":
                given.append(value)
                continue
            if isinstance(value, str):
                if "\0" in value:
                    msg = f"{name}= of {self._name} holds a zero character, where a text of C ends: give bytes"
                    raise ValueError(msg)
                value = value.encode()
            if isinstance(value, (list, tuple)):
                value = ffi.new(ffi.getctype(wanted.item, "[]"), value)
                given.append(value)
            elif const and isinstance(value, bytes) and wanted.item.cname == "char":
                given.append(ffi.new("char[]", value))
            else:
                _check_items(self._name, ffi, wanted, memoryview(value))
                given.append(ffi.cast(wanted, ffi.from_buffer(value, require_writable=not const)))
            if not const:
                written.append(value)
        result = function(*given)
        found = [list(v) if isinstance(v, ffi.CData) else v for v in written]
        if type.result.kind == "pointer" and type.result.item.cname == "char":
            found.insert(0, None if result == ffi.NULL else ffi.string(result).decode())
        elif type.result.kind != "void":
            found.insert(0, result)
        return tuple(found) if len(found) > 1 else found[0] if found else None


def _check_items(name: str, ffi: Any, wanted: Any, view: memoryview) -> None:
    """
    Raises
    ------
    TypeError: they are of another kind or size than what the pointer points to. Bytes may be anything, if they are as
    many as make whole items.
    """
    item = wanted.item
    size = 0 if item.kind == "void" else ffi.sizeof(item)
    order, kind = view.format[0], view.format[-1]
    if view.itemsize == 1 and kind in "bBc?" and (not size or view.nbytes % size == 0):
        return
    floating = item.cname in ("float", "double", "long double")
    if (
        view.itemsize != (size or view.itemsize)
        or kind == "O"
        or order in (">!" if sys.byteorder == "little" else "<")
        or (item.kind == "primitive" and floating != (kind in "fdg"))
    ):
        msg = f"{name} takes {wanted.cname}, and the array has items of {view.itemsize} bytes ({view.format})"
        raise TypeError(msg)


def _const(declaration: str, count: int) -> list[bool]:
    """Of each parameter of a declaration: does it point to what is not written to? cffi forgets that."""
    inside = declaration[declaration.index("(") + 1 : declaration.rindex(")")]
    return ["const" in part.split("*")[0].split() for part in inside.split(",")][:count]


class Native(processes.Processes):
    """The runtime of ``runs="native"``."""

    def prepared(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        """See :class:`~.port.Runtime`."""
        need("cffi", "native", spec)
        library = beside(fn, spec.runtime["library"])
        return Function(spec.name, library, spec.runtime["signature"], inspect.signature(fn))

    def items(self, job: Job) -> AsyncGenerator[Any, None]:
        """There are none: a function gives one result."""
        raise NotImplementedError


RUNTIME = Native()
