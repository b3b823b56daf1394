"""Processes that are killed in every state of a run: 200 crash points, a good thousand with ``--long``.

Nothing that was acknowledged is lost, no write that is on record is repeated, undos are run in their order, and the end
is that of a run which nobody has killed.

A scenario is one number: ``--seed BASE`` says which is the first. A failure tells it, and how each process was ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash_drive import LAWS, Server, scenario, whole

POINTS, LONG = 264, 1584
"""Crash points, of all flows together."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(scope="module")
def total() -> Iterator[Counter[str]]:
    """What there was to be lost, of all flows that nothing was wrong with; ``-s`` shows it."""
    made: Counter[str] = Counter()
    yield made
    print(*(f"{what}: {count}" for what, count in sorted(made.items())), sep="\n")


@pytest.mark.parametrize("flow", LAWS)
def test_a_run_outlives_kills(
    flow: str, server: Server, total: Counter[str], long: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    base = request.config.getoption("--seed") or 0
    points = (LONG if long else POINTS) // len(LAWS)
    before = whole(server, flow, tmp_path / "whole")
    kills: Counter[tuple[str, str]] = Counter()
    for number in range(base, base + 4 * points):
        folder = tmp_path / str(number)
        tried = scenario(server, flow, f"{flow} {number}", before, folder)
        kills += tried.kills
        if tried.problems:
            lines = "\n".join([*tried.problems, *tried.told, f"what is left of it: {folder}"])
            pytest.fail(f"seed {number}: {lines}", pytrace=False)
        total.update(tried.figures)
        if kills.total() >= points:
            break
    for (moment, found), count in kills.items():
        total.update({"kills": count, f"kills, {moment}": count, f"kills, run {found}": count})
    assert kills.total() >= points, kills
