"""Annotations as text to the symbols of :mod:`...compiler.types`.

One reader for all text: a ``.cflow`` file, a Python flow, a ``.py`` file that is only read. It gives what
:mod:`..hints` gives for the real objects. What a name means comes from outside (a scope, or the names of a file read
as syntax); what it cannot say is ``Any``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from attrs import frozen

from ...compiler.diagnostics import Collector, Diagnostic
from ...compiler.nearest import did_you_mean
from ...compiler.types import ANY, ELLIPSIS, NONE, STR, Type, class_type, stream_of, union
from .. import hints, syntax
from ..scope import (
    BadBinding,
    Binding,
    BuiltinBinding,
    ClassBinding,
    PackBinding,
    Scope,
    TypeBinding,
    UnknownBinding,
)
from .python_types import arguments, in_text

PLAIN_TYPES = {
    **{
        name: Type(name)
        for name in (
            "int float bool str bytes complex range date datetime time timedelta Decimal Path".split()
        )
    },
    "Any": ANY,
    "None": NONE,
    "object": ANY,
}  # fmt: skip
"""The types that take no arguments, by the names they have in a ``.cflow`` file."""

GENERIC_TYPES = {"list": 1, "set": 1, "frozenset": 1, "dict": 2, "tuple": -1, "stream": 1, "Collected": 1}
"""Those that take arguments, and how many (-1: any number)."""

_ARITY = {**GENERIC_TYPES, "sequence": 1, "collection": 1, "iterable": 1, "mapping": 2}
"""With Python's abstract containers, for which a ``.cflow`` file has no names."""

_DOTTED: dict[str, str] = {
    **{
        f"builtins.{n}": n
        for n in ("int float bool str bytes complex range list set frozenset dict tuple object").split()
    },
    **{f"datetime.{n}": n for n in ("date", "datetime", "time", "timedelta")},
    **{f"typing.{n}": n.lower() for n in ("List", "Set", "FrozenSet", "Dict", "Tuple")},
    **{
        f"typing.{n}": n
        for n in ("Any", "Optional", "Union", "Literal", "Annotated", "Final", "ClassVar", "Required", "NotRequired")
    },
    **{
        f"{module}.{n}": "stream"
        for module in ("typing", "collections.abc")
        for n in ("Iterator", "Generator", "AsyncIterator", "AsyncGenerator", "AsyncIterable")
    },
    **{
        f"{module}.{n}": word
        for module in ("typing", "collections.abc")
        for n, word in {
            "Sequence": "sequence",
            "MutableSequence": "sequence",
            "Collection": "collection",
            "Iterable": "iterable",
            "AbstractSet": "frozenset",
            "Mapping": "mapping",
            "MutableMapping": "mapping",
        }.items()
    },
    "collections.abc.Set": "frozenset",
    **{f"pathlib.{n}": "Path" for n in ("Path", "PurePath", "PosixPath", "WindowsPath")},
    "decimal.Decimal": "Decimal",
    "cflow.Collected": "Collected",
}
"""Python's own names for types, to the words of this module."""

TYPED_DICT = "TypedDict"
"""Among the bases of a class of which only the text was read: its values are dicts."""

_WRAPPERS = frozenset({"Annotated", "Final", "ClassVar", "Required", "NotRequired"})
_ABSTRACT_MODULES = ("typing", "typing_extensions", "collections.abc", "collections", "abc", "numbers", "types")

Meaning = Type | str | None
"""What a name in an annotation means: a type, a word with arguments to come (``"list"``, ``"Optional"``), or nothing
known."""


def dotted_meaning(name: str) -> Meaning:
    """What Python's own dotted name means in an annotation; None where it is none of Python's types."""
    name = name.replace("typing_extensions.", "typing.")
    word = _DOTTED.get(name)
    if word is None:
        # An abstract class says nothing of what may be given: other classes can claim to be one.
        return ANY if name.rpartition(".")[0] in _ABSTRACT_MODULES else None
    return PLAIN_TYPES.get(word, word)


