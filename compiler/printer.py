"""The printed graph: a stable text for docs, tests and bug reports, which :mod:`.reader` parses back.

One operation a line: ``id: %results = kind (operands)``, its regions indented below. ``%x`` is a value, ``@class(k)``
an object beside the graph, ``$env:NAME`` an ambient value, ``[%a, %b]`` after a region what it takes. Spans and docs
are not printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from .constants import quoted, write_constant, write_type
from .depth import deep
from .ir import (
    Ambient,
    AmbientSpec,
    Apply,
    Branch,
    Call,
    Comprehension,
    Const,
    Emit,
    Eval,
    Exit,
    Expr,
    FlowGraph,
    ForEach,
    Global,
    Graph,
    Loop,
    Op,
    Parallel,
    Policy,
    Race,
    Raise,
    Ref,
    Region,
    Scope,
    Star,
    Subflow,
    Target,
    Try,
)
from .spec import ClassSpec, Effects, FieldSpec, NodeSpec
from .types import Signature

NAME = re.compile(r"[A-Za-z_]\w*(?:[./:-]\w+)*")
"""A name that is printed without quotes."""

BINARY = frozenset(("+", "-", "*", "/", "//", "%", "**", "@", "<<", ">>", "&", "|", "^"))
COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"))
PREFIX = {"pos": "pos ", "pos_or_kw": "", "kw": "kw ", "var_pos": "*", "var_kw": "**"}
POLICY = ("retry", "timeout", "cache", "rate", "lock", "default", "once")


def print_graph(graph: Graph) -> str:
    """The text of a whole graph."""
    with deep():
        return "\n".join(_graph_lines(graph)) + "\n"


def print_region(region: Region) -> str:
    """The text of one region."""
    with deep():
        return "\n".join(_region_lines(region))


def print_op(op: Op) -> str:
    """The text of one operation, its regions included."""
    with deep():
        return "\n".join(_op_lines(op))


# ---- expressions ---------------------------------------------------------------------------------


def name(text: str) -> str:
    """A name, quoted where it must be."""
    return text if NAME.fullmatch(text) else quoted(text)


def value(id: str) -> str:
    return f"%{name(id)}"


def values(ids: Iterable[str]) -> str:
    return ", ".join([value(id) for id in ids])


def print_expr(expr: Expr | Star) -> str:
    """The text of an expression. Two expressions with the same text are the same."""
    match expr:
        case Const():
            return write_constant(expr.value)
        case Ref():
            return value(expr.id)
        case Ambient():
            return f"${expr.kind}:{expr.name}"
        case Global():
            return f"@{expr.kind}({name(expr.key)})"
        case Star():
            return f"*{print_expr(expr.value)}"
        case Apply():
            return _apply(expr)
        case Comprehension():
            head = print_expr(expr.element)
            if expr.key is not None:
                head = f"{print_expr(expr.key)}: {head}"
            parts = [head]
            for clause in expr.clauses:
                parts.append(f"for {target(clause.target)} in {print_expr(clause.source)}")
                parts.extend([f"if {print_expr(c)}" for c in clause.conditions])
            return f"{expr.kind}[{' '.join(parts)}]"


def target(t: Target) -> str:
    """A comprehension's target: ``%x``, ``*%x`` or a bracketed list of targets."""
    if isinstance(t, str):
        return f"*{value(t[1:])}" if t.startswith("*") else value(t)
    return f"({' '.join([target(part) + ',' for part in t])})"


def _apply(expr: Apply) -> str:
    plain = not expr.kwargs and not any(isinstance(a, Star) for a in expr.args)
    if plain and expr.fn in BINARY | COMPARISONS and len(expr.args) == 2:
        return f"({print_expr(expr.args[0])} {expr.fn} {print_expr(expr.args[1])})"
    if plain and expr.fn == "compare" and len(expr.args) > 2 and isinstance(ops := expr.args[0], Const):
        first, *rest = [print_expr(a) for a in expr.args[1:]]
        if len(rest) == len(ops.value) > 1 and COMPARISONS.issuperset(ops.value):
            return f"({first} {' '.join([f'{op} {right}' for op, right in zip(ops.value, rest, strict=True)])})"
    return f"{name(expr.fn)}({_arguments(expr.args, expr.kwargs)})"


def _arguments(args: Iterable[Expr | Star], kwargs: Iterable[tuple[str, Expr]]) -> str:
    return ", ".join([*[print_expr(a) for a in args], *[_keyword(k, v) for k, v in kwargs]])


