"""The options of a ``for``: ``parallel``, ``collect``, ``max_failed``, ``take``, ``rest``, ``buffer``, ``window``,
``batch``."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ...compiler.ir import Const, Expr
from ...compiler.nearest import did_you_mean
from ...compiler.spec import POLICY_KEYS
from ...compiler.types import Type, list_of
from .. import syntax as s
from .constants import widen
from .optypes import members
from .policies import duration
from .report import in_python
from .state import FlowLowering

NAMES = ("parallel", "collect", "max_failed", "take", "rest", "buffer", "window", "batch")
_STREAM = ("buffer", "window", "batch")


@frozen
class LoopOptions:
    """What the options of a loop come to. ``independent``: its passes are, so that it becomes a ``ForEach``."""

    independent: bool = False
    parallel: Expr | None = None
    collect: bool = False
    max_failed: Expr | None = None
    take: Expr | None = None
    rest: str = "cancel"
    buffer: Expr | None = None
    window: Expr | None = None
    batch: Expr | None = None

    def item(self, element: Type) -> Type:
        """What a pass is given."""
        return list_of(element) if self.window is not None or self.batch is not None else element


def is_independent(options: Sequence[s.Option]) -> bool:
    """Do these options make the passes independent of each other?"""
    return any(o.name in ("parallel", "take") or (o.name == "collect" and not _is_false(o.value)) for o in options)


def _is_false(value: object) -> bool:
    return isinstance(value, s.Constant) and value.value is False


def loop_options(at: FlowLowering, options: Sequence[s.Option], source: Type) -> LoopOptions:
    """Lower and check the options of a loop over something of type ``source``."""
    found: dict[str, Expr | None] = {}
    collect, rest = False, "cancel"
    for option in options:
        name, node = option.name, option.value
        if name not in NAMES:
            at.report(
                "unknown-option",
                option.span,
                f"a loop has no option {name!r}",
                expected=", ".join(NAMES),
                found=name,
                help=f"bracket the call that it belongs to: (f(x) with {name}=...)"
                if name in POLICY_KEYS
                else did_you_mean(name, NAMES, f"its options are {', '.join(NAMES)}"),
            )
        elif name in found or (name == "collect" and collect):
            at.report("option-twice", option.span, f"the option {name!r} is given twice", help="remove one of the two")
        elif isinstance(node, s.UndoCall):
            at.report("bad-option", option.span, "a loop has no undo", help="give the calls in it an undo")
        elif name == "collect":
            if not (isinstance(node, s.Constant) and isinstance(node.value, bool)):
                at.report("bad-option", option.span, "collect= is True or False", help="write collect=True")
            collect = not _is_false(node)
        elif name == "rest":
            rest = _rest(at, option, node)
        elif name == "window":
            found[name] = duration(at, at.expr(node), node.span)
        else:
            found[name] = _count(at, option, node)
    _fit(at, options, found, collect, source)
    independent = is_independent(options)
    if independent and "parallel" not in found:
        found["parallel"] = Const(1)
    return LoopOptions(independent, collect=collect, rest=rest, **found)


def _rest(at: FlowLowering, option: s.Option, node: s.Expr) -> str:
    value = node.value if isinstance(node, s.Constant) else None
    if value not in ("cancel", "finish"):
        at.report("bad-option", option.span, 'rest= is "cancel" or "finish"', help='write rest="finish"')
        return "cancel"
    return str(value)


def _count(at: FlowLowering, option: s.Option, node: s.Expr) -> Expr | None:
    value = at.expr(node)
    if isinstance(value.expr, Const) and value.expr.value is None:
        if option.name != "parallel" and option.name != "max_failed":
            at.report("bad-option", option.span, f"{option.name}= is a number", help=f"write {option.name}=8")
        return None
    least = 0 if option.name == "max_failed" else 1
    fits = any(
        m.name in ("int", "any") or (m.name == "none" and option.name == "parallel") for m in members(widen(value.type))
    )
    if isinstance(value.expr, Const):
        fits = type(value.expr.value) is int and value.expr.value >= least
    if not fits:
        name, example = _PYTHON.get(option.name, ("", "")) if in_python(option.span) else ("", "")
        at.report(
            "bad-option",
            option.span,
            f"{name or f'{option.name}='} is a whole number of at least {least}",
            expected="int",
            found=str(value.type),
            help=f"write {example or f'{option.name}=8'}",
        )
    return value.expr


_PYTHON = {
    "parallel": ("limit=", "parallel(xs, limit=8)"),
    "buffer": ("the size of a buffer", "buffered(stream, 100)"),
    "batch": ("the size of a batch", "batched(stream, 1000)"),
}
"""Options of a loop that Python writes in another way: what they are called there, and an example."""


def _fit(
    at: FlowLowering, options: Sequence[s.Option], found: dict[str, Expr | None], collect: bool, source: Type
) -> None:
    names = {o.name: o for o in options}
    if "max_failed" in names and not collect:
        _misfit(
            at,
            names["max_failed"],
            "max_failed= needs collect=True: without it the first failure ends the loop",
            "add collect=True",
        )
    if "rest" in names and "take" not in found:
        _misfit(
            at,
            names["rest"],
            "rest= needs take=: it says what becomes of the passes that are not taken",
            "add take=3, or remove rest",
        )
    if "take" in found and collect:
        _misfit(
            at,
            names["take"],
            "take= and collect= do not go together: take= is only about successes",
            "remove one of the two",
        )
    if "window" in found and "batch" in found:
        _misfit(at, names["batch"], "window= and batch= do not go together", "remove one of the two")
    for name in _STREAM:
        if name in found and all(m.name not in ("stream", "any", "iterable", "class") for m in members(source)):
            if name == "batch":
                continue  # lists of so many items make sense of a list, too
            _misfit(at, names[name], f"{name}= is for streams, and this is {source}", f"remove {name}")


def _misfit(at: FlowLowering, option: s.Option, message: str, help: str) -> None:
    at.report("option-misfit", option.span, message, help=help)
