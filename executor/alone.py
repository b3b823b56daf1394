"""One node, run by itself from ordinary code.

A plain node is called in its place; whatever asks for more (a policy, a loop) gets a run of its own. Nothing heavy is
imported here for a plain one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .run import Run


def in_place(engine: Any, node: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a plain node. Where it asks for its context, a run is made for it then (:func:`run_of`)."""
    return node.fn(*args, **kwargs)


def items_in_place(engine: Any, node: Any, source: Any) -> Iterator[Any]:
    """The items of a plain generator node, in the thread of whoever reads them."""
    yield from source


IN_PLACE = frozenset({in_place.__code__, items_in_place.__code__})
"""In their frames stand ``engine`` and ``node``."""


def run_of(engine: Any) -> Run:
    """A run for one node."""
    from .run import Run

    return Run("", engine.services, {}, engine.limit, engine.sinks)


def run_alone(engine: Any, node: Any, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a node under its own policy, to its end; of a stream, its items."""
    import inspect

    from ..compiler.spec import STREAM_KEYS
    from . import invoke
    from .elsewhere import located
    from .governed import governed
    from .launch import iterate_source
    from .loop import run_loop
    from .questions import placement
    from .tiers import TIERS

    spec = node.spec
    if fn is node.fn:
        fn = located(spec, fn)
    policy = {name: value for name, value in spec.policy.items() if name != "undo"}
    if spec.is_stream:
        if not policy and not inspect.isasyncgenfunction(fn):
            return items_in_place(engine, node, fn(*args, **kwargs))
        misfit = next((name for name in policy if name not in STREAM_KEYS), None)
        if misfit is not None:
            msg = f"{spec.name} is a stream, and {misfit}= does not fit one: it may have {' and '.join(STREAM_KEYS)}"
            raise TypeError(msg)
        return iterate_source(governed(run_of(engine), spec.name, spec.key, fn(*args, **kwargs), policy), engine._clock)
    where = placement(spec, fn)
    if where is invoke.LANE and spec.runs != "thread" and policy.get("timeout") is None:
        where = invoke.PLACE  # the caller waits for it, and nothing would cut it short
    run = run_of(engine)
    site = invoke.Site(spec.name, spec, fn, where, TIERS.of(fn), not spec.effects.retires)

    async def main() -> Any:
        return await invoke.invoke(run, site, args, kwargs, policy)

    return run_loop(main, None, engine._clock)
