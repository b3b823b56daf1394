"""Checking one whole ``.cflow`` file: its flows and tests, its parameters' and declarations' names, its imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...compiler.diagnostics import NOWHERE, Collector, Span
from ...compiler.ir import Graph
from .. import syntax as s
from ..scope import FlowSource, Scope
from .api import lower_test_body, lower_waiting
from .order_checks import check_order
from .program import Program
from .report import Reporter
from .trees import Node, exprs, pattern_exprs, statements, subtree


def check_module(module: s.Module, scope: Scope, flows: Mapping[str, FlowSource], collector: Collector) -> Program:
    """Report everything that is wrong with one file, and with the flows of other files that it calls.

    Gives the program that holds all its flows; :func:`~.part.part` takes one out, where nothing was wrong.

    Parameters
    ----------
    module: the file's tree.
    scope: what its names mean.
    flows: the flows that it declares.
    collector: gets the findings.
    """
    program = Program(Reporter(collector))
    for source in flows.values():
        program.use_flow(source, NOWHERE)
    lower_waiting(program)
    titles: set[str] = set()
    for i, test in enumerate(d for d in module.declarations if isinstance(d, s.Test)):
        if test.title in titles:
            program.report(
                "duplicate-name", test.span, f"two tests are called {test.title!r}", help="rename one of them"
            )
        titles.add(test.title)
        lower_test_body(program, test, scope, f"test {i + 1}")
    lower_waiting(program)
    if not program.report.failed and program.flows:
        check_order(
            program.report,
            Graph(next(iter(program.flows)), program.flows, program.nodes, program.classes, program.ambient),
        )
    _unused_imports(program.report, module)
    return program


def _unused_imports(report: Reporter, module: s.Module) -> None:
    used = {node.id for node in _all_names(module)} | module.refused
    for name, span in _imported(module):
        if name not in used:
            report("unused-import", span, f"{name!r} is imported and not used", help=f"remove {name} from the import")


def _imported(module: s.Module) -> Iterator[tuple[str, Span]]:
    for declaration in module.declarations:
        if isinstance(declaration, (s.ImportPack, s.ImportFrom)):
            for _, name in declaration.names:
                yield name, declaration.span


def _all_names(module: s.Module) -> Iterator[s.Name]:
    for declaration in module.declarations:
        for node in _roots(declaration):
            for part in subtree(node):
                if isinstance(part, s.Name):
                    yield part


def _roots(declaration: s.Declaration) -> Iterator[Node]:
    """Every expression of a declaration, those of its body included."""
    match declaration:
        case s.Flow():
            for param in declaration.params:
                yield from _present(param.annotation, param.default)
            yield from _present(declaration.returns)
            yield from (o.value for o in declaration.options)
            yield from _of_body(declaration.body)
        case s.Test():
            yield from _of_body(declaration.body)
        case s.EnvDecl():
            yield from _present(declaration.annotation, declaration.default)
        case s.ConstDecl():
            yield from _present(declaration.annotation, declaration.value)
        case s.TypeDecl():
            yield from _present(declaration.alias)
            for field in declaration.fields:
                yield from _present(field.annotation, field.default)
        case s.ImportFrom():
            yield from (o.value for o in declaration.options)
        case s.ImportPack() | s.SecretDecl():
            return


def _of_body(body: tuple[s.Stmt, ...]) -> Iterator[Node]:
    for statement in statements(body):
        yield from exprs(statement)
        match statement:
            case s.Assign():
                yield from _present(statement.annotation)
            case s.For():
                yield from _present(statement.annotation)
            case s.Match():
                for case in statement.cases:
                    yield from pattern_exprs(case.pattern)
            case _:
                pass


def _present(*nodes: s.Expr | None) -> Iterator[s.Expr]:
    return (n for n in nodes if n is not None)
