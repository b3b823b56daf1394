"""Streams in generated programs: nodes that are async generators, flows that yield, and loops over both."""

from __future__ import annotations

from random import Random

from attrs import define, evolve, field
from gen_expressions import Around, Facts
from gen_program import Generator
from gen_tree import Assign, Collecting, FlowDef, For, If, Program, Stmt, Yield

STREAMS: dict[str, tuple[str, str]] = {"s_a": ("a", ""), "s_b": ("b", ""), "s_wc": ("", "c")}
"""The stream nodes of ``gen_nodes.py``: what they read and write, item by item."""


@define
class Streams(Generator):
    """Also makes streams."""

    streams: dict[str, Facts] = field(factory=dict)

    def kinds(self, at: Around) -> tuple[list[object], list[object]]:  # type: ignore[override]
        simple, nested = super().kinds(at)
        return [*simple], [*nested, self.read, self.read, self.read_named, self.collect_stream, self.read_apart]

    def program(self) -> Program:
        flows = [self.stream_flow(f"g{n}") for n in range(self.random.randint(0, 2))]
        program = super().program()
        return evolve(program, flows=(*flows, *program.flows))

    def stream_flow(self, name: str) -> FlowDef:
        params = ("n", "m")[: self.random.randint(1, 2)]
        self.facts = Facts(len(params))
        self.budget = self.random.randint(2, 5)
        # its lines wait for its reader, whatever surrounds them: what fails there is noticed
        at = Around(ints=params, returns=False, streaming=True, into="", noticed=True, repeated=True)
        body, after = self.block(at, self.budget)
        self.streams[name] = self.facts
        self.facts.steps *= 2
        return FlowDef(name, params, (*body, Yield("", self.number(after))), stream=True)

    def opened(self, at: Around) -> tuple[str, str, str, bool] | None:
        """A stream that may be read here: its call, what it reads and writes, and whether it logs or locks."""
        if self.streams and not at.lanes and self.chance(0.5):
            name = self.random.choice(list(self.streams))
            facts = self.streams[name]
            fits = facts.writes <= set(at.writable) and facts.reads <= set(at.readable)
            if not fits or (facts.loose and at.noticed) or (facts.locks and at.locked):
                return None
            if self.facts.steps * facts.steps > 300:
                return None
            self.facts.reads |= facts.reads
            self.facts.writes |= facts.writes
            self.facts.loose |= facts.loose
            self.facts.locks |= facts.locks
            self.facts.steps += facts.steps
            self.facts.sites.extend(facts.sites)
            args = ", ".join(self.number(at, 1) for _ in range(facts.params))
            busy = bool(facts.sites or facts.writes or facts.locks)
            return f"{name}({args})", "".join(facts.reads), "".join(facts.writes), busy
        name = self.random.choice(list(STREAMS))
        reads, writes = STREAMS[name]
        if not (set(reads) <= set(at.readable) and set(writes) <= set(at.writable)):
            return None
        self.facts.reads.update(reads)
        self.facts.writes.update(writes)
        self.facts.loose |= bool(writes and at.lanes)
        self.facts.steps += 3
        site = self.site(at, bool(writes))
        return f"{name}({site}, {self.number(at, 1)}, {at.item or self.atom(at)})", reads, writes, bool(writes)

    def paced(self, at: Around, var: str, reads: str, busy: bool) -> tuple[tuple[tuple[str, str], ...], Around]:
        """How the stream is read, and what holds in the loop."""
        inner = evolve(at, loop=True)
        pace: list[tuple[str, str]] = []
        if not busy and self.chance(0.4):
            # it runs ahead of the writes of the loop, as its author allows: they are no business of its reads
            pace.append(("buffer", str(self.random.randint(1, 3))))
            inner = evolve(inner, writable="".join(r for r in inner.writable if r not in reads))
        if self.chance(0.3):
            return (*pace, ("batch", str(self.random.randint(1, 3)))), evolve(inner, lists=(*inner.lists, var))
        return tuple(pace), evolve(inner, ints=(*inner.ints, var))

    def read(self, at: Around) -> tuple[Stmt, Around] | None:
        opened = self.opened(at)
        if opened is None:
            return None
        source, reads, _, busy = opened
        var = self.fresh("i")
        pace, inner = self.paced(at, var, reads, busy)
        body = self.many(evolve(inner, locked=inner.locked or busy))
        return For(var, source, body, self.inside(at) if self.chance(0.15) else (), pace), at

    def read_named(self, at: Around) -> tuple[Stmt, Around] | None:
        """The stream has a name first, and something comes between."""
        made = self.read(at)
        if made is None:
            return None
        loop = made[0]
        assert isinstance(loop, For)
        name = self.fresh("s")
        between = (self.statement(evolve(at, loop=False, depth=4))[0],) if self.chance(0.5) else ()
        lines = (Assign(name, loop.source), *between, evolve(loop, source=name))
        return If((self.test(at),), (lines,)), at

    def collect_stream(self, at: Around) -> tuple[Stmt, Around] | None:
        opened = self.opened(at)
        if opened is None:
            return None
        source, reads, _, busy = opened
        into, var = self.fresh("zs"), self.fresh("i")
        pace, inner = self.paced(at, var, reads, busy)
        body = self.many(evolve(inner, into=into, locked=inner.locked or busy))
        made = Collecting(into, var, source, (*body, Yield(into, self.number(inner))), pace=pace)
        return made, evolve(at, lists=(*at.lists, into))

    def read_apart(self, at: Around) -> tuple[Stmt, Around] | None:
        """Passes that overlap; nothing in them writes."""
        opened = self.opened(at)
        if opened is None or opened[3]:
            return None
        into, var = self.fresh("zs"), self.fresh("i")
        inner = evolve(self.apart(at), ints=(*at.ints, var), loop=True, assignable=(), into=into, item=var, writable="")
        inner = evolve(inner, noticed=True, readable=at.readable, lanes=(*at.lanes, (self.constructs, -1)))
        body = (*self.many(inner), Yield(into, self.number(inner)))
        after = evolve(at, lists=(*at.lists, into))
        return Collecting(into, var, opened[0], body, parallel=self.random.randint(1, 4)), after


def generate_streams(random: Random, size: int = 30) -> Program:
    """A program that reads streams, its inputs and the plan of who fails."""
    return Streams(random, size).program()
