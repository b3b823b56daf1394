"""Generated programs as trees, and their two spellings.

Expressions are text, since both spellings have the same; only calls with options, blocks and loops differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen
from gen_world import Failing


@frozen
class Assign:
    target: str
    value: str


@frozen
class Call:
    """A call on a line of its own, with options. ``undo``: the undoing node and its arguments; ``{}`` is the result."""

    target: str | None
    node: str
    args: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()
    undo: tuple[str, tuple[str, ...]] | None = None


@frozen
class If:
    tests: tuple[str, ...]
    bodies: tuple[Body, ...]
    orelse: Body = ()


@frozen
class Match:
    subject: str
    cases: tuple[tuple[str, Body], ...]


@frozen
class For:
    """``pace``: ``batch`` or ``buffer`` and how many, ``window`` and how many seconds, where the source is a stream."""

    var: str
    source: str
    body: Body
    orelse: Body = ()
    pace: tuple[tuple[str, str], ...] = ()


@frozen
class Collecting:
    """``into = for var in source``: ``parallel`` is the limit, None for one after another. ``take``: how many successes
    are enough; the rest is cancelled, or completed where ``finish``. ``pace``: as in :class:`For`."""

    into: str
    var: str
    source: str
    body: Body
    parallel: int | None = None
    collect: bool = False
    max_failed: int | None = None
    take: int | None = None
    finish: bool = False
    pace: tuple[tuple[str, str], ...] = ()


@frozen
class Yield:
    """Adds to the list ``into`` of the nearest collecting loop; into nothing: to the flow's own stream."""

    into: str
    value: str


@frozen
class Race:
    """``target = race(...)``: the arms are calls without a target. ``timeout``: seconds."""

    target: str
    arms: tuple[Call, ...]
    timeout: int | None = None


@frozen
class Detach:
    """``target = detach call``: a run of its own."""

    target: str | None
    call: str


@frozen
class While:
    test: str
    body: Body
    limit: int | None = None


@frozen
class Try:
    body: Body
    handlers: tuple[tuple[str, Body], ...] = ()
    orelse: Body = ()
    final: Body = ()


@frozen
class Block:
    """``transaction``, ``lock``, ``timeout`` (an hour, where ``length`` does not say how many seconds) or ``parallel``
    (each statement an arm)."""

    kind: str
    body: Body
    length: int | None = None


@frozen
class Line:
    """A statement that is spelled alike: ``return``, ``break``, ``continue``, ``raise``, ``assert``, an append."""

    text: str


Stmt = Assign | Call | If | Match | For | Collecting | Yield | Race | Detach | While | Try | Block | Line
Body = tuple[Stmt, ...]


@frozen
class FlowDef:
    name: str
    params: tuple[str, ...]
    body: Body
    options: tuple[tuple[str, str], ...] = ()
    stream: bool = False


SOMEWHERE = ((0, 0),)
"""The lanes of a site in a flow that something parallel calls: in some arm or other."""


@frozen
class Program:
    """Flows, callees first; the last one is ``main``.

    ``lanes``: for a site within parallel constructs, which ones and which arm of each (-1: a pass of a loop; the call's
    last argument tells which). ``chosen``: the races and takes among these, in which time chooses arms, and whether the
    other arms are completed all the same. ``undone``: for the undos in them, whose write they take back. ``once``: for
    the writes with ``once``, their undo, and whether all passes around them come to an end, so that the reference
    knows what is left of them. ``timed``: is it run in virtual time, since it reads a clock?
    ``detached``: the sites in flows that are only detached.
    """

    flows: tuple[FlowDef, ...]
    inputs: Mapping[str, int]
    plan: Mapping[int, Failing]
    lanes: Mapping[int, tuple[tuple[int, int], ...]]
    chosen: Mapping[int, bool] = field(factory=dict)
    undone: Mapping[int, int] = field(factory=dict)
    once: Mapping[int, tuple[int, bool]] = field(factory=dict)
    timed: bool = False
    detached: frozenset[int] = frozenset()

    @property
    def apart(self) -> frozenset[int]:
        """The sites of calls with ``once`` and of their undos, and those in detached runs."""
        return self.detached | {site for write, (undo, _) in self.once.items() for site in (write, undo)}

    def __str__(self) -> str:
        return f"{to_text(self)}# inputs: {dict(self.inputs)}\n# plan: {dict(self.plan)}\n"


