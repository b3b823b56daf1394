"""The declarations of one ``.cflow`` text to bindings: secrets, environment, constants, types, flows.

Constants, aliases and records may name one another in any order; each is resolved at its first use. Imports come from
outside (:mod:`.imports`), already bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import define, field

from ...compiler.convert import ConversionError, convert
from ...compiler.diagnostics import Collector, Label, Span
from ...compiler.ir import AmbientSpec
from ...compiler.spec import ClassSpec
from ...compiler.types import ANY, STR, Type, size_up_to
from .. import hints, syntax
from ..keys import unique_key
from ..scope import (
    AmbientBinding,
    Binding,
    ClassBinding,
    FlowBinding,
    FlowSource,
    Scope,
    TypeBinding,
    UnknownBinding,
    ValueBinding,
)
from . import records
from .annotations import read_annotation
from .constants import Evaluator, Missing, NotConstant
from .report import Reporter

RESERVED = frozenset({"race", "sleep", "wait_signal", "detach", "convert", "attempt", "calls"})
"""Forms that look like calls: a name of the file could never be reached behind one of these."""

Named = syntax.SecretDecl | syntax.EnvDecl | syntax.ConstDecl | syntax.TypeDecl | syntax.Flow

MAX_TYPE = 500
"""Constructors of a type written out, at most: a check of a stranger's text takes bounded time."""


