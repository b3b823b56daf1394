"""Exception groups: nurseries raise them, flows never do."""

from __future__ import annotations

import trio


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
