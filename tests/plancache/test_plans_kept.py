"""Kept plans and findings: one outcome with a warm cache, a cold one and none; and who is trusted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import cflow as package
from cflow.plancache import place

EXAMPLES = Path(package.__file__).parent / "examples"

NODES = """
import os
from cflow import node

LIMIT = int(os.environ.get("LIMIT", "3"))

@node(pure=True)
def greet(name: str) -> str:
    return f"hello, {name}"

@node(pure=True)
def count(name: str) -> int:
    return len(name) if name != "liar" else name

@node(pure=True)
def fail(name: str) -> str:
    raise ValueError(f"no {name}")

@node(pure=True)
def stop(name: str) -> str:
    import signal
    signal.raise_signal(signal.SIGINT)
    return name

@node(reads="clock")
async def stop_later(name: str) -> str:
    import signal, trio
    signal.raise_signal(signal.SIGINT)
    await trio.sleep(5)
    return name

@node(reads="clock")
async def fail_later(name: str) -> str:
    raise ValueError(f"no {name}, later")

@node(reads="clock")
async def lie_later(name: str) -> int:
    return name

@node(writes="out")
def shout(name: str) -> None:
    print("shouted", name)

@node(reads="clock")
async def later(name: str) -> str:
    return f"later, {name}"

def context(name: str) -> str:
    import cflow
    return cflow.context().node
"""

PROGRAM = """
from "./nodes.py" import greet, count, fail, later, context, LIMIT
from "./nodes.py" import stop, stop_later, fail_later, lie_later, shout

env REGION: str = "north"
secret TOKEN

flow good(name: str = "world") -> str:
    return greet(name)

flow typed(n: int = 2) -> int:
    return n + LIMIT

flow promise(name: str = "liar") -> int:
    return count(name)

flow broken(name: str = "luck") -> str:
    kept = greet(name)
    return fail(kept)

flow waits(name: str = "world") -> str:
    a = later(name)
    b = later("b")
    return a + b

flow asks() -> str:
    return context("x")

flow stops(name: str = "x") -> str:
    return stop(name)

flow stops_later(name: str = "x") -> str:
    return stop_later(name)

flow fails_later(name: str = "x") -> str:
    return fail_later(name)

flow lies_later(name: str = "x") -> int:
    return lie_later(name)

flow one_later(id: str = "x") -> str:
    return later(id)

flow named(id: str, list: str = "l") -> str:
    return greet(id + list)

flow region() -> str:
    return greet(REGION)

flow token() -> str:
    return fail(TOKEN)

flow whisper(name: str) -> None:
    shout(name)

flow shouts(name: str) -> None:
    shout(name)
    detach whisper(name)

flow items(name: str) -> stream[str]:
    for letter in ["a", "b"]:
        yield greet(name + letter)

test "greets":
    assert good("Ann") == "hello, Ann"
