"""Text to syntax: the LALR automaton over the tokens, and how it goes on after an error.

Recovery: what was read of the wrong line is dropped, the line becomes a ``BAD`` statement or declaration, its
suite is read as
usual. Each line is blamed once, and never where the lexer blamed it before.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ...compiler.diagnostics import Collector, Span
from .. import syntax
from .catch import caught
from .declarations import Declarations
from .errors import explain
from .height import check_heights
from .lexer import tokenize
from .limits import MAX_TEXT
from .report import Reporter, TooManyErrors
from .shadow import shadowed_forms
from .tables import Tables, tables
from .tokens import Token

_RESUME = ("statement", "declaration", "case", "field", "handler")
_CLAUSES = frozenset({"ELSE", "ELIF", "EXCEPT", "FINALLY", "CASE"})
_FOREIGN = frozenset({"TYPE", "CLASS", "MATCH", "IMPORT", "FROM"})
"""Words at the head of a suite that does not hold statements."""
_LARGE = 50_000
_BREAKS = frozenset({"NEWLINE", "INDENT", "DEDENT"})


def parse(text: str, file: str, collector: Collector) -> syntax.Module | None:
    """Reads the text of a ``.cflow`` file.

    Parameters
    ----------
    text: of any size and from anyone; past the limits of :mod:`.limits` it ends in a diagnostic.
    file: the name that spans carry.
    collector: gets what is wrong, in the order of the text.

    Returns
    -------
    The module without the lines that were refused (ask ``collector.failed``); None where nothing usable was found.
    """
    report = Reporter(file)
    module = None
    with suppress(TooManyErrors), _undisturbed(len(text)):
        module = _parse(text, report)
    report.hand_over(collector)
    return module


@contextmanager
def _undisturbed(size: int) -> Iterator[None]:
    """No garbage collection while a large text is parsed: everything made is kept, and looking through it
    again and again would
    take as long as the parsing (measured: 10,000 statements in 0.6 s instead of 1.5 s)."""
    if size < _LARGE or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _parse(text: str, report: Reporter) -> syntax.Module | None:
    if len(text) > MAX_TEXT:
        report.limit(
            Span(report.file, 1, 1, 1, 1),
            f"the file has more than {MAX_TEXT:,} characters",
            "split it into several files",
        )
        return None
    text = normal(text)
    tokens = tokenize(text, report).tokens
    module = Parser(text, list(tokens), report).run()
    if module is None:
        return None
    if not report.errors and (shadowed := shadowed_forms(module, tokens)):
        module = Parser(text, list(tokens), Reporter(report.file), shadowed).run() or module
    return check_heights(module, tokens, report)


def normal(text: str) -> str:
    """The text as tokens count it: no byte order mark, lines that end in ``\\n``."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


