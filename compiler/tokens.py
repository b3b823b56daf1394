"""The words of a printed graph: one line cut into tokens, and the parts that every line shares.

Owns names, constants, types and expressions as :mod:`.printer` writes them; :mod:`.reader` puts lines together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

from .constants import read_constant, read_literal, read_retry
from .ir import Ambient, Apply, Clause, Comprehension, Const, Expr, Global, Ref, Star, Target
from .printer import BINARY, COMPARISONS, NAME
from .types import Type

T = TypeVar("T")

_STRING = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(
    rf"""\s*(?:
    (?P<string>{_STRING})
  | (?P<number>b'(?:[^'\\]|\\.)*' | b{_STRING} | -?(?:0x[0-9a-f]+ | \d+(?:\.\d+)?(?:e[+-]?\d+)?))
  | (?P<value>%(?:{NAME.pattern}|{_STRING}))
  | (?P<hash>\#[A-Za-z]*)
  | (?P<object>@[a-z]+(?=\())
  | (?P<ambient>\$[a-z]+:\w+)
  | (?P<name>{NAME.pattern})
  | (?P<sign>\*\*|//|<<|>>|<=|>=|==|!=|->|\.\.\.|[-()\[\],:=*+/@<>&|^?%])
    )""",
    re.VERBOSE,
)


class GraphSyntaxError(ValueError):
    """The text is not a printed graph. Names the line."""


class Tokens:
    """The tokens of one line, read from left to right."""

    def __init__(self, text: str, line: int) -> None:
        self.text, self.line, self.at = text, line, 0
        self.tokens: list[tuple[str, str]] = []
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                raise self.error(f"what is {text[position:]!r}?")
            self.tokens.append((cast(str, match.lastgroup), match[match.lastgroup or 0]))
            position = match.end()

    def error(self, what: str) -> GraphSyntaxError:
        return GraphSyntaxError(f"line {self.line}: {what} in {self.text.strip()!r}")

    # ---- single tokens ---------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else "end"

    @property
    def word(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def after(self, offset: int = 1) -> str:
        """The word that comes ``offset`` after the present one."""
        return self.tokens[self.at + offset][1] if self.at + offset < len(self.tokens) else ""

    def next(self) -> str:
        word = self.word
        if not word:
            raise self.error("something is missing at the end")
        self.at += 1
        return word

    def take(self, *words: str) -> bool:
        """Goes past the words if they come next."""
        if all(self.after(i) == word for i, word in enumerate(words)) and self.kind != "string":
            self.at += len(words)
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.take(word):
            raise self.error(f"{word!r} is missing before {self.word!r}")

    def end(self) -> None:
        if self.kind != "end":
            raise self.error(f"{self.word!r} is too much")

    def name(self) -> str:
        if self.kind not in ("name", "string"):
            raise self.error(f"a name is missing before {self.word!r}")
        word = self.next()
        return read_literal(word) if word.startswith('"') else word

    def value(self) -> str:
        """``%x``: the id of a value."""
        if self.kind != "value":
            raise self.error(f"a value is missing before {self.word!r}")
        word = self.next()[1:]
        return read_literal(word) if word.startswith('"') else word

    def list(self, close: str, item: Callable[[], T]) -> list[T]:
        """Items between commas, up to and past ``close``."""
        items: list[T] = []
        while not self.take(close):
            if items:
                self.expect(",")
            items.append(item())
        return items

    # ---- constants and types ---------------------------------------------------------------------

    def constant(self) -> Any:
        if self.kind in ("string", "number"):
            return read_literal(self.next())
        if self.kind == "hash":
            kind = self.next()[1:]
            if kind in ("", "Retry"):
                self.expect("(")
                values = self.list(")", self.constant)
                return read_retry(values) if kind else tuple(values)
            if kind == "type":
                self.expect("(")
                result = self.type()
                self.expect(")")
                return result
            return read_constant(kind, read_literal(self.next()))
        for word, constant in (("None", None), ("True", True), ("False", False)):
            if self.take(word):
                return constant
        raise self.error(f"a constant is missing before {self.word!r}")

    def type(self) -> Type:
        name = "..." if self.take("...") else self.name()
        args: list[Any] = []
        if self.take("["):
            args = self.list("]", self._type_argument)
        return Type(name, tuple(args))

    def _type_argument(self) -> Any:
        if self.kind in ("string", "number", "hash") or self.word in ("None", "True", "False"):
            return self.constant()
        return self.type()

    # ---- expressions -----------------------------------------------------------------------------

    def expr(self) -> Expr:
        match self.kind:
            case "value":
                return Ref(self.value())
            case "object":
                kind = self.next()[1:]
                self.expect("(")
                key = self.name()
                self.expect(")")
                return Global(cast(Any, kind), key)
            case "ambient":
                kind, _, name = self.next()[1:].partition(":")
                return Ambient(cast(Literal["secret", "env"], kind), name)
            case "name" | "string" if self.after() == "(":
                fn = self.name()
                self.expect("(")
                args, kwargs = self.arguments()
                return Apply(fn, args, kwargs)
            case "name" if self.after() == "[":
                return self._comprehension()
            case _:
                return self._infix() if self.take("(") else Const(self.constant())

    def _infix(self) -> Expr:
        operands = [self.expr()]
        ops: list[str] = []
        while not self.take(")"):
            op = self.next()
            if op in ("not", "is") and self.word in ("in", "not"):
                op += " " + self.next()
            ops.append(op)
            operands.append(self.expr())
        if len(ops) == 1 and ops[0] in BINARY | COMPARISONS:
            return Apply(ops[0], tuple(operands))
        if not ops or not COMPARISONS.issuperset(ops):
            raise self.error(f"these are no operators: {ops}")
        return Apply("compare", (Const(tuple(ops)), *operands))

    def arguments(self) -> tuple[tuple[Expr | Star, ...], tuple[tuple[str, Expr], ...]]:
        """Arguments up to and past the closing bracket."""
        args: list[Expr | Star] = []
        kwargs: list[tuple[str, Expr]] = []

        def argument() -> None:
            if self.take("**"):
                kwargs.append(("**", self.expr()))
            elif self.take("*"):
                args.append(Star(self.expr()))
            elif self.kind in ("name", "string") and self.after() == "=":
                key = self.name()
                self.expect("=")
                kwargs.append((key, self.expr()))
            else:
                args.append(self.expr())

        self.list(")", argument)
        return tuple(args), tuple(kwargs)

    def _comprehension(self) -> Comprehension:
        kind = self.next()
        self.expect("[")
        element, key = self.expr(), None
        if self.take(":"):
            key, element = element, self.expr()
        clauses: list[Clause] = []
        while self.take("for"):
            target = self.target()
            self.expect("in")
            source = self.expr()
            conditions: list[Expr] = []
            while self.take("if"):
                conditions.append(self.expr())
            clauses.append(Clause(target, source, tuple(conditions)))
        self.expect("]")
        return Comprehension(cast(Any, kind), element, tuple(clauses), key)

    def target(self) -> Target:
        if self.take("*"):
            return f"*{self.value()}"
        if not self.take("("):
            return self.value()
        parts: list[Target] = []
        while not self.take(")"):
            parts.append(self.target())
            self.expect(",")
        return tuple(parts)