@frozen
class AnnotationReader:
    """Reads annotations.

    Parameters
    ----------
    meaning: what a name (``("dt", "date")`` for ``dt.date``) means; told where it stands, and the annotation it heads.
    problem: told what is wrong, with the place and a fix; what it is told of reads as ``Any``.
    literals: is text a literal type (``"fast" | "safe"``, in a ``.cflow`` file), or a forward reference (in Python)?
    """

    meaning: Callable[[tuple[str, ...], syntax.Expr, syntax.Expr], Meaning]
    problem: Callable[[syntax.Expr, str, str], None]
    literals: bool = True

    def read(self, expr: syntax.Expr) -> Type:
        """The type that ``expr`` writes."""
        match expr:
            case syntax.Constant(value=None):
                return NONE
            case syntax.Constant(value=str(text)) if not self.literals:
                return self.forward(text, expr)
            case syntax.Constant(value=bool() | int() | str() | bytes() as value) if self.literals:
                return Type("literal", (value,))
            case syntax.Constant() if not self.literals:
                return ANY
            case syntax.Unary(op="-", value=syntax.Constant(value=int(value))) if not isinstance(value, bool):
                return Type("literal", (-value,))
            case syntax.Binary(op="|"):
                return union(*map(self.read, _members(expr)))
            case syntax.Subscript(value=head, index=index):
                return self.generic(head, arguments(index), expr)
        return self.bare(self.named(expr, expr), expr)

    def forward(self, text: str, expr: syntax.Expr) -> Type:
        try:
            inner = expr_of_ast(ast.parse(text.strip(), mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            inner = None
        return ANY if inner is None else self.read(inner)

    def named(self, expr: syntax.Expr, whole: syntax.Expr) -> Meaning:
        path = dotted(expr)
        if path is None:
            self.problem(expr, "this is not a type", "write a type such as int, list[str], Order | None")
            return ANY
        return self.meaning(path, expr, whole)

    def bare(self, meaning: Meaning, expr: syntax.Expr) -> Type:
        """A name without arguments."""
        match meaning:
            case Type():
                return meaning
            case "tuple":
                return Type("tuple", (ANY, ELLIPSIS))
            case "stream":
                return stream_of(ANY)
            case "Collected":
                return Type("collected", (ANY,))
            case str() if meaning in _ARITY:
                return Type(meaning, (ANY,) * _ARITY[meaning])
        return ANY

    def generic(self, head: syntax.Expr, args: tuple[syntax.Expr, ...], expr: syntax.Expr) -> Type:
        meaning = self.named(head, expr)
        match meaning:
            case "Literal":
                return self.literal(args)
            case "Optional" if len(args) == 1:
                return union(self.read(args[0]), NONE)
            case "Union":
                return union(*map(self.read, args))
            case "tuple":
                items = tuple(ELLIPSIS if _is_ellipsis(arg) else self.read(arg) for arg in args)
                return Type("tuple", () if args and _is_empty(args[0]) else items)
            case str() if meaning in _WRAPPERS and args:
                return self.read(args[0])
            case str() if meaning in _ARITY:
                return self.container(meaning, args, expr)
            case Type(name="class") | None:
                return meaning or ANY  # a generic class: its arguments are not tracked
            case Type() if meaning != ANY:
                self.problem(expr, f"{meaning} takes no arguments", f"write {meaning}")
                return meaning
        return ANY

    def container(self, word: str, args: tuple[syntax.Expr, ...], expr: syntax.Expr) -> Type:
        arity = _ARITY[word]
        if self.literals and len(args) != arity:
            said = "a key and a value type" if word == "dict" else "one type"
            example = "dict[str, int]" if word == "dict" else f"{word}[int]"
            self.problem(expr, f"{word}[...] takes {said}, found {len(args)}", f"write it like {example}")
        inner = tuple(self.read(arg) for arg in args)
        if word == "stream":
            return stream_of(inner[0] if inner else ANY)
        if len(inner) != arity:
            inner = (ANY,) * arity
        return Type("collected" if word == "Collected" else word, inner)

    def literal(self, args: tuple[syntax.Expr, ...]) -> Type:
        inner = evolved(self, literals=True)
        members = [inner.read(arg) if isinstance(arg, (syntax.Constant, syntax.Unary)) else ANY for arg in args]
        texts = [m for m in members if m != NONE]
        return union(*texts, *([NONE] if len(texts) < len(members) else []))


UNDECLARED = "declare it with `type`, or import it"


def evolved(reader: AnnotationReader, *, literals: bool) -> AnnotationReader:
    """The same reader with another meaning of text."""
    return AnnotationReader(reader.meaning, reader.problem, literals)


def read_annotation(
    expr: syntax.Expr,
    scope: Scope,
    collector: Collector,
    *,
    literals: bool = True,
    suggest: bool = True,
    undeclared: str = UNDECLARED,
) -> Type:
    """The type that an annotation of a flow writes.

    Parameters
    ----------
    expr: the annotation.
    scope: what its names mean.
    collector: gets a diagnostic for each name that is no type.
    literals: False for Python, where text in an annotation is a forward reference.
    suggest: look for the name that was meant? That takes as long as there are names.
    undeclared: the fix for a name that is like no other.
    """

    def report(id: str, at: syntax.Expr, message: str, help: str) -> None:
        collector.add(Diagnostic(id, "error", message, at.span, help=help))

    def meaning(path: tuple[str, ...], at: syntax.Expr, whole: syntax.Expr) -> Meaning:
        binding = scope.lookup(path[0])
        for i, part in enumerate(path[1:], 1):
            if isinstance(binding, UnknownBinding):
                return ANY
            if not isinstance(binding, PackBinding):
                break
            binding = binding.members(part)
            if binding is None:
                name = ".".join(path[:i])
                report("unknown-type", at, f"{name} has no {part!r}", "")
                return ANY
        if binding is None and len(path) == 1:
            word = path[0]
            if word in PLAIN_TYPES:
                return PLAIN_TYPES[word]
            if word in GENERIC_TYPES:
                return word
            help = in_text(word, whole) or did_you_mean(word, type_names(scope) if suggest else (), undeclared)
            report("unknown-type", at, f"there is no type {word!r}", help)
            return ANY
        found = type_of_binding(binding)
        if found is None:
            report("not-a-type", at, f"{'.'.join(path)!r} is not a type", _not_a_type(binding))
            return ANY
        return found

    return AnnotationReader(meaning, lambda at, message, help: report("not-a-type", at, message, help), literals).read(
        expr
    )


def type_of_binding(binding: Binding | None) -> Meaning:
    """What a bound name means in an annotation; None: it is no type."""
    match binding:
        case TypeBinding(varies=varies):
            return ANY if varies else binding.type
        case ClassBinding(cls=cls) if cls is not None:
            return hints.type_of(cls)
        case ClassBinding(spec=spec):
            # As for the real ones: a typed dict is a dict, and a protocol says nothing of what may be given.
            if TYPED_DICT in spec.bases:
                return Type("dict", (STR, ANY))
            return ANY if "Protocol" in spec.bases else class_type(spec.key)
        case BuiltinBinding():
            return PLAIN_TYPES.get(binding.name) or (binding.name if binding.name in GENERIC_TYPES else None)
        case UnknownBinding():
            return ANY
    return None


def _not_a_type(binding: Binding | None) -> str:
    if isinstance(binding, BadBinding):
        return binding.help or binding.reason
    return "use a type: a built-in one, a class, or one declared with `type`"


def type_names(scope: Scope) -> Iterator[str]:
    """Every name that would do in an annotation: for "did you mean"."""
    yield from PLAIN_TYPES
    yield from GENERIC_TYPES
    for name in scope.names():
        if isinstance(scope.lookup(name), (TypeBinding, ClassBinding)):
            yield name


def dotted(expr: syntax.Expr) -> tuple[str, ...] | None:
    """``a.b.c`` as its parts; None for any other expression."""
    match expr:
        case syntax.Name(id=name):
            return (name,)
        case syntax.Attribute(value=value, name=name):
            head = dotted(value)
            return None if head is None else (*head, name)
    return None


def _members(expr: syntax.Expr) -> Iterator[syntax.Expr]:
    """The members of ``a | b | c``, without recursion on the left, where the grammar nests."""
    stack = [expr]
    while stack:
        match stack.pop():
            case syntax.Binary(op="|", left=left, right=right):
                stack += [right, left]
            case other:
                yield other


def _is_ellipsis(expr: syntax.Expr) -> bool:
    return isinstance(expr, syntax.Constant) and expr.value is Ellipsis


def _is_empty(expr: syntax.Expr) -> bool:
    """``tuple[()]``"""
    return isinstance(expr, syntax.Display) and not expr.items


def expr_of_ast(node: ast.expr) -> syntax.Expr | None:
    """The part of Python's expressions that annotations are made of; None for any other."""
    match node:
        case ast.Name(id=name):
            return syntax.Name(name)
        case ast.Constant(value=value):
            return syntax.Constant(value)
        case ast.Attribute(value=inner, attr=name):
            owner = expr_of_ast(inner)
            return None if owner is None else syntax.Attribute(owner, name)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)):
            return syntax.Unary("-", syntax.Constant(number))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            a, b = expr_of_ast(left), expr_of_ast(right)
            return None if a is None or b is None else syntax.Binary("|", a, b)
        case ast.Subscript(value=head, slice=index):
            of, at = expr_of_ast(head), expr_of_ast(index)
            return None if of is None or at is None else syntax.Subscript(of, at)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            parts = [expr_of_ast(item) for item in items]
            whole = tuple(part for part in parts if part is not None)
            return syntax.Display("tuple", whole) if len(whole) == len(parts) else None
    return None
