"""A value on record as JSON, for programs that know none of its classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .output import plain

if TYPE_CHECKING:
    from ..runs.history import History


def value_json(history: History, data: bytes | None, name: str = "value") -> dict[str, Any]:
    """The field ``name`` with the value, as ``cflow run --json`` writes it; null where it is not on record. Of one that
    cannot be read it is null, and a field ``unread`` (after another name: ``name_unread``) says why."""
    from ..runs.history import Unread

    if not data:
        return {name: None}
    value = history.value(data)
    if isinstance(value, Unread):
        return {name: None, "unread" if name == "value" else f"{name}_unread": value.why}
    return {name: plain(value)}
