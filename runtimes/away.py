"""What code that runs elsewhere knows of the call it is in; ``cflow.context()`` asks here when it finds no caller."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple


class Away(NamedTuple):
    """A call, as seen from where its code runs. ``progress``: keeps, by node, how far that is."""

    run: str
    node: str
    attempt: int
    key: str
    progress: Any

    def environment(self) -> Mapping[str, str]:
        """The same as environment variables, for other programs."""
        return {
            "CFLOW_RUN": self.run,
            "CFLOW_NODE": self.node,
            "CFLOW_ATTEMPT": str(self.attempt),
            "CFLOW_KEY": self.key,
        }


class Taken:
    """Where a runtime puts down the ``seconds`` that a node's own code took, from the last item on or for the call:
    without starting what runs it, and without the way there and back. (A plain class: workers import little.)"""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds: float | None = None


TAKEN: ContextVar[Taken | None] = ContextVar("cflow-taken", default=None)
"""Of the call that is under way, where somebody wants to know."""

CALL: ContextVar[Away | None] = ContextVar("cflow-call", default=None)
"""The call that this code belongs to, where it runs elsewhere."""
