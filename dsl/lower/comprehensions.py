"""Comprehensions: one expression where nothing in them calls out, a collecting loop where something does."""

from __future__ import annotations

from collections.abc import Callable

from ...compiler.assignable import join
from ...compiler.ir import Apply, Branch, Const, Emit, Exit, Loop, Ref, Region
from ...compiler.types import ANY, BOOL, Type, list_of
from .. import syntax as s
from .arms import empty_arm, fill_arm
from .comprehension_trees import comprehension_tree
from .constants import widen
from .expressions import element_type
from .independent import independent_passes
from .loop_options import is_independent, loop_options
from .loop_trees import Into
from .names import peek
from .narrowing import narrow
from .optypes import is_stream
from .state import Collector, FlowLowering, Frame, Typed
from .targets import bind_target


def lower_comprehension(at: FlowLowering, node: s.Comprehension, hint: str = "") -> Typed:
    kind = "list" if node.kind == "generator" else node.kind
    if at.pure or _is_tree(at, node):
        source = peek(at, node.clauses[0].source)
        if is_stream(source.type) is not True or at.pure:
            return at.name_value(comprehension_tree(at, node, kind, source), hint or "values", node.span)
        return _loop(at, node, kind, hint, source)
    return _loop(at, node, kind, hint, peek(at, node.clauses[0].source))


def _is_tree(at: FlowLowering, node: s.Comprehension) -> bool:
    """Is nothing in it to be waited for, but for the first source, which is evaluated once and before?"""
    parts = [node.element, *((node.key,) if node.key is not None else ())]
    for i, clause in enumerate(node.clauses):
        if clause.options:
            return False
        parts += [*clause.conditions, *((clause.source,) if i else ())]
    return not any(at.waits(p) for p in parts)


# ---- loops ---------------------------------------------------------------------------------------


def _loop(at: FlowLowering, node: s.Comprehension, kind: str, hint: str, source: Typed) -> Typed:
    """The same collecting loop that the ``for`` statement makes."""
    first = node.clauses[0]
    mark = at.env.mark()
    options = loop_options(at, first.options, source.type)
    into = Into(s.Name(hint if kind == "list" and hint else "values", span=node.span))

    def emit_value() -> None:
        if node.key is not None:
            key, value = at.in_order((node.key, node.element))
            value = Typed(Apply("tuple", (key.expr, value.expr)), Type("tuple", (widen(key.type), value.type)))
        else:
            value = at.expr(node.element)
        collector = at.collectors[-1]
        collector.types.append(value.type)
        at.emit(Emit(at.op_id("emit"), value.expr, collector.loop, node.element.span))

    item = options.item(element_type(at, source, first.source))
    if options.independent:
        result = independent_passes(
            at, first.target, source, item, options, into, node.span, lambda: _clauses(at, node, 0, emit_value)
        )
        assert result is not None
    else:
        id = at.op_id("for")
        collector = Collector(id, len(at.frames))
        region = _pass(at, node, 0, item, emit_value, collector)
        values = at.fresh(hint if kind == "list" and hint else "values")
        inner = join(collector.types) if collector.types else Type("union", ())
        at.owners.own(values)
        at.emit(
            Loop(
                id,
                region,
                (),
                source.expr,
                None,
                (values,),
                True,
                None,
                is_stream(source.type),
                options.buffer,
                options.window,
                options.batch,
                node.span,
            )
        )
        result = Typed(Ref(values), list_of(inner))
    at.env.rewind(mark)
    if kind == "list":
        return result
    pairs = result.type.args[0] if result.type.args else ANY
    if kind == "dict" and isinstance(pairs, Type) and pairs.name == "tuple":
        return Typed(Apply("py.dict", (result.expr,)), Type("dict", pairs.args))
    return Typed(Apply(f"py.{kind}", (result.expr,)), Type(kind, result.type.args))


def _pass(
    at: FlowLowering,
    node: s.Comprehension,
    index: int,
    item: Type,
    innermost: Callable[[], None],
    collector: Collector | None,
) -> Region:
    """The body of the loop for one clause."""
    clause = node.clauses[index]
    name = clause.target.id if isinstance(clause.target, s.Name) else "item"
    param = at.fresh(name)
    at.frames.append(Frame("loop", node.span, ""))
    if collector is not None:
        at.collectors.append(collector)

    def fill() -> None:
        bind_target(at, clause.target, Typed(Ref(param), item), clause.target.span)
        _clauses(at, node, index, innermost)

    arm = fill_arm(at, fill, (param,))
    if collector is not None:
        at.collectors.pop()
    at.frames.pop()
    return arm.builder.close(())


