"""Loading a file or a text, with all that it imports: the entry points of this package.

One :class:`Load` is one call: it holds what its parts share (the patterns of what may be imported, whether anything may
be executed, the files met so far), so that a file that is imported twice is one module and a cycle of imports is found.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ...compiler.diagnostics import NOWHERE, Collector, Diagnostic, ProgramError, Span
from ...compiler.hashing import sha256
from .. import syntax
from ..nodes import FlowDef, binding_of
from ..scope import Binding, DictScope, FlowSource, UnknownBinding
from . import packs, witness
from .allow import Allow
from .builtins import BUILTIN_SCOPE
from .declarations import Declarations
from .files import read_source, show
from .grants import check_declarations
from .guard import Guard
from .imports import Imports, Source
from .module import LoadedModule
from .python_files import import_file
from .report import Reporter

if TYPE_CHECKING:
    from .static import StaticReader


def load_module(
    path: Path | str,
    allow: Iterable[str] | Allow | None = None,
    execute: bool = True,
    collector: Collector | None = None,
) -> LoadedModule | None:
    """Load a ``.cflow`` or ``.py`` file.

    Parameters
    ----------
    path: of the file.
    allow: patterns of the packs and files that it may import; None: all.
    execute: False: nothing is imported or executed; Python files are read as syntax.
    collector: gets the findings. Without one, errors are raised.

    Raises
    ------
    ProgramError: only without a ``collector``.
    """
    return _loaded(lambda load: load.file(Path(path)), allow, execute, collector)


def load_text(
    text: str,
    base: Path | str | None = None,
    file: str = "<text>",
    allow: Iterable[str] | Allow | None = None,
    execute: bool = True,
    collector: Collector | None = None,
) -> LoadedModule | None:
    """Load ``.cflow`` text.

    Parameters
    ----------
    text: of the program.
    base: the folder that its imports are relative to, or the file that the text is of; None: the current folder.
    file: how diagnostics call it.
    allow, execute, collector: as for :func:`load_module`.

    Raises
    ------
    ProgramError: only without a ``collector``.
    """
    folder = Path.cwd() if base is None else Path(base)
    if folder.suffix == ".cflow" or folder.is_file():
        file, folder = (str(base), folder.parent) if file == "<text>" else (file, folder.parent)
    return _loaded(lambda load: load.text(text, file, folder), allow, execute, collector)


def check_python(path: Path | str) -> list[Diagnostic]:
    """The findings about the flows of a ``.py`` file, which is only read; errors first.

    Parameters
    ----------
    path: of the file.
    """
    from ..lower import lower

    found = Collector()
    module = load_module(path, execute=False, collector=found)
    for source in module.flows.values() if module is not None else ():
        lower(source, found)
    return sorted(found.items, key=lambda d: d.severity != "error")


def _loaded(
    run: Any, allow: Iterable[str] | Allow | None, execute: bool, collector: Collector | None
) -> LoadedModule | None:
    into = collector if collector is not None else Collector()
    allowed = Allow.of(allow)
    load = Load(allowed, Guard(allowed.permissions), execute, Reporter(into))
    module: LoadedModule | None = run(load)
    if collector is None and into.failed:
        raise ProgramError(into.items)
    return module


_LABELS: dict[tuple[str, str, str], str] = {}
_COUNTS: dict[str, int] = {}
_MOST_LABELS = 10_000


def label_for(name: str, file: str, text: str, grants: str = "") -> str:
    """A module's label: unique among different texts of this process and what is granted to them, alike for the same
    ones."""
    key = (file, grants, sha256(text.encode("utf-8", "replace")).hexdigest())
    if key not in _LABELS:
        if len(_LABELS) >= _MOST_LABELS:  # labels stay unique: the counts go on
            _LABELS.clear()
        n = _COUNTS[name] = _COUNTS.get(name, 0) + 1
        _LABELS[key] = name if n == 1 else f"{name}_{n}"
    return _LABELS[key]


@define(eq=False)
class Load:
    """One load. It is the :class:`~.imports.Host` of the imports in it."""

    allow: Allow
    guard: Guard
    execute: bool
    report: Reporter
    _loaded: dict[Path, LoadedModule | None] = field(factory=dict)
    _active: list[Path] = field(factory=list)
    _reader: StaticReader | None = None

    @property
    def _static(self) -> StaticReader:
        from .static import StaticReader

        if self._reader is None:
            self._reader = StaticReader()
        return self._reader

    def file(self, path: Path) -> LoadedModule | None:
        """The file that the caller named."""
        span = Span(str(path), 1)
        try:
            resolved = path.expanduser().resolve()
            witness.resolved(path.expanduser(), resolved)
        except (OSError, ValueError, RuntimeError) as error:
            self.report("file-not-readable", span, f"{str(path)!r} cannot be a path: {error}")
            return None
        if path.suffix == ".py":
            return self.python_file(resolved)
        return self.cflow_file(resolved, NOWHERE, shown=str(path))

    def cflow_file(self, path: Path, span: Span, shown: str | None = None) -> LoadedModule | None:
        """A ``.cflow`` file, once a load."""
        if path in self._active:
            ring = [*self._active[self._active.index(path) :], path]
            self.report(
                "import-cycle", span, f"these files import one another: {' -> '.join(p.name for p in ring)}",
                help="move what both need into a file of its own",
            )  # fmt: skip
            return None
        if path in self._loaded:
            return self._loaded[path]
        text = read_source(path, self.report, span)
        self._active.append(path)
        name = shown if shown is not None else show(path)[1:-1]
        module = None if text is None else self.text(text, name, path.parent, path)
        self._active.pop()
        self._loaded[path] = module
        return module

    def text(self, text: str, file: str, folder: Path, path: Path | None = None) -> LoadedModule | None:
        """The module of a text."""
        from ..text import parse

        tree = parse(text, file, self.report.collector)
        if tree is None:
            return None
        name = path.stem if path is not None else Path(file.strip("<>")).stem or "text"
        granted = self.allow.permissions
        label = label_for(name, str(path or file), text, "" if granted.trusted else granted.tag)
        scope = Declarations(label, file, BUILTIN_SCOPE, self.report, self.execute, self.allow.texts)
        scope.enter(tree.declarations)
        Imports(self, folder, scope).all(tree.declarations)
        scope.declare()
        check_declarations(tree, granted, self.report)
        for refused in tree.refused:
            if scope.lookup(refused) is None:
                scope.bindings[refused] = UnknownBinding(refused)
        tests = tuple(d for d in tree.declarations if isinstance(d, syntax.Test))
        return LoadedModule(label, file, tree, scope, scope.flows, tests, scope.objects, text=text, granted=granted)

    # ---- Python files ----------------------------------------------------------------------------

    def python_file(self, path: Path) -> LoadedModule | None:
        """A ``.py`` file with flows: executed, or read as syntax. It can do anything: it has to be allowed itself."""
        if not self.allow.path(path):
            at = Span(show(path)[1:-1], 1)
            self.report(
                "import-refused", at, f"a Python file is not restrained by what is allowed: {show(path)}",
                help="write the program as a .cflow file, or allow the path of the file",
            )  # fmt: skip
            return None
        if not self.execute:
            text = read_source(path, self.report)
            return None if text is None else self._static.file(path, text).module(self.report)
        witness.unseen()  # its flows see all globals of the file
        if read_source(path, self.report) is None:
            return None
        at = Span(show(path)[1:-1], 1)
        imports = Imports(self, path.parent, Declarations("", "", BUILTIN_SCOPE, self.report, False))
        module = imports.executed(lambda: import_file(path), show(path), path, at)
        if module is None:
            return None
        names = {name: value for name, value in vars(module).items() if not name.startswith("_")}
        flows: dict[str, FlowSource] = {}
        bindings: dict[str, Binding] = {}
        for name, value in names.items():
            bindings[name] = binding_of(value, name)
            if isinstance(value, FlowDef) and getattr(value, "__module__", module.__name__) == module.__name__:
                flows[name] = value.source
        tree = syntax.Module(at.file, (), (module.__doc__ or "").strip())
        return LoadedModule(module.__name__, at.file, tree, DictScope(bindings), flows, (), names, is_python=True)

    def static_file(self, path: Path, span: Span) -> Source | None:
        text = read_source(path, self.report, span)
        return None if text is None else self._static.file(path, text).source(show(path))

    def static_pack(self, found: packs.Found) -> Source:
        return self._static.pack(found).source(repr(found.name))
