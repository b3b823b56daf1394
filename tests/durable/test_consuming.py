"""Consuming a signal, from the journal's side: what is on its way when the run is broken off, or when it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import trio
import trio.testing
from attrs import define, field, frozen

from cflow.executor.entries import CUT, DONE, Entry
from cflow.executor.journal import Journal
from cflow.executor.letters import Missed


@frozen
class Letter:
    id: int
    value: bytes = b""


@define(eq=False)
class Keeper:
    """Holds what it is given until a test answers."""

    given: list[tuple[int, list[str], tuple[int, ...]]] = field(factory=list)
    answers: list[Callable[[BaseException | None], Callable[[], object]]] = field(factory=list)

    def encoded(self, entry: Entry) -> bytes:
        return json.dumps([entry.key, entry.data]).encode()

    def write(
        self,
        first: int,
        entries: list[bytes],
        done: Callable[[BaseException | None], Callable[[], object]],
        uses: tuple[int, ...] = (),
    ) -> None:
        self.given.append((first, [json.loads(entry)[0] for entry in entries], uses))
        self.answers.append(done)

    def answer(self, error: BaseException | None = None) -> None:
        self.answers.pop(0)(error)()

    def value(self, data: bytes) -> Any: ...
    def error(self, data: bytes) -> BaseException:
        raise NotImplementedError

    def lossy(self, data: bytes) -> bool:
        return False


def test_a_refused_entry_has_another_in_its_place() -> None:
    keeper = Keeper()
    journal = Journal(keeper)
    got: list[bool] = []

    async def consume(key: str, signal: int) -> None:
        got.append(await journal.consume(Entry(key, DONE), Letter(signal), f"{key}?0"))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            journal.add(Entry("a", DONE))
            nursery.start_soon(consume, "b", 7)
            await trio.testing.wait_all_tasks_blocked()
            journal.add(Entry("c", DONE))
            nursery.start_soon(consume, "d", 8)
            await trio.testing.wait_all_tasks_blocked()
            assert keeper.given == [(0, ["a", "b"], (7,))]
            keeper.answer(Missed())
            await trio.testing.wait_all_tasks_blocked()
            assert keeper.given[1:] == [(0, ["a", "b?0"], ())]
            assert got == []
            keeper.answer()
            await trio.testing.wait_all_tasks_blocked()
            assert got == [False]
            assert keeper.given[2:] == [(2, ["c", "d"], (8,))]
            keeper.answer()
        assert got == [False, True]

    trio.run(main)


def test_a_run_that_is_broken_off_ends_after_what_may_be_refused() -> None:
    keeper = Keeper()
    journal = Journal(keeper)

    async def main() -> None:
        journal.add(Entry("a", DONE))
        journal.flush()
        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()
            nursery.start_soon(_consume_in, scope, journal)
            await trio.testing.wait_all_tasks_blocked()
            journal.stop("enough")
            scope.cancel()
            nursery.start_soon(_settle, journal)
            await trio.testing.wait_all_tasks_blocked()
            assert len(keeper.given) == 1
            keeper.answer()
            await trio.testing.wait_all_tasks_blocked()
            assert keeper.given[1:] == [(1, ["b"], (7,))]
            assert not SETTLED
            keeper.answer(Missed())
            await trio.testing.wait_all_tasks_blocked()
            assert not SETTLED
            keeper.answer()
        assert SETTLED == [(2, [])]

    trio.run(main)


SETTLED: list[tuple[int, list[bytes]]] = []


async def _consume_in(scope: trio.CancelScope, journal: Journal) -> None:
    with scope:
        await journal.consume(Entry("b", DONE), Letter(7), "b?0")


async def _settle(journal: Journal) -> None:
    with trio.CancelScope(shield=True):
        await journal.settled()
        SETTLED.append(journal.rest())


def test_an_entry_that_fills_a_group_is_handed_over_with_its_signal() -> None:
    from cflow.executor.outbox import GROUP

    keeper = Keeper()
    journal = Journal(keeper)

    async def main() -> None:
        for number in range(GROUP - 1):
            journal.add(Entry(str(number), CUT))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.consume, Entry("b", DONE), Letter(7), "b?0")
            await trio.testing.wait_all_tasks_blocked()
            assert [uses for _, _, uses in keeper.given] == [(7,)]
            keeper.answer()

    trio.run(main)
