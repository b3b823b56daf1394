"""``cflow check``: every finding of every file, in the form that was asked for. Nothing runs, nothing is imported."""

from __future__ import annotations

import sys

from .streams import results

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from ..compiler.diagnostics import Collector, Diagnostic
    from ..dsl.scope import FlowSource


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0, or 2 where a file has errors; warnings change nothing."""
    found: list[Diagnostic] = []
    for name in arguments.files:
        for diagnostic in _findings(name, arguments.advice, arguments.allow):
            if diagnostic not in found:
                found.append(diagnostic)
    if found or arguments.format == "json":
        _print(found, arguments.format)
    errors = sum(d.severity == "error" for d in found)
    if arguments.format == "people":
        counts = _sum(len(arguments.files), errors, sum(d.severity == "warning" for d in found))
        if (out := results()) is not None:
            out.flush()  # in a pipe, too, the sum stands last
        print(counts, file=sys.stderr, flush=True)
    return 2 if errors else 0


def _findings(name: str, advice: bool, allow: list[str] | None) -> list[Diagnostic]:
    """The findings about a file: those of the last time, where nothing has changed."""
    from ..plancache import checks

    kept = checks.find(name, advice) if allow is None else None
    if kept is not None:
        return kept
    from pathlib import Path

    from ..dsl.loader.witness import watching

    with watching() as seen:
        found = check_file(Path(name), advice=advice, allow=allow)
    if allow is None:
        checks.keep(name, advice, found, seen)
    return found


def check_file(path: Path, *, advice: bool = False, allow: list[str] | None = None) -> list[Diagnostic]:
    """The findings about one file, errors of reading it included, in the order of its lines.

    ``advice``: also what a declaration of a node's effects would let overlap. ``allow``: what is granted to a program
    that is not trusted; None: it is.
    """
    from ..compiler.diagnostics import Collector
    from ..dsl.loader import load_module
    from ..dsl.loader.grants import check_calls
    from ..dsl.lower import check_module

    collector = Collector()
    module = load_module(path, allow=allow, execute=False, collector=collector)
    if module is not None:
        check_calls(check_module(module.syntax, module.scope, module.flows, collector), module.granted, collector)
        if advice and not collector.failed:
            for source in module.flows.values():
                _advise(source, collector)
    return sorted(collector.items, key=lambda d: (d.span.file != str(path), d.span.file, d.span.line, d.span.column))


def _advise(source: FlowSource, collector: Collector) -> None:
    from ..compiler.diagnostics import Collector
    from ..dsl.lower import lower
    from ..planner.advice import diagnostics
    from ..planner.order import Orderer

    lowered = lower(source, Collector())
    if lowered is not None:
        orderer = Orderer(lowered.graph)
        orders = {key: orderer.region(flow.body) for key, flow in lowered.graph.flows.items()}
        for diagnostic in diagnostics(lowered.graph, orders):
            collector.add(diagnostic)


def _print(found: list[Diagnostic], form: str) -> None:
    import json

    from ..compiler.render import as_json, render, render_line
    from .failures import disk_sources
    from .output import emit, wants_colour

    match form:
        case "json":
            emit(json.dumps([as_json(d) for d in found], ensure_ascii=False))
        case "line":
            for diagnostic in found:
                emit(render_line(diagnostic))
        case _:
            for diagnostic in found:
                emit(render(diagnostic, disk_sources, color=wants_colour(results())) + "\n")


def _sum(files: int, errors: int, warnings: int) -> str:
    said = [_count(errors, "error")] * (errors > 0) + [_count(warnings, "warning")] * (warnings > 0)
    return f"{_count(files, 'file')}: {', '.join(said) or 'no findings'}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + "s" * (number != 1)
