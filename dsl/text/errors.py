"""What to say where the parser stops. The words for known mistakes are in :mod:`.mistakes`; here they are looked up."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from .catch import advice, caught
from .lexer import tokenize
from .mistakes import MISTAKES, SCOPES, WORDS, Mistake
from .report import Reporter
from .tables import tables
from .tokens import HARD, OPERAND_END, OPERATORS, Token

if TYPE_CHECKING:
    from .parser import Automaton

_OPERAND_START = frozenset("NAME NUMBER STRING FSTART LPAR LSQB LBRACE NONE TRUE FALSE ELLIPSIS".split())

_KEYWORDS = frozenset(HARD.values()) - {"OP", "NONE", "TRUE", "FALSE"}
_DECLARING = frozenset({"IMPORT", "FROM", "SECRET", "ENV", "CONST", "TYPE", "FLOW", "TEST", "DEFAULTS"})
_CLAUSES = frozenset({"ELSE", "ELIF", "EXCEPT", "FINALLY", "CASE"})
_NAMED = frozenset({"DOT", "FLOW", "TYPE", "SECRET", "ENV", "CONST", "AS"})
"""Tokens that a name follows, and nothing else."""

_TEXT = {kind: text for text, kind in OPERATORS.items() if kind not in ("OP", "AUG", "SIGN")} | {
    kind: word for word, kind in HARD.items() if kind != "OP"
}
_SPOKEN = {
    "NEWLINE": "the end of the line", "$END": "the end of the file", "INDENT": "an indented line",
    "DEDENT": "the end of the block",
    "NAME": "a name", "NUMBER": "a number", "STRING": "a string", "FCLOSE": "`}`", "FEND": "the end of the f-string",
}  # fmt: skip


def explain(report: Reporter, automaton: Automaton, tokens: list[Token], first: int, index: int) -> None:
    """Reports the token at ``index``, on which the automaton stopped; its line begins at ``first``."""
    token = tokens[index]
    span = report.span(token, token)
    word = _as_name(tokens, first, index)
    if word is not None:
        message = f"`{word.value}` is a hard word, it cannot be a name"
        report("syntax-word", report.span(word, word), message, help=f"write `{word.value}_`")
        return
    if token.type in WORDS:
        id, message, help = WORDS[token.type]
        report(id, span, message, help=help)
        return
    if tokens[first].type == "WITH" and index == first + 2 and token.type == "LPAR":
        scope = tokens[first + 1]
        if scope.value in SCOPES:
            message = f"`with {scope.value}(...)` is how Python writes this block"
            report("syntax-with", report.span(tokens[first], scope), message, help=SCOPES[scope.value])
            return
    if index == first and token.value == "test" and tokens[index + 1].type in ("NAME", "COLON"):
        if automaton.context() == "declaration":
            _untitled(report, tokens, first)
            return
    if clause := caught(tokens, first):
        message, help = advice(clause)
        report("syntax-except", report.span(tokens[first], tokens[first]), message, help=help)
        return
    if index == first and (misplaced := _misplaced(automaton, token)):
        report("syntax-place", span, *misplaced)
        return
    before = tokens[index - 1] if index > first else None
    known = _known()
    state, below = automaton.states[-1], automaton.states[-2:-1]
    mistake = known.get((*below, state, token.type))
    if mistake is None and before is not None and before.type in OPERAND_END and token.type in _OPERAND_START:
        _side_by_side(report, automaton, before, token, first == index - 1)
        return
    mistake = mistake or known.get((state, token.type)) or known.get((*below, state)) or known.get((state,))
    if mistake is not None:
        if token.type in ("NEWLINE", "DEDENT", "$END") and before is not None:
            span = report.span(before, before)
        report(
            mistake.id,
            span,
            mistake.message.replace("{found}", token.value),
            help=mistake.help,
            expected=mistake.expected,
            found=spoken(token) if mistake.expected else "",
        )
        return
    expected = _expected(automaton)
    report(
        "syntax-error",
        span,
        f"{spoken(token)} does not fit here",
        expected=expected,
        found=spoken(token),
        help=f"write {expected} here" if expected else "remove it",
    )


def _misplaced(automaton: Automaton, token: Token) -> tuple[str, str] | None:
    """A statement among declarations, or a declaration among statements: message and help."""
    context = automaton.context()
    if context == "declaration" and token.type not in _CLAUSES and token.value != "@":
        return (
            "only declarations stand at the top level of a file",
            "put it into a flow; a fixed value is `const NAME = ...`",
        )
    if context == "statement" and token.type in _DECLARING:
        return (
            "a declaration stands at the top level of the file, not in a flow",
            "move it to the left margin, before or after the flow",
        )
    return None


def _untitled(report: Reporter, tokens: list[Token], first: int) -> None:
    """A line that begins with `test`, and goes on with no text in quotes."""
    title = []
    for token in tokens[first + 1 :]:
        if token.type in ("COLON", "NEWLINE"):
            break
        title.append(token.value)
    words = (
        " ".join(title)
        if title and all(word.isidentifier() for word in title)
        else "a declined card gives back the stock"
    )
    message = "the title of a test stands in quotes"
    report("syntax-test", report.span(tokens[first], tokens[first]), message, help=f'write `test "{words}":`')


def _as_name(tokens: list[Token], first: int, index: int) -> Token | None:
    """The hard word that is used as a name here, if one is."""
    token = tokens[index]
    before = tokens[index - 1] if index > first else None
    behind = tokens[index + 1].type if index + 1 < len(tokens) else ""
    if token.type == "EQUAL" and before is not None and before.type in _KEYWORDS:
        return before
    if token.type in _KEYWORDS and (
        behind == "EQUAL"
        or (behind == "COLON" and before is not None and before.type in ("LPAR", "COMMA"))
        or (before is not None and before.type in _NAMED)
    ):
        return token
    return None


def _side_by_side(report: Reporter, automaton: Automaton, before: Token, token: Token, begins: bool) -> None:
    span = report.span(token, token)
    if begins and before.value in ("print", "exec"):
        report(
            "syntax-python",
            report.span(before, token),
            "a call has brackets",
            help="to write to the log: `import log`, then `log.info(...)`",
        )
    elif begins and before.type == "NAME" and token.type == "NAME":
        report(
            "syntax-error",
            report.span(before, before),
            f"`{before.value} {token.value}` is no statement",
            help=f"a call is `{before.value}({token.value})`, an assignment `{before.value} = {token.value}`",
        )
    elif automaton.accepts("COMMA") and token.line > before.line:
        report("syntax-comma", report.span(before, before), "a comma is missing after this", help="add `,`")
    elif automaton.accepts("COMMA"):
        report(
            "syntax-comma",
            span,
            f"{spoken(token)} follows {spoken(before)} without anything between them",
            expected="a comma or an operator",
            found=spoken(token),
            help="add `,` or an operator between them",
        )
    else:
        report(
            "syntax-error",
            span,
            f"{spoken(token)} follows {spoken(before)} without an operator between them",
            expected="an operator or the end of the line",
            found=spoken(token),
            help="one statement a line; a call has brackets",
        )


def spoken(token: Token) -> str:
    """The token in a sentence."""
    if token.type in ("NAME", "NUMBER") or token.type not in _SPOKEN:
        text = token.value if len(token.value) <= 40 else token.value[:37] + "..."
        return f"`{text}`" if text else token.type.lower()
    return _SPOKEN[token.type]


def _expected(automaton: Automaton) -> str:
    """A few words for what would fit, where that is few."""
    kinds = automaton.expected() - {"BAD", "BADCLAUSE", "INDENT", "$END"}
    if "NUMBER" in kinds and "NAME" in kinds:
        return "an expression"
    words = sorted(_SPOKEN.get(kind) or f"`{_TEXT.get(kind, kind.lower())}`" for kind in kinds)
    return " or ".join(words) if 0 < len(words) <= 3 else ""


# ---- the table of mistakes, by where the parser stops --------------------------------------------


@cache
def _known() -> dict[tuple[int | str, ...], Mistake]:
    """Mistakes by where the parser stops: the state below, the state, the token. Rougher keys lack the first
    or the last.
    """
    known: dict[tuple[int | str, ...], Mistake] = {}
    for mistake in MISTAKES:
        for example in mistake.examples:
            place = stop(program(example))
            if not place:  # well formed by now; a test says so
                continue
            *below, state, kind = place
            known.setdefault((*below, state, kind), mistake)
            known.setdefault((state, kind), mistake)
            if mistake.state_only:
                known.setdefault((*below, state), mistake)
                known.setdefault((state,), mistake)
    return known


def program(example: str) -> str:
    """The text of an example: whole where it begins with ``@`` or a declaration, else the body of a flow."""
    if example.startswith("@"):
        return example[1:]
    if example.startswith(("flow g", "flow f", 'test "', "type T\n", "type T: ")) and example.endswith("\n"):
        return example
    return "flow f():\n" + "".join(f"    {line}\n" for line in example.split("\n"))


def stop(text: str) -> tuple[int | str, ...]:
    """Where the parser stops on a malformed text: the two topmost states, and the kind of the token that does not fit.

    Empty for a text that is well formed.
    """
    from .parser import Automaton

    tokens = [token for token in tokenize(text, Reporter("<example>")).tokens if token.type != "BAD"]
    automaton = Automaton(tables(), _Silent())
    index = automaton.feed(tokens, 0, len(tokens))
    automaton.settle()
    if index < len(tokens):
        return *automaton.states[-2:], tokens[index].type
    return () if automaton.finish() else (*automaton.states[-2:], "$END")


class _Silent:
    """Stands for the tree builder where only the way through the grammar matters."""

    def __getattr__(self, name: str) -> Any:
        return lambda values: None
