"""Streams read in windows of time, in generated programs.

How many items a window holds is a matter of time. So the loop goes through each window item by item and is left by
``return`` and errors only: then it does the same however the stream is divided. The reference reads one whole window,
so the source itself does not fail.
"""

from __future__ import annotations

from random import Random

from attrs import define, evolve, field
from gen_expressions import Around
from gen_leaving import LeavingStreams
from gen_tree import For, Program, Stmt


@define
class Windows(LeavingStreams):
    """Also reads streams in windows."""

    windowed: set[int] = field(factory=set)

    def program(self) -> Program:
        program = super().program()
        plan = {site: failing for site, failing in program.plan.items() if site not in self.windowed}
        return evolve(program, plan=plan, timed=bool(self.windowed))

    def kinds(self, at: Around) -> tuple[list[object], list[object]]:  # type: ignore[override]
        simple, nested = super().kinds(at)
        return simple, [*nested, self.read_window, self.read_window, self.read_window]

    def read_window(self, at: Around) -> tuple[Stmt, Around] | None:
        if at.lanes or at.depth > 2 or not set("ab") <= set(at.readable):
            return None
        node, reads = self.random.choice((("s_a", "a"), ("s_b", "b")))
        self.facts.reads.update(reads)
        self.facts.steps += 3
        site = self.site(at, False)
        self.windowed.add(site)
        window, var = self.fresh("b"), self.fresh("i")
        # the source runs ahead of the writes of the loop
        inner = evolve(at, ints=(*at.ints, var), loop=False, writable="".join(r for r in at.writable if r not in reads))
        items = For(var, window, self.many(inner))
        pace = [("window", str(self.random.choice((1, 2, 4))))]
        if self.chance(0.3):
            pace.insert(0, ("buffer", str(self.random.randint(1, 3))))
        source = f"{node}({site}, {self.number(at, 1)}, {self.atom(at)})"
        return For(window, source, (items,), pace=tuple(pace)), at


def generate_windows(random: Random, size: int = 30) -> Program:
    """A program that reads streams in windows, its inputs and the plan of who fails."""
    return Windows(random, size).program()
