"""The fake nodes of generated programs, imported by both spellings.

A name says what a node does: it ``r``eads or ``w``rites which of the resources ``a``, ``b``, ``c``; ``u`` declares
nothing; a leading ``a_`` is async. What is written to ``d`` no node reads: so it may be taken back. ``s`` is a stream.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from gen_world import Boom as Boom, Crash as Crash, wait, world, written

from cflow import node


@node(pure=True)
def p1(site: int, x: int) -> int:
    return world().call("p1", site, (x,))


@node(pure=True)
async def a_p2(site: int, x: int, y: int) -> int:
    await wait(site)
    return world().call("a_p2", site, (x, y))


@node(reads="a")
def r_a(site: int, x: int) -> int:
    return world().call("r_a", site, (x,), reads="a")


@node(reads="b")
async def a_r_b(site: int, x: int) -> int:
    await wait(site)
    return world().call("a_r_b", site, (x,), reads="b")


@node(reads=("a", "c"))
async def a_r_ac(site: int, x: int) -> int:
    await wait(site)
    return world().call("a_r_ac", site, (x,), reads="ac")


@node(reads="world")
async def a_r_all(site: int, x: int) -> int:
    await wait(site)
    return world().call("a_r_all", site, (x,), reads="abcx")


@node(writes="a")
def w_a(site: int, x: int) -> int:
    return world().call("w_a", site, (x,), writes="a")


@node(writes="b")
async def a_w_b(site: int, x: int) -> int:
    await wait(site)
    value = world().call("a_w_b", site, (x,), writes="b")
    await written(site, x)
    return value


@node(writes=("a", "c"))
async def a_w_ac(site: int, x: int) -> int:
    await wait(site)
    value = world().call("a_w_ac", site, (x,), writes="ac")
    await written(site, x)
    return value


@node(reads="b", writes="c")
async def a_rb_wc(site: int, x: int) -> int:
    await wait(site)
    value = world().call("a_rb_wc", site, (x,), reads="b", writes="c")
    await written(site, x)
    return value


@node
def u_1(site: int, x: int) -> int:
    return world().call("u_1", site, (x,), writes="x")


@node
async def a_u_2(site: int, x: int) -> int:
    await wait(site)
    value = world().call("a_u_2", site, (x,), writes="x")
    await written(site, x)
    return value


@node(writes="log")
def note(site: int, x: int) -> None:
    world().call("note", site, (x,), writes="l")


@node(writes="a")
async def undo_a(site: int, x: int) -> None:
    await wait(site)
    world().call("undo_a", site, (x,), writes="a")
    await written(site, x)


@node(writes="b")
def undo_b(site: int, x: int, y: int) -> None:
    world().call("undo_b", site, (x, y), writes="b")


@node(writes="d")
def w_d(site: int, x: int) -> int:
    return world().call("w_d", site, (x,), writes="d")


@node(writes="d")
async def a_w_d(site: int, x: int) -> int:
    await wait(site)
    value = world().call("a_w_d", site, (x,), writes="d")
    await written(site, x)
    return value


@node(writes="d")
async def undo_d(site: int, result: int, x: int) -> None:
    await wait(site)
    world().call("undo_d", site, (result, x), writes="d")


@node(reads="a")
async def s_a(site: int, n: int, x: int) -> AsyncIterator[int]:
    with world().streaming():
        for i in range(n % 5):
            await wait(site)
            yield world().call("s_a", site, (i, x), reads="a")


@node(reads="b")
async def s_b(site: int, n: int, x: int) -> AsyncIterator[int]:
    with world().streaming():
        for i in range(n % 4):
            yield world().call("s_b", site, (i, x), reads="b")
        await wait(site)


@node(writes="c")
async def s_wc(site: int, n: int, x: int) -> AsyncIterator[int]:
    """Writes when it is closed, too."""
    with world().streaming():
        try:
            for i in range(n % 4):
                await wait(site)
                yield world().call("s_wc", site, (i, x), writes="c")
        finally:
            world().call("s_wc_end", site, (-1, x), writes="c")