def _keyword(key: str, expr: Expr) -> str:
    return f"**{print_expr(expr)}" if key == "**" else f"{name(key)}={print_expr(expr)}"


# ---- operations ----------------------------------------------------------------------------------


def _given(**options: Any) -> list[tuple[str, str]]:
    """The options that are not at their default, as text: flags, plain text, expressions."""
    shown: list[tuple[str, str]] = []
    for key, option in options.items():
        if isinstance(option, (bool, str)):
            shown.append((key, write_constant(option)))
        elif option is not None:
            shown.append((key, print_expr(option)))
    return shown


def _call(head: Iterable[Expr], options: Iterable[tuple[str, str]] = ()) -> str:
    return f"({', '.join([*[print_expr(e) for e in head], *[f'{k}={v}' for k, v in options]])})"


def print_policy(policy: Policy) -> str:
    """`` with(retry=3, ...)``, or nothing where there are no options."""
    parts = [f"{k}={print_expr(e)}" for k in POLICY if (e := getattr(policy, k)) is not None]
    undo = policy.undo
    if undo is not None:
        kind = "flow" if undo.is_flow else "call"
        called = f"{kind} {name(undo.target)}({_arguments(undo.args, undo.kwargs)})"
        parts.append(f"undo={called} as {value(undo.result)}")
    return f" with({', '.join(parts)})" if parts else ""


def _head(op: Op) -> str:
    """What stands after the results: the kind of the operation and its operands."""
    match op:
        case Eval():
            return print_expr(op.expr)
        case Call():
            return f"call {name(op.target)}({_arguments(op.args, op.kwargs)}){print_policy(op.policy)}"
        case Subflow():
            kind = "detach" if op.detached else "flow"
            return f"{kind} {name(op.target)}({_arguments(op.args, op.kwargs)}){print_policy(op.policy)}"
        case Branch():
            return f"branch {_call(op.tests)}"
        case Loop():
            stream = _given(stream=op.stream or None, buffer=op.buffer, window=op.window, batch=op.batch)
            maybe = [("stream", "None")] if op.stream is None else []
            given = _given(source=op.source, limit=op.limit, collects=op.collects or None)
            return f"loop {_call(op.initial, [*given, *maybe, *stream])}"
        case ForEach():
            stream = _given(stream=op.stream or None, buffer=op.buffer, window=op.window, batch=op.batch)
            maybe = [("stream", "None")] if op.stream is None else []
            flags = _given(parallel=op.parallel, collects=op.collects or None, collect=op.collect or None)
            rest = None if op.rest == "cancel" else op.rest
            given = _given(max_failed=op.max_failed, take=op.take, rest=rest)
            return f"each {_call([op.source], [*flags, *given, *maybe, *stream])}"
        case Try():
            tracked = [(name(v), "unbound" if e is None else print_expr(e)) for v, e in op.tracked]
            exits = "".join(f" {i}={j}" for i, j in op.exits)
            return f"try {_call((), tracked)}{' exits' * bool(exits)}{exits}"
        case Scope():
            return f"{op.kind} {_call(() if op.arg is None else (op.arg,))}"
        case Parallel():
            return "parallel"
        case Race():
            return f"race {_call((), _given(timeout=op.timeout))}"
        case Exit():
            return f"{op.kind} {_call(op.values)}"
        case Raise():
            cause = _given(cause=op.cause)
            given = cause if cause or not op.has_cause else [("cause", "nothing")]
            return f"raise {_call(() if op.error is None else (op.error,), given)}"
        case Emit():
            return f"emit {_call((op.value,))} into {name(op.loop)}"


def _regions(op: Op) -> Iterator[tuple[str, Region]]:
    """The regions of an operation with the words in front of them."""
    match op:
        case Branch() | Parallel() | Race():
            for region in op.regions:
                yield "arm", region
        case Loop():
            if op.condition is not None:
                yield "condition", op.condition
            yield "body", op.body
        case ForEach() | Scope():
            yield "body", op.body
        case Try():
            yield "body", op.body
            for handler in op.handlers:
                types = "any" if handler.types is None else _call(handler.types)
                yield f"except {types}", handler.region
            if op.orelse is not None:
                yield "else", op.orelse
            if op.final is not None:
                yield "finally", op.final
        case _:
            return


def print_head(op: Op) -> str:
    """The first line of an operation."""
    results = f"{values(op.results)} = " if op.results else ""
    return f"{name(op.id)}: {results}{_head(op)}"


