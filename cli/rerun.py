"""``cflow rerun``: a new run on the inputs of another one, from a step on."""

from __future__ import annotations

import argparse

from .failures import print_wrong
from .output import emit
from .stores import existing


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where the new run failed or is parked; 2 where there is no such run, step or store, or the program
    is wrong."""
    from ..compiler.diagnostics import InputError, ProgramError
    from ..engine import Engine
    from ..runs.history import summary
    from ..runs.rerun import rerun

    try:
        with existing(arguments.store):
            row = rerun(Engine(store=arguments.store), arguments.run, arguments.start)
    except (ProgramError, InputError) as error:
        print_wrong(error)
        return 2
    emit(summary(row))
    return 1 if row.state in ("failed", "parked") else 0
