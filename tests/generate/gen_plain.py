"""The fake nodes of ``gen_nodes.py`` without an ``async`` one, but for streams: a flow of these may be a plain function
call."""

from __future__ import annotations

from gen_nodes import (
    note as note,
    p1 as p1,
    r_a as r_a,
    s_a as s_a,
    s_b as s_b,
    s_wc as s_wc,
    u_1 as u_1,
    undo_b as undo_b,
    w_a as w_a,
    w_d as w_d,
)
from gen_world import Boom as Boom, Crash as Crash, world

from cflow import node


@node(pure=True)
def a_p2(site: int, x: int, y: int) -> int:
    return world().call("a_p2", site, (x, y))


@node(reads="b")
def a_r_b(site: int, x: int) -> int:
    return world().call("a_r_b", site, (x,), reads="b")


@node(reads=("a", "c"))
def a_r_ac(site: int, x: int) -> int:
    return world().call("a_r_ac", site, (x,), reads="ac")


@node(reads="world")
def a_r_all(site: int, x: int) -> int:
    return world().call("a_r_all", site, (x,), reads="abcx")


@node(writes="b")
def a_w_b(site: int, x: int) -> int:
    return world().call("a_w_b", site, (x,), writes="b")


@node(writes=("a", "c"))
def a_w_ac(site: int, x: int) -> int:
    return world().call("a_w_ac", site, (x,), writes="ac")


@node(reads="b", writes="c")
def a_rb_wc(site: int, x: int) -> int:
    return world().call("a_rb_wc", site, (x,), reads="b", writes="c")


@node
def a_u_2(site: int, x: int) -> int:
    return world().call("a_u_2", site, (x,), writes="x")


@node(writes="a")
def undo_a(site: int, x: int) -> None:
    world().call("undo_a", site, (x,), writes="a")


@node(writes="d")
def a_w_d(site: int, x: int) -> int:
    return world().call("a_w_d", site, (x,), writes="d")


@node(writes="d")
def undo_d(site: int, result: int, x: int) -> None:
    world().call("undo_d", site, (result, x), writes="d")
