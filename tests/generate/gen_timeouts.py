"""Generated programs with timeouts that may strike: an existing one with a few of its timeouts made short."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from attrs import evolve
from gen_tree import Block, Body, Call, Collecting, FlowDef, For, If, Line, Match, Program, Race, Stmt, Try, While

LENGTHS = (1, 1, 2, 3, 5)
"""Seconds; a call of an async node takes up to seven."""


def with_timeouts(program: Program, random: Random) -> Program:
    """The program with some short timeouts: of scopes, transactions, calls, flows, races, and around lines of main."""
    places = _count(program)
    chosen = {random.randrange(places) for _ in range(random.choice((1, 2, 4)))} if places else set()
    number = -1

    def shortened(stmt: Stmt) -> Stmt:
        nonlocal number
        if isinstance(stmt, Try):
            heads = [("TimeoutError" if head == "AssertionError" else head, body) for head, body in stmt.handlers]
            return evolve(stmt, handlers=tuple(heads))
        if not _takes_a_timeout(stmt):
            return stmt
        number += 1
        if number not in chosen:
            return stmt
        length = random.choice(LENGTHS)
        if isinstance(stmt, Call):
            return evolve(stmt, options=(*stmt.options, ("timeout", str(length))))
        if isinstance(stmt, Race):
            return evolve(stmt, timeout=length)
        return evolve(stmt, length=length)

    flows = [evolve(f, body=mapped(f.body, shortened)) if _waited_for(f) else f for f in program.flows]
    main = flows[-1]
    if random.random() < 0.3 or not places:
        flows[-1] = evolve(main, options=(*main.options, ("timeout", str(random.choice(LENGTHS)))))
    else:
        flows[-1] = evolve(main, body=_around(main.body, random))
    return evolve(program, flows=tuple(flows), plan=program.plan if random.random() < 0.5 else {})


def _around(body: Body, random: Random) -> Body:
    """The lines of a flow with a timeout around some of them; perhaps it is handled."""
    start = random.randrange(len(body))
    end = random.randint(start, len(body) - 1)
    if start == end:
        return body
    kind = random.choice(("timeout", "timeout", "transaction"))
    block: Stmt = Block(kind, body[start:end], random.choice(LENGTHS))
    if random.random() < 0.5:
        block = Try((block,), (("TimeoutError", (Line("return n"),)),))
    return (*body[:start], block, *body[end:])


def _takes_a_timeout(stmt: Stmt) -> bool:
    if isinstance(stmt, Block):
        return stmt.kind in ("timeout", "transaction")
    return isinstance(stmt, Race) or (isinstance(stmt, Call) and stmt.node[0] in "af")  # async nodes, flows


def _waited_for(flow: FlowDef) -> bool:
    """Not one of those that are only detached: their own timeouts strike where nobody looks."""
    return not flow.name.startswith("d")


def _count(program: Program) -> int:
    count = 0

    def look(stmt: Stmt) -> Stmt:
        nonlocal count
        count += _takes_a_timeout(stmt)
        return stmt

    for flow in filter(_waited_for, program.flows):
        mapped(flow.body, look)
    return count


def mapped(body: Body, f: Callable[[Stmt], Stmt]) -> Body:
    """The block with ``f`` applied to every statement, those around first."""
    return tuple(_mapped(f(stmt), f) for stmt in body)


def _mapped(stmt: Stmt, f: Callable[[Stmt], Stmt]) -> Stmt:
    match stmt:
        case If():
            return evolve(stmt, bodies=tuple(mapped(b, f) for b in stmt.bodies), orelse=mapped(stmt.orelse, f))
        case Match():
            return evolve(stmt, cases=tuple((p, mapped(b, f)) for p, b in stmt.cases))
        case For():
            return evolve(stmt, body=mapped(stmt.body, f), orelse=mapped(stmt.orelse, f))
        case Collecting() | While() | Block():
            return evolve(stmt, body=mapped(stmt.body, f))
        case Try():
            return evolve(
                stmt,
                body=mapped(stmt.body, f),
                handlers=tuple((h, mapped(b, f)) for h, b in stmt.handlers),
                orelse=mapped(stmt.orelse, f),
                final=mapped(stmt.final, f),
            )
        case _:
            return stmt
