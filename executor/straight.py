"""Straight-line code: regions whose waiting operations form one chain, printed as the Python a person would write.

Control flow is Python's own, values are local variables, and an ``await`` stands only where something waits. What a
region needs from code that is still running around it (:class:`~.place.Outer`) is waited for at the operation that
needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import TYPE_CHECKING

from ..compiler import ir
from ..compiler.walk import refs_of
from ..planner.order import OpOrder, RegionOrder, conflicts
from . import calls
from .place import LoopPlace, Place
from .release import releases
from .source import Writer

if TYPE_CHECKING:
    from .link import FlowLinker

Finish = Callable[[list[str]], None]
"""What to do with the source texts of a region's results."""

LONG = 50
"""Tests in one ``if``/``elif`` chain, at most."""

NESTED = 15
"""Python blocks in one function, at most; deeper regions become functions of their own."""

INDENTED = 60
"""Levels of indentation in one function, about: Python takes 99."""


class Straight:
    """Writes one function: regions and operations, one after another."""

    def __init__(self, linker: FlowLinker, writer: Writer) -> None:
        self.linker = linker
        self.write = writer
        self.module = linker.module
        self.unseen = False
        """May what was written last have outlasted a cut? Then nothing starts before that was looked at."""
        self.breath = False
        """Is a look at the slice of time owed, once the names of the last operation are noted?"""

    # ---- values and conditions -------------------------------------------------------------------

    def name(self, id: str) -> str:
        return self.module.local(id)

    def text(self, expr: ir.Expr, place: Place) -> str:
        """The source of an expression; values that may come late are waited for first."""
        self.load(set(refs_of(expr)), place)
        return self.linker.printer.text(expr, self.name, self.temp)

    def arguments(
        self, args: tuple[ir.Expr | ir.Star, ...], kwargs: tuple[tuple[str, ir.Expr], ...], place: Place
    ) -> str:
        for arg in args:
            self.load(set(refs_of(arg.value if isinstance(arg, ir.Star) else arg)), place)
        for _, value in kwargs:
            self.load(set(refs_of(value)), place)
        return self.linker.printer.arguments(args, kwargs, self.name)

    def temp(self, text: str) -> str:
        name = f"_e{self.module.number()}"
        self.write(f"{name} = {text}")
        return name

    def load(self, values: set[str], place: Place) -> None:
        """Wait for values that may come late, and make them local."""
        if not place.outer.values:
            return
        for value in sorted(values & place.outer.values.keys()):
            frame, row, slot = place.outer.values.pop(value)
            self.await_row(frame, row)
            self.write(f"{self.name(value)} = {frame}.values[{slot}]")

    def await_row(self, frame: str, row: str) -> None:
        test = f"not {frame}.done[{row}]"
        if frame == "_up":
            test = f"_up is not None and {test}"
        with self.write.block(f"if {test}:"):
            self.write(f"await {frame}.wait({row})")

    def needs(self, order: OpOrder, place: Place) -> None:
        """Wait for what the operation needs, before entry, of code still running around this region."""
        outer = place.outer
        if not outer:
            return
        values, reads, everything = order.entry_values, order.entry_reads, order.entry_all
        if isinstance(order.op, ir.Subflow) and calls.is_plain_call(self.linker, order.op):
            # A plain function call cannot wait inside for what its steps need.
            values, reads = values | order.late_values, reads | order.late_reads
            everything = everything or order.late_all
        self.load(set(values), place)
        if reads:
            for entry in list(outer.writers):
                if conflicts(reads, entry[0]):
                    self.await_row(*entry[1])
                    outer.writers.remove(entry)
        if everything:
            for condition in outer.retire:
                self.await_row(*condition)
            outer.retire, outer.writers = [], []

    def assign(self, results: tuple[str, ...], texts: list[str]) -> None:
        """``a, b = x, y``, at once."""
        pairs = [(self.name(r), t) for r, t in zip(results, texts, strict=True)]
        pairs = [(n, t) for n, t in pairs if n != t]
        if pairs:
            self.write(f"{', '.join(n for n, _ in pairs)} = {', '.join(t for _, t in pairs)}")

    # ---- regions ---------------------------------------------------------------------------------

    def region(self, order: RegionOrder, place: Place, finish: Finish) -> None:
        """The operations of a region, then ``finish`` with its results, unless its end cannot be reached."""
        self.linker.counted(self.write, order)
        if place.waits and self.linker.tabled(order):
            self.table(order, place, finish)
            return
        region = order.region
        marks = iter(region.marks) if place.tracks else iter(())
        mark = next(marks, None)
        over = releases(order, self.linker)
        index = 0
        while index < len(order.ops):
            while mark is not None and mark.index <= index:
                self.mark(mark, place)
                mark = next(marks, None)
            self.breathe()
            count = calls.lane_run(self, order, index, place, None if mark is None else mark.index)
            if not count:
                self.op(order.ops[index], place)
            for done in range(index, index + (count or 1)):
                if not isinstance(order.ops[done].op, (ir.Exit, ir.Raise)):
                    self.release(over.get(done))
            index += count or 1
        self.write.op = None
        while mark is not None:
            self.mark(mark, place)
            mark = next(marks, None)
        self.breathe()
        if region.results is not None:
            finish([self.text(r, place) for r in region.results])
            self.release(over.get(len(order.ops)))

    def release(self, values: list[str] | None) -> None:
        """Let go of values that nothing uses any more."""
        if values:
            self.write("".join(f"{self.name(v)} = " for v in values) + "None")

    def breathe(self) -> None:
        """Let others in where a slice of work in place is over: last of all, for whoever is cancelled here has made the
        call, noted its name, and owes its undo."""
        if self.breath:
            self.breath = False
            self.write("if _clock() > _run.due: await _run.breathe()")

    def alive(self) -> None:
        """Nothing starts in what is cut already."""
        if self.unseen:
            self.unseen = False
            self.write("await _alive()")

    def mark(self, mark: ir.Mark, place: Place) -> None:
        self.write(f"_tk[{mark.var!r}] = {self.text(mark.value, place)}")

    def table(self, order: RegionOrder, place: Place, finish: Finish) -> None:
        """Run a region in which something overlaps as a table."""
        region = order.region
        table = self.linker.table(order, place)
        takes = "".join(t + ", " for t in table.takes)
        conditions = "".join(f"({'_up' if f == '_up' else f}, {row}, {slot}), " for f, row, slot in table.conditions)
        tracked = "_tk" if place.tracks and table.marks else "None"
        result = f"_r{self.module.number()}"
        given = f"{table.name}, _run, {place.log}, {place.at}, ({takes}), ({conditions}), {tracked}"
        self.write(f"{result} = await _run_frame({given})")
        self.unseen = any(self.linker.outlasts(o) for o in order.ops)
        self.leaving(result, order.exits, place)
        if region.results is not None:
            finish([f"{result}[{i}]" for i in range(len(region.results))])

    def leaving(self, result: str, exits: Set[str], place: Place) -> None:
        """Go on leaving, where code in a function of its own said so."""
        if not exits:
            return
        with self.write.block(f"if {result}.__class__ is _Leave:"):
            for kind in sorted(exits - {"return"}):
                with self.write.block(f"if {result}.kind == {kind!r}:"):
                    self.leave(kind, f"{result}.values", place)
            if "return" in exits:
                self.write(f"return {result}.values[0]" if place.flow else f"return {result}")

    def leave(self, kind: str, values: str, place: Place) -> None:
        """``break`` or ``continue`` with the carried values in the tuple ``values``."""
        loop = place.loop
        assert loop is not None
        if loop.where == "pass":
            self.write(f"return {place.collects.get(loop.op.id, 'None')}")
            return
        if loop.where == "far":
            leave = f"_Leave({kind!r}, {values})"
            if loop.through:
                self.write(f"{' = '.join(loop.through)} = {leave}")
                leave = loop.through[-1]
            self.write(f"return {leave}")
            return
        if isinstance(loop.op, ir.Loop) and loop.op.initial:
            carried = [self.name(p) for p in self.carried(loop.op)]
            self.write(f"{', '.join(carried)}{',' * (len(carried) == 1)} = {values}")
        if loop.through:
            self.write(f"{' = '.join(loop.through)} = True")
        self.write(kind)

    @staticmethod
    def carried(op: ir.Loop) -> tuple[str, ...]:
        return op.body.params if op.source is None else op.body.params[1:]

    # ---- operations ------------------------------------------------------------------------------

    def op(self, order: OpOrder, place: Place) -> None:
        """One operation."""
        op = order.op
        self.write.op = op
        self.needs(order, place)
        starts = self.linker.starts(op)
        if starts and not (place.loop is None and self.linker.looks(op)):
            self.alive()
        self.operation(order, place)
        if starts:
            # Where a breath follows, that looks.
            self.unseen = place.waits and not self.breath and self.linker.outlasts(order)

    def operation(self, order: OpOrder, place: Place) -> None:
        op = order.op
        if order.regions and (place.depth >= NESTED or self.write.indent >= INDENTED):
            self.linker.outlined(self, order, place)
            return
        match op:
            case ir.Eval():
                self.write(f"{self.name(op.result)} = {self.text(op.expr, place)}")
            case ir.Call():
                calls.call(self, op, place)
            case ir.Subflow():
                calls.subflow(self, op, place)
            case ir.Branch():
                self.branch(op, order, place)
            case ir.Exit():
                self.exit(op, place)
            case ir.Raise():
                self.raise_(op, place)
            case ir.Emit():
                if op.loop:
                    self.write(f"{place.collects[op.loop]}.append({self.text(op.value, place)})")
                else:
                    self.write(f"await _put({self.text(op.value, place)})")
            case _:
                self.linker.blocks.write(self, order, place)

    def exit(self, op: ir.Exit, place: Place) -> None:
        if op.kind == "return":
            value = self.text(op.values[0], place) if op.values else "None"
            self.write(f"return {value}" if place.flow else f"return _Leave('return', ({value},))")
            return
        if op.kind == "continue":
            self.alive()
        self.leave(op.kind, f"({''.join(self.text(v, place) + ', ' for v in op.values)})", place)

    def raise_(self, op: ir.Raise, place: Place) -> None:
        if op.error is None:
            self.write(f"raise {self.name(place.error)}" if place.error else "raise")
            return
        cause = ""
        if op.cause is not None:
            cause = f" from {self.text(op.cause, place)}"
        elif op.has_cause:
            cause = " from None"
        self.write(f"raise {self.text(op.error, place)}{cause}")

    def branch(self, op: ir.Branch, order: OpOrder, place: Place) -> None:
        def arm(index: int) -> None:
            inner = place.fork()
            self.unseen = False
            if self.linker.events:
                self.skipped(order, index)
            self.region(order.regions[index], inner, lambda texts: self.assign(op.results, texts))

        for test in op.tests:
            self.load(set(refs_of(test)), place)
        if len(op.tests) > LONG:
            self.long_branch(op, arm, place)
            return
        for index, test in enumerate(op.tests):
            text = self.linker.printer.text(test, self.name, self.temp if index == 0 else None)
            with self.write.block(f"{'el' if index else ''}if {text}:"):
                arm(index)
        with self.write.block("else:"):
            arm(len(op.tests))

    def long_branch(self, op: ir.Branch, arm: Callable[[int], None], place: Place) -> None:
        """A chain of tests too long for one ``if``: first find the arm, then run it."""
        which = f"_n{self.module.number()}"
        self.write(f"{which} = -1")
        for start in range(0, len(op.tests), LONG):
            with self.write.block(f"if {which} < 0:"):
                for index in range(start, min(start + LONG, len(op.tests))):
                    text = self.linker.printer.text(op.tests[index], self.name, None)
                    with self.write.block(f"{'el' if index > start else ''}if {text}:"):
                        self.write(f"{which} = {index}")
        for index in range(len(op.tests)):
            with self.write.block(f"if {which} == {index}:"):
                arm(index)
        with self.write.block(f"if {which} < 0:"):
            arm(len(op.tests))

    def skipped(self, order: OpOrder, taken: int) -> None:
        """Tell listeners of the nodes in the arms that were not taken."""
        ids = tuple(
            i for index, region in enumerate(order.regions) if index != taken for i in self.linker.node_ids(region)
        )
        if ids:
            self.write(f"_run.skip({self.module.constant(ids)})")

    def loop_place(self, op: ir.Loop | ir.ForEach, place: Place, **changes: object) -> Place:
        return place.fork(loop=LoopPlace(op, "here"), depth=place.depth + 1, **changes)
