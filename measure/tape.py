"""What the node calls of one run were: where, with which result, how long; and giving these results again.

A tape is played by stand-ins (:mod:`.standins`). It finds a call by its node and arguments; calls that are alike come
in the order of the recording, and so do calls whose arguments cannot be compared.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import define, evolve, field, frozen

from .blocks import Blocks

MOST = 100_000
"""Calls, and items of streams, that a recording keeps."""


class OtherWay(Exception):
    """A run with stand-ins made a call that the recorded run did not make."""


@frozen
class Piece:
    """A stretch of a node's time. ``seconds``: from beginning to end. ``busy``: how much of it the node computed.
    ``suspended``: did it let others in meanwhile?"""

    seconds: float
    busy: float
    suspended: bool = False


@frozen
class Item:
    """One item of a stream, or its end or error, and how long the stream took for it."""

    piece: Piece
    give: Callable[[], Any]


@frozen
class Recorded:
    """One call.

    ``op``: the operation's id. ``node``: the key of the node. ``name``: the node's name. ``key``: its arguments, as
    far as they can be compared. ``began``: by the recording's clock. ``give``: gives the result, or raises the error;
    None where the call was cut short. ``items``: of a stream.
    """

    op: str
    node: str
    name: str
    key: Any
    began: float
    piece: Piece
    give: Callable[[], Any] | None
    items: tuple[Item, ...] | None = None


@define
class Rest:
    """The calls of one operation that were too many to keep, added up."""

    calls: int = 0
    seconds: float = 0.0
    busy: float = 0.0


@define
class Tape:
    """The calls of a run. ``overflow``: there were more than :data:`MOST`; ``rest`` adds up the others by operation.
    ``blocks``: those that the run entered."""

    calls: list[Recorded] = field(factory=list)
    overflow: bool = False
    rest: dict[str, Rest] = field(factory=dict)
    blocks: Blocks = field(factory=Blocks)
    _size: int = 0

    def add(self, call: Recorded) -> None:
        """Keep a call."""
        self._size += 1 + len(call.items or ())
        if self._size <= MOST:
            self.calls.append(call)
            return
        self.overflow = True
        rest = self.rest.setdefault(call.op, Rest())
        rest.calls += 1
        rest.seconds += call.piece.seconds
        rest.busy += call.piece.busy

    @property
    def work(self) -> float:
        """The seconds of all calls together."""
        return sum(call.piece.seconds for call in self.calls)

    @property
    def computed(self) -> float:
        """The seconds that they computed, of it."""
        return sum(call.piece.busy for call in self.calls)

    @property
    def overlapping(self) -> bool:
        """Were two calls ever under way at once?"""
        end = 0.0
        for call in sorted(self.calls, key=lambda c: c.began):
            if call.began < end:
                return True
            end = call.began + call.piece.seconds
        return False


class Player:
    """Finds the recorded call for each call of a new run."""

    def __init__(self, tape: Tape) -> None:
        self._by_key: dict[tuple[str, Any], list[Recorded]] = {}
        self._by_node: dict[str, list[Recorded]] = {}
        for call in tape.calls:
            self._by_key.setdefault((call.node, call.key), []).append(call)
            self._by_node.setdefault(call.node, []).append(call)
        self._at: dict[Any, int] = {}

    def rewind(self) -> None:
        """A new run begins."""
        self._at = {}

    def find(self, node: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Recorded:
        """The recorded call that stands for this one; the last of its kind where there were fewer.

        Raises
        ------
        OtherWay: the node was not called in the recording.
        """
        where: Any = (node, key_of(args, kwargs))
        found = self._by_key.get(where)
        if found is None:
            where = node
            found = self._by_node.get(node)
            if found is None:
                raise OtherWay(
                    f"{node} was not called in the recorded run: with stand-ins the flow takes another way "
                    "(--repeat-writes runs it for real)"
                )
        at = self._at.get(where, 0)
        self._at[where] = at + 1
        return found[min(at, len(found) - 1)]


def quickest(tapes: Sequence[Tape]) -> Tape:
    """The first tape, with the least time that each call took on any of them: what a busy machine adds to a call it
    does not add each time."""
    first, *others = tapes
    least: dict[Any, list[Recorded]] = {}
    for tape in others:
        for where, call in _numbered(tape):
            least.setdefault(where, []).append(call)
    return evolve(first, calls=[_with_least(call, least.get(where, [])) for where, call in _numbered(first)])


def _numbered(tape: Tape) -> Iterator[tuple[Any, Recorded]]:
    """The calls, each with its node, its arguments, and how many such there were before."""
    seen: dict[Any, int] = {}
    for call in tape.calls:
        where = (call.node, call.key)
        seen[where] = seen.get(where, 0) + 1
        yield (where, seen[where]), call


def _with_least(call: Recorded, others: Sequence[Recorded]) -> Recorded:
    if call.items is None:
        return evolve(call, piece=min((c.piece for c in (call, *others)), key=_length))
    alike = [c.items for c in others if c.items is not None and len(c.items) == len(call.items)]
    items = tuple(
        evolve(item, piece=min((i.piece for i in same), key=_length))
        for item, same in zip(call.items, zip(call.items, *alike, strict=True), strict=True)
    )
    pieces = [item.piece for item in items]
    whole = Piece(sum(p.seconds for p in pieces), sum(p.busy for p in pieces), call.piece.suspended)
    return evolve(call, items=items, piece=whole)


def _length(piece: Piece) -> float:
    return piece.seconds


def key_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The arguments of a call, as far as they can be compared; of others their class."""
    key: Any = (args, tuple(sorted(kwargs.items()))) if kwargs else args
    try:
        hash(key)
    except TypeError:
        named = sorted(kwargs.items())
        return tuple(_hashable(a) for a in (*args, *(v for _, v in named)))
    return key


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return type(value)
    return value


def giver(value: Any) -> Callable[[], Any]:
    """A function that gives ``value`` as it is now, whatever is done to the one that was given before: lists, dicts and
    sets are made anew each time, with all that is in them."""
    if not isinstance(value, (list, dict, set, bytearray)):
        return lambda: value
    parts: Any = value.values() if isinstance(value, dict) else value
    if isinstance(value, (list, dict)) and any(_changeable(part) for part in parts):
        kept = _anew(value)
        return lambda: _anew(kept)
    flat = copy.copy(value)
    return lambda: copy.copy(flat)


def _changeable(value: Any) -> bool:
    return isinstance(value, (list, dict, set, bytearray))


def _anew(value: Any) -> Any:
    if type(value) is list:
        return [_anew(v) for v in value]
    if type(value) is dict:
        return {k: _anew(v) for k, v in value.items()}
    return copy.copy(value) if _changeable(value) else value


def raiser(error: BaseException) -> Callable[[], Any]:
    """A function that raises the error, a fresh one each time: each gathers notes of its own."""

    def raise_it() -> Any:
        try:
            fresh = copy.copy(error)
        except Exception:
            fresh = error
        raise fresh.with_traceback(None)

    return raise_it
