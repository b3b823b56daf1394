"""Regions in which something overlaps, as tables.

Rows are segments of quick operations, plain calls of async nodes (no code of their own), and everything else that
waits (a function each). Joins and conditions from outside are pseudo rows behind the real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..compiler import ir
from ..compiler.promises import Promise
from ..compiler.spec import WORLD
from ..planner.fusion import before
from ..planner.order import OpOrder, RegionOrder, conflicts, emit_loops, yields
from . import invoke
from .frame import BLOCK, CALL, FREE, JOIN, LANE, OUTER, QUICK, SITE, Frame, Table
from .place import Outer, Place
from .release import small, users
from .run import Turn

if TYPE_CHECKING:
    from .link import FlowLinker
    from .straight import Straight


@define
class Tabled:
    """A table under its name in the generated module, and what the code that runs it must hand over."""

    name: str
    takes: list[str]
    conditions: list[tuple[str, str, int]]
    marks: bool
    table: Table = field(repr=False)


class Tabler:
    """Builds the table of one region."""

    def __init__(self, linker: FlowLinker, order: RegionOrder, place: Place) -> None:
        self.linker = linker
        self.module = linker.module
        self.order = order
        self.place = place
        self.number = self.module.number()
        self.slots: dict[str, int] = {}
        self.template: list[Any] = [None]  # the run
        rows = linker.rows(order)
        self.rows = self.cut_at_marks(rows) if place.tracks else rows
        self.row_of: dict[int, int] = {}
        for row, ops in enumerate(self.rows):
            for index in ops:
                self.row_of[index] = row
        self.deps: list[set[int]] = [set() for _ in self.rows]
        self.users = users(order, self.row_of)
        self.pseudo: list[tuple[int, set[int]]] = []  # kind, what it waits for
        self.freed: dict[int, tuple[int, ...]] = {}  # the slots that a pseudo row lets go
        self.joins: dict[int, int] = {}
        self.outer: list[tuple[int, int]] = []
        self.conditions: list[tuple[str, str, int]] = []
        self.sites: dict[int, invoke.Site] = {}
        self.code: list[tuple[int, Callable[..., Any] | str, tuple[int, ...], tuple[tuple[str, int], ...], int]] = []

    def cut_at_marks(self, rows: list[list[int]]) -> list[list[int]]:
        """A row fails as a whole, so the names a handler sees may not change inside one."""
        marks = {m.index for m in self.order.region.marks}
        out: list[list[int]] = []
        for row in rows:
            for index in row:
                if index is row[0] or index in marks:
                    out.append([index])
                else:
                    out[-1].append(index)
        return out

    # ---- slots and rows --------------------------------------------------------------------------

    def slot(self, id: str) -> int:
        found = self.slots.get(id)
        if found is None:
            found = self.slots[id] = len(self.template)
            self.template.append(None)
        return found

    def constant_slot(self, value: Any) -> int:
        self.template.append(value)
        return len(self.template) - 1

    def pseudo_row(self, kind: int, deps: set[int]) -> int:
        self.pseudo.append((kind, deps))
        return len(self.rows) + len(self.pseudo) - 1

    def row(self, index: int) -> int:
        """The row of an operation or of a join, by its index in the order."""
        ops = len(self.order.ops)
        if index < ops:
            return self.row_of[index]
        join = index - ops
        if join not in self.joins:
            self.joins[join] = self.pseudo_row(JOIN, {self.row(i) for i in self.order.joins[join]})
        return self.joins[join]

    # ---- building --------------------------------------------------------------------------------

    def build(self) -> Tabled:
        order = self.order
        region = order.region
        takes = [v for v in (*region.params, *region.takes) if v not in self.place.outer.values]
        if self.place.error and self.place.error not in takes:
            takes.append(self.place.error)
        takes_slots = [self.slot(v) for v in takes]
        texts = [self.module.local(v) for v in takes]
        for out in self.collected():
            takes_slots.append(self.slot("*" + out))
            texts.append(out)
        if any(yields(o) for o in order.ops):
            takes_slots.append(self.slot("*_put"))
            texts.append("_put")
        for made in order.ops:
            for result in made.op.results:
                self.slot(result)
        outside = self.outside()
        for row, ops in enumerate(self.rows):
            for index in ops:
                self.depend(row, index, outside)
            self.emit(row, ops, outside)
        self.free()
        marks = self.marks() if self.place.tracks and (region.marks or self.has_marks()) else None
        results = self.results()
        table = self.table(takes_slots)
        name = f"_tb{self.number}"
        self.module.bind(name, table)
        self.linker.fill_later(self.fill(table, results, marks))
        return Tabled(name, texts, self.conditions, marks is not None, table)

    def collected(self) -> list[str]:
        """The lists of loops around this region that something in it adds to."""
        loops = set().union(*(_emits(o) for o in self.order.ops)) if self.order.ops else set()
        return [out for loop, out in self.place.collects.items() if loop in loops]

    def outside(self) -> Outer:
        """Pseudo rows for the conditions from outside; the same conditions as rows of this frame."""
        outer = self.place.outer
        values: dict[str, tuple[str, str, int]] = {}

        def condition(frame: str, row: str, slot: int, mine: int) -> str:
            pseudo = self.pseudo_row(OUTER, set())
            self.outer.append((pseudo, mine))
            self.conditions.append((frame, row, slot))
            return str(pseudo)

        for value, (frame, row, slot) in sorted(outer.values.items()):
            if value in self.order.region.takes:
                mine = self.slot(value)
                values[value] = ("_f", condition(frame, row, slot, mine), mine)
        writers = [
            (w, ("_f", condition(f, r, -1, -1))) for w, (f, r) in outer.writers if conflicts(self.order.reads, w)
        ]
        retire = [("_f", condition(f, r, -1, -1)) for f, r in outer.retire] if self.order.retires else []
        return Outer(values, writers, retire)

    def free(self) -> None:
        """Pseudo rows that let go of values after their last use; one for all that have the same last uses."""
        found: dict[frozenset[int], list[int]] = {}
        for made in self.order.ops if self.linker.on.release else ():
            for value in made.op.results:
                if value in self.users and not self.private(value) and not small(made.op, self.linker):
                    found.setdefault(self.users[value], []).append(self.slots[value])
        for rows, slots in found.items():
            self.freed[self.pseudo_row(FREE, set(rows))] = tuple(slots)

    def private(self, value: str) -> bool:
        """Does only the row that makes the value use it, and has that code of its own?"""
        rows = self.users.get(value, ())
        return len(rows) == 1 and all(isinstance(self.code[row][1], str) for row in rows)

    def store(self, code: Straight, results: tuple[str, ...], row: int) -> None:
        """What others use goes from the variables of a row to the value list."""
        for result in results:
            if self.users.get(result) != frozenset((row,)):
                code.write(f"_v[{self.slots[result]}] = {code.name(result)}")

    def depend(self, row: int, index: int, outside: Outer) -> None:
        """The rows that ``row`` waits for because of its operation ``index``."""
        order = self.order.ops[index]
        eager = self.linker.eager(order)
        deps = self.deps[row]
        for wait in before(order, eager):
            if (on := self.row(wait.on)) != row:
                deps.add(on)
        values = order.entry_values if eager else order.entry_values | order.late_values
        deps.update(int(outside.values[v][1]) for v in values if v in outside.values)
        reads = order.entry_reads if eager else order.entry_reads | order.late_reads
        deps.update(int(c[1]) for w, c in outside.writers if conflicts(reads, w))
        if order.entry_all or (order.late_all and not eager):
            deps.update(int(c[1]) for c in outside.retire)

    def inner_outer(self, order: OpOrder, outside: Outer) -> Outer:
        """What the code inside a block row may still have to wait for, in terms of this frame."""
        if not self.linker.eager(order):
            return Outer()
        inner = Outer()
        retire: set[int] = {int(c[1]) for c in outside.retire} if order.late_all else set()
        for value in order.late_values & outside.values.keys():
            inner.values[value] = outside.values[value]
        inner.writers = [(w, c) for w, c in outside.writers if conflicts(order.late_reads, w)]
        for wait in order.late:
            row = self.row(wait.on)
            if wait.kind == "value":
                inner.values[wait.value] = ("_f", str(row), self.slot(wait.value))
            elif wait.kind == "writer":
                joined = wait.on >= len(self.order.ops)
                effects = None if joined else self.order.ops[wait.on].effects
                writes = frozenset({WORLD}) if effects is None or effects.barrier else effects.writes
                inner.writers.append((writes, ("_f", str(row))))
            else:
                retire.add(row)
        if len(retire) > 1:
            retire = {self.pseudo_row(JOIN, retire)}
        inner.retire = [("_f", str(row)) for row in retire]
        return inner

    def emit(self, row: int, ops: list[int], outside: Outer) -> None:
        first = self.order.ops[ops[0]]
        if self.linker.fusible(first):
            self.code.append((QUICK, self.segment(row, ops), (), (), -1))
            return
        op = first.op
        if isinstance(op, ir.Call) and self.linker.plain_call(op):
            site = self.linker.site(op)
            args = tuple(self.atom(a) for a in op.args if not isinstance(a, ir.Star))
            kwargs = tuple((name, self.atom(value)) for name, value in op.kwargs)
            slot = self.slot(op.result)
            if site.placement == invoke.LOOP and not self.linker.events:
                self.code.append((CALL, site.fn, args, kwargs, slot))
            else:
                threads = self.linker.on.lane_rows and not self.linker.events
                laned = threads and site.placement == invoke.LANE and site.reader
                if laned:
                    self.sites[row] = site
                code = _site_row(site, args, kwargs, slot, self.linker.events)
                self.code.append((LANE if laned else SITE, code, args, kwargs, slot))
            return
        held = isinstance(op, ir.Call) and self.linker.one_slot(op)
        self.code.append((SITE if held else BLOCK, self.block(row, first, outside, held), (), (), -1))

    def atom(self, expr: ir.Expr) -> int:
        return self.slot(expr.id) if isinstance(expr, ir.Ref) else self.constant_slot(expr.value)  # type: ignore[union-attr]

    def value(self, id: str) -> str:
        """The source of a value: a slot, or a name that a comprehension binds."""
        return f"_v[{self.slots[id]}]" if id in self.slots else self.module.local(id)

    def segment(self, row: int, ops: list[int]) -> str:
        """A function of the value list for a run of quick operations."""
        code = self.linker.straight()
        name = f"_q{self.number}_{row}"
        orders = [self.order.ops[i] for i in ops]
        own = {r for o in orders for r in o.op.results}
        needs = sorted(frozenset().union(*(o.entry_values | o.late_values for o in orders)) - own)
        place = self.place.fork(
            waits=False, log="None", flow=False, loop=self.loop(), measured=True, tracks=False, outer=Outer(), depth=1
        )
        with code.write.block(f"def {name}(_v):"):
            code.write("_run = _v[0]")
            self.load(code, needs, orders)
            for order in orders:
                code.op(order, place)
                self.store(code, order.op.results, row)
        return name

    def load(self, code: Straight, values: list[str], orders: list[OpOrder]) -> None:
        """Make values of the frame local."""
        if self.place.error and self.place.error not in values:
            values = [*values, self.place.error]
        for value in values:
            if value in self.slots:
                code.write(f"{code.name(value)} = _v[{self.slots[value]}]")
        for loop, out in self.place.collects.items():
            if any(loop in _emits(o) for o in orders):
                code.write(f"{out} = _v[{self.slot('*' + out)}]")
        if any(yields(o) for o in orders):
            code.write(f"_put = _v[{self.slot('*_put')}]")

    def block(self, row: int, order: OpOrder, outside: Outer, held: bool) -> str:
        """An async function of the frame for an operation that waits or holds regions; ``held``: it is given a slot."""
        code = self.linker.straight()
        name = f"_b{self.number}_{row}"
        outer = self.inner_outer(order, outside)
        op = order.op
        with code.write.block(f"async def {name}(_f, _i{', _turn' if held else ''}):"):
            code.write("_v, _run, _log, _depth, _up, _ret = _f.values, _f.run, _f.log, _f.depth, None, 0")
            if self.linker.tracked:
                code.write("_tk = _f.track(_i)" if self.place.tracks else "_tk = {}")
            self.load(code, sorted((order.entry_values | order.late_values) - outer.values.keys()), [order])
            place = self.place.fork(
                log="_log",
                flow=False,
                loop=self.loop(),
                concurrent=True,
                depth=1,
                collects=dict(self.place.collects),
                at="_depth",
            )
            place.held = held
            place.outer = outer
            # Entering was this row's business: what comes from outside concerns only what is inside.
            entered = OpOrder(op, order.effects, order.guard, regions=order.regions)
            entered.entry_values = order.entry_values
            code.op(entered, place)
            self.store(code, op.results, row)
            if code.breath:
                code.write("_f.done[_i] = 1")
                code.breathe()
        return name

    def loop(self) -> Any:
        place = self.place.loop
        if place is None:
            return None
        return type(place)(place.op, "far")

    # ---- the ends --------------------------------------------------------------------------------

    def results(self) -> str:
        write = self.module.function()
        name = f"_x{self.number}"
        region = self.order.region
        with write.block(f"def {name}(_v):"):
            write("_run = _v[0]")
            texts = "".join(self.linker.printer.text(r, self.value) + ", " for r in region.results or ())
            write(f"return ({texts})")
        return name

    def has_marks(self) -> bool:
        return any(r.region.marks for o in self.order.ops for r in o.regions)

    def marks(self) -> str:
        """A function that notes the tracked names as the step in a row would see them."""
        write = self.module.function()
        name = f"_m{self.number}"
        with write.block(f"def {name}(_v, _row, _into):"):
            write("_run = _v[0]")
            for mark in self.order.region.marks:
                text = f"_into[{mark.var!r}] = {self.linker.printer.text(mark.value, self.value)}"
                if mark.index >= len(self.order.ops):
                    write(f"if _row >= {len(self.rows)}: {text}")
                elif mark.index == 0:
                    write(text)
                else:
                    write(f"if _row >= {self.row_of[mark.index]}: {text}")
        return name

    def table(self, takes: list[int]) -> Table:
        size = len(self.rows) + len(self.pseudo)
        deps = [*self.deps, *(d for _, d in self.pseudo)]
        successors: list[list[int]] = [[] for _ in range(size)]
        for row, before_ in enumerate(deps):
            for on in before_:
                successors[on].append(row)
        kinds = [k for k, *_ in self.code] + [k for k, _ in self.pseudo]
        nothing = len(self.pseudo)
        priority, after = self.priorities(successors)
        first = [r for r in range(size) if not deps[r] and kinds[r] != OUTER]
        first.sort(key=lambda r: (-priority[r], r))
        return Table(
            name=self.module.title,
            real=len(self.rows),
            kind=kinds,
            code=[c if callable(c) else _unset for _, c, *_ in self.code] + [_unset] * nothing,
            args=[a for _, _, a, _, _ in self.code]
            + [self.freed.get(r, ()) for r in range(len(self.rows), len(self.rows) + nothing)],
            kwargs=[k for _, _, _, k, _ in self.code] + [()] * nothing,
            slot=[s for *_, s in self.code] + [-1] * nothing,
            successors=[tuple(s) for s in successors],
            counts=[len(d) + (kinds[r] == OUTER) for r, d in enumerate(deps)],
            priority=priority,
            after=after,
            promise=[self.promised(ops) for ops in self.rows] + [None] * nothing,
            sites=[self.sites.get(r) for r in range(size)],
            ops=[tuple(self.order.ops[i].op for i in ops) for ops in self.rows] + [()] * nothing,
            template=self.template,
            takes=takes,
            outer=self.outer,
            first=first,
        )

    def promised(self, ops: list[int]) -> Promise | None:
        """What the result of a row that is one plain call is held to."""
        op = self.order.ops[ops[0]].op
        if len(ops) != 1 or not isinstance(op, ir.Call) or not self.linker.plain_call(op):
            return None
        return self.linker.site(op).promise

    def priorities(self, successors: list[list[int]]) -> tuple[list[float], list[float]]:
        """The longest path to the end from the start of each row, and from its end; a pseudo row may stand before or
        after its successors."""
        length: list[float] = [-1.0] * len(successors)
        after: list[float] = [0.0] * len(successors)
        for start in range(len(successors)):
            stack = [start]
            while stack:
                row = stack[-1]
                if length[row] >= 0:
                    stack.pop()
                    continue
                open_ = [s for s in successors[row] if length[s] < 0]
                if open_:
                    stack += open_
                    continue
                after[row] = max((length[s] for s in successors[row]), default=0.0)
                length[row] = after[row]
                if row < len(self.rows) and self.linker.on.critical_first:
                    length[row] += self.linker.cost(self.rows[row], self.order)
                stack.pop()
        return length, after

    def fill(self, table: Table, results: str, marks: str | None) -> Callable[[], None]:
        """What is left to do once the module is compiled: functions for names."""

        def late() -> None:
            names = self.module.names
            for row, (_, code, *_rest) in enumerate(self.code):
                if isinstance(code, str):
                    table.code[row] = names[code]
            table.results = names[results]
            table.marks = names[marks] if marks is not None else None

        return late


def _unset(*args: object) -> None:
    raise AssertionError


def _emits(order: OpOrder) -> set[str]:
    if isinstance(order.op, ir.Emit):
        return {order.op.loop}
    return {loop for region in order.regions for loop in emit_loops(region)}


def _site_row(
    site: invoke.Site, args: tuple[int, ...], kwargs: tuple[tuple[str, int], ...], slot: int, events: bool
) -> Callable[[Frame, int, Turn], Any]:
    """A row for a plain call that does not run on the loop, or that listeners hear of: no code of its own is needed."""
    call = invoke.told if events else invoke.bare

    async def row(frame: Frame, index: int, turn: Turn) -> None:
        values = frame.values
        named = {name: values[s] for name, s in kwargs}
        values[slot] = await call(frame.run, site, tuple(values[s] for s in args), named)

    return row
