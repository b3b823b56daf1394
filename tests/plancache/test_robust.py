"""Whatever is wrong with the cache, a command does what it does without one, and says nothing of it."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cflow.plancache import place

PROGRAM = 'flow main(name: str = "world") -> str:\n    return f"hello, {name}"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache, open for this process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("CFLOW_NO_CACHE", raising=False)
    monkeypatch.setattr(place, "command", True)
    return tmp_path / "xdg" / "cflow"


@pytest.fixture(autouse=True)
def program(tmp_path: Path) -> Path:
    (tmp_path / "p.cflow").write_text(PROGRAM)
    return tmp_path / "p.cflow"


def test_a_full_disk_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(b"old", b"payload")
    before = sorted(folder.iterdir())

    class Full:
        def __init__(self, file: int, mode: str) -> None:
            self.file = file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *exc: object) -> None:
            os.close(self.file)

        def write(self, data: bytes) -> None:
            os.write(self.file, data[:5])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(place, "open", Full, raising=False)
    place.write(b"new", b"payload")
    place.write(b"old", b"other")
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent))
    monkeypatch.setattr(place, "command", True)
    assert sorted(folder.iterdir()) == before
    assert place.read(b"new") is None
    assert place.read(b"old") == b"payload"


def test_a_command_on_a_full_disk_says_nothing_of_it(tmp_path: Path, cache: Path) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    for words in (("run", "p.cflow"), ("check", "p.cflow")):
        done = subprocess.run(
            [sys.executable, "-m", "cflow", *words],
            cwd=tmp_path,
            env={**os.environ, "XDG_CACHE_HOME": str(cache.parent)},
            preexec_fn=full,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0
        assert "Error" not in done.stderr
        assert list(cache.iterdir()) == []


def test_commands_at_once_do_not_disturb_one_another(
    tmp_path: Path, cache: Path, cflow: Any, popen: Callable[..., subprocess.Popen[str]]
) -> None:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "XDG_CACHE_HOME": str(cache.parent)}
    line = [sys.executable, "-m", "cflow", "run", "p.cflow", "--json"]
    started = [
        popen(line, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)
    ]
    assert [process.communicate() for process in started] == [('"hello, world"\n', "")] * 4
    assert len(list(cache.iterdir())) == 1
    assert not cflow("run", "p.cflow", "--json").fresh


def test_an_entry_is_read_whole_while_it_is_replaced(folder: Path) -> None:
    payloads = [bytes([n]) * 50_000 for n in range(3)]
    place.write(b"k", payloads[0])
    over = threading.Event()

    def replace() -> None:
        for n in range(150):
            place.write(b"k", payloads[n % 3])
        over.set()

    writer = threading.Thread(target=replace)
    writer.start()
    seen = set()
    while not over.is_set():
        seen.add(place.read(b"k"))
    writer.join()
    assert seen <= set(payloads)
    assert len(list(folder.iterdir())) == 1


def test_an_entry_of_a_newer_form_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "MAGIC", b"cflow plan 99\n")
    place.write(b"k", b"payload")
    assert place.read(b"k") == b"payload"
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent))
    monkeypatch.setattr(place, "command", True)
    assert place.read(b"k") is None


@pytest.mark.parametrize("payload", [b"", b"x", b"i\x01\x00\x00\x00", b"(\x02\x00\x00\x00NN", b"\xff" * 40])
def test_an_entry_that_holds_something_else_is_none(payload: bytes, cflow: Any, cache: Path) -> None:
    want = cflow("run", "p.cflow").seen
    (entry,) = cache.iterdir()
    start = len(place.MAGIC) + place.SUM
    entry.write_bytes(entry.read_bytes()[:start] + place.digest(payload) + payload)
    assert cflow("run", "p.cflow").seen == want


@pytest.mark.parametrize("what", ["folder", "link", "pipe"])
def test_something_else_where_the_entry_should_be(what: str, cflow: Any, cache: Path, tmp_path: Path) -> None:
    want = cflow("run", "p.cflow").seen
    (entry,) = cache.iterdir()
    entry.rename(tmp_path / "kept")
    match what:
        case "folder":
            entry.mkdir()
        case "link":
            entry.symlink_to(tmp_path / "kept")
        case "pipe":
            os.mkfifo(entry)
    assert cflow("run", "p.cflow").seen == want


def test_a_current_folder_that_is_gone(tmp_path: Path, cache: Path) -> None:
    script = (
        "import os, sys\nos.mkdir('gone')\nos.chdir('gone')\nos.rmdir('../gone')\n"
        "from cflow.cli.main import main\nsys.exit(main())"
    )
    done = [
        subprocess.run(
            [sys.executable, "-c", script, "run", str(tmp_path / "p.cflow"), "--json"],
            cwd=tmp_path,
            env={**os.environ, "XDG_CACHE_HOME": str(cache.parent), "CFLOW_NO_CACHE": off},
            capture_output=True,
            text=True,
            check=False,
        )
        for off in ("1", "")
    ]
    assert (done[0].returncode, done[0].stdout, done[0].stderr) == (done[1].returncode, done[1].stdout, done[1].stderr)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act in the home of a user")
def test_root_leaves_nothing_in_the_home_of_a_user(tmp_path: Path, cflow: Any) -> None:
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 12345, -1)
    assert cflow("run", "p.cflow", XDG_CACHE_HOME=str(home / ".cache")).code == 0
    assert list(home.iterdir()) == []
