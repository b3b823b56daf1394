"""``files.watch``: what is told of a folder, and when."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings, strategies as st

import cflow
from cflow.compiler.permissions import Permissions, under
from cflow.stdlib_nodes import files
from cflow.stdlib_nodes._watching import State, Watcher, states

A, B = "a", "b"


def test_a_change_is_told_when_the_file_is_at_rest() -> None:
    now: dict[str, State] = {A: (1, 1, 1)}
    watcher = Watcher(lambda: dict(now), rest=2)
    watcher.begin()
    assert watcher.changes(0) == []
    now[B] = (1, 0, 2)
    assert watcher.changes(1) == []
    now[B] = (2, 5, 2)  # still being written
    assert watcher.changes(2) == []
    assert watcher.changes(3) == []
    assert watcher.changes(4) == [("created", B)]
    assert watcher.changes(9) == []
    now[A], now[B] = (1, 1, 3), (3, 5, 2)  # one replaced by another of the same size and time
    watcher.changes(10)
    assert watcher.changes(12) == [("changed", A), ("changed", B)]
    del now[A]
    watcher.changes(13)
    now[A] = (1, 1, 3)  # gone and back, as it was
    assert watcher.changes(15) == []
    del now[A], now[B]
    watcher.changes(16)
    assert watcher.changes(18) == [("deleted", A), ("deleted", B)]
    now[A] = (7, 7, 7)
    watcher.changes(19)
    del now[A]  # came and went
    assert watcher.changes(30) == []


def test_a_file_that_is_never_at_rest_is_told_of_all_the_same() -> None:
    now: dict[str, State] = {}
    watcher = Watcher(lambda: dict(now), rest=1)
    told = []
    for second in range(50):
        now[A] = (second, second, 1)
        told += [(second, kind) for kind, _ in watcher.changes(second / 2)]
    assert told == [(20, "created"), (41, "changed")]


STATES = st.dictionaries(st.sampled_from([A, B, "c"]), st.tuples(*[st.integers(0, 1)] * 3))


@settings(max_examples=200, deadline=None)
@given(st.lists(STATES, max_size=8), st.integers(0, 3))
def test_what_is_told_adds_up(history: list[dict[str, State]], rest: int) -> None:
    """Whoever follows the changes knows in the end what is there."""
    now: dict[str, State] = {}
    watcher = Watcher(lambda: dict(now), rest)
    known: set[str] = set()
    for second, state in enumerate([*history, *[history[-1] if history else {}] * 5]):
        now = state
        for kind, path in watcher.changes(second):
            assert (kind == "created") is (path not in known)
            known = known - {path} if kind == "deleted" else known | {path}
    assert known == now.keys()


def test_a_folder_in_a_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in/deep").mkdir(parents=True)
    Path("in/old.txt").write_text("old")
    Path("in/note.md").write_text("not asked for")
    Path("far").mkdir()
    Path("far/moved.txt").write_text("x")
    module = cflow.loads(
        """
import files

flow main() -> list[str]:
    told = for change in files.watch("in", "**/*.txt", debounce=0, every=0.01, existing=True):
        if change.path.name == "old.txt" and change.kind == "created":
            files.write("in/deep/new.txt", "x")
        elif change.path.name == "new.txt" and change.kind == "created":
            files.write("in/deep/new.txt", "replaced")
        elif change.kind == "changed":
            files.move("far", "in/far")
        elif change.path.name == "moved.txt" and change.kind == "created":
            files.delete("in/far")
        elif change.kind == "deleted":
            break
        yield f"{change.kind} {change.path}"
    return told
"""
    )
    assert module.main.run() == [
        "created in/old.txt",
        "created in/deep/new.txt",
        "changed in/deep/new.txt",
        "created in/far/moved.txt",
    ]


NAMES = st.sampled_from(["a", "b.txt", ".c", "deep"])
PATTERNS = st.lists(st.sampled_from(["**", "*", "*.txt", "a", "deep", "?", "[ab]*", ".*"]), min_size=1, max_size=4)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(NAMES, min_size=1, max_size=4), max_size=8), PATTERNS)
def test_a_pattern_means_what_it_means_to_glob(
    tmp_path_factory: pytest.TempPathFactory, names: list[list[str]], pattern: list[str]
) -> None:
    root = tmp_path_factory.mktemp("glob")
    for parts in names:
        with suppress(OSError):  # a file stands where a folder should
            root.joinpath(*parts).parent.mkdir(parents=True, exist_ok=True)
            root.joinpath(*parts).touch()
    text = "/".join(pattern)
    wanted = "/".join([*pattern, "*"]) if pattern[-1] == "**" else text  # to glob `**` alone means folders
    assert states(root, text).keys() == {str(p.relative_to(root)) for p in root.glob(wanted) if p.is_file()}


def test_it_ends_at_once_and_leaves_no_thread(tmp_path: Path) -> None:
    async def main() -> None:
        with trio.fail_after(10):
            stream: Any = files.watch.fn(tmp_path, every=3600)
            with trio.move_on_after(0.1) as scope:
                async for _ in stream:
                    raise AssertionError
            assert scope.cancelled_caught
            await stream.aclose()

    before = {t for t in threading.enumerate() if "Trio" not in t.name}  # Trio keeps its idle ones for some seconds
    trio.run(main)
    assert {t for t in threading.enumerate() if "Trio" not in t.name} == before


def test_what_cannot_be_watched(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("file", "missing"):
        with pytest.raises(OSError, match=place):
            next(iter(files.watch(tmp_path / place)))
    for pattern in ("../*", "a/../b", "/etc/*", ""):
        with pytest.raises(ValueError, match="is no pattern of files in the folder"):
            next(iter(files.watch(tmp_path, pattern)))
    for wrong in ({"every": 0.0}, {"debounce": -1.0}, {"every": float("nan")}):
        with pytest.raises(ValueError, match="debounce is 0 or more seconds"):
            next(iter(files.watch(tmp_path, **wrong)))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").touch()
    stream = iter(files.watch(folder, debounce=0, every=0.01, existing=True))
    assert next(stream) == files.Change(kind="created", path=folder / "a")
    (folder / "a").unlink()
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        next(stream)


def test_links_lead_a_watcher_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("in", "out"):
        Path(name).mkdir()
    Path("out/secret").touch()
    os.symlink("../out", "in/folder-link")
    os.symlink("../out/secret", "in/link")
    os.symlink("gone", "in/nowhere")
    os.symlink(".", "in/loop")
    Path("in/own").touch()
    with under(Permissions.of(["files:in"])):
        stream = iter(files.watch("in", debounce=0, every=0.01, existing=True))
        assert next(stream).path == Path("in/own")
        Path("out/secret").write_text("changed")
        Path("in/zzz").touch()
        assert next(stream).path == Path("in/zzz")
