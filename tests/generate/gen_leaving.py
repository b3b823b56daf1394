"""Exits everywhere in generated programs: blocks that end with one, handlers above all, and ``finally`` blocks that
assign what they pass by.

They come on top of those that stand under a test of their own (:meth:`gen_program.Generator.leave`).
"""

from __future__ import annotations

from random import Random

from attrs import define, evolve
from gen_expressions import Around
from gen_program import Generator
from gen_races import Races
from gen_streams import Streams
from gen_tree import Assign, Body, Line, Program, Stmt, Try


@define
class Leaving(Generator):
    """Also ends blocks with a ``return``, ``break``, ``continue`` or ``raise``."""

    def inside(self, at: Around) -> Body:
        body = super().inside(at)
        if at.lanes and at.item is None:
            return body  # an arm of a parallel block could only raise
        if not self.chance(0.45 if at.handler else 0.08):
            return body
        ways = self.ways(at)
        out = [way for way in ways if not way.startswith("raise B") and not way.startswith("raise C")]
        return (*body, Line(self.random.choice(out if out and self.chance(0.8) else ways)))

    def try_(self, at: Around) -> tuple[Stmt, Around]:
        made, after = super().try_(at)
        known = [n for n in at.ints if n not in at.counters and (at.assignable is None or n in at.assignable)]
        if not (isinstance(made, Try) and made.final and known and self.chance(0.5)):
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
