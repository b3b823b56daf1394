"""A ``StopIteration`` of a node, which no coroutine can raise, is told as the node raised it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from cflow import Engine, Retry, collect, flow, node, parallel, transaction

TRIES: list[int] = []


@node(reads="a")
def first(xs: list[int]) -> int:
    return next(iter(xs))


@node(reads="a", retry=Retry(1, on=StopIteration))
def second_time(x: int) -> int:
    TRIES.append(x)
    if len(TRIES) == 1:
        next(iter([]))
    return x


@flow
def inner(xs: list[int]) -> int:
    with transaction():
        return first(xs)


@flow
def outer(xs: list[int]) -> int:
    return inner(xs)


def by_run() -> Any:
    return Engine().run(outer, [])


def by_submit() -> Any:
    return Engine().submit(outer, []).result()


def beside_a_loop() -> Any:
    async def main() -> BaseException:
        try:
            Engine().run(outer, [])
        except StopIteration as error:
            return error
        raise AssertionError

    raise trio.run(main)


@pytest.mark.parametrize("call", [by_run, by_submit, beside_a_loop])
def test_it_leaves_a_run(call: Callable[[], Any]) -> None:
    with pytest.raises(StopIteration) as caught:
        call()
    failure = caught.value.__cflow__  # type: ignore[attr-defined]
    assert (failure.node, failure.inputs) == ("inner/first", {"xs": []})


@pytest.mark.parametrize("loop", [trio.run, lambda main: asyncio.run(main())])
def test_awaited_it_is_the_cause(loop: Callable[[Callable[[], Awaitable[Any]]], Any]) -> None:
    async def main() -> Any:
        return await Engine().start(outer, [])

    with pytest.raises(RuntimeError) as caught:
        loop(main)
    assert isinstance(caught.value.__cause__, StopIteration)


@flow
def handled() -> str:
    try:
        with transaction():
            return str(first([]))
    except Exception as e:
        return repr(e)


@flow
def collected() -> list[str]:
    done = collect(first(xs) for xs in parallel([[1], []]))
    return [repr(f.error) for f in done.failed]


@flow
def retried() -> int:
    return second_time(7)


def test_it_is_seen_inside() -> None:
    assert Engine().run(handled) == "StopIteration()"
    assert Engine().run(collected) == ["StopIteration()"]


def test_it_is_worth_a_retry() -> None:
    TRIES.clear()
    assert Engine().run(retried) == 7


def test_listeners_hear_of_it() -> None:
    heard: list[Any] = []
    with pytest.raises(StopIteration):
        Engine(sinks=[lambda e: heard.append((e.kind, e.what, type(e.error)))]).run(outer, [])
    assert ("node", "failed", StopIteration) in heard
    assert ("run", "failed", StopIteration) in heard
