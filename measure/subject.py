"""A flow under measurement: how it is run, for real or with stand-ins, and what its runs say.

Owns the decision that nothing is written twice: a flow that may write is run once for real, and then with stand-ins.
"""

from __future__ import annotations

import contextlib
import gc
import os
import tracemalloc
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import trio

from ..compiler import ir
from ..compiler.spec import LOG, NodeSpec
from ..compiler.walk import all_ops, ops_in
from ..engine import Engine
from ..executor import underway
from ..planner.profile import Profile
from .record import Recorder
from .standins import Standins, virtual
from .tape import Player, Tape

CALM = 2.0
"""Seconds that a recording may take so that calls do not disturb each other."""


PATIENT = 20.0
"""Seconds that it may take where nodes compute: one at a time, however many overlapped."""


def writers(graph: ir.Graph) -> list[str]:
    """The nodes that a run may write with, by name: those that declare a write, those that declare nothing, and those
    that start runs of their own. Log lines do not count, nor the clock, timers and signals."""
    found: dict[str, None] = {}
    for op in all_ops(graph):
        if isinstance(op, ir.Subflow) and op.detached:
            found[f"detach {graph.flows[op.target].name}"] = None
        keys = [op.target] if isinstance(op, ir.Call) else []
        undo = op.policy.undo if isinstance(op, (ir.Call, ir.Subflow)) else None
        if undo is not None and not undo.is_flow:
            keys.append(undo.target)
        for key in keys:
            if _writes(graph.nodes[key]):
                found[graph.nodes[key].name] = None
    return list(found)


def _writes(spec: NodeSpec) -> bool:
    effects = spec.effects
    if spec.builtin or not effects.retires:
        return False
    if effects.barrier:
        return not spec.name.startswith("time.")
    return effects.writes != {LOG}


def keepers(graph: ir.Graph) -> list[str]:
    """The nodes and flows whose results are kept (``cache=``, ``once=``), by name: later runs do not call them."""
    kept: dict[str, None] = {}
    for op in all_ops(graph):
        if isinstance(op, (ir.Call, ir.Subflow)) and _keeps(op.policy):
            kept[(graph.nodes if isinstance(op, ir.Call) else graph.flows)[op.target].name] = None
    kept |= {flow.name: None for flow in graph.flows.values() if _keeps(flow.policy)}
    return list(kept)


def kept_calls(graph: ir.Graph) -> set[str]:
    """The ids of the calls that are not made where results are kept: of those nodes, and all within such flows."""
    inside = {flow.name for flow in graph.flows.values() if _keeps(flow.policy)}
    found: set[str] = set()
    for op in all_ops(graph):
        if isinstance(op, (ir.Call, ir.Subflow)) and _keeps(op.policy):
            found.add(op.id)
            if isinstance(op, ir.Subflow):
                inside.add(graph.flows[op.target].name)
    for flow in graph.flows.values():
        if flow.name in inside:
            found.update(op.id for op in ops_in(flow.body) if isinstance(op, ir.Call))
    return found


def _keeps(policy: ir.Policy) -> bool:
    return policy.cache is not None or policy.once is not None


class Subject:
    """A flow with its inputs.

    Parameters
    ----------
    flow: the flow.
    inputs: its inputs, by name. args: those that go by position.
    profile: the times that stand-ins take, instead of the recorded ones.
    """

    def __init__(
        self, flow: Any, inputs: Mapping[str, Any], profile: Profile | None = None, args: Sequence[Any] = ()
    ) -> None:
        self.flow = flow
        self.args = tuple(args)
        self.inputs = dict(inputs)
        self.profile = profile
        self.recorder = Recorder()
        self.recording = Engine(substitute=self.recorder.substitute, tally=self.recorder)
        self.engine = Engine()
        self.standins: Standins | None = None

    @property
    def graph(self) -> ir.Graph:
        return self.engine.compiled(self.flow).graph

    # ---- runs ------------------------------------------------------------------------------------

    def record(self) -> Tape:
        """Run once for real, and keep what the nodes did. What they print goes where it always goes.

        Raises
        ------
        What the flow raises.
        """
        self._finish(self.recording)
        return self.recorder.take()

    def stand_in(self, tape: Tape) -> None:
        """From now on runs are made with stand-ins."""
        self.standins = Standins(tape, self.profile)
        self.engine = Engine(substitute=self.standins.substitute)

    def run(self) -> None:
        """Run once: for real, or with stand-ins.

        Raises
        ------
        What the flow raises. OtherWay: the stand-ins have nothing for a call.
        """
        if self.standins is not None:
            self.standins.player.rewind()
        self._finish(self.engine)

    def _finish(self, engine: Engine) -> None:
        value = engine.run(self.flow, *self.args, **self.inputs)
        if isinstance(value, Iterator):
            deque(value, maxlen=0)
        underway.settle()  # what the flow detaches is part of what it does, and not to run into the next one

    def calm(self, tape: Tape) -> Tape | None:
        """Record again with so few calls at once that they do not disturb each other: their times are then their own.

        None where that takes another way than the recorded run, or does not come to its end.
        """
        if not tape.overlapping:
            return self.record()
        computes = tape.computed > 0.1 * tape.work and tape.work < PATIENT  # what computes disturbs whatever overlaps
        limit = 1 if computes else max(1, int(-(-tape.work // CALM)))
        engine = Engine(limit=limit, substitute=self.recorder.substitute, tally=self.recorder)

        async def main() -> None:
            with trio.fail_after(5 * max(CALM, tape.work / limit)):
                value = await engine.start(self.flow, *self.args, **self.inputs)
                if hasattr(value, "__aiter__"):
                    async for _ in value:
                        pass

        try:
            trio.run(main)
        except Exception:
            self.recorder.take()
            return None
        finally:
            underway.settle()
        return self.recorder.take()

    # ---- what runs say ---------------------------------------------------------------------------

    def critical_path(self, tape: Tape, least: float = 0.0) -> float | None:
        """The seconds that the recorded run would take if the engine took none.

        The flow is run by the engine itself, with the recorded results, on a virtual clock that moves only with the
        times of the nodes: what waits for what, which branch is taken, how many passes a loop makes and how many of
        them at once, pauses between attempts, ``sleep``, races and timeouts are those of the plan. Computing is done
        one at a time. Of results that are kept it is what a later run takes. None where the recording does not
        determine the run, and for a flow that detaches others.
        """
        from ..virtual_time import play

        detaches = any(isinstance(op, ir.Subflow) and op.detached for op in all_ops(self.graph))
        if tape.overflow or detaches:
            return None
        player = Player(tape)
        engine = Engine(substitute=virtual(player, self.profile if self.standins else None, least))

        async def main() -> float:
            began = 0.0
            for _ in range(2 if keepers(self.graph) else 1):
                player.rewind()
                began = trio.current_time()
                value = await engine.start(self.flow, *self.args, **self.inputs)
                if hasattr(value, "__aiter__"):
                    async for _ in value:
                        pass
            return trio.current_time() - began

        try:
            return float(play(main))
        except Exception:
            return None

    def memory(self) -> int:
        """Bytes that Python held at the most during a run, beyond what it held before."""
        gc.collect()
        tracemalloc.start()
        try:
            self.run()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What nodes print is dropped: they have said it once."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
