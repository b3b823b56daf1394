"""Random flows that are also plain Python functions: what Python does with one is what its graph must mean.

The programs use everything that has the same meaning in both worlds: assignments, branches, loops with ``else``,
handlers,
``match``, comprehensions, lazy operators, collections that grow. Nodes are functions that write down how they are
called.
"""

from __future__ import annotations

import random

from attrs import define, field

NAMES = ("a", "b", "c", "d")
NODES = ("f", "g", "h")


@define
class Writer:
    """Writes one function."""

    rng: random.Random
    lines: list[str] = field(factory=list)
    fresh: int = 0
    budget: int = 25
    in_final: int = 0
    boxes: list[str] = field(factory=list)
    items: list[str] = field(factory=list)

    def name(self) -> str:
        """A name to assign."""
        return self.rng.choice(NAMES)

    def read(self) -> str:
        """A name to read."""
        return self.rng.choice(self.items) if self.items and self.rng.random() < 0.6 else self.name()

    def new(self, stem: str) -> str:
        self.fresh += 1
        return f"{stem}{self.fresh}"

    # ---- expressions -----------------------------------------------------------------------------

    def expr(self, depth: int = 0, calls: bool = True) -> str:
        pick = self.rng.random()
        if depth > 2 or pick < 0.35:
            return self.read() if self.rng.random() < 0.7 else str(self.rng.randrange(10))
        if pick < 0.55 and calls:
            return f"{self.rng.choice(NODES)}({self.expr(depth + 1)})"
        if pick < 0.75:
            op = self.rng.choice("+-*")
            return f"({self.expr(depth + 1, calls)} {op} {self.expr(depth + 1, calls)}) % 10"
        if pick < 0.8:
            return f"({self.expr(depth + 1, calls)} // {self.name()})"
        if pick < 0.85:
            return (
                f"({self.expr(depth + 1, calls)} if {self.test(depth + 1, calls)} else {self.expr(depth + 1, calls)})"
            )
        if pick < 0.9:
            op = self.rng.choice(["and", "or"])
            return (
                f"({self.expr(depth + 1, calls)} {op} {self.expr(depth + 1, calls)} {op} {self.expr(depth + 1, calls)})"
            )
        if pick < 0.94 and calls:
            item = self.new("x")
            source = f"range({self.name()} % 4)"
            self.items.append(item)
            condition = f" if {self.test(depth + 1)}" if self.rng.random() < 0.5 else ""
            inner = self.expr(depth + 1)
            self.items.pop()
            return f"sum([{inner} for {item} in {source}{condition}])"
        if pick < 0.97 and calls:
            item = self.new("x")
            which = self.rng.choice(["any", "all"])
            return f"int({which}({self.rng.choice(NODES)}({item}) > 4 for {item} in range({self.name()} % 4)))"
        return f"abs(-{self.name()})"

    def test(self, depth: int = 0, calls: bool = True) -> str:
        pick = self.rng.random()
        if pick < 0.6:
            op = self.rng.choice(["<", ">", "==", "!=", "<="])
            return f"{self.expr(depth + 1, calls)} {op} {self.expr(depth + 1, calls)}"
        if pick < 0.7:
            return f"({self.expr(depth + 1, calls)} < {self.expr(depth + 1, calls)} <= {self.expr(depth + 1, calls)})"
        if pick < 0.8:
            return f"not {self.expr(depth + 1, calls)}"
        if pick < 0.9 and depth < 2:
            return f"({self.test(depth + 1, calls)} {self.rng.choice(['and', 'or'])} {self.test(depth + 1, calls)})"
        return self.name()

    # ---- statements ------------------------------------------------------------------------------

    def put(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def block(self, depth: int, loop: bool) -> None:
        before = list(self.boxes)
        for _ in range(self.rng.randrange(1, 4)):
            self.statement(depth, loop)
        self.boxes = before
        if self.rng.random() < 0.08 and not self.in_final:
            ends = ["return (a, b)", f"raise E{self.rng.randrange(1, 3)}({self.name()})"] + (
                ["break", "continue"] * 2 if loop else []
            )
            self.put(depth, self.rng.choice(ends))

    def statement(self, depth: int, loop: bool) -> None:
        self.budget -= 1
        if depth > 4 or self.budget < 0:
            self.put(depth, f"{self.name()} = {self.expr()}")
            return
        kind = self.rng.choice(
            "assign assign assign assign assign aug aug swap call if if ifs for for while try try match collect "
            "box box assert search part".split()
        )
        getattr(self, f"_{kind}")(depth, loop)

    def _assign(self, depth: int, loop: bool) -> None:
        self.put(depth, f"{self.name()} = {self.expr()}")

    def _aug(self, depth: int, loop: bool) -> None:
        self.put(depth, f"{self.name()} {self.rng.choice('+-')}= {self.expr()}")

    def _swap(self, depth: int, loop: bool) -> None:
        one, two = self.rng.sample(NAMES, 2)
        self.put(depth, f"{one}, {two} = {self.expr()}, {self.expr()}")

    def _part(self, depth: int, loop: bool) -> None:
        one, two = self.rng.sample(NAMES, 2)
        self.put(depth, f"{one}, *_rest, {two} = pair({self.expr()})".replace("_rest", self.new("rest")))

    def _call(self, depth: int, loop: bool) -> None:
        self.put(depth, f"{self.rng.choice(NODES)}({self.expr()})")

    def _if(self, depth: int, loop: bool) -> None:
        self.put(depth, f"if {self.test()}:")
        self.block(depth + 1, loop)
        if self.rng.random() < 0.6:
            self.put(depth, "else:")
            self.block(depth + 1, loop)

    def _ifs(self, depth: int, loop: bool) -> None:
        self.put(depth, f"if {self.test()}:")
        self.block(depth + 1, loop)
        for _ in range(self.rng.randrange(1, 3)):
            self.put(depth, f"elif {self.test()}:")
            self.block(depth + 1, loop)
        if self.rng.random() < 0.5:
            self.put(depth, "else:")
            self.block(depth + 1, loop)

    def _for(self, depth: int, loop: bool) -> None:
        target = self.new("i") if self.rng.random() < 0.6 else self.name()
        source = self.rng.choice([f"range({self.name()} % 4)", f"[{self.expr()}, {self.name()}]", "pair(b)"])
        self.put(depth, f"for {target} in {source}:")
        if self.rng.random() < 0.5:
            self.put(depth + 1, f"{self.name()} = {self.rng.choice(NODES)}({target})")
        self.block(depth + 1, True)
        if self.rng.random() < 0.3:
            self.put(depth, "else:")
            self.block(depth + 1, loop)

    def _while(self, depth: int, loop: bool) -> None:
        count = self.new("k")
        self.put(depth, f"{count} = 0")
        self.put(depth, f"while {count} < {self.rng.randrange(1, 4)} and {self.test()}:")
        self.put(depth + 1, f"{count} += 1")
        self.block(depth + 1, True)
        if self.rng.random() < 0.3:
            self.put(depth, "else:")
            self.block(depth + 1, loop)

    def _try(self, depth: int, loop: bool) -> None:
        self.put(depth, "try:")
        self.block(depth + 1, loop)
        kinds = self.rng.choice([["E1"], ["E2"], ["E1", "E2"], ["(E1, E2)"], ["E1", "Exception"], []])
        for kind in kinds:
            name = self.new("e")
            self.put(depth, f"except {kind} as {name}:" if self.rng.random() < 0.5 else f"except {kind}:")
            self.block(depth + 1, loop)
            if self.rng.random() < 0.15 and not self.in_final:
                self.put(depth + 1, "raise")
        if kinds and self.rng.random() < 0.3:
            self.put(depth, "else:")
            self.block(depth + 1, loop)
        if not kinds or self.rng.random() < 0.4:
            self.put(depth, "finally:")
            self.in_final += 1
            self.block(depth + 1, False)
            self.in_final -= 1

    def _match(self, depth: int, loop: bool) -> None:
        self.put(depth, f"match {self.rng.choice([self.expr(), f'pair({self.name()})', '(a, b)', '[c, d, a]'])}:")
        cases = [
            "0 | 1 | 2",
            f"int({self.new('m')})",
            f"[{self.new('m')}, *{self.new('m')}]",
            f"({self.new('m')}, 1)",
            "[_, _, *_]",
            "3",
        ]
        for case in self.rng.sample(cases, self.rng.randrange(1, 4)):
            guard = f" if {self.test()}" if self.rng.random() < 0.3 else ""
            self.put(depth + 1, f"case {case}{guard}:")
            self.block(depth + 2, loop)
        if self.rng.random() < 0.5:
            self.put(depth + 1, f"case {self.new('m')}:")
            self.block(depth + 2, loop)

    def _collect(self, depth: int, loop: bool) -> None:
        ys, item = self.new("ys"), self.new("i")
        self.put(depth, f"{ys} = []")
        self.put(depth, f"for {item} in range({self.name()} % 4):")
        self.block(depth + 1, True)
        self.put(depth + 1, f"{ys}.append({self.expr()})")
        if self.rng.random() < 0.4:
            self.put(depth + 1, f"if {self.test()}:")
            self.put(depth + 2, f"{ys}.append({item})")
        self.put(depth, f"{self.name()} = sum({ys}) % 10")

    def _box(self, depth: int, loop: bool) -> None:
        if not self.boxes or self.rng.random() < 0.3:
            box = self.new("box")
            self.boxes.append(box)
            self.put(depth, f"{box} = {self.rng.choice(['[]', '[1, 2]', f'[{self.name()}]', 'sorted([3, 1])'])}")
            return
        box = self.rng.choice(self.boxes)
        self.put(
            depth,
            self.rng.choice(
                [
                    f"{box}.append({self.expr()})",
                    f"{box} += [{self.expr()}, {self.name()}]",
                    f"{self.name()} = len({box}) + {self.expr()}",
                    f"{self.name()} = sum({box}) % 10",
                    f"{box}.extend([{self.expr()}])",
                ]
            ),
        )

    def _assert(self, depth: int, loop: bool) -> None:
        self.put(depth, f"assert {self.test()}, {self.name()}")

    def _search(self, depth: int, loop: bool) -> None:
        item, table = self.new("x"), self.new("t")
        self.put(depth, f"{table} = {{}}")
        self.put(depth, f"for {item} in [{self.name()}, {self.name()}, 1]:")
        self.put(depth + 1, f"if {item} in {table}:")
        self.put(depth + 2, "continue")
        self.put(depth + 1, f"{table}[{item}] = {self.expr()}")
        self.put(depth, f"{self.name()} = sum({table}.values()) % 10")


def program(seed: int) -> str:
    """The source of a function ``main(a, b)``."""
    writer = Writer(random.Random(seed))
    writer.put(0, "def main(a, b):")
    writer.put(1, "c, d = 3, 4")
    for _ in range(writer.rng.randrange(2, 7)):
        writer.statement(1, False)
    writer.put(1, f"return (a, b, c, d, {', '.join(f'len({b})' for b in writer.boxes) or '0'})")
    return "\n".join(writer.lines) + "\n"
