"""The Python front end: the source of a ``@flow`` function to syntax.

Owns everything that is Python's own spelling: what names are bound to, the surface of the forms, and what a flow cannot
hold. It must not know the graph, nor run anything of the program's.
"""

from .names import PythonScope, builtin_binding
from .reader import read_flow, read_flow_ast

__all__ = ["PythonScope", "builtin_binding", "read_flow", "read_flow_ast"]
