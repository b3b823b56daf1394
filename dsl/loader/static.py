"""Python files read as syntax: what ``cflow check`` knows of an imported ``.py`` file without executing any of it.

Owns the namespace of a file: which statement a name comes from, where an import leads. What a definition means is read
by :mod:`.static_definitions`. Whatever cannot be told from the text is unknown, never wrong.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from attrs import define, field

from ...compiler.diagnostics import Collector, Span
from ...compiler.spec import PURE, NodeSpec
from ...compiler.types import Signature, Type
from .. import syntax
from ..nodes import ENVIRONMENT, binding_of, environment_binding
from ..purelist import pure_names
from ..python.names import builtin_binding
from ..scope import (
    Binding,
    ClassBinding,
    FlowBinding,
    NodeBinding,
    PackBinding,
    TypeBinding,
    UnknownBinding,
)
from . import packs, witness
from .annotations import dotted_meaning
from .files import decode
from .imports import Source
from .module import LoadedModule
from .python_files import module_name, package_root
from .report import Reporter

MAX_FILES = 300
"""Python files read for one load; names of further ones are unknown."""

_TYPE_MODULES = frozenset({"typing", "typing_extensions", "collections.abc", "datetime", "decimal", "pathlib", "abc"})
"""Modules of which only the types are of interest; they are known by name."""


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@define(eq=False)
class StaticReader:
    """Reads Python files for one load; each once."""

    _files: dict[Path, StaticModule] = field(factory=dict, repr=False)

    def file(self, path: Path, text: str) -> StaticModule:
        """The namespace of a ``.py`` file that was imported by path."""
        known = self._files.get(path)
        if known is None:
            folder, _ = package_root(path)
            known = self._files[path] = StaticModule(self, module_name(path), path, text, folder)
        return known

    def pack(self, found: packs.Found) -> StaticModule:
        """The namespace of a pack or installed module; without a Python source nothing is known of it."""
        if found.origin is None:
            return StaticModule(self, found.module, None, "", None, found)
        known = self._files.get(found.origin)
        if known is None:
            text = self._text(found.origin)
            known = StaticModule(
                self, found.module, found.origin if text is not None else None, text or "", None, found
            )
            self._files[found.origin] = known
        return known

    def _text(self, path: Path) -> str | None:
        if len(self._files) >= MAX_FILES:
            return None
        try:
            data = path.read_bytes()
        except OSError:
            return None
        witness.read(path, data)
        return decode(data, str(path), Reporter(Collector()))

    def beside(self, folder: Path, name: str) -> StaticModule | None:
        """The module ``name`` (dotted) in a folder that is importable."""
        stem = folder.joinpath(*name.split("."))
        for path in (stem.with_suffix(".py"), stem / "__init__.py"):
            if path in self._files:
                return self._files[path]
            witness.looked(path)
            if path.is_file():
                text = self._text(path)
                return None if text is None else self.file(path, text)
        return None


@define(eq=False)
class StaticModule:
    """The namespace of one Python file. It is the scope of the flows in it.

    Parameters
    ----------
    name: the module's, as it would be called if it were executed: keys begin with it.
    path: of the file; None: there is nothing to read, every name may exist.
    folder: what plain imports in it may also find (the file was imported by path).
    found: how a pack was found.
    """

    reader: StaticReader = field(repr=False)
    name: str
    path: Path | None
    text: str = field(repr=False)
    folder: Path | None
    found: packs.Found | None = None
    error: SyntaxError | None = None
    doc: str = field(default="", repr=False)
    lines: tuple[str, ...] = field(default=(), repr=False)
    nodes: set[str] = field(factory=set, repr=False)
    """The names that were declared as nodes."""
    bindings: dict[str, Binding | None] = field(factory=dict, repr=False)
    """What was found out so far."""
    _statements: dict[str, ast.stmt] = field(factory=dict, repr=False)
    _earlier: dict[str, list[ast.stmt]] = field(factory=dict, repr=False)
    """Functions whose names were given to others further down: a node's other versions are among them."""
    _uncertain: set[str] = field(factory=set, repr=False)
    _stars: list[ast.ImportFrom] = field(factory=list, repr=False)
    _active: set[str] = field(factory=set, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.path is None:
            return
        try:
            tree = ast.parse(self.text)
        except SyntaxError as error:
            self.error = error
            return
        except (ValueError, RecursionError, MemoryError) as error:
            self.error = SyntaxError(str(error))
            return
        self.doc = ast.get_docstring(tree) or ""
        self.lines = tuple(self.text.splitlines(keepends=True))
        self._scan(tree.body, certain=True)

    # ---- which statement a name comes from -------------------------------------------------------

    def _scan(self, body: Iterable[ast.stmt], *, certain: bool) -> None:
        for statement in body:
            match statement:
                case ast.ImportFrom(names=[ast.alias(name="*")]):
                    self._stars.append(statement)
                case ast.If(test=test, body=then, orelse=orelse):
                    typing_only = isinstance(test, (ast.Name, ast.Attribute)) and ast.unparse(test).endswith(
                        "TYPE_CHECKING"
                    )
                    self._scan(then, certain=certain and typing_only)
                    self._scan(orelse, certain=False)
                case ast.Try(body=inner, handlers=handlers, orelse=orelse, finalbody=final):
                    self._scan(inner, certain=certain)
                    self._scan(orelse, certain=certain)
                    for handler in handlers:
                        # What stands in for an import that fails: the import itself says what the name is.
                        self._scan([s for s in handler.body if not self._imported_by(inner, s)], certain=False)
                    self._scan(final, certain=certain)
                case ast.With(body=inner) | ast.For(body=inner) | ast.While(body=inner):
                    self._scan(inner, certain=False)
                    for name in _stored(statement):
                        self._uncertain.add(name)
                case _:
                    for name in _bound_by(statement):
                        if not certain:
                            self._uncertain.add(name)
                        before = self._statements.get(name)
                        if isinstance(before, _FUNCTIONS) and isinstance(statement, _FUNCTIONS):
                            self._earlier.setdefault(name, []).append(before)
                        self._statements[name] = statement

    def _imported_by(self, body: list[ast.stmt], fallback: ast.stmt) -> bool:
        imports = {n for s in body if isinstance(s, (ast.Import, ast.ImportFrom)) for n in _bound_by(s)}
        return any(name in imports for name in _bound_by(fallback))

    def statement(self, name: str) -> ast.stmt | None:
        """The statement that binds ``name``, if it is sure to be the one."""
        return None if name in self._uncertain else self._statements.get(name)

    def names(self) -> Iterable[str]:
        found = (*self._statements, *self._uncertain, *(dir(self._listed()) if self._listed() else ()))
        yield from (n for n in found if not n.startswith("_"))

    def borrowed(self, name: str) -> bool:
        """Is it another distribution's, used here and not offered again?"""
        statement = self.statement(name)
        imported = isinstance(statement, ast.Import) or (isinstance(statement, ast.ImportFrom) and not statement.level)
        return imported and name not in self._all()

    # ---- the scope -------------------------------------------------------------------------------

    def lookup(self, name: str) -> Binding | None:
        """What a name of the file means, built-in names included."""
        found = self.member(name)
        return builtin_binding(name) if found is None else found

    def member(self, name: str) -> Binding | None:
        """What the file binds ``name`` to; None where it does not."""
        if name not in self.bindings:
            if name in self._active:  # names that are made of one another
                return UnknownBinding(name)
            self._active.add(name)
            self.bindings[name] = self._bound(name)
            self._active.discard(name)
        return self.bindings[name]

    def _bound(self, name: str) -> Binding | None:
        pure = self._pure(name)
        if pure is not None:
            return pure
        if self.name == "os" and name in ENVIRONMENT:
            return environment_binding(f"os.{name}")
        if name not in self._offers(name):
            return None
        if self.path is None or self.error is not None or name in self._uncertain:
            return UnknownBinding(f"{self.name}.{name}")
        if name in self._statements:
            from .static_definitions import binding_of_statement, with_others

            found = binding_of_statement(self, self._statements[name], name)
            return with_others(self, found, self._earlier.get(name, ()))
        if "__getattr__" in self._statements:
            return UnknownBinding(f"{self.name}.{name}")
        return self._starred(name)

    def _listed(self) -> ModuleType | None:
        """The module, where all of it is on the shipped list and it is there already (as `math` always is)."""
        return sys.modules.get(self.name) if "*" in (pure_names(self.name) or ()) else None

    def _offers(self, name: str) -> Iterable[str]:
        module = self._listed()
        return (name,) if module is None else dir(module)

    def _pure(self, name: str) -> Binding | None:
        """A callable of the shipped list, by name alone."""
        names = pure_names(self.name)
        if names is None or not (name in names or "*" in names) or name.startswith("_"):
            return None
        if name not in self._offers(name) or not callable(getattr(self._listed(), name, len)):
            return None
        return NodeBinding(NodeSpec(f"{self.name}.{name}", name, Signature(known=False), PURE, trusted=True))

    def _starred(self, name: str) -> Binding | None:
        for statement in self._stars:
            module = self.imported(statement.module, statement.level)
            if module is None or isinstance(module, str):
                return UnknownBinding(name)
            found = module.member(name) if not name.startswith("_") else None
            if found is not None:
                return found
        return None

    # ---- imports ---------------------------------------------------------------------------------

    def imported(self, module: str | None, level: int) -> StaticModule | str | None:
        """The module of an import statement: a namespace, the name of one that is known by name alone, or None."""
        name = module or ""
        if level:
            base = self.name.split(".")
            if self.path is not None and self.path.name != "__init__.py":
                base = base[:-1]
            base = base[: len(base) - level + 1]
            if self.folder is not None:
                return self.reader.beside(self.folder, ".".join((*base, *([name] if name else []))))
            name = ".".join((*base, *([name] if name else [])))
        if name == packs.PACKAGE or name in _TYPE_MODULES:
            return name
        if self.folder is not None:
            beside = self.reader.beside(self.folder, name)
            if beside is not None:
                return beside
        found = packs.find_module(name)
        return None if found is None else self.reader.pack(found)

    def from_import(self, module: str | None, level: int, name: str, alias: str) -> Binding:
        """``from module import name as alias``"""
        source = self.imported(module, level)
        match source:
            case None:
                return UnknownBinding(name)
            case str():
                return known_member(source, name)
        found = source.member(name)
        if found is None:
            inner = self.imported(f"{module}.{name}" if module else name, level)
            return inner.pack_binding() if isinstance(inner, StaticModule) else UnknownBinding(name)
        if name in source.nodes:
            self.nodes.add(alias)
        return found

    def module_binding(self, name: str) -> Binding:
        """``import name``: a name that gives the module's names."""
        source = self.imported(name, 0)
        if isinstance(source, StaticModule):
            return source.pack_binding()
        known = source if source is not None else name
        return PackBinding(known, lambda member: known_member(known, member), lambda: ())

    # ---- as something to import from -------------------------------------------------------------

    def pack_binding(self) -> PackBinding:
        """The file as a name in a flow."""
        return PackBinding(self.found.name if self.found else self.name, self.offered, self.names)

    def offered(self, name: str) -> Binding | None:
        """What a program may import of it: of a pack, what it declares."""
        if name.startswith("_"):
            return None
        binding = self.member(name)
        if self.found is not None and self.found.is_pack and self.path is not None:
            own = isinstance(binding, ClassBinding) and (
                binding.spec.key.startswith(f"{self.name}.") or name in self._all()
            )
            return binding if name in self.nodes or own or isinstance(binding, FlowBinding) else None
        if binding is None and self.found is not None:
            inner = packs.find_module(f"{self.found.module}.{name}")
            return None if inner is None else self.reader.pack(inner).pack_binding()
        if isinstance(binding, PackBinding):
            return None  # a module offers what it makes, not what it imports
        return binding

    def _all(self) -> list[str]:
        """The texts in its ``__all__``."""
        statement = self.statement("__all__")
        return [
            node.value
            for node in (ast.walk(statement) if isinstance(statement, ast.Assign | ast.AnnAssign) else ())
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]

    def source(self, title: str) -> Source:
        """The file as the source of an import."""
        pack = self.pack_binding()
        return Source(title, lambda name: (self.offered(name) if name else pack, None), self.names, pack)

    def module(self, report: Reporter) -> LoadedModule | None:
        """The file as a program of its own: its flows."""
        if self.error is not None:
            report_syntax(self, report)
            return None
        file = str(self.path)
        flows = {}
        for name in self.names():
            binding = self.member(name)
            if isinstance(binding, FlowBinding) and binding.source.file == file:
                flows[name] = binding.source
        tree = syntax.Module(file, (), self.doc)
        return LoadedModule(self.name, file, tree, self, flows, is_python=True)


def report_syntax(module: StaticModule, report: Reporter, span: Span | None = None) -> None:
    """Report that a Python file is not Python."""
    error = module.error
    if error is not None:
        at = Span(str(module.path), error.lineno or 1, error.offset or 1)
        report("python-syntax", at, f"the file is not Python: {error.msg}", help="correct the Python file")


def known_member(module: str, name: str) -> Binding:
    """A name of Conductor itself, or of a module of which only the types are known."""
    if module == packs.PACKAGE:
        public = importlib.import_module(packs.PACKAGE)
        return binding_of(getattr(public, name), name) if name in public.__all__ else UnknownBinding(name)
    dotted = f"{module}.{name}".replace("typing_extensions.", "typing.")
    meaning = dotted_meaning(dotted)
    if isinstance(meaning, Type) and (meaning.name != "any" or name == "Any"):
        return TypeBinding(meaning)
    if meaning == "stream":
        return TypeBinding(Type("stream", (Type("any"),)))
    return UnknownBinding(dotted)


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement at the top level binds."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name for alias in names)
        case _:
            yield from _stored(statement)


def _stored(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
