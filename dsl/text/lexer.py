"""Text to tokens: indentation, brackets, strings, f-strings with nesting, and the words that are hard in some places only.

A hand-written lexer in front of Lark's LALR parser, because an f-string nests programs in strings, an unclosed bracket is to be
blamed where it opened, and the formatter needs every comment with its place. One pass, linear; it never raises for bad
text: it reports, repairs where the intention is plain, else leaves a ``BAD`` token so that the parser stays silent about that line.
"""

from __future__ import annotations

import re
import unicodedata

from attrs import define, frozen

from ...compiler.diagnostics import Label, Span
from .limits import MAX_BLOCKS, MAX_BRACKETS, MAX_STATEMENTS
from .report import Reporter
from .tokens import CLOSING, DECLARING, HARD, OPENING, OPERAND_END, OPERATORS, SOFT, Bracket, Token

_TOKEN = re.compile(
    r"""[ \t\f]*(?:
      (?P<name>(?>[^\W\d]\w*)(?!["']))
    | (?P<op>\*\*=|//=|>>=|<<=|->|\|>|:=|==|!=|<=|>=|\+=|-=|\*=|/=|%=|@=|&=|\|=|\^=|\*\*|//|<<|>>|&&|\|\||\.\.\.|=>|<>
        |[-+*/%@&|^~<>()\[\]{},:=;!]|\.(?!\d))
    | (?P<number>0[xX]\w*|\.?\d(?:[eE][+-]|[\w.])*)
    | (?P<triple>(?:[rRuU]|[bB][rR]?|[rR][bB])?(?:\"\"\"|'''))
    | (?P<string>(?:[rRuU]|[bB][rR]?|[rR][bB])?(?:"[^"\\\n]*(?:\\[^\n][^"\\\n]*|\\\n[^"\\\n]*)*"|'[^'\\\n]*(?:\\[^\n][^'\\\n]*|\\\n[^'\\\n]*)*'))
    | (?P<fstring>(?:[fF][rR]?|[rR][fF])(?:\"\"\"|'''|"|'))
    | (?P<quote>(?:[rRuU]|[bB][rR]?|[rR][bB])?["'])
    | (?P<newline>\n)
    | (?P<comment>\#[^\n]*)
    | (?P<join>\\[ \t]*\n)
    | (?P<word>(?>[^\W\d]\w*))
    | (?P<end>\Z)
    | (?P<other>.)
    )""",
    re.VERBOSE,
)
_INDENTATION = re.compile(r"[ \t\f]*")
_THEN_NAME = re.compile(
    r"[ \t]+(?!(?:in|is|if|and|or|not|else|for|with|as|from|import|undo|raises)\b)(?>[^\W\d]\w*)(?![\"'])"
)
_THEN_STRING = re.compile(r"[ \t]*(?:[rRuU]|[bB][rR]?|[rR][bB]|[fF][rR]?|[rR][fF])?[\"'“]")
_THEN_SUITE = re.compile(r"[ \t]*:[ \t]*(?:\#|\n)|[ \t]+with\b|[ \t]*(?:\#|\n)")
_THEN_IF = re.compile(r"[ \t]+if\b")
_NEXT_WORD = re.compile(r"([ \t]*)((?>[^\W\d]\w*)?)(?![\"'])")
_CONVERSION = re.compile(r"!(?=[^=])\w*")
_END_OF_HOLE = re.compile(r"[ \t]*[!:}]")
_SMART_STRING = re.compile(r"[“”]([^“”\"\\\n]*)[“”\"]|[‘’]([^‘’'\"\\\n]*)[‘’']")

_TRIPLE_END = {quote: re.compile(rf"(?:[^\\{quote[0]}]+|\\[\s\S]|{quote[0]}(?!{quote[1:]}))*") for quote in ('"""', "'''")}
_HOLES = r"\\N\{[^}\n]*\}|\\(?![{}])[\s\S]|\\(?=[{}])|\{\{|\}\}"
_FSTRING_TEXT = {
    quote: re.compile(
        rf"(?:[^\\{{}}{quote[0]}]+|{quote[0]}(?!{quote[1:]})|{_HOLES})*"
        if len(quote) == 3
        else rf"(?:[^\\{{}}\n{quote}]+|{_HOLES})*"
    )
    for quote in ('"', "'", '"""', "'''")
}
_SPEC_TEXT = {
    quote: re.compile(rf"[^{{}}{quote[0]}]*" if len(quote) == 3 else rf"[^{{}}\n{quote}]*") for quote in _FSTRING_TEXT
}

