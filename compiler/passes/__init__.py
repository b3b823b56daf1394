"""The pipeline: one visible tuple of passes, each a pure function from a graph to a graph.

The law of all of them: the reference gives the same result or the same error, and the same writes in the same order,
before and after; reads are never shared, moved or removed. A pass that finds nothing gives back the very same object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import frozen

from ..depth import deep
from ..diagnostics import EngineBug
from ..ir import Graph
from ..verify import verify
from .fold_constants import fold_constants
from .hoist_invariants import hoist_invariants
from .inline_subflows import inline_subflows
from .loops_to_foreach import loops_to_foreach
from .prune_dead import prune_dead
from .share_pure_calls import share_pure_calls
from .simplify_branches import simplify_branches

__all__ = ["PASSES", "Observer", "Pass", "optimize"]


@frozen
class Pass:
    """One step of the pipeline: its name, what it promises beyond the common law, and the function."""

    name: str
    law: str
    run: Callable[[Graph], Graph]


Observer = Callable[[Pass, Graph, Graph], object]
"""Called after each pass with the graphs before and after; they are one object where nothing changed."""

PASSES: tuple[Pass, ...] = (
    Pass("inline_subflows", "a call of a plain flow becomes its body; with options it stays a call", inline_subflows),
    Pass("fold_constants", "what is known is computed, and copies of it are read directly", fold_constants),
    Pass("simplify_branches", "an arm that is certain takes the place of its branch", simplify_branches),
    Pass("share_pure_calls", "a pure call repeats no earlier one that has certainly been made", share_pure_calls),
    Pass("hoist_invariants", "what a loop does not change, and what cannot fail, comes before it", hoist_invariants),
    Pass(
        "loops_to_foreach",
        "pure passes without guards and carried values may overlap",
        loops_to_foreach,
    ),
    Pass("prune_dead", "a pure step that nobody reads and that cannot fail is left out", prune_dead),
)


def optimize(
    graph: Graph, passes: Iterable[Pass] = PASSES, observer: Observer | None = None, *, check: bool = True
) -> Graph:
    """Runs the passes in order, each between two verifications.

    Parameters
    ----------
    passes: the pipeline; leave some out to see what they do.
    observer: sees every step.
    check: verify what each pass gives.

    Raises
    ------
    EngineBug: the graph was wrong to begin with, or a pass broke a law; names the pass.
    """
    if check:
        verify(graph)
    for step in passes:
        with deep():
            after = step.run(graph)
        if check and after is not graph:
            try:
                verify(after)
            except EngineBug as bug:
                msg = f"the pass {step.name} broke a law: {bug}"
                raise EngineBug(msg) from bug
        if observer is not None:
            observer(step, graph, after)
        graph = after
    return graph
