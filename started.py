"""A run that is ready to go: linked code, the state of the run and its inputs; and the short way in.

Most of what a run needs is the same each time. Where nothing in a flow can wait and nothing is read from the
environment, :class:`Door` keeps it: what is left is a look at the inputs' classes and a function call.
"""

from __future__ import annotations

import contextvars
import os
import weakref
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from attrs import define

from .compiled import Compiled, compiling
from .compiler import ir
from .compiler.depth import deepen
from .compiler.diagnostics import InputError, Problem
from .compiler.inputs import Binder, binder
from .compiler.sharing import apart

if TYPE_CHECKING:
    from .engine import Engine
    from .executor.link import Linked
    from .executor.run import Run
    from .runs.recorder import Recording


@define(eq=False)
class Started:
    """A run that is ready to go: code, state and inputs."""

    compiled: Compiled
    linked: Linked
    state: Run
    bound: dict[str, Any]
    recording: Recording | None = None
    """What is recorded of it, where it is."""

    @property
    def stream(self) -> bool:
        return self.compiled.graph.main.stream

    def _arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """The inputs as the linked function takes them."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        left_out = False
        local = self.linked.module.local
        for param in self.compiled.graph.main.params:
            if param.name not in self.bound:
                left_out = True  # what comes after a default is passed by name
                continue
            value = self.bound[param.name]
            if param.kind == "var_pos":
                args += value
            elif param.kind == "var_kw":
                kwargs.update(value)
            elif param.kind in ("pos", "pos_or_kw") and not left_out:
                args.append(value)
            else:
                kwargs[local(param.name)] = value
        return args, kwargs

    def directly(self) -> Any:
        """Run as a plain function call."""
        direct = self.linked.direct
        assert direct is not None
        from .executor.direct import call

        args, kwargs = self._arguments()
        if self.linked.recursive:
            deepen()
        if self.recording is not None:
            return self.recording.directly(lambda: self._own(call(direct, self.state, args, kwargs, self.failed)))
        return self._own(call(direct, self.state, args, kwargs, self.failed))

    def main(self, put: Any = None) -> Coroutine[Any, Any, Any]:
        """Run on the loop; ``put`` takes the items of a stream flow."""
        from .executor.loop import on_loop

        args, kwargs = self._arguments()
        if put is not None:
            args.insert(0, put if not self.compiled.held else lambda item: put(self._own(item)))
        if put is not None and self.recording is not None:
            args[0] = self.recording.handing_out(args[0])
        running = on_loop(self._written, self.state, args, kwargs, self.failed)
        if self.recording is not None:
            running = self.recording.on_loop(running)
        return running if not self.compiled.held else self._handed_out(running)

    async def _handed_out(self, running: Coroutine[Any, Any, Any]) -> Any:
        return self._own(await running)

    def _own(self, value: Any) -> Any:
        """A result, or an item, that shares nothing with the constants of the program."""
        return apart(value, self.compiled.held) if self.compiled.held else value

    def _written(self) -> Any:
        """The flow as an async function."""
        if self.linked.recursive:
            deepen()
        entry = self.linked.waiting
        if entry is None:
            with compiling():
                entry = self.linked.written()
        return entry

    def failed(self, error: BaseException) -> None:
        """Tell listeners, and write to the error where it came from."""
        from .executor.errors import explain_failure

        explain_failure(error, self.linked.graph, self.compiled.graph, self.compiled.objects, self.state.number)
        if self.state.sinks is not None:
            self.state.sinks.emit("run", "failed", self.state.id, error=error)


def read_ambient(graph: ir.Graph) -> dict[str, Any]:
    """The ``env`` and ``secret`` values of a program, read now.

    Raises
    ------
    InputError: a required one is not set, or does not fit its type.
    """
    if not graph.ambient:
        return {}
    from .compiler.secrets import SecretText
    from .compiler.textvalues import parse_text

    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for spec in graph.ambient.values():
        text = os.environ.get(spec.name)
        if text is None:
            if spec.required and spec.kind == "secret":
                problems.append(Problem(spec.name, f"the secret {spec.name} is not set: export {spec.name}=..."))
            elif spec.required:
                problems.append(
                    Problem(spec.name, f"the environment variable {spec.name} is not set: export {spec.name}=...")
                )
            else:
                values[spec.name] = spec.default
            continue
        try:
            value = parse_text(text, spec.type, {})
            values[spec.name] = SecretText(value) if spec.kind == "secret" and isinstance(value, str) else value
        except (ValueError, TypeError) as error:
            shown = "" if spec.kind == "secret" else f": {error}"
            problems.append(Problem(spec.name, f"the environment variable {spec.name} does not fit {spec.type}{shown}"))
    if problems:
        raise InputError("; ".join(p.message for p in problems), tuple(problems))
    return values


CLOSED = object()
"""What :meth:`Door.enter` gives where the long way has to be taken."""


class Door:
    """The short way into a flow that is a plain function call, for one engine; kept with the flow."""

    __slots__ = (
        "_bind",
        "_call",
        "_direct",
        "_engine",
        "_epoch",
        "_graph",
        "_heard",
        "_limit",
        "_linked",
        "_objects",
        "_run",
        "_services",
        "_tiers",
    )

    def __init__(self, engine: Engine, started: Started, bind: Binder) -> None:
        from .executor.direct import call
        from .executor.run import Run
        from .executor.tiers import TIERS

        assert started.linked.direct is not None
        self._run = Run
        self._call = call
        self._services, self._limit = engine.services, engine.limit
        self._engine = weakref.ref(engine)
        self._heard = started.state.sinks is not None
        self._linked = started.linked
        self._graph = started.compiled.graph
        self._objects = started.compiled.objects
        self._direct = started.linked.direct
        self._bind = bind
        self._tiers = TIERS
        self._epoch = started.linked.epoch

    @staticmethod
    def to(engine: Engine, started: Started) -> Door | None:
        """The door, where there can be one: nothing is read from the environment, no recursion, and the result cannot
        hold a constant that could be changed."""
        graph = started.compiled.graph
        if graph.ambient or started.linked.recursive or started.compiled.held:
            return None
        bind = binder(graph.main.params)
        return None if bind is None else Door(engine, started, bind)

    def enter(self, engine: Engine, args: tuple[Any, ...], inputs: dict[str, Any]) -> Any:
        """The result of a run; :data:`CLOSED` where anything is not as it was, or an input needs a closer look."""
        if self._engine() is not engine or self._epoch != self._tiers.epoch:
            return CLOSED
        try:
            values = self._bind(*args, **inputs)
        except TypeError:  # too many, too few, unknown: the long way tells which
            return CLOSED
        if values is None:
            return CLOSED
        if self._heard:
            return self._told(engine.sinks, values)
        run = self._run("", self._services, {}, self._limit)
        try:
            return contextvars.copy_context().run(self._direct, run, 0, *values)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._explain(error, run)
            raise

    def _told(self, sinks: Any, values: Any) -> Any:
        """The same where somebody listens."""
        run = self._run("", self._services, {}, self._limit, sinks)

        def failed(error: BaseException) -> None:
            self._explain(error, run)
            sinks.emit("run", "failed", run.id, error=error)

        return self._call(self._direct, run, values, {}, failed)

    def _explain(self, error: BaseException, run: Run) -> None:
        """Write to the error where it came from."""
        from .executor.errors import explain_failure

        explain_failure(error, self._linked.graph, self._graph, self._objects, run.number)
