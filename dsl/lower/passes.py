"""Passes one after another: what a loop carries from one to the next, and what its names stand for after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attrs import define, field

from ...compiler.assignable import join
from ...compiler.ir import Apply, Branch, Const, Expr, Ref, Region
from ...compiler.types import ANY, BOOL, Type
from .. import syntax as s
from .arms import empty_arm, fill_arm, join_arms
from .constants import widen
from .env import Bound, Collecting, Maybe
from .state import FlowLowering, Frame
from .trees import blocks

_ATTEMPTS = 3


@define
class Carried:
    """The names that a loop hands from pass to pass.

    ``types`` are those assumed at the start of a pass; ``owned``: is the collection the flow's own in every pass?
    """

    names: list[str]
    before: list[Bound]
    types: list[Type] = field(factory=list)
    owned: list[bool] = field(factory=list)


def carried_names(at: FlowLowering, node: s.For | s.While, names: Iterable[str]) -> Carried:
    found = Carried([], [])
    for name in dict.fromkeys(names):
        state = at.env.get(name)
        if isinstance(state, Bound) and (at.live.live_after(node, name) or at.live.read_inside(node, name)):
            found.names.append(name)
            found.before.append(state)
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
            before([at.fresh(n) for n in carried.names] + ([at.fresh(flag)] if flag else []))
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
    frame = Frame("loop", node.span, loop, tuple(carried.names), flag)
    at.frames.append(frame)
    depth = len(at.collectors)
    streams = dict(at.streams)
    first = [at.fresh(n) for n in own]
    params = [at.fresh(n) for n in carried.names] + ([at.fresh(flag)] if flag else [])
    outer = at.open((*first, *params))
    mark = at.env.mark()
    enter_pass(at, carried, params, flag)
    fill(first, frame)
    ended = at.region.ended
    states = [at.env.get(n) for n in carried.names]
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
    if flag and len(params) > len(carried.names):
        at.env.set(flag, Bound(Ref(params[-1]), BOOL))


def atom_of(state: object) -> Expr:
    return state.atom if isinstance(state, Bound) else Const(None)


def names_after(at: FlowLowering, carried: Carried, flag: str) -> tuple[list[str], list[tuple[str, Bound]]]:
    """The results of a loop and what the carried names stand for after it."""
    results, after = [], []
    for name, type, bound, owned in zip(carried.names, carried.types, carried.before, carried.owned, strict=True):
        result = at.fresh(name)
        results.append(result)
        after.append((name, Bound(Ref(result), type)))
        if owned:
            at.owners.own(result, (bound.atom.id,) if isinstance(bound.atom, Ref) else ())
    if flag:
        results.append(at.fresh(flag))
        after.append((flag, Bound(Ref(results[-1]), BOOL)))
    return results, after


def settle_names(
    at: FlowLowering, after: list[tuple[str, Bound]], node: s.For | s.While, inside: Sequence[str] = (), own: str = ""
) -> None:
    """What names stand for after a loop. ``inside``: its variables; ``own``: the name it collects into by ``append``."""
    kept = {own, *(name for name, _ in after)}
    for name in dict.fromkeys([*at.live.assigned(*node.body), *inside]):
        if name not in kept and not isinstance(at.env.get(name), Collecting):
            at.env.set(name, Maybe("it is assigned only inside a loop, which may make no pass", node.span))
    for name, state in after:
        at.set_name(name, state)


def lower_orelse(
    at: FlowLowering, node: s.For | s.While, flag: str, after: list[tuple[str, Bound]], frame: Frame
) -> None:
    """``else``: where no ``break`` was taken."""
    if not node.orelse:
        return
    if not flag or not frame.breaks:
        at.body(node.orelse)
        return
    broken = after[-1][1].atom
    arms = [fill_arm(at, lambda: at.body(node.orelse)), empty_arm()]
    joined = join_arms(at, arms, lambda name: at.live.live_after(node, name), "this loop's `else`", node.span)
    at.emit(Branch(at.op_id("else"), (Apply("not", (broken,)),), joined.regions, joined.results, node.span))
    joined.settle(at)


def has_break(body: Sequence[s.Stmt]) -> bool:
    """Does a ``break`` in these statements belong to the loop around them?"""
    stack: list[s.Stmt] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, s.Break):
            return True
        if isinstance(node, (s.For, s.While)):
            stack.extend(node.orelse)
        else:
            stack.extend(inner for block in blocks(node) for inner in block)
    return False
