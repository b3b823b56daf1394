"""Exits everywhere in generated programs: blocks that end with one, handlers above all, and ``finally`` blocks that
assign what they pass by.

They come on top of those that stand under a test of their own (:meth:`gen_program.Generator.leave`).
"""

from __future__ import annotations

import re
from random import Random

from attrs import define, evolve
from gen_expressions import NODES, Around
from gen_program import Generator
from gen_races import Races
from gen_streams import Streams
from gen_tree import Assign, Body, Line, Program, Stmt, Text, Try, lines
from gen_world import Failing

CALLED = re.compile(rf"\b(?:{'|'.join(NODES)})\((\d+),")
"""The sites of the calls in a text."""


@define
class Leaving(Generator):
    """Also ends blocks with a ``return``, ``break``, ``continue`` or ``raise``."""

    def kinds(self, at: Around) -> tuple[list[object], list[object]]:  # type: ignore[override]
        simple, nested = super().kinds(at)
        return simple, [*nested, self.try_, self.try_]

    def inside(self, at: Around) -> Body:
        chance = 0.6 if at.handler else 0.08
        if at.handler and self.chance(0.3) and not (at.lanes and at.item is None):
            return (self.out(at),)
        body = super().inside(at)
        if (at.lanes and at.item is None) or not self.chance(chance):
            return body  # an arm of a parallel block could only raise
        return (*body, self.out(at))

    def out(self, at: Around) -> Line:
        """A line that carries control away, by an exit rather than by an error."""
        ways = self.ways(at)
        exits = [way for way in ways if not way.startswith("raise")]
        return Line(self.random.choice(exits if exits and self.chance(0.85) else ways))

    def plan(self) -> dict[int, Failing]:
        """Who fails: those whose handlers are there, besides the usual ones; else handlers would hardly run."""
        plan = super().plan() if self.chance(0.6) else {}
        for site, crash in self.doomed.items():
            if site not in self.notes and self.chance(0.7):
                remainder = self.random.randint(0, 2) if self.chance(0.3) else None
                plan[site] = Failing(remainder, after=self.chance(0.3), crash=crash)
        return plan

    def try_(self, at: Around) -> tuple[Stmt, Around]:
        made, after = super().try_(at)
        assert isinstance(made, Try)
        heads = [head for head, _ in made.handlers if head.startswith(("Boom", "Crash", "Exception"))]
        sites = CALLED.findall("\n".join(lines(made.body, Text())))
        if heads and sites:
            self.doomed[int(sites[0] if self.chance(0.7) else self.random.choice(sites))] = heads[0] == "Crash"
        known = [n for n in at.ints if n not in at.counters and (at.assignable is None or n in at.assignable)]
        if not (made.final and known and self.chance(0.5)):
            return made, after
        return evolve(made, final=(*made.final, Assign(self.random.choice(known), self.number(at)))), after


@define
class LeavingStreams(Leaving, Streams):
    """Streams and exits."""


@define
class LeavingRaces(Leaving, Races):
    """Races, takes and exits."""


def generate_leaving(random: Random, size: int = 30) -> Program:
    """A program with exits everywhere, its inputs and the plan of who fails."""
    return Leaving(random, size).program()


def generate_leaving_streams(random: Random, size: int = 30) -> Program:
    """The same with streams."""
    return LeavingStreams(random, size).program()


def generate_leaving_races(random: Random, size: int = 30) -> Program:
    """The same with races and takes."""
    return LeavingRaces(random, size).program()
