"""Text to tokens: indentation, brackets, strings, f-strings with nesting, and the words that are hard in some
places only.

A hand-written lexer in front of Lark's LALR parser, because an f-string nests programs in strings, an unclosed
bracket is to be
blamed where it opened, and the formatter needs every comment with its place. One pass, linear; it never raises for bad
text: it reports, repairs where the intention is plain, else leaves a ``BAD`` token so that the parser stays
silent about that line.
"""

from __future__ import annotations

import re
import unicodedata

from ...compiler.diagnostics import Label
from .lines import THEN_NAME, THEN_STRING, Lexed, StopLexing
from .report import Reporter
from .string_lexer import StringLexer
from .tokens import CLOSING, DECLARING, HARD, OPENING, OPERAND_END, OPERATORS, SOFT, Token

_TOKEN = re.compile(
    r"""[ \t\f]*(?:
      (?P<name>(?>[^\W\d]\w*)(?!["']))
    | (?P<op>\*\*=|//=|>>=|<<=|->|\|>|:=|==|!=|<=|>=|\+=|-=|\*=|/=|%=|@=|&=|\|=|\^=|\*\*|//|<<|>>|&&|\|\||\.\.\.|=>|<>
        |[-+*/%@&|^~<>()\[\]{},:=;!]|\.(?!\d))
    | (?P<number>0[xX]\w*|\.?\d(?:[eE][+-]|[\w.])*)
    | (?P<triple>(?:[rRuU]|[bB][rR]?|[rR][bB])?(?:\"\"\"|'''))
    | (?P<string>(?:[rRuU]|[bB][rR]?|[rR][bB])?(?:
        "[^"\\\n]*+(?:\\[\s\S][^"\\\n]*+)*+" | '[^'\\\n]*+(?:\\[\s\S][^'\\\n]*+)*+'))
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
_THEN_SUITE = re.compile(r"[ \t]*:[ \t]*(?:\#|\n)|[ \t]+with\b|[ \t]*(?:\#[^\n]*)?\n(?P<next>[ ]*)[^\s|]")
_THEN_OPTIONS = re.compile(r"[ \t]+with\b")
_THEN_UNDO = re.compile(r"[ \t]+undo\b(?!\()")
_THEN_IF = re.compile(r"[ \t]+if\b")
_CONVERSION = re.compile(r"!(?=[^=])\w*")
_END_OF_HOLE = re.compile(r"[ \t]*[!:}]")
_SMART_STRING = re.compile(r"[“”]([^“”\"\\\n]*)[“”\"]|[‘’]([^‘’'\"\\\n]*)[‘’']")

_MEANT = {
    "&&": ("OP", "and"),
    "||": ("OP", "or"),
    "!": ("NOT", "not"),
    "<>": ("OP", "!="),
}


class Lexer(StringLexer):
    """Tokenizes one text, whose lines end in ``\\n`` only. Use :func:`tokenize`."""

    # ---- the loop ------------------------------------------------------------------------------

    def run(self) -> Lexed:
        try:
            self._scan()
        except StopLexing:
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
                    self.report(
                        "syntax-fstring",
                        self._span(start, pos),
                        "a comment in the braces of an f-string",
                        help="move it above the statement",
                    )
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

    # ---- operators -----------------------------------------------------------------------------

    def _operator(self, value: str, pos: int) -> int:
        """An operator that may open or close something, is none of the language, or stands in the hole of an
        f-string.
        """
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
            return self._close(value, start)
        if value == ";":
            self.report(
                "syntax-semicolon",
                self._span(start, pos),
                "`;` does not end a statement",
                help="leave it out: one statement a line",
            )
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
            self.report(
                "syntax-operator",
                self._span(start, pos),
                "`=>` is no operator",
                help="write `>=` to compare, `:` before a suite, `->` before a result type",
            )
            self._add("BAD", value, start)
            return pos
        self._add(OPERATORS[value], value, start)
        return pos

    def _close(self, value: str, start: int) -> int:
        """A closing bracket that is not the end of a hole. Returns where to go on."""
        wanted = CLOSING[value]
        brackets = self.brackets
        if brackets and brackets[-1].kind == wanted:
            brackets.pop()
            self._add(OPERATORS[value], value, start)
            return start + 1
        here = self._span(start, start + 1)
        if not brackets:
            self.report(
                "syntax-bracket", here, f"`{value}` closes nothing", help=f"remove it, or open a `{wanted}` before it"
            )
            return start + 1
        opened = brackets[-1]
        self.report(
            "syntax-bracket",
            here,
            f"`{value}` does not close `{opened.token.value}`",
            labels=(Label(self.report.span(opened.token, opened.token), "opened here"),),
            expected=f"`{OPENING.get(opened.token.value, '}')}`",
            found=f"`{value}`",
            help=f"close `{opened.token.value}` first",
        )
        self._add("BAD", value, start)
        deeper = next((i for i in range(len(brackets) - 1, -1, -1) if brackets[i].kind in (wanted, "hole")), None)
        if deeper is not None and brackets[deeper].kind == wanted:
            del brackets[deeper:]
        elif deeper is not None and value == "}":
            del brackets[deeper + 1 :]
            self._add("FCLOSE", value, start)
            brackets.pop()
            return self._fstring_text(start + 1)
        return start + 1

    # ---- words ---------------------------------------------------------------------------------

    def _at_start(self) -> bool:
        return not self.brackets and (not self.tokens or self.tokens[-1].type in ("NEWLINE", "INDENT", "DEDENT"))

    def _soft(self, word: str, pos: int) -> str:
        """The terminal of a soft word that ends at ``pos``: its own where nothing else could be meant, else
        ``NAME``.
        """
        text = self.text
        if word == "detach":
            return "DETACH" if THEN_NAME.match(text, pos) and not _THEN_UNDO.match(text, pos) else "NAME"
        if word in ("undo", "raises"):
            behind = self.tokens and self.tokens[-1].type in OPERAND_END
            return word.upper() if behind else "NAME"
        if not self._at_start():
            return "NAME"
        if word in DECLARING:
            return word.upper() if THEN_NAME.match(text, pos) else "NAME"
        if word == "test":
            return "TEST" if THEN_STRING.match(text, pos) else "NAME"
        if word in ("match", "case"):
            return word.upper()
        if word == "defaults":
            return "DEFAULTS" if _THEN_OPTIONS.match(text, pos) else "NAME"
        found = _THEN_SUITE.match(text, pos)  # parallel, transaction; without a colon only before an indented line
        if found and (found["next"] is None or len(found["next"]) > self.indent):
            return word.upper()
        return "NAME"

    def _identifier(self, name: str, end: int) -> str:
        """A name with letters beyond ASCII, in the normal form that Python compares names in (of the same
        length, or refused).
        """
        normal = unicodedata.normalize("NFKC", name)
        if len(normal) == len(name) and normal.isidentifier():
            return normal
        start = end - len(name)
        self.report(
            "syntax-character", self._span(start, end), f"`{name}` is not a name", help="use letters, digits and `_`"
        )
        return name

    def _habit(self, word: str, terminal: str, pos: int) -> tuple[str, int]:
        """Words of Python that a flow does without. Returns the terminal to use (empty: leave it out) and
        where to go on.
        """
        start = pos - len(word)
        span = self._span(start, pos)
        if word == "else":
            if self._at_start() and (found := _THEN_IF.match(self.text, pos)):
                self.report(
                    "syntax-else-if", self._span(start, found.end()), "`else if` is one word here", help="write `elif`"
                )
                self._add("ELIF", "elif", start)
                return "", found.end()
            return terminal, pos
        if word in ("await", "async"):
            if word == "async" or not self.tokens or self.tokens[-1].type not in OPERAND_END:
                reason = "a flow waits by itself" if word == "await" else "a flow is neither sync nor async"
                self.report("syntax-await", span, f"{reason}: there is no `{word}`", help=f"leave `{word}` out")
                return "", pos
            return terminal, pos
        if word == "def" and self._at_start() and THEN_NAME.match(self.text, pos):
            if self.indent:
                return terminal, pos
            self.report(
                "syntax-def",
                span,
                "a flow is declared with `flow`, not with `def`",
                help="write `flow` here, or put a Python function into a .py file and import it",
            )
            return "FLOW", pos
        return terminal, pos

    # ---- other characters ----------------------------------------------------------------------

    def _other(self, value: str, start: int) -> int:
        if value in "“”‘’":
            self.report(
                "syntax-quotes",
                self._span(start, start + 1),
                f"`{value}` is a typographic quote",
                help="write the plain quotes \" or '",
            )
            found = _SMART_STRING.match(self.text, start)
            if found is None:
                return self._drop_line(start, self.text.index("\n", start))
            inner = found[1] if found[1] is not None else found[2]
            self._add("STRING", f'"{inner}"', start)
            return found.end()
        name = unicodedata.name(value, f"U+{ord(value):04X}").lower()
        visible = value.isprintable() and not value.isspace()
        shown = f"`{value}` ({name})" if visible else name
        if "\ud800" <= value <= "\udfff":
            shown = "a lone surrogate"
        self.report(
            "syntax-character",
            self._span(start, start + 1),
            f"{shown} has no meaning here",
            help=_LOOKALIKES.get(value, "remove it"),
        )
        if visible:
            self._add("BAD", value, start)  # what was meant is not known: say nothing more of this line
        return start + 1


_LOOKALIKES = {
    found: f"write `{meant}`"
    for found, meant in zip("−–—×÷≤≥≠…，：；（）＝", "- - - * / <= >= != ... , : ; ( ) =".split(), strict=True)
}
"""What a character that only looks like an operator stands for."""

_HABIT_WORDS = frozenset({"await", "async", "def", "else"})


def tokenize(text: str, report: Reporter) -> Lexed:
    """Splits ``text`` (lines ending in ``\\n``) into tokens and comments.

    Never raises for bad text; it may raise :class:`.report.TooManyErrors`, which the parser catches.
    """
    return Lexer(text, report).run()
