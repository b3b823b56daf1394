"""Generated programs, each in both spellings: one digest, and whatever runs it does as the reference does.

The reference is :func:`cflow.compiler.interpret.interpret`. Everything else has to agree with it on the result or the
error and on the writes and log lines in their order: the other spelling, every pass, and the executor under a schedule
drawn from the seed. A program that fails is printed after it has been made small. README.md of this folder says how to
search on with other seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
import trio
from gen_check import Outcome, differences, engine_of, from_python, from_text, observed, reference, started_in
from gen_makers import make
from gen_once import once_problems
from gen_program import generate
from gen_run import in_place, run_seeded
from gen_shrink import shrink
from gen_suite import Seeds, report
from gen_tree import Program
from hypothesis import HealthCheck, given, settings, strategies as st

from cflow.compiler.diagnostics import ProgramError
from cflow.compiler.digest import canonical_text
from cflow.compiler.passes import PASSES, optimize
from cflow.compiler.printer import print_graph
from cflow.compiler.reader import read_graph
from cflow.compiler.verify import verify
from cflow.engine import Compiled, compile_flow
from cflow.planner.optimizations import ALL, Optimizations

PIPELINES = (PASSES, (), *((step,) for step in PASSES))


FORMS = """elif|else:|match |for |while |max=|try:|except|finally:|transaction:|undo |parallel:|with parallel=|\
collect=True|max_failed=|yield |lock=|timeout=|return |break|continue|raise |assert |retry=|default=|.append(|\
note(|rec(| and | or | if |case k""".split("|")
"""What the generated programs hold, taken together."""


Explain = Callable[[Program, Compiled, Outcome, Outcome], list[str]]
"""What of an outcome, against the reference's, the law does not explain."""


def by_law(program: Program, compiled: Compiled, expected: Outcome, actual: Outcome) -> list[str]:
    return differences(program, expected, actual)


def check(program: Program, seed: int, explain: Explain = by_law, on: Optimizations = ALL) -> list[str]:
    """What is wrong with how a program is compiled and run; nothing: it is as it should be."""
    try:
        text, python = from_text(program), from_python(program)
        compiled, twin = compile_flow(text.source), compile_flow(python.source)
    except ProgramError as error:
        errors = [d for d in error.diagnostics if d.severity == "error"]
        return [f"refused for {errors[0].id}: {errors[0]}"]
    graph = compiled.graph
    verify(graph)
    if canonical_text(graph) != canonical_text(twin.graph):
        return ["the digests differ"]
    if print_graph(read_graph(print_graph(graph))) != print_graph(graph):
        return ["the printed graph does not read back"]
    expected = reference(program, graph, compiled.objects)
    if reference(program, twin.graph, twin.objects) != expected:
        return ["the reference gives another outcome for the Python twin"]
    # one whole pipeline or one pass alone a program, by its seed: over the programs, each alone and all together
    pipeline = PIPELINES[seed % len(PIPELINES)]
    optimized = optimize(graph, pipeline)
    found = differences(program, expected, reference(program, optimized, compiled.objects))
    if found:
        return [f"the passes {[step.name for step in pipeline]} changed the meaning", *found]
    compiled._optimized = optimized
    actual = in_virtual_time(program, text, seed, on) if program.timed else executed(program, text, seed, on)
    found = [*explain(program, compiled, expected, actual), *once_problems(program, actual, expected)]
    return [f"the executor differs (passes {[step.name for step in pipeline]})", *found] if found else []


def executed(program: Program, flow: object, seed: int, on: Optimizations = ALL) -> Outcome:
    """The outcome of a run in which every async node waits as often as the seed says, and Trio schedules by it too."""
    random = Random(seed)
    trio._core._run._r.seed(seed)

    async def pause(site: int) -> None:
        for _ in range(random.choice((0, 1, 2, 5, 25))):
            await trio.lowlevel.checkpoint()

    def run(inputs: dict[str, int]) -> object:
        async def main() -> object:
            return await started_in(engine_of(program, on), flow, program.inputs)

        return trio.run(main)

    return observed(program, run, pause)


def in_virtual_time(program: Program, flow: object, seed: int, on: Optimizations = ALL) -> Outcome:
    """The outcome of a run in which async nodes wait some virtual seconds, and nothing runs in a thread."""
    with in_place(seed):
        return run_seeded(program, flow, seed, slow=0.8, on=on).outcome


@pytest.mark.parametrize("batch", range(24))
def test_generated_programs(batch: int, seeds: Seeds) -> None:
    for seed in seeds.of(batch, 25):
        report(make(seed), seed, check)


def test_the_generator_is_deterministic_and_covers_the_language() -> None:
    programs = [generate(Random(seed)) for seed in range(150)]
    assert [str(p) for p in programs[:20]] == [str(generate(Random(seed))) for seed in range(20)]
    text = "\n".join(map(str, programs))
    for form in FORMS:
        assert form in text, form


def test_shrinking_keeps_what_fails() -> None:
    program = next(p for p in (generate(Random(seed)) for seed in range(100)) if "transaction" in str(p))
    small = shrink(program, lambda p: "transaction" in str(p))
    assert str(small).count("\n") <= 12
    assert shrink(small, lambda p: False) is small


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_hypothesis_may_drive_the_generator(random: Random) -> None:
    assert check(generate(random, size=6), 0) == []
