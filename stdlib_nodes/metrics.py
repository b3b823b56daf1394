"""Counters, gauges and histograms for Prometheus: counted in flows, given as text, put into a file, pushed. Needs the
extra ``metrics``.

By prometheus_client, the library of its makers, as its text is what about everything collects; OpenTelemetry's meters
need a collector beside them (for traces see ``cflow.otel``). Metrics live as long as the process, for all its runs. A
program around the flows that serves prometheus_client's own registry shows them too. A program that is not trusted has
metrics of its own, shared with those of the same grants.

The resource is ``metrics``: a count waits until all earlier steps have succeeded. The first call of a name says its
kind, labels, buckets and help. Names and labels are those of Prometheus' data model: letters, digits and ``_``.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import define, field

from .. import Permissions, node, permissions
from ._atomic import write_whole
from ._extras import needs
from ._fields import finite
from .http import post as _post, put as _put

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

MAX_SERIES = 10_000
"""The most label values of all metrics together: a label with an id in it would fill the memory."""

MAX_TEXT = 1_000
"""The most characters of a name, a label's value or a help text."""

_NAME, _LABEL = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*"), re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_OURS = ("le", "quantile", "job")
_PROGRAMS = 1_000
_BUCKETS = 200
_TYPE = {"content-type": "text/plain; version=0.0.4; charset=utf-8"}


@node(writes="metrics")
def count(name: str, by: float = 1.0, labels: dict[str, str] | None = None, help: str = "") -> None:
    """Count up; the text calls it ``name_total``.

    ``metrics.count("orders", labels={"region": order.region})``

    Raises ValueError for a name or label that Prometheus does not permit, labels other than the first time, more than
    10,000 series, and to count down.
    """
    number = finite(by, "by")
    if number < 0:
        msg = f"a counter only goes up, not by {number}: a gauge goes down, too"
        raise ValueError(msg)
    _metric("Counter", name, labels, help).inc(number)


@node(writes="metrics")
def gauge(name: str, value: float, labels: dict[str, str] | None = None, help: str = "") -> None:
    """Set what goes up and down. Raises as ``count``.

    ``metrics.gauge("queue_length", len(waiting))``
    """
    number = finite(value, "value")
    _metric("Gauge", name, labels, help).set(number)


@node(writes="metrics")
def observe(
    name: str, value: float, labels: dict[str, str] | None = None, help: str = "", buckets: list[float] | None = None
) -> None:
    """Add a value to a histogram; ``buckets`` are the upper ends of its parts, upwards (else 5 ms to 10 s).
    Its first use says which: other ones later are a ValueError.

    ``metrics.observe("page_seconds", seconds, labels={"host": host}, buckets=[0.1, 1, 10])``

    Raises as ``count``.
    """
    number = finite(value, "value")
    more: dict[str, Any] = {}
    if buckets is not None:
        ends = [finite(end, "buckets") for end in buckets]
        if not 1 <= len(ends) <= _BUCKETS or ends != sorted(set(ends)):
            msg = f"buckets are 1 to {_BUCKETS} numbers, each above the one before, not {buckets[:10]}"
            raise ValueError(msg)
        more["buckets"] = ends
    _metric("Histogram", name, labels, help, **more).observe(number)


@node(reads="metrics")
def text() -> str:
    """All metrics in Prometheus' text format.

    ``metrics.text()``
    """
    return _text()


@node(reads="metrics", writes="files")
def write(path: str | Path) -> Path:
    """Put all metrics into a file, whole or not at all, as node_exporter's textfile collector reads it; returns the
    path.

    ``metrics.write("/var/lib/node_exporter/nightly.prom")``
    """
    return write_whole(path, _text().encode())


@node(reads="metrics", writes="http", timeout=30.0)
async def push(url: str, job: str, labels: dict[str, str] | None = None, replace: bool = True) -> None:
    """Send all metrics to a Pushgateway, for runs that end before anybody asks them.

    ``metrics.push("http://pushgateway:9091", "nightly", labels={"instance": "a"})``

    ``replace=False`` keeps metrics of other names there. Raises HttpError, TimeoutError, and ValueError for a label
    that is none.
    """
    place = "".join(f"/{_segment(name, value)}" for name, value in ({"job": job} | _checked(labels)).items())
    send = _put.fn if replace else _post.fn
    await send(f"{url.rstrip('/')}/metrics{place}", content=_text(), headers=_TYPE)


