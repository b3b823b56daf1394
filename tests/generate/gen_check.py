"""Running generated programs, and comparing what two runs did."""

from __future__ import annotations

import importlib.util
import linecache
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from attrs import frozen
from gen_tree import SOMEWHERE, Program, to_python, to_text
from gen_world import World, Write, begin, result_of

import cflow
from cflow.compiler.activation import Activation, Trace, ambient_values, entry_inputs
from cflow.compiler.depth import deep
from cflow.compiler.diagnostics import Collector
from cflow.compiler.evaluate import evaluate
from cflow.compiler.fibers import run
from cflow.compiler.interpret import Interpreter, call_node, interpret
from cflow.compiler.ir import Graph
from cflow.compiler.spec import Objects
from cflow.dsl.lower import Lowered, lower
from cflow.planner.optimizations import ALL, Optimizations

HERE = Path(__file__).parent


@frozen
class Outcome:
    """What a run did: its result, or its error by type and text, the writes in order, the log lines in order; and which
    writers were cut when they had written."""

    result: Any
    writes: tuple[Write, ...]
    log: tuple[Write, ...]
    halves: tuple[Write, ...] = ()
    once: tuple[Write, ...] = ()
    """What calls with ``once`` and their undos wrote: who does is a matter of time, and :mod:`gen_once`'s business."""

    detached: tuple[Write, ...] = ()
    """What detached runs wrote, sorted: their order is a matter of time."""

    @property
    def failed(self) -> bool:
        return isinstance(self.result, tuple) and isinstance(self.result[0], str)


def lowered(flow: Any) -> Lowered:
    """The graph of a flow object, and the objects behind it; every error of the check as one text."""
    collector = Collector()
    result = lower(flow.source, collector)
    if result is None:
        raise AssertionError("\n".join(str(d) for d in collector.items if d.severity == "error"))
    return result


def from_text(program: Program) -> Any:
    """The main flow, from the program's text."""
    return cflow.loads(to_text(program), base=HERE).main


_modules = 0


def from_python(program: Program, nodes: str = "gen_nodes") -> Any:
    """The main flow, from the program's Python twin, with nodes of that module; its source is known to ``linecache``
    only."""
    global _modules
    _modules += 1
    text, name = to_python(program).replace("from gen_nodes ", f"from {nodes} "), f"generated_{_modules}"
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    module = ModuleType(name)
    module.__file__ = file
    exec(compile(text, file, "exec"), module.__dict__)
    return module.__dict__["main"]


def observed(program: Program, run: Callable[[Mapping[str, int]], Any], pause: Any = None) -> Outcome:
    """What ``run(inputs)`` does to a new world."""
    world = begin(program.plan, pause, apart=program.apart)
    try:
        result = run(program.inputs)
    except Exception as error:
        result = error
    return outcome_of(program, result_of(result), world)


def outcome_of(program: Program, result: Any, world: World) -> Outcome:
    """What was done in ``world``."""
    once = tuple(w for w in world.once if w.site not in program.detached)
    detached = sorted((w for w in world.once if w.site in program.detached), key=str)
    return Outcome(result, tuple(world.writes), tuple(world.log), tuple(world.halves), once, tuple(detached))


def engine_of(program: Program, on: Optimizations = ALL) -> cflow.Engine | None:
    """An engine of its own, where the program leaves something in it; None: the default one serves."""
    return cflow.Engine(optimizations=on) if program.once or program.detached or on != ALL else None


async def started_in(engine: cflow.Engine | None, flow: Any, inputs: Mapping[str, int]) -> Any:
    """The result of a run in ``engine``."""
    return await (flow.start(**inputs) if engine is None else engine.start(flow, **inputs))


def reference(program: Program, graph: Graph, objects: Objects) -> Outcome:
    """What the sequential reference does, and then the runs that it has detached."""
    trace = Trace() if program.detached else None

    def play(inputs: Mapping[str, int]) -> Any:
        try:
            return interpret(graph, objects, inputs, trace=trace)
        finally:
            run_detached(graph, objects, trace)

    return observed(program, play)


def run_detached(graph: Graph, objects: Objects, trace: Trace | None) -> None:
    """The detached runs of a run, one after another."""
    for asked in trace.detached if trace is not None else ():
        flow = graph.flows[asked.flow]
        whole = Interpreter(graph, objects, ambient_values(graph, {}), call_node, Trace(), False, lambda *_: None)
        bound = entry_inputs(flow, asked.inputs, lambda e: evaluate(e, {}, objects, {}))
        with deep():
            run(whole.flow(Activation(flow, bound), {}))


def differences(program: Program, expected: Outcome, actual: Outcome) -> list[str]:
    """Where a run did not do what the reference did, as far as the law goes: same result or error, same writes and log
    lines in the same order; in a parallel construct per arm, and if it failed, later arms may have done more."""
    found: list[str] = []
    if actual.detached != expected.detached:
        found.append(f"detached: {short(actual.detached)} instead of {short(expected.detached)}")
    if actual.result != expected.result:
        found.append(f"result: {actual.result!r} instead of {expected.result!r}")
    for what in ("writes", "log"):
        want, got = getattr(expected, what), getattr(actual, what)
        found += [f"{what}: {problem}" for problem in _order_problems(program, want, got, expected.failed)]
    return found


Key = tuple[Any, ...]


def lane_of(program: Program, write: Write) -> Key:
    """Which arm a write belongs to: writes with the same lane are in order. The item of a pass is the last argument."""
    lanes = program.lanes.get(write.site, ())
    return tuple((number, write.args[-1] if arm < 0 else arm) for number, arm in lanes)


def _order_problems(program: Program, want: tuple[Write, ...], got: tuple[Write, ...], failed: bool) -> list[str]:
    if not any(lane_of(program, w) for w in (*want, *got)):
        return [] if want == got else [f"{short(got)} instead of {short(want)}"]
    problems: list[str] = []
    for lane in {lane_of(program, w): None for w in (*want, *got)}:
        mine, theirs = ([w for w in ws if lane_of(program, w) == lane] for ws in (got, want))
        if lane == SOMEWHERE:
            mine, theirs = sorted(mine, key=str), sorted(theirs, key=str)
            if failed and not Counter(theirs) - Counter(mine):
                continue
        if mine != theirs and not (lane and failed and mine[: len(theirs)] == theirs):
            problems.append(f"in arm {lane}: {short(mine)} instead of {short(theirs)}")
    if not problems and not failed:
        # what stands outside of every construct divides what is inside
        problems += [
            f"before {write}: {short(before_got - before_want)} too early, {short(before_want - before_got)} too late"
            for (write, before_want), (_, before_got) in zip(
                _divided(program, want), _divided(program, got), strict=True
            )
            if before_want != before_got
        ]
    return problems


def _divided(program: Program, writes: tuple[Write, ...]) -> list[tuple[Write, Counter[Write]]]:
    seen: Counter[Write] = Counter()
    parts: list[tuple[Write, Counter[Write]]] = []
    for write in writes:
        if not lane_of(program, write):
            parts.append((write, seen.copy()))
        seen[write] += 1
    return parts


def short(writes: Any) -> str:
    return " ".join(f"{w.node}@{w.site}{w.args}" for w in writes) or "nothing"


def write_python(program: Program, folder: Path) -> ModuleType:
    """The Python twin as a real module in ``folder``."""
    path = folder / "generated.py"
    path.write_text(to_python(program))
    spec = importlib.util.spec_from_file_location("generated", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
