"""Generated programs in virtual time, under a schedule, with a store that is slow, full, failing, or whose process
dies, all drawn from one number, held to the reference interpreter. ``--long`` tries thousands; ``--seed BASE`` says
which is the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree

import pytest
from gen_explain import Explain, by_choice, by_law, by_strikes, make_with_timeouts, once_and_by_law
from gen_makers import make, make_once, make_races, make_streams, make_windows
from gen_suite import BASE
from gen_tree import Program
from sim_programs import survived

from cflow.compiler.diagnostics import ProgramError
from cflow.executor import recorded as executor_recorded

KINDS: list[tuple[Callable[[int], Program], Explain]] = [
    (make, by_law),
    (make_streams, by_law),
    (make_windows, by_law),
    (lambda seed: make_races(seed, 40), by_choice),
    (make_with_timeouts, by_strikes),
    (make_once, once_and_by_law),
]


@pytest.fixture(scope="module")
def total() -> Iterator[Counter[str]]:
    """What there was, of all programs that nothing was wrong with; ``-s`` shows it."""
    made: Counter[str] = Counter()
    yield made
    print(*(f"{what}: {count}" for what, count in sorted(made.items())), sep="\n")


def tried(make: Callable[[int], Program], explain: Explain, seed: int, folder: Path) -> tuple[list[str], Counter[str]]:
    """What is wrong with what became of a program, and what it went through."""
    program = make(seed)
    if program.detached:
        return [], Counter()  # these runs have threads of their own
    try:
        compiled, end = survived(program, seed, folder)
    except ProgramError as error:
        wrong = {found.id for found in error.diagnostics if found.severity == "error"}
        if wrong == {"undo-without-write"}:  # the generator does not see that what a flow writes is never reached
            return [], Counter()
        return [f"refused: {error}"], Counter()
    except Exception as error:
        return [f"{type(error).__name__}: {error}"], Counter()
    return [*explain(program, compiled, end.outcome), *end.problems], Counter(programs=1) + end.struck


@pytest.mark.parametrize("batch", range(2))
@pytest.mark.parametrize(
    ("make", "explain"), KINDS, ids=["statements", "streams", "windows", "races", "timeouts", "once"]
)
def test_programs_end_as_the_reference_does(
    make: Callable[[int], Program],
    explain: Explain,
    batch: int,
    total: Counter[str],
    long: bool,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    # Whether a pure call is worth keeping hangs on how long it takes; where times are over, on how long it seems to.
    monkeypatch.setattr(executor_recorded, "WORTH", -1.0 if explain is by_strikes else 1e9)
    base = (request.config.getoption("--seed") or BASE) + batch * 1000
    for seed in range(base, base + (1000 if long else 8)):
        folder = tmp_path / str(seed)
        problems, figures = tried(make, explain, seed, folder)
        assert not problems, f"seed {seed}: {problems}\n\n{make(seed)}"
        total.update(figures)
        rmtree(folder, ignore_errors=True)
