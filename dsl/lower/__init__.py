"""The one lowering: the syntax tree of either spelling becomes the graph."""

from .api import Lowered, lower, lower_test
from .module_checks import check_module

__all__ = ["Lowered", "check_module", "lower", "lower_test"]
