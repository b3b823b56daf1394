"""Where a space stands between two tokens of one line, and how strings are quoted: the house style that needs
no layout.
"""

from __future__ import annotations

from collections.abc import Sequence

from .tokens import OPERAND_END, Token

_OPENERS = frozenset({"LPAR", "LSQB", "LBRACE"})
_CLOSERS = frozenset({"RPAR", "RSQB", "RBRACE"})
_PREFIXES = frozenset({"SIGN", "TILDE", "STAR", "DSTAR"})


def spaces(tokens: Sequence[Token]) -> list[bool]:
    """For each token of a statement: is there a space before it, where it does not begin a line?"""
    result: list[bool] = []
    brackets: list[str] = []  # "params", "call", "subscript", "other"
    options = False  # behind `with` outside brackets: `name=value`
    typed = False  # behind the `:` of a parameter
    tight = True  # the token before wants nothing behind it
    before: Token | None = None
    for token in tokens:
        kind = token.type
        operand = before is not None and before.type in OPERAND_END
        space = not tight
        tight = False
        if kind in _CLOSERS:
            space = False
            brackets.pop()
        elif kind == "COMMA":
            space = False
            typed = False
        elif kind == "DOT":
            space = before is not None and not operand and space
            tight = True
        elif kind == "COLON":
            space = before is not None and before.type == "COMMA"
            tight = bool(brackets) and brackets[-1] == "subscript"
            typed = typed or (bool(brackets) and brackets[-1] == "params")
            options = options and bool(brackets)
        elif kind == "EQUAL":
            if (brackets and not (brackets[-1] == "params" and typed)) or (options and not brackets):
                space = False
                tight = True
        elif kind in _OPENERS:
            if operand:
                space = False
            if kind == "LSQB" and operand:
                brackets.append("subscript")
            elif kind == "LPAR" and len(result) == 2 and tokens[0].type == "FLOW":
                brackets.append("params")
                typed = False
            else:
                brackets.append("other")
            tight = True
        elif kind in _PREFIXES and not operand:
            tight = True
        elif kind == "WITH" and not brackets:
            options = True
        elif kind == "UNDO" and not brackets:
            options = False
        result.append(space)
        before = token
    return result


def quoted(text: str) -> str:
    """A string literal with double quotes, where that changes nothing but the quotes."""
    quote = text[-1]
    if quote != "'":
        return text
    start = text.index("'")
    size = 3 if text[start : start + 3] == "'''" and len(text) - start >= 6 else 1
    body = text[start + size : -size]
    if '"' in body or "\\" in body:
        return text
    double = '"' * size
    return f"{text[:start]}{double}{body}{double}"
