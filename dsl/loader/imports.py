"""Imports to bindings: packs, installed modules, Python files, other ``.cflow`` files.

Every import gives a binding for each name it brings in; one that fails is reported where it stands and its names are
unknown, so that the rest is still checked.
"""

from __future__ import annotations

import traceback
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from ...compiler.diagnostics import CflowError, Label, ProgramError, Span
from ...compiler.nearest import did_you_mean
from .. import syntax
from ..nodes import binding_of
from ..scope import Binding, NodeBinding, PackBinding, UnknownBinding
from . import packs, witness
from .allow import Allow
from .constants import NotConstant
from .declarations import Declarations
from .declared import read_options, redeclare
from .files import show
from .guard import Guard
from .module import LoadedModule
from .python_files import import_file
from .report import Reporter

UNKNOWN = object()
"""Stands for a source that could not be had, and was reported."""


class Host(Protocol):
    """What imports ask of the load that they are part of."""

    allow: Allow
    guard: Guard
    execute: bool
    report: Reporter

    def cflow_file(self, path: Path, span: Span) -> LoadedModule | None:
        """Another ``.cflow`` file; None where it was reported that it cannot be had."""
        ...

    def static_file(self, path: Path, span: Span) -> Source | None:
        """A ``.py`` file, read as syntax."""
        ...

    def static_pack(self, found: packs.Found) -> Source:
        """A pack or module, read as syntax."""
        ...


@frozen
class Source:
    """Something to import names from. ``get``: the binding of a name and the real object (None where there is none)."""

    title: str
    get: Callable[[str], tuple[Binding | None, Any]]
    names: Callable[[], Iterable[str]]
    pack: PackBinding | None = None


@frozen
class Imports:
    """The imports of one text.

    Parameters
    ----------
    host: the load.
    folder: what paths are relative to.
    into: gets the bindings.
    """

    host: Host
    folder: Path
    into: Declarations

    def all(self, declarations: Iterable[syntax.Declaration]) -> None:
        """Bind every import among the declarations."""
        for declaration in declarations:
            match declaration:
                case syntax.ImportPack():
                    self.packs(declaration)
                case syntax.ImportFrom():
                    self.names(declaration)

    def packs(self, declaration: syntax.ImportPack) -> None:
        """``import http, files as f``"""
        for name, alias in declaration.names:
            source = self.pack(name, declaration.span)
            if self.into.holds(alias, declaration):
                pack = source.pack if source is not None else None
                value = source.get("")[1] if source is not None else None
                self.into.bind(alias, UnknownBinding(alias) if pack is None else self.host.guard.over(pack), value)

    def names(self, declaration: syntax.ImportFrom) -> None:
        """``from ... import a, b as c with pure=True``"""
        source = self.source(declaration)
        for name, alias in declaration.names:
            binding, value = self.one(source, name, declaration)
            if self.into.holds(alias, declaration):
                self.into.bind(alias, self.host.guard.over(binding), value)

    def one(self, source: Source | None, name: str, declaration: syntax.ImportFrom) -> tuple[Binding, Any]:
        """One name of a source, with what the import declares of it."""
        unknown = UnknownBinding(name), None
        if source is None:
            return unknown
        report, span = self.host.report, declaration.span
        if name.startswith("_"):
            report(
                "import-name", span, f"{name!r} of {source.title} is private", help="give it a name without the _ there"
            )
            return unknown
        binding, value = source.get(name)
        if binding is None:
            known = sorted(n for n in source.names() if not n.startswith("_"))
            otherwise = (
                f"it has {', '.join(known[:8])}{', ...' if len(known) > 8 else ''}"
                if known
                else "it has no public names"
            )
            report("import-name", span, f"{source.title} has no {name!r}", help=did_you_mean(name, known, otherwise))
            return unknown
        if not declaration.options:
            return binding, value
        if not isinstance(binding, (NodeBinding, UnknownBinding)):
            report(
                "import-options", declaration.options[0].span, f"{name!r} is no function: there is nothing to declare",
                help="import it on a line of its own, without options",
            )  # fmt: skip
            return binding, value
        return self.declared(binding, declaration), value

    def declared(self, binding: Binding, declaration: syntax.ImportFrom) -> Binding:
        """The binding with the import's options laid over what the node declares."""
        try:
            options = read_options(declaration.options, self.into.evaluator, self.into.lookup)
            return redeclare(binding, options) if isinstance(binding, NodeBinding) else binding
        except NotConstant as error:
            if error.message:
                self.host.report("import-options", error.span, error.message, help=error.help)
        except (TypeError, ValueError) as error:
            self.host.report(
                "import-options",
                declaration.options[0].span,
                str(error),
                help="see `with` options in the language page",
            )
        return binding

    # ---- sources ---------------------------------------------------------------------------------

    def source(self, declaration: syntax.ImportFrom) -> Source | None:
        if not declaration.is_path:
            return self.pack(declaration.path, declaration.span)
        path = self.path(declaration.path, declaration.span)
        if path is None:
            return None
        if path.suffix == ".cflow":
            return self.cflow(path, declaration.span)
        if self.host.execute:
            return self.python(path, declaration.span)
        return self.host.static_file(path, declaration.span)

    def path(self, text: str, span: Span) -> Path | None:
        """The file that a path in an import means, if it may be imported."""
        report = self.host.report
        if not text.endswith((".py", ".cflow")):
            fix = (
                "write the path with / and its ending"
                if "\\" in text
                else 'write the whole name of the file, such as "./shop.py"'
            )
            report("import-kind", span, f"{text!r} names neither a .py nor a .cflow file", help=fix)
            return None
        try:
            path = (self.folder / text).resolve()
            witness.resolved(self.folder / text, path)
        except (OSError, ValueError, RuntimeError) as error:
            report(
                "file-not-readable",
                span,
                f"{text!r} cannot be a path: {error}",
                help='write a path such as "./shop.py"',
            )
            return None
        if not self.host.allow.path(path):
            self.refused(text, str(path), span)
            return None
        return path

    def refused(self, text: str, what: str, span: Span) -> None:
        self.host.report(
            "import-refused", span, f"importing {text!r} is not allowed here", found=what,
            help=f"the program that loads this file allows {self.host.allow}",
        )  # fmt: skip

    def pack(self, name: str, span: Span) -> Source | None:
        """A pack or installed module."""
        report = self.host.report
        allow = self.host.allow
        if not (allow.name(name) or any(allow.permissions.of_kind(k) for k in packs.standard_asks(name))):
            self.refused(name, name, span)
            return None
        found = packs.find_pack(name)
        if found is None:
            beside = self.folder / f"{name.replace('.', '/')}.py"
            fix = (
                f'write from "./{beside.name}" import ...'
                if beside.is_file()
                else "install it, or import a file by its path"
            )
            report(
                "import-not-found",
                span,
                f"there is no pack or module {name!r}",
                help=did_you_mean(name, packs.pack_names(), fix),
            )
            return None
        twice = packs.clash(name)
        if twice:
            report("import-clash", span, twice, help="uninstall one of them")
            return None
        missing = _not_granted(found, allow)
        if missing:
            self.refused(name, f"it asks for {', '.join(missing)}", span)
            return None
        lacks = packs.missing(packs.about(found)) if name in packs.standard_packs() else ""
        if lacks:
            report.warn(
                "extra-missing",
                span,
                f"the pack {name!r} needs {lacks}",
                help="nodes that use it fail until it is there",
            )
        if not self.host.execute:
            return self.host.static_pack(found)
        module = self.executed(lambda: packs.import_pack(found), f"the module {name!r}", found.origin, span)
        if module is None:
            return None
        scope = packs.pack_scope(module, found)

        def get(member: str) -> tuple[Binding | None, Any]:
            if not member:
                return scope, module
            return scope.members(member), getattr(module, member, None)

        return Source(repr(name), get, scope.names, scope)

    def python(self, path: Path, span: Span) -> Source | None:
        """A ``.py`` file, executed (once a process, while it does not change)."""
        from .files import read_source

        if read_source(path, self.host.report, span) is None:
            return None
        module = self.executed(lambda: _import(path), show(path), path, span)
        return None if module is None else module_source(module, show(path))

    def executed(
        self, run: Callable[[], types.ModuleType], title: str, file: Path | None, span: Span
    ) -> types.ModuleType | None:
        """The module that ``run`` gives; whatever its code raises is a finding, with the line of the file that raised
        it."""
        try:
            return run()
        except ProgramError as error:  # a program within the program
            for diagnostic in error.diagnostics:
                self.host.report.add(diagnostic)
        except (Exception, SystemExit) as error:
            self.host.report(
                "import-failed", span, f"{title} cannot be imported: {type(error).__name__}: {error}".rstrip(": "),
                labels=_raised_at(error, file), help=_import_help(error),
            )  # fmt: skip
        witness.failed()
        return None

    def cflow(self, path: Path, span: Span) -> Source | None:
        """Another ``.cflow`` file."""
        module = self.host.cflow_file(path, span)
        if module is None:
            return None
        scope, names = module.scope, module.names

        def get(name: str) -> tuple[Binding | None, Any]:
            return (scope.bindings.get(name), names.get(name)) if isinstance(scope, Declarations) else (None, None)

        return Source(show(path), get, lambda: scope.bindings if isinstance(scope, Declarations) else ())


