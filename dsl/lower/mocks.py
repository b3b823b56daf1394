"""``mock`` in a test: what stands in for a node."""

from __future__ import annotations

from ...compiler.assignable import assignable
from ...compiler.types import NONE
from .. import syntax as s
from ..scope import NodeBinding
from .arguments import Arguments, Given, type_help
from .calls import call_engine
from .engine_specs import MOCK
from .expressions import element_type
from .forms import handle_of
from .state import FlowLowering
from .tries import error_value
from .waiting import dotted_binding


def lower_mock(at: FlowLowering, node: s.Mock) -> None:
    if not at.is_test:
        at.report(
            "only-in-tests", node.span, "`mock` only has a meaning in a `test`", help="move it into a `test` block"
        )
        return
    handle = handle_of(at, node.target, "mock fetch = 3.0")
    given = [handle]
    if node.value is not None:
        value = at.expr(node.value)
        given.append(Given(value, node.value.span, "value"))
        binding = dotted_binding(at, node.target)
        if isinstance(binding, NodeBinding):
            wanted = binding.spec.signature.returns
            type, gives = value.type, "returns"
            if wanted.name == "stream":  # what stands in for it gives the items
                type, wanted, gives = element_type(at, value, node.value), wanted.args[0], "gives items of type"
            if not assignable(type, wanted, at.program.classes):
                at.report(
                    "argument-type",
                    node.value.span,
                    f"{binding.spec.name} {gives} {wanted}, not {type}",
                    expected=str(wanted),
                    found=str(type),
                    help=type_help(type, wanted),
                )
    if node.error is not None:
        given.append(Given(error_value(at, node.error, cause=False), node.error.span, "error"))
    call_engine(at, MOCK, Arguments(tuple(given), (), node.span), node.span, "", NONE)
