"""Random valid programs: any nesting of the statements of the language over the fake nodes, and a plan of who fails.

``generate(random)`` needs only the methods of :class:`random.Random`, so a seed or a hypothesis strategy may drive it. What it
keeps to: names are bound before they are used; whatever may overlap by the author's permission (``parallel``) reads nothing
that its other arms write; and where a failure inside such a construct would be noticed, nothing in it writes, since how far
its later arms got is outside the law.
"""

from __future__ import annotations

from random import Random

from attrs import define, evolve, field, frozen
from gen_tree import (
    SOMEWHERE,
    Assign,
    Block,
    Body,
    Call,
    Collecting,
    FlowDef,
    For,
    If,
    Line,
    Match,
    Program,
    Stmt,
    Try,
    While,
    Yield,
)
from gen_world import Failing

NODES: dict[str, tuple[int, str, str]] = {
    "p1": (1, "", ""), "a_p2": (2, "", ""), "r_a": (1, "a", ""), "a_r_b": (1, "b", ""), "a_r_ac": (1, "ac", ""), "a_r_all": (1, "abcx", ""),
    "w_a": (1, "", "a"), "a_w_b": (1, "", "b"), "a_w_ac": (1, "", "ac"), "a_rb_wc": (1, "b", "c"), "u_1": (1, "", "x"), "a_u_2": (1, "", "x"),
}  # fmt: skip
"""The nodes of ``gen_nodes.py``: arguments after the site, resources read, resources written."""

READERS = [name for name, (_, _, writes) in NODES.items() if not writes]
WRITERS = [name for name in NODES if name not in READERS]


@frozen
class Around:
    """What holds where a statement stands."""

    ints: tuple[str, ...] = ()
    """The names of numbers that are bound here."""
    lists: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    """The lists that may be appended to."""
    assignable: tuple[str, ...] | None = None
    """The names that may be assigned again; None: all. New names always may."""
    loop: bool = False
    returns: bool = True
    into: str | None = None
    """The collecting loop that a ``yield`` belongs to."""
    writable: str = "abcx"
    """The resources that may be written."""
    readable: str = "abcx"
    noticed: bool = False
    """Would something see how a failure here left the world?"""
    transaction: bool = False
    handler: bool = False
    locked: bool = False
    lanes: tuple[tuple[int, int], ...] = ()
    item: str | None = None
    """What tells the passes of the parallel loops around apart: an argument of every call."""
    depth: int = 0


@define
class Facts:
    """What a caller must know of a flow."""

    params: int
    reads: set[str] = field(factory=set)
    writes: set[str] = field(factory=set)
    loose: bool = False
    """Does it write in something parallel, or log there?"""
    locks: bool = False
    sites: list[int] = field(factory=list)
    """Its writers and log lines, and those of the flows it calls."""
    steps: int = 1


