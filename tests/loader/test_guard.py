"""A program that was loaded with ``allow=``: its grants go with what it imports, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cflow
from cflow import flow
from cflow.stdlib_nodes import files
from cflow.testblocks import run_tests

READ = "import files\n\nflow read(path: str) -> str:\n    return files.read(path)\n"

NODES = """
from collections.abc import AsyncIterator, Iterator
from cflow import context, node, permissions
from cflow.stdlib_nodes import files

@node(reads="files")
def inner(path: str) -> str:
    return files.read.fn(path)

@node(reads="files")
async def asks() -> str:
    return str(permissions())

@node(reads="files")
async def items() -> AsyncIterator[str]:
    for _ in range(2):
        yield str(permissions())

@node(reads="files")
def plain_items() -> Iterator[str]:
    for _ in range(2):
        yield str(permissions())

@node(reads="files")
def who() -> str:
    return f"{context().node} {context().attempt}"

@node(writes="files", undo=asks)
def undone() -> str:
    return "done"

class Shop:
    @staticmethod
    @node(reads="files")
    def asks() -> str:
        return str(permissions())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/in.txt").write_text("inside")
    (tmp_path / "out.txt").write_text("outside")
    (tmp_path / "guard_nodes.py").write_text(NODES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_program_gets_what_was_granted(folder: Path) -> None:
    guest = cflow.loads(READ, allow=["files:./data"])
    assert guest.read.run("data/in.txt") == "inside"
    with pytest.raises(PermissionError, match=r"to reach the file 'out\.txt' \(it was given files:\./data\)"):
        guest.read.run("out.txt")
    assert cflow.loads(READ).read.run("out.txt") == "outside"


def test_a_pack_that_is_named_may_be_imported_and_reaches_nothing(folder: Path) -> None:
    with pytest.raises(PermissionError, match=r"\(it was given nothing\)"):
        cflow.loads(READ, allow=["files"]).read.run("data/in.txt")


def test_a_grant_brings_the_standard_packs_that_ask_for_it(folder: Path) -> None:
    text = "import json, log\n\nflow f() -> Any:\n    log.info('x')\n    return json.loads('1')\n"
    with pytest.raises(cflow.ProgramError) as caught:
        cflow.loads(text, allow=["files:./data"])
    assert caught.value.diagnostics[0].message == "importing 'log' is not allowed here"
    assert cflow.loads(text, allow=["files:./data", "log"]).f.run() == 1


def test_everything_but_private_networks(folder: Path) -> None:
    text = (
        'import files, http\nfrom math import sqrt\nfrom "./guard_nodes.py" import inner\nenv HOME: str = ""\n\n'
        "flow f(path: str) -> list[Any]:\n    return [files.read(path), inner(path), sqrt(4), len(HOME) > 0]\n\n"
        "flow g(url: str) -> int:\n    return http.get(url).status\n"
    )
    own = cflow.loads(text, base=folder, allow=["*", "net:*", "files:/", "env:*"])
    assert own.f.run(str(folder / "out.txt")) == ["outside", "outside", 2.0, True]
    with pytest.raises(PermissionError, match="to reach 127"):
        own.g.run("http://127.0.0.1:1/")


def test_a_grant_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="is no port"):
        cflow.loads(READ, allow=["net:x:y"])
    with pytest.raises(ValueError, match="is no port"):
        cflow.Engine(allow=["net:x:y"])


def test_the_digest_does_not_tell_who_is_trusted(folder: Path) -> None:
    assert cflow.loads(READ).read.digest == cflow.loads(READ, allow=["files:./data"]).read.digest


def test_an_engine_loads_under_its_grants(folder: Path) -> None:
    (folder / "read.cflow").write_text(READ)
    engine = cflow.Engine(allow=["files:./data"])
    guest = engine.load("read.cflow")
    assert engine.run(guest.read, "data/in.txt") == "inside"
    with pytest.raises(PermissionError):
        engine.run(guest.read, "out.txt")


