"""``cflow run``: inputs in, progress beside, the result out."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..compiler.diagnostics import InputError, ProgramError
from .failures import print_failure, print_wrong
from .inputs import read_json, read_pairs
from .output import Hidden, write_result
from .progress import progress
from .target import open_flow

if TYPE_CHECKING:
    from ..compiler.ir import Graph


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where the flow failed; 2 where the program or its inputs are wrong."""
    from ..compiler.inputs import bind_texts
    from ..engine import Engine, default_engine, read_ambient

    try:
        flow = open_flow(arguments.target)
        texts, values = read_pairs(arguments.inputs), read_json(arguments.input)
        compiled = default_engine().compiled(flow)
        classes = compiled.objects.classes
        inputs = bind_texts(compiled.graph.main.params, texts, values, classes, name=flow.source.name)
        read_ambient(compiled.graph)  # a missing secret is a wrong input too, not a failed flow
    except (ProgramError, InputError) as error:
        print_wrong(error, json_form=arguments.json)
        return 2
    hide = secrets_of(compiled.graph)
    try:
        with progress(events=arguments.events, silent=arguments.json, hide=hide) as sinks:
            options = {} if arguments.limit is None else {"limit": arguments.limit}
            result = Engine(sinks=sinks, **options).run(flow, **inputs)
            if isinstance(result, Iterator):
                write_result(result, as_json=arguments.json, hide=hide)
                return 0
    except BrokenPipeError:
        raise
    except Exception as error:
        print_failure(error, json_form=arguments.json, hide=hide)
        return 1
    # After the live picture is gone: a result stands below it, alone.
    write_result(result, as_json=arguments.json, hide=hide)
    return 0


def secrets_of(graph: Graph) -> Hidden:
    """The values of the program's secrets, which nothing may show."""
    return Hidden(os.environ.get(spec.name, "") for spec in graph.ambient.values() if spec.kind == "secret")
