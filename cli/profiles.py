"""``--profile FILE``: the times that nodes took in earlier runs, read before a run and brought up to date after it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engine import Engine
from ..measure.documents import BadDocument
from ..measure.nodetimes import NodeTimes
from ..measure.saved import profile_in
from ..planner.profile import Profile
from .arguments import Usage


def read_profile(path: str) -> Profile | None:
    """The profile in a file; None where there is no such file yet.

    Raises
    ------
    Usage: there is a file, and it is no profile.
    """
    if not Path(path).exists():
        return None
    try:
        return profile_in(Path(path))
    except BadDocument as error:
        raise Usage(f"cflow: {error}") from None


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
    digest = flow.digest
    expected = known.seconds if known is not None and known.digest == digest else None
    times = NodeTimes()
    engine = Engine(sinks=[*sinks, times], profile=expected, **options)
    result = engine.run(flow, *args, **inputs)

    def save() -> None:
        try:
            times.profile(flow.source.name, digest, known).save(Path(path))
        except OSError as error:  # the result is worth more
            print(f"warning: {path} cannot be written: {error.strerror or error}", file=sys.stderr)

    if isinstance(result, Iterator):
        return _and_then(result, save)
    save()
    return result


def _and_then(items: Iterator[Any], last: Callable[[], None]) -> Iterator[Any]:
    yield from items
    last()
