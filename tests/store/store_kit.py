"""Shorthand for tests of stores."""

from __future__ import annotations

import threading
from typing import Any

import msgspec

from cflow.store.port import Append, BeginRun, Change, Store
from cflow.store.rows import RunRow
from cflow.store.tickets import commit_now


def entry(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


def row(id: str, **other: Any) -> RunRow:
    """A run of ``me``."""
    given: dict[str, Any] = {
        "flow": "settle",
        "program": "orders.cflow:settle",
        "digest": "d1",
        "state": "running",
        "created": 1.0,
        "owner": "me",
    }
    return RunRow(id=id, **{**given, **other})


def begin(store: Store, *ids: str, **other: Any) -> None:
    commit_now(store, [BeginRun(row(id, **other)) for id in ids])


def append(run: str, first: int, *values: object, owner: str = "me", **other: Any) -> Append:
    return Append(run, owner, first, tuple(entry(value) for value in values), **other)


def read(store: Store, run: str, after: int = 0) -> list[object]:
    return [msgspec.msgpack.decode(item) for item in store.journal(run, after)]


class Hearing:
    """What ``done`` is told: one answer after another, in the order in which they came."""

    def __init__(self) -> None:
        self.answers: list[tuple[object, BaseException | None]] = []
        self._changed = threading.Condition()

    def of(self, name: object) -> Any:
        def done(error: BaseException | None) -> None:
            with self._changed:
                self.answers.append((name, error))
                self._changed.notify_all()

        return done

    def wait(self, count: int, seconds: float = 60.0) -> list[tuple[object, BaseException | None]]:
        """The answers, once there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.answers) >= count, seconds), self.answers
            return list(self.answers)


def at_once(store: Store, *units: list[Change]) -> list[BaseException | None]:
    """Hand over units while the writer is held, so that they are one group; what became of each."""
    heard = Hearing()
    free = threading.Event()
    held = threading.Event()

    def hold(error: BaseException | None) -> None:
        held.set()
        free.wait()

    store.do([], hold)
    held.wait()
    for number, unit in enumerate(units):
        store.do(unit, heard.of(number))
    free.set()
    answers = heard.wait(len(units))
    assert [name for name, _ in answers] == list(range(len(units)))
    return [error for _, error in answers]