def test_one_graph_with_programs_that_are_trusted_differently(folder: Path) -> None:
    """The same node, called by the host's own flow and by the guest's: each under its own grants."""
    guest = cflow.loads(READ, allow=["files:./data"]).read
    other = cflow.loads(READ, allow=[f"files:{folder}/out.txt"]).read

    @flow
    def both(path: str) -> list[str]:
        return [files.read("out.txt"), guest(path), files.read("out.txt")]

    @flow
    def three() -> list[str]:
        return [guest("data/in.txt"), other("out.txt"), files.read("data/in.txt")]

    @flow
    def crossed() -> list[str]:
        return [guest("data/in.txt"), other("data/in.txt")]

    assert both.run("data/in.txt") == ["outside", "inside", "outside"]
    assert three.run() == ["inside", "outside", "inside"]
    with pytest.raises(PermissionError):
        both.run("out.txt")
    with pytest.raises(PermissionError):
        crossed.run()


def loaded(names: str, body: str, folder: Path, *grants: str) -> Any:
    text = f'from "./guard_nodes.py" import {names}\n\nflow f() -> Any:\n{body}'
    return cflow.loads(text, base=folder, allow=[f"{folder.resolve()}/*.py", *grants]).f


@pytest.mark.parametrize(
    ("names", "body"),
    [
        ("asks", "    return asks()\n"),
        ("asks", "    return (asks() with retry=2, timeout=5s)\n"),
        ("asks", "    xs = for i in range(3) with parallel=2:\n        yield asks()\n    return xs[2]\n"),
        ("items", "    xs = for x in items():\n        yield x\n    return xs[1]\n"),
        ("plain_items", "    xs = for x in plain_items():\n        yield x\n    return xs[1]\n"),
        ("Shop", "    return Shop.asks()\n"),
    ],
)
def test_nodes_of_every_kind_are_called_under_the_grants(names: str, body: str, folder: Path) -> None:
    assert loaded(names, body, folder, "process:git").run() == "process:git"
    assert cflow.permissions().trusted


def test_a_node_that_calls_another_one(folder: Path) -> None:
    inner = "    return inner('out.txt')\n"
    with pytest.raises(PermissionError):
        loaded("inner", inner, folder).run()
    assert loaded("inner", inner, folder, "files:.").run() == "outside"


def test_an_undo_is_called_under_the_grants(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "guard_undo.py").write_text(
        "from cflow import node, permissions\nSEEN = []\n\n"
        "@node(writes='x')\ndef back(r: str) -> None:\n    SEEN.append(str(permissions()))\n\n"
        "@node(writes='x', undo=back)\ndef ahead() -> str:\n    return 'r'\n\n"
        "@node(writes='x')\ndef fail(r: str) -> None:\n    raise ValueError(r)\n\n"
        "@node(reads='y')\ndef seen() -> list[str]:\n    return SEEN\n"
    )
    text = (
        'from "./guard_undo.py" import ahead, fail, seen\n\nflow f() -> None:\n    transaction:\n'
        "        r = ahead()\n        fail(r)\n\nflow g() -> list[str]:\n    return seen()\n"
    )
    guest = cflow.loads(text, base=folder, allow=[f"{folder.resolve()}/*.py", "process:git"])
    with pytest.raises(ValueError, match="r"):
        guest.f.run()
    assert guest.g.run() == ["process:git"]


def test_between_two_items_the_reader_is_who_it_was(folder: Path) -> None:
    (folder / "stream.cflow").write_text(
        'from "./guard_nodes.py" import items\n\nflow f() -> stream[str]:\n    for x in items():\n        yield x\n'
    )
    guest = cflow.load(folder / "stream.cflow", allow=[f"{folder.resolve()}/*.py", "process:git"])
    seen: Iterator[str] = guest.f.run()
    assert [(item, cflow.permissions().trusted) for item in seen] == [("process:git", True)] * 2


def test_a_node_may_ask_for_its_context(folder: Path) -> None:
    assert loaded("who", "    return who()\n", folder).run() == "who 1"


