"""What the flows of one graph share: the nodes, classes and constants they use, each other's headers, and the flows
still to be lowered.

Flows are lowered from a list, not by recursion: sub-flows may be hundreds deep.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, evolve, field, frozen

from ...compiler.diagnostics import ProgramError, Span
from ...compiler.ir import AmbientSpec, FlowGraph
from ...compiler.operators import BUILTIN_EXCEPTIONS, BUILTINS
from ...compiler.spec import ClassSpec, NodeSpec, Objects, Retry
from ...compiler.types import ANY, Signature, Type
from .. import hints, syntax as s
from ..scope import AmbientBinding, Binding, BuiltinBinding, ClassBinding, FlowSource, NodeBinding, Scope
from .report import Reporter


@frozen
class Header:
    """What callers see of a flow. ``usable``: its source could be read."""

    signature: Signature
    is_stream: bool = False
    usable: bool = True


@define
class Uses:
    """What one flow takes into the graph itself: the keys of flows, nodes and classes, the names of ambient values."""

    flows: set[str] = field(factory=set)
    nodes: set[str] = field(factory=set)
    classes: set[str] = field(factory=set)
    ambient: set[str] = field(factory=set)

    def add(self, other: Uses) -> None:
        self.flows |= other.flows
        self.nodes |= other.nodes
        self.classes |= other.classes
        self.ambient |= other.ambient


@define(eq=False)
class Program:
    """The graph while it is made."""

    report: Reporter
    flows: dict[str, FlowGraph] = field(factory=dict)
    nodes: dict[str, NodeSpec] = field(factory=dict)
    classes: dict[str, ClassSpec] = field(factory=dict)
    ambient: dict[str, AmbientSpec] = field(factory=dict)
    objects: Objects = field(factory=Objects)
    headers: dict[str, Header] = field(factory=dict)
    literals: set[frozenset[object]] = field(factory=set)
    """The literal types that the program declares: what is only known of constants is no closed type."""
    waiting: list[FlowSource] = field(factory=list)
    uses: dict[str, Uses] = field(factory=dict)
    """By flow. One program may hold all flows of a file; each is a graph of its own (:func:`~.part.part`)."""
    _now: Uses = field(factory=Uses)
    asked: dict[str, FlowSource] = field(factory=dict)
    """Every flow that is or will be lowered, by key."""
    _bindings: dict[str, ClassBinding] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.report.classes = self.classes

    def begin(self, key: str) -> None:
        """From here on it is this flow that uses things."""
        self._now = self.uses.setdefault(key, Uses())

    # ---- names outside flows ---------------------------------------------------------------------

    def lookup(self, scope: Scope, name: str) -> Binding | None:
        """What a name means outside the flow: its scope, then the built-in names."""
        found = scope.lookup(name)
        if found is not None:
            if isinstance(found, ClassBinding):
                self._bindings.setdefault(found.spec.key, found)
            return found
        if name in BUILTINS:
            return BuiltinBinding(name)
        if name == "Retry":
            return ClassBinding(hints.class_spec(Retry), Retry)
        if name in BUILTIN_EXCEPTIONS:
            return ClassBinding(hints.class_spec(BUILTIN_EXCEPTIONS[name]), BUILTIN_EXCEPTIONS[name])
        return None

    def known_names(self, scope: Scope) -> Iterator[str]:
        """Every name that :meth:`lookup` would find."""
        yield from scope.names()
        yield from BUILTINS
        yield from BUILTIN_EXCEPTIONS

    # ---- what the graph holds --------------------------------------------------------------------

    def use_node(self, binding: NodeBinding) -> str:
        """The key of a node in the graph."""
        spec = binding.spec
        key, n = spec.key, 1
        while (known := self.nodes.get(key)) is not None and not _same_node(known, spec):
            n += 1
            key = f"{spec.key}#{n}"
        if known is None:
            self.nodes[key] = spec if key == spec.key else evolve(spec, key=key)
            self.use_types(t for p in spec.signature.params for t in (p.type,))
            self.use_types((spec.signature.returns,))
        if binding.fn is not None:
            self.objects.nodes.setdefault(key, binding.fn)
        self._now.nodes.add(key)
        return key

    def use_spec(self, spec: NodeSpec) -> str:
        """The key of one of the engine's own operations."""
        self.nodes.setdefault(spec.key, spec)
        self._now.nodes.add(spec.key)
        return spec.key

    def use_class(self, binding: ClassBinding) -> str:
        """The key of a class in the graph, with the classes that its fields and bases name."""
        spec = binding.spec
        self._now.classes.add(spec.key)
        if spec.key not in self.classes:
            self.classes[spec.key] = spec
            if binding.cls is not None:
                self.objects.classes[spec.key] = binding.cls
            self.use_types(f.type for f in spec.fields or ())
            for base in spec.bases:
                self._use_class_key(base)
        return spec.key

    def use_types(self, types: Iterator[Type] | tuple[Type, ...]) -> None:
        """Take the classes that types name into the graph."""
        stack = list(types)
        while stack:
            type = stack.pop()
            if type.name == "class":
                self._use_class_key(type.args[0])
            elif type.name == "literal":
                self.literals.add(literal_values(type))
            else:
                stack.extend(t for t in type.args if isinstance(t, Type))

    def _use_class_key(self, key: str) -> None:
        self._now.classes.add(key)
        if key not in self.classes:
            binding = self._bindings.get(key) or hints.class_binding(key)
            if binding is not None:
                self.use_class(binding)

    def use_ambient(self, binding: AmbientBinding) -> None:
        """A secret or an environment value that the graph reads."""
        self.ambient.setdefault(binding.spec.name, binding.spec)
        self._now.ambient.add(binding.spec.name)
        self.use_types((binding.spec.type,))

    # ---- other flows -----------------------------------------------------------------------------

    def use_flow(self, source: FlowSource, span: Span) -> Header:
        """The header of a flow that is called; it will be lowered too."""
        self._now.flows.add(source.key)
        if source.key not in self.asked:
            self.asked[source.key] = source
            self.waiting.append(source)
        return self.header(source, span)

    def header(self, source: FlowSource, span: Span) -> Header:
        """What callers of a flow must know. Findings of a flow that cannot be read are reported once."""
        known = self.headers.get(source.key)
        if known is None:
            known = self.headers[source.key] = self._read_header(source, span)
        return known

    def _read_header(self, source: FlowSource, span: Span) -> Header:
        from .flows import header_of

        try:
            flow, scope = source.loaded()
        except ProgramError as error:
            for diagnostic in error.diagnostics:
                self.report.add(diagnostic)
            return Header(Signature(known=False), usable=False)
        return header_of(self, flow, scope)

    def read_type(self, node: s.Expr | None, scope: Scope) -> Type:
        """The type that an annotation writes."""
        from .annotations import read_type

        return ANY if node is None else read_type(self, node, scope)


def literal_values(type: Type) -> frozenset[object]:
    """The values of a literal type; ``1`` and ``True`` are different ones."""
    return frozenset((v.__class__, v) for v in type.args)


def _same_node(a: NodeSpec, b: NodeSpec) -> bool:
    """The same function with the same effects; options may differ, they are resolved at each call."""
    return (a.name, a.source, a.version, a.effects, a.builtin) == (b.name, b.source, b.version, b.effects, b.builtin)
