"""A flow with other options laid over those of its header: what ``flow.options(...)`` stands for.

The variant is a flow of its own, with the body of the first. An undo is no part of it: that belongs to a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from .keys import unique_key
from .nodes import binding_of
from .scope import DictScope, FlowSource, Scope

if TYPE_CHECKING:  # its many classes take a while to make, and declaring a flow needs none of them
    from . import syntax


def variant(source: FlowSource, options: Mapping[str, Any]) -> FlowSource:
    """The flow ``source`` with these options laid over its own, key by key.

    Parameters
    ----------
    source: the flow.
    options: as ``flow.options(...)`` gets them, checked; without ``undo``.
    """

    def load() -> tuple[syntax.Flow, Scope]:
        from . import syntax

        flow, scope = source.loaded()
        kept = [o for o in flow.options if o.name not in options]
        # Names that no program can write stand for the objects.
        laid = [syntax.Option(n, syntax.Name(f"@{n}", span=flow.span), span=flow.span) for n in options]
        values = {f"@{name}": binding_of(value, name) for name, value in options.items()}
        return evolve(flow, options=(*kept, *laid)), DictScope(values, scope)

    return FlowSource(source.name, unique_key(source.key, load), source.file, load, source.allow)