@define
class Generator:
    random: Random
    size: int = 30
    flows: dict[str, Facts] = field(factory=dict)
    facts: Facts = field(factory=lambda: Facts(0))
    budget: int = 0
    sites: int = 0
    names: int = 0
    lanes: dict[int, tuple[tuple[int, int], ...]] = field(factory=dict)
    writers: list[int] = field(factory=list)
    notes: set[int] = field(factory=set)
    constructs: int = 0

    # ---- programs --------------------------------------------------------------------------------

    def program(self) -> Program:
        flows: list[FlowDef] = []
        for number in range(self.random.randint(0, 3)):
            flows.append(self.flow(f"f{number}", self.random.randint(2, max(3, self.size // 3))))
        if self.chance(0.2):
            flows.append(self.recursive("rec"))
        flows.append(self.flow("main", self.random.randint(min(4, self.size), self.size)))
        inputs = {p: self.random.randint(0, 6) for p in flows[-1].params}
        return Program(tuple(flows), inputs, self.plan(), dict(self.lanes))

    def flow(self, name: str, budget: int) -> FlowDef:
        params = ("n", "m")[: self.random.randint(1, 2)]
        self.facts = Facts(len(params))
        self.budget = budget
        at = Around(ints=params)
        body, at = self.block(at, budget)
        body = (*body, Line(f"return {self.number(at)}"))
        options: tuple[tuple[str, str], ...] = ()
        if name != "main" and not self.facts.loose and self.chance(0.1):
            options = (("retry", "1"),)
        self.facts.loose |= bool(options)
        self.flows[name] = self.facts
        return FlowDef(name, params, body, options)

    def recursive(self, name: str) -> FlowDef:
        self.facts = Facts(1)
        self.budget = 4
        body, at = self.block(Around(ints=("n",), assignable=()), 2)
        down = Assign("deeper", f"{name}(min(n, 4) - 1)")
        rest, at = self.block(evolve(at, ints=(*at.ints, "deeper")), 2)
        self.facts.steps *= 5
        self.flows[name] = self.facts
        stop = If(("n <= 0",), ((Line("return 1"),),))
        return FlowDef(name, ("n",), (stop, *body, down, *rest, Line(f"return (deeper + {self.number(at)}) % 1000")))

    def plan(self) -> dict[int, Failing]:
        """Who fails: usually one site or two, now and then nobody."""
        plan: dict[int, Failing] = {}
        for _ in range(self.random.choice((0, 1, 1, 1, 2, 3))):
            if not self.sites:
                break
            site = self.random.randint(1, self.sites)
            if site in self.notes:
                continue  # later writes do not wait for a log line, so one that fails is outside the law
            failing = Failing(crash=self.chance(0.3), after=self.chance(0.3))
            if site in self.writers and not self.lanes.get(site) and self.chance(0.4):
                failing = evolve(failing, first=self.random.randint(1, 2))
            elif self.chance(0.4):
                failing = evolve(failing, remainder=self.random.randint(0, 2))
            plan[site] = failing
        return plan

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def fresh(self, kind: str) -> str:
        self.names += 1
        return f"{kind}{self.names}"

    # ---- expressions -----------------------------------------------------------------------------

    def atom(self, at: Around) -> str:
        if at.ints and self.chance(0.8):
            return self.random.choice(at.ints)
        return str(self.random.randint(0, 9))

    def number(self, at: Around, depth: int = 0) -> str:
        """A number, from pure operators; now and then one that can fail."""
        kind = self.random.randint(0, 12 if depth < 2 else 2)
        a = lambda: self.number(at, depth + 1)
        match kind:
            case 3 | 4:
                return f"({a()} {self.random.choice('+-')} {a()})"
            case 5:
                return f"({a()} * {a()} % 101)"
            case 6:
                return f"max({a()}, {a()})"
            case 7:
                return f"({a()} if {self.test(at, depth + 1)} else {a()})"
            case 8 if at.lists:
                return f"{self.random.choice(('len', 'sum'))}({self.random.choice(at.lists)})"
            case 9 if at.lists and self.chance(0.5):
                return f"{self.random.choice(at.lists)}[{self.random.choice((0, 0, 1, -1))}]"
            case 10 if self.chance(0.2):
                return f"({a()} // {self.atom(at)})"
            case 11:
                return f"int(f'{{{self.atom(at)}}}{self.random.randint(0, 9)}')"
            case _:
                return self.atom(at)

    def test(self, at: Around, depth: int = 0) -> str:
        match self.random.randint(0, 5 if depth < 2 else 1):
            case 2:
                word = self.random.choice(("and", "or"))
                return f"({self.test(at, depth + 1)} {word} {self.test(at, depth + 1)})"
            case 3:
                return f"not {self.atom(at)} > {self.random.randint(0, 50)}"
            case 4:
                return f"0 <= {self.atom(at)} < {self.random.randint(1, 60)}"
            case 5:
                return f"{self.atom(at)} in (1, 2, 3)"
            case _:
                return f"{self.number(at, depth + 1)} % {self.random.randint(2, 4)} == {self.random.randint(0, 1)}"

    def computed(self, at: Around, writers: bool) -> str:
        """An expression with one or two calls in it."""
        text = self.call_text(at, writers)
        match self.random.randint(0, 5):
            case 0:
                return f"({text} + {self.call_text(at, writers)}) % 997"
            case 1:
                return f"({text} if {self.test(at)} else {self.number(at)})"
            case 2:
                return f"({self.test(at)} and {text}) or {self.number(at)}" if self.chance(0.3) else text
            case _:
                return text

    def call_text(self, at: Around, writers: bool) -> str:
        node, args = self.called(at, writers)
        return f"{node}({', '.join(args)})"

    def called(self, at: Around, writers: bool) -> tuple[str, tuple[str, ...]]:
        """A node or a flow that may be called here, and its arguments; the sites and effects are noted."""
        if self.flows and self.chance(0.25):
            name = self.random.choice(list(self.flows))
            facts = self.flows[name]
            fits = (
                facts.writes <= set(at.writable) and facts.reads <= set(at.readable) and (writers or not facts.writes)
            )
            loose = (facts.loose and (at.noticed or bool(at.lanes))) or (facts.locks and (at.locked or bool(at.lanes)))
            loose = loose or bool(at.lanes and at.noticed and facts.sites)
            if fits and not loose and self.facts.steps * facts.steps < 300:
                self.facts.reads |= facts.reads
                self.facts.writes |= facts.writes
                self.facts.loose |= facts.loose or bool(at.lanes and facts.sites)
                self.facts.steps += facts.steps
                self.facts.locks |= facts.locks
                self.facts.sites.extend(facts.sites)
                if at.lanes:
                    self.lanes |= dict.fromkeys(facts.sites, SOMEWHERE)
                return name, tuple(self.number(at, 1) for _ in range(facts.params))
        names = [*READERS, *(WRITERS if writers else ())]
        fitting = [n for n in names if set(NODES[n][1]) <= set(at.readable) and set(NODES[n][2]) <= set(at.writable)]
        node = self.random.choice(fitting)
        arity, reads, writes = NODES[node]
        self.facts.reads.update(reads)
        self.facts.writes.update(writes)
        self.facts.loose |= bool(writes and at.lanes)
        self.facts.steps += 1
        args = [self.number(at, 1) for _ in range(arity)]
        if at.item is not None:
            args[-1] = at.item
        return node, (str(self.site(at, bool(writes))), *args)

    def site(self, at: Around, writes: bool) -> int:
        self.sites += 1
        if writes:
            self.facts.sites.append(self.sites)
        if at.lanes:
            self.lanes[self.sites] = at.lanes
        elif writes:
            self.writers.append(self.sites)
        return self.sites

    # ---- statements ------------------------------------------------------------------------------

    def block(self, at: Around, budget: int) -> tuple[Body, Around]:
        """One statement at least; and what holds after them."""
        stmts: list[Stmt] = []
        for _ in range(self.random.randint(1, max(1, min(6, budget)))):
            if self.budget <= 0 and stmts:
                break
            self.budget -= 1
            stmt, at = self.statement(at)
            stmts.append(stmt)
        return tuple(stmts), at

    def inside(self, at: Around) -> Body:
        """A nested block; what it binds for the first time is not bound after it."""
        return self.block(evolve(at, depth=at.depth + 1), self.budget)[0]

    def statement(self, at: Around) -> tuple[Stmt, Around]:
        simple = [
            self.assign,
            self.assign,
            self.call,
            self.call,
            self.call,
            self.note,
            self.leave,
            self.append,
            self.emit,
            self.listed,
        ]
        nested = [self.branch, self.branch, self.match, self.for_, self.collecting, self.collecting, self.while_, self.try_, self.try_,
                  self.transaction, self.scope, self.parallel]  # fmt: skip
        while True:
            kind = self.random.choice(simple + nested if at.depth < 4 and self.budget > 1 else simple)
            made = kind(at)
            if made is not None:
                return made

    def target(self, at: Around) -> tuple[str, Around]:
        """A name to assign: an old one that may be, or a new one."""
        known = [n for n in at.ints if at.assignable is None or n in at.assignable]
        if known and self.chance(0.4):
            return self.random.choice(known), at
        name = self.fresh("x")
        assignable = None if at.assignable is None else (*at.assignable, name)
        return name, evolve(at, ints=(*at.ints, name), assignable=assignable)

    def assign(self, at: Around) -> tuple[Stmt, Around]:
        value = self.number(at) if self.chance(0.3) else self.computed(at, True)
        name, after = self.target(at)
        return Assign(name, value), after

    def call(self, at: Around) -> tuple[Stmt, Around] | None:
        node, args = self.called(at, True)
        options: list[tuple[str, str]] = []
        writes = self.flows[node].writes if node in self.flows else NODES[node][2]
        if self.chance(0.3):
            options.append(("retry", str(self.random.randint(1, 2))))
        if self.chance(0.15) and not at.lanes:
            options.append(("default", str(self.random.randint(0, 9))))
        if node in self.flows and self.flows[node].loose:
            options = []
        undo: tuple[str, tuple[str, ...]] | None = None
        if writes and at.transaction and self.chance(0.7):
            site = str(self.site(at, True))
            undo = (
                ("undo_a", (site, "{}"))
                if self.chance(0.6)
                else ("undo_b", (site, "{}", str(self.random.randint(0, 9))))
            )
            self.facts.writes.add(undo[0][-1])
        if node not in self.flows and self.chance(0.4):
            return Call(None, node, args, tuple(options), undo), at
        name, after = self.target(at)
        return Call(name, node, args, tuple(options), undo), after

    def note(self, at: Around) -> tuple[Stmt, Around] | None:
        if at.lanes and at.noticed:
            return None
        self.facts.loose |= bool(at.lanes)
        value = at.item or self.atom(at)
        site = self.site(at, True)
        self.notes.add(site)
        return Call(None, "note", (str(site), value)), at

    def leave(self, at: Around) -> tuple[Stmt, Around] | None:
        """Something that carries control away, under a test; or an assertion."""
        ways: list[str] = [f"raise {self.random.choice(('Boom', 'Crash'))}('raised {self.names}')"]
        if at.returns:
            ways.append(f"return {self.number(at)}")
        if at.loop:
            ways += ["break", "continue"] if at.loop and at.item is None else ["continue"]
        if at.handler:
            ways += ["raise", "raise"]
        if self.chance(0.25):
            return Line(f"assert {self.test(at)}, 'assertion {self.names}'"), at
        return If((self.test(at),), ((Line(self.random.choice(ways)),),)), at

    def listed(self, at: Around) -> tuple[Stmt, Around]:
        """A list: a display, or a comprehension with or without calls."""
        name = self.fresh("ys")
        var = self.fresh("i")
        after = evolve(at, lists=(*at.lists, name))
        match self.random.randint(0, 3):
            case 0:
                own = evolve(after, own=(*at.own, name))
                return Assign(name, f"[{self.number(at)}, {self.number(at)}]"), own
            case 1:
                return Assign(name, f"[{var} * 2 for {var} in range({self.random.randint(0, 4)}) if {var} != 1]"), after
            case _:
                inner = evolve(at, ints=(*at.ints, var))
                value = self.call_text(inner, self.chance(0.3))
                return Assign(name, f"[{value} for {var} in range({self.random.randint(0, 3)})]"), after

    def append(self, at: Around) -> tuple[Stmt, Around] | None:
        if not at.own or at.assignable is not None:
            return None
        return Line(f"{self.random.choice(at.own)}.append({self.number(at)})"), at

    def emit(self, at: Around) -> tuple[Stmt, Around] | None:
        return None if at.into is None else (Yield(at.into, self.number(at)), at)

    # ---- blocks ----------------------------------------------------------------------------------

    def branch(self, at: Around) -> tuple[Stmt, Around]:
        count = self.random.randint(1, 2)
        tests = [self.test(at) if self.chance(0.7) else f"{self.call_text(at, False)} % 2 == 0" for _ in range(count)]
        bodies = tuple(self.inside(at) for _ in tests)
        return If(tuple(tests), bodies, self.inside(at) if self.chance(0.5) else ()), at

    def match(self, at: Around) -> tuple[Stmt, Around]:
        cases = [("0", self.inside(at)), ("1 | 2", self.inside(at))]
        if self.chance(0.5):
            name = self.fresh("k")
            inner = evolve(
                at, ints=(*at.ints, name), assignable=None if at.assignable is None else (*at.assignable, name)
            )
            cases.append((f"{name} if {name} > 3", self.inside(inner)))
        if self.chance(0.6):
            cases.append(("_", self.inside(at)))
        return Match(f"{self.number(at)} % 5", tuple(cases)), at

    def source(self, at: Around) -> str:
        if at.lists and self.chance(0.3):
            return f"{self.random.choice(at.lists)}[:3]"
        return f"range({self.random.randint(0, 3)})"

    def for_(self, at: Around) -> tuple[Stmt, Around]:
        var = self.fresh("i")
        inner = evolve(at, ints=(*at.ints, var), loop=True)
        body = self.many(inner)
        return For(var, self.source(at), body, self.inside(at) if self.chance(0.15) else ()), at

    def many(self, at: Around) -> Body:
        """The body of a loop: its steps count several times."""
        before = self.facts.steps
        body = self.inside(at)
        self.facts.steps += 2 * (self.facts.steps - before)
        return body

    def collecting(self, at: Around) -> tuple[Stmt, Around]:
        into, var = self.fresh("zs"), self.fresh("i")
        after = evolve(at, lists=(*at.lists, into))
        ints = (*at.ints, var)
        if self.chance(0.5):
            body = self.many(evolve(at, ints=ints, loop=True, into=into))
            return Collecting(
                into, var, self.source(at), (*body, Yield(into, self.number(evolve(at, ints=ints))))
            ), after
        item = var if at.item is None else f"({at.item} * 10 + {var})"
        inner = evolve(self.apart(at), ints=ints, loop=True, returns=False, assignable=(), into=into, item=item)
        collect = self.chance(0.4)
        bounded = self.random.randint(0, 2) if collect and self.chance(0.4) else None
        noticed = inner.noticed or bounded is not None or collect
        inner = evolve(inner, noticed=noticed, writable="" if noticed and not collect else inner.writable)
        if bounded is not None:
            inner = evolve(inner, writable="")
        inner = evolve(inner, lanes=(*at.lanes, (self.constructs, -1)))
        body = self.many(inner)
        stmt = Collecting(
            into, var, f"range({self.random.randint(0, 4)})", (*body, Yield(into, self.number(evolve(at, ints=ints)))),
            self.random.randint(1, 4), collect, bounded,
        )  # fmt: skip
        if not collect:
            return stmt, after
        return stmt, at

    def apart(self, at: Around) -> Around:
        """What holds in a construct whose arms overlap: what one arm writes no other reads, and nobody sees a half-done one."""
        self.constructs += 1
        letters = [r for r in at.writable if self.chance(0.5)]
        if at.noticed or at.transaction:
            letters = []
        readable = "".join(r for r in at.readable if r not in letters)
        return evolve(
            at,
            writable="".join(letters),
            readable=readable,
            loop=False,
            returns=False,
            handler=False,
            into=None,
            own=(),
            transaction=False,
        )

    def parallel(self, at: Around) -> tuple[Stmt, Around]:
        inner = self.apart(at)
        number = self.constructs
        arms: list[Stmt] = []
        after = at
        for arm in range(self.random.randint(2, 3)):
            here = evolve(inner, assignable=(), lanes=(*at.lanes, (number, arm)), depth=at.depth + 1)
            stmt, bound = self.statement(here)
            while isinstance(stmt, Collecting):  # two statements in Python, hence two arms
                stmt, bound = self.statement(here)
            arms.append(stmt)
            after = evolve(
                after,
                ints=(*after.ints, *(n for n in bound.ints if n not in here.ints)),
                lists=(*after.lists, *(n for n in bound.lists if n not in here.lists)),
                assignable=None
                if after.assignable is None
                else (*after.assignable, *(n for n in bound.ints if n not in here.ints)),
            )
        return Block("parallel", tuple(arms)), after

    def while_(self, at: Around) -> tuple[Stmt, Around]:
        name = self.fresh("c")
        inner = evolve(at, ints=(*at.ints, name), assignable=at.assignable, loop=True)
        count = self.random.randint(0, 3)
        test = f"{name} < {count}"
        if self.chance(0.4):
            test += f" and {self.call_text(inner, False)} % 5 != 0"
        body = (Line(f"{name} += 1"), *self.many(inner))
        limit = self.random.randint(1, 4) if self.chance(0.7) else None
        loop = While(test, body, limit)
        # the counter is set just before: both stand under one test
        return If((self.test(at),), ((Assign(name, "0"), loop),)), at

    def try_(self, at: Around) -> tuple[Stmt, Around]:
        final = self.chance(0.35)
        quiet = evolve(at, noticed=True)
        body = self.inside(quiet)
        handlers: list[tuple[str, Body]] = []
        heads = self.random.sample(
            ("Crash", "Boom", "(ZeroDivisionError, IndexError)", "AssertionError", "Exception as e"),
            k=self.random.randint(1, 2),
        )
        if final and self.chance(0.4):
            heads = []
        for head in sorted(
            heads, key=("Crash", "(ZeroDivisionError, IndexError)", "AssertionError", "Boom", "Exception as e").index
        ):
            handlers.append((head, self.inside(evolve(at, handler=True))))
        orelse = self.inside(at) if handlers and self.chance(0.3) else ()
        last = self.inside(evolve(at, returns=False, loop=False, into=None, assignable=())) if final else ()
        return Try(body, tuple(handlers), orelse, last), at

    def transaction(self, at: Around) -> tuple[Stmt, Around]:
        return Block(
            "transaction", self.inside(evolve(at, transaction="a" in at.writable and "b" in at.writable, noticed=True))
        ), at

    def scope(self, at: Around) -> tuple[Stmt, Around] | None:
        if self.chance(0.5):
            return Block("timeout", self.inside(at)), at
        if at.locked or at.lanes:
            return None
        self.facts.locks = True
        return Block("lock", self.inside(evolve(at, locked=True))), at


def generate(random: Random, size: int = 30) -> Program:
    """A program, its inputs and the plan of who fails."""
    return Generator(random, size).program()
