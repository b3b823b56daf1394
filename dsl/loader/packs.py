"""Packs and modules found by name: the standard packs, packs that installed distributions declare, installed modules.

Finding executes nothing of what it finds. Importing (:func:`import_pack`) does, and happens only when a program is
loaded to run.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import sys
import types
from collections.abc import Iterable
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from attrs import frozen

from ...compiler.permissions import KINDS
from ..nodes import FlowDef, NodeDef, binding_of
from ..scope import Binding, PackBinding
from . import witness

PACKAGE = __name__.partition(".dsl.")[0]
STANDARD = f"{PACKAGE}.stdlib_nodes"
GROUP = "cflow.packs"
"""The entry point group by which a distribution offers a pack: ``name = "module"``."""
PERMISSIONS = "PERMISSIONS"
"""The name in such a module that says what its nodes ask the host for: a literal, ``PERMISSIONS = ("net",)``."""


@frozen
class Found:
    """A pack or module by name. ``module``: its full name; ``is_pack``: only what it declares is public; ``origin``:
    its ``.py`` file, None where there is none to read (built in, compiled)."""

    name: str
    module: str
    is_pack: bool
    origin: Path | None = None


@frozen
class Declared:
    """A pack of an installed distribution, as its entry point says. ``version``: of the distribution."""

    module: str
    distribution: str
    version: str


@frozen
class About:
    """What is known of a pack before it is imported. ``summary``: one sentence; ``permissions``: what it asks the host
    for; ``extra``: of Conductor, which brings its libraries, ``modules``; ``distribution`` and ``version``: what it
    came with."""

    summary: str
    permissions: tuple[str, ...] = ()
    extra: str = ""
    modules: tuple[str, ...] = ()
    distribution: str = ""
    version: str = ""


def standard_packs() -> dict[str, Any]:
    """The packs that come with Conductor: name -> :class:`cflow.stdlib_nodes.Pack`."""
    packs: dict[str, Any] = importlib.import_module(STANDARD).PACKS
    return packs


@lru_cache(1)
def declared_packs() -> dict[str, tuple[Declared, ...]]:
    """The packs that installed distributions declare, by name; nothing of them is imported."""
    found: dict[str, tuple[Declared, ...]] = {}
    if not any(map(_may_declare, sys.path)):
        return found
    import importlib.metadata  # takes as long as all the rest of a small program

    for entry in importlib.metadata.entry_points(group=GROUP):
        dist = entry.dist
        assert dist is not None  # it was found in one
        declared = Declared(entry.value.partition(":")[0].strip(), dist.name, dist.version)
        found[entry.name] = (*found.get(entry.name, ()), declared)
    return found


def _may_declare(folder: str) -> bool:
    """May a distribution in a folder of ``sys.path`` declare a pack? Sure to be True where one does."""
    try:
        with os.scandir(folder or os.curdir) as entries:
            infos = [entry.path for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
    except NotADirectoryError:  # an archive
        return True
    except OSError:
        return False
    for info in infos:
        try:
            with open(os.path.join(info, "entry_points.txt"), "rb") as file:
                if GROUP.encode() in file.read():
                    return True
        except OSError:
            continue
    return False


def clash(name: str) -> str:
    """What is wrong with the name of a pack: two bear it; empty: nothing.

    Whoever installs a second one learns it the moment a program names it; silently taking either would be a guess.
    """
    owners = [f"the distribution {declared.distribution}" for declared in declared_packs().get(name, ())]
    if name in standard_packs():
        owners.insert(0, "Conductor itself")
    return f"{' and '.join(owners)} offer a pack called {name!r}" if len(owners) > 1 else ""


def standard_asks(name: str) -> tuple[str, ...]:
    """What a standard pack asks the host for; of any other: nothing."""
    pack = standard_packs().get(name)
    return () if pack is None else tuple(pack.permissions)


def find_pack(name: str) -> Found | None:
    """The pack or installed module ``name``; None where there is none."""
    if name in standard_packs():
        return _found(name, f"{STANDARD}.{name}", is_pack=True)
    if name in declared_packs():
        return _found(name, declared_packs()[name][0].module, is_pack=True)
    return _found(name, name, is_pack=name.startswith(f"{STANDARD}."))


def about(found: Found) -> About:
    """What a pack says of itself; its text is read, nothing is imported."""
    standard = standard_packs().get(found.name) if found.module == f"{STANDARD}.{found.name}" else None
    if standard is not None:
        return About(*standard)
    by = next((d for d in declared_packs().get(found.name, ()) if d.module == found.module), Declared("", "", ""))
    try:
        tree = ast.parse(found.origin.read_bytes()) if found.origin is not None else ast.Module([], [])
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        tree = ast.Module([], [])
    asked: tuple[str, ...] = ()
    for statement in tree.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ) if name == PERMISSIONS:
                asked = _texts(value)
    return About(first_sentence(ast.get_docstring(tree) or ""), asked, distribution=by.distribution, version=by.version)


def _texts(value: ast.expr | None) -> tuple[str, ...]:
    """The texts of a literal; every kind there is where it is none: what cannot be read is not taken for nothing."""
    items = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]
    texts = tuple(e.value for e in items if isinstance(e, ast.Constant) and isinstance(e.value, str))
    return texts if len(texts) == len(items) else KINDS


def missing(about: About) -> str:
    """The libraries of a pack's extra that are not installed, and how they come to be; empty: all are there."""
    lacking = [name for name in about.modules if find_spec(name) is None]
    return f"{', '.join(lacking)}: pip install 'conductor-cflow[{about.extra}]'" if lacking else ""


def first_sentence(doc: str) -> str:
    """The first sentence of a docstring."""
    paragraph = " ".join(doc.strip().partition("\n\n")[0].split())
    first = paragraph.partition(". ")[0]
    return first if not first or first.endswith((".", "?", "!")) else f"{first}."


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
