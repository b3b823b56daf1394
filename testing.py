"""Testing flows: mock the nodes that touch the world, attempt a flow in virtual time, look at the calls that were made.

In a ``.cflow`` file the same words stand in ``test`` blocks, which :func:`run_tests` (and ``cflow test``) runs.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from .compiler.spec import NodeSpec
from .doubles import Mock as _Mock, Stage, stand_in
from .engine import Engine, Substitute, stand_ins as _stand_ins
from .executor.events import Event
from .testblocks import Attempt, TestResult, finished, run_tests, secrets_for
from .virtual_time import WaitsForEver, play

__all__ = ["Attempt", "TestResult", "WaitsForEver", "attempt", "calls", "events", "mock", "reset", "run_tests"]

F = TypeVar("F", bound=Callable[..., Any])

_STAGES: dict[str, Stage] = {}


def _stage() -> Stage:
    """The stage of the pytest test that runs, else of the process: what one test mocked does not reach another."""
    name = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
    if name not in _STAGES:
        _STAGES.clear()
        _STAGES[name] = Stage()
    return _STAGES[name]


def reset() -> None:
    """Forget every mock and every call. (Within pytest each test begins so.)"""
    _STAGES.clear()


def _substitute(spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any] | None:
    return None if spec.trusted else stand_in(spec, fn, _stage)


class mock:  # noqa: N801 - a word of the language
    """From here on a node gives ``value``, or raises.

    With ``with`` it ends with the block, and as a decorator it holds while the function runs, an ``async def`` or a
    generator (a fixture) too; by itself it holds to the end of the pytest test it stands in, elsewhere until
    :func:`reset`. The last mock of a node counts, in runs of every engine.

    Parameters
    ----------
    node: the node, or the plain function that flows call as one.
    value: what it gives; of a stream, the items.
    raises: the exception, or its class, that it raises instead.

    Raises
    ------
    TypeError: it is no node.
    """

    def __init__(
        self, node: Any, value: Any = None, *, raises: BaseException | type[BaseException] | None = None
    ) -> None:
        self._fn = _function(node)
        self._mock = _Mock(value, raises)
        self._at = _stage()
        self._at.mock(self._fn, self._mock)
        _stand_ins(_standing_in)

    def __enter__(self) -> mock:
        stage = _stage()
        stage.unmock(self._fn, self._mock)
        stage.mock(self._fn, self._mock)
        self._at = stage
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._at.unmock(self._fn, self._mock)

    def __call__(self, fn: F) -> F:
        """As a decorator: the mock holds while ``fn`` runs."""
        self._at.unmock(self._fn, self._mock)
        wrapped: Any = _held_in(fn, self)
        return wrapped  # type: ignore[no-any-return]


def _held_in(fn: Callable[..., Any], held: mock) -> Callable[..., Any]:
    """``fn`` with the mock around its body, which of a coroutine or a generator is not the call."""
    if inspect.iscoroutinefunction(fn):

        @functools.wraps(fn)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            with held:
                return await fn(*args, **kwargs)

        return coroutine
    if inspect.isasyncgenfunction(fn):

        @functools.wraps(fn)
        async def async_generator(*args: Any, **kwargs: Any) -> Any:
            with held:
                async with contextlib.aclosing(fn(*args, **kwargs)) as items:
                    async for item in items:
                        yield item

        return async_generator
    if inspect.isgeneratorfunction(fn):

        @functools.wraps(fn)
        def generator(*args: Any, **kwargs: Any) -> Any:
            with held:
                return (yield from fn(*args, **kwargs))

        return generator

    @functools.wraps(fn)
    def function(*args: Any, **kwargs: Any) -> Any:
        with held:
            return fn(*args, **kwargs)

    return function


def calls(node: Any) -> list[Any]:
    """The calls of a node, in order: of each its sole argument, else the tuple of its arguments in the order of the
    parameters.

    Parameters
    ----------
    node: the node, or the plain function that flows call as one.
    """
    return _stage().calls(_function(node))


def attempt(flow: Any, /, *args: Any, **inputs: Any) -> Attempt:
    """Run a flow in virtual time: waiting takes no time, mocks answer, calls are recorded.

    Parameters
    ----------
    flow: the flow.
    args, inputs: its inputs.

    Gives an :class:`Attempt`: ``.value``, or ``.error`` where the flow has failed. A flow of which nothing would ever
    end the wait fails with :class:`WaitsForEver`.

    Raises
    ------
    ProgramError: the program is wrong.
    """
    return _attempted(_testing_engine([]), flow, args, inputs)


def events(flow: Any, /, *args: Any, **inputs: Any) -> tuple[Attempt, list[Event]]:
    """As :func:`attempt`, with every event of the run.

    Parameters
    ----------
    flow: the flow.
    args, inputs: its inputs.
    """
    seen: list[Event] = []
    return _attempted(_testing_engine([seen.append]), flow, args, inputs), seen


def _attempted(engine: Engine, flow: Any, args: tuple[Any, ...], inputs: dict[str, Any]) -> Attempt:
    from .compiler.inputs import bind_inputs

    compiled = engine.compiled(flow)
    main = compiled.graph.main

    async def run() -> Any:
        bound = bind_inputs(main.params, args, inputs, compiled.objects.classes, name=main.name)
        return await finished(engine, compiled, bound)

    try:
        with secrets_for(compiled.graph):
            return Attempt(play(run))
    except Exception as error:
        return Attempt(None, error)


def _testing_engine(sinks: list[Callable[[Event], object]]) -> Engine:
    return Engine(substitute=_substitute, sinks=sinks)


def _standing_in() -> Substitute | None:
    """From its first mock on, a test meets its mocks in every run: one that forgot :func:`attempt` must not charge a
    real card."""
    return _substitute if _stage().used else None


def _function(node: Any) -> Callable[..., Any]:
    from .dsl.nodes import FlowDef, NodeDef

    if isinstance(node, NodeDef):
        fn: Callable[..., Any] = node.call
        return fn
    if isinstance(node, (FlowDef, type)) or not callable(node):
        msg = f"a node belongs here, not {node!r}: mock the nodes that a flow calls"
        raise TypeError(msg)
    plain: Callable[..., Any] = node
    return plain
