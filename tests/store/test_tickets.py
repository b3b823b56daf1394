"""Waiting in Trio for a unit: one wake-up for a group, and a waiter that is cancelled."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from store_kit import append, begin, read, row

from cflow.store.failures import LeaseLost
from cflow.store.port import BeginRun, Change, Done, TakeRun
from cflow.store.sqlite import SqliteStore
from cflow.store.tickets import commit


class Held:
    """A store that answers when it is told to."""

    def __init__(self) -> None:
        self.units: list[tuple[tuple[Change, ...], Done]] = []
        self.woken = 0

    def do(self, changes: object, done: Done) -> None:
        self.units.append((tuple(changes), done))  # type: ignore[arg-type]

    def answer(self, *errors: BaseException | None) -> None:
        wakes = {done(error) for (_, done), error in zip(self.units, errors, strict=True)}
        self.units.clear()
        for wake in wakes:
            assert wake is not None
            self.woken += 1
            wake()


def test_a_unit_is_on_disk_when_its_waiter_goes_on(store: SqliteStore) -> None:
    async def main() -> None:
        await commit(store, [BeginRun(row("r1"))])
        assert store.run("r1") == row("r1")
        with pytest.raises(LeaseLost):
            await commit(store, [TakeRun("r1", "other", "me")])

    trio.run(main)


def test_many_callers_share_commits(store: SqliteStore) -> None:
    async def caller(run: str) -> None:
        for number in range(20):
            await commit(store, [append(run, number, number)])

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for number in range(30):
                nursery.start_soon(caller, f"r{number}")

    begin(store, *(f"r{number}" for number in range(30)))
    trio.run(main)
    for number in range(30):
        assert read(store, f"r{number}") == list(range(20))


def test_a_group_wakes_the_loop_once() -> None:
    held = Held()
    heard: list[object] = []

    async def waiter(number: int) -> None:
        try:
            await commit(held, [])  # type: ignore[arg-type]
        except LeaseLost as error:
            heard.append((number, error))
        else:
            heard.append((number, None))

    async def main() -> None:
        lost = LeaseLost("x")
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(waiter, number)
                await trio.testing.wait_all_tasks_blocked()  # Trio shuffles what is started at once
            held.answer(None, lost, None)
            assert held.woken == 1
        assert sorted(heard, key=str) == sorted([(0, None), (1, lost), (2, None)], key=str)

    trio.run(main)


def test_a_cancelled_waiter_goes_and_its_unit_does_not(store: SqliteStore) -> None:
    held = Held()

    async def main() -> None:
        with trio.move_on_after(1) as scope:
            await commit(held, [BeginRun(row("r1"))])  # type: ignore[arg-type]
        assert scope.cancelled_caught
        assert held.units[0][0] == (BeginRun(row("r1")),)
        held.answer(None)
        await trio.sleep(1)
        with trio.CancelScope() as scope:
            scope.cancel()
            await commit(held, [])  # type: ignore[arg-type]
        assert not held.units  # who is cancelled already hands nothing over

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_an_answer_after_the_end_of_the_loop_is_no_error() -> None:
    held = Held()

    async def main() -> None:
        with trio.move_on_after(0.01):
            await commit(held, [])  # type: ignore[arg-type]

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    held.answer(None)
    assert held.woken == 1
