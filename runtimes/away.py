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


CALL: ContextVar[Away | None] = ContextVar("cflow-call", default=None)
"""The call that this code belongs to, where it runs elsewhere."""
