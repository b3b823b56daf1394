"""The one lowering: the syntax tree of either spelling becomes the graph."""

from .api import Lowered, lower, lower_test
from .module_checks import check_module
from .part import part
from .program import Program

__all__ = ["Lowered", "Program", "check_module", "lower", "lower_test", "part"]