NODES = (
    "p1 a_p2 r_a a_r_b a_r_ac a_r_all w_a a_w_b a_w_ac a_rb_wc u_1 a_u_2 note undo_a undo_b "
    "w_d a_w_d undo_d s_a s_b s_wc"
)


def to_text(program: Program) -> str:
    """The program in ``.cflow``."""
    head = f'from "./gen_nodes.py" import {NODES.replace(" ", ", ")}, Boom, Crash\n'
    return head + "".join(f"\n{line}\n" for flow in program.flows for line in ["\n".join(_flow_text(flow))])


def to_python(program: Program) -> str:
    """The same program in Python."""
    head = (
        "from collections.abc import Iterator\n"
        "from cflow import Collected, batched, buffered, collect, detach, flow, lock, loop, parallel, race\n"
        "from cflow import timeout, transaction, windowed\n"
        f"from gen_nodes import {NODES.replace(' ', ', ')}, Boom, Crash\n"
    )
    return head + "".join(f"\n\n{line}\n" for flow in program.flows for line in ["\n".join(_flow_python(flow))])


def _flow_text(flow: FlowDef) -> Iterator[str]:
    params = ", ".join(f"{p}: int" for p in flow.params)
    yield f"flow {flow.name}({params}) -> {'stream[int]' if flow.stream else 'int'}{_with(flow.options)}:"
    yield from lines(flow.body, Text())


def _flow_python(flow: FlowDef) -> Iterator[str]:
    params = ", ".join(f"{p}: int" for p in flow.params)
    yield f"@flow({', '.join(f'{k}={v}' for k, v in flow.options)})" if flow.options else "@flow"
    yield f"def {flow.name}({params}) -> {'Iterator[int]' if flow.stream else 'int'}:"
    yield from lines(flow.body, Python())


def _with(options: tuple[tuple[str, str], ...]) -> str:
    return f" with {', '.join(f'{k}={v}' for k, v in options)}" if options else ""


def lines(body: Body, spelling: Text | Python) -> Iterator[str]:
    """The lines of a block, indented."""
    for stmt in body or (Line("pass"),):
        for line in _stmt(stmt, spelling):
            yield f"    {line}"


def _stmt(stmt: Stmt, spelling: Text | Python) -> Iterator[str]:
    match stmt:
        case Line(text):
            yield text
        case Assign(target, value):
            yield f"{target} = {value}"
        case Call():
            yield (f"{stmt.target} = " if stmt.target else "") + spelling.call(stmt)
        case If():
            for i, (test, body) in enumerate(zip(stmt.tests, stmt.bodies, strict=True)):
                yield f"{'elif' if i else 'if'} {test}:"
                yield from lines(body, spelling)
            if stmt.orelse:
                yield "else:"
                yield from lines(stmt.orelse, spelling)
        case Match():
            yield f"match {stmt.subject}:"
            for pattern, body in stmt.cases:
                yield f"    case {pattern}:"
                yield from (f"    {line}" for line in lines(body, spelling))
        case For():
            yield spelling.head(stmt)
            yield from lines(stmt.body, spelling)
            if stmt.orelse:
                yield "else:"
                yield from lines(stmt.orelse, spelling)
        case Try():
            yield "try:"
            yield from lines(stmt.body, spelling)
            for head, body in stmt.handlers:
                yield f"except {head}:"
                yield from lines(body, spelling)
            for word, body in (("else", stmt.orelse), ("finally", stmt.final)):
                if body:
                    yield f"{word}:"
                    yield from lines(body, spelling)
        case Race():
            yield f"{stmt.target} = {spelling.race(stmt)}"
        case Detach():
            yield (f"{stmt.target} = " if stmt.target else "") + spelling.detach(stmt.call)
        case Collecting() | Yield() | While() | Block():
            yield from spelling.special(stmt)


