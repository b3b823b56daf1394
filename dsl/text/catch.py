"""``catch``, as other languages say ``except``: what the line means, so that reading can go on behind it."""

from __future__ import annotations

from .tokens import Token


def caught(tokens: list[Token], first: int) -> list[Token] | None:
    """The tokens up to the colon of ``catch Error:``, ``catch (Error e):`` or ``catch:`` as those of an ``except``.

    ``first``: the token that begins the line. None where the line is nothing of the kind.
    """
    head = tokens[first]
    if head.type != "NAME" or head.value != "catch":
        return None
    end = first + 1
    while end < len(tokens) and tokens[end].type != "NEWLINE":
        end += 1
    if tokens[end - 1].type != "COLON":
        return None
    named = tokens[first + 1 : end - 1]
    if not named:
        named = [_word("NAME", "Exception", head)]
    if any(token.type not in ("NAME", "DOT", "AS", "LPAR", "RPAR", "COMMA") for token in named):
        return None
    bracketed = named[0].type == "LPAR" and named[-1].type == "RPAR"
    if bracketed and not any(token.type == "COMMA" for token in named):
        named = named[1:-1]
    if len(named) > 1 and named[-1].type == named[-2].type == "NAME":
        named = [*named[:-1], _word("AS", "as", named[-1]), named[-1]]
    return [_word("EXCEPT", "except", head), *named]


def advice(clause: list[Token]) -> tuple[str, str]:
    """Message and help."""
    text = ""
    for token in clause[1:]:
        tight = token.type in ("DOT", "COMMA", "RPAR") or text.endswith((".", "(", " "))
        text += token.value if tight or not text else f" {token.value}"
    return "an error is caught by `except`, not by `catch`", f"write `except {text}:`"


def _word(kind: str, text: str, near: Token) -> Token:
    return Token(kind, text, near.pos, near.line, near.column, near.end_line, near.end_column)
