"""One statement on the page: on one line where it fits, else opened at its brackets.

What is decided here depends on the tokens alone, never on how the author broke the lines, but for two marks: a
comma behind the last
item of a bracket keeps it open, and so does a comment in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from .spacing import quoted, spaces
from .tokens import OPERAND_END, Token

WIDTH = 100
STEP = "    "

_CLOSER = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}


@define
class Word:
    """A token as it will be written; ``own``: a comment with a line of its own."""

    token: Token
    text: str
    space: bool
    own: bool = False


@define
class Group:
    """A bracket and what is in it. ``virtual``: an import or option list that has brackets only where it is opened."""

    opener: Word
    inner: list[Word | Group]
    closer: Word
    called: bool
    virtual: bool = False
    forced: bool = field(default=False)


Part = Word | Group


def layout(tokens: Sequence[Token], comments: Sequence[Token], indent: int) -> list[str]:
    """The lines of one statement, without the comment behind it.

    ``tokens``: in one, f-strings are one token (``STRING``); ``comments``: those inside the statement.
    """
    parts = _parts(tokens, comments)
    return _Page().write(parts, indent)


# ---- tokens to parts -----------------------------------------------------------------------------


def _parts(tokens: Sequence[Token], comments: Sequence[Token]) -> list[Part]:
    words: list[Word] = []
    waiting = list(comments)
    before: Token | None = None
    for token, space in zip(tokens, spaces(tokens), strict=True):
        while waiting and waiting[0].pos < token.pos:
            words.append(_comment(waiting.pop(0), before))
        words.append(Word(token, quoted(token.value) if token.type == "STRING" else token.value, space))
        before = token
    words.extend(_comment(comment, before) for comment in waiting)
    root: list[Part] = []
    stack: list[tuple[Word, bool, list[Part]]] = []
    here = root
    previous: Token | None = None
    for word in words:
        kind = word.token.type
        if kind in _CLOSER:
            called = previous is not None and (previous.type in OPERAND_END or previous.type in ("WITH", "IMPORT"))
            stack.append((word, called, here))
            here = []
        elif stack and kind == _CLOSER[stack[-1][0].token.type]:
            opener, called, outer = stack.pop()
            outer.append(_group(opener, here, word, called))
            here = outer
        else:
            here.append(word)
        if kind != "COMMENT":
            previous = word.token
    return _virtual(root)


def _comment(comment: Token, before: Token | None) -> Word:
    return Word(comment, comment.value.rstrip(), True, own=before is None or before.end_line < comment.line)


def _group(opener: Word, inner: list[Part], closer: Word, called: bool) -> Group:
    inner = _virtual(inner)
    group = Group(opener, inner, closer, called)
    last = next((part for part in reversed(inner) if not _is(part, "COMMENT")), None)
    commas = sum(_is(part, "COMMA") for part in inner)
    needed = commas == 1 and ((opener.token.type == "LPAR" and not called) or (opener.token.type == "LSQB" and called))
    group.forced = (last is not None and _is(last, "COMMA") and not needed) or any(
        part.forced if isinstance(part, Group) else _is(part, "COMMENT") for part in inner
    )
    return group


def _virtual(root: list[Part]) -> list[Part]:
    """Puts brackets that may be written around the lists of imports and of options."""
    result: list[Part] = []
    index = 0
    while index < len(root):
        part = root[index]
        result.append(part)
        index += 1
        following = next((p for p in root[index:] if not _is(p, "COMMENT")), None)
        if not (_is(part, "WITH") or _is(part, "IMPORT")) or following is None or isinstance(following, Group):
            continue
        end = index
        while end < len(root) and not any(_is(root[end], kind) for kind in ("COLON", "UNDO", "WITH")):
            end += 1
        first = _first(root[index])
        opener = Word(Token("LPAR", "(", first.token.pos, 0, 0, 0, 0), "(", True)
        closer = Word(Token("RPAR", ")", first.token.pos, 0, 0, 0, 0), ")", False)
        inner = root[index:end]
        forced = any(p.forced if isinstance(p, Group) else _is(p, "COMMENT") for p in inner)
        result.append(Group(opener, inner, closer, True, virtual=True, forced=forced))
        index = end
    return result


def _is(part: Part, kind: str) -> bool:
    return isinstance(part, Word) and part.token.type == kind


def _first(part: Part) -> Word:
    return part if isinstance(part, Word) else part.opener


# ---- parts to lines ------------------------------------------------------------------------------


def flat(parts: Sequence[Part]) -> str:
    """The parts on one line."""
    out: list[str] = []
    _flatten(parts, out)
    return "".join(out)


def _flatten(parts: Sequence[Part], out: list[str]) -> None:
    for part in parts:
        if isinstance(part, Word):
            if part.space and out:
                out.append(" ")
            out.append(part.text)
        else:
            if not part.virtual:
                if part.opener.space and out:
                    out.append(" ")
                out.append(part.opener.text)
            inner: list[str] = []
            _flatten(_items_only(part), inner)
            if part.virtual and out and inner:
                out.append(" ")
            out.extend(inner)
            if not part.virtual:
                out.append(part.closer.text)


def _items_only(group: Group) -> list[Part]:
    return group.inner


class _Page:
    """The lines written so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line = ""

    def write(self, parts: list[Part], indent: int) -> list[str]:
        self.line = STEP * indent
        self._statement(parts, indent)
        self.lines.append(self.line)
        return self.lines

    def _newline(self, indent: int) -> None:
        self.lines.append(self.line)
        self.line = STEP * indent

    @property
    def _empty(self) -> bool:
        return not self.line.strip()

    def _word(self, word: Word, indent: int) -> None:
        if word.token.type == "COMMENT":
            if word.own and not self._empty:
                self._newline(indent)
            self.line += word.text if self._empty else f"  {word.text}"
            self._newline(indent)
            return
        if word.space and not self._empty:
            self.line += " "
        head, *rest = word.text.split("\n")
        self.line += head
        for line in rest:  # a string of several lines
            self.lines.append(self.line)
            self.line = line

    def _statement(self, parts: list[Part], indent: int) -> None:
        """At the top level of a statement lines may end only before a pipe."""
        stages = _split(parts, ("PIPE",))
        broken = any(_is(part, "COMMENT") for part in parts)
        if len(stages) > 1 and (broken or not self._fits(flat(parts)) or any(_forced(s) for s in stages)):
            for index, stage in enumerate(stages):
                if index and not self._empty:
                    self._newline(indent + 1)
                elif index:
                    self._align(indent + 1)
                comments = [part for part in stage if isinstance(part, Word) and part.token.type == "COMMENT"]
                self._parts([part for part in stage if part not in comments], indent + 1 if index else indent)
                for comment in comments:
                    self._word(comment, indent + 1)
            return
        self._parts(parts, indent)

    def _fits(self, text: str) -> bool:
        first, *rest = text.split("\n")
        return len(self.line) + len(first) <= WIDTH and (not rest or len(rest[-1]) <= WIDTH)

    def _parts(self, parts: list[Part], indent: int) -> None:
        opened = self._choose(parts)
        for part in parts:
            if isinstance(part, Word):
                self._word(part, indent)
            elif id(part) in opened:
                self._open(part, indent)
            else:
                text = flat([part])
                space = _first(part).space if not part.virtual else True
                self._word(Word(part.opener.token, text, space and bool(text)), indent)

    def _choose(self, parts: list[Part]) -> set[int]:
        """The groups to open: those that must be; then the largest one that makes all lines fit; else the
        largest ones until they do.
        """
        opened = {id(part) for part in parts if isinstance(part, Group) and part.forced}
        if self._suffices(parts, opened):
            return opened
        groups = [p for p in parts if isinstance(p, Group) and p.inner and id(p) not in opened]
        groups.sort(key=lambda group: -len(flat(group.inner)))
        for group in groups:
            if self._suffices(parts, opened | {id(group)}):
                return opened | {id(group)}
        for group in groups:
            opened.add(id(group))
            if self._suffices(parts, opened):
                break
        return opened

    def _suffices(self, parts: list[Part], opened: set[int]) -> bool:
        room = WIDTH - len(self.line)
        segment: list[Part] = []
        for part in parts:
            if isinstance(part, Group) and id(part) in opened:
                segment.append(part.opener)
                if _length(flat(segment)) > room:
                    return False
                segment = [part.closer]
                room = WIDTH - (len(self.line) - len(self.line.lstrip()))
            elif not _is(part, "COMMENT"):
                segment.append(part)
        return _length(flat(segment)) <= room

    def _open(self, group: Group, indent: int) -> None:
        """The bracket, each item on a line of its own, the closing bracket."""
        self._word(group.opener, indent)
        inner = list(group.inner)
        if inner and _is(inner[0], "COMMENT") and not inner[0].own:  # type: ignore[union-attr]
            self.line += f"  {_first(inner.pop(0)).text}"
        items = _split_behind(inner)
        comma = _takes_comma(group)
        for item in items:
            self._newline(indent + 1) if not self._empty else self._align(indent + 1)
            self._item(item, indent + 1, comma)
        if self._empty:
            self._align(indent)
        else:
            self._newline(indent)
        self._word(Word(group.closer.token, group.closer.text, False), indent)

    def _align(self, indent: int) -> None:
        self.line = STEP * indent

    def _item(self, item: list[Part], indent: int, comma: bool) -> None:
        leading: list[Word] = []
        while item and isinstance(item[0], Word) and item[0].token.type == "COMMENT":
            leading.append(item.pop(0))  # type: ignore[arg-type]
        for word in leading:
            self._word(Word(word.token, word.text, False, own=True), indent)
        trailing: list[Word] = []
        while item and isinstance(item[-1], Word) and item[-1].token.type in ("COMMENT", "COMMA"):
            last = item.pop()
            if isinstance(last, Word) and last.token.type == "COMMENT":
                trailing.insert(0, last)
        if item:
            self._delimited(item, indent)
            if comma:
                self.line += ","
        for word in trailing:
            self._word(word, indent)

    def _delimited(self, parts: list[Part], indent: int) -> None:
        """Inside brackets a line may end anywhere: before the loosest operators, where it is too long."""
        if not any(_is(part, "COMMENT") for part in parts) and not self._fits(flat(parts) + ","):
            for kinds in _DELIMITERS:
                pieces = _split(parts, kinds)
                if len(pieces) > 1:
                    for index, piece in enumerate(pieces):
                        if index:
                            self._newline(indent)
                        self._delimited(piece, indent)
                    return
        self._parts(parts, indent)