@pytest.mark.parametrize("where", ["call", "flow", "version"])
def test_what_is_cached_is_kept_by_the_grants(where: str, folder: Path) -> None:
    """Who may not read a file does not get what somebody else has read of it."""
    text = {
        "call": READ.replace("files.read(path)", "files.read(path) with cache=1h"),
        "flow": READ.replace("flow read(path: str) -> str:", "flow inner(path: str) -> str with cache=1h:")
        + "\nflow read(path: str) -> str:\n    return inner(path)\n",
        "version": READ.replace("files.read(path)", "inner(path) with cache=1h").replace(
            "import files", 'from "./guard_nodes.py" import inner with version="1"'
        ),
    }[where]
    code = f"{folder.resolve()}/*.py"
    engine = cflow.Engine(store=folder / "store")
    assert engine.run(cflow.loads(text).read, "out.txt") == "outside"
    (folder / "out.txt").write_text("changed")
    assert engine.run(cflow.loads(text).read, "out.txt") == "outside"
    with pytest.raises(PermissionError):
        engine.run(cflow.loads(text, allow=["files:./data", code]).read, "out.txt")
    assert engine.run(cflow.loads(text, allow=["files:.", code]).read, "out.txt") == "changed"


def test_mocks_stand_in_for_nodes_under_grants(folder: Path) -> None:
    text = (
        'test "mocked":\n    mock files.read = "m"\n'
        '    assert read("out.txt") == "m"\n'
        '    assert calls(files.read) == ["out.txt"]\n'
    )
    (folder / "t.cflow").write_text(f"{READ}\n{text}")
    outcomes = run_tests(folder / "t.cflow", allow=["files:./data"])
    assert [o.error for o in outcomes] == [None]


# ---- what the text alone tells -------------------------------------------------------------------

ASKED = [
    ('str(http.get("https://evil.test/x").status)', "the program is not allowed to reach evil.test:443"),
    ('str(http.get(url="http://api.test:81/").status)', "the program is not allowed to reach api.test:81"),
    ('str(http.get("http://[::1]/").status)', "the program is not allowed to reach ::1:80"),
    ('files.read("/etc/passwd")', "the program is not allowed to reach the file '/etc/passwd'"),
    ('files.read("data/../out.txt")', "the program is not allowed to reach the file 'data/../out.txt'"),
    ('"out.txt" |> files.read', "the program is not allowed to reach the file 'out.txt'"),
    ("files.read(PLACE)", "the program is not allowed to reach the file '/srv'"),
    ('str(files.move("data/a", "b"))', "the program is not allowed to reach the file 'b'"),
    ('str(http.get("https://api.test/x").status)', ""),
    ('files.read("data/in.txt")', ""),
    ("files.read(path)", ""),
    ('str(sftp.read(path, "app.conf", known="k"))', ""),
    ('str(sftp.entries(path, "in"))', ""),
    ('str(mail.search(path, "Junk"))', ""),
    ('str(sftp.upload(path, "data/in.txt", "app.conf"))', ""),
    ('str(sftp.download(path, "app.conf", "data/x"))', ""),
    ('str(sftp.upload(path, source="out.txt", path="x"))', "the program is not allowed to reach the file 'out.txt'"),
    ('str(sftp.download(path, "x", "out.txt"))', "the program is not allowed to reach the file 'out.txt'"),
    ('text.slug("/etc/passwd")', ""),
]


@pytest.mark.parametrize(("call", "message"), ASKED)
def test_literal_arguments_are_asked_for_when_a_program_is_checked(call: str, message: str, folder: Path) -> None:
    names = "files, http, mail, sftp, text"
    text = f'import {names}\nconst PLACE: str = "/srv"\n\nflow f(path: str) -> str:\n    return {call}\n'
    allow = ["files:./data", "net:api.test:443", "text"]
    found = [d for d in cflow.check(text, allow=allow) if d.id != "unused-import"]
    assert [d.message.partition(" (")[0] for d in found] == [message] * bool(message)
    assert {(d.id, d.severity, d.span.line) for d in found} == ({("not-granted", "error", 5)} if message else set())
    assert [d for d in cflow.check(text) if d.severity == "error"] == []
    if message:
        with pytest.raises(cflow.ProgramError, match="not-granted"):
            cflow.loads(text, allow=allow)


def test_secrets_and_the_environment_are_granted_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_REGION", "north")
    text = 'secret KEY\nenv APP_REGION: str = "x"\n\nflow f() -> list[str]:\n    return [APP_REGION, KEY]\n'
    found = cflow.check(text, allow=["env:APP_*"])
    assert [(d.id, d.message) for d in found] == [
        ("not-granted", "the program is not allowed to read KEY (it was given env:APP_*)")
    ]
    monkeypatch.setenv("KEY", "k")
    assert cflow.loads(text, allow=["env:APP_*", "env:KEY"]).f.run() == ["north", "k"]


