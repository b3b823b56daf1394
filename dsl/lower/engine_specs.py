"""The engine's own operations as nodes: what ``sleep``, ``wait_signal`` and the operations of tests are in a graph."""

from __future__ import annotations

from ...compiler.spec import BARRIER, NodeSpec
from ...compiler.types import ANY, NONE, Parameter, Signature


def _spec(name: str, *params: Parameter, returns: object = ANY) -> NodeSpec:
    signature = Signature(params, returns) if params else Signature(known=False)  # type: ignore[arg-type]
    return NodeSpec(f"cflow.{name}", name, signature, BARRIER, builtin=name)


SLEEP = _spec("sleep", Parameter("duration"), returns=NONE)
WAIT_SIGNAL = _spec("wait_signal", Parameter("name"), Parameter("key", required=False))
MOCK = _spec("mock")
ATTEMPT = _spec("attempt")
CALLS = _spec("calls")
