"""An engine refuses what it cannot work with, and says so."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from cflow import Engine, flow, node

LOG: list[str] = []


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"limit": 0}, ValueError, "limit is at least 1"),
        ({"limit": "3"}, TypeError, "limit is a whole number"),
        ({"limit": 1.5}, TypeError, "limit is a whole number"),
        ({"limit": True}, TypeError, "limit is a whole number"),
        ({"workers": -1}, ValueError, "workers is at least 1"),
        ({"allow": "http"}, TypeError, r"allow=\['http'\]"),
        ({"sinks": [3]}, TypeError, "cannot be called"),
        ({"profile": "times.json"}, TypeError, "seconds by operation"),
        ({"profile": {"x": "y"}}, TypeError, "seconds by operation"),
        ({"profile": {"x": float("nan")}}, TypeError, "seconds by operation"),
        ({"store": 3}, TypeError, "the path of a folder"),
    ],
)
def test_what_does_not_fit(given: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Engine(**given)


@node(writes="w")
async def write(x: str) -> None:
    LOG.append(x)


@flow
def writes() -> None:
    write("a")


def test_a_run_that_is_cut_before_it_begins_does_nothing() -> None:
    async def main() -> bool:
        with trio.CancelScope() as scope:
            scope.cancel()
            await Engine().start(writes)
        return scope.cancelled_caught

    assert trio.run(main)
    assert LOG == []
