"""Events as OpenTelemetry spans, seen through the exporter of its own SDK."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from cflow import Engine, Retry, context, flow, node, parallel, race
from cflow.compiler.secrets import SecretText, forget
from cflow.executor.suspended import Suspended
from cflow.runs.resume import resume

pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from cflow.otel import RUN, Spans


class Seen:
    """The spans that have ended, and the sink that makes them."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.sink = Spans(self.provider)

    def all(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def of(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.of(name)
        return span


@pytest.fixture
def seen() -> Iterator[Seen]:
    made = Seen()
    yield made
    made.provider.shutdown()


@node(reads="world")
async def look(n: float) -> float:
    await trio.sleep(n)
    return n


@node(writes="world", retry=Retry(2, backoff=0.0))
async def flaky(n: int) -> int:
    if context().attempt < 3:
        raise OSError(f"not yet {n}")
    return n


@node(writes="world")
async def breaks(text: str) -> str:
    raise ValueError(f"no {text}")


@flow
def good(n: int) -> int:
    look(0.0)
    return flaky(n)


@flow
def bad(text: str) -> str:
    return breaks(text)


def test_a_run_and_its_calls(seen: Seen) -> None:
    assert Engine(sinks=[seen.sink]).run(good, 7) == 7
    run, first, second = seen.one(RUN), seen.one("look"), seen.one("flaky")
    assert run.parent is None
    assert run.attributes is not None
    for span in (first, second):
        assert span.parent is not None
        assert span.parent.span_id == run.context.span_id
        assert span.attributes is not None
        assert span.attributes["cflow.run"] == run.attributes["cflow.run"]
        assert run.start_time <= span.start_time <= span.end_time <= run.end_time  # type: ignore[operator]
    assert second.attributes is not None
    assert second.attributes["cflow.attempt"] == 3
    assert [(event.name, (event.attributes or {})["exception.message"]) for event in second.events] == [
        ("retried", "not yet 7"), ("retried", "not yet 7"),
    ]  # fmt: skip
    assert run.status.status_code is StatusCode.UNSET


def test_a_failure(seen: Seen) -> None:
    with pytest.raises(ValueError, match="no luck"):
        Engine(sinks=[seen.sink]).run(bad, "luck")
    for name in ("breaks", RUN):
        span = seen.one(name)
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "no luck")
        (event,) = span.events
        assert event.name == "exception"
        assert event.attributes == {"exception.type": "ValueError", "exception.message": "no luck"}


def test_a_secret_does_not_reach_a_span(seen: Seen) -> None:
    try:
        with pytest.raises(ValueError, match="sentinel"):
            Engine(sinks=[seen.sink]).run(bad, str(SecretText("sentinel-99")))
        assert all("sentinel" not in span.to_json() for span in seen.all())
        assert seen.one("breaks").status.description == "no <secret>"
    finally:
        forget()


def test_overlapping_calls_of_one_step_keep_their_own_times(seen: Seen) -> None:
    began: list[tuple[int, float]] = []
    ended: list[int] = []

    @node(reads="world")
    async def held(n: int) -> int:
        began.append((n, time.time()))
        while len(began) < 3 or len(ended) != (n + 1) % 3:  # the last one first
            await trio.sleep(0)
        ended.append(n)
        return n

    @flow
    def holds() -> list[int]:
        return [held(n) for n in parallel(range(3))]

    assert Engine(sinks=[seen.sink]).run(holds) == [0, 1, 2]
    assert ended == [2, 0, 1]
    moments = [int(at * 1e9) for _, at in began]
    for span, n in zip(seen.of("held"), ended, strict=True):
        place = [of for of, _ in began].index(n)
        before = moments[place - 1] if place else 0
        assert before <= (span.start_time or 0) <= moments[place]


BEGUN: list[int] = []


@node(reads="world")
async def endless() -> int:
    BEGUN.append(1)
    await trio.sleep_forever()
    return 0


@node(reads="world")
async def first() -> int:
    while not BEGUN:
        await trio.sleep(0)
    BEGUN.clear()
    return 1


@flow
def raced() -> int:
    return race(first(), endless())


def test_a_call_that_is_cut(seen: Seen) -> None:
    assert Engine(sinks=[seen.sink]).run(raced) == 1
    assert (seen.one("endless").attributes or {})["cflow.cancelled"] is True
    assert "cflow.cancelled" not in (seen.one("first").attributes or {})


def test_the_span_of_the_host_is_the_parent(seen: Seen) -> None:
    tracer = seen.provider.get_tracer("host")
    with tracer.start_as_current_span("request") as request:
        Engine(sinks=[seen.sink]).run(good, 1)
    parent = seen.one(RUN).parent
    assert parent is not None
    assert parent.span_id == request.get_span_context().span_id


STOP: list[str] = []


@node(writes="world")
async def put(what: str) -> str:
    if what in STOP:
        STOP.clear()
        context()._run.journal.stop("broken off by a test")
    await trio.lowlevel.checkpoint()
    return what


@flow
def twice() -> str:
    put("a")
    return put("b")


def test_what_is_on_record_is_told_as_cached(seen: Seen, tmp_path: Path) -> None:
    engine: Any = Engine(store=tmp_path, sinks=[seen.sink])
    STOP.append("b")
    with pytest.raises(Suspended):
        engine.run(twice)
    seen.exporter.clear()
    (row,) = resume(engine, engine.recorder.store.runs()[0].id)
    engine.recorder.close()
    assert row.state == "done"
    assert (seen.one("put").attributes or {}).get("cflow.cached") is True
    assert "cflow.cached" not in (seen.one("put_2").attributes or {})
    assert (seen.one(RUN).attributes or {})["cflow.run"] == row.id


def test_no_span_is_left_open(seen: Seen) -> None:
    engine = Engine(sinks=[seen.sink])
    engine.run(good, 1)
    engine.run(raced)
    assert (seen.sink._runs, seen.sink._calls) == ({}, {})
