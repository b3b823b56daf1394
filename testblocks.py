"""The ``test`` blocks of a file, run: each by itself, in virtual time, with doubles of its own.

A test's body is compiled and run like a flow. Before that each ``assert`` in it is given a message that shows what was
compared.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from attrs import define, evolve, field, frozen

from .compiler import ir
from .compiler.diagnostics import Collector, Diagnostic, ProgramError, Span
from .compiler.inputs import bind_inputs
from .compiler.secrets import hide
from .compiler.spec import Objects
from .doubles import Mock, Stage, stand_in
from .dsl import syntax as s
from .dsl.loader import LoadedModule, load_module
from .dsl.loader.grants import check_calls
from .dsl.lower import check_module, lower_test
from .engine import Compiled, Engine
from .virtual_time import play, unless_for_ever


@frozen
class Attempt:
    """How a flow ended. ``value``: what it gave (of a stream: the list of its items); ``error``: what it raised, else
    None."""

    value: Any = None
    error: BaseException | None = None


@define
class TestResult:
    """One test that was run.

    Parameters
    ----------
    title: what the test says it shows.
    span: where it stands.
    error: what ended it; None where it passed.
    changed: values that nodes changed though they must not, in words.
    """

    __test__ = False

    title: str
    span: Span
    error: BaseException | None = None
    changed: list[str] = field(factory=list)

    @property
    def passed(self) -> bool:
        return self.error is None and not self.changed

    @property
    def message(self) -> str:
        """What went wrong, for people, secrets hidden; empty where nothing did."""
        lines = []
        if isinstance(self.error, AssertionError):
            lines.append(str(self.error))
        elif self.error is not None:
            lines.append(f"{type(self.error).__name__}: {self.error}")
            lines += getattr(self.error, "__notes__", ())
        return hide("\n".join([*lines, *self.changed]))


def run_tests(
    path: Path | str, *, allow: Iterable[str] | None = None, chosen: Callable[[str], bool] | None = None
) -> list[TestResult]:
    """Run the tests of a ``.cflow`` file, one after another.

    Parameters
    ----------
    path: of the file.
    allow: as for :func:`cflow.load`.
    chosen: given a test's title: shall it run? None: all run.

    Raises
    ------
    ProgramError: the file is wrong, one of its tests included.
    """
    module = load_tests(path, allow)
    return [run_test(module, test) for test in module.tests if chosen is None or chosen(test.title)]


def load_tests(path: Path | str, allow: Iterable[str] | None = None) -> LoadedModule:
    """A file that was loaded and checked, to run its tests.

    Raises
    ------
    ProgramError: the file is wrong, or is not one with tests.
    """
    found = Collector()
    module = load_module(path, allow=allow, collector=found)
    if module is not None and module.is_python:
        message = "the tests of a Python file are pytest's"
        help = "run it with pytest, and use cflow.testing in it"
        raise ProgramError([Diagnostic("python-tests", "error", message, Span(str(path), 1), help=help)])
    if module is not None:
        check_calls(check_module(module.syntax, module.scope, module.flows, found), module.granted, found)
    if module is None or found.failed:
        raise ProgramError(found.items)
    return module


def run_test(module: LoadedModule, test: s.Test) -> TestResult:
    """Run one test."""
    result = TestResult(test.title, test.span)
    found = Collector()
    lowered = lower_test(evolve(test, body=explained(test, module.text)), module.scope, found)
    if lowered is None:
        raise ProgramError(found.items)
    compiled = Compiled(lowered.graph, lowered.objects)
    stage = Stage(compare=True)
    run = TestRun(compiled, stage)
    try:
        with secrets_for(compiled.graph):
            play(run.main)
    except Exception as error:
        result.error = error
    stage.look()
    result.changed = stage.changed
    return result


@define(eq=False)
class TestRun:
    """One test while it runs: the operations that only tests have."""

    __test__ = False

    compiled: Compiled
    stage: Stage
    engine: Engine = field(init=False)

    def __attrs_post_init__(self) -> None:
        operations: dict[str, Any] = {"mock": self.mock, "attempt": self.attempt, "calls": self.calls}
        self.engine = Engine(substitute=self.stage.substitute, builtins=operations)

    async def main(self) -> None:
        await self.engine.start_compiled(self.compiled, {})

    def function(self, target: ir.Global) -> Callable[..., Any]:
        if target.kind != "node":
            msg = f"{target.key!r} is a flow: mock the nodes that it calls, and look at their calls"
            raise TypeError(msg)
        objects: Objects = self.compiled.objects
        return objects.nodes[target.key]

    async def mock(self, run: Any, log: Any, target: ir.Global, *, value: Any = None, error: Any = None) -> None:
        self.stage.mock(self.function(target), Mock(value, error))

    async def calls(self, run: Any, log: Any, target: ir.Global) -> list[Any]:
        return self.stage.calls(self.function(target))

    async def attempt(self, run: Any, log: Any, target: ir.Global, *args: Any, **kwargs: Any) -> Attempt:
        run_it = self.node(target, args, kwargs) if target.kind == "node" else self.flow(target, args, kwargs)
        try:
            return Attempt(await unless_for_ever(run_it))
        except Exception as error:
            return Attempt(None, error)

    def node(self, target: ir.Global, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[[], Awaitable[Any]]:
        """One call of a node, as :meth:`attempt` awaits it."""
        fn = stand_in(self.compiled.graph.nodes[target.key], self.function(target), lambda: self.stage)

        async def call() -> Any:
            value = fn(*args, **kwargs)
            return [item async for item in value] if hasattr(value, "__aiter__") else await value

        return call

    def flow(self, target: ir.Global, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[[], Awaitable[Any]]:
        """One run of a flow, as :meth:`attempt` awaits it."""
        graph, objects = self.compiled.graph, self.compiled.objects
        entered = Compiled(evolve(graph, entry=target.key), objects)
        flow = graph.flows[target.key]

        async def run() -> Any:
            return await finished(
                self.engine, entered, bind_inputs(flow.params, args, kwargs, objects.classes, name=flow.name)
            )

        return run


async def finished(engine: Engine, compiled: Compiled, bound: Mapping[str, Any]) -> Any:
    """The result of a run; of a stream flow the list of its items."""
    value = await engine.start_compiled(compiled, bound)
    return [item async for item in value] if compiled.graph.main.stream else value


@contextmanager
def secrets_for(graph: ir.Graph) -> Iterator[None]:
    """A stand-in for every secret that is not set: a test that mocks who uses it needs none."""
    missing = [a.name for a in graph.ambient.values() if a.kind == "secret" and a.name not in os.environ]
    os.environ.update({name: f"<{name}>" for name in missing})
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)


# ---- assertions that say what they saw -----------------------------------------------------------


def explained(test: s.Test, text: str) -> tuple[s.Stmt, ...]:
    """The body of a test, each ``assert`` in it with a message that shows its text and the values in it."""
    return _Explainer(text.splitlines(), set(_assigned(test.body))).body(test.body)


def _assigned(node: Any) -> Iterator[str]:
    """The names that a body assigns."""
    if isinstance(node, (s.Assign, s.AugAssign, s.For, s.ForClause)):
        yield from _targets(node.target)
    if isinstance(node, tuple):
        for item in node:
            yield from _assigned(item)
    for part in _parts(node):
        yield from _assigned(part)


def _targets(target: s.Expr) -> Iterator[str]:
    match target:
        case s.Name(id=name):
            yield name
        case s.Display(items=items):
            for item in items:
                yield from _targets(item)
        case s.Starred(value=inner):
            yield from _targets(inner)


@define
class _Explainer:
    lines: list[str]
    names: set[str]
    made: int = 0

    def body(self, statements: tuple[s.Stmt, ...]) -> tuple[s.Stmt, ...]:
        return tuple(new for old in statements for new in self.statement(old))

    def statement(self, node: s.Stmt) -> Iterator[s.Stmt]:
        match node:
            case s.Assert():
                yield from self.assertion(node)
            case s.If():
                yield evolve(node, bodies=tuple(map(self.body, node.bodies)), orelse=self.body(node.orelse))
            case s.For() | s.While():
                yield evolve(node, body=self.body(node.body), orelse=self.body(node.orelse))
            case s.With():
                yield evolve(node, body=self.body(node.body))
            case s.Try():
                handlers = tuple(evolve(h, body=self.body(h.body)) for h in node.handlers)
                yield evolve(
                    node, body=self.body(node.body), handlers=handlers, orelse=self.body(node.orelse),
                    final=self.body(node.final)
                )  # fmt: skip
            case s.Match():
                yield evolve(node, cases=tuple(evolve(c, body=self.body(c.body)) for c in node.cases))
            case _:  # in a `parallel:` block each statement is an arm: nothing may be put beside it
                yield node

    def assertion(self, node: s.Assert) -> Iterator[s.Stmt]:
        test, shown = node.test, dict[str, s.Expr]()
        match test:
            case s.Compare(left=left, ops=(op,), rights=(right,)) if op not in ("is", "is not"):
                sides: list[s.Expr] = []
                for side in (left, right):
                    if _calls(side):
                        kept = self.name(side)
                        yield s.Assign(kept, side, span=side.span)
                        shown[self.text(side.span)] = kept
                        side = kept
                    elif not isinstance(side, s.Constant):
                        shown[self.text(side.span)] = side
                    sides.append(side)
                test = evolve(test, left=sides[0], rights=(sides[1],))
            case _:
                shown = {
                    self.text(e.span): e
                    for e in self.readable(test, whole=not isinstance(test, (s.Logical, s.Conditional)))
                }
        yield s.Assert(test, self.message(node, shown), span=node.span)

    def name(self, side: s.Expr) -> s.Name:
        self.made += 1
        return s.Name(f"_shown_{self.made}", span=side.span)

    def message(self, node: s.Assert, shown: Mapping[str, s.Expr]) -> s.Expr:
        parts: list[str | s.FormattedValue] = []
        if node.message is not None:
            parts += [s.FormattedValue(node.message, span=node.message.span), "\n"]
        parts.append(f"assert {self.text(node.test.span)}")
        for text, value in shown.items():
            if isinstance(value, (s.Display, s.DictDisplay)) and not _names(value):
                continue  # a literal says itself
            parts += [f"\n  {text} is ", s.FormattedValue(value, "r", span=node.span)]
        return s.FString(tuple(parts), span=node.span)

    def readable(self, node: Any, *, whole: bool) -> Iterator[s.Expr]:
        """The names in an expression, and (``whole``) what is read from them: they may be read again to show them."""
        root = node
        while isinstance(root, (s.Attribute, s.Subscript)):
            if isinstance(root, s.Subscript) and not isinstance(root.index, s.Constant):
                break
            root = root.value
        if isinstance(root, s.Name) and root.id in self.names:
            yield node if whole else root
            return
        if isinstance(node, (s.Comprehension, s.FString)):
            return
        inner_whole = whole and not isinstance(node, (s.Logical, s.Conditional))
        for part in _parts(node, leave=("func", "span")):
            yield from self.readable(part, whole=inner_whole)
        if isinstance(node, tuple):
            for item in node:
                yield from self.readable(item, whole=inner_whole)

    def text(self, span: Span) -> str:
        """What the author wrote there."""
        if span.line == span.end_line:
            return self.lines[span.line - 1][span.column - 1 : span.end_column - 1]
        first = self.lines[span.line - 1][span.column - 1 :]
        between = self.lines[span.line : span.end_line - 1]
        last = self.lines[span.end_line - 1][: span.end_column - 1]
        return " ".join(part.strip() for part in (first, *between, last))


def _calls(node: Any) -> bool:
    """Is anything called in the expression?"""
    if isinstance(node, (s.Call, s.Form)):
        return True
    if isinstance(node, tuple):
        return any(map(_calls, node))
    return any(map(_calls, _parts(node)))


def _names(node: Any) -> bool:
    if isinstance(node, s.Name):
        return True
    if isinstance(node, tuple):
        return any(map(_names, node))
    return any(map(_names, _parts(node)))


def _parts(node: Any, leave: tuple[str, ...] = ()) -> Iterator[Any]:
    """What a node of the tree is made of; nothing for anything else."""
    if attrs.has(type(node)):
        yield from (getattr(node, a.name) for a in attrs.fields(type(node)) if a.name not in leave)
