"""A run is repeated from all that it recorded, also where it went another way between the entries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from engines_kit import Make

from cflow import Engine, batched, context, flow, node
from cflow.executor.entries import CUT, DONE, Entry, Recorded
from cflow.executor.journal import Journal
from cflow.executor.suspended import Suspended
from cflow.executor.tiers import TIERS
from cflow.runs.resume import resume
from cflow.store.keeper import read_entries

DONE_: list[str] = []
STOP: list[str] = []


@pytest.fixture
def engine(engines: Make) -> Engine:
    DONE_.clear()
    STOP.clear()
    return engines()


class Nobody:
    """A keeper for journals that nothing is written to."""

    def encoded(self, entry: Entry) -> bytes:
        return b""

    def value(self, data: bytes) -> Any:
        return data

    def error(self, data: bytes) -> BaseException:
        return ValueError(data)

    def lossy(self, data: bytes) -> bool:
        return False

    def write(self, first: int, entries: list[bytes], done: Any, *along: Any, uses: Any = ()) -> None:
        done(None)()


def entries(*given: tuple[str, int, bool]) -> list[Recorded]:
    return [Recorded(n, key, kind, key.encode(), 1, spare) for n, (key, kind, spare) in enumerate(given)]


def test_what_a_pure_call_gave_need_not_be_used() -> None:
    journal = Journal(Nobody(), entries(("p", DONE, True), ("w", DONE, False), ("q", DONE, True)))
    assert journal.replaying
    assert journal.take("w") is not None
    assert not journal.replaying
    # It is there still: it may have taken long.
    assert journal.take("q") is not None
    assert journal.take("q") is None
    assert journal.take("p") is not None


def test_a_journal_of_pure_calls_alone_is_live_at_once() -> None:
    journal = Journal(Nobody(), entries(("p", DONE, True)))
    assert not journal.replaying
    assert journal.take("p") is not None


def test_of_two_entries_of_one_name_the_later_one_counts() -> None:
    journal = Journal(Nobody(), entries(("a", DONE, False), ("a", DONE, False), ("b", DONE, False)))
    found = journal.take("a")
    assert found is not None
    assert found.number == 1
    assert journal.take("b") is not None
    assert not journal.replaying


def test_a_decision_that_nobody_comes_to_is_passed_over() -> None:
    journal = Journal(Nobody(), entries(("each[1]=", CUT, False), ("w", DONE, False)))
    journal.stuck()
    assert journal.replaying
    assert journal.take("w") is not None
    assert not journal.replaying


def test_a_call_that_nobody_comes_to_is_not() -> None:
    journal = Journal(Nobody(), entries(("w", DONE, False), ("v", DONE, False), ("race=", CUT, False)))
    journal.stuck()
    assert not journal.replaying
    # Something else comes first. What is done is not done again, when it is come to after that; who won is open.
    assert journal.take("v") is not None
    assert journal.peek("race=") is None


# ---- runs ----------------------------------------------------------------------------------------------------


@node(reads="numbers")
async def numbers(n: int) -> AsyncIterator[int]:
    DONE_.append("numbers")
    for i in range(n):
        yield i


@node(writes="file")
async def write(what: str) -> str:
    if what in STOP:
        STOP.remove(what)
        context()._run.journal.stop("broken off by a test")
        await trio.lowlevel.checkpoint()
    DONE_.append(what)
    return what


@flow
def in_batches(n: int) -> list[str]:
    written = []
    for batch in batched(numbers(n), 2):
        written.append(write(str(batch)))
    written.append(write("end"))
    return written


def broken(engine: Engine, run: Any, at: str, *args: Any) -> str:
    STOP.append(at)
    with pytest.raises(Suspended):
        engine.run(run, *args)
    assert engine.recorder is not None
    return engine.recorder.store.runs()[0].id


def test_the_end_of_a_stream_that_is_read_in_batches_is_on_record_once(engine: Engine) -> None:
    run = broken(engine, in_batches, "end", 3)
    assert engine.recorder is not None
    keys = [entry.key for entry in read_entries(engine.recorder.store, run)]
    assert keys.count("numbers<3") == 1
    (row,) = resume(engine, run)
    assert row.state == "done"
    assert DONE_ == ["numbers", "[0, 1]", "[2]", "end"]


@node(pure=True)
def scaled(n: int) -> int:
    DONE_.append(f"scaled {n}")
    return 2 * n


@flow
def scales(n: int) -> int:
    total = scaled(n)
    write("a")
    write("b")
    return total + scaled(total)


def test_a_node_that_was_found_quick_meanwhile(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It was called in a thread when its run began, and recorded; it is called in place by who goes on."""
    monkeypatch.setattr("cflow.executor.recorded.WORTH", -1.0)
    run = broken(engine, scales, "b", 2)
    assert engine.recorder is not None
    assert "scaled" in [entry.key for entry in read_entries(engine.recorder.store, run)]
    for _ in range(TIERS.of(scaled.fn).needed):
        TIERS.of(scaled.fn).measured(0.0)
    assert TIERS.of(scaled.fn).trusted
    other = Engine(store=tmp_path / "store")
    (row,) = resume(other, run)
    assert other.recorder is not None
    other.recorder.close()
    assert row.state == "done"
    assert [what for what in DONE_ if "scaled" not in what] == ["a", "b"]
    assert DONE_.count("scaled 2") == 2
    assert not caplog.records  # that it does not get on would be told
