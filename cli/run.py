"""``cflow run``: inputs in, progress beside, the result out."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from ..compiler.diagnostics import InputError, ProgramError
from .arguments import Unwritable
from .failures import print_failure, print_interrupted, print_wrong
from .inputs import read_json, read_pairs
from .output import write_result
from .progress import progress
from .target import open_flow


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where the flow failed; 2 where the program or its inputs are wrong; 130 interrupted."""
    from ..executor.underway import settle

    interrupted, code = False, 0
    try:
        code = _run(arguments)
    except KeyboardInterrupt:
        interrupted = True
    with nodes_print_to_standard_error():
        interrupted |= settle()  # the command ends when the runs that the flow has detached do
    if interrupted:
        print_interrupted(json_form=arguments.json)
        return 130
    return code


def _run(arguments: argparse.Namespace) -> int:
    from ..compiler.inputs import as_call, bind_texts
    from ..engine import Engine, default_engine, read_ambient

    try:
        with nodes_print_to_standard_error():  # importing a file runs its top level
            flow = open_flow(arguments.target)
        texts, values = read_pairs(arguments.inputs), read_json(arguments.input)
        compiled = default_engine().compiled(flow)
        classes = compiled.objects.classes
        params = compiled.graph.main.params
        args, inputs = as_call(params, bind_texts(params, texts, values, classes, name=flow.source.name))
        read_ambient(compiled.graph)  # a missing secret is a wrong input too, not a failed flow
    except (ProgramError, InputError) as error:
        print_wrong(error, json_form=arguments.json)
        return 2
    try:
        with progress(events=arguments.events, silent=arguments.json) as sinks:
            options = {} if arguments.limit is None else {"limit": arguments.limit}
            with nodes_print_to_standard_error():
                result = Engine(sinks=sinks, **options).run(flow, *args, **inputs)
            if isinstance(result, Iterator):
                write_result(_apart(result), as_json=arguments.json)
                return 0
    except (BrokenPipeError, Unwritable, KeyboardInterrupt):
        raise
    except BaseException as error:  # a node that calls sys.exit has failed too: its code is not that of the command
        print_failure(error, json_form=arguments.json)
        return 1
    # After the live picture is gone: a result stands below it, alone.
    write_result(result, as_json=arguments.json)
    return 0


@contextlib.contextmanager
def nodes_print_to_standard_error() -> Iterator[None]:
    """Standard output is the result's: what a node prints goes where everything else goes."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _apart(items: Iterator[Any]) -> Iterator[Any]:
    """The items of a stream; what its nodes print while it moves on is not among them."""
    while True:
        with nodes_print_to_standard_error():
            try:
                item = next(items)
            except StopIteration:
                return
        yield item
