"""Random valid programs: any nesting of the statements of the language over the fake nodes, and a plan of who fails.

``generate(random)`` needs only the methods of :class:`random.Random`, so a seed or a hypothesis strategy may drive it.
What it keeps to: names are bound before they are used; whatever may overlap by the author's permission (``parallel``)
reads nothing that its other arms write; and where a failure inside such a construct would be noticed, nothing in it
writes, since how far its later arms got is outside the law.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from attrs import define, evolve
from gen_expressions import NODES, Around, Expressions, Facts
from gen_tree import (
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

Kind = Callable[[Around], "tuple[Stmt, Around] | None"]


@define
class Generator(Expressions):
    """Makes statements and flows; the budget bounds how many."""

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
        simple, nested = self.kinds(at)
        while True:
            kind = self.random.choice(simple + nested if at.depth < 4 and self.budget > 1 else simple)
            made = kind(at)
            if made is not None:
                return made

    def kinds(self, at: Around) -> tuple[list[Kind], list[Kind]]:
        """What may be made: statements of a line, and blocks."""
        simple: list[Kind] = [
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
        nested: list[Kind] = [
            self.branch,
            self.branch,
            self.match,
            self.for_,
            self.collecting,
            self.collecting,
            self.while_,
            self.try_,
            self.try_,
            self.transaction,
            self.scope,
            self.parallel,
        ]
        return simple, nested

    def target(self, at: Around) -> tuple[str, Around]:
        """A name to assign: an old one that may be, or a new one."""
        known = [n for n in at.ints if at.assignable is None or n in at.assignable]
        if known and self.chance(0.4):
            chosen = self.random.choice(known)
            if chosen not in at.counters:
                return chosen, at
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
            if at.item is not None:
                undo = (undo[0], (*undo[1][:-1], at.item))
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
        ways = self.ways(at)
        if self.chance(0.25):
            return Line(f"assert {self.test(at)}, 'assertion {self.names}'"), at
        return If((self.test(at),), ((Line(self.random.choice(ways)),),)), at

    def ways(self, at: Around) -> list[str]:
        """The lines that carry control away and may stand here."""
        ways: list[str] = [f"raise {self.random.choice(('Boom', 'Crash'))}('raised {self.names}')"]
        if at.returns:
            ways.append(f"return {self.number(at)}")
        if at.streaming:
            ways.append("return")
        if at.loop:
            ways += ["break", "continue"] if at.loop and at.item is None else ["continue"]
        if at.handler:
            ways += ["raise", "raise"]
        return ways

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
        body = self.inside(evolve(at, repeated=True))
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
        """What holds in a construct whose arms overlap: what one arm writes no other reads."""
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
            streaming=False,
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
        inner = evolve(at, ints=(*at.ints, name), counters=(*at.counters, name), loop=True)
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
            # two arms may not assign one name
            shown = "Exception" if at.lanes and head == "Exception as e" else head
            handlers.append((shown, self.inside(evolve(at, handler=True))))
        orelse = self.inside(at) if handlers and self.chance(0.3) else ()
        last = self.inside(quiet_end(at)) if final else ()
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


def quiet_end(at: Around) -> Around:
    """What holds in a ``finally``: nothing leaves it. What it assigns goes along with who leaves through it."""
    return evolve(at, returns=False, streaming=False, loop=False, into=None)


def generate(random: Random, size: int = 30) -> Program:
    """A program, its inputs and the plan of who fails."""
    return Generator(random, size).program()