class Automaton:
    """The LALR automaton: a stack of states and a stack of values."""

    def __init__(self, made: Tables, builder: Any) -> None:
        self.rows = made.rows
        self.end = made.end
        self.states = [made.start]
        self.values: list[Any] = []
        # A production: size, action, origin. An action of None hands the only value on.
        self.productions = [
            (p.size, None if p.action == "first" and p.size == 1 else getattr(builder, p.action), p.origin)
            for p in made.productions
        ]

    def feed(self, tokens: list[Token], index: int, stop: int) -> int:
        """Reads the tokens from ``index`` to before ``stop``. Returns the first that does not fit, or ``stop``."""
        rows, productions = self.rows, self.productions
        states, values = self.states, self.values
        while index < stop:
            token = tokens[index]
            kind = token.type
            while True:
                target = rows[states[-1]].get(kind)
                if target is None:
                    return index
                if target >= 0:
                    states.append(target)
                    values.append(token)
                    index += 1
                    break
                size, action, origin = productions[-1 - target]
                if action is None:
                    states[-1] = rows[states[-2]][origin]
                elif size:
                    taken = values[-size:]
                    del values[-size:]
                    del states[-size:]
                    values.append(action(taken))
                    states.append(rows[states[-1]][origin])
                else:
                    values.append(action([]))
                    states.append(rows[states[-1]][origin])
        return index

    def finish(self) -> bool:
        """Reads the end of the text. True: ``values[-1]`` is the whole."""
        while self.states[-1] != self.end:
            target = self.rows[self.states[-1]].get("$END")
            if target is None:
                return False
            self._reduce(target)
        return True

    def _reduce(self, target: int) -> None:
        size, action, origin = self.productions[-1 - target]
        taken = self.values[len(self.values) - size :]
        del self.values[len(self.values) - size :]
        del self.states[len(self.states) - size :]
        self.values.append(taken[0] if action is None else action(taken))
        self.states.append(self.rows[self.states[-1]][origin])

    def accepts(self, kind: str) -> bool:
        """Whether a token of this kind would fit now. Changes nothing."""
        states = list(self.states)
        while True:
            target = self.rows[states[-1]].get(kind)
            if target is None:
                return False
            if target >= 0 or states[-1] == self.end:
                return True
            size, _, origin = self.productions[-1 - target]
            if size:
                del states[-size:]
            states.append(self.rows[states[-1]][origin])

    def expected(self) -> set[str]:
        """The kinds of tokens that would fit now."""
        return {kind for kind in self.rows[self.states[-1]] if kind.isupper() and self.accepts(kind)}

    def settle(self) -> None:
        """Reduces what is complete whatever follows, as far as that is certain."""
        while self.states[-1] != self.end:
            targets = {
                target for kind, target in self.rows[self.states[-1]].items() if kind.isupper() or kind == "$END"
            }
            if len(targets) != 1 or (target := targets.pop()) >= 0:
                return
            self._reduce(target)

    def context(self) -> str:
        """Which kind of construct may begin where the present one began."""
        for state in reversed(self.states):
            for kind in _RESUME:
                if kind in self.rows[state]:
                    return kind
        return "declaration"

    def unwind(self) -> str:
        """Drops what was read of a construct, back to where the next one may begin; says which kind of construct."""
        while True:
            row = self.rows[self.states[-1]]
            for kind in _RESUME:
                if kind in row:
                    return kind
            self.states.pop()
            self.values.pop()


