"""Python files imported by path: executed once, shared by all who import them, with their folder importable meanwhile.

A file is known by its absolute path, its time of change and its size; a changed file is executed afresh. It is a real
module in ``sys.modules`` (pickling, ``inspect`` and string annotations need that), under its own name where that is
free. Its siblings come by plain ``import``: its folder is first on ``sys.path`` while it loads, as for a script, and
stays at the end of it for what functions import later, where it hides nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
import linecache
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ...compiler.hashing import sha256
from . import witness

_LOCK = threading.RLock()


class _Imported(NamedTuple):
    stamp: tuple[int, int]
    module: types.ModuleType


_IMPORTED: dict[Path, _Imported] = {}


def import_file(path: Path) -> types.ModuleType:
    """The module of a ``.py`` file.

    Parameters
    ----------
    path: absolute and resolved.

    Raises
    ------
    Exception: whatever executing the file raises; it is not remembered, so that the next import tries again.
    """
    with _LOCK:
        stat = path.stat()
        stamp = (stat.st_mtime_ns, stat.st_size)
        known = _IMPORTED.get(path)
        if known is not None and known.stamp == stamp:
            return known.module
        running = None if known is not None else _already(path)
        module = running if running is not None else _execute(path)
        _IMPORTED[path] = _Imported(stamp, module)
        return module


def _already(path: Path) -> types.ModuleType | None:
    """The module that the program itself has made of this file: by ``import``, or as the script that runs."""
    for name in (module_name(path), "__main__"):
        module = sys.modules.get(name)
        if module is not None and _file_of(module) == path:
            return module
    return None


def _file_of(module: types.ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) else None


def package_root(path: Path) -> tuple[Path, str]:
    """The folder that must be importable, and the file's full name: dotted where its folder is a package."""
    parts = [] if path.stem == "__init__" else [path.stem]
    folder = path.parent
    while _is_package(folder) and folder.name.isidentifier() and folder.parent != folder:
        parts.append(folder.name)
        folder = folder.parent
    return folder, ".".join(reversed(parts))


def _is_package(folder: Path) -> bool:
    witness.looked(folder / "__init__.py")
    return (folder / "__init__.py").is_file()


def module_name(path: Path) -> str:
    """The name of the file's module: its own, unless that is taken by another one that is not in its folder."""
    _, name = package_root(path)
    taken = sys.modules.get(name)
    if taken is None:
        # A file beside a program may be called like an installed module; the installed one must stay what others
        # import.
        spec = importlib.util.find_spec(name) if "." not in name and name.isidentifier() else None
        witness.searched(name, None if spec is None else spec.origin)
        if spec is None or spec.origin is None or Path(spec.origin).resolve() == path:
            return name
    elif _file_of(taken) == path:
        return name
    return f"{path.stem}_{sha256(str(path.parent).encode()).hexdigest()[:8]}"


def _execute(path: Path) -> types.ModuleType:
    folder, dotted = package_root(path)
    name = module_name(path)
    with _importable(folder):
        if "." in dotted and name == dotted:
            importlib.import_module(dotted.rpartition(".")[0])
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:  # only for a file without a .py suffix
            msg = f"{path} is not a Python file"
            raise ImportError(msg)
        module = importlib.util.module_from_spec(spec)
        before = sys.modules.get(name)
        sys.modules[name] = module
        linecache.checkcache(str(path))
        try:
            spec.loader.exec_module(module)
        except BaseException:
            if before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = before
            raise
        return sys.modules.get(name, module)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """``folder`` is first on ``sys.path`` meanwhile, and last afterwards. Modules that files of another folder imported
    under a name that this folder has too step aside, so that each folder gets its own ``helpers``."""
    entry = str(folder)
    own = _siblings(folder) if _FOLDERS else {}
    aside = {
        name: sys.modules[name] for name in own if name in sys.modules and _from_elsewhere(sys.modules[name], own[name])
    }
    for name in aside:
        del sys.modules[name]
    had = entry in sys.path
    sys.path.insert(0, entry)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(entry)
        if not had:
            sys.path.append(entry)
            _FOLDERS.add(entry)
        sys.modules.update(aside)


_FOLDERS: set[str] = set()
"""The folders that loading has made importable: only modules from these step aside for others."""


def _siblings(folder: Path) -> dict[str, Path]:
    """The modules of a folder by name."""
    packages = {init.parent.name: init for init in folder.glob("*/__init__.py")}
    return {**packages, **{file.stem: file for file in folder.glob("*.py")}}


def _from_elsewhere(module: types.ModuleType, own: Path) -> bool:
    file = _file_of(module)
    return file is not None and file != own.resolve() and any(file.is_relative_to(folder) for folder in _FOLDERS)
