"""A block that is cut while it waits for steps outside of it: what they bring then comes too late."""

from __future__ import annotations

import pytest
import trio

from cflow import Engine, flow, node, parallel

SCOPES: list[trio.CancelScope] = []


@node(reads="r")
async def read_and_be_cut(steps: int) -> int:
    await trio.lowlevel.checkpoint()
    SCOPES[0].cancel()
    with trio.CancelScope(shield=True):
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
    return 1


@node(reads="r")
async def read(x: int) -> int:
    await trio.lowlevel.checkpoint()
    return x


@node(writes="w")
async def write(x: int) -> int:
    await trio.lowlevel.checkpoint()
    return x


@flow
def waits_for_a_read(steps: int) -> int:
    a = read_and_be_cut(steps)
    with parallel():
        b = read(2) + write(3)
        c = write(4) + read(5)
    return a + b + c


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("steps", range(6))
def test_a_cut_block_starts_nothing(steps: int, seed: int) -> None:
    trio._core._run._r.seed(seed)

    async def main() -> bool:
        with trio.CancelScope() as scope:
            SCOPES[:] = [scope]
            await Engine().start(waits_for_a_read, steps)
        return scope.cancelled_caught

    assert trio.run(main)
