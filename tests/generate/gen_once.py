"""``once=`` in transactions whose passes overlap, in generated programs; and its law.

Which pass makes a call that several want to make is a matter of time, and so is what they write: it is kept apart from
all other writes. The law, for each key: a call happens when no earlier one has happened that is not undone, and where
all passes come to an end, something is left of it if a pass committed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

from attrs import define, evolve, field
from gen_check import Outcome
from gen_expressions import Around
from gen_leaving import Leaving
from gen_tree import Block, Body, Call, Collecting, If, Line, Program, Stmt, Yield
from gen_world import Write


@define
class Once(Leaving):
    """Also makes loops with calls that happen once."""

    once: dict[int, tuple[int, bool]] = field(factory=dict)

    def program(self) -> Program:
        program = super().program()
        apart = {site for write, (undo, _) in self.once.items() for site in (write, undo)}
        # who is first may not decide about who fails
        plan = {site: failing for site, failing in program.plan.items() if site not in apart}
        return evolve(program, plan=plan, once=dict(self.once))

    def kinds(self, at: Around) -> tuple[list[object], list[object]]:  # type: ignore[override]
        simple, nested = super().kinds(at)
        return simple, [*nested, self.passes, self.passes]

    def passes(self, at: Around) -> tuple[Stmt, Around] | None:
        """A loop of transactions that overlap; now and then one after another."""
        if at.lanes or at.locked or len(self.once) > 3:
            return None
        into, var = self.fresh("zs"), self.fresh("i")
        self.constructs += 1
        collect = self.chance(0.6)
        inner = evolve(
            at, ints=(*at.ints, var), lanes=((self.constructs, -1),), item=var, writable="", readable="", own=()
        )
        key = f"{var} % {self.random.randint(1, 3)}"
        body: list[Stmt] = []
        for _ in range(self.random.randint(1, 2)):
            body += [*self.perhaps(inner), self.call_once(key, collect and at.noticed is False), *self.perhaps(inner)]
        made = Collecting(
            into, var, f"range({self.random.randint(1, 4)})",
            (Block("transaction", tuple(body)), *self.perhaps(inner), Yield(into, self.number(inner))),
            self.random.choice((1, 2, 3, 4)), collect,
        )  # fmt: skip
        if collect:
            return made, at
        return made, evolve(at, lists=(*at.lists, into))

    def call_once(self, key: str, ends: bool) -> Call:
        self.sites += 2
        site, undo = self.sites - 1, self.sites
        self.once[site] = undo, ends
        self.facts.writes.add("d")
        self.facts.loose = True
        self.facts.steps += 2
        node = self.random.choice(("w_d", "a_w_d", "a_w_d"))
        once = (("once", f"f'{site}/{{{key}}}'"),)
        return Call(None, node, (str(site), key), once, ("undo_d", (str(undo), "{}", key)))

    def perhaps(self, at: Around) -> Body:
        """Something that takes time, and may fail in some passes."""
        match self.random.randint(0, 3):
            case 0:
                return (If((f"{at.item} % 3 == {self.random.randint(0, 2)}",), ((Line("raise Boom('a pass')"),),)),)
            case 1:
                return ()
            case _:
                self.facts.steps += 1
                return (Call(None, "a_p2", (str(self.site(at, False)), self.number(at, 1), str(at.item))),)


def generate_once(random: Random, size: int = 30) -> Program:
    """A program with calls that happen once, its inputs and the plan of who fails."""
    return Once(random, size).program()


def once_problems(program: Program, actual: Outcome, expected: Outcome | None = None) -> list[str]:
    """Where a call with ``once`` happened again, or was undone twice, or not at all; ``expected``: what the reference
    did, which knows nothing of ``once``."""
    found: list[str] = []
    left: Counter[tuple[int, int]] = Counter()
    for key, change in _changes(program, actual.once):
        left[key] += change
        if left[key] not in (0, 1):
            found.append(f"once: {key} was undone again" if change < 0 else f"once: {key} happened again")
    if expected is None:
        return found
    committed: Counter[tuple[int, int]] = Counter()
    for key, change in _changes(program, expected.once):
        committed[key] += change
    for key in {**left, **committed}:
        if program.once[key[0]][1] and bool(committed[key]) != bool(left[key]):
            found.append(f"once: of {key} {left[key]} are left, of {committed[key]} that committed")
    return found


def _changes(program: Program, writes: tuple[Write, ...]) -> Iterator[tuple[tuple[int, int], int]]:
    """How many calls of a site with a key have happened and are not undone: up, or down."""
    undone = {undo: write for write, (undo, _) in program.once.items()}
    for write in writes:
        site = undone.get(write.site, write.site)
        yield (site, write.args[-1]), -1 if write.site in undone or not write.node else 1
