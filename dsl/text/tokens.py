"""The words of ``.cflow`` text: what a token is, and which words are hard.

Nothing here knows the grammar. A token's text is a slice of the source, so a token list and the comments
beside it lose nothing.
"""

from __future__ import annotations

from typing import Literal


class Token:
    """One token. Lines and columns count from 1; ``end_column`` is exclusive; ``pos`` is the offset in the
    (normalised) text.
    """

    __slots__ = ("column", "end_column", "end_line", "line", "pos", "type", "value")

    def __init__(self, type: str, value: str, pos: int, line: int, column: int, end_line: int, end_column: int) -> None:
        self.type = type
        self.value = value
        self.pos = pos
        self.line = line
        self.column = column
        self.end_line = end_line
        self.end_column = end_column

    @property
    def span(self) -> Token:
        """The token itself: it has the places of a span, and the tree builder asks tokens and nodes alike."""
        return self

    @property
    def end(self) -> int:
        return self.pos + len(self.value)

    def __repr__(self) -> str:
        return f"{self.type}({self.value!r})@{self.line}:{self.column}"


HARD: dict[str, str] = {
    word: word.upper()
    for word in (
        "False None True as assert async await break class continue def del elif else except finally for from global "
        "if import in lambda nonlocal not pass raise return try while with yield"
    ).split()
} | {"and": "OP", "or": "OP", "is": "OP"}
"""Python's keywords and their terminals. ``match`` and ``case`` are hard only where a statement begins."""

SOFT = frozenset(
    "flow test type secret env const defaults parallel transaction mock detach undo raises match case".split()
)
"""Words that are terminals in some places only; everywhere else they are names."""

DECLARING = frozenset({"flow", "type", "secret", "env", "const", "mock"})
"""Soft words that are terminals where they begin a statement and a name follows."""

OPERATORS: dict[str, str] = {
    **dict.fromkeys("// % @ << >> & ^ == != < <= > >=".split(), "OP"),
    **dict.fromkeys("+= -= *= /= //= %= @= &= |= ^= >>= <<= **=".split(), "AUG"),
    "+": "SIGN", "-": "SIGN", "~": "TILDE", "/": "SLASH", "*": "STAR", "**": "DSTAR", "|": "VBAR", "|>": "PIPE",
    "->": "ARROW", "=": "EQUAL", ":": "COLON", ",": "COMMA", ".": "DOT", "...": "ELLIPSIS",
    "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", "{": "LBRACE", "}": "RBRACE", ":=": "WALRUS",
}  # fmt: skip

OPENING: dict[str, str] = {"(": ")", "[": "]", "{": "}"}
CLOSING: dict[str, str] = {closer: opener for opener, closer in OPENING.items()}

OPERAND_END = frozenset(
    {"NAME", "NUMBER", "STRING", "FSTRING", "FEND", "RPAR", "RSQB", "RBRACE", "NONE", "TRUE", "FALSE", "ELLIPSIS"}
)
"""Tokens that end an operand: a name right behind one is never an expression, so ``undo`` and ``raises`` are
known there.
"""

Bracket = Literal["(", "[", "{", "hole", "spec", "fstring"]
