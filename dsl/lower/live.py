"""Which names are live where: what a branch has to hand out, what a loop carries, what a handler may read.

Sets of names are bit masks, so that a flow of ten thousand statements costs no more than its length. Two steps: what
each body
reads before it assigns (``exposed``) and surely assigns (``killed``), from the inside out; then what is live after each
compound statement, from the end to the beginning. Knows the syntax tree alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import define, field, frozen

from .. import syntax as s
from .trees import Node, blocks, exprs, has_exit, names_read, pattern_exprs, pattern_names, statements, target_names

ALL = -1
"""Every name: what a body that never reaches its end has "assigned"."""


@frozen
class Around:
    """What is live where control may jump to. ``error``: in the handlers and ``finally`` around."""

    error: int = 0
    end: int = 0
    again: int = 0


@define
class Liveness:
    """The live names of one flow.

    Parameters
    ----------
    body: the flow's statements.
    params: the names bound before them.
    """

    body: tuple[s.Stmt, ...]
    params: tuple[str, ...] = ()
    numbers: dict[str, int] = field(factory=dict)
    names: list[str] = field(factory=list)
    _after: dict[int, int] = field(factory=dict)
    _tracked: dict[int, int] = field(factory=dict)
    _inside: dict[int, int] = field(factory=dict)
    _assigned: dict[int, int] = field(factory=dict)
    _sums: dict[int, tuple[int, int]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for name in self.params:
            self._number(name)
        for statement in statements(self.body):
            if not isinstance(statement, s.ExprStmt):
                for name in own_targets(statement):
                    self._number(name)
        self._assign_masks(self.body)
        self._visit(self.body, 0, Around())

    # ---- what lowering asks ----------------------------------------------------------------------

    def is_local(self, name: str) -> bool:
        """Is the name a parameter, or assigned anywhere in the flow?"""
        return name in self.numbers

    def assigned(self, *statements: s.Stmt) -> Iterator[str]:
        """The names that the statements may assign, in the order of their first appearance in the flow."""
        mask = 0
        for statement in statements:
            mask |= self._assigned[id(statement)]
        return self._named(mask)

    def live_after(self, statement: s.Stmt, name: str) -> bool:
        """May the value that ``name`` has after a compound statement still be read?"""
        number = self.numbers.get(name)
        return number is not None and bool(self._after.get(id(statement), ALL) >> number & 1)

    def read_inside(self, statement: s.Stmt, name: str) -> bool:
        """Does a loop's body read the value that ``name`` has when a pass begins?"""
        number = self.numbers.get(name)
        return number is not None and bool(self._inside[id(statement)] >> number & 1)

    def read_in_case(self, case: s.Case, name: str) -> bool:
        """Does a case read ``name``, which its pattern binds, in its guard or body, or does what follows?"""
        number = self.numbers.get(name)
        return number is not None and bool(self._inside[id(case)] >> number & 1)

    def tracked(self, statement: s.Try) -> Iterator[str]:
        """The names that a handler or the ``finally`` may read and the statements before it may assign."""
        return self._named(self._tracked[id(statement)])

    def _named(self, mask: int) -> Iterator[str]:
        while mask:
            low = mask & -mask
            yield self.names[low.bit_length() - 1]
            mask ^= low

    # ---- what a statement assigns ----------------------------------------------------------------

    def _number(self, name: str) -> None:
        if name not in self.numbers:
            self.numbers[name] = len(self.names)
            self.names.append(name)

    def _assign_masks(self, body: Iterable[s.Stmt]) -> int:
        total = 0
        for statement in body:
            mask = self._mask(own_targets(statement))
            for block in blocks(statement):
                mask |= self._assign_masks(block)
            self._assigned[id(statement)] = mask
            total |= mask
        return total

    def _mask(self, names: Iterable[str]) -> int:
        mask = 0
        for name in names:
            number = self.numbers.get(name)
            if number is not None:
                mask |= 1 << number
        return mask

    def _reads(self, *nodes: Node | None, assigned: frozenset[str] = frozenset()) -> int:
        return self._mask(name.id for node in nodes if node is not None for name in names_read(node, assigned))

    def _own_reads(self, statement: s.Stmt) -> int:
        assigned: frozenset[str] = frozenset()
        if isinstance(statement, s.Assign):
            assigned = frozenset(n.id for n in target_names(statement.target))
        mask = self._reads(*exprs(statement), assigned=assigned)
        if isinstance(statement, s.ExprStmt):
            mask |= self._mask(own_targets(statement))
        return mask

    # ---- exposed and killed, from the inside out ---------------------------------------------------

    def _sum(self, body: tuple[s.Stmt, ...]) -> tuple[int, int]:
        """What a body reads before assigning it, and what it has surely assigned at its end."""
        exposed, killed = 0, 0
        for statement in body:
            reads, kills = self._sum_of(statement)
            exposed |= reads & ~killed
            killed |= kills
            if killed == ALL:
                break
        return exposed, killed

    def _sum_of(self, statement: s.Stmt) -> tuple[int, int]:
        known = self._sums.get(id(statement))
        if known is None:
            known = self._sums[id(statement)] = self._summed(statement)
        return known

    def _summed(self, statement: s.Stmt) -> tuple[int, int]:
        reads = self._own_reads(statement)
        match statement:
            case s.Return() | s.Raise() | s.Break() | s.Continue():
                return reads, ALL
            case s.If():
                sums = [self._sum(b) for b in blocks(statement)]
                return _either(sums, reads)
            case s.Match():
                reads = self._reads(statement.subject)
                sums = [(0, 0)]
                for case in statement.cases:
                    sums.append(self._case_sum(case))
                return _either(sums, reads)
            case s.For():
                exposed, _ = self._sum(statement.body)
                after, _ = self._sum(statement.orelse)
                into = self._target_mask(statement.into)
                return reads | (exposed & ~self._target_mask(statement.target)) | after, into
            case s.While():
                exposed, _ = self._sum(statement.body)
                after, _ = self._sum(statement.orelse)
                return reads | exposed | after, 0
            case s.With():
                exposed, killed = self._sum(statement.body)
                return reads | exposed, killed
            case s.Parallel():
                exposed, killed = 0, 0
                for arm in statement.body:
                    arm_reads, arm_kills = self._sum_of(arm)
                    exposed |= arm_reads
                    killed |= arm_kills if arm_kills != ALL else 0
                return exposed, killed
            case s.Try():
                return self._try_sum(statement, reads)
            case _:
                return reads, self._assigned[id(statement)]

    def _case_sum(self, case: s.Case) -> tuple[int, int]:
        exposed, killed = self._sum(case.body)
        bound = self._mask(name for name, _ in pattern_names(case.pattern))
        values = self._reads(*pattern_exprs(case.pattern))
        return values | ((self._reads(case.guard) | exposed) & ~bound), killed | bound

    def _try_sum(self, statement: s.Try, reads: int) -> tuple[int, int]:
        exposed, killed = self._sum(statement.body)
        after, after_killed = self._sum(statement.orelse)
        exposed |= after & ~killed
        killed |= after_killed
        for handler in statement.handlers:
            caught, handled = self._sum(handler.body)
            exposed |= caught & ~self._mask((handler.name,) if handler.name else ())
            killed &= handled
        last, surely = self._sum(statement.final)
        return reads | exposed | last, killed | surely

    def _target_mask(self, target: s.Expr | None) -> int:
        return 0 if target is None else self._mask(n.id for n in target_names(target))

    # ---- live, from the end to the beginning ------------------------------------------------------

    def _visit(self, body: tuple[s.Stmt, ...], live: int, around: Around) -> int:
        """Record what is live after each statement of ``body``, ``live`` after the last; gives what is live before
        the first."""
        live |= around.error
        for statement in reversed(body):
            self._after[id(statement)] = live
            live = self._before(statement, live, around) | around.error
        return live

    def _before(self, statement: s.Stmt, live: int, around: Around) -> int:
        reads = self._own_reads(statement)
        match statement:
            case s.Return() | s.Raise():
                return reads
            case s.Break():
                return around.end
            case s.Continue():
                return around.again
            case s.If():
                arms = [self._visit(b, live, around) for b in blocks(statement)]
                return reads | _union(arms)
            case s.Match():
                result = self._reads(statement.subject) | live
                for case in statement.cases:
                    bound = self._mask(name for name, _ in pattern_names(case.pattern))
                    inside = self._visit(case.body, live, around)
                    self._inside[id(case)] = inside | self._reads(case.guard)
                    values = self._reads(*pattern_exprs(case.pattern))
                    result |= values | ((self._reads(case.guard) | inside) & ~bound)
                return result
            case s.For() | s.While():
                return self._loop_before(statement, reads, live, around)
            case s.With():
                return reads | self._visit(statement.body, live, around)
            case s.Parallel():
                result = live & ~self._sum_of(statement)[1]
                for arm in statement.body:
                    self._after[id(arm)] = live
                    result |= self._sum_of(arm)[0]
                    self._before(arm, live, around)
                return result
            case s.Try():
                return self._try_before(statement, reads, live, around)
            case s.Assign(target=s.Subscript()) | s.AugAssign():
                return live | reads
            case _:
                return (live & ~self._assigned[id(statement)]) | reads

    def _loop_before(self, statement: s.For | s.While, reads: int, live: int, around: Around) -> int:
        after = self._visit(statement.orelse, live, around)
        self._after[id(statement)] |= after
        exposed, _ = self._sum(statement.body)
        if isinstance(statement, s.For):
            target, into = self._target_mask(statement.target), self._target_mask(statement.into)
            inside = exposed & ~target
            live, after = live & ~into, after & ~into
            independent = any(o.name in ("parallel", "collect", "take") for o in statement.options)
        else:
            inside, independent = exposed | self._reads(statement.test), False
        self._inside[id(statement)] = inside
        if independent:
            self._visit(statement.body, 0, Around(around.error, 0, 0))
            return reads | inside | after
        again = inside | after | live
        self._visit(statement.body, again, Around(around.error, after | live, again))
        return reads | again

    def _try_before(self, statement: s.Try, reads: int, live: int, around: Around) -> int:
        final = statement.final
        last, surely = self._sum(final)
        in_final = self._mask_of(final)
        left = around.end | around.again if has_exit(blocks(statement), s.Break, s.Continue) else 0
        final_reads = last | (in_final & ~surely & (live | left))
        self._visit(final, live | left, around)
        normal = (live & ~surely if surely != ALL else 0) | final_reads
        inner = Around(around.error | final_reads, around.end | final_reads, around.again | final_reads)
        handled = 0
        for handler in statement.handlers:
            entered = self._visit(handler.body, normal, inner)
            handled |= entered & ~self._mask((handler.name,) if handler.name else ())
        after = self._visit(statement.orelse, normal, inner)
        body = Around(inner.error | handled, inner.end, inner.again)
        before = self._visit(statement.body, after, body)
        later = self._mask_of(statement.orelse)
        for handler in statement.handlers:
            later |= self._mask_of(handler.body)
        self._tracked[id(statement)] = (self._mask_of(statement.body) & (handled | final_reads)) | (later & final_reads)
        return reads | before

    def _mask_of(self, body: tuple[s.Stmt, ...]) -> int:
        return _union(self._assigned[id(statement)] for statement in body)


def own_targets(statement: s.Stmt) -> Iterator[str]:
    """The names that a statement binds itself."""
    match statement:
        case s.Assign() | s.AugAssign():
            yield from (n.id for n in target_names(statement.target))
        case s.For():
            yield from (n.id for n in target_names(statement.target))
            if statement.into is not None:
                yield from (n.id for n in target_names(statement.into))
        case s.Match():
            for case in statement.cases:
                yield from (name for name, _ in pattern_names(case.pattern))
        case s.Try():
            yield from (h.name for h in statement.handlers if h.name is not None)
        case s.ExprStmt(value=s.Call(func=s.Attribute(value=s.Name() as box, name=method))) if method in REBINDING:
            yield box.id
        case _:
            return


REBINDING = frozenset({"append", "extend", "add"})
"""Method calls that, as statements, rebind the name they are called on."""


def _either(sums: list[tuple[int, int]], reads: int) -> tuple[int, int]:
    killed = ALL
    for exposed, kills in sums:
        reads |= exposed
        killed &= kills
    return reads, killed


def _union(masks: Iterable[int]) -> int:
    total = 0
    for mask in masks:
        total |= mask
    return total
