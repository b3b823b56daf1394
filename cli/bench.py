"""``cflow bench``: what a flow takes, where the time goes, and whether that has become more."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compiler.diagnostics import InputError, ProgramError
from .arguments import Unwritable
from .failures import print_failure, print_wrong
from .inputs import read_json, read_pairs
from .output import emit, note, to_json, wants_colour
from .run import nodes_print_to_standard_error
from .target import open_flow

if TYPE_CHECKING:
    from ..measure.flows import Compared, Figures
    from ..measure.saved import Saved

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Of a call: by position, by keyword."""


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where the flow failed, or a loss above ``--fail-above`` is clear; 2 where the program, its inputs
    or a file of figures is wrong."""
    try:
        with nodes_print_to_standard_error():
            flow = open_flow(arguments.target)
        inputs, call = _inputs(arguments, flow)
        if arguments.fail_above is not None and arguments.baseline is None:
            raise InputError("--fail-above needs something to compare with: --baseline FILE")
        then = _baseline(arguments.baseline)
        profile = _profile(arguments.profile) or _of_baseline(then)
    except (ProgramError, InputError) as error:
        print_wrong(error, json_form=arguments.json)
        return 2
    from ..measure.flows import TooLarge

    try:
        with nodes_print_to_standard_error():
            figures, compared = _measure(arguments, flow, call, profile, then)
    except (BrokenPipeError, Unwritable, KeyboardInterrupt):
        raise
    except TooLarge as error:
        print_wrong(InputError(f"{error}; --repeat-writes runs it for real each time"), json_form=arguments.json)
        return 2
    except BaseException as error:
        print_failure(error, json_form=arguments.json)
        return 1
    if then is not None and compared is not None:
        compared = _same_inputs(compared, then, inputs)
    if arguments.save is not None and not _saved(arguments, figures, inputs):
        return 2
    _print(arguments, figures, compared)
    return 1 if compared is not None and compared.verdict == "loss" else 0


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


@contextlib.contextmanager
def _as_wrong_input() -> Iterator[None]:
    """A file of figures that is no such file is a wrong input."""
    from ..measure.documents import BadDocument

    try:
        yield
    except BadDocument as error:
        raise InputError(str(error)) from None


def _baseline(path: str | None) -> Saved | None:
    if path is None:
        return None
    from ..measure.saved import load

    with _as_wrong_input():
        return load(Path(path))


def _profile(path: str | None) -> Any:
    if path is None:
        return None
    from ..measure.saved import profile_in

    with _as_wrong_input():
        return profile_in(Path(path))


def _of_baseline(then: Saved | None) -> Any:
    """A baseline that was measured with stand-ins is compared with stand-ins that take the same times."""
    return then.figures.profile if then is not None and then.figures.mode == "stand-ins" else None


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


def _same_inputs(compared: Compared, then: Saved, inputs: dict[str, Any]) -> Compared:
    from attrs import evolve

    if not then.inputs or then.inputs == _hash(inputs):
        return compared
    return evolve(compared, notes=("the baseline was measured with other inputs", *compared.notes))


def _hash(inputs: dict[str, Any]) -> str:
    return hashlib.sha256(to_json(inputs).encode()).hexdigest()[:16]


def _saved(arguments: argparse.Namespace, figures: Figures, inputs: dict[str, Any]) -> bool:
    from ..measure.saved import save

    try:
        save(Path(arguments.save), figures, _hash(inputs))
    except OSError as error:
        wrong = InputError(f"{arguments.save} cannot be written: {error.strerror or error}")
        print_wrong(wrong, json_form=arguments.json)
        return False
    return True


def _print(arguments: argparse.Namespace, figures: Figures, compared: Compared | None) -> None:
    from .benchtext import as_json, lines, table

    if arguments.json:
        emit(to_json(as_json(figures, compared)))
    elif wants_colour(sys.stdout):
        table(figures, compared, arguments.target)
    else:
        emit("\n".join(lines(figures, compared, arguments.target)))
