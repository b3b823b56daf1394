"""``cflow test``: the test blocks of files, a line each as they end; what failed is shown with its place."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..compiler.diagnostics import Diagnostic, Span
from ..compiler.render import render
from ..compiler.secrets import hide
from ..executor.told import causes, context_of, further_notes, own_frames, said, way
from .failures import disk_sources
from .output import emit, note, wants_colour
from .target import Wrong, report_wrong

if TYPE_CHECKING:
    from ..testing import TestResult


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where a test failed; 2 where a file is wrong."""
    results: list[tuple[str, TestResult]] = []
    with report_wrong() as wrong:
        for name, result in _run(arguments, wrong):
            results.append((name, result))
            if not arguments.json:
                emit(f"{'ok    ' if result.passed else 'FAILED'}  {name}: {result.title}", flush=True)
    failed = [(name, result) for name, result in results if not result.passed]
    if arguments.json:
        emit(json.dumps([_json(name, result) for name, result in results], ensure_ascii=False))
    else:
        for _, result in failed:
            note("\n" + _shown(result))
        note(f"{len(results) - len(failed)} passed" + (f", {len(failed)} failed" if failed else ""))
    return wrong.code or (1 if failed else 0)


def _run(arguments: argparse.Namespace, wrong: Wrong) -> Iterator[tuple[str, TestResult]]:
    """The results, one by one; a wrong file is told, and the others have their turn."""
    from ..testblocks import load_tests, run_test

    for name in arguments.files:
        tests: list[Any] = []
        with wrong.each():
            module = load_tests(name, arguments.allow)
            tests = list(module.tests)
        for test in tests:
            with wrong.each():
                yield name, run_test(module, test)


def _shown(result: TestResult) -> str:
    """A failed test, for people: the line that ended it, and what is known beyond."""
    error = result.error
    frames: list[str] = []
    if error is None or isinstance(error, AssertionError):
        first, *rest = result.message.splitlines() or ["it failed"]
    else:
        name, text = type(error).__name__, said(error)
        first, *rest = f"{name}: {text}".splitlines() if text else [name]
        rest += [*causes(error), *way(context_of(error)), *further_notes(error), *result.changed]
        frames = own_frames(error)
    finding = Diagnostic("test-failed", "error", f"{result.title}: {first}", _place(result))
    lines = [*(f"   = {line.strip()}" for line in rest), *(f"     {frame}" for frame in frames)]
    return hide("\n".join([render(finding, disk_sources, color=wants_colour(sys.stderr)), *lines]))


def _place(result: TestResult) -> Span:
    where = None if result.error is None else context_of(result.error)
    return result.span if where is None or not where.span.line else where.span


def _json(name: str, result: TestResult) -> dict[str, Any]:
    return {
        "file": name,
        "test": result.title,
        "passed": result.passed,
        "line": _place(result).line,
        "message": result.message,
    }
