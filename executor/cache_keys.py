"""The content of a call, by which ``cache=`` knows an equal one: what is called, and its arguments by value.

Two calls are equal where every parameter gets an equal value, whether by position, by name or by its default. A key is
``NAME:HASH-HASH``, of the arguments and of the code, the same in every process: no address, no order of a set gets into
it.
"""

from __future__ import annotations

import functools
import io
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from ..compiler.spec import NodeSpec
from .code_keys import code_key, is_ours


class _Parameter(Protocol):
    """A parameter of a node or of a flow."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def required(self) -> bool: ...


_HALF = 32
"""Hex digits of each hash that are kept: 128 bits."""

P = TypeVar("P", bound=_Parameter)


def node_key(spec: NodeSpec, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The content of a node's call: the node's code with its helpers, or its version, and the arguments.

    Parameters
    ----------
    fn: what is called: the node's function, or what stands in for it.

    Raises
    ------
    TypeError: an argument cannot be taken by value.
    """
    signature = spec.signature
    given = (
        values_of(signature.params, args, kwargs, lambda p: p.default)
        if signature.known
        else (args, sorted(kwargs.items()))
    )
    return key_of(spec.name, code_of(spec, fn), given)


def key_of(name: str, code: tuple[Any, ...], given: Any) -> str:
    """The key of a call of what ``name`` and ``code`` tell, with the arguments ``given``.

    Raises
    ------
    TypeError: as :func:`content`.
    """
    return f"{name}:{content(name, given)[:_HALF]}-{_code(name, code)}"


def halves(key: str) -> tuple[str, str]:
    """What stands in a key for the arguments, and what for the code."""
    arguments, _, code = key.rpartition(":")[2].partition("-")
    return arguments, code


@functools.lru_cache(maxsize=1024)
def _code(name: str, code: tuple[Any, ...]) -> str:
    return content(name, (name, code))[:_HALF]


def code_of(spec: NodeSpec, fn: Callable[..., Any]) -> tuple[str, ...]:
    """What stands for a node's code, and for who may see what it gives."""
    code = ("version", spec.version) if spec.version else ("code", spec.source, code_key(fn))
    return (*code, spec.grants) if spec.grants else code


def values_of(
    params: Sequence[P], args: Sequence[Any], kwargs: Mapping[str, Any], default: Callable[[P], Any]
) -> list[Any]:
    """The values of a call in the order of the parameters, those of ``**names`` in the order of their names.

    Parameters
    ----------
    params: of what is called.
    args, kwargs: what it is called with.
    default: what a parameter has that is left out.
    """
    values: list[Any] = []
    named = dict(kwargs)
    position = 0
    for param in params:
        if param.kind == "var_pos":
            values.append(tuple(args[position:]))
            position = len(args)
        elif param.kind == "var_kw":
            values.append(sorted(named.items()))
            named = {}
        elif param.kind != "kw" and position < len(args):
            values.append(args[position])
            position += 1
        elif param.kind != "pos" and param.name in named:
            values.append(named.pop(param.name))
        elif not param.required:
            values.append(default(param))
    if position < len(args) or named:  # it does not fit, and fails: it equals no call that does
        values.append((args, sorted(named.items())))
    return values


def content(what: str, value: Any) -> str:
    """A hash of a value; equal values of plain data have equal ones.

    Raises
    ------
    TypeError: it cannot be taken by value; ``what`` names whose arguments it holds.
    """
    try:
        body = _pickled(value, True)
    except Exception:  # a circle, for instance
        try:
            body = _pickled(value, False)
        except Exception as error:
            msg = f"to cache {what}, its arguments are taken by value, which fails: {error}"
            raise TypeError(msg) from error
    import hashlib

    return hashlib.sha256(body).hexdigest()


def _pickled(value: Any, fast: bool) -> bytes:
    file = io.BytesIO()
    pickler = _pickler()(file, protocol=5)
    pickler.fast = fast  # else it matters whether two equal parts are one object
    pickler.dump(value)
    return file.getvalue()


def _by_name(value: Any) -> bool:
    """Is a function or class what its module has under its name?"""
    return getattr(sys.modules.get(value.__module__), value.__qualname__, None) is value


@functools.cache
def _pickler() -> Any:
    import hashlib

    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def persistent_id(self, value: Any) -> Any:
            """What stands for a value that has no fixed form of its own."""
            kind = type(value)
            if kind is set or kind is frozenset:
                return kind.__name__, sorted(hashlib.sha256(_pickled(item, True)).digest() for item in value)
            if (kind is types.FunctionType or isinstance(value, type)) and (is_ours(value) or not _by_name(value)):
                return "code", f"{value.__module__}.{value.__qualname__}", code_key(value)
            return None

    return Pickler
