"""Blocks as code: loops, passes, ``try``, scopes, arms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from ..compiler import ir
from ..planner.order import OpOrder, RegionOrder
from .calls import lane_call
from .place import LoopPlace, Place

if TYPE_CHECKING:
    from .link import FlowLinker
    from .straight import Finish, Straight


class Blocks:
    """Writes the operations that hold regions, but for branches."""

    def __init__(self, linker: FlowLinker) -> None:
        self.linker = linker

    def write(self, code: Straight, order: OpOrder, place: Place) -> None:
        op = order.op
        match op:
            case ir.Loop() if op.condition is not None:
                self.while_(code, op, order, place)
            case ir.Loop():
                self.for_(code, op, order, place)
            case ir.ForEach():
                self.for_each(code, op, order, place)
            case ir.Try():
                self.try_(code, op, order, place)
            case ir.Scope():
                self.scope(code, op, order, place)
            case ir.Parallel() if not place.waits:
                self.arms_in_order(code, op, order, place)
            case ir.Parallel():
                arms = self.arms(code, order, place)
                result = f"_r{code.module.number()}"
                code.write(f"{result} = await _parallel(_run, {place.log}, ({arms}){self.at(op, place)})")
                if any(region.results is None for region in op.regions):
                    return  # one arm never gets to its end, so neither does the block
                texts = [
                    f"{result}[{i}][{j}]"
                    for i, region in enumerate(op.regions)
                    for j in range(len(region.results or ()))
                ]
                code.assign(op.results, texts)
                self.let_go(code, op, [result])
            case ir.Race():
                arms = self.arms(code, order, place)
                length = code.text(op.timeout, place) if op.timeout is not None else "None"
                result = f"_r{code.module.number()}"
                at = f", {place.at}" if self.linker.recorded else ""
                code.write(f"{result} = await _race(_run, {place.log}, ({arms}), {length}, {op.id!r}{at})")
                code.assign(op.results, [f"{result}[0]"])
                self.let_go(code, op, [result])

    def at(self, op: ir.Op, place: Place) -> str:
        """In a recorded run: where the operation stands, as further arguments."""
        return f", at={place.at}, id={op.id!r}" if self.linker.recorded else ""

    # ---- loops -----------------------------------------------------------------------------------

    def counted(self, code: Straight, op: ir.Loop | ir.ForEach, place: Place) -> str:
        """Before a loop in a recorded run: the variable that numbers its passes. A plain function records nothing."""
        if not (self.linker.recorded and place.waits):
            return ""
        count = f"_nth{code.module.number()}"
        code.write(f"{count} = -1")
        place.at = f"_at{count}"
        return count

    @staticmethod
    def count(code: Straight, op: ir.Loop | ir.ForEach, count: str, place: Place) -> None:
        """At the beginning of a pass."""
        if count:
            code.write(f"{count} += 1")
            code.write(f"_at{count} = {place.at}.nth({op.id!r}, {count})")

    def begin(self, code: Straight, op: ir.Loop, place: Place) -> tuple[str, ...]:
        """Set the carried values and the collecting list; the names of the carried values."""
        carried = code.carried(op)
        code.assign(carried, [code.text(e, place) for e in op.initial])
        if op.collects:
            code.write(f"{self.out(code, op)} = []")
        return carried

    def out(self, code: Straight, op: ir.Loop | ir.ForEach) -> str:
        return f"_out_{code.module.local(op.id)}"

    def end(self, code: Straight, op: ir.Loop, carried: tuple[str, ...]) -> None:
        texts = [code.name(c) for c in carried] + ([self.out(code, op)] if op.collects else [])
        code.write.op = op
        code.assign(op.results, texts)
        params = [*op.body.params, *(op.condition.params if op.condition is not None else ())]
        self.let_go(code, op, [*dict.fromkeys([*map(code.name, params), *texts])])

    def let_go(self, code: Straight, op: ir.Op, names: list[str]) -> None:
        """What an operation needed for itself is not held beyond it: its results have names of their own."""
        results = {code.name(value) for value in op.results}
        if self.linker.on.release and (gone := [name for name in names if name not in results]):
            code.write(f"{' = '.join(gone)} = None")

    def collects(self, code: Straight, op: ir.Loop | ir.ForEach, place: Place) -> dict[str, str]:
        return {**place.collects, op.id: self.out(code, op)} if op.collects else place.collects

    def body(self, code: Straight, op: ir.Loop, order: RegionOrder, place: Place, carried: tuple[str, ...]) -> None:
        code.region(order, place, lambda texts: code.assign(carried, texts))
        if place.waits:
            code.alive()
            code.write("if _clock() > _run.due: await _run.breathe()")

    def for_(self, code: Straight, op: ir.Loop, order: OpOrder, place: Place) -> None:
        assert op.source is not None
        source = code.text(op.source, place)
        carried = self.begin(code, op, place)
        inner = code.loop_place(op, place, collects=self.collects(code, op, place))
        item = code.name(op.body.params[0])
        if place.waits and (op.stream is not False or op.buffer or op.window or op.batch):
            iterator = f"_it{code.module.number()}"
            pace = self.pace(code, op, place) + self.at(op, place)
            count = self.counted(code, op, inner)
            with code.write.block(f"async with _opened(_run, {source}{pace}) as {iterator}:"):
                inner.depth += 1
                with code.write.block(f"async for {item} in {iterator}:"):
                    self.count(code, op, count, place)
                    self.body(code, op, order.regions[0], inner, carried)
        else:
            count = self.counted(code, op, inner)
            with code.write.block(f"for {item} in {source}:"):
                self.count(code, op, count, place)
                self.body(code, op, order.regions[0], inner, carried)
        self.end(code, op, carried)

    def pace(self, code: Straight, op: ir.Loop | ir.ForEach, place: Place) -> str:
        named = (("buffer", op.buffer), ("window", op.window), ("batch", op.batch))
        given = [f", {name}={code.text(e, place)}" for name, e in named if e is not None]
        if op.buffer is not None or op.window is not None:
            given.append(f", loop={code.module.constant(op)}")
        return "".join(given)

    def while_(self, code: Straight, op: ir.Loop, order: OpOrder, place: Place) -> None:
        assert op.condition is not None
        count = f"_n{code.module.number()}"
        limit = ""
        if op.limit is not None:
            limit = f"_m{code.module.number()}"
            code.write(f"{limit}, {count} = {code.text(op.limit, place)}, 0")
        carried = self.begin(code, op, place)
        inner = code.loop_place(op, place, collects=self.collects(code, op, place))
        passes = self.counted(code, op, inner)
        with code.write.block("while True:"):
            self.count(code, op, passes, place)
            # The condition names the carried values by parameters of its own.
            code.assign(op.condition.params, [code.name(c) for c in carried])

            def test(texts: list[str]) -> None:
                with code.write.block(f"if not {texts[0]}:"):
                    code.write("break")

            code.region(order.regions[0], inner, test)
            code.write.op = op  # what is raised here is of the loop, not of a step in it
            if limit:
                with code.write.block(f"if {count} >= {limit}:"):
                    code.write(f"raise _LoopLimit.past({limit})")
                code.write(f"{count} += 1")
            self.body(code, op, order.regions[1], inner, carried)
        self.end(code, op, carried)

    def for_each(self, code: Straight, op: ir.ForEach, order: OpOrder, place: Place) -> None:
        source = code.text(op.source, place)
        out = self.out(code, op)
        collects = self.collects(code, op, place)
        if self.in_order(op, order, place):
            if op.collects:
                code.write(f"{out} = []")
            inner = code.loop_place(op, place, collects=collects)
            count = self.counted(code, op, inner)
            with code.write.block(f"for {code.name(op.body.params[0])} in {source}:"):
                self.count(code, op, count, place)
                code.region(order.regions[0], inner, lambda texts: None)
                if place.waits:
                    code.alive()
                    code.write("if _clock() > _run.due: await _run.breathe()")
            code.assign(op.results, [out] if op.collects else [])
            self.let_go(code, op, [*map(code.name, op.body.params), *([out] if op.collects else [])])
            return
        number = code.module.number()
        options = ""
        if op.collect:
            options += ", collect=True"
        for name, value in (("max_failed", op.max_failed), ("take", op.take)):
            if value is not None:
                options += f", {name}={code.text(value, place)}"
        if op.take is not None and op.rest != "cancel":
            options += f", rest={op.rest!r}"
        limit = code.text(op.parallel, place) if op.parallel is not None else "None"
        if not isinstance(op.parallel, (ir.Const, ir.Ref, type(None))) and self.linker.tallied:
            code.write(f"_limit{number} = {limit}")  # evaluated once
            limit = f"_limit{number}"
        self.linker.limited(code.write, order.regions[0], limit)
        pace = self.pace(code, op, place)
        if self.in_lanes(op, order, place):
            reader = self.lane_pass(code, op, order, place, number)
            result = code.name(op.results[0]) if op.results else "_"
            code.write(f"{result} = await _lane_each(_run, {source}, _p{number}, {limit}, {reader}{options})")
            return
        where = f", _at{number}" if self.linker.recorded else ""
        with code.write.block(f"async def _p{number}(_log, {code.name(op.body.params[0])}{where}):"):
            if op.collects:
                code.write(f"{out} = []")
            if self.linker.tracked:
                code.write("_tk = {}")
            inner = place.fork(
                log="_log", loop=LoopPlace(op, "pass"), flow=False, collects=collects, concurrent=True, depth=1
            )
            inner.at = where[2:] or place.at
            code.region(order.regions[0], inner, lambda texts: None)
            code.alive()  # for the pass after it
            code.write(f"return {out if op.collects else 'None'}")
        code.write.op = op
        result = code.name(op.results[0]) if op.results else "_"
        options += self.at(op, place)
        if op.stream is not False or pace:
            iterator = f"_it{number}"
            with code.write.block(f"async with _opened(_run, {source}{pace}{self.at(op, place)}) as {iterator}:"):
                code.write(f"{result} = await _for_each(_run, {place.log}, {iterator}, _p{number}, {limit}{options})")
        else:
            code.write(f"{result} = await _for_each(_run, {place.log}, {source}, _p{number}, {limit}{options})")

    def in_order(self, op: ir.ForEach, order: OpOrder, place: Place) -> bool:
        """Is a plain loop as good? Where no pass can wait, and nothing asks for more than the results."""
        if op.collect or op.take is not None or op.buffer or op.window or op.batch:
            return False
        if place.waits and (op.stream is not False or not self.linker.on.loops_in_order):
            return False
        limit = op.parallel
        if limit is not None and not (isinstance(limit, ir.Const) and isinstance(limit.value, int) and limit.value > 0):
            return False
        return not place.waits or not any(self.linker.waits(o) for o in order.regions[0].ops)

    def in_lanes(self, op: ir.ForEach, order: OpOrder, place: Place) -> bool:
        """Is every pass a run of plain calls for a thread? Then threads pull the passes, without a hop for each."""
        if not self.linker.on.lanes:
            return False
        if self.linker.events or op.take is not None or op.stream is not False or op.buffer or op.window or op.batch:
            return False
        calls = 0
        for inner in order.regions[0].ops:
            match inner.op:
                case ir.Eval():
                    pass
                case ir.Emit() if inner.op.loop == op.id:
                    pass
                case ir.Call() if self.linker.plain_lane(inner.op):
                    calls += 1
                case _:
                    return False
        return calls > 0 and not place.outer.values and not place.outer.writers and not place.outer.retire

    def lane_pass(self, code: Straight, op: ir.ForEach, order: OpOrder, place: Place, number: int) -> bool:
        """The function of one pass, for a thread; may it be left behind?"""
        out = self.out(code, op)
        reader, first = True, True
        body = order.regions[0]
        with code.write.block(f"def _p{number}(_run, {code.name(op.body.params[0])}):"):
            self.linker.counted(code.write, body)
            code.write(f"{out} = []")
            for inner in body.ops:
                step = inner.op
                code.write.op = step
                if isinstance(step, ir.Eval):
                    code.write(f"{code.name(step.result)} = {code.text(step.expr, place)}")
                elif isinstance(step, ir.Emit):
                    code.write(f"{out}.append({code.text(step.value, place)})")
                else:
                    assert isinstance(step, ir.Call)
                    if not first:
                        code.write("_check()")
                    first = False
                    reader = lane_call(code, step, place) and reader
            code.write(f"return {out}")
        code.write.op = op
        return reader

    # ---- try and scopes --------------------------------------------------------------------------

    def try_(self, code: Straight, op: ir.Try, order: OpOrder, place: Place) -> None:
        write = code.write
        for var, entry in op.tracked:
            if entry is None:
                write(f"_tk.pop({var!r}, None)")
            else:
                write(f"_tk[{var!r}] = {code.text(entry, place)}")
        final = op.final
        count = len(op.results) - (len(final.results or ()) if final is not None else 0)
        results = op.results[:count]

        def finish(texts: list[str]) -> None:
            # After a `finally` that never gets to its end nobody asks for results, and there may be any number of them.
            if final is None or final.results is not None:
                code.assign(results, texts)

        body = order.regions[0]
        handlers = order.regions[1 : 1 + len(op.handlers)]
        rest = list(order.regions[1 + len(op.handlers) :])
        # Python counts an `except` and a `finally` as a block each, and two for an `except` arm.
        inner = place.fork(depth=place.depth + 2, tracks=place.tracks or bool(op.tracked))
        left = ""
        if op.exits and place.loop is not None:
            left = f"_x{code.module.number()}"
            write(f"{left} = None")
            inner.loop = evolve(place.loop, through=(*place.loop.through, left))
        given = op.orelse.params if op.orelse is not None else ()
        with write.block("try:"):
            code.region(body, inner.fork(), finish if op.orelse is None else lambda texts: code.assign(given, texts))
        for handler, region in zip(op.handlers, handlers, strict=True):
            self.handler(code, op, handler, region, inner, finish)
        if op.orelse is not None and not op.handlers:
            # Python wants an `except` before an `else`; an error passes through this one.
            with write.block("except BaseException:"):
                write("raise")
        if op.orelse is not None:
            orelse = rest.pop(0)
            with write.block("else:"):
                code.region(orelse, inner.fork(), finish)
        if final is not None:
            self.final(code, op, final, rest.pop(0), inner, count, left)

    def handler(
        self,
        code: Straight,
        op: ir.Try,
        handler: ir.Handler,
        order: RegionOrder,
        place: Place,
        finish: Finish,
    ) -> None:
        types = "Exception"
        if handler.types is not None:
            texts = [code.text(t, place) for t in handler.types]
            types = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
        caught = f"_x{code.module.number()}"
        code.write.op = op
        with code.write.block(f"except {types} as {caught}:"):
            if place.waits:
                # The error may come from a `finally` or an undo of what was cut: that is not for a handler.
                code.write("await _alive()")
            code.unseen = False
            error, *names = handler.region.params
            code.write(f"{code.name(error)} = {f'_as_raised({caught})' if place.waits else caught}")
            self.tracked(code, op, names)
            inner = place.fork(error=error, depth=place.depth + 1)
            code.region(order, inner, finish)

    def tracked(self, code: Straight, op: ir.Try, names: list[str]) -> None:
        for name, (var, _) in zip(names, op.tracked, strict=True):
            code.write(f"{code.name(name)} = _tk.get({var!r})")

    def final(
        self,
        code: Straight,
        op: ir.Try,
        final: ir.Region,
        order: RegionOrder,
        place: Place,
        count: int,
        left: str,
    ) -> None:
        """The ``finally``. ``left``: the variable that says whether control leaves the loop's pass through it."""

        def finish(texts: list[str]) -> None:
            code.assign(op.results[count:], texts)
            if left and place.loop is not None:
                with code.write.block(f"if {left} is not None:"):
                    self.handed_on(code, op, place.loop, count, left)

        code.unseen = False
        with code.write.block("finally:"):
            self.tracked(code, op, list(final.params))
            if not place.waits:
                code.region(order, place.fork(), finish)
                return
            with code.write.block("with _run.shield():"):
                code.region(order, place.fork(depth=place.depth + 1), finish)

    @staticmethod
    def handed_on(code: Straight, op: ir.Try, loop: LoopPlace, count: int, left: str) -> None:
        """What the ``finally`` assigned takes the place of what the ``break`` or ``continue`` handed on."""
        for carried, result in op.exits:
            value = code.name(op.results[count + result])
            if loop.where == "far":
                code.write(f"{left}.assign({carried}, {value})")
            elif isinstance(loop.op, ir.Loop):
                code.write(f"{code.name(code.carried(loop.op)[carried])} = {value}")

    def scope(self, code: Straight, op: ir.Scope, order: OpOrder, place: Place) -> None:
        write = code.write
        region = order.regions[0]
        inner = place.fork(depth=place.depth + (2 if op.kind == "transaction" else 1))

        def finish(texts: list[str]) -> None:
            code.assign(op.results, texts)

        arg = code.text(op.arg, place) if op.arg is not None else ""
        match op.kind:
            case "timeout":
                with write.block(f"with {self.timeout(op, arg, place)}):"):
                    code.region(region, inner, finish)
            case "lock":
                with write.block(f"async with _run.services.locks.hold(str({arg})):"):
                    code.region(region, inner, finish)
            case "transaction":
                log, caught = f"_log{code.module.number()}", f"_x{code.module.number()}"
                write(f"{log} = _UndoLog({place.log})")
                with write.block("try:"):
                    if arg and arg != "None":
                        with write.block(f"with {self.timeout(op, arg, place)}, {log}):"):
                            code.region(region, inner.fork(log=log, depth=inner.depth + 1), finish)
                    else:
                        code.region(region, inner.fork(log=log), finish)
                write.op = op  # an undo that fails is the transaction's
                with write.block(f"except BaseException as {caught}:"):
                    write(f"await {log}.rollback(_run, {caught})")
                    write("raise")
                with write.block("finally:"):
                    write(f"await {log}.commit(_run)")
                code.unseen = False

    def timeout(self, op: ir.Scope, arg: str, place: Place) -> str:
        if self.linker.recorded:
            return f"_timeout(_run, {place.at}.path + {op.id + '@'!r}, {arg}, {op.id!r}"
        return f"_timeout({arg}, {op.id!r}"

    # ---- arms ------------------------------------------------------------------------------------

    def arms(self, code: Straight, order: OpOrder, place: Place) -> str:
        """Each arm as a function of its undo log; the source of a tuple of them."""
        number = code.module.number()
        names = ""
        for index, region in enumerate(order.regions):
            name = f"_a{number}_{index}"
            names += f"{name}, "
            with code.write.block(f"async def {name}(_log):"):
                inner = place.fork(log="_log", loop=None, flow=False, concurrent=True, depth=1)

                def finish(texts: list[str]) -> None:
                    code.write(f"return ({''.join(t + ', ' for t in texts)})")

                code.region(region, inner, finish)
                code.unseen = False
        code.write.op = order.op
        return names

    def arms_in_order(self, code: Straight, op: ir.Parallel, order: OpOrder, place: Place) -> None:
        results = iter(op.results)
        for region in order.regions:
            mine = tuple(next(results) for _ in region.region.results or ())
            code.region(region, place.fork(), lambda texts, mine=mine: code.assign(mine, texts))  # type: ignore[misc]
