"""Runs one variant of a case: on the engine under an autojump clock, or by the sequential reference."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from typing import Any

import case_stage
import trio
import trio.testing
from attrs import evolve, frozen
from case_file import Seen, Variant
from case_stage import Stage

import cflow
from cflow.compiler.interpret import interpret
from cflow.engine import compile_flow

LINGER = 1000.0
"""Virtual seconds that are waited after a run, for what it detached."""


FOREVER = 1e8
"""Virtual seconds after which a run is taken to hang."""


@frozen
class Outcome:
    """What came out of one performance."""

    value: Any = None
    error: BaseException | None = None
    at: float = 0.0
    calls: tuple[Seen, ...] = ()


class Cancelled(Exception):
    """The run was cancelled from outside, as the case asked."""


def play_reference(flow: Any, variant: Variant) -> Outcome:
    """One step after another, with no event loop."""
    program = compile_flow(flow.source)
    stage = case_stage.stage = Stage(mode="reference")
    try:
        value = interpret(program.graph, program.objects, dict(variant.given), ambient=dict(variant.env) or None)
        if program.graph.main.stream:
            value = list(value)
    except Exception as error:
        return Outcome(error=error, at=stage.clock, calls=tuple(stage.seen()))
    return Outcome(value, at=stage.clock, calls=tuple(stage.seen()))


def play_engine(flow: Any, variant: Variant) -> Outcome:
    """As a user would run it, inside Trio."""
    real = variant.clock == "real"
    stage = case_stage.stage = Stage(mode="real" if real else "engine")
    clock = None if real else trio.testing.MockClock(autojump_threshold=0)
    return trio.run(_play, flow, variant, stage, clock=clock)


async def _play(flow: Any, variant: Variant, stage: Stage) -> Outcome:
    engine = cflow.Engine(limit=variant.limit) if variant.limit else cflow.Engine()
    value: Any = None
    failed: BaseException | None = None
    at = 0.0
    with trio.CancelScope() as outside:
        async with trio.open_nursery() as helpers:
            if variant.cancel is not None:
                helpers.start_soon(_cancel_at, outside, variant.cancel)
            for signal in variant.signals:
                helpers.start_soon(_answer, engine, signal)
            try:
                with trio.move_on_after(FOREVER if variant.clock == "virtual" else 30) as watch:
                    value = await engine.start(flow, **variant.given)
                    if hasattr(value, "__aiter__"):
                        value = [item async for item in value]
                if watch.cancelled_caught:
                    failed = AssertionError("the run hangs: everything waits, and nothing will happen")
            except Exception as error:
                failed = error
            at = trio.current_time() if variant.clock == "virtual" else 0.0
            helpers.cancel_scope.cancel()
    if outside.cancelled_caught:
        failed = Cancelled()
        at = trio.current_time()
    seen = tuple(stage.seen())
    if variant.clock == "virtual":
        await trio.sleep(LINGER)
        seen = tuple(stage.seen())
    stage.cleared.set()
    return Outcome(value, failed, round(at, 6), seen)


async def _cancel_at(scope: trio.CancelScope, at: float) -> None:
    await trio.sleep(at)
    scope.cancel()


async def _answer(engine: Any, signal: Any) -> None:
    await trio.sleep(signal.at)
    engine.signal(signal.name, signal.value, key=signal.key)


# ---- comparing -----------------------------------------------------------------------------------


def complaints(variant: Variant, out: Outcome) -> list[str]:
    """What differs from the expectation; empty where nothing does."""
    found = result_complaints(variant, out)
    if variant.clock == "real":
        got, want = (Counter((s.call, s.how) for s in seen) for seen in (out.calls, variant.calls or ()))
        if variant.calls is not None and got != want:
            found.append(f"calls: expected {want}, found {got}")
        return found
    if variant.at is not None and abs(out.at - variant.at) > 1e-6:
        found.append(f"it ended at {out.at:g}, not at {variant.at:g}")
    if variant.calls is not None and not same_calls(variant.calls, out.calls):
        found.append(f"the calls differ\n  expected:\n{_listed(variant.calls)}\n  found:\n{_listed(out.calls)}")
    left = [s for s in out.calls if s.how == "running"]
    if left:
        found.append(f"left running: {', '.join(s.call for s in left)}")
    return found


def same_calls(expected: Iterable[Seen], found: Iterable[Seen]) -> bool:
    """The same calls at the same times, in whatever order; an expected end of None fits any."""
    left = list(found)
    for want in sorted(expected, key=lambda s: s.end is None):
        fitting = [s for s in left if str(evolve(s, end=None if want.end is None else s.end)) == str(want)]
        if not fitting:
            return False
        left.remove(fitting[0])
    return not left


def result_complaints(variant: Variant, out: Outcome) -> list[str]:
    """Only the result or the error."""
    if variant.raises is not None:
        name, _, text = variant.raises.partition("(")
        if out.error is None:
            return [f"expected {variant.raises}, but it returned {out.value!r}"]
        names = {c.__name__ for c in type(out.error).__mro__}
        message = ast.literal_eval(text.rstrip(")")) if text.rstrip(")") else None
        if name not in names or (message is not None and str(out.error) != message):
            return [f"expected {variant.raises}, found {out.error!r}"]
        return []
    if out.error is not None:
        raise out.error
    if variant.returns is not None:
        want = ast.literal_eval(variant.returns)
        if out.value != want or type(out.value) is not type(want):
            return [f"expected {want!r}, found {out.value!r}"]
    return []


def writes_of(variant: Variant, out: Outcome, *, log: bool) -> list[str]:
    """The writes that were begun, in order; log lines apart, since they are ordered among themselves."""
    names = {n.name for n in variant.nodes.values() if _writes(n.declares) and ('"log"' in n.declares) == log}
    return [f"{s.call} {s.how}" for s in sorted(out.calls, key=lambda s: s.start) if s.call.split("(")[0] in names]


def _writes(declares: str) -> bool:
    return not ("pure" in declares or "reads" in declares) or "writes" in declares or "barrier" in declares


def _listed(calls: Any) -> str:
    return "\n".join(f"    {s}" for s in sorted(calls, key=lambda s: (s.start, s.call)))
