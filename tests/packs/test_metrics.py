"""The metrics pack: what the text says, by the parser of its makers; pushes to a server on loopback; limits."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from hypothesis import given, settings, strategies as st
from prometheus_client.parser import text_string_to_metric_families

import cflow
from cflow.compiler.permissions import Permissions, under
from cflow.stdlib_nodes import http, metrics


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    yield
    for kept in metrics._all.values():
        if kept in [*prometheus_client.REGISTRY._collector_to_names]:
            prometheus_client.REGISTRY.unregister(kept)
    metrics._all.clear()


def values(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_in_a_flow(tmp_path: Path) -> None:
    module = cflow.loads(
        """
import metrics

flow sell(regions: list[str], path: str) -> str:
    for region in regions:
        metrics.count("orders", labels={"region": region}, help="Orders taken.")
    metrics.gauge("open", 3)
    metrics.gauge("open", 2.5)
    metrics.observe("seconds", 0.4, buckets=[0.1, 1])
    metrics.observe("seconds", 7, buckets=[0.1, 1])
    metrics.write(path)
    return metrics.text()
"""
    )
    path = tmp_path / "deep" / "x.prom"
    text = module.sell.run(["north", "south", "north"], str(path))
    assert values(text) == {
        ("orders_total", (("region", "north"),)): 2,
        ("orders_total", (("region", "south"),)): 1,
        ("open", ()): 2.5,
        ("seconds_bucket", (("le", "0.1"),)): 0,
        ("seconds_bucket", (("le", "1.0"),)): 1,
        ("seconds_bucket", (("le", "+Inf"),)): 2,
        ("seconds_count", ()): 2,
        ("seconds_sum", ()): pytest.approx(7.4),
    }
    assert "# HELP orders_total Orders taken.\n# TYPE orders_total counter\n" in text
    assert path.read_text() == text
    assert 'orders_total{region="north"} 2.0' in prometheus_client.generate_latest().decode()  # of the program around


def test_many_threads_count_right() -> None:
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(metrics.count, "n", 1, {"a": str(i % 3)}) for i in range(300)]:
            done.result()
    assert values(metrics.text()) == {("n_total", (("a", str(i)),)): 100 for i in range(3)}


def test_programs_that_are_not_trusted_have_their_own() -> None:
    metrics.count("mine")
    with under(Permissions.of(["net:a.test"])):
        assert metrics.text() == ""
        metrics.count("mine", labels={"other": "labels"})
    with under(Permissions.of(["net:b.test"])):
        assert metrics.text() == ""
    assert values(metrics.text()) == {("mine_total", ()): 1}


def test_limits_and_wrong_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics.count("n", labels={"a": "x"})
    long = "x" * 1001
    wrong: list[tuple[Callable[[], Any], str]] = [
        (lambda: metrics.count("n"), r"is a counter with the labels \(a\) since its first use"),
        (lambda: metrics.count("n_total", labels={"b": "x"}), "since its first use"),
        (lambda: metrics.gauge("n", 1, labels={"a": "x"}), "since its first use"),
        (lambda: metrics.count("n", -1, labels={"a": "x"}), "only goes up"),
        (lambda: metrics.gauge("g", float("nan")), "no finite number"),
        (lambda: metrics.count("no name"), "is no name for a metric"),
        (lambda: metrics.count("x\n# TYPE y counter"), "is no name for a metric"),
        (lambda: metrics.count("ümlaut"), "is no name for a metric"),
        (lambda: metrics.count("m", help=long), "is no name|at most"),
        (lambda: metrics.count("m", labels={"__name__": "x"}), "is no label"),
        (lambda: metrics.observe("h", 1, labels={"le": "x"}), "is no label"),
        (lambda: metrics.count("m", labels={"a": long}), "has 1,001 characters"),
        (lambda: metrics.observe("h", 1, buckets=[2, 1]), "each above the one before"),
        (lambda: metrics.observe("h", 1, buckets=[]), "buckets are 1 to 200"),
    ]
    for call, why in wrong:
        with pytest.raises(ValueError, match=why):
            call()
    monkeypatch.setattr(metrics, "MAX_SERIES", 2)
    metrics.count("n", labels={"a": "y"})
    for name, value in (("n", "z"), ("m", "z")):
        with pytest.raises(ValueError, match="there are 2 series already"):
            metrics.count(name, labels={"a": value})
    metrics.count("n", labels={"a": "y"})  # those that are there go on
    assert values(metrics.text()) == {("n_total", (("a", "x"),)): 1, ("n_total", (("a", "y"),)): 2}


class Gateway(BaseHTTPRequestHandler):
    seen: list[tuple[str, str, str, str]] = []
    status = 200

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.seen.append((self.command, self.path, self.headers["content-type"], body))
        self.send_response(self.status)
        self.send_header("content-length", "0")
        self.end_headers()

    do_POST = do_PUT

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_push(gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Gateway.seen.clear()
    metrics.count("n")
    metrics.push(gateway + "/", "nightly run", labels={"path": "/a/b", "x": "ä?#", "up": ".."})
    metrics.push(gateway, "j", replace=False)
    (first, second) = Gateway.seen
    path = base64.urlsafe_b64encode(b"/a/b").decode()
    assert first == (
        "PUT",
        f"/metrics/job/nightly%20run/path@base64/{path}/x/%C3%A4%3F%23/up@base64/Li4=",
        "text/plain; version=0.0.4; charset=utf-8",
        metrics.text(),
    )
    assert second[:2] == ("POST", "/metrics/job/j")
    monkeypatch.setattr(Gateway, "status", 400)
    with pytest.raises(http.HttpError, match="answered 400"):
        metrics.push(gateway, "j")
    with pytest.raises(ValueError, match="is no label"):
        metrics.push(gateway, "j", labels={"job": "other"})
    with under(Permissions.of(["net:gateway.test"])), pytest.raises(PermissionError):
        metrics.push(gateway, "j")


@settings(max_examples=100, deadline=None)
@given(value=st.text(max_size=20), help=st.text(max_size=20))
def test_any_text_in_labels_and_help_comes_back(value: str, help: str) -> None:
    metrics._all.clear()
    with under(Permissions.of(["net:a.test"])):
        metrics.count("n", labels={"a": value}, help=help)
        assert values(metrics.text()) == {("n_total", (("a", value),)): 1}