class Text:
    """What ``.cflow`` spells in its own way."""

    def call(self, call: Call) -> str:
        undo = ""
        if call.undo is not None:
            node, args = call.undo
            undo = f" undo {node}({', '.join(args).format(call.target or 'result')})"
        return f"{call.node}({', '.join(call.args)}){_with(call.options)}{undo}"

    def race(self, race: Race) -> str:
        arms = ", ".join(f"({self.call(a)})" if a.options or a.undo else self.call(a) for a in race.arms)
        return f"race({arms}){'' if race.timeout is None else f' with timeout={race.timeout}s'}"

    def detach(self, call: str) -> str:
        return f"detach {call}"

    def head(self, loop: For) -> str:
        return f"for {loop.var} in {loop.source}{_with(loop.pace)}:"

    def special(self, stmt: Collecting | Yield | While | Block) -> Iterator[str]:
        match stmt:
            case Collecting():
                options = {"parallel": stmt.parallel, "collect": stmt.collect or None, "max_failed": stmt.max_failed}
                options |= {"take": stmt.take, "rest": '"finish"' if stmt.finish else None}
                shown = (*((k, str(v)) for k, v in options.items() if v is not None), *stmt.pace)
                yield f"{stmt.into} = for {stmt.var} in {stmt.source}{_with(shown)}:"
            case Yield():
                yield f"yield {stmt.value}"
                return
            case While():
                yield f"while {stmt.test}{'' if stmt.limit is None else f' with max={stmt.limit}'}:"
            case Block():
                length = "1h" if stmt.length is None else f"{stmt.length}s"
                words = {"lock": 'with lock="one":', "timeout": f"with timeout={length}:"}
                if stmt.length is not None:
                    words["transaction"] = f"transaction with timeout={length}:"
                yield words.get(stmt.kind, f"{stmt.kind}:")
        yield from lines(stmt.body, self)


class Python:
    """What Python spells in its own way."""

    def call(self, call: Call) -> str:
        options = [f"{k}={v}" for k, v in call.options]
        if call.undo is not None:
            node, args = call.undo
            options.append(f"undo=lambda result: {node}({', '.join(args).format('result')})")
        configured = f"{call.node}.options({', '.join(options)})" if options else call.node
        return f"{configured}({', '.join(call.args)})"

    def race(self, race: Race) -> str:
        arms = ", ".join(map(self.call, race.arms))
        return f"race({arms}{'' if race.timeout is None else f', timeout={race.timeout}'})"

    def detach(self, call: str) -> str:
        return f"detach({call})"

    def head(self, loop: For) -> str:
        return f"for {loop.var} in {self.paced(loop.source, loop.pace)}:"

    def paced(self, source: str, pace: tuple[tuple[str, str], ...]) -> str:
        for what, size in pace:
            source = f"{ {'batch': 'batched', 'buffer': 'buffered', 'window': 'windowed'}[what] }({source}, {size})"
        return source

    def special(self, stmt: Collecting | Yield | While | Block) -> Iterator[str]:
        match stmt:
            case Collecting():
                limit = "" if stmt.max_failed is None else f"max_failed={stmt.max_failed}"
                yield f"{stmt.into}: Collected[int] = collect({limit})" if stmt.collect else f"{stmt.into} = []"
                source = self.paced(stmt.source, stmt.pace)
                if stmt.parallel is not None:
                    take = "" if stmt.take is None else f", take={stmt.take}"
                    finish = ', rest="finish"' if stmt.finish else ""
                    source = f"parallel({source}, limit={stmt.parallel}{take}{finish})"
                yield f"for {stmt.var} in {source}:"
            case Yield():
                yield f"{stmt.into}.append({stmt.value})" if stmt.into else f"yield {stmt.value}"
                return
            case While():
                yield f"while {stmt.test if stmt.limit is None else f'loop({stmt.test}, max={stmt.limit})'}:"
            case Block():
                length = '"1h"' if stmt.length is None else f'"{stmt.length}s"'
                words = {"lock": 'with lock("one"):', "timeout": f"with timeout({length}):"}
                if stmt.length is not None:
                    words["transaction"] = f"with transaction(timeout={length}):"
                yield words.get(stmt.kind, f"with {stmt.kind}():")
        yield from lines(stmt.body, self)