# ---- the command ---------------------------------------------------------------------------------


def run(*words: str) -> int:
    from cflow.cli.main import main

    return main(words)


@pytest.mark.parametrize("verb", ["run", "check", "explain", "test"])
def test_verbs_that_take_grants(verb: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "read.cflow").write_text(READ.replace("path: str", 'path: str = "data/in.txt"'))
    assert run(verb, "read.cflow") == 0
    assert run(verb, "read.cflow", "--allow", "files:data", "--untrusted") == 0
    assert run(verb, "read.cflow", "--untrusted", "--allow", "files:data") == 0
    capsys.readouterr()
    assert run(verb, "read.cflow", "--untrusted") == 2
    captured = capsys.readouterr()
    assert "importing 'files' is not allowed here" in captured.out + captured.err


def test_a_run_that_is_not_trusted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "read.cflow").write_text(READ)
    assert run("run", "read.cflow", "path=out.txt") == 0
    assert run("run", "read.cflow", "path=out.txt") == 0  # from what was kept of the first
    assert capsys.readouterr().out == "outside\n" * 2
    assert run("run", "read.cflow", "path=out.txt", "--allow", "files:data") == 1
    assert "PermissionError" in capsys.readouterr().err
    assert run("run", "read.cflow", "path=data/in.txt", "--allow", "files:data") == 0
    assert capsys.readouterr().out == "inside\n"
    assert run("run", "read.cflow", "path=out.txt") == 0


def test_grants_that_are_none_and_python_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "prog.py").write_text(
        "from cflow import flow\nprint('executed')\n\n@flow\ndef main() -> int:\n    return 1\n"
    )
    assert run("run", "prog.py", "--allow", "net:x:y") == 2
    assert "is no port" in capsys.readouterr().err
    for verb in ("run", "check"):
        assert run(verb, "prog.py", "--untrusted") == 2
        captured = capsys.readouterr()
        assert "a Python file is not restrained" in captured.out + captured.err
        assert "executed" not in captured.out + captured.err
    assert run("run", "prog.py", "--allow", "./prog.py") == 0


def test_a_recorded_run_goes_on_under_its_grants(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who goes on with it stands in another folder, and does not know what was granted."""
    from cflow.runs.programs import _SEEN, find_program, place_of, program_of

    (folder / "read.cflow").write_text(READ)
    guest = cflow.load("read.cflow", allow=["files:./data", "log"]).read
    name = program_of(guest.source)
    assert place_of(name) == f"{folder.resolve()}/read.cflow:read"
    assert program_of(cflow.load("read.cflow").read.source) == place_of(name)
    assert program_of(guest.options(timeout=60).source) == name
    _SEEN.clear()
    monkeypatch.chdir(folder / "data")
    again = find_program(cflow.Engine(), name)
    assert again.run(f"{folder}/data/in.txt") == "inside"
    assert set(again.source.allow) == {
        f"files:{folder.resolve()}/data",
        "log",
    }
    with pytest.raises(PermissionError):
        again.run(f"{folder}/out.txt")


@pytest.mark.parametrize("allow", [None, ["files:./data"]])
def test_a_run_is_repeated_from_the_store_under_its_grants(
    allow: list[str] | None, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cflow.runs.programs import _SEEN

    (folder / "read.cflow").write_text(READ)
    store = str(folder / "store")
    options = [] if allow is None else ["--allow", allow[0]]
    assert run("run", "read.cflow", f"path={folder}/data/in.txt", "--store", store, *options) == 0
    capsys.readouterr()
    assert run("runs", "--store", store, "--json") == 0
    row = json.loads(capsys.readouterr().out)
    assert run("show", row["id"], "--store", store) == 0
    shown = capsys.readouterr().out
    assert "read.cflow:read\n" in shown
    assert "allow" not in shown
    (folder / "data/in.txt").unlink()
    (folder / "data/in.txt").symlink_to("../out.txt")
    _SEEN.clear()
    monkeypatch.chdir(folder / "data")
    assert run("rerun", row["id"], "--store", store) == (0 if allow is None else 1)
    again = capsys.readouterr().out.split()[0]
    run("show", again, "--store", store)
    assert ("outside" if allow is None else "the program is not allowed to reach the file") in capsys.readouterr().out
