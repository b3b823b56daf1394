"""The forms of the language as Python names: ``race``, ``parallel``, ``transaction`` and the others, with honest types.

A flow's body never runs as Python; the front end knows a form by the identity of what a name is bound to (``from cflow
import race as r`` is fine) and reads it into the syntax tree. Called as Python, a form has no meaning and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, Literal, NoReturn, TypeVar, overload

from ..compiler.diagnostics import CflowError
from ..compiler.types import STR
from ..compiler.values import Collected
from .declaring import Ambient, FormName

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F", bound=Callable[..., Any])

Duration = float | timedelta | str
"""Seconds, a ``timedelta``, or text like ``"1h30m"``."""


class Block:
    """What ``with timeout(5):`` and the like are to a type checker: a block that gives nothing and swallows nothing."""

    def __enter__(self) -> None: ...

    def __exit__(self, *exc: object) -> None: ...


def _form(function: F) -> F:
    function.__cflow_form__ = FormName(function.__name__)  # type: ignore[attr-defined]
    return function


def _outside(name: str, example: str) -> NoReturn:
    msg = f"{name}(...) belongs in a flow, where it is read and never called as Python: {example}"
    raise CflowError(msg)


# ---- blocks --------------------------------------------------------------------------------------


@_form
def transaction(*, timeout: Duration | None = None) -> Block:
    """``with transaction(timeout=120):``; on failure the undos of what completed run in reverse order."""
    _outside("transaction", "with transaction(timeout=120): ...")


@_form
def timeout(duration: Duration, /) -> Block:
    """``with timeout(5):``; a ``TimeoutError`` when the block takes longer."""
    _outside("timeout", "with timeout(5): ...")


@_form
def lock(name: str, /) -> Block:
    """``with lock("printer"):``; one holder of that name at a time."""
    _outside("lock", 'with lock("printer"): ...')


@overload
def parallel() -> Block: ...
@overload
def parallel(
    items: Iterable[T],
    /,
    *,
    limit: int | None = None,
    take: int | None = None,
    rest: Literal["cancel", "finish"] = "cancel",
) -> Iterable[T]: ...
@_form
def parallel(items: Any = None, /, **options: Any) -> Any:
    """``with parallel():``, each statement an arm; or ``for x in parallel(xs, limit=8):``, independent passes.

    Parameters
    ----------
    items: what to pass over.
    limit: how many passes at once; None: all.
    take: only so many, the first successes in the order of ``items``.
    rest: what becomes of the others: ``"cancel"`` or ``"finish"``.
    """
    _outside("parallel", "[f(x) for x in parallel(xs, limit=8)]")


# ---- loops and streams ---------------------------------------------------------------------------


@_form
def loop(condition: object, /, *, max: int) -> bool:
    """``while loop(cond, max=500):``; past ``max`` passes the loop raises ``LoopLimit``."""
    _outside("loop", "while loop(condition, max=500): ...")


@overload
def collect(items: Iterable[T], /, *, max_failed: int | None = None) -> Collected[T]: ...
@overload
def collect(*, max_failed: int | None = None) -> Collected[Any]: ...
@_form
def collect(items: Any = None, /, *, max_failed: int | None = None) -> Any:
    """``collect((f(x) for x in parallel(xs, limit=8)), max_failed=3)``: results and failures of all passes.

    Without items, an empty collector for a ``for ... in parallel(...)`` of several statements, which appends to it.
    """
    _outside("collect", "collect((f(x) for x in parallel(xs, limit=8)), max_failed=3)")


@_form
def buffered(stream: Iterable[T], size: int, /) -> Iterator[T]:
    """``for b in buffered(stream, 100):``; the source may run so many items ahead."""
    _outside("buffered", "for item in buffered(stream, 100): ...")


@_form
def windowed(stream: Iterable[T], duration: Duration, /) -> Iterator[list[T]]:
    """``for b in windowed(stream, "1m"):``; lists of what came within each stretch of time."""
    _outside("windowed", 'for items in windowed(stream, "1m"): ...')


@_form
def batched(stream: Iterable[T], size: int, /) -> Iterator[list[T]]:
    """``for b in batched(stream, 1000):``; lists of so many items, the last one perhaps shorter."""
    _outside("batched", "for items in batched(stream, 1000): ...")


# ---- operations ----------------------------------------------------------------------------------


@overload
def race(a: A, /, *, timeout: Duration | None = None) -> A: ...
@overload
def race(a: A, b: B, /, *, timeout: Duration | None = None) -> A | B: ...
@overload
def race(a: A, b: B, c: C, /, *, timeout: Duration | None = None) -> A | B | C: ...
@overload
def race(a: A, b: B, c: C, d: D, /, *, timeout: Duration | None = None) -> A | B | C | D: ...
@overload
def race(a: A, b: B, c: C, d: D, e: E, /, *, timeout: Duration | None = None) -> A | B | C | D | E: ...
@overload
def race(*arms: T, timeout: Duration | None = None) -> T: ...
@_form
def race(*arms: Any, timeout: Duration | None = None) -> Any:
    """``race(primary(day), backup(day), timeout=3)``; the first success wins, the others are cancelled."""
    _outside("race", "race(primary(day), backup(day), timeout=3)")


@_form
def wait_signal(name: str, key: object = None, /, *, timeout: Duration | None = None, default: Any = None) -> Any:
    """``wait_signal("approve", order.id, timeout="2d", default=False)``; parks the run until someone answers."""
    _outside("wait_signal", 'wait_signal("approve", order.id, timeout="2d", default=False)')


@_form
def sleep(duration: Duration, /) -> None:
    """``sleep("3d")``; a timer of the run, not of the process."""
    _outside("sleep", 'sleep("3d")')


@_form
def detach(call: object, /) -> str:
    """``detach(other(x))``; a run of its own, whose id is the result."""
    _outside("detach", "run_id = detach(other(x))")


@overload
def convert(value: object, type: type[T], /) -> T: ...
@overload
def convert(value: object, type: object, /) -> Any: ...
@_form
def convert(value: object, type: Any, /) -> Any:
    """``order = convert(fetch(id), Order)``; the value converted to the type and checked."""
    _outside("convert", "order = convert(fetch(id), Order)")


# ---- declarations --------------------------------------------------------------------------------


@_form
def secret(name: str, /) -> str:
    """``KEY = secret("STRIPE_KEY")``; read when a run starts, redacted wherever a value is shown or stored.

    Parameters
    ----------
    name: the environment variable.

    Raises
    ------
    ValueError: the name is not one for an environment variable.
    """
    from ..compiler.ir import AmbientSpec

    return Ambient(AmbientSpec("secret", _variable(name), STR))  # type: ignore[return-value]


@overload
def env(name: str, /) -> str: ...
@overload
def env(name: str, default: T, /) -> T: ...
@overload
def env(name: str, /, *, type: type[T]) -> T: ...
@overload
def env(name: str, default: T, /, *, type: type[T]) -> T: ...
@_form
def env(name: str, default: Any = ..., /, *, type: Any = None) -> Any:
    """``REGION = env("REGION", "eu-west-1")``; read once when a run starts, not part of the digest.

    Parameters
    ----------
    name: the environment variable.
    default: the value where it is not set; without one a run needs it set.
    type: what the text is converted to; left out, the type of the default, else ``str``.

    Raises
    ------
    ValueError: the name is not one for an environment variable.
    """
    from ..compiler.ir import AmbientSpec
    from . import hints

    required = default is ...
    kind = hints.type_of(type) if type is not None else STR if required else hints.type_of_value(default)
    return Ambient(AmbientSpec("env", _variable(name), kind, None if required else default, required))


def _variable(name: str) -> str:
    if not isinstance(name, str) or not name or "=" in name or "\0" in name:
        msg = f"{name!r} is not the name of an environment variable"
        raise ValueError(msg)
    return name
