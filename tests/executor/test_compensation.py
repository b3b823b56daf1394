"""Transactions, undos, cancellation and exits: what is done, what is undone, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cflow import Engine, flow, lock, node, parallel, race, sleep, timeout, transaction, wait_signal
from cflow.compiler.diagnostics import UndoFailed

LOG: list[str] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()


def run(program: Any, *args: Any, **options: Any) -> Any:
    return Engine(clock=MockClock(autojump_threshold=0), **options).run(program, *args)


class BoomError(Exception):
    pass


@node(writes="w")
async def undo_slow(x: str) -> None:
    LOG.append(f"-{x}")
    await trio.sleep(5)
    LOG.append(f"--{x}")


@node(writes="w")
def undo(x: str) -> None:
    LOG.append(f"-{x}")


@node(writes="w")
async def undo_badly(x: str) -> None:
    LOG.append(f"-{x}!")
    raise OSError(x)


@node(writes="w", undo=undo)
async def do(x: str) -> str:
    await trio.sleep(1)
    LOG.append(x)
    return x


@node(writes="w", undo=undo, runs="loop")
def do_in_place(x: str) -> str:
    LOG.append(x)
    return x


@node(writes="w", undo=undo)
def do_in_a_thread(x: str) -> str:
    LOG.append(x)
    return x


@node(writes="w", undo=undo_badly)
async def do_badly(x: str) -> str:
    LOG.append(x)
    return x


@node(writes="w", undo=undo_slow)
async def do_slow(x: str) -> str:
    LOG.append(x)
    return x


@node(writes="w")
async def note(x: str) -> str:
    LOG.append(x)
    return x


@node(writes="w")
async def boom(x: int = 0) -> str:
    raise BoomError(x)


@node(reads="r")
async def read(x: Any = 1, after: float = 0.0) -> Any:
    await trio.sleep(after)
    return x


# ---- what a transaction owes ---------------------------------------------------------------------------------


@flow
def quick_inner(x: str) -> str:
    return do_in_place(x)


@flow
def thread_inner(x: str) -> str:
    return do_in_a_thread(x)


@flow
def inner(x: str) -> str:
    a = do(x)
    with transaction():
        do(x + "2")
    return a


@flow
def through_sub_flows() -> None:
    with transaction():
        quick_inner("a")
        thread_inner("b")
        inner("c")
        boom()


@pytest.mark.parametrize("listened", [False, True])
def test_what_sub_flows_did_is_undone(listened: bool) -> None:
    with pytest.raises(BoomError):
        run(through_sub_flows, sinks=[lambda event: None] if listened else [])
    assert LOG == ["a", "b", "c", "c2", "-c2", "-c", "-b", "-a"]


@flow
def in_arms(fail: bool) -> None:
    with transaction():
        note("begin")
        with parallel():
            quick_inner("a")
            inner("b")
            do("c")
        if fail:
            boom()


def test_arms_are_undone_from_the_last() -> None:
    with pytest.raises(BoomError):
        run(in_arms, True)
    assert [x for x in LOG if x[0] == "-"] == ["-c", "-b2", "-b", "-a"]
    LOG.clear()
    run(in_arms, False)
    assert not any(x[0] == "-" for x in LOG)


@flow
def in_passes(xs: list[str]) -> None:
    with transaction():
        for x in parallel(xs, limit=3):
            inner(x)
            if x == "d":
                boom()


def test_passes_are_undone_from_the_last() -> None:
    with pytest.raises(BoomError):
        run(in_passes, ["a", "b", "c", "d"])
    assert [x for x in LOG if x[0] == "-"] == ["-d2", "-d", "-c2", "-c", "-b2", "-b", "-a2", "-a"]


@flow
def try_in_a_pass(xs: list[str]) -> list[str]:
    found = []
    for x in parallel(xs, limit=2):
        try:
            with transaction():
                a = do(x)
                if x == "b":
                    boom()
        except BoomError:
            a = "caught"
        found.append(a)
    return found


def test_a_try_in_a_pass() -> None:
    assert run(try_in_a_pass, ["a", "b", "c"]) == ["a", "caught", "c"]
    assert sorted(LOG) == ["-b", "a", "b", "c"]


@flow
def undo_fails() -> None:
    with transaction():
        do("a")
        do_badly("b")
        do("c")
        do_badly("d")
        boom()


def test_a_failing_undo_stops_nothing() -> None:
    with pytest.raises(UndoFailed) as caught:
        run(undo_fails)
    assert LOG == ["a", "b", "c", "d", "-d!", "-c", "-b!", "-a"]
    assert isinstance(caught.value.__cause__, BoomError)


@flow
def undo_fails_in_a_transaction_around() -> None:
    with transaction():
        do("a")
        undo_fails()


def test_a_failing_undo_is_undone_around() -> None:
    with pytest.raises(UndoFailed):
        run(undo_fails_in_a_transaction_around)
    assert LOG[-1] == "-a"


@flow
def too_slow() -> str:
    try:
        with transaction(timeout=3):
            do("a")
            do_slow("b")
            sleep(60)
            note("never")
    except TimeoutError:
        return "late"
    return "done"


def test_undos_are_shielded_from_the_timeout() -> None:
    assert run(too_slow) == "late"
    assert LOG == ["a", "b", "-b", "--b", "-a"]


@flow
def timeout_around() -> str:
    try:
        with timeout(3):
            with transaction():
                do("a")
                do_slow("b")
                sleep(60)
    except TimeoutError:
        return "late"
    return "done"


def test_undos_are_shielded_from_a_timeout_around() -> None:
    assert run(timeout_around) == "late"
    assert LOG == ["a", "b", "-b", "--b", "-a"]


@flow
def maybe_timed(limit: float | None) -> str:
    with transaction(timeout=limit):
        do("a")
        sleep(10)
    return "done"


def test_a_transaction_s_timeout_may_be_none() -> None:
    assert run(maybe_timed, None) == "done"
    with pytest.raises(TimeoutError):
        run(maybe_timed, 5)


# ---- parked clocks -------------------------------------------------------------------------------------------


@flow
def parked() -> list[Any]:
    with transaction(timeout=10):
        do("a")
        x = wait_signal("go", 1)
        with parallel():
            y = wait_signal("go", 2)
            z = wait_signal("go", 3)
        sleep(5)
    return [x, y, z]


@flow
def parked_too_slow() -> list[Any]:
    with transaction(timeout=10):
        with parallel():
            y = wait_signal("go", 2)
            z = wait_signal("go", 3)
        sleep(20)
    return [y, z]


@pytest.mark.parametrize("order", [(2, 3), (3, 2)])
def test_the_clock_of_a_transaction_stands_while_it_is_parked(order: tuple[int, int]) -> None:
    engine = Engine()
    found: list[Any] = []

    async def main() -> None:
        async def one() -> None:
            found.append(await engine.start(parked))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one)
            for key in (1, *order):
                await trio.sleep(1000)
                engine.signal("go", key, key=key)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert found == [[1, 2, 3]]


@pytest.mark.parametrize("order", [(2, 3), (3, 2)])
def test_the_clock_of_a_transaction_goes_on_after(order: tuple[int, int]) -> None:
    engine = Engine()

    async def main() -> None:
        async with trio.open_nursery() as nursery:

            async def one() -> None:
                with pytest.raises(TimeoutError):
                    await engine.start(parked_too_slow)
                assert trio.current_time() == pytest.approx(began + 2010)
                nursery.cancel_scope.cancel()

            began = trio.current_time()
            nursery.start_soon(one)
            for key in order:
                await trio.sleep(1000)
                engine.signal("go", key, key=key)
            await trio.sleep(100)

    trio.run(main, clock=MockClock(autojump_threshold=0))


# ---- exits ---------------------------------------------------------------------------------------------------


@node(reads="s")
async def items(n: int) -> Iterator[int]:  # type: ignore[misc]
    try:
        for i in range(n):
            yield i
    finally:
        LOG.append("closed")


@flow
def leaves(how: str, overlap: bool) -> str:
    for i in range(3):
        if overlap:
            a = read("x", 5)
            b = read("y", 3)
        else:
            a = "x"
            b = "y"
        with transaction():
            with timeout(100):
                with lock("l"):
                    try:
                        do("a")
                        if how == "return":
                            return f"returned {a}{b}{i}"
                        if how == "break":
                            break
                        if how == "continue":
                            continue
                        if how == "raise":
                            raise BoomError("x")
                        note("end")
                    finally:
                        note(f"finally {i}")
        note("after")
    return "end"


@pytest.mark.parametrize("overlap", [False, True])
def test_every_way_out_of_scopes(overlap: bool) -> None:
    assert run(leaves, "return", overlap) == "returned xy0"
    assert LOG == ["a", "finally 0"]
    LOG.clear()
    assert run(leaves, "break", overlap) == "end"
    assert LOG == ["a", "finally 0"]
    LOG.clear()
    assert run(leaves, "continue", overlap) == "end"
    assert LOG == ["a", "finally 0", "a", "finally 1", "a", "finally 2"]
    LOG.clear()
    with pytest.raises(BoomError):
        run(leaves, "raise", overlap)
    assert LOG == ["a", "finally 0", "-a"]
    LOG.clear()
    assert run(leaves, "end", overlap) == "end"
    assert LOG[:4] == ["a", "end", "finally 0", "after"]


@flow
def reads_a_stream(how: str, ahead: bool) -> str:
    if ahead:
        a = read("x", 5)
        b = read("y", 3)
    else:
        a = "x"
        b = "y"
    for i in items(10):
        if i == 2:
            if how == "return":
                return f"returned {a}{b}"
            if how == "break":
                break
            if how == "raise":
                raise BoomError("x")
        note(f"{i}")
    note("after")
    return "end"


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("how", ["return", "break", "raise", "end"])
def test_a_stream_is_closed_before_the_next_step(how: str, ahead: bool) -> None:
    if how == "raise":
        with pytest.raises(BoomError):
            run(reads_a_stream, how, ahead)
    else:
        assert run(reads_a_stream, how, ahead) == {"return": "returned xy"}.get(how, "end")
    seen = ["0", "1"] + [str(i) for i in range(2, 10)] * (how == "end")
    assert LOG == [*seen, "closed"] + ["after"] * (how in ("break", "end"))


@flow
def reads_a_stream_under_a_timeout() -> str:
    try:
        with timeout(5):
            for i in items(10):
                note(f"{i}")
                sleep(2)
    except TimeoutError:
        note("late")
    return "done"


def test_a_stream_is_closed_by_a_timeout() -> None:
    assert run(reads_a_stream_under_a_timeout) == "done"
    assert LOG == ["0", "1", "2", "closed", "late"]


# ---- cancellation --------------------------------------------------------------------------------------------


@flow
def cut_short() -> None:
    try:
        with transaction():
            do("a")
            do_slow("b")
            sleep(60)
    finally:
        note("finally")
        sleep(5)
        note("finally end")


def test_finally_and_undos_run_to_their_end_when_cancelled() -> None:
    async def main() -> None:
        with trio.move_on_after(10):
            await cut_short.start()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert LOG == ["a", "b", "-b", "--b", "-a", "finally", "finally end"]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ((10.0, 12.0), ["a", "b", "-b"]),
        ((10.0, 16.0), ["a", "b", "-b", "--b", "-a", "finally"]),
        ((10.0,), ["a", "b", "-b", "--b", "-a", "finally", "finally end"]),
    ],
)
def test_the_second_interrupt_breaks_compensations_off(at: tuple[float, ...], expected: list[str]) -> None:
    engine = Engine()
    started = engine._prepare(cut_short, (), {})

    async def main() -> None:
        async def interrupt() -> None:
            for moment in at:
                await trio.sleep_until(began + moment)
                started.state.interrupt()

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(interrupt)
            with pytest.raises(KeyboardInterrupt):
                await started.main()
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert LOG[: len(expected)] == expected
    assert not [x for x in LOG if x not in {"a", "b", "-b", "--b", "-a", "finally", "finally end"}]
    if at[1:] == (12.0,):
        assert "--b" not in LOG
        assert "-a" not in LOG
        assert "finally end" not in LOG


@flow
def ends_in_finally() -> None:
    try:
        note("body")
    finally:
        sleep(10)
        note("never")
    do_in_place("never either")


def test_two_interrupts_in_a_finally_end_the_run_there() -> None:
    engine = Engine()
    started = engine._prepare(ends_in_finally, (), {})

    async def main() -> None:
        async with trio.open_nursery() as nursery:

            async def interrupt() -> None:
                await trio.sleep(1)
                started.state.interrupt()
                await trio.sleep(1)
                started.state.interrupt()

            nursery.start_soon(interrupt)
            with pytest.raises(KeyboardInterrupt):
                await started.main()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert LOG == ["body"]


# ---- races and what runs around them -------------------------------------------------------------------------


@flow
def add(a: int, b: int) -> int:
    return read(a, 1) + read(b, 2)


@flow
def races_with_what_runs_around() -> list[Any]:
    slow = read(7, 10)
    first = race(read(1, 1), add(read(slow, 1), read(2, 1)))
    other = read(3, 20)
    return [first, slow, other]


def test_a_lost_race_waits_for_nothing_that_comes_later() -> None:
    assert run(races_with_what_runs_around) == [1, 7, 3]


@flow
def loser_undone() -> Any:
    with transaction():
        x = race(do("a"), inner("b"))
        do("c")
        boom()
    return x


def test_a_loser_s_writes_are_undone_and_the_winner_s_by_the_transaction() -> None:
    with pytest.raises(BoomError):
        run(loser_undone)
    assert LOG[-2:] == ["-c", "-a"]
    assert LOG.count("-b") == LOG.count("b")


@node(reads="s")
async def breaks(n: int) -> Iterator[int]:  # type: ignore[misc]
    for i in range(n):
        yield i
    raise BoomError("source")


@node(reads="r")
async def slow_boom(x: int) -> int:
    await trio.sleep(5)
    raise KeyError(x)


@node(writes="w")
async def slow_note(x: int) -> int:
    await trio.sleep(5)
    LOG.append(f"{x}")
    return x


@flow
def passes_of_a_breaking_source(fail: bool) -> list[int]:
    found = []
    for x in parallel(breaks(3), limit=8):
        if fail and x == 1:
            y = slow_boom(x)
        else:
            y = slow_note(x)
        found.append(y)
    return found


def test_passes_before_a_failing_source_run_to_their_end() -> None:
    with pytest.raises(BoomError, match="source"):
        run(passes_of_a_breaking_source, False)
    assert sorted(LOG) == ["0", "1", "2"]
    LOG.clear()
    with pytest.raises(KeyError):
        run(passes_of_a_breaking_source, True)
    assert "0" in LOG


@flow
def takes(xs: list[str], n: int) -> list[str]:
    return [do(x) for x in parallel(xs, limit=4, take=n)]


@flow
def takes_some(xs: list[str], n: int) -> list[str]:
    found = []
    for x in parallel(xs, limit=4, take=n):
        y = do(x)
        if y == "b":
            raise BoomError(y)
        found.append(y)
    return found


SCOPES: list[trio.CancelScope] = []


@node(writes="w", undo=undo, runs="loop")
def do_and_be_cut(x: str) -> str:
    LOG.append(x)
    SCOPES.pop().cancel()
    return x


@flow
def cut_behind_a_call() -> None:
    with transaction():
        do_and_be_cut("a")
        do("b")


@flow
def cut_in_a_loop() -> None:
    with transaction():
        for x in ["a", "b"]:
            do_and_be_cut(x)
        do("c")


@node(writes="w", runs="loop")
def note_and_be_cut(x: str) -> str:
    LOG.append(x)
    SCOPES.pop().cancel()
    return x


@flow
def quick(x: str) -> str:
    return note_and_be_cut(x)


@flow
def cut_behind_a_quick_flow() -> None:
    with transaction():
        quick.options(undo=undo)("a")
        do("b")


@pytest.mark.parametrize("listened", [False, True])
@pytest.mark.parametrize("program", [cut_behind_a_call, cut_in_a_loop, cut_behind_a_quick_flow])
def test_a_write_in_place_is_owed_before_the_run_can_be_cut(program: Any, listened: bool) -> None:
    async def main() -> bool:
        with trio.CancelScope() as scope:
            SCOPES[:] = [scope]
            await Engine(sinks=[lambda event: None] if listened else []).start(program)
        return scope.cancelled_caught

    assert trio.run(main)
    assert LOG == ["a", "-a"]


@flow
def takes_one_and_finishes(xs: list[str]) -> list[str]:
    found = []
    for x in parallel(xs, limit=1, take=1, rest="finish"):
        y = do(x)
        if y == "b":
            raise BoomError(y)
        found.append(y)
    return found


def test_what_a_failing_pass_did_is_undone_where_the_rest_is_finished() -> None:
    assert run(takes_one_and_finishes, ["a", "b", "c"]) == ["a"]
    assert LOG == ["a", "b", "c", "-b"]


def test_taking_more_than_there_is_keeps_all() -> None:
    assert run(takes, ["a", "b"], 3) == ["a", "b"]
    assert sorted(LOG) == ["a", "b"]


def test_taking_with_failures() -> None:
    assert run(takes_some, ["a", "b", "c"], 2) == ["a", "c"]
    # Whether the failing pass got as far as its write is up to the scheduler; if it did, the write is taken back.
    assert {"a", "c"} <= set(LOG)
    assert LOG.count("b") == LOG.count("-b")
    LOG.clear()
    with pytest.raises(BoomError):
        run(takes_some, ["a", "b", "c"], 3)
    assert LOG[3:] == ["-c", "-b", "-a"]
