"""Detached runs in generated programs; and their law.

A detached run goes on whatever becomes of the one that started it, so what it writes is kept apart: each of the
sequential program's has been run, from its first line to its last, and no other.
"""

from __future__ import annotations

from random import Random

from attrs import define, evolve, field
from gen_expressions import Around
from gen_leaving import Leaving
from gen_tree import Call, Detach, FlowDef, If, Line, Program, Stmt


@define
class Detaching(Leaving):
    """Also detaches runs, of flows that only write what nothing reads."""

    detached: list[FlowDef] = field(factory=list)
    aside: set[int] = field(factory=set)

    def program(self) -> Program:
        program = super().program()
        flows = (*self.detached, *program.flows)
        # one that fails would say so in the log of the tests
        plan = {site: failing for site, failing in program.plan.items() if site not in self.aside}
        return evolve(program, flows=flows, plan=plan, detached=frozenset(self.aside), timed=True)

    def kinds(self, at: Around) -> tuple[list[object], list[object]]:  # type: ignore[override]
        simple, nested = super().kinds(at)
        return [*simple, self.detach, self.detach], nested

    def detach(self, at: Around) -> tuple[Stmt, Around] | None:
        """A run of its own; with an id that nobody asks for, or that is a name."""
        # it is ordered like a writer of the world: no arm of something parallel has it
        if at.lanes or set(at.writable) < set("abcx") or self.facts.steps > 12:
            return None
        if not self.detached or (len(self.detached) < 3 and self.chance(0.3)):
            self.detached.append(self.other(f"d{len(self.detached)}"))
        other = self.random.choice(self.detached)
        self.facts.writes.update("abcx")
        self.facts.reads.update("abcx")
        self.facts.loose = True
        call = f"{other.name}({self.number(at, 1)})"
        return Detach(self.fresh("id") if self.chance(0.3) else None, call), at

    def other(self, name: str) -> FlowDef:
        """A flow that is only detached: what it does follows from its argument."""
        body: list[Stmt] = []
        for _ in range(self.random.randint(1, 3)):
            self.sites += 1
            self.aside.add(self.sites)
            node = self.random.choice(("w_d", "a_w_d"))
            body.append(Call(None, node, (str(self.sites), "n")))
            if self.chance(0.3):
                body.append(If((f"n % 3 == {self.random.randint(0, 2)}",), ((Line("return 1"),),)))
        return FlowDef(name, ("n",), (*body, Line("return 2")))


def generate_detaching(random: Random, size: int = 30) -> Program:
    """A program that detaches runs, its inputs and the plan of who fails."""
    return Detaching(random, size).program()
