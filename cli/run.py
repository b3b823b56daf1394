"""``cflow run``: inputs in, progress beside, the result out."""

from __future__ import annotations

import sys
from collections.abc import Iterator

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from ..plancache.plans import Kept


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where the flow failed; 2 where the program or its inputs are wrong, or the store cannot be opened;
    130 interrupted."""
    interrupted, code = False, 0
    try:
        code = _run(arguments)
    except KeyboardInterrupt:
        interrupted = True
    underway = sys.modules.get(f"{__name__.partition('.cli.')[0]}.executor.underway")
    if underway is not None:  # else nothing can have been detached
        interrupted |= underway.settle(cut=interrupted)  # the command ends when the runs that the flow has detached do
    if interrupted:
        from .failures import print_interrupted

        print_interrupted(json_form=arguments.json)
        return 130
    return code


def _run(arguments: argparse.Namespace) -> int:
    if arguments.queue is None:
        wrong = "--priority and --key are those of a run in a queue: --queue NAME"
        given = arguments.priority, arguments.key
    else:
        wrong = "--profile and --limit are those of the process that runs it: --queue only submits"
        given = arguments.profile, arguments.limit
    if given != (None, None):
        from .arguments import Usage

        raise Usage(wrong)
    # An engine of its own, or grants: nothing that was kept knows of them.
    if arguments.profile is not None or arguments.store or arguments.queue or arguments.allow is not None:
        return _run_by_engine(arguments, None)
    from ..plancache import plans

    kept = plans.find(arguments.target, bool(arguments.events or not arguments.json))
    if kept is not None:
        from .kept import ready

        run = ready(kept, arguments)
        if run is not None:
            return _finish(arguments, run)
    return _run_by_engine(arguments, kept)


def _run_by_engine(arguments: argparse.Namespace, kept: Kept | None) -> int:
    from ..compiler.diagnostics import InputError, ProgramError
    from ..compiler.inputs import as_call, bind_texts
    from ..dsl.loader.witness import watching
    from ..engine import Engine, default_engine, read_ambient
    from .failures import print_wrong
    from .inputs import read_json, read_pairs
    from .stores import opened
    from .target import open_flow

    known: Any = None
    with watching() as seen:
        try:
            flow = kept.flow(lambda: open_flow(arguments.target)) if kept is not None else None
            fresh = flow is None
            if flow is None:
                flow = open_flow(arguments.target, arguments.allow)
            texts, values = read_pairs(arguments.inputs), read_json(arguments.input)
            compiled = default_engine().compiled(flow)
            classes = compiled.objects.classes
            params = compiled.graph.main.params
            args, inputs = as_call(params, bind_texts(params, texts, values, classes, name=flow.source.name))
            read_ambient(compiled.graph)  # a missing secret is a wrong input too, not a failed flow
            if arguments.profile is not None:
                from .profiles import times_to_update

                known = times_to_update(arguments.profile, flow)
        except (ProgramError, InputError) as error:
            print_wrong(error, json_form=arguments.json)
            return 2

    def run(sinks: list[Any]) -> Any:
        options: dict[str, Any] = {} if arguments.limit is None else {"limit": arguments.limit}
        if arguments.store or arguments.queue:
            options["store"] = arguments.store or ".cflow"
        if arguments.profile is not None:
            from .profiles import profiled

            return profiled(arguments.profile, known, flow, args, inputs, sinks, options)
        engine = opened(Engine(sinks=sinks, **options))
        if arguments.queue:
            queue = engine.queue(arguments.queue).options(priority=arguments.priority or 0, key=arguments.key or "")
            return queue.put(flow, *args, **inputs)
        if fresh and not arguments.store and arguments.allow is None:
            engine.keep(arguments.target, flow, seen)
        return engine.run(flow, *args, **inputs)

    return _finish(arguments, run)


def _finish(arguments: argparse.Namespace, run: Callable[[list[Any]], Any]) -> int:
    """Run, with what is shown of it meanwhile; then the result, or what went wrong."""
    from .output import write_result
    from .progress import progress

    try:
        with progress(events=arguments.events, silent=bool(arguments.json or arguments.queue)) as sinks:
            result = run(sinks)
            if isinstance(result, Iterator):
                write_result(result, as_json=arguments.json)
                return 0
    except BaseException as error:  # a node that calls sys.exit has failed too: its code is not that of the command
        from .arguments import Unwritable

        if isinstance(error, (BrokenPipeError, Unwritable, KeyboardInterrupt)):
            raise
        from .failures import print_failure, print_unusable
        from .stores import Unusable

        if isinstance(error, Unusable):
            print_unusable(error.why, json_form=arguments.json)
            return 2
        print_failure(error, json_form=arguments.json)
        return 1
    # After the live picture is gone: a result stands below it, alone.
    write_result(result, as_json=arguments.json)
    return 0