def _clauses(at: FlowLowering, node: s.Comprehension, index: int, innermost: Callable[[], None]) -> None:
    """The conditions of a clause, then the clauses after it, then ``innermost``."""
    _conditions(at, node.clauses[index].conditions, lambda: _next_clause(at, node, index, innermost))


def _conditions(at: FlowLowering, conditions: tuple[s.Expr, ...], then: Callable[[], None]) -> None:
    if not conditions:
        then()
        return
    test = peek(at, conditions[0])

    def fill() -> None:
        narrow(at, conditions[0], True)
        _conditions(at, conditions[1:], then)

    arm = fill_arm(at, fill)
    regions = (arm.builder.close(()), empty_arm().builder.close(()))
    at.emit(Branch(at.op_id("if"), (test.expr,), regions, (), conditions[0].span))


def _next_clause(at: FlowLowering, node: s.Comprehension, index: int, innermost: Callable[[], None]) -> None:
    if index + 1 == len(node.clauses):
        innermost()
        return
    clause = node.clauses[index + 1]
    if is_independent(clause.options):
        at.report(
            "option-misfit",
            clause.span,
            "only the first `for` of a comprehension can be parallel",
            help="write the inner one as a flow or a comprehension of its own",
        )
    source = peek(at, clause.source)
    options = loop_options(at, [o for o in clause.options if o.name in ("buffer", "window", "batch")], source.type)
    id = at.op_id("for")
    region = _pass(at, node, index + 1, options.item(element_type(at, source, clause.source)), innermost, None)
    at.emit(
        Loop(
            id,
            region,
            (),
            source.expr,
            stream=is_stream(source.type),
            buffer=options.buffer,
            window=options.window,
            batch=options.batch,
            span=clause.span,
        )
    )


# ---- any and all ---------------------------------------------------------------------------------


def lower_any(at: FlowLowering, name: str, node: s.Comprehension) -> Typed:
    """``any(...)`` and ``all(...)`` of a generator: they stop at the first item that decides."""
    if at.pure or _is_tree(at, node):
        source = peek(at, node.clauses[0].source)
        if is_stream(source.type) is not True or at.pure:
            return comprehension_tree(at, node, name, source)
    else:
        source = peek(at, node.clauses[0].source)
    mark = at.env.mark()
    loop_options(at, node.clauses[0].options, source.type)
    result = _searching(at, name, node, 0, source)
    at.env.rewind(mark)
    return result


def _searching(at: FlowLowering, name: str, node: s.Comprehension, index: int, source: Typed) -> Typed:
    """A loop that carries whether it was decided, and leaves when it is."""
    decided = name == "any"
    clause = node.clauses[index]
    id = at.op_id("for")
    param = at.fresh(clause.target.id if isinstance(clause.target, s.Name) else "item")
    carried = at.fresh("found")
    span = node.span

    def stop(test: Typed) -> None:
        outer = at.open()
        at.emit(Exit(at.op_id("break"), "break", (Const(decided),), span))
        at.region.ended = True
        leave = at.back(outer).close(None)
        go_on = empty_arm().builder.close(())
        regions = (leave, go_on) if decided else (go_on, leave)
        at.emit(Branch(at.op_id("if"), (test.expr,), regions, (), span))

    def innermost() -> None:
        if index + 1 == len(node.clauses):
            stop(peek(at, node.element))
        else:
            stop(_searching(at, name, node, index + 1, peek(at, node.clauses[index + 1].source)))

    item = element_type(at, source, clause.source)

    def fill() -> None:
        bind_target(at, clause.target, Typed(Ref(param), item), clause.target.span)
        _conditions(at, clause.conditions, innermost)

    arm = fill_arm(at, fill, (param, carried))
    found = at.fresh(name)
    at.emit(
        Loop(
            id,
            arm.builder.close((Ref(carried),)),
            (Const(not decided),),
            source.expr,
            results=(found,),
            stream=is_stream(source.type),
            span=span,
        )
    )
    return Typed(Ref(found), BOOL)
