"""What counts as a change of a value, and the clock of tests."""

from __future__ import annotations

import copy
import dataclasses
import time
from typing import Any

import attrs
import pytest
import trio

from cflow.doubles import snapshot
from cflow.virtual_time import WaitsForEver, play


@attrs.define
class Record:
    items: list[int]
    name: str = "x"


@dataclasses.dataclass
class Data:
    items: list[int]


class Opaque:
    pass


NAN = float("nan")
SAME: list[Any] = [
    1,
    "x",
    [1, [2]],
    {"a": [1]},
    {1, 2},
    (1, [2]),
    Record([1]),
    Data([2]),
    bytearray(b"x"),
    Opaque(),
    NAN,
    [NAN],
]
CHANGES: list[tuple[Any, Any]] = [
    ([1], lambda v: v.append(2)),
    ([[1]], lambda v: v[0].append(2)),
    ({"a": 1}, lambda v: v.update(b=2)),
    ({"a": 1}, lambda v: v.update(a=True)),
    ({"a": [1]}, lambda v: v["a"].clear()),
    ({1}, lambda v: v.add(2)),
    (([1],), lambda v: v[0].append(2)),
    (Record([1]), lambda v: v.items.append(2)),
    (Record([1]), lambda v: setattr(v, "name", "y")),
    (Data([1]), lambda v: v.items.append(2)),
    (bytearray(b"x"), lambda v: v.extend(b"y")),
]


@pytest.mark.parametrize("value", SAME, ids=lambda value: type(value).__name__)
def test_the_same(value: Any) -> None:
    assert snapshot(value) == snapshot(value)


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_changes(number: int) -> None:
    value, change = CHANGES[number]
    value = copy.deepcopy(value)
    before = snapshot(value)
    change(value)
    assert snapshot(value) != before


def test_a_value_that_holds_itself() -> None:
    value: list[Any] = []
    value.append(value)
    assert snapshot(value) == snapshot(value)


def test_days_take_no_time() -> None:
    async def main() -> float:
        began = trio.current_time()
        with trio.fail_after(86_400 * 4):
            await trio.sleep(86_400 * 3)
        return trio.current_time() - began

    assert play(main) == pytest.approx(86_400 * 3)


def test_time_stands_still_for_a_thread() -> None:
    async def main() -> bool:
        with trio.move_on_after(0.001) as scope:
            await trio.to_thread.run_sync(time.sleep, 0.02)
        return scope.cancelled_caught

    assert play(main) is False


def test_time_stands_still_for_a_socket() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        data = await stream.receive_some(10)
        await trio.to_thread.run_sync(time.sleep, 0.01)
        await stream.send_all(data)

    async def main() -> bytes:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, serve, 0)
            stream = await trio.open_tcp_stream(*listeners[0].socket.getsockname()[:2])
            with trio.fail_after(1):
                await stream.send_all(b"hello")
                answer = await stream.receive_some(10)
            nursery.cancel_scope.cancel()
        await stream.aclose()
        return bytes(answer)

    assert play(main) == b"hello"


def test_what_nothing_wakes() -> None:
    with pytest.raises(WaitsForEver, match="waits for ever"):
        play(trio.sleep_forever)


def test_errors_come_out_as_they_are() -> None:
    async def main() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        play(main)
