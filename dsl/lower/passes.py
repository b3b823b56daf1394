"""Passes one after another: what a loop carries from one to the next, and what its names stand for after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attrs import define, field

from ...compiler.assignable import join
from ...compiler.ir import Apply, Branch, Const, Expr, Ref, Region
from ...compiler.types import ANY, BOOL, Type
from .. import syntax as s
from .arms import fill_arm, join_arms
from .constants import widen
from .env import Bound, Collecting, Maybe
from .state import FlowLowering, Frame
from .trees import has_exit

_ATTEMPTS = 3


@define
class Carried:
    """The names that a loop hands from pass to pass.

    ``types`` are those assumed at the start of a pass; ``owned``: is the collection the flow's own in every pass?
    ``late``: names without a value before the loop that have one at each ``break``, handed out by these alone.
    """

    names: list[str]
    before: list[Bound]
    late: list[str] = field(factory=list)
    types: list[Type] = field(factory=list)
    owned: list[bool] = field(factory=list)

    @property
    def all(self) -> list[str]:
        return [*self.names, *self.late]

    def initial(self, flag: str) -> tuple[Expr, ...]:
        """What the first pass is given; the late names a value that nobody can read."""
        late = (Const(None),) * len(self.late)
        return (*(b.atom for b in self.before), *late, *((Const(False),) if flag else ()))


def carried_names(at: FlowLowering, node: s.For | s.While, names: Iterable[str]) -> Carried:
    """The names among those that the loop assigns whose values matter in the next pass, or after the loop."""
    found = Carried([], [])
    endless = isinstance(node, s.While) and isinstance(node.test, s.Constant) and bool(node.test.value)
    by_break = (endless or bool(node.orelse)) and has_break(node.body)
    for name in dict.fromkeys(names):
        state = at.env.get(name)
        after = at.live.live_after(node, name)
        if isinstance(state, Bound):
            if after or at.live.read_inside(node, name):
                found.names.append(name)
                found.before.append(state)
        elif by_break and after and not isinstance(state, Collecting):
            found.late.append(name)
    return found


def attempt_passes(
    at: FlowLowering,
    node: s.For | s.While,
    carried: Carried,
    loop: str,
    flag: str,
    fill: Callable[[list[str], Frame], None],
    own: list[str],
    collects: bool,
    before: Callable[[list[str]], None] | None = None,
) -> tuple[Region, Frame, list[Type]]:
    """Lower the body, again where a carried name turns out to have another type than was assumed at the start of a
    pass."""
    known = at.assumed.setdefault(id(node), {})
    while True:
        tries = known.get("", 0)
        carried.types = [
            ANY if tries >= _ATTEMPTS else join((widen(b.type), known[n])) if n in known else widen(b.type)
            for n, b in zip(carried.names, carried.before, strict=True)
        ]
        carried.owned = [
            at.owners.owned(b.atom) and f"!{n}" not in known for n, b in zip(carried.names, carried.before, strict=True)
        ]
        at.report.hold()
        if before is not None:
            before([at.fresh(n) for n in carried.all] + ([at.fresh(flag)] if flag else []))
        frame, region, ends, owned, collected = _one_attempt(at, node, carried, loop, flag, fill, own, collects)
        wrong = [
            (n, join((assumed, *seen)))
            for n, assumed, seen in zip(carried.names, carried.types, ends, strict=True)
            if not all(_settled(at, t, assumed) for t in seen)
        ]
        lost = [n for n, had, has in zip(carried.names, carried.owned, owned, strict=True) if had and not has]
        if (not wrong or tries > _ATTEMPTS) and not lost:
            at.report.release()
            return region, frame, collected
        at.report.forget()
        known[""] = tries + 1
        known.update({n: widen(t) for n, t in wrong})
        known.update({f"!{n}": ANY for n in lost})


def _settled(at: FlowLowering, type: Type, assumed: Type) -> bool:
    if assumed == ANY or type == assumed:
        return True
    return type != ANY and join((assumed, widen(type))) == assumed


def _one_attempt(
    at: FlowLowering,
    node: s.For | s.While,
    carried: Carried,
    loop: str,
    flag: str,
    fill: Callable[[list[str], Frame], None],
    own: list[str],
    collects: bool,
) -> tuple[Frame, Region, list[list[Type]], list[bool], list[Type]]:
    frame = Frame("loop", node.span, loop, tuple(carried.all), flag)
    at.frames.append(frame)
    depth = len(at.collectors)
    streams = dict(at.streams)
    first = [at.fresh(n) for n in own]
    params = [at.fresh(n) for n in carried.all] + ([at.fresh(flag)] if flag else [])
    outer = at.open((*first, *params))
    mark = at.env.mark()
    enter_pass(at, carried, params, flag)
    fill(first, frame)
    ended = at.region.ended
    states = [at.env.get(n) for n in carried.all]
    if not ended:
        frame.ends.append([s.type if isinstance(s, Bound) else ANY for s in states])
        frame.owned.append([isinstance(s, Bound) and at.owners.owned(s.atom) for s in states])
    results = [atom_of(s) for s in states] + ([atom_of(at.env.get(flag))] if flag else [])
    region = at.back(outer).close(None if ended else results)
    at.env.rewind(mark)
    at.frames.pop()
    collected = at.collectors[depth].types if collects else []
    del at.collectors[depth:]
    at.streams = {**streams, **{k: v for k, v in at.streams.items() if k not in streams}}
    ends = [[row[i] for row in frame.ends] for i in range(len(carried.names))]
    owned = [all(row[i] for row in frame.owned) for i in range(len(carried.names))]
    return frame, region, ends, owned, collected


def enter_pass(at: FlowLowering, carried: Carried, params: Sequence[str], flag: str = "") -> None:
    """The carried names stand for the parameters of a pass."""
    for name, param, bound, type, owned in zip(
        carried.names, params, carried.before, carried.types, carried.owned, strict=False
    ):
        at.set_name(name, Bound(Ref(param), type))
        if owned:
            at.owners.own(param, (bound.atom.id,) if isinstance(bound.atom, Ref) else ())
    if flag and len(params) > len(carried.all):
        at.env.set(flag, Bound(Ref(params[-1]), BOOL))


def atom_of(state: object) -> Expr:
    return state.atom if isinstance(state, Bound) else Const(None)


@define
class After:
    """The results of a loop, what the carried names stand for after it, and the late ones after a ``break``."""

    results: list[str] = field(factory=list)
    names: list[tuple[str, Bound]] = field(factory=list)
    broken: list[tuple[str, Bound | Maybe]] = field(factory=list)


def names_after(at: FlowLowering, carried: Carried, flag: str, frame: Frame) -> After:
    """Make the results of a loop."""
    found = After()
    results, after = found.results, found.names
    for name, type, bound, owned in zip(carried.names, carried.types, carried.before, carried.owned, strict=True):
        result = at.fresh(name)
        results.append(result)
        after.append((name, Bound(Ref(result), type)))
        if owned:
            at.owners.own(result, (bound.atom.id,) if isinstance(bound.atom, Ref) else ())
    for i, name in enumerate(carried.late, len(carried.names)):
        results.append(at.fresh(name))
        known = [row[i] for row in frame.breaks]
        values = [state for state in known if isinstance(state, Bound)]
        missing = Maybe("it is not assigned before every `break`", frame.span)
        whole = bool(values) and len(values) == len(known)
        found.broken.append((name, Bound(Ref(results[-1]), join(v.type for v in values)) if whole else missing))
    if flag:
        results.append(at.fresh(flag))
        after.append((flag, Bound(Ref(results[-1]), BOOL)))
    return found


def settle_names(
    at: FlowLowering, after: After, node: s.For | s.While, inside: Sequence[str] = (), own: str = ""
) -> None:
    """What names stand for after a loop with the variables ``inside``; ``own``: what it collects into by ``append``."""
    kept = {own, *(name for name, _ in after.names)}
    for name in dict.fromkeys([*at.live.assigned(*node.body), *inside]):
        if name not in kept and not isinstance(at.env.get(name), Collecting):
            at.env.set(name, Maybe("it is assigned only inside a loop, which may make no pass", node.span))
    for name, state in after.names:
        at.set_name(name, state)


def lower_orelse(at: FlowLowering, node: s.For | s.While, flag: str, after: After, frame: Frame) -> None:
    """``else``: where no ``break`` was taken."""
    if not node.orelse:
        return
    if not flag or not frame.breaks:
        at.body(node.orelse)
        return

    def broken() -> None:
        for name, state in after.broken:
            at.set_name(name, state)

    arms = [fill_arm(at, lambda: at.body(node.orelse)), fill_arm(at, broken)]
    joined = join_arms(at, arms, lambda name: at.live.live_after(node, name), "this loop's `else`", node.span)
    test = Apply("not", (after.names[-1][1].atom,))
    at.emit(Branch(at.op_id("else"), (test,), joined.regions, joined.results, node.span))
    joined.settle(at)


def has_break(body: Sequence[s.Stmt]) -> bool:
    """Does a ``break`` in these statements belong to the loop around them?"""
    return has_exit((body,), s.Break)
