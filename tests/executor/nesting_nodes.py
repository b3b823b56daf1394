"""Nodes of the nesting tests."""

from __future__ import annotations

import trio

from cflow import node

LOG: list[object] = []


@node(reads="a")
async def read(x: int) -> int:
    await trio.lowlevel.checkpoint()
    return x


@node(reads="a")
def look(x: int) -> int:
    return x


@node(pure=True, runs="loop")
def same(x: int) -> int:
    return x


@node(writes="a")
async def write(x: int) -> int:
    await trio.lowlevel.checkpoint()
    LOG.append(x)
    return x


@node(writes="b")
async def unwrite(x: int) -> None:
    LOG.append(f"undo {x}")


@node(writes="a")
async def fail(x: int) -> int:
    raise ValueError(x)