def _op_lines(op: Op) -> Iterator[str]:
    yield print_head(op)
    for word, region in _regions(op):
        yield f"  {word}{_header(region)}"
        for line in _region_lines(region):
            yield f"    {line}"


def _header(region: Region) -> str:
    params = f" ({values(region.params)})" if region.params else ""
    takes = f" [{values(region.takes)}]" if region.takes else ""
    return f"{params}{takes}:"


def _region_lines(region: Region) -> Iterator[str]:
    marks = list(reversed(region.marks))
    for index in range(len(region.ops) + 1):
        while marks and marks[-1].index <= index:
            mark = marks.pop()
            yield f"mark {name(mark.var)} = {print_expr(mark.value)}"
        if index < len(region.ops):
            yield from _op_lines(region.ops[index])
    if region.results is None:
        yield "never"
    elif region.results:
        yield f"give {', '.join([print_expr(r) for r in region.results])}"


# ---- declarations --------------------------------------------------------------------------------


def _graph_lines(graph: Graph) -> Iterator[str]:
    yield f"graph {name(graph.entry)}"
    for ambient in graph.ambient.values():
        yield print_ambient(ambient)
    for cls in graph.classes.values():
        yield _class(cls)
    for node in graph.nodes.values():
        yield _node(node)
    for flow in graph.flows.values():
        yield ""
        yield _flow(flow)
        yield f"  body{_header(flow.body)}"
        for line in _region_lines(flow.body):
            yield f"    {line}"


def print_ambient(spec: AmbientSpec) -> str:
    default = "" if spec.required else f" = {write_constant(spec.default)}"
    return f"{spec.kind} {name(spec.name)}: {write_type(spec.type)}{default}"


def _class(spec: ClassSpec) -> str:
    fields = ""
    if spec.fields is not None:
        fields = f"({', '.join([_field(f) for f in spec.fields])})"
    bases = f" bases({', '.join([name(b) for b in spec.bases])})" if spec.bases else ""
    source = f" source({quoted(spec.source)})" if spec.source else ""
    members = f" members({', '.join([name(m) for m in spec.members])})" if spec.members else ""
    return f"class {name(spec.key)} = {spec.kind} {name(spec.name)}{fields}{bases}{source}{members}"


def _field(spec: FieldSpec) -> str:
    default = f" = {quoted(spec.default)}" if spec.default else ""
    return f"{name(spec.name)}: {write_type(spec.type)}{'' if spec.required else '?'}{default}"


def _node(spec: NodeSpec) -> str:
    words = [print_effects(spec.effects)]
    marks = {"async": spec.is_async, "stream": spec.is_stream, "trusted": spec.trusted}
    words += [word for word, on in {**marks, "transactional": spec.transactional}.items() if on]
    words += [
        f"{key}({quoted(text)})"
        for key, text in (
            ("runs", "" if spec.runs == "auto" else spec.runs),
            ("version", spec.version),
            ("source", spec.source),
            ("builtin", spec.builtin),
            ("seek", spec.seek),
        )
        if text
    ]
    words += [
        f"{word}({', '.join([f'{k}={write_constant(v)}' for k, v in options.items()])})"
        for word, options in (("runtime", spec.runtime), ("with", spec.policy))
        if options
    ]
    return f"node {name(spec.key)} = {name(spec.name)}{_signature(spec.signature)} {' '.join(words)}"


def print_effects(effects: Effects) -> str:
    words = [
        f"{word}({', '.join([name(r) for r in sorted(resources)])})"
        for word, resources in (("reads", effects.reads), ("writes", effects.writes))
        if resources
    ]
    words += [word for word, on in (("barrier", effects.barrier), ("undeclared", not effects.declared)) if on]
    return " ".join(words or ["pure"])


def _signature(signature: Signature) -> str:
    if not signature.known:
        return "(...)"
    shown = [
        f"{PREFIX[p.kind]}{name(p.name)}: {write_type(p.type)}{'' if p.required else f' = {write_constant(p.default)}'}"
        for p in signature.params
    ]
    return f"({', '.join(shown)}) -> {write_type(signature.returns)}"


def _flow(flow: FlowGraph) -> str:
    shown: list[str] = []
    for p in flow.params:
        default = f" = {print_expr(p.default)}" if p.default is not None else "" if p.required else "?"
        shown.append(f"{PREFIX[p.kind]}{name(p.name)}: {write_type(p.type)}{default}")
    words = f"{' stream' if flow.stream else ''}{print_policy(flow.policy)}"
    return f"flow {name(flow.key)} = {name(flow.name)}({', '.join(shown)}) -> {write_type(flow.returns)}{words}"
