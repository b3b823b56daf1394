"""``--profile FILE``: the times that nodes took in earlier runs, and whether they are those of the program at hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from ..compiler.diagnostics import InputError
from ..engine import Engine, default_engine
from ..executor import underway
from ..measure.documents import BadDocument
from ..measure.nodetimes import NodeTimes
from ..measure.saved import profile_in, save_profile
from ..planner.counts import block_names
from ..planner.profile import BadProfile, Profile, codes, load
from .output import note
from .stores import opened
from .target import refuse_unwritable


def times_for(path: str, flow: Any) -> Profile:
    """What a file, a profile or figures that ``bench --save`` wrote, knows of a flow; a line on standard error tells
    which nodes it has no time for.

    Raises
    ------
    InputError: there is no such file, or it knows no node of the flow.
    """
    try:
        known = profile_in(Path(path))
    except BadDocument as error:
        raise InputError(str(error)) from None
    program = codes_of(flow)
    fitting = known.of_program(program, blocks_of(flow), flow.digest)
    name = flow.source.name
    if not fitting.calls and (known.calls or program):
        changed = [id for id in known.seconds if id in program]
        why = f"{_listed(changed)} changed since" if changed else f"it is of a flow {known.flow!r}"
        raise InputError(f"{path} has no time for any node of {name}: {why}")
    without = [id for id in program if id not in fitting.calls]
    if without:
        note(f"note: {path} has no time for {_listed(without)}")
    if known.flow == name:
        return fitting
    note(f"note: {path} is of the flow {known.flow!r}: of {name} it tells node times, and not how often calls are made")
    return evolve(fitting, calls={}, blocks={}, limits={})


def codes_of(flow: Any) -> dict[str, str]:
    """The calls of a flow by id, each with what tells its node's code."""
    return codes(default_engine().compiled(flow).optimized)


def blocks_of(flow: Any) -> list[str]:
    """The names of a flow's blocks, and of those of the flows it calls."""
    return list(block_names(default_engine().compiled(flow).optimized).values())


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(ids[:6]) + (f" and {len(ids) - 6} more" if ids[6:] else "")


def times_to_update(path: str, flow: Any) -> Profile | None:
    """What the profile that a run will bring up to date knows of the flow as it is now; None: there is no file yet.

    Raises
    ------
    InputError: nothing can be written there, or there is a file that a run would destroy: it is no profile, or one of
    another flow.
    """
    refuse_unwritable(path)
    if not Path(path).is_file():  # a device or a pipe tells nothing
        return None
    try:
        known = load(Path(path))
    except BadProfile as error:
        raise InputError(f"{error}; it would be written over: name another file") from None
    name, program = flow.source.name, codes_of(flow)
    if known.flow != name or (known.seconds and not known.seconds.keys() & program.keys()):
        whose = f"the flow {known.flow!r}" if known.flow != name else f"another flow {name!r}"
        raise InputError(f"{path} is the profile of {whose}; it would be written over: name another file")
    return known.of_program(program, blocks_of(flow), flow.digest)


def profiled(
    path: str,
    known: Profile | None,
    flow: Any,
    args: Sequence[Any],
    inputs: Mapping[str, Any],
    sinks: Sequence[Any],
    options: Mapping[str, Any],
) -> Any:
    """Run a flow with what is known of its nodes; what they took now is written to the file when the run is over."""
    times = NodeTimes()
    engine = opened(Engine(sinks=sinks, substitute=times.substitute, tally=times.blocks, profile=known, **options))
    result = engine.run(flow, *args, **inputs)

    def save() -> None:
        underway.settle()  # what it detached is part of what it does
        try:
            now = times.profile(flow.source.name, flow.digest, codes_of(flow), blocks_of(flow), known)
            save_profile(Path(path), now)
        except OSError as error:  # the result is worth more
            print(f"warning: {path} cannot be written: {error.strerror or error}", file=sys.stderr)

    if isinstance(result, Iterator):
        return _and_then(result, save)
    save()
    return result


def _and_then(items: Iterator[Any], last: Callable[[], None]) -> Iterator[Any]:
    yield from items
    last()
