"""The parse tables that Lark makes from ``grammar.lark``.

Analysing the grammar takes a third of a second, so its result is kept beside it, as data in ``lalr.py``
(``python -m cflow.dsl.text`` writes it anew; a test compares the two). Where the grammar was changed since, Lark
analyses it on the spot: the only moment at which Lark is imported. Nothing is ever read from, or left in, a
shared folder.
"""

from __future__ import annotations

import textwrap
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from attrs import frozen


@frozen
class Production:
    """A rule as the parser needs it: how many symbols it takes, what it makes of them, whose values build it."""

    origin: str
    size: int
    action: str


@frozen
class Tables:
    """LALR(1) tables. ``rows[state][symbol]``: the state to go to, or ``-1 - p`` to reduce by production ``p``."""

    grammar: str
    productions: tuple[Production, ...]
    rows: tuple[dict[str, int], ...]
    start: int
    end: int


def grammar_text() -> str:
    return files(__name__.rpartition(".")[0]).joinpath("grammar.lark").read_text("utf-8")


@cache
def tables() -> Tables:
    """The tables of the grammar as it is now."""
    from . import lalr

    grammar = grammar_text()
    if fingerprint(grammar) == lalr.GRAMMAR:
        return unpack(lalr.GRAMMAR, lalr.SYMBOLS, lalr.PRODUCTIONS, lalr.ROWS, lalr.START, lalr.END)
    return analyse(grammar)


def fingerprint(grammar: str) -> str:
    return sha256(grammar.encode()).hexdigest()[:16]


def unpack(grammar: str, symbols: str, productions: str, rows: str, start: int, end: int) -> Tables:
    """Tables from their compact text: ``rows`` has a line for each state, in it groups ``target symbol symbol ...``."""
    names = symbols.split()
    made = []
    for entry in productions.split("\n"):
        origin, size, action = entry.split()
        made.append(Production(origin, int(size), action))
    unpacked = []
    for line in rows.split("\n"):
        row: dict[str, int] = {}
        for group in filter(None, line.split(";")):
            target, *numbers = group.split()
            for number in numbers:
                row[names[int(number)]] = int(target)
        unpacked.append(row)
    return Tables(grammar, tuple(made), tuple(unpacked), start, end)


def analyse(grammar: str) -> Tables:
    """Lark's analysis of a grammar; strict: a conflict is an error.

    Raises
    ------
    lark.exceptions.GrammarError: the grammar is wrong, or is not LALR(1).
    """
    from lark import Lark
    from lark.lexer import Lexer
    from lark.parsers.lalr_analysis import Shift

    class Outside(Lexer):
        """Tokens come from :mod:`.lexer`; Lark is handed a class that makes none."""

        def __init__(self, lexer_conf: Any) -> None: ...

        def lex(self, lexer_state: Any, parser_state: Any) -> Any:
            return iter(())

    lark = Lark(grammar, parser="lalr", lexer=Outside, keep_all_tokens=True, maybe_placeholders=False, strict=True)
    table = lark.parser.parser._parse_table
    order = {rule: index for index, rule in enumerate(lark.rules)}
    productions = tuple(
        Production(rule.origin.name, len(rule.expansion), rule.alias or rule.origin.name) for rule in lark.rules
    )
    # Lark numbers the states anew in each process: here they are numbered as they are reached.
    first = table.start_states["start"]
    number = {first: 0}
    rows = []
    reached = [first]
    for state in reached:
        row = {}
        for symbol, (action, target) in sorted(table.states[state].items()):
            if action is Shift and target not in number:
                number[target] = len(number)
                reached.append(target)
            row[symbol] = number[target] if action is Shift else -1 - order[target]
        rows.append(row)
    end = number[table.end_states["start"]]
    return Tables(fingerprint(grammar), productions, tuple(rows), 0, end)


def pack(made: Tables) -> str:
    """The source of ``lalr.py``."""
    symbols = sorted({symbol for row in made.rows for symbol in row})
    number = {symbol: index for index, symbol in enumerate(symbols)}
    lines = []
    for row in made.rows:
        groups: dict[int, list[int]] = {}
        for symbol in sorted(row, key=number.__getitem__):
            groups.setdefault(row[symbol], []).append(number[symbol])
        lines.append(";".join(" ".join(map(str, (target, *groups[target]))) for target in sorted(groups)))
    productions = [f"{p.origin} {p.size} {p.action}" for p in made.productions]
    return "\n".join(
        [
            '"""Generated from grammar.lark by `python -m cflow.dsl.text`: do not edit."""',
            "",
            f'GRAMMAR = "{made.grammar}"',
            f"START, END = {made.start}, {made.end}",
            f"SYMBOLS = (\n{_wrapped(' '.join(symbols))}\n)",
            f"PRODUCTIONS = (\n{_joined(productions)}\n)",
            f"ROWS = (\n{_joined(lines)}\n)",
            "",
        ]
    )


def _wrapped(text: str) -> str:
    lines = textwrap.wrap(text, 108, drop_whitespace=False, break_on_hyphens=False, break_long_words=False)
    return "\n".join(f'    "{line}"' for line in lines)


def _joined(lines: list[str]) -> str:
    """String literals that together are the lines, as much of them in one as fits."""
    return _wrapped("\\n".join(lines))
