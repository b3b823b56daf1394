"""Random programs, well formed and ugly: every construct of the grammar, and spaces, comments and line breaks wherever
they may be."""
# ruff: noqa: E501 - lists of pieces

from __future__ import annotations

from random import Random

NAMES = [
    "a",
    "b",
    "total",
    "orders",
    "race",
    "test",
    "type",
    "parallel",
    "a_name_that_takes_quite_some_room",
    "x",
    "undo",
]
PLAIN = ["1", "0x1F", "1_000.5", "2j", "10s", "1h30m", "None", "True", '"s"', "'q'", "'it\"s'", 'r"\\d"', 'b"x"', "...", 'f"{a}"', "f'{a!r:>{b}}'",
         '"""two\nlines"""', '"a" \'b\'']  # fmt: skip


class Programs:
    """``plain``: what Python reads as well, written the same; no layout tricks that only this language has."""

    def __init__(self, seed: int, *, plain: bool = False) -> None:
        self.random = Random(seed)
        self.plain = plain
        self.depth = 0

    # ---- layout --------------------------------------------------------------------------------

    def gap(self) -> str:
        """Between two tokens that need nothing between them."""
        if self.plain:
            return " "
        return self.random.choice(["", "", "", " ", "  "])

    def space(self) -> str:
        return " " if self.plain else self.random.choice([" ", " ", "   "])

    def inside(self) -> str:
        """Between two tokens within brackets."""
        if self.plain or self.depth == 0:
            return self.gap()
        return self.random.choice(["", "", "", " ", "\n", "\n      ", "  # note\n", "\n # own\n  "])

    def end(self) -> str:
        return (
            "\n"
            if self.plain
            else self.random.choice(["\n", "\n", "\n", "\n\n\n", "  # behind\n", " \n", "\n  # odd\n", "\n\n# far\n\n"])
        )

    # ---- expressions ---------------------------------------------------------------------------

    def name(self) -> str:
        return self.random.choice([name for name in NAMES if name != "race"] if self.plain else NAMES)

    def bracketed(self, opening: str, closing: str, items: list[str], *, trailing: bool = True) -> str:
        parts = [opening, self.inside()]
        for index, item in enumerate(items):
            parts += [("," + self.inside()) if index else "", item, self.inside()]
        if items and trailing and self.random.random() < 0.2:
            parts += [",", self.inside()]
        return "".join([*parts, closing])

    def several(self, level: int, low: int = 0, high: int = 3) -> list[str]:
        return [self.expr(level) for _ in range(self.random.randint(low, high))]

    def expr(self, level: int) -> str:
        if level <= 0:
            return self.random.choice(
                [self.name(), self.name(), self.random.choice(PLAIN if not self.plain else PLAIN[:4] + PLAIN[6:])]
            )
        kinds = ["binary", "call", "compare", "logical", "unary", "display", "attribute", "item", "conditional", "bracket",
                 "comprehension", "dict", "fstring", "atom"]  # fmt: skip
        if not self.plain:
            kinds += ["pipe", "options"]
        kind = self.random.choice(kinds)
        if kind in ("call", "display", "bracket", "comprehension", "dict", "item", "options", "pipe"):
            self.depth += 1
            try:
                return getattr(self, f"_{kind}")(level - 1)  # type: ignore[no-any-return]
            finally:
                self.depth -= 1
        return getattr(self, f"_{kind}")(level - 1)  # type: ignore[no-any-return]

    def _atom(self, level: int) -> str:
        return self.expr(0)

    def operand(self, level: int) -> str:
        """An expression that binds tightest."""
        if level <= 0:
            return self.name()
        self.depth += 1
        try:
            return self.random.choice([self._call, self._bracket, self._display])(level - 1)
        finally:
            self.depth -= 1

    def _binary(self, level: int) -> str:
        operator = self.random.choice(["+", "-", "*", "/", "//", "%", "**", "@", "<<", "|", "&", "^"])
        return f"{self.operand(level)}{self.space()}{operator}{self.space()}{self.operand(level)}"

    def _compare(self, level: int) -> str:
        words = [self.operand(level)]
        for _ in range(self.random.randint(1, 2)):
            words += [self.random.choice(["==", "<", "in", "not in", "is", "is not", ">="]), self.operand(level)]
        return " ".join(words)

    def _logical(self, level: int) -> str:
        words = [self.random.choice(["", "not "]) + self.operand(level)]
        for _ in range(self.random.randint(1, 3)):
            words += [self.random.choice(["and", "or", "or not"]), self._compare(level) if level > 0 else self.name()]
        return " ".join(words)

    def _unary(self, level: int) -> str:
        return f"{self.random.choice(['-', '+', '~', '- -'])}{self.gap()}{self.operand(level)}"

    def _attribute(self, level: int) -> str:
        return f"{self.operand(level)}.{self.name()}"

    def _conditional(self, level: int) -> str:
        return f"({self.operand(level)} if {self.operand(level)} else {self.operand(level)})"

    def _bracket(self, level: int) -> str:
        return f"({self.inside()}{self.expr(level)}{self.inside()})"

    def _item(self, level: int) -> str:
        index = self.random.choice(
            [[self.expr(level)], [f"{self.name()}:{self.name()}"], [":"], ["::2", self.name()], [":-1"]]
        )
        return self.name() + self.bracketed("[", "]", index, trailing=False)

    def _call(self, level: int) -> str:
        arguments = self.several(level, 0, 2) + self.random.choice([[], ["*a"]])
        arguments += self.random.choice([[], [f"{self.name()}={self.expr(level)}"], [f"k={self.name()}", "**b"]])
        return self.name() + self.bracketed("(", ")", arguments)

    def _display(self, level: int) -> str:
        kind = self.random.choice(["list", "tuple", "set"])
        if kind == "list":
            return self.bracketed("[", "]", self.several(level))
        if kind == "set":
            return self.bracketed("{", "}", self.several(level, 1))
        return self.bracketed("(", ")", self.several(level, 2))

    def _dict(self, level: int) -> str:
        pairs = [f"{self.expr(0)}{self.gap()}:{self.gap()}{self.expr(level)}" for _ in range(self.random.randint(0, 3))]
        return self.bracketed("{", "}", pairs + self.random.choice([[], ["**a"]]))

    def _comprehension(self, level: int) -> str:
        clause = f"for {self.name()} in {self.operand(level)}" + self.random.choice(["", f" if {self.operand(level)}"])
        opening, closing = self.random.choice(["[]", "{}", "()"])
        return f"{opening}{self.inside()}{self.expr(level)}{self.inside()} {clause}{self.inside()}{closing}"

    def _fstring(self, level: int) -> str:
        return self.random.choice(["f'{a} {b!r}'", 'f"x{a.b:>10}{{}}"', "f'{a + 1}' \"t\"", 'f"{a=}"'])

    def _pipe(self, level: int) -> str:
        return f"({self.operand(level)}{self.inside()} |> {self.name()} |> {self.name()}({self.expr(level)}))"

    def _options(self, level: int) -> str:
        return f"(f({self.expr(level)}){self.inside()} with {self.options()})"

    # ---- statements ----------------------------------------------------------------------------

    def options(self) -> str:
        chosen = self.random.sample(["retry", "timeout", "cache", "lock", "rate"], self.random.randint(1, 3))
        items = [
            f"{name}{self.gap() if not self.plain else ''}={self.random.choice(['3', '10s', 'a', '(1, 2)'])}"
            for name in chosen
        ]
        if self.random.random() < 0.3:
            return (
                "(" + self.random.choice(["", "\n   "]) + ", ".join(items) + self.random.choice(["", ",", ",\n"]) + ")"
            )
        return ", ".join(items)

    def body(self, indent: int, level: int) -> str:
        width = 4 if self.plain else self.random.choice([1, 2, 4, 8])
        return "".join(self.statement(indent + width, level) for _ in range(self.random.randint(1, 3)))

    def statement(self, indent: int, level: int) -> str:
        pad = " " * indent
        simple = self._simple
        if level <= 0 or self.random.random() < 0.5:
            return pad + simple() + self.end()
        kinds = ["if", "for", "while", "try", "match"] + ([] if self.plain else ["collect", "scope", "pipes"])
        return str(getattr(self, f"_s_{self.random.choice(kinds)}")(pad, indent, level - 1))

    def _simple(self) -> str:
        e = self.expr(self.random.randint(0, 3))
        target = self.random.choice(["x", "x, y", "x[0]", "[x, *y]", "x: list[int]"])
        choices = [f"{target}{self.gap()}={self.gap()}{e}", e if not e.startswith(('"', "'", "...")) else "pass", f"return {e}",
                   f"x += {e}", f"assert {e}, {self.expr(1)}", "pass", "raise", f"raise E({self.expr(1)})", f"x = y = {e}"]  # fmt: skip
        if not self.plain:
            call = f"f({self.expr(1)}, {self.expr(2)})"
            choices += [f"x = {call} with {self.options()}", f"x = {call} undo h(x)", f"x = detach {call}",
                        f"{call} with {self.options()} undo f(result, {self.expr(1)})", f"race({call}, {call})"]  # fmt: skip
        return self.random.choice(choices)

    def _head(self, text: str) -> str:
        return f"{text}{self.gap() if not self.plain else ''}:" + (self.end() if not self.plain else "\n")

    def _s_if(self, pad: str, indent: int, level: int) -> str:
        text = pad + self._head(f"if {self.expr(2)}") + self.body(indent, level)
        if self.random.random() < 0.4:
            text += pad + self._head(f"elif {self.expr(1)}") + self.body(indent, level)
        if self.random.random() < 0.4:
            text += pad + self._head("else") + self.body(indent, level)
        return text

    def _s_for(self, pad: str, indent: int, level: int) -> str:
        options = "" if self.plain else self.random.choice(["", " with parallel=8, take=3", " with (parallel=n,)"])
        text = pad + self._head(f"for {self.random.choice(['x', 'x, y', '(x, *y)'])} in {self.expr(1)}{options}")
        return text + self.body(indent, level)

    def _s_while(self, pad: str, indent: int, level: int) -> str:
        options = "" if self.plain else self.random.choice(["", " with max=5"])
        return pad + self._head(f"while {self.expr(1)}{options}") + self.body(indent, level)

    def _s_try(self, pad: str, indent: int, level: int) -> str:
        text = pad + self._head("try") + self.body(indent, level)
        text += pad + self._head(self.random.choice(["except E", "except (A, b.B) as e"])) + self.body(indent, level)
        if self.random.random() < 0.3:
            text += pad + self._head("finally") + self.body(indent, level)
        return text

    def _s_match(self, pad: str, indent: int, level: int) -> str:
        patterns = [
            "1 | -2",
            "x",
            "a.b",
            "C(1, y=_)",
            '{"k": v, **rest}',
            "[a, *_]",
            "(a, b) as c",
            "None",
            '"s"',
            "a, *b",
        ]
        if not self.plain:
            patterns += ["10s", "C(\n  1,\n  )"]
        text = pad + self._head(f"match {self.expr(1)}")
        for _ in range(self.random.randint(1, 3)):
            guard = self.random.choice(["", "", f" if {self.expr(1)}"])
            text += (
                f"{pad}    " + self._head(f"case {self.random.choice(patterns)}{guard}") + self.body(indent + 4, level)
            )
        return text

    def _s_collect(self, pad: str, indent: int, level: int) -> str:
        options = self.random.choice(["", " with parallel=8, collect=True"])
        return pad + self._head(f"ys = for x in {self.expr(1)}{options}") + f"{pad}  yield {self.expr(2)}{self.end()}"

    def _s_scope(self, pad: str, indent: int, level: int) -> str:
        head = self.random.choice(
            ["with timeout = 5s, lock='a'", "transaction", "transaction with timeout=2m", "parallel"]
        )
        return pad + head + ":\n" + self.body(indent, level)

    def _s_pipes(self, pad: str, indent: int, level: int) -> str:
        return f"{pad}x = a{self.end()}{pad}   |> f({self.expr(1)})  # stage\n |> g{self.end()}"

    # ---- files ---------------------------------------------------------------------------------

    def flow(self, name: str) -> str:
        if self.plain:
            return f"flow {name}(a, b=1, *, c):\n" + self.body(0, 2)
        parameters = self.bracketed(
            "(", ")", self.random.choice([[], ["a"], ["a:int", "b = 1", "*", "c : str='x'"], ["a, /, *b", "**c"]])
        )
        head = f"flow {name}{parameters}" + self.random.choice(["", " -> int", "->dict[str,int]  with timeout = 1h"])
        return self._head(head) + self.body(0, 3)

    def module(self) -> str:
        """A whole file."""
        choices = [
            lambda: "import http,files as f",
            lambda: (
                'from "./shop.py" import '
                + ", ".join(f"name_number_{i} as n{i}" for i in range(self.random.randint(1, 9)))
            ),
            lambda: "from 'a.py' import (a,\n  b, # b\n c,)  with pure=True",
            lambda: "secret  KEY",
            lambda: f"env R : str = {self.expr(1)}",
            lambda: f"const C={self.expr(2)}",
            lambda: 'type M = "fast"|"slow"',
            lambda: "type T:\n  # about\n  id:int\n\n\n  n : str = 'x'",
            lambda: self.flow(f"f{self.random.randint(0, 9)}").rstrip("\n"),
            lambda: (
                f"test 'title':\n  mock f={self.expr(1)}\n  mock g raises E({self.expr(1)})\n  assert calls(f) == []"
            ),
        ]
        return "".join(self.random.choice(choices)() + self.end() for _ in range(self.random.randint(1, 4)))
