"""The one lowering: the syntax tree of either spelling becomes the graph."""

from .api import Lowered, lower, lower_test

__all__ = ["Lowered", "lower", "lower_test"]
