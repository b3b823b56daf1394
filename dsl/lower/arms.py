"""Arms: regions that are left again, and what the names they assigned stand for afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from ...compiler.assignable import join
from ...compiler.diagnostics import Span
from ...compiler.ir import Expr, Ref, Region
from .env import Bound, Maybe, State
from .state import FlowLowering, RegionBuilder, Typed
from .streams import open_stream


@frozen
class Arm:
    """A filled region, the names it set, and the values it gives whatever the names (that of an expression)."""

    builder: RegionBuilder
    changes: dict[str, State]
    values: tuple[Typed, ...] = ()


@frozen
class Joined:
    """Arms brought together: their regions, the results of the operation that holds them, and the names afterwards."""

    regions: tuple[Region, ...]
    results: tuple[str, ...]
    names: tuple[tuple[str, Bound | Maybe], ...]
    ended: bool
    values: tuple[Typed, ...] = ()

    def settle(self, at: FlowLowering) -> None:
        """Let the names stand for what they are after the operation, once that was emitted."""
        for name, state in self.names:
            at.set_name(name, state)
        if self.ended:
            at.region.ended = True


def fill_arm(at: FlowLowering, fill: Callable[[], Sequence[Typed] | None], params: tuple[str, ...] = ()) -> Arm:
    """Lower something in a region of its own; what it did to the names is taken back and kept in the arm."""
    outer = at.open(params)
    mark = at.env.mark()
    values = fill() or ()
    return Arm(at.back(outer), at.env.rewind(mark), tuple(values))


def empty_arm() -> Arm:
    """An arm in which nothing happens."""
    return Arm(RegionBuilder(), {})


def join_arms(
    at: FlowLowering,
    arms: Sequence[Arm],
    live: Callable[[str], bool],
    what: str,
    span: Span,
    hint: str = "",
    always: frozenset[str] = frozenset(),
) -> Joined:
    """Bring arms together, of which one runs.

    Parameters
    ----------
    live: is a name read later?
    what: what the arms belong to, for messages: "this `if`".
    hint: a name for the value, where the arms have one.
    always: names that are handed out as results in any case, where they have a value.
    """
    reached = [a for a in arms if not a.builder.ended]
    rows: list[list[Expr]] = [[] for _ in reached]
    results: list[str] = []
    values: list[Typed] = []
    for i in range(len(reached[0].values) if reached else 0):
        result = at.fresh(hint or "value")
        results.append(result)
        for row, arm in zip(rows, reached, strict=True):
            row.append(arm.values[i].expr)
        values.append(Typed(Ref(result), join(a.values[i].type for a in reached)))
        if values[-1].type.name == "stream":
            open_stream(at, result, span)
    names: list[tuple[str, Bound | Maybe]] = []
    for name in dict.fromkeys(name for arm in reached for name in arm.changes):
        states = [arm.changes.get(name, at.env.get(name)) for arm in reached]
        bound = [s for s in states if isinstance(s, Bound)]
        if len(bound) < len(states):
            names.append((name, _maybe(states, what, span)))
            continue
        type = join(s.type for s in bound)
        first = bound[0].atom
        if (
            name not in always
            and all(s.atom == first for s in bound)
            and not (len(bound) == 1 and _inner(reached[0], first))
        ):
            names.append((name, Bound(first, type)))
        elif live(name):
            result = at.fresh(name)
            results.append(result)
            for row, state in zip(rows, bound, strict=True):
                row.append(state.atom)
            if all(at.owners.owned(s.atom) for s in bound):
                at.owners.own(result, tuple(s.atom.id for s in bound if isinstance(s.atom, Ref)))
            names.append((name, Bound(Ref(result), type)))
            if type.name == "stream":
                open_stream(at, result, span)
        else:
            names.append((name, Maybe(f"its value inside {what} is gone", span)))
    closing = iter(rows)
    regions = tuple(a.builder.close(None if a.builder.ended else next(closing)) for a in arms)
    return Joined(regions, tuple(results), tuple(names), not reached, tuple(values))


def _inner(arm: Arm, atom: Expr) -> bool:
    """Is the value one of the arm's own, which nobody outside can see?"""
    return isinstance(atom, Ref) and (atom.id in arm.builder.defined or atom.id in arm.builder.params)


def _maybe(states: Sequence[State | None], what: str, span: Span) -> Maybe:
    for state in states:
        if isinstance(state, Maybe):
            return state
    return Maybe(f"it is assigned only on some ways through {what}", span)
