"""Expressions as Python source.

Where Python means exactly what an operator means, its text is printed; elsewhere the operator's function is called. A
deep tree is cut into temporary variables where evaluation is strict, since the compiler allows only so many brackets.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..compiler import ir
from ..compiler.convert import convert
from ..compiler.evaluate import evaluate, global_value
from ..compiler.operators import FORBIDDEN_ATTRIBUTES, OPERATORS, call_method, read_attribute, unpack
from ..compiler.secrets import join, text_of
from ..compiler.spec import Objects
from ..compiler.walk import refs_of
from .source import Module

DEEP = 40
"""Nesting from which on a part is computed apart."""

_PLAIN = (type(None), bool, int, str, bytes)


class Printer:
    """Prints expressions for one graph. ``secret``: text in it may be secret."""

    def __init__(self, module: Module, objects: Objects, secret: bool = False) -> None:
        self.module = module
        self.objects = objects
        self.secret = secret
        module.names.update(_method=call_method, _attr=read_attribute, _unpack=unpack, _join=join, _str=text_of)

    def text(self, expr: ir.Expr, ref: Callable[[str], str], temp: Callable[[str], str] | None = None) -> str:
        """The source of ``expr``.

        ``ref`` gives the source of a value. ``temp`` assigns a source text to a fresh variable and gives its name;
        None where nothing may be evaluated ahead.
        """
        return _Text(self, ref, temp).of(expr, 0)

    def arguments(
        self,
        args: tuple[ir.Expr | ir.Star, ...],
        kwargs: tuple[tuple[str, ir.Expr], ...],
        ref: Callable[[str], str],
    ) -> str:
        """The source of an argument list, without its brackets."""
        return _Text(self, ref, None).arguments(args, kwargs, 0)

    def constant(self, value: Any) -> str:
        """The source of a constant."""
        if value is None or isinstance(value, bool):
            return repr(value)
        if type(value) is float and math.isfinite(value):
            return repr(value) if value >= 0 else f"({value!r})"
        if type(value) in _PLAIN and len(text := repr(value)) < 200:
            return text if not text.startswith("-") else f"({text})"
        return self.module.constant(value)


class _Text:
    def __init__(self, printer: Printer, ref: Callable[[str], str], temp: Callable[[str], str] | None) -> None:
        self.printer = printer
        self.ref = ref
        self.temp = temp

    def of(self, expr: ir.Expr, depth: int) -> str:
        if depth >= DEEP and isinstance(expr, (ir.Apply, ir.Comprehension)):
            if self.temp is not None:
                return self.temp(self.of(expr, 0))
            return self.apart(expr)
        match expr:
            case ir.Const(value):
                return self.printer.constant(value)
            case ir.Ref(id):
                return self.ref(id)
            case ir.Ambient(_, name):
                return f"_run.ambient[{name!r}]"
            case ir.Global():
                return self.printer.module.constant(global_value(expr, self.printer.objects), "_g")
            case ir.Apply():
                return self.apply(expr, depth + 1)
            case ir.Comprehension():
                return self.comprehension(expr, depth + 1)

    def apart(self, expr: ir.Expr) -> str:
        """A part too deep to print and not to be evaluated ahead: the reference evaluates it."""
        refs = sorted(set(refs_of(expr)))
        env = ", ".join(f"{r!r}: {self.ref(r)}" for r in refs)
        objects = self.printer.objects
        names = self.printer.module.names
        names["_evaluate"] = evaluate
        tree, objects_ = self.printer.module.constant(expr), self.printer.module.constant(objects)
        return f"_evaluate({tree}, {{{env}}}, {objects_}, _run.ambient)"

    def arguments(
        self, args: tuple[ir.Expr | ir.Star, ...], kwargs: tuple[tuple[str, ir.Expr], ...], depth: int
    ) -> str:
        parts = [self.item(a, depth) for a in args]
        spread: list[str] = []
        for name, value in kwargs:
            text = self.of(value, depth)
            if name == "**":
                parts.append(f"**{text}")
            elif name.isidentifier():
                parts.append(f"{name}={text}")
            else:
                spread.append(f"{name!r}: {text}")
        return ", ".join(parts + [f"**{{{', '.join(spread)}}}"] * bool(spread))

    def item(self, arg: ir.Expr | ir.Star, depth: int) -> str:
        return f"*{self.of(arg.value, depth)}" if isinstance(arg, ir.Star) else self.of(arg, depth)

    def lazy(self, expr: ir.Expr, depth: int) -> str:
        """An operand that may not be evaluated: nothing in it may be computed ahead."""
        return _Text(self.printer, self.ref, None).of(expr, depth)

    def apply(self, expr: ir.Apply, depth: int) -> str:
        fn, args = expr.fn, expr.args
        match fn:
            case "and" | "or":
                first, *others = (a for a in args if not isinstance(a, ir.Star))
                return "(" + f" {fn} ".join([self.of(first, depth), *(self.lazy(o, depth) for o in others)]) + ")"
            case "if":
                test, then, orelse = (a for a in args if not isinstance(a, ir.Star))
                return f"({self.lazy(then, depth)} if {self.of(test, depth)} else {self.lazy(orelse, depth)})"
            case "compare":
                assert isinstance(args[0], ir.Const)
                operands = [a for a in args[1:] if not isinstance(a, ir.Star)]
                parts = [self.of(operands[0], depth)]
                for index, (op, operand) in enumerate(zip(args[0].value, operands[1:], strict=True)):
                    parts += [op, self.of(operand, depth) if index == 0 else self.lazy(operand, depth)]
                return f"({' '.join(parts)})"
            case "list":
                return f"[{', '.join(self.item(a, depth) for a in args)}]"
            case "tuple":
                return f"({''.join(self.item(a, depth) + ', ' for a in args)})"
            case "set":
                return f"{{{', '.join(self.item(a, depth) for a in args)}}}" if args else "set()"
            case "dict":
                return self.mapping(args, depth)
            case "fstring":
                pieces = "".join(self.item(a, depth) + ", " for a in args)
                return f"_join(({pieces}))" if self.printer.secret else f"''.join(({pieces}))"
            case "new":
                return f"{self.item(args[0], depth)}({self.arguments(args[1:], expr.kwargs, depth)})"
            case "py.str" if self.printer.secret:
                return f"_str({self.arguments(args, expr.kwargs, depth)})"
            case "method":
                return f"_method({self.arguments(args, expr.kwargs, depth)})"
            case "convert":
                return self.conversion(args, depth)
            case "attr":
                return self.attribute(args, depth)
            case "format" if args[1:] == (ir.Const(""), ir.Const("")):
                return f"format({self.item(args[0], depth)})"
        operator = OPERATORS[fn]
        if operator.template and not expr.kwargs:
            return operator.template.format(*(self.item(a, depth) for a in args))
        name = self.printer.module.constant(operator.function, "_o")
        return f"{name}({self.arguments(args, expr.kwargs, depth)})"

    def mapping(self, args: tuple[ir.Expr | ir.Star, ...], depth: int) -> str:
        parts: list[str] = []
        rest = iter(args)
        for arg in rest:
            if isinstance(arg, ir.Star):
                parts.append(f"**{self.of(arg.value, depth)}")
            else:
                value = next(rest)
                parts.append(f"{self.of(arg, depth)}: {self.item(value, depth)}")
        return f"{{{', '.join(parts)}}}"

    def attribute(self, args: tuple[ir.Expr | ir.Star, ...], depth: int) -> str:
        value, name = self.item(args[0], depth), args[1]
        if isinstance(name, ir.Const) and name.value.isidentifier() and not name.value.startswith("_"):
            if name.value not in FORBIDDEN_ATTRIBUTES:
                return f"({value}).{name.value}" if value[:1].isdigit() else f"{value}.{name.value}"
        return f"_attr({value}, {self.item(name, depth)})"

    def conversion(self, args: tuple[ir.Expr | ir.Star, ...], depth: int) -> str:
        assert isinstance(args[1], ir.Const)
        type_, classes = args[1].value, self.printer.objects.classes
        name = self.printer.module.bind(
            f"_convert_{self.printer.module.number()}", lambda value: convert(value, type_, classes)
        )
        return f"{name}({self.item(args[0], depth)})"

    def comprehension(self, expr: ir.Comprehension, depth: int) -> str:
        clauses: list[str] = []
        for index, clause in enumerate(expr.clauses):
            source = self.of(clause.source, depth) if index == 0 else self.lazy(clause.source, depth)
            tests = "".join(f" if {self.lazy(c, depth)}" for c in clause.conditions)
            clauses.append(f"for {self.target(clause.target)} in {source}{tests}")
        body = f"{self.lazy(expr.element, depth)} {' '.join(clauses)}"
        match expr.kind:
            case "list":
                return f"[{body}]"
            case "set":
                return f"{{{body}}}"
            case "dict":
                assert expr.key is not None
                return f"{{{self.lazy(expr.key, depth)}: {body}}}"
            case kind:
                return f"{kind}({body})"

    def target(self, target: ir.Target) -> str:
        if isinstance(target, str):
            return f"*{self.ref(target[1:])}" if target.startswith("*") else self.ref(target)
        return f"({''.join(self.target(t) + ', ' for t in target)})"
