"""Going through expressions: children, references, rebuilding, substitution.

Owns the shape of expression trees, not their meaning (:mod:`.evaluate`); :mod:`.walk` goes through all the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from .ir import Apply, Clause, Comprehension, Expr, Ref, Star, Target

_T = TypeVar("_T")


def children(expr: Expr) -> Iterator[Expr]:
    """The expressions directly below ``expr``, in the order they are evaluated (where all of them are)."""
    match expr:
        case Apply(_, args, kwargs):
            for arg in args:
                yield arg.value if isinstance(arg, Star) else arg
            for _, value in kwargs:
                yield value
        case Comprehension(_, element, clauses, key):
            for clause in clauses:
                yield clause.source
                yield from clause.conditions
            if key is not None:
                yield key
            yield element
        case _:
            return


def target_ids(target: Target) -> Iterator[str]:
    """The value ids that a comprehension's target binds."""
    if isinstance(target, str):
        yield target.removeprefix("*")
    else:
        for part in target:
            yield from target_ids(part)


def refs_of(expr: Expr) -> Iterator[str]:
    """The ids of the values that ``expr`` uses, in order, with repeats; not what a comprehension binds itself."""
    stack: list[tuple[Expr, frozenset[str]]] = [(expr, frozenset())]
    while stack:
        node, bound = stack.pop()
        match node:
            case Ref(id):
                if id not in bound:
                    yield id
            case Apply() | Comprehension():
                if isinstance(node, Comprehension):
                    bound = bound.union(*(target_ids(c.target) for c in node.clauses))
                stack.extend((child, bound) for child in reversed(tuple(children(node))))
            case _:
                pass


def subexpressions(expr: Expr) -> Iterator[Expr]:
    """``expr`` and every expression below it."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(tuple(children(node))))


def map_expr(expr: Expr, f: Callable[[Expr], Expr]) -> Expr:
    """``expr`` rebuilt from its leaves up, each node passed through ``f``; the same object where nothing changes."""

    def arg(a: Expr | Star) -> Expr | Star:
        if isinstance(a, Star):
            value = map_expr(a.value, f)
            return a if value is a.value else Star(value)
        return map_expr(a, f)

    match expr:
        case Apply(fn, args, kwargs):
            new_args = same(args, [arg(a) for a in args])
            values = [map_expr(v, f) for _, v in kwargs]
            kept = all(new is old for new, (_, old) in zip(values, kwargs, strict=True))
            if new_args is not args or not kept:
                new_kwargs = kwargs if kept else tuple((k, v) for (k, _), v in zip(kwargs, values, strict=True))
                expr = Apply(fn, new_args, new_kwargs)
        case Comprehension(kind, element, clauses, key):
            new_clauses = same(clauses, [_map_clause(c, f) for c in clauses])
            new_key = None if key is None else map_expr(key, f)
            new_element = map_expr(element, f)
            if new_clauses is not clauses or new_key is not key or new_element is not element:
                expr = Comprehension(kind, new_element, new_clauses, new_key)
        case _:
            pass
    return f(expr)


def _map_clause(clause: Clause, f: Callable[[Expr], Expr]) -> Clause:
    source = map_expr(clause.source, f)
    conditions = same(clause.conditions, [map_expr(c, f) for c in clause.conditions])
    if source is clause.source and conditions is clause.conditions:
        return clause
    return Clause(clause.target, source, conditions)


def substitute(expr: Expr, values: Callable[[str], Expr | None]) -> Expr:
    """``expr`` with each reference replaced by what ``values`` gives for its id (None: left alone)."""

    def leaf(node: Expr) -> Expr:
        if isinstance(node, Ref):
            new = values(node.id)
            return node if new is None else new
        return node

    return map_expr(expr, leaf)


def same(old: tuple[_T, ...], new: list[_T]) -> tuple[_T, ...]:
    """``old`` itself where ``new`` holds the very same objects: passes tell "nothing changed" by identity."""
    return old if all(a is b for a, b in zip(old, new, strict=True)) else tuple(new)
