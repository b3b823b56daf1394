"""What stands in for nodes in a test: mocks, a record of every call, and a look at whether a node changed what it must
not.

One :class:`Stage` is one test. It gives the engine another function for every node; that function asks the stage at
each call. Knows neither files nor printing.
"""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import attrs
import trio
from attrs import define, field, frozen

from .compiler.spec import NodeSpec
from .executor.elsewhere import located
from .executor.program_order import places
from .executor.streams import closed, reader

MOST_PARTS = 100_000
"""Parts of one value that are compared before and after a call; a larger one is not looked at further."""


@frozen
class Mock:
    """What a node gives instead: a value, or an error (an exception or its class)."""

    value: Any = None
    error: BaseException | type[BaseException] | None = None

    def answer(self) -> Any:
        """The value; or the error is raised, a fresh one each time, since each gathers notes of its own."""
        if self.error is None:
            return self.value
        if isinstance(self.error, type):
            raise self.error
        try:
            error = copy.copy(self.error)
        except Exception:
            error = self.error
        raise error.with_traceback(None)


@define
class Stage:
    """The doubles of one test.

    Parameters
    ----------
    compare: look whether nodes change their arguments, or what they gave?
    """

    compare: bool = False
    _mocks: dict[int, list[Mock]] = field(factory=dict)
    _calls: dict[int, list[tuple[tuple[int, ...], Any]]] = field(factory=dict)
    """The calls of a function, each with its place in the program."""
    _order: dict[int, int] = field(factory=dict)
    """When something began that holds places: its number, by ``id``."""
    _numbers: Iterator[int] = field(factory=itertools.count)
    _held: list[Any] = field(factory=list)
    _seen: list[tuple[str, str, Any, Any]] = field(factory=list)
    changed: list[str] = field(factory=list)
    """What nodes changed, in words."""

    def mock(self, fn: Callable[..., Any], mock: Mock) -> None:
        """From now on ``fn`` gives what ``mock`` says."""
        self._held.append(fn)
        self._mocks.setdefault(id(fn), []).append(mock)

    @property
    def used(self) -> bool:
        """Has anything been mocked here?"""
        return bool(self._mocks)

    def unmock(self, fn: Callable[..., Any], mock: Mock) -> None:
        """Take one mock back."""
        mocks = self._mocks.get(id(fn), [])
        self._mocks[id(fn)] = [m for m in mocks if m is not mock]

    def calls(self, fn: Callable[..., Any]) -> list[Any]:
        """The calls of ``fn`` so far, in the order of the program: of each its sole argument, or the tuple of its
        arguments in the order of the parameters."""
        return [given for _, given in sorted(self._calls.get(id(fn), ()), key=lambda call: call[0])]

    # ---- what the engine asks --------------------------------------------------------------------

    def substitute(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any] | None:
        """The function that the engine calls instead of ``fn``. A ``def`` node is called on the loop: time is virtual
        there."""
        if spec.trusted:
            return None
        return stand_in(spec, fn, lambda: self)

    def began(
        self, spec: NodeSpec, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Mock | None:
        """A call begins: it is recorded; the mock that answers it, if any."""
        self._held.append(fn)
        self._calls.setdefault(id(fn), []).append((self._place(), arguments(fn, args, kwargs)))
        if self.compare:
            for name, value in named_arguments(fn, args, kwargs):
                self._watch(f"the argument {name!r} of {spec.name}", spec.name, value)
        mocks = self._mocks.get(id(fn))
        return mocks[-1] if mocks else None

    def _place(self) -> tuple[int, ...]:
        """Where in the program the call stands that begins: what holds its place is numbered by when it first held one,
        since what has the same place in the same thing ran one after the other."""
        key: list[int] = []
        for holder, index in places():
            if id(holder) not in self._order:
                self._held.append(holder)
                self._order[id(holder)] = next(self._numbers)
            key += (self._order[id(holder)], index)
        return (*key, next(self._numbers))

    def ended(self, spec: NodeSpec, value: Any) -> Any:
        """A call has given ``value``."""
        if self.compare:
            self.look()
            self._watch(f"what {spec.name} returned", spec.name, value)
        return value

    def _watch(self, what: str, node: str, value: Any) -> None:
        if not _changeable(value) or any(known is value for _, _, known, _ in self._seen):
            return
        self._seen.append((what, node, value, snapshot(value)))

    def look(self) -> None:
        """Compare every value that nodes have got or given with what it was."""
        kept = []
        for what, node, value, before in self._seen:
            if snapshot(value) == before:
                kept.append((what, node, value, before))
            else:
                self.changed.append(f"{what} was changed: a node never changes its arguments, nor what it has returned")
        self._seen = kept


def stand_in(spec: NodeSpec, fn: Callable[..., Any], stage: Callable[[], Stage]) -> Callable[..., Any]:
    """A function that asks a stage at each call, and calls ``fn`` where nothing stands in for it."""
    own = located(spec, fn)
    if spec.is_stream:

        @functools.wraps(fn)
        async def stream(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            mock = stage().began(spec, fn, args, kwargs)
            source = reader(own(*args, **kwargs) if mock is None else mock.answer())
            try:
                async for item in source:
                    yield item
            finally:
                await closed(source)

        return stream

    @functools.wraps(fn)
    async def call(*args: Any, **kwargs: Any) -> Any:
        at = stage()
        mock = at.began(spec, fn, args, kwargs)
        if mock is not None:
            return at.ended(spec, mock.answer())
        if spec.runs == "thread":
            value = await trio.to_thread.run_sync(functools.partial(own, *args, **kwargs))
        else:
            value = own(*args, **kwargs)
        if inspect.isawaitable(value):
            value = await value
        return at.ended(spec, value)

    return call


def arguments(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A call's sole argument, else its arguments as a tuple in the order of the parameters; those left out are left
    out."""
    given = tuple(value for _, value in named_arguments(fn, args, kwargs))
    return given[0] if len(given) == 1 else given


def named_arguments(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
    """The arguments of a call with the names of their parameters, in the order of the parameters."""
    try:
        bound = inspect.signature(fn).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return [*((str(i), a) for i, a in enumerate(args)), *kwargs.items()]
    named: list[tuple[str, Any]] = []
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            named += [(name, item) for item in value]
        elif kind is inspect.Parameter.VAR_KEYWORD:
            named += value.items()
        else:
            named.append((name, value))
    return named


# ---- values before and after ---------------------------------------------------------------------


def _changeable(value: Any) -> bool:
    return isinstance(value, (list, dict, set, bytearray, tuple)) or _fields(value) is not None


def _fields(value: Any) -> Iterable[str] | None:
    cls = type(value)
    if attrs.has(cls):
        return [a.name for a in attrs.fields(cls)]
    if hasattr(cls, "__dataclass_fields__"):
        return list(cls.__dataclass_fields__)
    return None


def snapshot(value: Any) -> Any:
    """The shape of a value now, to compare with later: containers and records part by part, anything else by itself."""
    left = [MOST_PARTS]
    return _shape(value, left, set())


def _shape(value: Any, left: list[int], inside: set[int]) -> Any:
    left[0] -= 1
    if left[0] < 0 or id(value) in inside:
        return None
    if isinstance(value, bytearray):
        return bytes(value)
    fields = _fields(value)
    if not isinstance(value, (list, dict, set, tuple)) and fields is None:
        return _Leaf(value)
    inside.add(id(value))
    shape: Any
    if isinstance(value, dict):
        shape = (dict, [(_Leaf(k), _shape(v, left, inside)) for k, v in value.items()])
    elif isinstance(value, set):
        shape = (set, frozenset(value))
    elif isinstance(value, (list, tuple)):
        shape = (type(value), [_shape(v, left, inside) for v in value])
    else:
        shape = (type(value), [_shape(getattr(value, name, None), left, inside) for name in fields or ()])
    inside.discard(id(value))
    return shape


class _Leaf:
    """A value without parts that are looked at: the same one, or an equal one of its type."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Leaf):
            return NotImplemented
        if self.value is other.value:
            return True
        try:
            return type(self.value) is type(other.value) and bool(self.value == other.value)
        except Exception:  # values compare as they like
            return True

    __hash__ = None  # type: ignore[assignment]
