"""Makes a failing program small: leaves out statements, blocks, options and failures as long as it fails alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import evolve
from gen_tree import Block, Body, Call, Collecting, FlowDef, For, If, Match, Program, Race, Stmt, Try, While, Yield


def shrink(program: Program, fails: Callable[[Program], bool], tries: int = 2_000) -> Program:
    """The smallest program found for which ``fails`` still holds.

    ``fails`` is asked about programs that may not be valid any more; of those it says no.
    """
    improved = True
    while improved and tries > 0:
        improved = False
        for candidate in _smaller(program):
            tries -= 1
            if tries <= 0:
                break
            if any(_yields(flow.body, "" if flow.stream else None) is None for flow in candidate.flows):
                continue
            if fails(candidate):
                program, improved = candidate, True
                break
    return program


def _yields(body: Body, into: str | None) -> bool | None:
    """Does ``body`` yield to the loop ``into``? None where a yield has lost its loop, or a loop its yields."""
    found = False
    for stmt in body:
        if isinstance(stmt, Yield):
            inner: bool | None = True if stmt.into == into else None
        elif isinstance(stmt, Collecting):
            inner = False if _yields(stmt.body, stmt.into) else None
        else:
            parts = [_yields(part, into) for part in _inside(stmt)]
            inner = None if None in parts else any(parts)
        if inner is None:
            return None
        found |= inner
    return found


def _smaller(program: Program) -> Iterator[Program]:
    for number in range(len(program.flows) - 1):
        yield evolve(program, flows=(*program.flows[:number], *program.flows[number + 1 :]))
    for site in program.plan:
        yield evolve(program, plan={s: f for s, f in program.plan.items() if s != site})
    for number, flow in enumerate(program.flows):
        for new in _flows(flow):
            yield evolve(program, flows=(*program.flows[:number], new, *program.flows[number + 1 :]))


def _flows(flow: FlowDef) -> Iterator[FlowDef]:
    if flow.options:
        yield evolve(flow, options=())
    for body in _bodies(flow.body):
        yield evolve(flow, body=body)


def _bodies(body: Body) -> Iterator[Body]:
    """A half less, a statement less, a block opened, something smaller inside."""
    half = len(body) // 2
    if half > 1:
        yield body[:half]
        yield body[half:]
    for i in range(len(body) - 1, -1, -1):
        yield (*body[:i], *body[i + 1 :])
    for i, stmt in enumerate(body):
        for inner in _inside(stmt):
            yield (*body[:i], *inner, *body[i + 1 :])
    for i, stmt in enumerate(body):
        for new in _stmts(stmt):
            yield (*body[:i], new, *body[i + 1 :])


def _inside(stmt: Stmt) -> Iterator[Body]:
    """The blocks of a statement, each in its place."""
    match stmt:
        case If():
            yield from (*stmt.bodies, stmt.orelse)
        case Match():
            yield from (body for _, body in stmt.cases)
        case For():
            yield from (stmt.body, stmt.orelse)
        case While() | Block() | Collecting():
            yield stmt.body
        case Try():
            yield from (stmt.body, *(body for _, body in stmt.handlers), stmt.orelse, stmt.final)
        case _:
            return


def _stmts(stmt: Stmt) -> Iterator[Stmt]:
    match stmt:
        case Call():
            if stmt.options or stmt.undo:
                yield evolve(stmt, options=(), undo=None)
            if stmt.target:
                yield evolve(stmt, target=None)
        case If():
            if stmt.orelse:
                yield evolve(stmt, orelse=())
            if len(stmt.tests) > 1:
                yield evolve(stmt, tests=stmt.tests[:1], bodies=stmt.bodies[:1])
            for i, body in enumerate(stmt.bodies):
                for new in _bodies(body):
                    if new:
                        yield evolve(stmt, bodies=(*stmt.bodies[:i], new, *stmt.bodies[i + 1 :]))
            yield from (evolve(stmt, orelse=new) for new in _bodies(stmt.orelse))
        case Match():
            for i, (pattern, body) in enumerate(stmt.cases):
                if len(stmt.cases) > 1:
                    yield evolve(stmt, cases=(*stmt.cases[:i], *stmt.cases[i + 1 :]))
                for new in _bodies(body):
                    yield evolve(stmt, cases=(*stmt.cases[:i], (pattern, new), *stmt.cases[i + 1 :]))
        case For() | Collecting() | While() | Block():
            if isinstance(stmt, For) and stmt.orelse:
                yield evolve(stmt, orelse=())
            if isinstance(stmt, For | Collecting) and stmt.pace:
                yield evolve(stmt, pace=())
            if isinstance(stmt, Block) and stmt.length is not None:
                yield evolve(stmt, length=None)
            if isinstance(stmt, Collecting) and stmt.parallel is not None:
                yield evolve(stmt, parallel=None, collect=False, max_failed=None, take=None, finish=False)
            yield from (evolve(stmt, body=new) for new in _bodies(stmt.body))
        case Race():
            if stmt.timeout is not None:
                yield evolve(stmt, timeout=None)
            if len(stmt.arms) > 2:
                yield from (evolve(stmt, arms=stmt.arms[:i] + stmt.arms[i + 1 :]) for i in range(len(stmt.arms)))
        case Try():
            yield from (evolve(stmt, body=new) for new in _bodies(stmt.body))
            if stmt.orelse:
                yield evolve(stmt, orelse=())
            if stmt.final and stmt.handlers:
                yield evolve(stmt, final=())
                yield from (evolve(stmt, final=new) for new in _bodies(stmt.final) if new)
            for i, (head, body) in enumerate(stmt.handlers):
                if len(stmt.handlers) > 1 or stmt.final:
                    rest = (*stmt.handlers[:i], *stmt.handlers[i + 1 :])
                    yield evolve(stmt, handlers=rest, orelse=stmt.orelse if rest else ())
                for new in _bodies(body):
                    yield evolve(stmt, handlers=(*stmt.handlers[:i], (head, new), *stmt.handlers[i + 1 :]))
        case _:
            return
