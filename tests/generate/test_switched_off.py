"""Generated programs with what the engine does for speed switched off, each alone and all together: the law holds, and
no step waits for anything else.

What the other tests of this folder run on a loop is run here as a plain function call too, and from a kept plan.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from attrs import evolve
from gen_check import HERE, differences, from_python, from_text, observed, reference
from gen_makers import make, make_detaching, make_once, make_races, make_streams, make_windows
from gen_program import generate
from gen_run import in_place
from gen_suite import Seeds, report
from gen_tree import Program, to_text
from test_cut_short import check_cancelled, check_timeouts, make_with_timeouts
from test_generated import check
from test_generated_more import by_choice
from test_on_record import check as check_on_record

from cflow import Engine
from cflow.cli.kept import _call as call_kept
from cflow.cli.target import open_flow
from cflow.compiler.diagnostics import ProgramError
from cflow.dsl.loader.witness import watching
from cflow.engine import compile_flow
from cflow.measure.blocks import Blocks
from cflow.plancache import plans
from cflow.planner.counts import block_names
from cflow.planner.optimizations import ALL, NAMES, NONE, Optimizations

SWITCHED = {name: ALL.without(name) for name in NAMES} | {"all": NONE}
Make = Callable[[int], Program]


@pytest.fixture(params=SWITCHED)
def on(request: pytest.FixtureRequest) -> Optimizations:
    return SWITCHED[request.param]


def batch_of(on: Optimizations, kind: int) -> int:
    """Other seeds for each switch and each kind of test."""
    return 500 + kind * (len(SWITCHED) + 1) + (ALL, *SWITCHED.values()).index(on)


KINDS: tuple[tuple[Make, Any], ...] = (
    (make, check),
    (make_streams, check),
    (make_windows, check),
    (make_once, check),
    (make_detaching, check),
    (lambda seed: make_races(seed, 40), functools.partial(check, explain=by_choice)),
)
"""What is made, and how it is held to the law."""


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_programs(kind: int, on: Optimizations, seeds: Seeds) -> None:
    make, check = KINDS[kind]
    for seed in seeds.of(batch_of(on, kind), 3, times=40):
        program = make(seed)
        if program.timed and not on.nodes_in_place:
            continue  # what runs in a thread takes no virtual time
        report(program, seed, functools.partial(check, on=on))


CUT: tuple[tuple[Make, Any], ...] = (
    (make, check_cancelled),
    (make_streams, check_cancelled),
    (make_with_timeouts, check_timeouts),
    (make, check_on_record),
    (make_streams, check_on_record),
)
"""These are run in virtual time, all."""


@pytest.mark.parametrize("kind", range(len(CUT)))
def test_programs_cut_short_and_on_record(kind: int, on: Optimizations, seeds: Seeds) -> None:
    if evolve(on, nodes_in_place=True) == ALL:
        pytest.skip("what runs in a thread takes no virtual time")
    make, check = CUT[kind]
    for seed in seeds.of(batch_of(on, len(KINDS) + kind), 2, times=40):
        report(make(seed), seed, functools.partial(check, on=evolve(on, nodes_in_place=True)))


def small(seed: int) -> Program:
    """A program that may well be a plain function call, where its nodes are."""
    return generate(Random(seed), size=Random(seed).randint(2, 8))


def called(program: Program, seed: int, on: Optimizations = ALL, doors: list[int] | None = None) -> list[str]:
    """What is wrong with how a program is run from ordinary code, twice: the second run may take a shorter way, and
    ``doors`` holds the seeds of those that do. Without it, the blocks that are entered are counted."""
    flow = from_python(program, "gen_plain")
    try:
        compiled = compile_flow(flow.source)
    except ProgramError as error:
        return [f"refused: {error}"]
    expected = reference(program, compiled.graph, compiled.objects)
    blocks = Blocks()
    engine = Engine(optimizations=on, tally=blocks if doors is None else None)
    found: list[str] = []
    with in_place(seed):
        for run in ("first", "second"):
            actual = observed(program, lambda inputs: engine.run(flow, **inputs))
            found += [f"{run} run: {problem}" for problem in differences(program, expected, actual)]
    assert {*blocks.entered, *blocks.limits} <= set(block_names(compiled.optimized).values())
    assert compiled.optimized.main.name in blocks.entered or doors is not None
    if flow.door is not None:
        assert on.direct
        assert on.door
        if doors is not None:
            doors.append(seed)
    return found


def test_programs_that_are_called(on: Optimizations, seeds: Seeds) -> None:
    for seed in seeds.of(batch_of(on, 11), 5, times=40):
        report(small(seed), seed, functools.partial(called, on=on))


def test_programs_that_are_called_the_short_way(seeds: Seeds) -> None:
    doors: list[int] = []
    for seed in seeds.of(batch_of(ALL, 12), 30):
        report(small(seed), seed, functools.partial(called, doors=doors))
    assert len(doors) > 7


@pytest.mark.parametrize("nodes", ["gen_nodes", "gen_plain"])
def test_programs_whose_plan_was_kept(
    nodes: str, seeds: Seeds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CFLOW_NO_CACHE", raising=False)
    monkeypatch.setattr("cflow.plancache.place.command", True)
    codes = 0

    def check(program: Program, seed: int) -> list[str]:
        nonlocal codes
        path = tmp_path / "program.cflow"
        path.write_text(to_text(program).replace("./gen_nodes.py", f"{HERE}/{nodes}.py"))
        target = f"{path}:main"
        try:
            with watching() as seen:
                flow = open_flow(target)
            compiled = compile_flow(flow.source)
        except ProgramError as error:
            return [f"refused: {error}"]
        expected = reference(program, compiled.graph, compiled.objects)
        with in_place(seed):
            Engine().keep(target, flow, seen)
            kept = plans.find(target, listened=False)
            if kept is None:
                return ["nothing was kept"]
            function = kept.function()
            codes += function is not None

            def run(inputs: Mapping[str, int]) -> Any:
                if function is None:
                    return Engine().run(kept.flow(lambda: flow), **inputs)
                own = {param: name for param, name, *_ in kept.params}
                return call_kept(kept, function, {own[name]: value for name, value in inputs.items()}, [], 1000)

            return differences(program, expected, observed(program, run, pause))

    for seed in seeds.of(batch_of(ALL, 13) + (nodes == "gen_plain"), 20):
        report(small(seed), seed, check)
    assert codes > 2, "nothing was run from kept code"


async def pause(site: int) -> None:
    for _ in range(site % 3):
        await trio.lowlevel.checkpoint()


def test_no_switch_changes_what_a_step_waits_for(seeds: Seeds) -> None:
    for seed in seeds.of(batch_of(ALL, 14), 4, times=40):
        flow = from_text(make(seed))
        plans = {on: Engine(optimizations=on).plan(flow) for on in (ALL, *SWITCHED.values())}
        for on, plan in plans.items():
            for step, usual in zip(plan.steps, plans[ALL].steps, strict=True):
                assert (step.id, step.waits, step.late) == (usual.id, usual.waits, usual.late), (seed, on)
