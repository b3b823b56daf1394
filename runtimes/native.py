"""``runs="native"``: a function of a shared library in C or C++ (``extern "C"``), by its declaration.

The library is loaded by cffi in a worker process, so what it does to that (a crash, a leak, a loop) costs its call.

Arguments: numbers as they are; ``str`` and ``bytes`` for ``const char *``; for any other pointer what has a buffer
(an array of NumPy, ``array.array``, ``bytes``) or a list of numbers. A pointer that is not ``const`` is written to: the
call gives what the function returns, then each of these, as a tuple where that is more than one value.
"""

from __future__ import annotations

import functools
import inspect
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
            size = 1 if wanted.item.kind == "void" else ffi.sizeof(wanted.item)
            if isinstance(value, (list, tuple)):
                value = ffi.new(ffi.getctype(wanted.item, "[]"), value)
                given.append(value)
            elif const and isinstance(value, bytes):
                given.append(ffi.new("char[]", value) if wanted.item.cname == "char" else ffi.from_buffer(value))
            elif memoryview(value).itemsize not in (1, size):
                msg = (
                    f"{self._name} takes {wanted.cname}, and the array has items of {memoryview(value).itemsize} bytes"
                )
                raise TypeError(msg)
            else:
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
