"""The kv pack: values that outlive runs, changed exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cflow
from cflow import Engine, context
from cflow.executor.suspended import Suspended
from cflow.runs.resume import resume
from cflow.stdlib_nodes import kv

TEXT = """
import kv

flow get(key: str) -> Any:
    return kv.get(key, "none")

flow set(key: str, value: Any, seconds: float | None = None) -> list[str]:
    kv.set(key, value, seconds)
    return kv.keys()

flow keys(prefix: str) -> list[str]:
    return kv.keys(prefix)

flow delete(key: str) -> bool:
    return kv.delete(key)

flow swap(key: str, old: Any, new: Any) -> bool:
    return kv.swap(key, old, new)

flow twice() -> list[int]:
    a = kv.increment("n")
    b = kv.increment("n", 10)
    return [a, b]
"""

Do = Callable[..., Any]


@pytest.fixture
def do(tmp_path: Path) -> Iterator[Do]:
    (tmp_path / "p.cflow").write_text(TEXT)
    engine = Engine(store=tmp_path / "store")

    def call(flow: str, *args: Any, allow: list[str] | None = None) -> Any:
        return engine.run(getattr(cflow.load(tmp_path / "p.cflow", allow=allow), flow), *args)

    yield call
    assert engine.recorder is not None
    engine.recorder.close()
    for database in kv._known.values():
        database.close()
    kv._known.clear()


def test_values_outlive_runs(do: Do) -> None:
    assert do("get", "k") == "none"
    assert do("set", "k", {"a": [1, None, "é"]}) == ["k"]
    assert do("get", "k") == {"a": [1, None, "é"]}
    do("set", "k%_", 1)
    assert do("keys", "k%") == ["k%_"]
    assert [do("delete", "k"), do("delete", "k")] == [True, False]
    assert do("get", "k") == "none"


def test_a_value_ends(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("cflow.stdlib_nodes.kv.time.time", lambda: now)
    do("set", "k", 1, 60.0)
    assert do("get", "k") == 1
    now = 1060.0
    assert [do("get", "k"), do("keys", ""), do("delete", "k")] == ["none", [], False]


def test_swaps_and_counters(do: Do) -> None:
    assert [do("swap", "l", None, "a"), do("swap", "l", None, "b"), do("swap", "l", "a", "b")] == [True, False, True]
    assert [do("twice"), do("twice")] == [[1, 11], [12, 22]]
    do("set", "n", "text")
    with pytest.raises(ValueError, match="no whole number"):
        do("twice")


def test_a_change_happens_once(tmp_path: Path, do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken off when the database has committed and the journal has not heard of it."""
    journals: list[Any] = []
    put = kv._put

    def noting(*args: Any) -> None:
        journals.append(context()._run.journal)
        put(*args)

    def stop(event: Any) -> None:
        if (event.kind, event.what) == ("node", "done") and len(journals) == 1:
            journals[0].stop("broken off by a test")

    monkeypatch.setattr(kv, "_put", noting)
    engine = Engine(store=tmp_path / "store", sinks=[stop])
    with pytest.raises(Suspended):
        engine.run(cflow.load(tmp_path / "p.cflow").twice)
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    engine.recorder.close()
    again = Engine(store=tmp_path / "store")
    (resumed,) = resume(again, row.id)
    assert resumed.state == "done"
    assert again.recorder is not None
    again.recorder.close()
    assert len(journals) == 2
    assert do("get", "n") == 11


def test_a_guest_has_keys_of_its_own(do: Do) -> None:
    do("set", "k", "mine")
    assert do("get", "k", allow=["kv"]) == "none"
    assert do("set", "k", "theirs", allow=["kv"]) == ["k"]
    assert [do("get", "k"), do("get", "k", allow=["kv"])] == ["mine", "theirs"]


def test_without_a_store() -> None:
    module = cflow.loads(TEXT)
    for call in (lambda: module.get.run("k"), lambda: module.twice.run()):
        with pytest.raises(RuntimeError, match="this run has none"):
            call()