"""


@pytest.fixture(autouse=True)
def program(tmp_path: Path) -> Path:
    (tmp_path / "nodes.py").write_text(NODES)
    (tmp_path / "p.cflow").write_text(PROGRAM)
    (tmp_path / "wrong.cflow").write_text("flow main(n: int):\n    x = n +\n    return m\n")
    (tmp_path / "given.json").write_text('{"name": "Bob"}')
    (tmp_path / "raises.py").write_text("print('once')\nraise RuntimeError('not today')\n")
    (tmp_path / "imports.cflow").write_text('from "./raises.py" import f\n\nflow main():\n    return f(1)\n')
    (tmp_path / "warned.cflow").write_text("flow main(n: int) -> int:\n    unused = n + 1\n    return n\n")
    return tmp_path / "p.cflow"


LINES = [
    *(("run", f"p.cflow:{flow}") for flow in ("good", "typed", "promise", "broken", "waits", "asks", "absent")),
    ("run", "p.cflow:good", "--json"),
    ("run", "p.cflow:good", "--events"),
    ("run", "p.cflow:one_later", "--events", "id=7"),
    ("run", "p.cflow:good", "--input", "given.json"),
    ("run", "p.cflow:good", "--limit", "1"),
    *(
        ("run", f"p.cflow:{flow}", *form)
        for flow in ("stops", "stops_later", "fails_later", "lies_later", "one_later", "token")
        for form in ((), ("--json",))
    ),
    ("run", "p.cflow:named", "id=5"),
    ("run", "p.cflow:named", "list=5"),
    ("run", "p.cflow:named", "id=5", "id=6"),
    ("run", "p.cflow:region"),
    ("run", "p.cflow:shouts", "name=x", "--json"),
    ("run", "p.cflow:items", "name=x", "--json"),
    ("test", "p.cflow"),
    ("run", "p.cflow:broken", "--json"),
    ("run", "p.cflow:good", "name=Ada"),
    ("run", "p.cflow:good", "nme=Ada"),
    ("run", "p.cflow:good", "Ada"),
    ("run", "p.cflow:typed", "n=5"),
    ("run", "p.cflow:typed", "n=five"),
    ("run", "p.cflow"),
    ("run", "wrong.cflow"),
    ("run", "imports.cflow"),
    ("run", "nowhere.cflow"),
    *(
        ("check", file)
        for file in ("p.cflow", "wrong.cflow", "imports.cflow", "nowhere.cflow", "warned.cflow", "nodes.py")
    ),
    ("check", "p.cflow", "wrong.cflow", "--json"),
    ("check", "p.cflow", "--advice"),
    *(("check", str(path)) for path in sorted(EXAMPLES.glob("*.cflow"))),
    *(("run", str(EXAMPLES / f"{name}.cflow")) for name in ("hello", "stream")),
    # Where steps overlap, the lines about their progress come in another order each time: without them.
    *(("run", str(EXAMPLES / f"{name}.cflow"), "--json") for name in ("orders", "quakes")),
    ("run", str(EXAMPLES / "crawl.cflow"), "limit=2", "--json"),
]


GIVEN = {"TOKEN": "s3cret", "REGION": "south"}


@pytest.mark.parametrize("words", LINES, ids=lambda words: "-".join(Path(w).name for w in words))
def test_the_outcome_is_the_same_with_a_warm_cache_a_cold_one_and_none(
    words: tuple[str, ...], cflow: Any, long: bool
) -> None:
    if LINES.index(words) % 3 and not long:
        pytest.skip("a third of the lines unless --long is given: each takes three processes")
    none = cflow(*words, CFLOW_NO_CACHE="1", **GIVEN)
    cold = cflow(*words, **GIVEN)
    warm = cflow(*words, **GIVEN)
    assert none.seen == cold.seen == warm.seen
    assert "s3cret" not in warm.err
    assert "engine-bug" not in none.err


def hits(cflow: Any, *words: str) -> bool:
    return not cflow(*words).fresh


@pytest.mark.parametrize("flow", ["good", "typed", "broken", "waits", "one_later", "stops", "fails_later"])
def test_a_second_run_neither_reads_nor_checks(flow: str, cflow: Any) -> None:
    assert cflow("run", f"p.cflow:{flow}").fresh
    assert hits(cflow, "run", f"p.cflow:{flow}")


def test_a_second_run_of_what_does_not_wait_needs_no_trio(cflow: Any) -> None:
    assert "cflow.executor.link" in cflow("run", "p.cflow:good").modules
    warm = cflow("run", "p.cflow:good").modules
    assert not warm & {"trio", "lark", "cflow.compiler.ir", "cflow.executor.link", "cflow.engine"}


def test_a_second_run_of_what_awaits_one_call_needs_neither_graph_nor_linker(cflow: Any) -> None:
    assert "cflow.executor.link" in cflow("run", "p.cflow:one_later").modules
    warm = cflow("run", "p.cflow:one_later")
    assert warm.out == "later, x\n"
    assert "trio" in warm.modules
    assert not warm.modules & {"lark", "cflow.compiler.ir", "cflow.executor.link", "cflow.engine", "cflow.dsl.hints"}


def test_a_second_check_imports_nothing(cflow: Any) -> None:
    assert cflow("check", "p.cflow").fresh
    assert not cflow("check", "p.cflow").modules & {"cflow.compiler", "cflow.dsl", "lark"}


@pytest.mark.parametrize("file", ["p.cflow", "nodes.py"])
def test_a_changed_file_is_read_again(file: str, program: Path, cflow: Any) -> None:
    changed = program.parent / file
    assert cflow("run", "p.cflow:good").out == "hello, world\n"
    stat = changed.stat()
    changed.write_text(changed.read_text().replace("world", "earth").replace("hello", "salve"))
    os.utime(changed, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # the time of change says nothing
    assert cflow("run", "p.cflow:good").out in ("hello, earth\n", "salve, world\n")


def test_a_module_that_an_imported_file_imports_counts_too(program: Path, cflow: Any) -> None:
    helper = program.parent / "helper.py"
    helper.write_text("def text(name: str) -> str:\n    return 'a ' + name\n")
    (program.parent / "uses.py").write_text("from helper import text\n")
    (program.parent / "u.cflow").write_text(
        'from "./uses.py" import text with pure=True\n\nflow main():\n    return text("b")\n'
    )
    assert cflow("run", "u.cflow").out == "a b\n"
    assert hits(cflow, "run", "u.cflow")
    helper.write_text("def text(name: str) -> str:\n    return 'the ' + name\n")
    done = cflow("run", "u.cflow")
    assert done.fresh
    assert done.out == "the b\n"


def test_what_a_file_computes_when_it_is_imported_is_compared(cflow: Any) -> None:
    assert cflow("run", "p.cflow:typed").out == "5\n"
    assert cflow("run", "p.cflow:typed", LIMIT="10").out == "12\n"
    assert cflow("run", "p.cflow:typed").out == "5\n"


def test_no_entry_holds_a_secret_or_a_value_of_the_environment(cflow: Any, cache: Path) -> None:
    for flow in ("token", "region"):
        cflow("run", f"p.cflow:{flow}", TOKEN="s3cret-value", REGION="s0uth-value")
    entries = [entry.read_bytes() for entry in cache.iterdir()]
    assert len(entries) == 2
    assert not any(b"s3cret-value" in entry or b"s0uth-value" in entry for entry in entries)


# ---- who is trusted --------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["folder", "entry"])
def test_what_others_can_write_to_is_not_read(where: str, cflow: Any, cache: Path) -> None:
    cflow("run", "p.cflow:good")
    for path in [cache] if where == "folder" else list(cache.iterdir()):
        path.chmod(0o777)
    assert not hits(cflow, "run", "p.cflow:good")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("where", ["folder", "entry"])
def test_what_belongs_to_somebody_else_is_not_read(where: str, cflow: Any, cache: Path) -> None:
    cflow("run", "p.cflow:good")
    for path in [cache] if where == "folder" else list(cache.iterdir()):
        os.chown(path, 12345, -1)
    assert not hits(cflow, "run", "p.cflow:good")


def test_a_link_is_not_followed(cflow: Any, cache: Path, tmp_path: Path) -> None:
    cflow("run", "p.cflow:good")
    shutil.move(cache, tmp_path / "elsewhere")
    cache.symlink_to(tmp_path / "elsewhere")
    assert not hits(cflow, "run", "p.cflow:good")


def test_a_damaged_entry_is_written_anew(cflow: Any, cache: Path) -> None:
    cflow("run", "p.cflow:good")
    (entry,) = cache.iterdir()
    whole = entry.read_bytes()
    for damaged in (b"", whole[:20], whole[:-1], whole[:-5] + b"x" + whole[-4:], b"x" + whole):
        entry.write_bytes(damaged)
        done = cflow("run", "p.cflow:good")
        assert done.fresh
        assert done.out == "hello, world\n"
        assert hits(cflow, "run", "p.cflow:good")


def test_an_entry_under_another_name_is_no_entry(cflow: Any, cache: Path) -> None:
    cflow("run", "p.cflow:good")
    (good,) = cache.iterdir()
    cflow("run", "p.cflow:asks")
    (asks,) = set(cache.iterdir()) - {good}
    shutil.copyfile(good, asks)
    assert cflow("run", "p.cflow:asks").out == "context\n"


@pytest.mark.parametrize("home", ["file", "nowhere", "closed"])
def test_without_a_place_for_it_there_is_no_cache(home: str, cflow: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = {"file": tmp_path / "file", "nowhere": "/proc/nowhere", "closed": "/dev/full"}[home]
    assert cflow("run", "p.cflow:good", XDG_CACHE_HOME=str(path)).out == "hello, world\n"
    assert cflow("run", "p.cflow:good", XDG_CACHE_HOME=str(path)).fresh


def test_it_can_be_switched_off(cflow: Any, cache: Path) -> None:
    assert cflow("run", "p.cflow:good", CFLOW_NO_CACHE="1").out == "hello, world\n"
    assert not cache.exists()


def test_the_folder_is_private_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("CFLOW_NO_CACHE", raising=False)
    monkeypatch.setattr(place, "command", True)
    monkeypatch.setattr(place, "MAX_ENTRIES", 3)
    for number in range(5):
        place.write(b"%d" % number, b"payload")
        newest = max((tmp_path / "xdg" / "cflow").iterdir(), key=lambda p: p.stat().st_mtime_ns)
        os.utime(newest, ns=(0, number * 10**9))
    assert [place.read(b"%d" % number) for number in range(5)] == [None, None, b"payload", b"payload", b"payload"]
    assert (tmp_path / "xdg" / "cflow").stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (tmp_path / "xdg" / "cflow").iterdir())
