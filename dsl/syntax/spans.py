"""Where in a text a part of the tree stands: the one field that all have, and that does not count."""

from __future__ import annotations

from typing import Any

from attrs import field

from ...compiler.diagnostics import NOWHERE


def span_field() -> Any:
    """The place, which no two spellings share: trees are equal without it."""
    return field(default=NOWHERE, eq=False, kw_only=True, repr=False)
