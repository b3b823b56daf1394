"""What only the whole graph can tell."""

from __future__ import annotations

from ...compiler.ir import Graph
from .program import Program


def check_order(program: Program, graph: Graph) -> None:
    """Check the effects of a whole graph."""
