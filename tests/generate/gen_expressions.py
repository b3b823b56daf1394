"""The expressions of generated programs: numbers and tests over what is bound, and calls that fit where they stand."""

from __future__ import annotations

from random import Random

from attrs import define, field, frozen
from gen_tree import SOMEWHERE

NODES: dict[str, tuple[int, str, str]] = {
    "p1": (1, "", ""),
    "a_p2": (2, "", ""),
    "r_a": (1, "a", ""),
    "a_r_b": (1, "b", ""),
    "a_r_ac": (1, "ac", ""),
    "a_r_all": (1, "abcx", ""),
    "w_a": (1, "", "a"),
    "a_w_b": (1, "", "b"),
    "a_w_ac": (1, "", "ac"),
    "a_rb_wc": (1, "b", "c"),
    "u_1": (1, "", "x"),
    "a_u_2": (1, "", "x"),
}
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
    """The names that may be assigned again; None: all but the counters. New names always may."""
    counters: tuple[str, ...] = ()
    """The names that decide whether a ``while`` ends: assigned nowhere else."""
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
    streaming: bool = False
    """May a bare ``return`` end the flow's stream here?"""
    repeated: bool = False
    """Is it, or may it be, run several times?"""


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
class Expressions:
    """What is common to all that is generated: the source of chance, the flows so far, the sites given out."""

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
    doomed: dict[int, bool] = field(factory=dict)
    """Sites that shall fail, and whether by a ``Crash``."""

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
