"""What each operation must look like to make sense: how many regions, parameters and results, and where control ends.

These are the parts of the laws that concern one operation alone; :mod:`.verify` puts them in place.
"""

from __future__ import annotations

from .ir import Apply, Branch, Const, Exit, ForEach, Loop, Op, Parallel, Race, Raise, Region, Scope, Star, Try
from .operators import OPERATORS, SHAPED
from .walk import ops_in


def ends_region(op: Op) -> bool:
    """Does control never come past ``op``, since every way through it leaves by an exit or a raise?"""
    match op:
        case Exit() | Raise():
            return True
        case Branch() | Race():
            return all(r.results is None for r in op.regions)
        case Parallel():
            return any(r.results is None for r in op.regions)
        case Scope():
            return op.body.results is None
        case Try():
            if op.final is not None and op.final.results is None:
                return True
            main = op.body.results is None or (op.orelse is not None and op.orelse.results is None)
            return main and all(h.region.results is None for h in op.handlers)
        case _:
            return False


def runs_for_ever(op: Op) -> bool:
    """Is ``op`` a ``while True`` that no ``break`` leaves? A region that ends so may have no results, or some."""
    if not isinstance(op, Loop) or op.condition is None or op.condition.results is None:
        return False
    always = all(isinstance(test, Const) and test.value for test in op.condition.results)
    return always and not any(isinstance(inner, Exit) and inner.kind == "break" for inner in ops_in(op.body))


def arity_problem(op: Op) -> str:
    """What is wrong with the numbers of regions, parameters and results of ``op``; empty if nothing is."""
    match op:
        case Branch():
            if len(op.regions) != len(op.tests) + 1 or not op.tests:
                return "a branch has one region more than tests, and a test"
            return _plain(op.regions, len(op.results))
        case Loop():
            return _loop(op)
        case ForEach():
            if len(op.body.params) != 1 or op.body.results not in (None, ()):
                return "a pass has one parameter, the item, and no results"
            if len(op.results) != int(op.collects) or (op.collect and not op.collects):
                return "a loop that collects has one result, any other none"
            if op.rest not in ("cancel", "finish") or (op.max_failed is not None and not op.collect):
                return "an option does not fit"
        case Try():
            return _try(op)
        case Scope():
            if op.arg is None and op.kind != "transaction":
                return "only a transaction does without an argument"
            return _plain((op.body,), len(op.results))
        case Parallel():
            ending = [r for r in op.regions if r.results is not None]
            total = sum(len(r.results or ()) for r in ending)
            if len(ending) == len(op.regions) and total != len(op.results):
                return f"the arms give {total} values, {len(op.results)} are expected"
            return next((p for r in op.regions if (p := _plain((r,), len(r.results or ())))), "")
        case Race():
            return _plain(op.regions, 1) if op.regions else "a race has an arm"
        case _:
            pass
    return ""


def _plain(regions: tuple[Region, ...], results: int) -> str:
    """Regions without parameters that give ``results`` values each, or never end."""
    for region in regions:
        if region.params:
            return f"a region has the parameters {region.params} and should have none"
        if region.results is not None and len(region.results) != results:
            return f"a region gives {len(region.results)} values, {results} are expected"
    return ""


def _loop(op: Loop) -> str:
    carried = len(op.initial)
    if (op.source is None) == (op.condition is None):
        return "a loop has either a source or a condition"
    if op.condition is not None:
        if len(op.condition.params) != carried or op.condition.results is None or len(op.condition.results) != 1:
            return "a condition has the carried values as parameters and one result"
    elif op.limit is not None:
        return "only a while has a limit"
    if len(op.body.params) != carried + (op.source is not None):
        return f"the body has {len(op.body.params)} parameters for {carried} carried values"
    if op.body.results is not None and len(op.body.results) != carried:
        return f"the body gives {len(op.body.results)} values for {carried} carried ones"
    if len(op.results) != carried + op.collects:
        return f"there are {len(op.results)} results for {carried} carried values"
    return ""


def _try(op: Try) -> str:
    final = 0
    names = len(op.tracked)
    if len({var for var, _ in op.tracked}) != names:
        return "a name is tracked twice"
    if op.final is not None:
        if len(op.final.params) != names:
            return "the parameters of finally are the tracked names"
        if op.final.results is None:
            return _main(op, None)
        final = len(op.final.results)
    if any(len(h.region.params) != names + 1 for h in op.handlers):
        return "the parameters of a handler are the error and the tracked names"
    if not (op.handlers or op.final):
        return "a try has a handler or a finally"
    if any(not 0 <= j < final for _, j in op.exits) or len({i for i, _ in op.exits}) != len(op.exits):
        return "an exit is handed results of the finally, each carried value one"
    return _main(op, len(op.results) - final)


def _main(op: Try, results: int | None) -> str:
    """The body, the else and the handlers of a try, which give ``results`` values each (None: it does not matter)."""
    if op.body.params:
        return "the body of a try has no parameters"
    if op.orelse is not None and len(op.orelse.params) != len(op.body.results or ()):
        return "the parameters of else are the results of the body"
    after = op.body if op.orelse is None else op.orelse
    for region in (after, *(h.region for h in op.handlers)):
        if results is not None and region.results is not None and len(region.results) != results:
            return f"a region gives {len(region.results)} values, {results} are expected"
    return ""


def operator_fits(expr: Apply) -> bool:
    """Is the operator known, with the operands that its shape asks for?"""
    args = expr.args
    match expr.fn:
        case "and" | "or":
            return bool(args) and not expr.kwargs and not any(isinstance(a, Star) for a in args)
        case "if":
            return len(args) == 3 and not expr.kwargs
        case "compare":
            ops = args[0].value if args and isinstance(args[0], Const) else None
            return isinstance(ops, tuple) and len(args) == len(ops) + 2 and all(op in OPERATORS for op in ops)
        case "dict":
            rest = iter(args)
            return not expr.kwargs and all(
                isinstance(a, Star) or not isinstance(next(rest, Star(a)), Star) for a in rest
            )
        case "convert":
            return len(args) == 2
        case fn:
            return fn in OPERATORS or fn in SHAPED
