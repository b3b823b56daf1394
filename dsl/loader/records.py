"""The records of a ``.cflow`` file as real classes: frozen, fields by keyword, in Python ``module.Order``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import attrs
from attrs import frozen

from ...compiler.convert import hint_of
from ...compiler.spec import ClassSpec, FieldSpec
from ...compiler.types import Type
from .. import hints
from ..scope import ClassBinding

REQUIRED = object()
"""Stands for the default of a field that has none."""


@frozen
class FieldPlan:
    """A field before its class exists. ``default``: :data:`REQUIRED` where it must be given."""

    name: str
    type: Type
    default: Any = REQUIRED


class Token:
    """Holds a record's key as taken, as long as its class lives."""


def make_class(name: str, module: str, plans: tuple[FieldPlan, ...], doc: str, token: Token) -> type:
    """The class of a record; its fields have their types after :func:`complete`."""
    attributes = {
        p.name: attrs.field(kw_only=True, alias=p.name) if p.default is REQUIRED else _with_default(p.name, p.default)
        for p in plans
    }
    body = {"__doc__": doc or None, "__cflow_key__": token}
    cls: type = attrs.make_class(name, attributes, class_body=body, frozen=True, slots=True, order=False)
    cls.__module__ = module  # attrs has put ours there
    return cls


def _with_default(name: str, default: Any) -> Any:
    if isinstance(default, (list, dict, set)):  # Python code may change what it gets
        return attrs.field(kw_only=True, alias=name, factory=lambda: copy.deepcopy(default))
    return attrs.field(kw_only=True, alias=name, default=default)


def spec_for(key: str, name: str, plans: tuple[FieldPlan, ...]) -> ClassSpec:
    """What the compiler knows of a record."""
    fields = [
        FieldSpec(p.name, p.type, keyword=True)
        if p.default is REQUIRED
        else FieldSpec(p.name, p.type, False, hints.default_content(p.type, p.default), keyword=True)
        for p in plans
    ]
    return ClassSpec(key, name, "record", tuple(fields))


def complete(bound: ClassBinding, classes: Mapping[str, type]) -> None:
    """Give the fields of a record's class their types, and make the class known by its key."""
    cls: Any = bound.cls
    cls.__annotations__ = {f.name: hint_of(f.type, classes) for f in bound.spec.fields or ()}
    attrs.resolve_types(cls, {}, {})
    hints.declare_class(cls, bound.spec)
