"""Seeds whose programs once went wrong.

A change of a generator may give a seed another program, and the seed loses its meaning: what is new has to be made by
generators of their own. The faults themselves are held by tests/cases and tests/executor, too.
"""

from __future__ import annotations

from random import Random

import pytest
from gen_check import differences, from_text, reference
from gen_makers import make_streams
from gen_program import generate
from gen_races import generate_races
from gen_run import run_seeded
from gen_streams import generate_streams
from gen_timeouts import with_timeouts
from gen_tree import Program
from test_cut_short import check_cancelled, check_timeouts
from test_generated import PIPELINES, by_law, check
from test_generated_more import by_choice

from cflow.engine import compile_flow


def timed(seed: int, size: int) -> Program:
    return with_timeouts(generate(Random(seed), size), Random(seed))


@pytest.mark.parametrize("seed", [759, 2151])
def test_every_pass(seed: int) -> None:
    """A write overtook a loop that holds a log line and fails (759); a flow with an undo wrote nothing after a pass."""
    for pipeline in range(len(PIPELINES)):
        assert check(generate(Random(seed)), pipeline) == []


def test_an_argument_of_a_call_with_a_default() -> None:
    """``default=`` of a flow call took an error of its arguments (tests/cases/policies.md)."""
    assert check(generate(Random(7310835), size=65), 7310835, by_law) == []


def test_an_exit_in_a_handler() -> None:
    """It was ignored where it was the only way out of its block (tests/cases/rule-07-exits-in-handlers.md)."""
    assert check(generate_races(Random(7310676), size=13), 7310676, by_choice) == []


@pytest.mark.parametrize(
    ("seed", "size"),
    [(642, 17), (4003, 12), (4441, 8), (7310263, 12), (7310625, 25), (7311049, 16), (7311193, 43), (5550389, 39)],
)  # fmt: skip
def test_cuts(seed: int, size: int) -> None:
    """A block was started in a closing nursery (642); a write in place was not owed yet (4003); a handler took what a
    ``finally`` raised in a cut (4441); a log line in a sub-flow overtook a write that failed (7310263, 7310625); a
    ``finally`` that is known to raise was not linked (7311193); ``default=`` took an error of its arguments (5550389);
    what a ``finally`` sees was not told apart (7311049)."""
    assert check_cancelled(generate(Random(seed), size), seed) == []


@pytest.mark.parametrize(("seed", "size"), [(7310244, 10), (7310980, 5)])
def test_cuts_of_streams(seed: int, size: int) -> None:
    """What a source raised while it was closed was lost (7310244); a log line overtook a write (7310980)."""
    assert check_cancelled(generate_streams(Random(seed), size), seed) == []


@pytest.mark.parametrize(("seed", "size"), [(7310740, 17), (7310180, 18)])
def test_timeouts(seed: int, size: int) -> None:
    """A block that is known to raise was not linked (7310740); what a ``finally`` sees was not told apart (7310180)."""
    assert check_timeouts(timed(seed, size), seed) == []


def test_generated_loops_end() -> None:
    """The counter of a ``while`` was assigned in its body (5550230)."""
    assert check(generate_streams(Random(5550230), size=40), 5550230) == []


def test_a_stream_that_was_opened_before_a_write() -> None:
    """Its first items were read while what the loop has to wait for was still written (340000835)."""
    program = make_streams(340000835)
    flow = from_text(program)
    compiled = compile_flow(flow.source)
    expected = reference(program, compiled.graph, compiled.objects)
    for seed in range(10):
        assert differences(program, expected, run_seeded(program, flow, seed).outcome) == []
