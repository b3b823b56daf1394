"""Reads a printed graph back: ``read_graph(print_graph(g)) == g``. Lines that begin with ``# `` are comments.

What has no literal form comes back as an opaque constant, and spans and docs do not come back at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from .depth import deep
from .ir import (
    NO_POLICY,
    AmbientSpec,
    Branch,
    Call,
    Emit,
    Eval,
    Exit,
    Expr,
    FlowGraph,
    FlowParam,
    ForEach,
    Graph,
    Handler,
    Loop,
    Mark,
    Op,
    Parallel,
    Policy,
    Race,
    Raise,
    Region,
    Scope,
    Subflow,
    Try,
    Undo,
)
from .printer import PREFIX
from .spec import ClassSpec, Effects, FieldSpec, NodeSpec
from .tokens import GraphSyntaxError, Tokens
from .types import Parameter, Signature

__all__ = ["GraphSyntaxError", "read_graph", "read_region"]

_KINDS = {prefix.strip(): kind for kind, prefix in PREFIX.items() if prefix}


def read_graph(text: str) -> Graph:
    """The graph that a text prints.

    Raises
    ------
    GraphSyntaxError: the text is not a printed graph; names the line.
    """
    with deep():
        return _Reader(text).graph()


def read_region(text: str) -> Region:
    """The region whose operations a text prints."""
    with deep():
        reader = _Reader(text)
        region = reader.region(reader.indent, (), ())
        reader.finish()
        return region


class _Reader:
    """The lines of a text, read downwards; a region ends where the indentation does."""

    def __init__(self, text: str) -> None:
        self.lines = [
            (len(line) - len(line.lstrip()), number, line)
            for number, line in enumerate(text.splitlines(), 1)
            if line.strip() and not line.lstrip().startswith("# ")
        ]
        self.at = 0

    @property
    def indent(self) -> int:
        return self.lines[self.at][0] if self.at < len(self.lines) else -1

    def tokens(self) -> Tokens:
        if self.at >= len(self.lines):
            msg = "the text ends too early"
            raise GraphSyntaxError(msg)
        _, number, line = self.lines[self.at]
        self.at += 1
        return Tokens(line, number)

    def finish(self) -> None:
        if self.at < len(self.lines):
            raise self.tokens().error("this line belongs to nothing")

    # ---- declarations ----------------------------------------------------------------------------

    def graph(self) -> Graph:
        first = self.tokens()
        first.expect("graph")
        entry = first.name()
        first.end()
        flows: dict[str, FlowGraph] = {}
        nodes: dict[str, NodeSpec] = {}
        classes: dict[str, ClassSpec] = {}
        ambient: dict[str, AmbientSpec] = {}
        while self.at < len(self.lines):
            line = self.tokens()
            match line.next():
                case "secret" | "env" as kind:
                    spec = _ambient(line, kind)
                    ambient[spec.name] = spec
                case "class":
                    cls = _class(line)
                    classes[cls.key] = cls
                case "node":
                    node = _node(line)
                    nodes[node.key] = node
                case "flow":
                    flow = self.flow(line)
                    flows[flow.key] = flow
                case word:
                    raise line.error(f"a declaration cannot begin with {word!r}")
            line.end()
        return Graph(entry, flows, nodes, classes, ambient)

    def flow(self, line: Tokens) -> FlowGraph:
        key = line.name()
        line.expect("=")
        name = line.name()
        line.expect("(")

        def param() -> FlowParam:
            kind, name = _param_name(line)
            type = line.type()
            default = line.expr() if line.take("=") else None
            return FlowParam(name, type, default is None and not line.take("?"), default, kind)

        params = line.list(")", param)
        line.expect("->")
        returns = line.type()
        stream = line.take("stream")
        policy = read_policy(line)
        word, body = next(self.blocks(self.indent))
        if word != "body":
            raise line.error("a flow has one region: its body")
        return FlowGraph(key, name, tuple(params), body, returns, stream, policy)

    # ---- regions ---------------------------------------------------------------------------------

    def blocks(self, indent: int) -> Iterator[tuple[Any, Region]]:
        """The regions of an operation: their words (a handler's types) and what is indented below each."""
        while self.indent == indent:
            line = self.tokens()
            word: Any = line.next()
            if word == "except":
                word = None
                if not line.take("any"):
                    line.expect("(")
                    word = tuple(line.list(")", line.expr))
            params = line.list(")", line.value) if line.take("(") else []
            takes = line.list("]", line.value) if line.take("[") else []
            line.expect(":")
            line.end()
            yield word, self.region(self.indent if self.indent > indent else -2, tuple(params), tuple(takes))

    def region(self, indent: int, params: tuple[str, ...], takes: tuple[str, ...]) -> Region:
        ops: list[Op] = []
        marks: list[Mark] = []
        results: tuple[Expr, ...] | None = ()
        while self.indent == indent:
            line = self.tokens()
            if line.after() != ":" and line.take("mark"):
                var = line.name()
                line.expect("=")
                marks.append(Mark(len(ops), var, line.expr()))
            elif line.after() != ":" and line.take("never"):
                results = None
            elif line.after() != ":" and line.take("give"):
                results = (line.expr(),)
                while line.take(","):
                    results += (line.expr(),)
            else:
                ops.append(self.op(line, indent))
            line.end()
        return Region(params, takes, tuple(ops), results, tuple(marks))

    def op(self, line: Tokens, indent: int) -> Op:
        id = line.name()
        line.expect(":")
        results: list[str] = []
        while line.kind == "value" and line.after() in (",", "="):
            results.append(line.value())
            if line.take("="):
                break
            line.expect(",")
        build = _OPS.get(line.word) if line.kind == "name" else None
        if build is None:
            return Eval(id, line.expr(), _one(line, results))
        word = line.next()
        op = build(self, line, word, id, tuple(results), indent)
        if self.indent > indent:
            raise self.tokens().error("this line is indented too far")
        return op


# ---- operations ----------------------------------------------------------------------------------


def _one(line: Tokens, results: list[str] | tuple[str, ...]) -> str:
    if len(results) != 1:
        raise line.error("one result is expected")
    return results[0]


def _head(line: Tokens) -> tuple[tuple[Expr, ...], dict[str, Any]]:
    """Operands and options in brackets. Text and flags are plain values where the graph holds them so."""
    line.expect("(")
    args, kwargs = line.arguments()
    return cast(tuple[Expr, ...], args), dict(kwargs)


def _flag(options: dict[str, Any], key: str, default: Any = False) -> Any:
    return options.pop(key).value if key in options else default


def read_policy(line: Tokens) -> Policy:
    """`` with(retry=3, ...)``, if it comes next."""
    if not line.take("with", "("):
        return NO_POLICY
    options: dict[str, Any] = {}

    def option() -> None:
        key = line.name()
        line.expect("=")
        options[key] = _undo(line) if key == "undo" else line.expr()

    line.list(")", option)
    return Policy(**options)


def _undo(line: Tokens) -> Undo:
    is_flow = line.next() == "flow"
    target = line.name()
    line.expect("(")
    args, kwargs = line.arguments()
    line.expect("as")
    return Undo(target, line.value(), args, kwargs, is_flow)


def _call(reader: _Reader, line: Tokens, word: str, id: str, results: tuple[str, ...], indent: int) -> Op:
    target = line.name()
    line.expect("(")
    args, kwargs = line.arguments()
    policy = read_policy(line)
    result = _one(line, results)
    if word == "call":
        return Call(id, target, args, kwargs, result, policy)
    return Subflow(id, target, args, kwargs, result, policy, word == "detach")


def _arms(reader: _Reader, line: Tokens, word: str, id: str, results: tuple[str, ...], indent: int) -> Op:
    args, options = ((), {}) if word == "parallel" else _head(line)
    regions = tuple(region for _, region in reader.blocks(indent + 2))
    match word:
        case "branch":
            return Branch(id, args, regions, results)
        case "parallel":
            return Parallel(id, regions, results)
        case _:
            return Race(id, regions, _one(line, results), options.get("timeout"))


def _loop(reader: _Reader, line: Tokens, word: str, id: str, results: tuple[str, ...], indent: int) -> Op:
    args, options = _head(line)
    blocks = dict(reader.blocks(indent + 2))
    collects, stream = _flag(options, "collects"), _flag(options, "stream")
    if word == "each":
        collect, rest = _flag(options, "collect"), _flag(options, "rest", "cancel")
        options |= {"collects": collects, "collect": collect, "rest": rest, "stream": stream}
        return ForEach(id, args[0], blocks["body"], results=results, **options)
    options |= {"collects": collects, "stream": stream}
    return Loop(id, blocks["body"], args, condition=blocks.get("condition"), results=results, **options)


def _try(reader: _Reader, line: Tokens, word: str, id: str, results: tuple[str, ...], indent: int) -> Op:
    line.expect("(")

    def entry() -> tuple[str, Expr | None]:
        var = line.name()
        line.expect("=")
        return var, None if line.take("unbound") else line.expr()

    tracked = tuple(line.list(")", entry))
    exits: list[tuple[int, int]] = []
    if line.take("exits"):
        while line.kind == "number":
            carried = int(line.next())
            line.expect("=")
            exits.append((carried, int(line.next())))
    named: dict[str, Region] = {}
    handlers: list[Handler] = []
    for key, region in reader.blocks(indent + 2):
        if isinstance(key, str):
            named[key] = region
        else:
            handlers.append(Handler(key, region))
    return Try(
        id, named["body"], tuple(handlers), named.get("else"), named.get("finally"), tracked, results, tuple(exits)
    )


def _scope(reader: _Reader, line: Tokens, word: str, id: str, results: tuple[str, ...], indent: int) -> Op:
    args, _ = _head(line)
    _, body = next(reader.blocks(indent + 2))
    return Scope(id, cast(Any, word), args[0] if args else None, body, results)


def _leaf(reader: _Reader, line: Tokens, word: str, id: str, results: tuple[str, ...], indent: int) -> Op:
    if word == "raise":
        line.expect("(")
        error = None if line.word in (")", "cause") else line.expr()
        line.take(",")
        has_cause = line.take("cause", "=")
        cause = line.expr() if has_cause and not line.take("nothing") else None
        line.expect(")")
        return Raise(id, error, cause, has_cause)
    args, _ = _head(line)
    if word == "emit":
        line.expect("into")
        return Emit(id, args[0], line.name())
    return Exit(id, cast(Any, word), args)


_Build = Callable[[_Reader, Tokens, str, str, tuple[str, ...], int], Op]
_OPS: dict[str, _Build] = {
    **dict.fromkeys(("call", "flow", "detach"), _call),
    **dict.fromkeys(("branch", "parallel", "race"), _arms),
    **dict.fromkeys(("loop", "each"), _loop),
    "try": _try,
    **dict.fromkeys(("timeout", "lock", "transaction"), _scope),
    **dict.fromkeys(("return", "break", "continue", "raise", "emit"), _leaf),
}

# ---- declarations --------------------------------------------------------------------------------


def _param_name(line: Tokens) -> tuple[str, str]:
    kind = "pos_or_kw"
    if line.word in _KINDS and line.after() != ":":
        kind = _KINDS[line.next()]
    name = line.name()
    line.expect(":")
    return kind, name


def _ambient(line: Tokens, kind: str) -> AmbientSpec:
    name = line.name()
    line.expect(":")
    type = line.type()
    required = not line.take("=")
    return AmbientSpec(cast(Any, kind), name, type, None if required else line.constant(), required)


def _class(line: Tokens) -> ClassSpec:
    key = line.name()
    line.expect("=")
    kind, name = line.name(), line.name()

    def member() -> FieldSpec:
        name = line.name()
        line.expect(":")
        type = line.type()
        required = not line.take("?")
        return FieldSpec(name, type, required, line.name() if line.take("=") else "")

    fields = tuple(line.list(")", member)) if line.take("(") else None
    bases = tuple(line.list(")", line.name)) if line.take("bases", "(") else ()
    source = _text(line, "source")
    members = tuple(line.list(")", line.name)) if line.take("members", "(") else ()
    return ClassSpec(key, name, cast(Any, kind), fields, bases, source, members)


def _text(line: Tokens, word: str) -> str:
    if not line.take(word, "("):
        return ""
    text = line.name()
    line.expect(")")
    return text


def _node(line: Tokens) -> NodeSpec:
    key = line.name()
    line.expect("=")
    name = line.name()
    signature = _signature(line)
    line.take("pure")
    reads = frozenset(line.list(")", line.name)) if line.take("reads", "(") else frozenset[str]()
    writes = frozenset(line.list(")", line.name)) if line.take("writes", "(") else frozenset[str]()
    effects = Effects(reads, writes, line.take("barrier"), not line.take("undeclared"))
    marks = ("async", "stream", "trusted", "transactional")
    is_async, is_stream, trusted, transactional = (line.take(word) for word in marks)
    words = ("runs", "version", "source", "builtin", "seek")
    runs, version, source, builtin, seek = (_text(line, word) for word in words)

    def option() -> tuple[str, Any]:
        key = line.name()
        line.expect("=")
        return key, line.constant()

    runtime, policy = (dict(line.list(")", option)) if line.take(word, "(") else {} for word in ("runtime", "with"))
    return NodeSpec(
        key,
        name,
        signature,
        effects,
        policy,
        is_async,
        is_stream,
        cast(Any, runs or "auto"),
        version,
        source,
        trusted,
        builtin,
        seek,
        transactional,
        runtime=runtime,
    )


def _signature(line: Tokens) -> Signature:
    line.expect("(")
    if line.take("...", ")"):
        return Signature(known=False)

    def param() -> Parameter:
        kind, name = _param_name(line)
        type = line.type()
        required = not line.take("=")
        return Parameter(name, type, kind, required, None if required else line.constant())

    params = tuple(line.list(")", param))
    line.expect("->")
    return Signature(params, line.type())
