"""Races and partial joins in generated programs.

Who wins is a matter of time. So what they write goes to a resource that nothing reads, each write has an undo, and
where they write they stand outside of loops: each happens once.
"""

from __future__ import annotations

from random import Random

from attrs import define, evolve, field
from gen_expressions import NODES, READERS, Around
from gen_program import Generator
from gen_tree import Body, Call, Collecting, FlowDef, If, Line, Program, Race, Stmt, Yield


@define
class Races(Generator):
    """Also makes races and loops with ``take``."""

    chosen: dict[int, bool] = field(factory=dict)
    undone: dict[int, int] = field(factory=dict)
    extra: list[FlowDef] = field(factory=list)
    main: bool = False

    def program(self) -> Program:
        program = super().program()
        flows = (*program.flows[:-1], *self.extra, program.flows[-1])
        # a failing undo of a loser is told, and the reference knows no losers
        plan = {site: failing for site, failing in program.plan.items() if site not in self.undone}
        return evolve(program, flows=flows, plan=plan, chosen=dict(self.chosen), undone=dict(self.undone))

    def flow(self, name: str, budget: int) -> FlowDef:
        self.main = name == "main"
        return super().flow(name, budget)

    def kinds(self, at: Around) -> tuple[list[object], list[object]]:  # type: ignore[override]
        simple, nested = super().kinds(at)
        return [*simple, self.race, self.race], [*nested, self.take, self.take]

    def may_write(self, at: Around) -> bool:
        return self.main and not at.repeated

    def apart_chosen(self, at: Around, finish: bool = False) -> tuple[int, bool]:
        """A new construct; do its arms write?"""
        self.constructs += 1
        self.chosen[self.constructs] = finish
        return self.constructs, self.may_write(at) and self.chance(0.8)

    def race(self, at: Around) -> tuple[Stmt, Around] | None:
        if at.lanes or len(self.chosen) > 2:
            return None
        number, writes = self.apart_chosen(at)
        arms = tuple(self.arm(evolve(at, lanes=((number, arm),)), writes) for arm in range(self.random.randint(2, 3)))
        name, after = self.target(at)
        return Race(name, arms, self.random.choice((None, None, 2_000))), after

    def arm(self, at: Around, writes: bool) -> Call:
        if not writes or self.chance(0.3):
            return self.reader(at)
        if self.chance(0.6):
            return self.writer(at, None)
        name = f"q{len(self.extra)}"
        body, inner = self.lines(evolve(at, ints=("n",), lists=(), own=()), self.random.randint(1, 4))
        self.extra.append(FlowDef(name, ("n",), (*body, Line(f"return {self.number(inner)}"))))
        return Call(None, name, (self.number(at),))

    def reader(self, at: Around) -> Call:
        node = self.random.choice([n for n in READERS if set(NODES[n][1]) <= set(at.readable)])
        arity, reads, _ = NODES[node]
        self.facts.reads.update(reads)
        self.facts.steps += 1
        args = [self.number(at, 1) for _ in range(arity)]
        options = (("retry", "1"),) if self.chance(0.2) else ()
        return Call(None, node, (str(self.site(at, False)), *args), options)

    def writer(self, at: Around, target: str | None) -> Call:
        site, undo = self.site(at, True), self.site(at, True)
        self.undone[undo] = site
        self.facts.writes.add("d")
        self.facts.loose = True
        last = at.item or self.number(at, 1)
        node = self.random.choice(("w_d", "a_w_d"))
        return Call(target, node, (str(site), last), (), ("undo_d", (str(undo), "{}", at.item or "0")))

    def lines(self, at: Around, count: int) -> tuple[Body, Around]:
        """What may stand in an arm: reads, writes that can be undone, failures."""
        made: list[Stmt] = []
        for _ in range(count):
            match self.random.randint(0, 4):
                case 0:
                    made.append(If((self.test(at),), ((Line(f"raise Boom('lost {self.names}')"),),)))
                case 1:
                    name = self.fresh("x")
                    made.append(evolve(self.reader(at), target=name))
                    at = evolve(at, ints=(*at.ints, name))
                case 2:
                    made.append(self.writer(at, None))
                case _:
                    name = self.fresh("x")
                    made.append(self.writer(at, name))
                    at = evolve(at, ints=(*at.ints, name))
        return tuple(made), at

    def take(self, at: Around) -> tuple[Stmt, Around] | None:
        if at.lanes or len(self.chosen) > 2:
            return None
        finish = self.chance(0.3)
        number, writes = self.apart_chosen(at, finish)
        into, var = self.fresh("zs"), self.fresh("i")
        here = evolve(at, lanes=((number, -1),), item=var, ints=(*at.ints, var), lists=at.lists, into=None)
        if writes:
            body, inner = self.lines(here, self.random.randint(1, 3))
        else:
            name = self.fresh("x")
            body, inner = (evolve(self.reader(here), target=name),), evolve(here, ints=(*here.ints, name))
        count = self.random.randint(1, 4)
        stmt = Collecting(
            into, var, f"range({count})", (*body, Yield(into, self.number(inner))),
            self.random.randint(1, 4), take=self.random.randint(1, count), finish=finish,
        )  # fmt: skip
        return stmt, evolve(at, lists=(*at.lists, into))


def generate_races(random: Random, size: int = 30) -> Program:
    """A program with races and takes, its inputs and the plan of who fails."""
    return Races(random, size).program()