class Parser:
    """One run over the tokens of one file.

    ``shadowed``: by the position of a ``flow`` or ``test`` in the tokens, the form names that it binds itself.
    """

    def __init__(
        self, text: str, tokens: list[Token], report: Reporter, shadowed: dict[int, frozenset[str]] | None = None
    ) -> None:
        self.tokens = tokens
        self.report = report
        self.shadowed = shadowed or {}
        self.builder = Declarations(text, report)
        if tokens:
            self.builder.first_line = tokens[0].line
        self.automaton = Automaton(tables(), self.builder)
        self.behind_bad: set[int] = set()  # ids of tokens: a clause there continues a line that was reported
        self.last_error = (-1, -1)

    def run(self) -> syntax.Module | None:
        index = 0
        for position in sorted(self.shadowed):  # only in a file without errors: no token moves
            index = self.automaton.feed(self.tokens, index, position)
            self.builder.shadowed = self.shadowed[position]
        self._read(index)
        if not self.automaton.finish():
            if self._headed(len(self.tokens)) and self.automaton.accepts("INDENT"):
                self._read(self._missing_suite(len(self.tokens)))
            if self.automaton.finish():
                return self.automaton.values[-1]  # type: ignore[no-any-return]
            self.automaton.unwind()
            if not self.automaton.finish():
                return None
        return self.automaton.values[-1]  # type: ignore[no-any-return]

    def _read(self, index: int) -> None:
        tokens, automaton = self.tokens, self.automaton
        while (index := automaton.feed(tokens, index, len(tokens))) < len(tokens):
            place = (index, len(automaton.states))
            if place == self.last_error:
                index += 1  # no progress: leave this token out
                continue
            self.last_error = place
            index = self._recover(index)

    # ---- recovery ------------------------------------------------------------------------------

    def _recover(self, index: int) -> int:
        """Blames the token at ``index`` and makes the automaton ready to go on. Returns where to go on."""
        tokens, automaton = self.tokens, self.automaton
        automaton.settle()
        token = tokens[index]
        first = index
        while first and tokens[first - 1].type not in _BREAKS:
            first -= 1
        last = index
        while last < len(tokens) - 1 and tokens[last].type != "NEWLINE":
            last += 1
        at_start = first == index
        suite = last + 1 < len(tokens) and tokens[last + 1].type == "INDENT"
        muted = any(t.type == "BAD" for t in tokens[first : last + 1]) and token.type not in ("INDENT", "DEDENT")

        if token.type == "NEWLINE" and suite and automaton.accepts("COLON"):
            self.report(
                "syntax-colon", self._after(tokens[index - 1]), "the colon at the end is missing", help="add `:`"
            )
            tokens.insert(index, _made("COLON", token))
            return index
        if token.type == "INDENT":
            return self._unexpected_indent(index)
        if token.type != "BAD" and self._headed(index) and automaton.accepts("INDENT"):
            return self._missing_suite(index)
        if at_start and automaton.accepts("EXCEPT") and (clause := caught(tokens, first)):
            explain(self.report, automaton, tokens, first, index)
            tokens[first:last] = [*clause, tokens[last - 1]]
            return index
        if not muted and not (at_start and token.type in _CLAUSES and id(token) in self.behind_bad):
            explain(self.report, automaton, tokens, first, index)
        return self._resume(index, first, last)

    def _resume(self, index: int, first: int, last: int) -> int:
        tokens, automaton = self.tokens, self.automaton
        token = tokens[index]
        kind = automaton.unwind()
        bad = "BAD" if kind in ("statement", "declaration") else "BADCLAUSE"
        if first == index and automaton.accepts(token.type):
            return index  # the construct before was incomplete; this line is innocent
        if token.type == "DEDENT" or (kind == "handler" and tokens[first].type not in _CLAUSES):
            automaton.feed([_made(bad, token), _made("NEWLINE", token)], 0, 2)
            return index
        head = tokens[first]
        self.builder.refused.update(t.value for t in tokens[first:last] if t.type == "NAME")
        if last >= len(tokens) - 1 or tokens[last].type != "NEWLINE":
            return len(tokens)
        automaton.feed([_made(bad, tokens[last]), tokens[last]], 0, 2)
        end = behind = last + 1
        if end < len(tokens) and tokens[end].type == "INDENT":
            behind = _past_suite(tokens, end)
            if head.type in _FOREIGN:
                end = behind
        if behind < len(tokens):
            self.behind_bad.add(id(tokens[behind]))
        return end

    def _unexpected_indent(self, index: int) -> int:
        """Reads the indented lines as if they were not."""
        tokens = self.tokens
        line = tokens[index + 1] if index + 1 < len(tokens) else tokens[index]
        self.report(
            "syntax-indentation",
            self.report.span(line, line),
            "this line is indented without a reason",
            help="align it with the line above, or end that line with `:` if it opens a block",
        )
        end = _past_suite(tokens, index)
        if end <= len(tokens) and tokens[end - 1].type == "DEDENT":
            del tokens[end - 1]
        del tokens[index]
        return index

    def _missing_suite(self, index: int) -> int:
        """After ``:`` and a line's end there is no indented line."""
        tokens, automaton = self.tokens, self.automaton
        newline = next(t for t in reversed(tokens[:index]) if t.type == "NEWLINE")
        head = next((v for v in reversed(automaton.values) if isinstance(v, Token) and v.type == "COLON"), newline)
        self.report(
            "syntax-suite",
            self._after(head),
            "the block under this line is missing",
            expected="an indented line",
            help="indent its lines by four spaces; an empty block is `pass`",
        )
        suite = automaton.rows[automaton.rows[automaton.states[-1]]["INDENT"]]
        filler = "PASS" if "statement" in suite or "field" in suite else "BADCLAUSE"
        tokens[index:index] = [_made(kind, newline) for kind in ("INDENT", filler, "NEWLINE", "DEDENT")]
        return index

    def _headed(self, index: int) -> bool:
        """Whether the line before the token opened a suite."""
        return index > 1 and self.tokens[index - 1].type == "NEWLINE" and self.tokens[index - 2].type == "COLON"

    def _after(self, token: Token) -> Span:
        return Span(self.report.file, token.end_line, token.end_column, token.end_line, token.end_column + 1)


def _made(kind: str, near: Token) -> Token:
    return Token(kind, "", near.pos, near.line, near.column, near.line, near.column)


def _past_suite(tokens: list[Token], index: int) -> int:
    """The index behind the ``DEDENT`` that belongs to the ``INDENT`` at ``index``."""
    depth = 0
    while index < len(tokens):
        depth += {"INDENT": 1, "DEDENT": -1}.get(tokens[index].type, 0)
        index += 1
        if depth == 0:
            break
    return index
