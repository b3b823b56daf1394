"""Packs and modules found by name: the standard packs, packs that installed distributions declare, installed modules.

Finding executes nothing of what it finds. Importing (:func:`import_pack`) does, and happens only when a program is
loaded to run.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
import types
from collections.abc import Iterable
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from attrs import frozen

from ..nodes import FlowDef, NodeDef, binding_of
from ..scope import Binding, PackBinding
from . import witness

PACKAGE = __name__.partition(".dsl.")[0]
STANDARD = f"{PACKAGE}.stdlib_nodes"
GROUP = "cflow.packs"
"""The entry point group by which a distribution offers a pack: ``name = "module"``."""


@frozen
class Found:
    """A pack or module by name. ``module``: its full name; ``is_pack``: only what it declares is public; ``origin``:
    its ``.py`` file, None where there is none to read (built in, compiled)."""

    name: str
    module: str
    is_pack: bool
    origin: Path | None = None


def standard_packs() -> tuple[str, ...]:
    """The names of the packs that come with Conductor."""
    return tuple(importlib.import_module(STANDARD).PACKS)


@lru_cache(1)
def declared_packs() -> dict[str, str]:
    """The packs that installed distributions declare: name -> module."""
    return {entry.name: entry.value.partition(":")[0] for entry in importlib.metadata.entry_points(group=GROUP)}


def find_pack(name: str) -> Found | None:
    """The pack or installed module ``name``; None where there is none."""
    if name in standard_packs():
        return _found(name, f"{STANDARD}.{name}", is_pack=True)
    if name in declared_packs():
        return _found(name, declared_packs()[name], is_pack=True)
    return _found(name, name, is_pack=name.startswith(f"{STANDARD}."))


def find_module(module: str) -> Found | None:
    """An installed module by its full name alone: what Python's own ``import`` would find."""
    return _found(module, module, is_pack=module.startswith(f"{STANDARD}."))


def pack_names() -> Iterable[str]:
    """What can be imported as a pack: for "did you mean"."""
    yield from standard_packs()
    yield from declared_packs()


def _found(name: str, module: str, *, is_pack: bool) -> Found | None:
    spec = find_spec(module)
    if spec is None:
        return None
    origin = Path(spec.origin) if spec.has_location and spec.origin and spec.origin.endswith(".py") else None
    return Found(name, module, is_pack, origin)


def find_spec(module: str) -> ModuleSpec | None:
    """The spec of a module, its parent packages found by their folders: unlike ``importlib.util.find_spec``, nothing is
    imported."""
    head, *rest = module.split(".")
    if not all(part.isidentifier() for part in (head, *rest)):
        return None
    try:
        spec = sys.modules[head].__spec__ if head in sys.modules else importlib.util.find_spec(head)
        for i, _ in enumerate(rest, 2):
            if spec is None or spec.submodule_search_locations is None:
                return None
            spec = PathFinder.find_spec(".".join((head, *rest)[:i]), list(spec.submodule_search_locations))
    except (ImportError, ValueError, AttributeError):
        spec = None
    witness.searched(module, spec.origin if spec is not None and spec.has_location else None)
    return spec


def import_pack(found: Found) -> types.ModuleType:
    """Import it. Raises whatever its code raises."""
    return witness.executed(("pack", found.module), lambda: importlib.import_module(found.module))


def pack_scope(module: types.ModuleType, found: Found) -> PackBinding:
    """A real module as a name in a flow.

    A text may reach what a module offers, never what it happens to import: of a pack, what it declares; of another
    module, its ``__all__`` or its public names, and of the modules among them only its own sub-modules.
    """

    def offered(name: str) -> bool:
        if name.startswith("_") or not hasattr(module, name):
            return False
        value = getattr(module, name)
        if found.is_pack:
            return isinstance(value, (NodeDef, FlowDef)) or (
                isinstance(value, type)
                and (value.__module__ == module.__name__ or name in getattr(module, "__all__", ()))
            )
        if isinstance(value, types.ModuleType):
            return value.__name__ == f"{module.__name__}.{name}"
        public = getattr(module, "__all__", None)
        return public is None or name in public or getattr(value, "__module__", None) == module.__name__

    def member(name: str) -> Binding | None:
        if not offered(name):
            return None
        value = getattr(module, name)
        witness.member(module, name, value)
        if hasattr(module, "__all__"):
            witness.member(module, "__all__", module.__all__)
        if isinstance(value, types.ModuleType):
            return pack_scope(value, Found(name, value.__name__, is_pack=False))
        return binding_of(value, f"{found.name}.{name}")

    return PackBinding(found.name, member, lambda: [n for n in dir(module) if offered(n)])