_STARTS_STATEMENT = frozenset(
    "return while try except finally raise assert break continue pass import def class del global nonlocal elif yield".split()
)
_CONTINUES = frozenset("if else for in is and or not with undo as lambda await async from".split())

_MEANT = {
    "&&": ("OP", "and"),
    "||": ("OP", "or"),
    "!": ("NOT", "not"),
    "<>": ("OP", "!="),
}


@frozen
class Lexed:
    """The tokens of a file (with ``NEWLINE``, ``INDENT`` and ``DEDENT``) and, apart, its comments."""

    tokens: list[Token]
    comments: list[Token]


@define
class _Open:
    """A bracket that waits for its end; ``quote`` and ``raw`` belong to the f-string around a hole or spec."""

    kind: Bracket
    token: Token
    indent: int
    quote: str = ""
    raw: bool = False


class _StopError(Exception):
    """A limit was passed: the rest of the text is not read."""


class Lexer:
    """Tokenizes one text, whose lines end in ``\\n`` only. Use :func:`tokenize`."""

    def __init__(self, text: str, report: Reporter) -> None:
        self.text = text if text.endswith("\n") else text + "\n"
        self.report = report
        self.tokens: list[Token] = []
        self.comments: list[Token] = []
        self.brackets: list[_Open] = []
        self.indents = [0]
        self.line = 1
        self.line_start = 0
        self.indent = 0
        self.statements = 0
        self.tabs_reported = False

    # ---- the loop ------------------------------------------------------------------------------

    def run(self) -> Lexed:
        try:
            self._scan()
        except _StopError:
            self.brackets.clear()
            self._add("BAD", "", len(self.text))
        self._finish()
        return Lexed(self.tokens, self.comments)

    def _scan(self) -> None:
        text = self.text
        match = _TOKEN.match
        add = self.tokens.append
        brackets = self.brackets
        pos = self._begin_line(0)
        while True:
            found = match(text, pos)
            assert found is not None  # the pattern ends in "any character or the end"
            kind = found.lastgroup
            assert kind is not None
            value = found[kind]
            pos = found.end()
            if kind == "name":
                terminal = HARD.get(value)
                if terminal is None:
                    if value in SOFT:
                        terminal = self._soft(value, pos)
                    else:
                        terminal = "NAME"
                        if not value.isascii():
                            value = self._identifier(value, pos)
                elif value in _HABIT_WORDS:
                    terminal, pos = self._habit(value, terminal, pos)
                    if not terminal:
                        continue
                start = pos - len(value)
                line = self.line
                column = start - self.line_start + 1
                add(Token(terminal, value, start, line, column, line, column + len(value)))
            elif kind == "op":
                if value in "()[]{}" or value not in OPERATORS or (brackets and brackets[-1].kind == "hole"):
                    pos = self._operator(value, pos)
                    continue
                start = pos - len(value)
                line = self.line
                column = start - self.line_start + 1
                add(Token(OPERATORS[value], value, start, line, column, line, column + len(value)))
            elif kind == "newline":
                if brackets:
                    self._next_line(pos)
                    self._check_unclosed(pos)
                    if brackets:
                        continue
                pos = self._newline(pos)
            elif kind == "number":
                self._add("NUMBER", value, pos - len(value))
            elif kind == "string":
                pos = self._string(value, pos)
            elif kind == "comment":
                start = pos - len(value)
                if brackets and any(bracket.kind == "hole" for bracket in brackets):
                    self.report("syntax-fstring", self._span(start, pos), "a comment in the braces of an f-string",
                                help="move it above the statement")  # fmt: skip
                column = start - self.line_start + 1
                self.comments.append(Token("COMMENT", value, start, self.line, column, self.line, column + len(value)))
            elif kind == "end":
                return
            else:
                pos = self._rare(kind, value, pos)

    def _rare(self, kind: str, value: str, pos: int) -> int:
        start = pos - len(value)
        if kind == "triple":
            return self._triple(value, start, pos)
        if kind == "fstring":
            return self._fstring(value, start, pos)
        if kind == "quote":
            return self._unclosed_string(start)
        if kind == "join":
            self._next_line(pos)
            return pos
        if kind == "word":
            self._add("NAME", value, start)
            return pos
        return self._other(value, start)

    def _add(self, terminal: str, value: str, start: int) -> Token:
        """Adds a token that lies on the current line."""
        column = start - self.line_start + 1
        token = Token(terminal, value, start, self.line, column, self.line, column + len(value))
        self.tokens.append(token)
        return token

    def _span(self, start: int, end: int) -> Span:
        column = start - self.line_start + 1
        return Span(self.report.file, self.line, column, self.line, column + end - start)

    def _next_line(self, pos: int) -> None:
        self.line += 1
        self.line_start = pos

    # ---- lines and indentation -----------------------------------------------------------------

    def _newline(self, pos: int) -> int:
        """Ends a logical line at the newline before ``pos`` and begins the next one."""
        if self.line_start != pos:  # not when an unclosed bracket was just cut off
            self._end_statement(pos - 1)
            self._next_line(pos)
        else:
            self._end_statement(pos)
        return self._begin_line(pos)

    def _end_statement(self, pos: int) -> None:
        if self.tokens and self.tokens[-1].type not in ("NEWLINE", "INDENT", "DEDENT"):
            self._add("NEWLINE", "", pos)
            self.statements += 1
            if self.statements > MAX_STATEMENTS:
                self.report.limit(
                    self._span(pos, pos), f"the file has more than {MAX_STATEMENTS:,} statements", "split it into several files"
                )
                raise _StopError

    def _begin_line(self, pos: int) -> int:
        """Passes over blank lines and comments, then turns the indentation into tokens."""
        text = self.text
        while True:
            found = _INDENTATION.match(text, pos)
            assert found is not None
            start = found.end()
            if start >= len(text):
                return start
            if text[start] == "\n":
                self._next_line(start + 1)
                pos = start + 1
                continue
            if text[start] == "#":
                end = text.index("\n", start)
                column = start - self.line_start + 1
                self.comments.append(
                    Token("COMMENT", text[start:end], start, self.line, column, self.line, column + end - start)
                )
                self._next_line(end + 1)
                pos = end + 1
                continue
            break
        if text.startswith("|>", start) and self.tokens and self.tokens[-1].type == "NEWLINE":
            self.tokens.pop()  # a line that begins with a pipe continues the one before
            return start
        space = found[0]
        if "\t" in space:
            if not self.tabs_reported:
                self.tabs_reported = True
                self.report("syntax-tab", self._span(pos, start), "indentation is made of spaces, here is a tab",
                            help="replace each tab by four spaces (`cflow fmt` cannot: it does not know your tab width)")  # fmt: skip
            space = space.expandtabs(4)
        self._indentation(len(space), start)
        return start

    def _indentation(self, width: int, start: int) -> None:
        indents = self.indents
        if width > indents[-1]:
            indents.append(width)
            if len(indents) > MAX_BLOCKS + 1:
                self.report.limit(self._span(start, start + 1), f"suites are nested more than {MAX_BLOCKS} deep",
                                  "move the inner part into a flow of its own")  # fmt: skip
                raise _StopError
            self._add("INDENT", "", start)
        else:
            while width < indents[-1] and width <= indents[-2]:
                indents.pop()
                self._add("DEDENT", "", start)
            if width != indents[-1]:
                self.report("syntax-indentation", self._span(start - width if width <= start else start, start),
                            "this line's indentation matches no line above it",
                            expected=f"{indents[-2]} or {indents[-1]} spaces", found=f"{width} spaces",
                            help=f"indent it by {indents[-1]} spaces to stay in the block")  # fmt: skip
        self.indent = width

    def _finish(self) -> None:
        """Closes what is open at the end of the text."""
        if self.brackets:
            self._report_unclosed()
        end = len(self.text)
        if self.tokens and self.tokens[-1].type not in ("NEWLINE", "DEDENT", "INDENT"):
            self._add("NEWLINE", "", end)
        for _ in self.indents[1:]:
            self._add("DEDENT", "", end)

    # ---- brackets ------------------------------------------------------------------------------

    def _open(self, kind: Bracket, token: Token, quote: str = "", raw: bool = False) -> None:
        self.brackets.append(_Open(kind, token, self.indent, quote, raw))
        if len(self.brackets) > MAX_BRACKETS:
            self.report.limit(self.report.span(token, token), f"brackets are nested more than {MAX_BRACKETS} deep",
                              "give the inner part a name on a line of its own")  # fmt: skip
            raise _StopError

    def _operator(self, value: str, pos: int) -> int:
        """An operator that may open or close something, is none of the language, or stands in the hole of an f-string."""
        start = pos - len(value)
        top = self.brackets[-1] if self.brackets else None
        if value in OPENING:
            self._open(value, self._add(OPERATORS[value], value, start))  # type: ignore[arg-type]
            return pos
        if top is not None and top.kind == "hole":
            if value == "}":
                self._add("FCLOSE", value, start)
                self.brackets.pop()
                return self._fstring_text(pos)
            if value in (":", ":="):
                token = self._add("FCOLON", ":", start)
                self._open("spec", token, top.quote, top.raw)
                return self._fstring_text(start + 1)
            if value == "=" and _END_OF_HOLE.match(self.text, pos):
                self._add("FEQ", value, start)
                return pos
            if value == "!" and (found := _CONVERSION.match(self.text, start)):
                self._add("FCONV", found[0], start)
                return found.end()
        if value in CLOSING:
            self._close(value, start)
            return pos
        if value == ";":
            self.report("syntax-semicolon", self._span(start, pos), "`;` does not end a statement",
                        help="leave it out: one statement a line")  # fmt: skip
            if not self.brackets:
                self._end_statement(start)
            return pos
        if value in _MEANT:
            terminal, meant = _MEANT[value]
            self.report("syntax-operator", self._span(start, pos), f"`{value}` is no operator", help=f"write `{meant}`")
            self._add(terminal, meant, start)
            self.tokens[-1].end_column = start - self.line_start + 1 + len(value)
            return pos
        if value == "=>":
            self.report("syntax-operator", self._span(start, pos), "`=>` is no operator",
                        help="write `>=` to compare, `:` before a suite, `->` before a result type")  # fmt: skip
            self._add("BAD", value, start)
            return pos
        self._add(OPERATORS[value], value, start)
        return pos

    def _close(self, value: str, start: int) -> None:
        wanted = CLOSING[value]
        brackets = self.brackets
        if brackets and brackets[-1].kind == wanted:
            brackets.pop()
            self._add(OPERATORS[value], value, start)
            return
        here = self._span(start, start + 1)
        if not brackets:
            self.report("syntax-bracket", here, f"`{value}` closes nothing", help=f"remove it, or open a `{wanted}` before it")
            return
        opened = brackets[-1]
        self.report("syntax-bracket", here, f"`{value}` does not close `{opened.token.value}`",
                    labels=(Label(self.report.span(opened.token, opened.token), "opened here"),),
                    expected=f"`{OPENING.get(opened.token.value, '}')}`", found=f"`{value}`",
                    help=f"close `{opened.token.value}` first")  # fmt: skip
        self._add("BAD", value, start)
        deeper = next((i for i in range(len(brackets) - 1, -1, -1) if brackets[i].kind in (wanted, "hole")), None)
        if deeper is not None and brackets[deeper].kind == wanted:
            del brackets[deeper:]
        elif deeper is not None and value == "}":
            del brackets[deeper + 1 :]
            self._add("FCLOSE", value, start)
            brackets.pop()

    def _check_unclosed(self, pos: int) -> None:
        """At a new line inside brackets: does a statement begin here? Then a bracket above was never closed."""
        found = _NEXT_WORD.match(self.text, pos)
        if found is None or not found[2]:
            return
        word, end = found[2], found.end()
        indent = len(found[1].expandtabs(4))
        statement = word in _STARTS_STATEMENT
        if not indent and not statement:
            statement = (word in DECLARING and _THEN_NAME.match(self.text, end) is not None) or (
                word == "test" and _THEN_STRING.match(self.text, end) is not None
            )
        if not statement and indent <= self.brackets[0].indent and self.tokens[-1].type in OPERAND_END:
            statement = word not in _CONTINUES
        if statement:
            self._report_unclosed()
            self.brackets.clear()
            self._add("BAD", "", pos)

    def _report_unclosed(self) -> None:
        opened = self.brackets[-1]
        if opened.kind in ("fstring", "spec"):
            opened = next(b for b in reversed(self.brackets) if b.kind != "spec")
        token = opened.token
        if opened.kind == "fstring":
            self.report("syntax-string", self.report.span(token, token), "this f-string is never closed",
                        help=f"end it with {opened.quote}")  # fmt: skip
        else:
            closer = OPENING.get(token.value, "}")
            self.report("syntax-bracket", self.report.span(token, token), f"this `{token.value}` is never closed",
                        help=f"add the `{closer}` that belongs to it")  # fmt: skip
        self._add("BAD", "", len(self.text) if self.line_start > len(self.text) else max(self.line_start, token.pos))

    # ---- words ---------------------------------------------------------------------------------

    def _at_start(self) -> bool:
        return not self.brackets and (not self.tokens or self.tokens[-1].type in ("NEWLINE", "INDENT", "DEDENT"))

    def _soft(self, word: str, pos: int) -> str:
        """The terminal of a soft word that ends at ``pos``: its own where nothing else could be meant, else ``NAME``."""
        text = self.text
        if word == "detach":
            return "DETACH" if _THEN_NAME.match(text, pos) else "NAME"
        if word in ("undo", "raises"):
            behind = self.tokens and self.tokens[-1].type in OPERAND_END
            return word.upper() if behind else "NAME"
        if not self._at_start():
            return "NAME"
        if word in DECLARING:
            return word.upper() if _THEN_NAME.match(text, pos) else "NAME"
        if word == "test":
            return "TEST" if _THEN_STRING.match(text, pos) else "NAME"
        if word in ("match", "case"):
            return word.upper()
        return word.upper() if _THEN_SUITE.match(text, pos) else "NAME"  # parallel, transaction

    def _identifier(self, name: str, end: int) -> str:
        """A name with letters beyond ASCII, in the normal form that Python compares names in (of the same length, or refused)."""
        normal = unicodedata.normalize("NFKC", name)
        if len(normal) == len(name) and normal.isidentifier():
            return normal
        start = end - len(name)
        self.report("syntax-character", self._span(start, end), f"`{name}` is not a name", help="use letters, digits and `_`")
        return name

    def _habit(self, word: str, terminal: str, pos: int) -> tuple[str, int]:
        """Words of Python that a flow does without. Returns the terminal to use (empty: leave it out) and where to go on."""
        start = pos - len(word)
        span = self._span(start, pos)
        if word == "else":
            if self._at_start() and (found := _THEN_IF.match(self.text, pos)):
                self.report("syntax-else-if", self._span(start, found.end()), "`else if` is one word here", help="write `elif`")
                self._add("ELIF", "elif", start)
                return "", found.end()
            return terminal, pos
        if word in ("await", "async"):
            if word == "async" or not self.tokens or self.tokens[-1].type not in OPERAND_END:
                reason = "a flow waits by itself" if word == "await" else "a flow needs no colour"
                self.report("syntax-await", span, f"{reason}: there is no `{word}`", help=f"leave `{word}` out")
                return "", pos
            return terminal, pos
        if word == "def" and self._at_start() and _THEN_NAME.match(self.text, pos):
            if self.indent:
                return terminal, pos
            self.report("syntax-def", span, "a flow is declared with `flow`, not with `def`",
                        help="write `flow` here, or put a Python function into a .py file and import it")  # fmt: skip
            return "FLOW", pos
        return terminal, pos

    # ---- strings -------------------------------------------------------------------------------

    def _string(self, value: str, pos: int) -> int:
        start = pos - len(value)
        column = start - self.line_start + 1
        line = self.line
        if "\n" in value:  # a backslash at the end of the line
            self.line += value.count("\n")
            self.line_start = start + value.rindex("\n") + 1
        end_column = pos - self.line_start + 1
        self.tokens.append(Token("STRING", value, start, line, column, self.line, end_column))
        return pos

    def _triple(self, opening: str, start: int, pos: int) -> int:
        quote = opening[-3:]
        found = _TRIPLE_END[quote].match(self.text, pos)
        assert found is not None
        end = found.end()
        if not self.text.startswith(quote, end):
            self.report("syntax-string", self._span(start, pos), "this string is never closed", help=f"end it with {quote}")
            raise _StopError
        return self._string(self.text[start : end + 3], end + 3)

    def _unclosed_string(self, start: int) -> int:
        """Reports it, drops the rest of the line, and with it the brackets that the line opened."""
        end = self.text.index("\n", start)
        quote = '"' if '"' in self.text[start : start + 3] else "'"
        self.report("syntax-string", self._span(start, end), "this string is not closed on its line",
                    help=f"end it with {quote}, or use {quote * 3} for a string of several lines")  # fmt: skip
        return self._drop_line(start, end)

    def _drop_line(self, start: int, end: int) -> int:
        while self.brackets and self.brackets[-1].token.line == self.line:
            self.brackets.pop()
        self._add("BAD", "", start)
        return end

    def _fstring(self, opening: str, start: int, pos: int) -> int:
        quote = opening.lstrip("fFrR")
        if self.brackets and self.brackets[-1].kind == "hole" and self.brackets[-1].quote == quote and (
            self.tokens[-1].type in OPERAND_END
        ):  # fmt: skip
            return self._unclosed_string(start)
        token = self._add("FSTART", opening, start)
        self._open("fstring", token, quote, "r" in opening.lower())
        return self._fstring_text(pos)

    def _fstring_text(self, pos: int) -> int:
        """Reads the text of an f-string, or of a format spec, up to the next hole or its end."""
        text = self.text
        while True:
            top = self.brackets[-1]
            quote = top.quote
            pattern = _FSTRING_TEXT if top.kind == "fstring" else _SPEC_TEXT
            found = pattern[quote].match(text, pos)
            assert found is not None
            if found[0]:
                self._multiline("FTEXT", found[0], pos)
            pos = found.end()
            if pos >= len(text) or (text[pos] == "\n" and len(quote) == 1):
                return self._unclosed_fstring(pos)
            if text[pos] == "{":
                token = self._add("FOPEN", "{", pos)
                self._open("hole", token, quote, top.raw)
                return pos + 1
            if text[pos] == "}" and top.kind == "spec":
                self.brackets.pop()  # the spec, and with it its hole
                self.brackets.pop()
                self._add("FCLOSE", "}", pos)
                pos += 1
                continue
            if text[pos] == "}":
                self.report("syntax-fstring", self._span(pos, pos + 1), "a single `}` in an f-string", help="write `}}`")
                pos += 1
                continue
            if top.kind == "spec" and not text.startswith(quote, pos):
                self._add("FTEXT", text[pos], pos)  # a lone quote in the spec of a triple-quoted f-string
                pos += 1
                continue
            if top.kind == "spec":
                return self._unclosed_fstring(pos)
            self._add("FEND", quote, pos)
            self.brackets.pop()
            return pos + len(quote)

    def _multiline(self, terminal: str, value: str, start: int) -> None:
        column = start - self.line_start + 1
        line = self.line
        if "\n" in value:
            self.line += value.count("\n")
            self.line_start = start + value.rindex("\n") + 1
        self.tokens.append(
            Token(terminal, value, start, line, column, self.line, start + len(value) - self.line_start + 1)
        )

    def _unclosed_fstring(self, pos: int) -> int:
        if pos >= len(self.text):
            self._report_unclosed()
            raise _StopError
        frame = self.brackets[-1]
        if frame.kind == "spec":
            hole = self.brackets[-2].token
            self.report("syntax-fstring", self.report.span(hole, hole), "this `{` of an f-string is never closed",
                        help="add the `}` that belongs to it")  # fmt: skip
        else:
            token = frame.token
            self.report("syntax-string", self.report.span(token, token), "this f-string is not closed on its line",
                        help=f"end it with {frame.quote}, or use {frame.quote * 3} for several lines")  # fmt: skip
        end = self.text.index("\n", pos)
        while self.brackets and self.brackets[-1].kind in ("spec", "hole", "fstring"):
            self.brackets.pop()
        return self._drop_line(pos, end)

    # ---- other characters ----------------------------------------------------------------------

    def _other(self, value: str, start: int) -> int:
        if value in "“”‘’":
            self.report("syntax-quotes", self._span(start, start + 1), f"`{value}` is a typographic quote",
                        help="write the plain quotes \" or '")  # fmt: skip
            found = _SMART_STRING.match(self.text, start)
            if found is None:
                return self._drop_line(start, self.text.index("\n", start))
            inner = found[1] if found[1] is not None else found[2]
            self._add("STRING", f'"{inner}"', start)
            return found.end()
        name = unicodedata.name(value, f"U+{ord(value):04X}").lower()
        shown = f"`{value}` ({name})" if value.isprintable() and not value.isspace() else name
        if "\ud800" <= value <= "\udfff":
            shown = "a lone surrogate"
        self.report("syntax-character", self._span(start, start + 1), f"{shown} has no meaning here", help="remove it")
        return start + 1


_HABIT_WORDS = frozenset({"await", "async", "def", "else"})


def tokenize(text: str, report: Reporter) -> Lexed:
    """Splits ``text`` (lines ending in ``\\n``) into tokens and comments.

    Never raises for bad text; it may raise :class:`.report.TooManyErrors`, which the parser catches.
    """
    return Lexer(text, report).run()
