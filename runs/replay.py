"""``cflow replay``: does the program of today do what a run recorded, and what does one call of a node give now?"""

from __future__ import annotations

import inspect
import pdb  # noqa: T100 - it is what --pdb asks for
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

import trio
from attrs import evolve, frozen

from ..compiler import ir
from ..compiler.secrets import hide
from ..executor import invoke
from ..executor.entries import DONE, FAILED, GIVEN, TRY
from ..executor.groups import stopped
from ..executor.run import Run
from ..executor.told import said
from ..store.failures import StoreError
from ..store.keeper import Noted
from ..store.rows import OVER
from .history import History
from .paths import only, path_of, read_name
from .tree import Node, tree_of

if TYPE_CHECKING:
    from .repeat import Reached, Repetition


@frozen
class Agreement:
    """What repeating a run showed.

    ``used`` of ``total`` entries were used. ``plans``: how the program differs from the one that recorded it.
    ``unused``: steps on record that the program does not come to. ``beyond``: steps that it comes to and that are not
    on record. ``ends``: how the end differs, in words; empty where
    it is the same, or none is on record. ``over``: had the run ended?
    """

    used: int
    total: int
    plans: tuple[str, ...]
    unused: tuple[str, ...]
    beyond: tuple[str, ...]
    ends: str
    over: bool

    @property
    def same(self) -> bool:
        """Does the program of today do what is on record?"""
        return not (self.unused or self.ends or (self.over and self.beyond))


def agreement(repeated: Repetition) -> Agreement:
    """Repeat a run, and say whether all of it was as it is on record."""
    repeated.run()
    tape, row = repeated.tape, repeated.row
    unused = tuple(tape.unused)
    over = row.state in OVER
    broken_off = tape.stopped is not None
    ends = "" if broken_off or not over else _ends(repeated)
    return Agreement(
        tape.total - len(unused), tape.total, repeated.plans, unused, tuple(filter(None, tape.beyond)),
        ends, over,
    )  # fmt: skip


def _ends(repeated: Repetition) -> str:
    row, codec, error = repeated.row, repeated.recording.codec, repeated.error
    if row.state == "cancelled":
        return "" if isinstance(error, KeyboardInterrupt) else "it was cancelled, and is not now"
    now = "it gave a result" if error is None else f"it failed with {_told(error)}"
    if row.state == "failed":
        assert row.error is not None
        before = codec.decode(row.error)
        if error is None or _told(before) != _told(error):
            return f"it failed with {_told(before)}; now {now}"
        return ""
    if error is not None:
        return f"it gave a result; now {now}"
    if row.result is None:
        return ""
    try:
        same = codec.encode(repeated.value) == row.result or bool(codec.decode(row.result) == repeated.value)
    except StoreError:
        same = True  # it holds what is not stored
    except Exception:  # arrays, and whatever else compares in its own way
        same = repr(codec.decode(row.result)) == repr(repeated.value)
    return "" if same else f"it gave {_shown(codec.decode(row.result))}; now it gives {_shown(repeated.value)}"


def _told(error: BaseException) -> str:
    name, text = getattr(error, "type", type(error).__name__), said(error)
    return hide(f"{name}: {text}" if text else name)


def _shown(value: Any) -> str:
    text = hide(repr(value))
    return text if len(text) <= 80 else text[:79] + "…"


# ---- one call -----------------------------------------------------------------------------------------------


def find_call(history: History, node: str) -> str:
    """The name of a call on record, from that, from the end of it, or from the node's.

    Raises
    ------
    Unknown: there is none, or several; the message lists them.
    """
    calls = list(dict.fromkeys(_calls(history)))
    if node in dict(calls):
        return node
    found = [key for key, name in calls if node == name or key.endswith((f":{node}", f"~{node}", f"/{node}"))]
    return only(found, node, "call")


def step_of(history: History, key: str) -> Node | None:
    """The step of that name."""
    left = [tree_of(history)]
    while left:
        node = left.pop()
        if node.key == key and node.kind not in ("run", "pass"):
            return node
        left += node.children.values()
    return None


def _calls(history: History) -> Iterator[tuple[str, str]]:
    """The keys of the calls of nodes, and their nodes' names."""
    plan = history.plan
    ops = {op.id: op for flow in plan.flows.values() for op in _ops(flow)} if plan is not None else {}
    for entry in history.entries:
        name = read_name(entry.key)
        if name.mark not in ("", "#") or entry.kind not in (DONE, FAILED, GIVEN, TRY) or not name.id:
            continue
        op = ops.get(name.id)
        called = name.id.rpartition("/")[2]
        if isinstance(op, ir.Call) and plan is not None:
            if plan.nodes[op.target].builtin:
                continue
            called = plan.nodes[op.target].name
        elif isinstance(op, (ir.Subflow, ir.Loop, ir.ForEach)):
            continue
        yield path_of(entry.key), called


def _ops(flow: ir.FlowGraph) -> Iterator[ir.Op]:
    from ..compiler.walk import all_ops

    return all_ops(flow)


@frozen
class Again:
    """What a call gave before (None: its end is not on record) and gives now; ``took`` in seconds."""

    reached: Reached
    before: Noted | None
    value: Any
    error: BaseException | None
    took: float
    same: bool


def is_writer(reached: Reached) -> bool:
    """Does calling it again change anything outside?"""
    return not reached.site.reader and not reached.site.spec.effects.pure


def call_again(repeated: Repetition, reached: Reached, before: Noted | None, *, debug: bool = False) -> Again:
    """Call a node once more, without its policy, on the arguments that it had.

    Parameters
    ----------
    debug: stop at its first line in the debugger.
    """
    site = reached.site
    if site.placement is not invoke.LOOP:
        site = evolve(site, placement=invoke.PLACE)  # a debugger needs this thread
    state = repeated.started.state
    run = Run(repeated.row.id, repeated.engine.services, state.ambient)
    tries = invoke.Tries(number=before.attempt if before is not None else 1, path=reached.key)
    value: Any = None
    error: BaseException | None = None

    async def main() -> Any:
        return await invoke.bare(run, site, reached.args, reached.kwargs, tries)

    began = time.perf_counter()
    try:
        value = _debugged(site.fn, main) if debug else trio.run(main)
    except Exception as exc:
        error = stopped(exc) or exc
    took = time.perf_counter() - began
    return Again(reached, before, value, error, took, before is not None and _same(repeated, before, value, error))


def _same(repeated: Repetition, before: Noted, value: Any, error: BaseException | None) -> bool:
    codec = repeated.recording.codec
    if before.kind == FAILED:
        return error is not None and _told(codec.decode(before.data)) == _told(error)
    if error is not None:
        return False
    try:
        return codec.encode(value) == before.data or bool(codec.decode(before.data) == value)
    except StoreError:
        return False
    except Exception:
        return repr(codec.decode(before.data)) == repr(value)


class _At(pdb.Pdb):
    """A debugger that stops where a function begins, wherever that is called from."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        super().__init__(nosigint=True)
        self._code = getattr(inspect.unwrap(fn), "__code__", None)
        self._there = self._code is None

    def stop_here(self, frame: FrameType) -> bool:
        if not self._there:
            if frame.f_code is not self._code:
                return False
            self._there = True
            self.set_step()
        return bool(super().stop_here(frame))

    def user_call(self, frame: FrameType, argument_list: Any) -> None:
        if frame.f_code is not self._code:  # there it is the first line that counts
            super().user_call(frame, argument_list)


def _debugged(fn: Callable[..., Any], main: Callable[[], Any]) -> Any:
    return _At(fn).runcall(trio.run, main)