@define(eq=False)
class Declarations:
    """Binds the declarations of one text. It is the scope of the flows in it.

    Parameters
    ----------
    label: the module's, for keys.
    outer: the built-in names.
    execute: make real classes? allow: what the text was loaded with.
    """

    label: str
    file: str
    outer: Scope = field(repr=False)
    report: Reporter = field(repr=False)
    execute: bool
    allow: tuple[str, ...] | None = field(default=None, repr=False)
    bindings: dict[str, Binding] = field(factory=dict, repr=False)
    objects: dict[str, Any] = field(factory=dict, repr=False)
    flows: dict[str, FlowSource] = field(factory=dict, repr=False)
    _holders: dict[str, syntax.Declaration] = field(factory=dict, repr=False)
    _todo: dict[str, Named] = field(factory=dict, repr=False)
    _active: list[str] = field(factory=list, repr=False)
    _classes: dict[str, type] = field(factory=dict, repr=False)
    _evaluator: Evaluator = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._evaluator = Evaluator(self._constant)

    # ---- the scope -------------------------------------------------------------------------------

    def lookup(self, name: str) -> Binding | None:
        if name in self._todo:
            self._resolve(name)
        found = self.bindings.get(name)
        return self.outer.lookup(name) if found is None else found

    def names(self) -> Iterable[str]:
        # While one is bound, looking up those to come would bind them too, and they may name it.
        yield from (*self.bindings, *(() if self._active else self._todo))
        yield from self.outer.names()

    # ---- binding ---------------------------------------------------------------------------------

    @property
    def evaluator(self) -> Evaluator:
        return self._evaluator

    def enter(self, declarations: Iterable[syntax.Declaration]) -> None:
        """Take the names of all declarations, in the order of the text; nothing is resolved yet."""
        for declaration in declarations:
            match declaration:
                case syntax.ImportPack(names=names) | syntax.ImportFrom(names=names):
                    for _, alias in names:
                        self._claim(alias, declaration)
                case syntax.Test():
                    continue
                case _:
                    if self._claim(declaration.name, declaration):
                        self._todo[declaration.name] = declaration

    def _claim(self, name: str, declaration: syntax.Declaration) -> bool:
        """Take ``name`` for a declaration; False, and a finding, where it is taken already or cannot be."""
        if name in RESERVED:
            self.report(
                "reserved-name", declaration.span,
                f"{name!r} is a form of the language: nothing else could be used by that name",
                help="give it another name (an import: `as` another name)",
            )  # fmt: skip
            return False
        first = self._holders.setdefault(name, declaration)
        if first is not declaration:
            self.report(
                "duplicate-name", declaration.span, f"{name!r} is declared twice",
                labels=(Label(first.span, "first declared here"),), help="rename one of them",
            )  # fmt: skip
            return False
        return True

    def holds(self, name: str, declaration: syntax.Declaration) -> bool:
        """Is it this declaration that ``name`` belongs to?"""
        return self._holders.get(name) is declaration

    def bind(self, name: str, binding: Binding, value: Any = None) -> None:
        """Bind an imported name."""
        self.bindings[name] = binding
        if value is not None:
            self.objects[name] = value

    def declare(self) -> None:
        """Resolve all declarations but imports and tests."""
        self._declare_records([d for d in self._todo.values() if isinstance(d, syntax.TypeDecl) and d.alias is None])
        for name in list(self._todo):
            if name in self._todo:
                self._resolve(name)

    def _resolve(self, name: str) -> None:
        """Bind one declaration; whatever it names is bound before. One that names itself is ``Any``."""
        declaration = self._todo[name]
        if name in self._active:
            self._cycle(name, declaration)
            self.bindings[name] = UnknownBinding(name)
            return
        self._active.append(name)
        binding = self._bound(declaration)
        self._active.pop()
        self._todo.pop(name, None)
        self.bindings.setdefault(name, binding)

    def _cycle(self, name: str, declaration: Named) -> None:
        ring = [*self._active[self._active.index(name) :], name]
        self.report(
            "declaration-cycle", declaration.span, f"{name!r} is declared by itself: {' -> '.join(ring)}",
            help="a record may name itself (`type Tree:` with fields); an alias or a constant cannot",
        )  # fmt: skip

    def _bound(self, declaration: Named) -> Binding:
        match declaration:
            case syntax.Flow():
                return self._flow(declaration)
            case syntax.SecretDecl(name=name):
                return AmbientBinding(AmbientSpec("secret", name, STR))
            case syntax.EnvDecl():
                return self._env(declaration)
            case syntax.ConstDecl():
                return self._const(declaration)
            case syntax.TypeDecl(alias=alias) if alias is not None:
                return TypeBinding(self._bounded(declaration, self.type_of(alias)))
        return UnknownBinding(declaration.name)  # a record, bound with all the others

    def type_of(self, expr: syntax.Expr) -> Type:
        """The type that an annotation of this text writes."""
        found = Collector()
        type_ = read_annotation(expr, self, found, suggest=not self.report.enough)
        for diagnostic in found.items:
            self.report.add(diagnostic)
        return type_

    def _bounded(self, declaration: Named, type_: Type) -> Type:
        """Aliases of aliases double a type with each line; written out it must stay small."""
        if size_up_to(type_, MAX_TYPE) < MAX_TYPE:
            return type_
        self.report(
            "type-too-big",
            declaration.span,
            f"the type {declaration.name!r} has more than {MAX_TYPE} parts when written out",
            help="make its parts records: a record counts once",
        )
        return ANY

    def _flow(self, flow: syntax.Flow) -> FlowBinding:
        source = FlowSource(flow.name, f"{self.label}.{flow.name}", self.file, lambda: (flow, self), self.allow)
        self.flows[flow.name] = source
        self.objects[flow.name] = source
        return FlowBinding(source)

    def _env(self, env: syntax.EnvDecl) -> Binding:
        required = env.default is None
        default = None if env.default is None else self._value(env.default)
        if default is FAILED:
            return UnknownBinding(env.name)
        type_ = (
            self.type_of(env.annotation)
            if env.annotation is not None
            else STR
            if required
            else hints.type_of_value(default)
        )
        if not required:
            default = self._converted(default, type_, env.default, f"the default of {env.name!r}")
        return AmbientBinding(AmbientSpec("env", env.name, type_, default, required))

    def _const(self, const: syntax.ConstDecl) -> Binding:
        value = self._value(const.value)
        if value is FAILED:
            return UnknownBinding(const.name)
        type_ = hints.type_of_value(value)
        if const.annotation is not None:
            type_ = self.type_of(const.annotation)
            value = self._converted(value, type_, const.value, repr(const.name))
        self.objects[const.name] = value
        return ValueBinding(value, type_, const.name)

    def _converted(self, value: Any, type_: Type, at: syntax.Expr | None, what: str) -> Any:
        try:
            return convert(value, type_, self._classes)
        except ConversionError as error:
            span = at.span if at is not None else Span(self.file, 1)
            self.report(
                "wrong-constant", span, f"{what} does not fit its type: {error}",
                expected=str(type_), found=str(hints.type_of_value(value)),
                help=f"give a value of {type_}, or change the annotation",
            )  # fmt: skip
            return value

    def _value(self, expr: syntax.Expr) -> Any:
        try:
            return self._evaluator.constant(expr)
        except NotConstant as error:
            self.not_constant(error)
            return FAILED

    def not_constant(self, error: NotConstant) -> None:
        """Report that something is no constant; not where that follows from what was reported already."""
        if error.message:
            self.report("not-constant", error.span, error.message, help=error.help)

    def _constant(self, name: str) -> Any:
        """The value of a constant of this text, for another one."""
        match self.lookup(name):
            case ValueBinding(value=value):
                return value
            case UnknownBinding():
                msg = ""  # it was reported, or only running a Python file would tell
            case None:
                msg = f"{name!r} is not defined"
            case AmbientBinding():
                msg = f"{name!r} is read when a run starts: it is not a constant"
            case _:
                msg = f"{name!r} is not a constant"
        raise Missing(msg)

    # ---- records ---------------------------------------------------------------------------------

    def _declare_records(self, declarations: list[syntax.TypeDecl]) -> None:
        """All records at once, since their fields may name one another: first their keys, then their fields, then their
        classes."""
        tokens = {d.name: records.Token() for d in declarations}
        for d in declarations:
            key = f"{self.label}.{d.name}"
            if self.execute:
                key = unique_key(key, tokens[d.name])
            self.bindings[d.name] = ClassBinding(ClassSpec(key, d.name, "record", ()))
            del self._todo[d.name]
        plans = {d.name: tuple(self._field(f) for f in self._fields(d)) for d in declarations}
        made: list[ClassBinding] = []
        for d in declarations:
            bound = self.bindings[d.name]
            assert isinstance(bound, ClassBinding)
            bound = ClassBinding(records.spec_for(bound.spec.key, d.name, plans[d.name]))
            if self.execute:
                cls = records.make_class(d.name, self.label, plans[d.name], d.doc, tokens[d.name])
                self._classes[bound.spec.key] = self.objects[d.name] = cls
                bound = ClassBinding(bound.spec, cls)
                made.append(bound)
            self.bindings[d.name] = bound
        known = {**self._imported_classes(), **self._classes}
        for bound in made:
            records.complete(bound, known)

    def _imported_classes(self) -> dict[str, type]:
        bound = (b for b in self.bindings.values() if isinstance(b, ClassBinding))
        return {b.spec.key: b.cls for b in bound if b.cls is not None}

    def _fields(self, d: syntax.TypeDecl) -> list[syntax.FieldDecl]:
        """The fields that the record can have. (Of two with one name, which the parser has reported, the first.)"""
        fields: dict[str, syntax.FieldDecl] = {}
        for f in d.fields:
            if f.name.startswith("_") or f.name == "self":
                self.report(
                    "field-name",
                    f.span,
                    f"a field cannot be called {f.name!r}",
                    help="names that begin with _ cannot be read",
                )
            else:
                fields.setdefault(f.name, f)
        return list(fields.values())

    def _field(self, f: syntax.FieldDecl) -> records.FieldPlan:
        type_ = self.type_of(f.annotation)
        default = records.REQUIRED if f.default is None else self._value(f.default)
        if default is FAILED:
            default = None
        elif default is not records.REQUIRED:
            default = self._converted(default, type_, f.default, f"the default of {f.name!r}")
        return records.FieldPlan(f.name, type_, default)


FAILED = object()
"""Stands for a value that could not be computed and was reported."""
