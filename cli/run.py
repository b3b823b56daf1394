"""``cflow run``: inputs in, progress beside, the result out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from ..compiler.diagnostics import InputError, ProgramError
from .failures import print_failure, print_wrong
from .inputs import read_json, read_pairs
from .output import write_result
from .progress import progress
from .target import open_flow


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where the flow failed; 2 where the program or its inputs are wrong."""
    from ..engine import Engine

    try:
        flow = open_flow(arguments.target)
        texts, values = read_pairs(arguments.inputs), read_json(arguments.input)
        inputs = _bound(flow, texts, values)
    except (ProgramError, InputError) as error:
        print_wrong(error, json_form=arguments.json)
        return 2
    try:
        with progress(events=arguments.events, silent=arguments.json) as sinks:
            options = {} if arguments.limit is None else {"limit": arguments.limit}
            result = Engine(sinks=sinks, **options).run(flow, **inputs)
            if isinstance(result, Iterator):
                write_result(result, as_json=arguments.json)
                return 0
    except Exception as error:
        print_failure(error, json_form=arguments.json)
        return 1
    # After the live picture is gone: a result stands below it, alone.
    write_result(result, as_json=arguments.json)
    return 0


def _bound(flow: Any, texts: dict[str, str], values: dict[str, Any]) -> dict[str, Any]:
    """The inputs as values of the parameters' types."""
    from ..compiler.inputs import bind_texts

    compiled = flow.compiled
    return bind_texts(compiled.graph.main.params, texts, values, compiled.objects.classes, name=flow.source.name)
