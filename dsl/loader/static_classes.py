"""What a class in a Python file means, told from its text: records and their fields, exceptions, others.

Gives what :func:`..hints.class_spec` gives for the real class.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Literal

from ...compiler.spec import ClassSpec, FieldSpec
from ...compiler.types import ANY, Type
from .. import hints
from ..contents import factory_content
from ..scope import Binding, ClassBinding
from .annotations import TYPED_DICT
from .static import StaticModule
from .static_names import dotted_name, read_type, resolve

_RECORDS = {
    "dataclasses.dataclass": "dataclass", "attrs.define": "attrs", "attrs.frozen": "attrs", "attrs.mutable": "attrs",
    "attr.define": "attrs", "attr.frozen": "attrs", "attr.mutable": "attrs", "attr.dataclass": "attrs",
}  # fmt: skip
_BUILTIN_BASES = frozenset({"int", "float", "complex", "str", "bytes", "list", "tuple", "dict", "set", "frozenset"})
_NAMED_BASES = {
    "typing.Protocol": "Protocol", "typing.Generic": "Generic", "abc.ABC": "ABC", "enum.Enum": "Enum",
    "enum.IntEnum": "IntEnum",
    "enum.StrEnum": "StrEnum", "enum.Flag": "Flag", "enum.IntFlag": "IntFlag", "typing.NamedTuple": "NamedTuple",
    "typing.TypedDict": "TypedDict",
}  # fmt: skip


_AS_BASES = {"NamedTuple": ("tuple",), "TypedDict": ("dict", TYPED_DICT)}
"""What a class really inherits from that is written with one of these."""


def read_class(
    module: StaticModule, node: ast.ClassDef, method: Callable[[ast.FunctionDef | ast.AsyncFunctionDef], Binding | None]
) -> Binding:
    """What a class definition means. ``method`` tells what a static method of it means: a node or flow, or nothing."""
    key = f"{module.name}.{node.name}"
    # Its own name first: fields may be of its type.
    module.bindings[node.name] = ClassBinding(ClassSpec(key, node.name))
    found = [_base(module, base) for base in node.bases]
    bases = tuple(part for name, _ in found if name != "object" for part in _AS_BASES.get(name, (name,)))
    named = any(name == "NamedTuple" for name, _ in found)
    specs = [spec for _, spec in found if spec is not None]
    styles = [style for d in node.decorator_list if (style := _RECORDS.get(dotted_name(module, _head(d))))]
    kind: Literal["record", "exception", "other"] = "other"
    fields: tuple[FieldSpec, ...] | None = None
    if any(spec.kind == "exception" for spec in specs):
        kind = "exception"
    elif styles or named or any(spec.kind == "record" for spec in specs):
        kind = "record"
        if styles or named:
            fields = _fields(module, node, styles[0] if styles else "tuple", specs)
    if node.keywords or (node.decorator_list and not styles):
        bases = (*bases, "?")  # a metaclass or a decorator of which nothing is known
    methods = {d.name: d for d in node.body if isinstance(d, (ast.FunctionDef, ast.AsyncFunctionDef))}

    def member(name: str) -> Binding | None:
        if name.startswith("_"):
            return None
        if name in methods:
            return method(methods[name])
        inherited = (resolve(module, base) for base in node.bases)
        return next((m for b in inherited if isinstance(b, ClassBinding) and (m := b.members(name)) is not None), None)

    closed = len(bases) >= 1 and all(b in _CLOSED for b in bases) and bool(_ENUMS.intersection(bases))
    members = _members(node) if closed else ()
    spec = ClassSpec(key, node.name, kind, fields, bases, members=members)
    made = ClassBinding(spec, members=member, defined=frozenset(methods))
    hints.declare_read(made)
    return made


_ENUMS = frozenset({"Enum", "IntEnum", "StrEnum"})
_CLOSED = _ENUMS | _BUILTIN_BASES
"""Bases of an enum whose members are all in its own text."""


def _members(node: ast.ClassDef) -> tuple[str, ...]:
    """The members of an enum; of several names for one literal the first."""
    found: dict[str, str] = {}
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if not name.startswith("_"):
                found.setdefault(ast.dump(value) if isinstance(value, ast.Constant) else f"={name}", name)
    return tuple(found.values())


def _head(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _base(module: StaticModule, node: ast.expr) -> tuple[str, ClassSpec | None]:
    """The key of a base class and its spec, as far as they can be told."""
    inner = node.value if isinstance(node, ast.Subscript) else node
    dotted = dotted_name(module, inner).replace("typing_extensions.", "typing.")
    if dotted in _NAMED_BASES:
        return _NAMED_BASES[dotted], None
    name = dotted.removeprefix("builtins.")
    if name in _BUILTIN_BASES or name == "object":
        return name, None
    found = resolve(module, inner)
    if isinstance(found, ClassBinding):
        return found.spec.key, found.spec
    return f"?{ast.unparse(inner)}", None


def _fields(
    module: StaticModule, node: ast.ClassDef, style: str, bases: list[ClassSpec]
) -> tuple[FieldSpec, ...] | None:
    """The fields of a record, by the names its constructor takes; None where the text does not tell."""
    found: dict[str, FieldSpec] = {}
    for base in bases:
        if base.kind == "record" and base.fields is None:
            return None
        found.update({f.name: f for f in base.fields or ()})
    keyword = any(_is_true(d, "kw_only") for d in node.decorator_list)
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name="__init__"):
                return None
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                kind = dotted_name(module, annotation.value if isinstance(annotation, ast.Subscript) else annotation)
                if kind == "typing.ClassVar":
                    continue
                if kind == "dataclasses.KW_ONLY":
                    keyword = True
                    continue
                spec = _field(module, name, annotation, value, style, keyword)
                if spec is not None:
                    found[spec.name] = spec
    return tuple(found.values())


def _field(
    module: StaticModule, name: str, annotation: ast.expr, value: ast.expr | None, style: str, keyword: bool
) -> FieldSpec | None:
    type_ = read_type(module, annotation)
    required = value is None
    default, factory = value, None
    if style == "attrs":
        name = name.lstrip("_") or name
    if isinstance(value, ast.Call) and dotted_name(module, value.func) in _FIELD_CALLS:
        options = {k.arg: k.value for k in value.keywords}
        required = not ({"default", "default_factory", "factory"} & options.keys() or (style == "attrs" and value.args))
        if isinstance(options.get("init"), ast.Constant) and options["init"].value is False:  # type: ignore[attr-defined]
            return None
        if "converter" in options:
            type_ = ANY
        own = options.get("kw_only")
        keyword = bool(own.value) if isinstance(own, ast.Constant) and own.value is not None else keyword
        default, factory = options.get("default"), options.get("default_factory", options.get("factory"))
        alias = options.get("alias")
        if isinstance(alias, ast.Constant):
            name = str(alias.value)
    return FieldSpec(name, type_, required, "" if required else _default(module, type_, default, factory), keyword)


def _is_true(decorator: ast.expr, option: str) -> bool:
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    return any(k.arg == option and isinstance(k.value, ast.Constant) and k.value.value is True for k in keywords)


def _default(module: StaticModule, type_: Type, default: ast.expr | None, factory: ast.expr | None) -> str:
    """What the text tells of a default: a literal, or one of the built-in classes that make an empty value."""
    if factory is not None:
        made = _EMPTY.get(dotted_name(module, factory).removeprefix("builtins."))
        return "" if made is None else factory_content(made)
    try:
        return "" if default is None else hints.default_content(type_, ast.literal_eval(default))
    except (ValueError, TypeError, SyntaxError, RecursionError):  # it takes running the file to tell
        return ""


_EMPTY: dict[str, type] = {"list": list, "dict": dict, "set": set, "tuple": tuple}


_FIELD_CALLS = frozenset({"dataclasses.field", "attrs.field", "attr.field", "attr.ib"})
