"""A flow as a plain function call: what is around it, whether its code was written now or in an earlier process."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def call(
    direct: Callable[..., Any],
    run: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    failed: Callable[[BaseException], None],
) -> Any:
    """The result of the flow; its listeners are told, and what nodes set in context variables stays in the run.

    Parameters
    ----------
    direct: the flow's function. run: the state of the run.
    args, kwargs: the inputs, as the function takes them.
    failed: tells listeners of an error, and writes to it where it came from.
    """
    sinks = run.sinks
    if sinks is not None:
        sinks.emit("run", "started", run.id)
    try:
        value = contextvars.copy_context().run(direct, run, 0, *args, **kwargs)
    except KeyboardInterrupt:
        if sinks is not None:
            sinks.emit("run", "cancelled", run.id)
            sinks.flush()
        raise
    except BaseException as error:
        failed(error)
        if sinks is not None:
            sinks.flush()
        raise
    if sinks is not None:
        sinks.emit("run", "done", run.id)
        sinks.flush()
    return value
