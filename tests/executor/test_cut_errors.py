"""What a `finally` or an undo raises while its block is cut: it leaves instead of the cut, but nobody handles it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cflow import Collected, Engine, collect, flow, node, parallel, race, timeout, transaction
from cflow.compiler.diagnostics import UndoFailed
from cflow.compiler.interpret import interpret
from cflow.engine import compile_flow
from cflow.executor import blocks

LOG: list[str] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()


class BoomError(Exception):
    pass


@node(writes="w")
async def slow(x: str = "slow") -> str:
    await trio.sleep(5)
    LOG.append(x)
    return x


@node(writes="w", runs="loop")
def write(x: str) -> str:
    LOG.append(x)
    return x


@node(writes="w")
async def undo_badly(x: str) -> None:
    raise BoomError(x)


@flow
def by_a_handler() -> str:
    try:
        try:
            slow()
        finally:
            raise BoomError
    except BoomError:
        write("handled")
    return write("after")


@flow
def by_an_undo() -> str:
    try:
        with transaction():
            write.options(undo=undo_badly)("first")
            slow()
    except Exception:
        write("handled")
    return write("after")


@flow
def failing() -> str:
    try:
        x = slow()
    finally:
        raise BoomError
    return x


@flow
def by_a_default() -> str:
    x = failing.options(default="x")()
    return write(x)


@flow
def by_a_retry() -> str:
    x = failing.options(retry=3)()
    return write(x)


@flow
def by_collecting() -> list[str]:
    done: Collected[str] = collect()
    for x in parallel(["a", "b"], limit=1):
        try:
            if x == "a":
                slow()
        finally:
            assert x == "b"
        done.append(write(x))
    return done.ok


PROGRAMS = [by_a_handler, by_an_undo, by_a_default, by_a_retry, by_collecting]


@pytest.mark.parametrize("program", PROGRAMS)
def test_after_a_cancelled_run_nothing_is_written(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_breath(run: Any) -> None:
        """A loop lets others in by time; no test waits for that."""

    monkeypatch.setattr(blocks, "run_breath", no_breath)

    async def main() -> bool:
        with trio.move_on_after(1) as scope:
            await Engine().start(program)
        return scope.cancelled_caught

    assert trio.run(main, clock=MockClock(autojump_threshold=0))
    assert LOG in ([], ["first"])


@flow
def in_a_timeout() -> str:
    try:
        with timeout(1):
            by_a_handler()
    except TimeoutError:
        return "late"
    return "in time"


def test_a_timeout_that_has_struck_is_not_handled_inside() -> None:
    assert Engine(clock=MockClock(autojump_threshold=0)).run(in_a_timeout) == "late"
    assert LOG == []


@node(reads="r")
async def read(x: int = 1) -> int:
    return x


@flow
def beside_reads() -> int:
    with transaction():
        write.options(undo=undo_badly)("first")
        slow()
    a = read()
    b = read(2)
    return a + b


@flow
def in_an_arm() -> None:
    with parallel():
        beside_reads()
        slow("other")


@flow
def in_a_pass() -> None:
    for x in parallel(["a", "b"]):
        with transaction():
            write.options(undo=undo_badly)("first")
            slow(x)


@pytest.mark.parametrize("program", [beside_reads, in_an_arm, in_a_pass])
def test_a_failed_undo_is_told_by_a_cancelled_run(program: Any) -> None:
    async def main() -> None:
        with trio.move_on_after(1):
            await Engine().start(program)

    with pytest.raises(UndoFailed):
        trio.run(main, clock=MockClock(autojump_threshold=0))


@flow
def endless() -> Iterator[int]:
    try:
        while True:
            yield 1
    finally:
        raise BoomError


@flow
def written() -> Iterator[int]:
    with transaction():
        write.options(undo=undo_badly)("first")
        yield 1
        yield 2


@flow
def breaks_off() -> str:
    for _ in endless():
        break
    return write("after")


@flow
def breaks_off_a_transaction() -> str:
    for _ in written():
        break
    return write("after")


@flow
def fails_in_the_loop() -> str:
    for x in written():
        assert x > 1
    return write("after")


@pytest.mark.parametrize(
    ("program", "error"),
    [(breaks_off, BoomError), (breaks_off_a_transaction, UndoFailed), (fails_in_the_loop, UndoFailed)],
)
def test_what_fails_while_a_stream_is_closed_leaves_the_loop(program: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Engine().run(program)
    assert "after" not in LOG
    compiled = compile_flow(program.source)
    with pytest.raises(error):
        interpret(compiled.graph, compiled.objects, {})
    assert "after" not in LOG


@node(reads="r")
async def quick() -> str:
    await trio.sleep(1)
    return "won"


@node(reads="r")
async def linger() -> str:
    await trio.sleep(5)
    return "late"


@flow
def loses() -> str:
    with transaction():
        write.options(undo=undo_badly)("first")
        linger()
    return "lost"


@flow
def loses_in_a_finally() -> str:
    try:
        linger()
    finally:
        raise BoomError
    return "lost"


@flow
def gives_up() -> str:
    try:
        with timeout(0.5):
            loses()
    except ValueError:
        pass
    return "lost"


@flow
def lost_race() -> str:
    return write(race(quick(), loses()))


@flow
def lost_race_with_a_finally() -> str:
    return write(race(loses_in_a_finally(), quick()))


@flow
def race_out_of_time() -> str:
    return write(race(quick(), loses(), timeout=0.5))


@flow
def race_that_forgives() -> str:
    return write(race(gives_up(), quick()))


@flow
def passes_lost() -> list[str]:
    done: list[str] = []
    for x in parallel(["a", "b"], take=1):
        with transaction():
            if x == "b":
                write.options(undo=undo_badly)("first")
                linger()
            done.append(quick())
    return done


@pytest.mark.parametrize(
    ("program", "error"),
    [
        (lost_race, UndoFailed),
        (lost_race_with_a_finally, BoomError),
        (race_out_of_time, UndoFailed),
        (passes_lost, UndoFailed),
    ],
)
def test_what_fails_while_a_loser_is_cut_is_told(program: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Engine(clock=MockClock(autojump_threshold=0)).run(program)
    assert set(LOG) <= {"first"}


def test_an_arm_that_fails_before_anything_is_decided_is_forgiven() -> None:
    assert Engine(clock=MockClock(autojump_threshold=0)).run(race_that_forgives) == "won"


@node(reads="s")
async def fails_when_closed(n: int) -> AsyncIterator[int]:
    try:
        for i in range(n):
            yield i
    finally:
        raise BoomError


@flow
def handed_on() -> Iterator[int]:
    for x in fails_when_closed(5):
        linger()
        yield x


@flow(timeout=7)
def read_directly() -> int:
    for _ in fails_when_closed(5):
        linger()
    return 1


@flow(timeout=7)
def read_through_a_flow() -> int:
    for _ in handed_on():
        quick()
    return 1


@flow(timeout=11.5)
def cut_in_its_own_body() -> int:
    for _ in handed_on():
        quick()
    return 1


@pytest.mark.parametrize("program", [read_directly, read_through_a_flow, cut_in_its_own_body])
def test_what_fails_while_a_source_is_closed_is_told_through_a_stream_flow(program: Any) -> None:
    with pytest.raises(BoomError):
        Engine(clock=MockClock(autojump_threshold=0)).run(program)
