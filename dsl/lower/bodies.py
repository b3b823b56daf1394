"""Suites: one statement after another as far as control gets, and the two statements of the Python spelling that are
one here."""

from __future__ import annotations

from .. import syntax as s
from .loop_options import is_independent
from .loop_trees import Into, appended_value
from .state import FlowLowering
from .trees import exprs, names_read, statements, target_names

_AFTER = {s.Return: "a `return`", s.Raise: "a `raise`", s.Break: "a `break`", s.Continue: "a `continue`"}


def lower_body(at: FlowLowering, body: tuple[s.Stmt, ...]) -> None:
    """Lower the statements of a suite; what cannot be reached is reported and left out."""
    i = 0
    while i < len(body):
        node = body[i]
        if at.region.ended:
            rest = [n for n in body[i:] if not isinstance(n, s.Pass)]
            if rest:
                after = _AFTER.get(type(body[i - 1]), "what comes before") if i else "what comes before"
                at.report(
                    "unreachable",
                    rest[0].span,
                    f"this is never reached: control never gets past {after}",
                    help="remove it, or move it before",
                )
            return
        following = body[i + 1] if i + 1 < len(body) else None
        into = _collected(at, node, following) if isinstance(node, s.Assign) and isinstance(following, s.For) else None
        if into is not None and isinstance(node, s.Assign) and isinstance(following, s.For):
            from .loops import lower_for

            lower_for(at, following, into, _collect_options(node.value))
            i += 2
            continue
        at.statements[type(node)](at, node)
        i += 1


def _collected(at: FlowLowering, node: s.Assign, loop: s.For) -> Into | None:
    """``ys = []`` (or ``collect(...)``) before a ``for`` in which ``ys`` only occurs as ``ys.append(y)``: a
    collecting loop."""
    name = node.target
    if loop.into is not None or not isinstance(name, s.Name):
        return None
    collector = isinstance(node.value, s.Form) and node.value.name == "collect"
    empty = isinstance(node.value, s.Display) and node.value.kind == "list" and not node.value.items
    if not (collector or empty) or (name.id in at.tracked and not collector and not is_independent(loop.options)):
        return None
    if any(n.id == name.id for n in target_names(loop.target)) or not _only_appended(loop, name.id, collector):
        return None
    return Into(name, node.annotation, appended=True)


def _only_appended(loop: s.For, name: str, collector: bool) -> bool:
    found = False
    if any(n.id == name for e in exprs(loop) for n in names_read(e)):
        return False
    # What an `else` appends comes after the passes, so it is not collected by them.
    if any(appended_value(statement, name) is not None for statement in statements(loop.orelse)):
        return False
    for statement in (*statements(loop.body), *statements(loop.orelse)):
        if appended_value(statement, name) is not None:
            statement_reads = names_read(statement.value.args[0])  # type: ignore[union-attr]
            found = True
        else:
            statement_reads = (n for e in exprs(statement) for n in names_read(e))
            if any(t == name for t in _targets(statement)):
                return False
        if any(n.id == name for n in statement_reads):
            return False
    return found or collector


def _targets(statement: s.Stmt) -> list[str]:
    match statement:
        case s.Assign() | s.AugAssign():
            return [n.id for n in target_names(statement.target)]
        case s.For():
            into = target_names(statement.into) if statement.into is not None else ()
            return [n.id for n in (*target_names(statement.target), *into)]
        case s.Try():
            return [h.name for h in statement.handlers if h.name is not None]
        case s.Match():
            from .trees import pattern_names

            return [name for c in statement.cases for name, _ in pattern_names(c.pattern)]
    return []


def _collect_options(value: s.Expr) -> tuple[s.Option, ...]:
    """The options that ``collect(max_failed=3)`` stands for."""
    if not isinstance(value, s.Form):
        return ()
    given = tuple(s.Option(k.name or "**", k.value, span=k.span) for k in value.keywords)
    return (s.Option("collect", s.Constant(True, span=value.span), span=value.span), *given)
