"""``cflow bench``: what a flow takes, where the time goes, and whether that has become more."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compiler.diagnostics import InputError, ProgramError
from .arguments import Unwritable
from .failures import print_failure, print_wrong
from .inputs import read_json, read_pairs
from .output import emit, note, to_json, wants_colour
from .streams import results
from .target import open_flow, refuse_unwritable, split

if TYPE_CHECKING:
    from ..measure.flows import Compared, Figures
    from ..measure.saved import Saved

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Of a call: by position, by keyword."""


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where the flow failed, or a loss above ``--fail-above`` is clear; 2 where the program, its inputs
    or a file of figures is wrong."""
    try:
        flow = open_flow(arguments.target, arguments.allow)
        inputs, call = _inputs(arguments, flow)
        if arguments.fail_above is not None and arguments.baseline is None:
            raise InputError("--fail-above needs something to compare with: --baseline FILE")
        if arguments.save is not None:
            refuse_unwritable(arguments.save)
        then = _baseline(arguments.baseline)
        if then is not None:
            _refuse_other(arguments.baseline, then, flow, inputs, arguments.target)
        profile, times = _times(arguments, flow, then)
    except (ProgramError, InputError) as error:
        print_wrong(error, json_form=arguments.json)
        return 2
    from ..measure.flows import TooLarge

    try:
        figures, compared = _measure(arguments, flow, call, profile, then)
    except (BrokenPipeError, Unwritable, KeyboardInterrupt):
        raise
    except TooLarge as error:
        print_wrong(InputError(f"{error}; --repeat-writes runs it for real each time"), json_form=arguments.json)
        return 2
    except BaseException as error:
        print_failure(error, json_form=arguments.json)
        return 1
    lost = compared is not None and compared.verdict == "loss"
    if lost and _is_baseline(arguments):
        note(f"{arguments.save} is kept as it was: after a loss the baseline is not renewed")
    elif arguments.save is not None and not _saved(arguments, figures, inputs):
        return 2
    _print(arguments, figures, compared, times)
    return 1 if lost else 0


def _inputs(arguments: argparse.Namespace, flow: Any) -> tuple[dict[str, Any], Arguments]:
    """The inputs, converted, and the arguments of a call that gives them."""
    from ..compiler.inputs import as_call, bind_texts
    from ..engine import default_engine, read_ambient

    texts, values = read_pairs(arguments.inputs), read_json(arguments.input)
    compiled = default_engine().compiled(flow)
    read_ambient(compiled.graph)
    params = compiled.graph.main.params
    bound = bind_texts(params, texts, values, compiled.objects.classes, name=flow.source.name)
    return bound, as_call(params, bound)


def _baseline(path: str | None) -> Saved | None:
    if path is None:
        return None
    from ..measure.documents import BadDocument
    from ..measure.saved import load

    try:
        return load(Path(path))
    except BadDocument as error:
        raise InputError(str(error)) from None


def _refuse_other(path: str, then: Saved, flow: Any, inputs: dict[str, Any], target: str) -> None:
    """A baseline is of the same flow with the same inputs, whose code may have changed: that is what is compared."""
    from .profiles import codes_of

    name, known = flow.source.name, then.figures.profile.seconds
    if then.figures.flow != name:
        raise InputError(f"{path} has figures of the flow {then.figures.flow!r}, not of {name!r}: they do not compare")
    if then.program and then.program != _program(target) and known and not known.keys() & codes_of(flow).keys():
        msg = f"{path} has figures of {then.program}, which has no node in common with {target}: they do not compare"
        raise InputError(msg)
    if then.inputs and then.inputs != _hash(inputs):
        raise InputError(f"{path} was measured with other inputs: give the same ones, or --save figures with these")


def _program(target: str) -> str:
    """The name of the file that holds the flow: its folder may be that of another version."""
    return split(target)[0].name


def _times(arguments: argparse.Namespace, flow: Any, then: Saved | None) -> tuple[Any, str]:
    """The times that stand-ins take, where they are not those of this run, and the file they are from. A baseline that
    was measured with stand-ins is compared with stand-ins that take the same times."""
    if arguments.profile is not None:
        from .profiles import times_for

        return times_for(arguments.profile, flow), arguments.profile
    if then is not None and then.figures.mode == "stand-ins" and arguments.repeat_writes:
        msg = f"{arguments.baseline} was measured with stand-ins, which runs for real do not compare with"
        raise InputError(f"{msg}: leave --repeat-writes out, or --save figures with it")
    if then is not None and then.figures.mode == "stand-ins":
        return then.figures.profile, arguments.baseline
    return None, ""


def _is_baseline(arguments: argparse.Namespace) -> bool:
    """Would ``--save`` write over the baseline?"""
    save, baseline = arguments.save, arguments.baseline
    return save is not None and baseline is not None and Path(save).resolve() == Path(baseline).resolve()


def _measure(
    arguments: argparse.Namespace, flow: Any, call: Arguments, profile: Any, then: Saved | None
) -> tuple[Figures, Compared | None]:
    from ..measure.flows import Bench, Wanted, compare
    from ..measure.subject import Subject

    wanted = Wanted(arguments.rounds, arguments.warm_up, arguments.seconds, arguments.repeat_writes, profile)
    bench = Bench(Subject(flow, call[1], profile, call[0]), wanted, note)
    bench.prepare()
    bench.rounds()
    if then is not None and arguments.fail_above is not None:
        bench.until_clear(then.figures, arguments.fail_above)
    figures = bench.figures()
    return figures, None if then is None else compare(figures, then.figures, arguments.fail_above)


def _hash(inputs: dict[str, Any]) -> str:
    return hashlib.sha256(to_json(inputs).encode()).hexdigest()[:16]


def _saved(arguments: argparse.Namespace, figures: Figures, inputs: dict[str, Any]) -> bool:
    from ..measure.saved import save

    try:
        save(Path(arguments.save), figures, _hash(inputs), _program(arguments.target))
    except OSError as error:
        wrong = InputError(f"{arguments.save} cannot be written: {error.strerror or error}")
        print_wrong(wrong, json_form=arguments.json)
        return False
    return True


def _print(arguments: argparse.Namespace, figures: Figures, compared: Compared | None, times: str) -> None:
    from .benchtext import as_json, lines, table

    if arguments.json:
        emit(to_json(as_json(figures, compared, times)))
    elif wants_colour(results()):
        table(figures, compared, arguments.target, times)
    else:
        emit("\n".join(lines(figures, compared, arguments.target, times)))