def _not_granted(found: packs.Found, allow: Allow) -> list[str]:
    """What a pack of others asks for and nothing was granted of. The standard ones ask at each call."""
    if allow.permissions.trusted or not found.is_pack or found.module.startswith(f"{packs.STANDARD}."):
        return []
    return [kind for kind in packs.about(found).permissions if not allow.permissions.of_kind(kind)]


def _import(path: Path) -> types.ModuleType:
    return witness.executed(("file", str(path)), lambda: import_file(path))


def module_source(module: types.ModuleType, title: str) -> Source:
    """The names of a real module that was imported by path."""

    def get(name: str) -> tuple[Binding | None, Any]:
        if name not in vars(module) and not hasattr(module, name):
            return None, None
        value = getattr(module, name)
        witness.member(module, name, value)
        if isinstance(value, types.ModuleType):
            return None, None  # a file offers what it makes, not what it imports
        return binding_of(value, name), value

    return Source(title, get, lambda: (n for n, v in vars(module).items() if not isinstance(v, types.ModuleType)))


def _raised_at(error: BaseException, file: Path | None) -> tuple[Label, ...]:
    if isinstance(error, SyntaxError) and error.filename:
        return (Label(Span(error.filename, error.lineno or 1, error.offset or 1), error.msg or "not Python"),)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if file is not None and frame.filename == str(file):
            return (Label(Span(frame.filename, frame.lineno or 1), "raised here"),)
    return ()


def _import_help(error: BaseException) -> str:
    match error:
        case ModuleNotFoundError(name=str(name)):
            return f"install {name.partition('.')[0]!r}, or put it beside the file"
        case SyntaxError():
            return "correct the Python file"
        case CflowError():
            return ""
    return "the file is executed when it is imported: it must not fail then"
