"""A run of a flow whose generated code was kept: what the engine does with it, without the engine.

Only where nothing has to be looked at more closely: every input is text for a parameter of text, nothing is read from
the environment. Anything else, and every wrong input, is the engine's (:mod:`.run`).
"""

from __future__ import annotations

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from ..plancache.plans import Kept

_LIMIT = 1000
"""Node calls in flight, where the line does not say: as :class:`~cflow.engine.Engine`."""


def ready(kept: Kept, arguments: argparse.Namespace) -> Callable[[list[Any]], Any] | None:
    """The run, as a function of its listeners; None where it needs the engine.

    Parameters
    ----------
    kept: the flow. arguments: of the command line.
    """
    inputs = _plain_inputs(kept, arguments)
    function = kept.function() if inputs is not None else None
    if inputs is None or function is None:
        return None
    limit = _LIMIT if arguments.limit is None else arguments.limit
    return lambda sinks: _call(kept, function, inputs, sinks, limit)


def _plain_inputs(kept: Kept, arguments: argparse.Namespace) -> dict[str, str] | None:
    if kept.ambient or arguments.input is not None:
        return None
    given: dict[str, str] = {}
    local = {name: own for name, own, kind, _, text in kept.params if text and kind in ("pos_or_kw", "kw")}
    for pair in arguments.inputs:
        name, equals, value = pair.partition("=")
        if not equals or name not in local or local[name] in given:
            return None
        given[local[name]] = value
    for _, own, kind, required, _ in kept.params:
        if kind not in ("pos_or_kw", "kw") or (required and own not in given):
            return None
    return given


def _call(kept: Kept, function: Callable[..., Any], inputs: dict[str, str], sinks: list[Any], limit: int) -> Any:
    from ..executor.events import Sinks
    from ..executor.run import Run

    services: Any = _Services()
    run = Run("", services, {}, limit, Sinks(sinks) if sinks else None)

    def failed(error: BaseException) -> None:
        from ..executor.errors import explain_failure

        compiled = kept.loaded()[0]
        explain_failure(error, compiled.optimized, compiled.graph, compiled.objects, run.number)
        if run.sinks is not None:
            run.sinks.emit("run", "failed", run.id, error=error)

    if kept.waits:
        from ..executor.loop import on_loop, run_loop

        return run_loop(lambda: on_loop(lambda: function, run, (), inputs, failed), run)
    from ..executor.direct import call

    return call(function, run, (), inputs, failed)


class _Services:
    """The ports of a run, made where one is asked for."""

    def __getattr__(self, name: str) -> Any:
        from ..engine import default_engine

        return getattr(default_engine().services, name)