_DELIMITERS: tuple[tuple[str, ...], ...] = (
    ("PIPE",), ("WITH", "UNDO"), ("FOR",), ("IF", "ELSE"), ("or",), ("and",), ("VBAR",), ("SIGN",),
)  # fmt: skip


def _length(text: str) -> int:
    return max(len(line) for line in (text.split("\n", maxsplit=1)[0], text.rsplit("\n", maxsplit=1)[-1]))


def _forced(parts: Sequence[Part]) -> bool:
    return any(isinstance(part, Group) and part.forced for part in parts)


def _split(parts: Sequence[Part], kinds: tuple[str, ...]) -> list[list[Part]]:
    """The parts, cut before each operator of these kinds."""
    pieces: list[list[Part]] = [[]]
    before: Part | None = None
    for part in parts:
        if isinstance(part, Word) and pieces[-1] and (part.token.type in kinds or part.token.value in kinds):
            binary = (
                part.token.type != "SIGN"
                or before is None
                or isinstance(before, Group)
                or before.token.type in OPERAND_END
            )
            if binary and not _is(part, "STRING"):
                pieces.append([])
        pieces[-1].append(part)
        before = part
    return pieces


def _split_behind(parts: Sequence[Part]) -> list[list[Part]]:
    """The items between commas, each with its comma and the comment behind it."""
    items: list[list[Part]] = [[]]
    closed = False
    for part in parts:
        behind = isinstance(part, Word) and part.token.type == "COMMENT" and not part.own
        if closed and not behind:
            items.append([])
            closed = False
        items[-1].append(part)
        closed = closed or _is(part, "COMMA")
    return [item for item in items if item]


def _takes_comma(group: Group) -> bool:
    """Whether a comma behind the last item changes nothing."""
    if any(_is(part, "COMMA") for part in group.inner):
        return True
    if any(_is(part, "FOR") for part in group.inner):
        return False
    kind = group.opener.token.type
    return (kind == "LPAR") == group.called
