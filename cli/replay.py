"""``cflow replay``: a run repeated from its record, or one call of it made again."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compiler.secrets import hide, redact
from ..executor.told import own_frames, shown
from .arguments import Usage
from .graph.words import short
from .output import emit, note
from .stores import existing

if TYPE_CHECKING:
    from ..runs.history import History
    from ..runs.repeat import Reached, Repetition
    from ..runs.replay import Again, Agreement

LISTED = 10
"""Steps that are listed of those that differ."""
VALUE = 400
"""Characters of a value that are shown."""


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0 where it does what is on record, 1 where it does not, 2 where it cannot be repeated at all."""
    from ..compiler.diagnostics import InputError, ProgramError
    from ..runs.history import read_history
    from ..runs.repeat import repetition
    from ..store.blobs import Blobs
    from ..store.place import open_store
    from .failures import print_wrong

    blobs = Path(arguments.store) / "blobs"
    with existing(arguments.store):
        store = open_store(arguments.store, readonly=True)
        try:
            history = read_history(store, arguments.run, blobs)
            repeated = repetition(store, history.row, Blobs(blobs))
            for name in repeated.empty:
                note(f"the secret {name} is empty here: where the run had one, what was made with it differs")
            lines, code = _call(arguments, history, repeated) if arguments.node else _whole(repeated)
        except (ProgramError, InputError) as error:
            print_wrong(error)
            return 2
        finally:
            store.close()
    for line in lines:
        emit(hide(line))
    return code


def _whole(repeated: Repetition) -> tuple[list[str], int]:
    from ..runs.replay import agreement

    found = agreement(repeated)
    return list(_agreement(repeated, found)), 0 if found.same else 1


def _agreement(repeated: Repetition, found: Agreement) -> Iterator[str]:
    row = repeated.row
    if found.plans:
        yield "the program has changed since the run began:"
        yield from (f"  {line}" for line in found.plans)
    program = "the program of today" if found.plans else "the program"
    if found.same:
        yield f"{program} does what {row.id} recorded ({found.total} entries)"
    else:
        yield f"{program} does not do what {row.id} recorded ({found.used} of {found.total} entries are used)"
    if found.unused:
        yield "on record, and it does not come to it:"
        yield from _listed(found.unused)
    if found.beyond:
        yield "what comes next, and is not on record:" if found.same else "it comes to, and it is not on record:"
        yield from _listed(found.beyond)
    if found.ends:
        yield found.ends


def _listed(keys: tuple[str, ...]) -> Iterator[str]:
    yield from (f"  {key}" for key in keys[:LISTED])
    if len(keys) > LISTED:
        yield f"  … and {len(keys) - LISTED} more"


def _call(arguments: argparse.Namespace, history: History, repeated: Repetition) -> tuple[list[str], int]:
    from ..runs.replay import call_again, find_call, is_writer

    key = find_call(history, arguments.node)
    reached = repeated.to(key)
    if reached is None:
        why = repeated.tape.stopped or "it ends before"
        msg = (
            f"the program does not come to {key} when it is repeated: {why}; `cflow replay {repeated.row.id}` says more"
        )
        raise Usage(msg)
    if is_writer(reached) and not arguments.yes:
        msg = f"{reached.site.spec.name} writes, and would do so again: add --yes if it may"
        raise Usage(msg)
    before = next((entry for entry in history.entries if entry.key == key), None)
    again = call_again(repeated, reached, before, debug=arguments.pdb)
    if again.error is not None:
        for frame in own_frames(again.error):
            note(hide(f"  {frame}"))
    return list(_again(history, again)), 0 if again.same else 1


def _again(history: History, again: Again) -> Iterator[str]:
    from ..runs.replay import step_of

    step = step_of(history, again.reached.key)
    line = step.line if step is not None else None
    yield f"{again.reached.key}: {_given(again.reached)}" + (f"  {Path(line.file).name}:{line.line}" if line else "")
    before = again.before
    if before is None:
        yield "  recorded  nothing: it had not ended"
    else:
        from ..executor.entries import FAILED

        was = (
            history.error(before.data).partition("\n")[0]
            if before.kind == FAILED
            else _short(history.value(before.data))
        )
        yield f"  recorded  {was}"
    now = _short(again.value) if again.error is None else f"{type(again.error).__name__}: {again.error}"
    yield f"  now       {now}"
    if before is not None:
        yield "  the same" if again.same else "  it differs"


def _given(reached: Reached) -> str:
    names = [param.name for param in reached.site.spec.signature.params]
    named = {names[i] if i < len(names) else f"#{i + 1}": value for i, value in enumerate(reached.args)}
    given = ", ".join(f"{name}={_short(value)}" for name, value in {**named, **reached.kwargs}.items())
    return f"{reached.site.spec.name}({given})"


def _short(value: Any) -> str:
    return short(shown(redact(value)), VALUE)
