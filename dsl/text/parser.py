"""Text to syntax."""

from __future__ import annotations

from typing import Any

from ...compiler.diagnostics import Collector
from .. import syntax
from .declarations import Declarations
from .lexer import tokenize
from .report import Reporter, TooManyErrors
from .tables import parse_conf
from .tokens import Token


def parse(text: str, file: str, collector: Collector) -> syntax.Module | None:
    """Reads the text of a ``.cflow`` file; what is wrong with it goes to ``collector``.

    Returns None where nothing usable was found.
    """
    report = Reporter(file)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    try:
        lexed = tokenize(text, report)
        module = _Parser(text, lexed.tokens, report).run()
    except TooManyErrors:
        module = None
    report.hand_over(collector)
    return module


class _Parser:
    def __init__(self, text: str, tokens: list[Token], report: Reporter) -> None:
        from lark.parsers.lalr_parser_state import ParseConf, ParserState
        self.tokens = tokens
        self.report = report
        self.builder = Declarations(text, report)
        if tokens:
            self.builder.first_line = tokens[0].line
        lark = parse_conf()
        table = lark.parser.parser._parse_table
        callbacks = {rule: getattr(self.builder, rule.alias or rule.origin.name) for rule in lark.rules}
        self.state = ParserState(ParseConf(table, callbacks, "start"), None)

    def run(self) -> syntax.Module | None:
        from lark.exceptions import UnexpectedToken
        try:
            for token in self.tokens:
                self.state.feed_token(token)
            end = len(self.tokens) and self.tokens[-1].line
            return self.state.feed_token(Token("$END", "", 0, end, 1, end, 1), True)
        except UnexpectedToken as error:
            token = error.token
            if token.type != "BAD":
                self.report("syntax-error", self.report.span(token, token), f"`{token.value}` is unexpected here")
            return None
