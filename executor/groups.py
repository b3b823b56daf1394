"""Errors as nodes raised them: out of a nursery's group, and out of what a coroutine makes of a ``StopIteration``."""

from __future__ import annotations

from types import TracebackType

from .late import trio


def is_cancellation(error: BaseException) -> bool:
    """Is it Trio's cancellation, bare or as a nursery inside a node raises it (a group of nothing else)?"""
    if isinstance(error, trio.Cancelled):
        return True
    return isinstance(error, BaseExceptionGroup) and all(is_cancellation(e) for e in error.exceptions)


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error in a nursery's group that is not a cancellation; the first where there are several."""
    errors: list[BaseException] = []
    stack: list[BaseException] = [group]
    while stack:
        error = stack.pop()
        if isinstance(error, BaseExceptionGroup):
            stack += reversed(error.exceptions)
        else:
            errors.append(error)
    real = [e for e in errors if not isinstance(e, trio.Cancelled)]
    return (real or errors)[0]


def single(error: BaseException) -> BaseException:
    """``error`` itself, or, of a nursery's group, the error that counts."""
    return first_error(error) if isinstance(error, BaseExceptionGroup) and is_cancellation(error) else error


def stopped(error: BaseException) -> StopIteration | None:
    """The ``StopIteration`` that Python (PEP 479) turned into this error where it left a coroutine."""
    cause = error.__cause__
    if isinstance(cause, StopIteration) and isinstance(error, RuntimeError) and "raised StopIteration" in str(error):
        return cause
    return None


def as_raised(error: BaseException) -> BaseException:
    """``error`` as a node raised it; its traceback leads here from where it began."""
    cause = stopped(error)
    if cause is None:
        return error
    outer: list[TracebackType] = []
    tb = error.__traceback__
    while tb is not None:
        outer.append(tb)
        tb = tb.tb_next
    tb = cause.__traceback__
    for step in reversed(outer):
        tb = TracebackType(tb, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return cause.with_traceback(tb)


def instead_of_cut(error: BaseException | None) -> bool:
    """Did it take the place of a cancellation: was it raised by a ``finally`` or an undo of what was being cut?"""
    while error is not None:
        if isinstance(error, trio.Cancelled):
            return True
        error = error.__cause__ or error.__context__
    return False
