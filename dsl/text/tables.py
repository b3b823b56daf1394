"""The LALR tables, made by Lark from ``grammar.lark``. The only module that imports Lark, and only when the first text is parsed."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

ParseConf = Any


@cache
def parse_conf() -> Any:
    """The parse tables."""
    from lark import Lark
    from lark.lexer import Lexer

    class Outside(Lexer):
        """Tokens come from :mod:`.lexer`; Lark is handed a class that makes none."""

        def __init__(self, lexer_conf: Any) -> None:
            pass

        def lex(self, *_: Any) -> Any:
            return iter(())

    grammar = files(__package__).joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", lexer=Outside, keep_all_tokens=True, maybe_placeholders=False, strict=True)