@define(eq=False)
class _Kept:
    """The metrics of programs of the same grants. ``kinds`` says what the first call of each name said."""

    registry: CollectorRegistry
    kinds: dict[str, tuple[str, Any, Any, dict[str, Any]]] = field(factory=dict)
    series: set[tuple[str, ...]] = field(factory=set)

    def collect(self) -> Iterator[Metric]:
        """Without the moments at which metrics were made, which the library adds to each."""
        for metric in self.registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


_all: dict[Permissions, _Kept] = {}
_changing = threading.Lock()


def _kept() -> _Kept:
    """Those of the program that asks. Call with ``_changing`` held."""
    with needs("metrics"):
        from prometheus_client import REGISTRY, CollectorRegistry
    given = permissions()
    found = _all.get(given)
    if found is None:
        if len(_all) >= _PROGRAMS:  # those of the trusted came first, or come again
            del _all[next(one for one in _all if not one.trusted)]
        found = _all[given] = _Kept(CollectorRegistry())
        if given.trusted:
            REGISTRY.register(found)
    return found


def _metric(kind: str, name: str, labels: dict[str, str] | None, help: str, **more: Any) -> Any:
    """The metric to change, made at its first use."""
    with needs("metrics"):
        import prometheus_client
    if not _NAME.fullmatch(name) or len(name) > MAX_TEXT or len(help) > MAX_TEXT:
        msg = f"{name[:80]!r} is no name for a metric: letters, digits and _, such as orders_sent"
        raise ValueError(msg)
    given = _checked(labels)
    key = name.removesuffix("_total") if kind == "Counter" else name
    with _changing:
        kept = _kept()
        known = kept.kinds.get(key)
        names = tuple(sorted(given))
        if known is not None and (known[0] != kind or known[1] != names):
            msg = (
                f"the metric {name} is a {known[0].lower()} with the labels ({', '.join(known[1])}) since its first use"
            )
            raise ValueError(msg)
        if known is not None and more and known[3] != more:
            its = known[3].get("buckets", "of the default")
            msg = f"the metric {name} has the buckets {its} since its first use, not {more['buckets']}"
            raise ValueError(msg)
        series = (key, *(given[label] for label in names))
        if series not in kept.series and len(kept.series) >= MAX_SERIES:
            msg = f"there are {MAX_SERIES:,} series already: {name} with {given} would be one more"
            raise ValueError(msg)
        if known is None:
            made = getattr(prometheus_client, kind)(key, help or name, names, registry=kept.registry, **more)
            known = kept.kinds[key] = (kind, names, made, more)
        kept.series.add(series)
    return known[2].labels(**given) if names else known[2]


def _text() -> str:
    with needs("metrics"):
        from prometheus_client import generate_latest
    with _changing:
        kept = _kept()
    made: bytes = generate_latest(kept)
    return made.decode()


def _checked(labels: dict[str, str] | None) -> dict[str, str]:
    found = {}
    for name, value in (labels or {}).items():
        if not _LABEL.fullmatch(name) or name in _OURS or len(name) > MAX_TEXT:
            msg = f"{name[:80]!r} is no label: letters, digits and _, not {', '.join(_OURS)}"
            raise ValueError(msg)
        found[name] = str(value)
        if len(found[name]) > MAX_TEXT:
            msg = f"the label {name!r} has {len(found[name]):,} characters; at most {MAX_TEXT:,} are taken"
            raise ValueError(msg)
    return found


def _segment(name: str, value: str) -> str:
    """A label in the path of a push. What has a ``/`` goes as base64, as the Pushgateway's README has it, and so does
    what a client might take out of a path."""
    if "/" in value or value in ("", ".", ".."):
        return f"{name}@base64/{base64.urlsafe_b64encode(value.encode()).decode() or '='}"
    return f"{name}/{quote(value, safe='')}"
