"""OpenTelemetry: what happens in runs as spans. Needs the extra ``otel`` (``pip install 'conductor-cflow[otel]'``).

A sink, so nothing of it is there where nobody asks for it: ``Engine(sinks=[Spans()])``.
"""

from __future__ import annotations

import threading
from collections import deque

from ._version import __version__
from .compiler.secrets import hide
from .executor.events import Event
from .executor.told import said

try:
    from opentelemetry.trace import Span, Status, StatusCode, Tracer, TracerProvider, get_tracer, set_span_in_context
except ModuleNotFoundError as error:
    msg = "cflow.otel needs OpenTelemetry: pip install 'conductor-cflow[otel]'"
    raise ModuleNotFoundError(msg, name=error.name) from error

__all__ = ["Spans"]

RUN = "cflow run"
"""The name of a run's span; its id is an attribute, since names are to be few."""


class Spans:
    """A sink that makes a span of each run, and in it one of each call that has events.

    The span of a run is a child of the span that is current where it starts. Attributes: ``cflow.run``,
    ``cflow.node`` (the operation's id), ``cflow.attempt``, ``cflow.cached``, ``cflow.cancelled``. A failed attempt that
    is followed by another one is an event (``retried``). Secrets are taken out of what errors say.

    Parameters
    ----------
    provider: makes the tracer; None: the global one.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer: Tracer = get_tracer("cflow", __version__, provider)
        self._lock = threading.Lock()
        self._runs: dict[str, Span] = {}
        self._calls: dict[str, dict[str, deque[tuple[object, Span]]]] = {}
        """Of a run, by the operation: the calls that are open, each with the task that it is in."""

    def __call__(self, event: Event) -> None:
        """Take an event; called by the engine."""
        with self._lock:
            if event.kind == "run":
                self._run(event)
            elif event.kind == "node" and event.run in self._runs:
                self._node(event)

    def _run(self, event: Event) -> None:
        if event.what == "started":
            span = self._tracer.start_span(RUN, start_time=_ns(event), attributes={"cflow.run": event.run})
            self._runs[event.run] = span
            self._calls[event.run] = {}
            return
        span_or_none = self._runs.pop(event.run, None)
        for calls in self._calls.pop(event.run, {}).values():
            for _, call in calls:  # nothing outlives its run, but for readers that were left behind
                call.end(_ns(event))
        if span_or_none is not None:
            _ended(span_or_none, event)

    def _node(self, event: Event) -> None:
        calls = self._calls[event.run].setdefault(event.node, deque())
        match event.what:
            case "started":
                calls.append((_here(), self._span(event)))
            case "cached":
                span = _mine(calls)
                if span is not None:
                    span.set_attribute("cflow.cached", True)
                else:  # from the record of the run: it was not called
                    span = self._span(event)
                    span.set_attribute("cflow.cached", True)
                    span.end(_ns(event))
            case "retried":
                span = _mine(calls)
                if span is not None:
                    span.add_event("retried", {"cflow.attempt": event.attempt, **_told(event)}, _ns(event))
                    span.set_attribute("cflow.attempt", event.attempt + 1)
            case "done" | "failed" | "cancelled":
                span = _mine(calls, take=True)
                if span is not None:
                    _ended(span, event)
            case "skipped" | "progress":
                pass

    def _span(self, event: Event) -> Span:
        return self._tracer.start_span(
            event.node,
            context=set_span_in_context(self._runs[event.run]),
            start_time=_ns(event),
            attributes={"cflow.run": event.run, "cflow.node": event.node, "cflow.attempt": 1},
        )


def _ended(span: Span, event: Event) -> None:
    if event.what == "cancelled":
        span.set_attribute("cflow.cancelled", True)
    elif event.what == "failed":
        told = _told(event)
        span.add_event("exception", told, _ns(event))
        span.set_status(Status(StatusCode.ERROR, told.get("exception.message") or told.get("exception.type")))
    span.end(_ns(event))


def _told(event: Event) -> dict[str, str]:
    """An error in the attributes that OpenTelemetry has for one (semantic conventions, "exceptions on spans")."""
    error = event.error
    if error is None:
        return {}
    return {"exception.type": type(error).__qualname__, "exception.message": hide(said(error))}


def _mine(calls: deque[tuple[object, Span]], take: bool = False) -> Span | None:
    """The open call of this task; of no task that is known, the one that began first.

    Calls of one operation may overlap, and their events tell them apart only by where they happen.
    """
    if not calls:
        return None
    here = _here()
    index = next((i for i, (where, _) in enumerate(calls) if where is here), 0)
    span = calls[index][1]
    if take:
        del calls[index]
    return span


def _here() -> object:
    """The task that the event happens in; None where there is none, or a thread of its own serves this sink."""
    import trio

    try:
        return trio.lowlevel.current_task()
    except RuntimeError:
        return None


def _ns(event: Event) -> int:
    return int(event.time * 1e9)
