"""``cflow fmt``: the house style. Works on tokens and comments, so that nothing is lost; the tree never
changes (it is compared).
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field

from ...compiler.diagnostics import Collector, EngineBug, ProgramError
from .layout import STEP, layout
from .lexer import tokenize
from .parser import normal, parse
from .report import Reporter
from .tokens import Token

_ROUNDS = 5


def format_text(text: str, file: str = "<text>") -> str:
    """The text in the house style.

    Raises
    ------
    ProgramError: the text has syntax errors; nothing is formatted then.
    """
    before = _tree(text, file)
    result = text
    for _ in range(_ROUNDS):
        once = _once(result)
        if once == result:
            break
        result = once
    after = _tree(result, file)
    if before != after:
        msg = f"formatting would have changed the program {file}"
        raise EngineBug(msg)
    return result


def _tree(text: str, file: str) -> object:
    collector = Collector()
    module = parse(text, file, collector)
    if collector.failed:
        raise ProgramError(collector.items)
    return module


@define
class _Line:
    """A statement, or a comment with a line of its own (``tokens`` empty)."""

    depth: int
    first: int
    last: int
    tokens: list[Token] = field(factory=list)
    comments: list[Token] = field(factory=list)
    behind: str = ""

    @property
    def is_comment(self) -> bool:
        return not self.tokens

    @property
    def is_block(self) -> bool:
        """A declaration with a suite."""
        return bool(self.tokens) and self.depth == 0 and self.tokens[-1].type == "COLON"


def _once(text: str) -> str:
    source = normal(text)
    lexed = tokenize(source, Reporter("<format>"))
    lines = list(_lines(source, lexed.tokens, lexed.comments))
    out: list[str] = []
    for index, line in enumerate(lines):
        if index and _blank(lines, index):
            out.append("")
        if line.is_comment:
            out.append(STEP * line.depth + line.behind)
            continue
        written = layout(line.tokens, line.comments, line.depth)
        if line.behind:
            written[-1] += f"  {line.behind}"
        out.extend(written)
    return "".join(f"{line}\n" for line in out)


# ---- tokens to lines -----------------------------------------------------------------------------


def _lines(text: str, tokens: list[Token], comments: list[Token]) -> Iterator[_Line]:
    """Statements and comments in order, each with its depth."""
    columns = [0]
    before = [0]  # the columns of the suites that were open above
    pending: list[Token] = []  # comments between two statements
    waiting = list(reversed(comments))
    current: list[Token] = []
    for token in _whole_strings(text, tokens):
        if token.type == "INDENT":
            columns.append(token.column - 1)
            before = list(columns)
            continue
        if token.type == "DEDENT":
            columns.pop()
            continue
        if not current:
            while waiting and waiting[-1].pos < token.pos:
                pending.append(waiting.pop())
            yield from _comments(pending, before, len(columns) - 1)
            pending.clear()
            before = list(columns)
        if token.type != "NEWLINE":
            current.append(token)
            continue
        inner: list[Token] = []
        while waiting and waiting[-1].pos < token.pos:
            inner.append(waiting.pop())
        behind = ""
        if inner and inner[-1].pos > current[-1].pos:
            behind = inner.pop().value.rstrip()
        yield _Line(len(columns) - 1, current[0].line, current[-1].end_line, current, inner, behind)
        current = []
    pending.extend(reversed(waiting))
    yield from _comments(pending, before, 0)


def _comments(comments: list[Token], columns: list[int], depth: int) -> Iterator[_Line]:
    """Comments between two statements: with the next one, or still with the suite above, by where they stand."""
    level = len(columns) - 1
    for comment in comments:
        if depth >= len(columns) - 1:
            level = depth
        else:
            while level > depth and columns[level] > comment.column - 1:
                level -= 1
        yield _Line(level, comment.line, comment.line, behind=comment.value.rstrip())


def _whole_strings(text: str, tokens: list[Token]) -> Iterator[Token]:
    """The tokens with each f-string as one, as it stands in the text."""
    depth = 0
    start: Token | None = None
    for token in tokens:
        if token.type == "FSTART":
            if depth == 0:
                start = token
            depth += 1
        elif token.type == "FEND":
            depth -= 1
            if depth == 0 and start is not None:
                value = text[start.pos : token.end]
                yield Token("FSTRING", value, start.pos, start.line, start.column, token.end_line, token.end_column)
        elif depth == 0:
            yield token


# ---- blank lines ---------------------------------------------------------------------------------


def _blank(lines: list[_Line], index: int) -> bool:
    """Is there an empty line before this one? One at most; one around each declaration with a suite; none
    where a suite begins.
    """
    line, above = lines[index], lines[index - 1]
    wanted = line.first - above.last > 1
    if line.depth > above.depth and not above.is_comment:
        return False
    if line.depth == 0:
        if above.depth > 0:
            return True
        if line.is_block and not above.is_comment:
            return True
        if line.is_comment and not above.is_comment and _heads_block(lines, index):
            return True
    return wanted


def _heads_block(lines: list[_Line], index: int) -> bool:
    """Whether the comments from here on stand right above a declaration with a suite."""
    while index + 1 < len(lines) and lines[index].is_comment:
        if lines[index + 1].first - lines[index].last > 1:
            return False
        index += 1
    return lines[index].is_block
