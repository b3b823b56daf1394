"""A secret is planted wherever a flow can carry it, and looked for in all that a store leaves behind: the folder, byte
by byte and in every form, logs, what commands print, what is told of a failure."""

from __future__ import annotations

import base64
import json
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define

import cflow
from cflow import (
    Engine,
    batched,
    collect,
    context,
    detach,
    flow,
    node,
    parallel,
    race,
    secret,
    transaction,
    wait_signal,
)
from cflow.compiler.secrets import forget
from cflow.executor.suspended import Suspended
from cflow.executor.underway import settle
from cflow.runs.resume import resume

CORE = "SENTINEL-71c0ffee"
WORD = f'zé"\\{CORE}'
"""With what JSON and Python escape. What is looked for is the part that is the same in every way of escaping."""

TOKEN = secret("TOKEN")

STOP: list[str] = []


def forms(text: str) -> dict[str, bytes]:
    """What a text may look like in a file."""
    found = {"plain": text.encode(), "reversed": text[::-1].encode(), "hex": text.encode().hex().encode()}
    found["upper"] = text.upper().encode()
    for code in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        found[code] = text.encode(code)
    for shift in range(3):  # what stands before decides how the letters fall
        whole = base64.b64encode(b"\0" * shift + text.encode())
        found[f"base64+{shift}"] = whole[4:-4]
    return found


def holes(data: bytes) -> list[str]:
    """In which forms the secret is there, whole or in half."""
    return [f"{name} of {part}" for part in (CORE, CORE[:10]) for name, form in forms(part).items() if form in data]


def test_every_form_would_be_found() -> None:
    for shown in (
        WORD.encode(),
        json.dumps(WORD).encode(),
        repr(WORD).encode(),
        WORD.encode("utf-16"),
        base64.b64encode(b"Bearer " + WORD.encode()),
        WORD[::-1].encode(),
        WORD.encode().hex().encode(),
    ):
        assert holes(b"..." + shown + b"...")
    assert not holes(b"nothing of it")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TOKEN", WORD)
    forget()
    STOP.clear()
    yield
    forget()


@define
class Letter:
    to: str
    body: Any


class CarriedError(Exception):
    def __init__(self, message: str, what: Any) -> None:
        super().__init__(message)
        self.what = what


@node(writes="w")
async def send(what: Any, *more: Any, **named: Any) -> str:
    await trio.lowlevel.checkpoint()
    if STOP and STOP[0] == what:
        STOP.clear()
        context()._run.journal.stop("broken off by a test")
    return "sent"


@node(reads="r")
async def carry(how: str, key: str) -> Any:
    """A secret in a value, as plain Python text."""
    await trio.lowlevel.checkpoint()
    text = str(key)
    made: dict[str, Callable[[], Any]] = {
        "text": lambda: text,
        "around": lambda: f"Bearer {text}!",
        "nested": lambda: {"a": [{"b": (text, 1)}]},
        "key": lambda: {text: 1, "x": {f"k{text}": 2}},
        "record": lambda: Letter(text, Letter("x", [text])),
        "bytes": lambda: b"head" + text.encode(),
        "path": lambda: Path("/tmp") / text,
        "set": lambda: {text, "other"},
        "large": lambda: [text, "x" * 100_000],
        "huge": lambda: "x" * 100_000 + text,
        "error": lambda: CarriedError(f"with {text}", text),
        "json": lambda: json.dumps({"a": text}),
        "repr": lambda: repr(text),
    }
    return made[how]()


HOWS = (
    "text", "around", "nested", "key", "record", "bytes", "path", "set", "large", "huge", "error", "json", "repr",
)  # fmt: skip


@node(reads="r", retry=cflow.Retry(1, max=0.001))
async def fail(how: str, key: str) -> str:
    """A secret in an error."""
    await trio.lowlevel.checkpoint()
    text = str(key)
    error: Exception = ValueError(f"bad {text}", text, {text: text})
    if how == "note":
        error = ValueError("noted")
        error.add_note(f"it was {text}")
    elif how == "cause":
        error = RuntimeError("caused")
        error.__cause__ = KeyError(text)
    elif how == "context":
        try:
            raise OSError(2, text, text)
        except OSError:
            raise LookupError("in it") from None
    elif how == "group":
        error = ExceptionGroup(f"all of {text}", [ValueError(text), TypeError("x")])
    elif how == "carried":
        error = CarriedError("carries", Letter(text, {text: [text]}))
    elif how == "unicode":
        error = UnicodeDecodeError("utf-8", text.encode(), 0, 1, f"why {text}")
    raise error


ERRORS = ("message", "note", "cause", "context", "group", "carried", "unicode")


@node(reads="r")
async def stream(key: str, broken: bool) -> Iterator[str]:  # type: ignore[misc]
    yield f"one {key!s}"
    await trio.lowlevel.checkpoint()
    yield f"two {key!s}"
    if broken:
        raise ValueError(f"stream {key!s}")


@node(writes="w")
async def unsend(result: Any, key: str, more: Any) -> None:
    await trio.lowlevel.checkpoint()


@node(writes="w")
async def unsend_badly(result: Any, key: str) -> None:
    await trio.lowlevel.checkpoint()
    raise ValueError(f"undo {key!s}")


@node(reads="r")
async def tell(key: str) -> str:
    await trio.lowlevel.checkpoint()
    context().log.warning("got %s", str(key))
    context().log.warning(f"and {key!s}", exc_info=ValueError(str(key)))
    return "told"


@flow
def carries(how: str) -> Any:
    a = carry(how, TOKEN)
    send("before", TOKEN, a, key=TOKEN)
    send("here", {TOKEN: [a]}, f"Bearer {TOKEN}", TOKEN[6:14])
    return a


@flow
def raises(how: str) -> str:
    try:
        fail(how, TOKEN)
    except Exception:
        send("caught")
        send("here")
    send(fail(how, TOKEN))
    return "not reached"


@flow
def made() -> Any:
    """Made of the secret by the language."""
    send("here", TOKEN)
    return [TOKEN, TOKEN.upper(), TOKEN[::-1], f"x{TOKEN}", TOKEN.split("-"), {"k": TOKEN + "!"}, len(TOKEN)]


@flow
def streams(broken: bool) -> list[str]:
    out = []
    for item in stream(TOKEN, False):
        send("item", item)
        out.append(item)
    send("here")
    for items in batched(stream(TOKEN, broken), 2):
        send("batch", items)
    return out


@flow
def undone() -> str:
    try:
        with transaction():
            send.options(undo=lambda r: unsend(r, TOKEN, [f"Bearer {TOKEN}"]))("a", TOKEN)
            send("here")
            send(fail("message", TOKEN))
    except ValueError as e:
        return str(e)
    return "not reached"


@flow
def undone_badly() -> str:
    with transaction():
        send.options(undo=lambda r: unsend_badly(r, TOKEN))("a", TOKEN)
        send("here")
        send(fail("message", TOKEN))
    return "not reached"


@flow
def child(key: str, fails: bool) -> str:
    send("child", key)
    if fails:
        raise ValueError(f"child {key}")
    return key


@flow
def detaches() -> str:
    detach(child(TOKEN, False))
    detach(child(f"Bearer {TOKEN}", True))
    send("here")
    return "detached"


@flow
def given(key: str, more: dict[str, Any]) -> Any:
    """Gets it as an input, and declares it."""
    send("here", key, TOKEN)
    return [key, more]


@flow
def waits() -> Any:
    send("here")
    answer = wait_signal("go", f"for {TOKEN}", timeout="1ms", default=f"nobody {TOKEN}")
    send(answer)
    return answer


@flow
def many() -> Any:
    won = race(carry("text", TOKEN), carry("around", TOKEN))
    done = collect((fail("message", x) for x in parallel([TOKEN, TOKEN], limit=2)), max_failed=3)
    all_of = [carry("around", f"{x}{TOKEN}") for x in parallel(range(3), limit=3)]
    send("here", won)
    told = tell(TOKEN)
    return [won, done.failed, all_of, told]


PLANTED: dict[str, tuple[Any, tuple[Any, ...]]] = {
    **{f"carries {how}": (carries, (how,)) for how in HOWS},
    **{f"raises {how}": (raises, (how,)) for how in ERRORS},
    "made": (made, ()),
    "streams": (streams, (False,)),
    "streams broken": (streams, (True,)),
    "undone": (undone, ()),
    "undone badly": (undone_badly, ()),
    "detaches": (detaches, ()),
    "given": (given, (WORD, {"k": [WORD], f"Bearer {WORD}": 1})),
    "waits": (waits, ()),
    "many": (many, ()),
}


def everything(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("broken_off", [False, True], ids=["whole", "broken off"])
@pytest.mark.parametrize("name", PLANTED)
def test_a_secret_is_found_nowhere(
    name: str,
    broken_off: bool,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    program, args = PLANTED[name]
    store = tmp_path / "store"
    engine = Engine(store=store)
    if broken_off:
        STOP.append("here")
    told: list[str] = []
    try:
        engine.run(program, *args)
    except (Exception, Suspended) as error:
        told.append(cflow.compiler.secrets.hide(str(error)))
    settle()
    recorder = engine.recorder
    assert recorder is not None
    before = everything(store)
    resume(engine)
    for row in recorder.store.runs(states=("parked",)):
        resume(engine, row.id)
    settle()
    rows = recorder.store.runs()
    assert rows, "nothing was recorded"
    assert broken_off is False or not STOP, "the flow did not come to where it was to be broken off"
    recorder.close()
    after = everything(store)
    assert "store.db" in after
    for when, files in (("before", before), ("after", after)):
        for file, data in files.items():
            assert not holes(data), (when, file, _where(store))
    shown = capfd.readouterr()
    assert not holes((caplog.text + shown.out + shown.err + "".join(told)).encode())
    for record in caplog.records:
        assert not holes(logging.Formatter().format(record).encode())
    for row in rows:
        assert row.state in ("done", "failed", "parked")
        assert not holes(row.reason.encode())


def _where(store: Path) -> list[str]:
    """The columns that hold it, for who reads the failure."""
    found = []
    connection = sqlite3.connect(store / "store.db")
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for row in connection.execute(f"SELECT * FROM {table}"):
            for column in row:
                data = column if isinstance(column, bytes) else str(column).encode()
                if seen := holes(data):
                    found.append(f"{table}: {seen}: {data[:400]!r}")
    connection.close()
    return found


PROGRAM = """
secret TOKEN

flow child(k: str) -> str:
    raise ValueError(f"child {k}")

flow main(key: str) -> str:
    wait_signal("never", f"k{key}") with timeout=1ms, default=False
    a = f"Bearer {TOKEN}"
    raise ValueError(f"bad {a} {key}")
"""


def test_commands_show_it_nowhere(tmp_path: Path) -> None:
    file, store = tmp_path / "p.cflow", tmp_path / "store"
    file.write_text(PROGRAM)
    shown = b""
    environment = {**os.environ, "TOKEN": WORD}
    for words in (
        ["run", f"{file}:main", f"key={WORD}", "--store", str(store)],
        ["run", f"{file}:main", f"key={WORD}", "--store", str(store), "--json"],
        ["runs", "--store", str(store)],
        ["runs", "--store", str(store), "--json"],
        ["resume", "--store", str(store)],
        ["run", f"{file}:main", f"key={WORD}", f"other={WORD}", "--store", str(store)],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "cflow", *words], env=environment, cwd=tmp_path, capture_output=True, check=False
        )
        assert b"Traceback" not in done.stderr
        assert not holes(done.stdout + done.stderr), (words, done.stdout, done.stderr)
        shown += done.stdout + done.stderr
    assert b"<secret>" in shown
    files = everything(store)
    assert "store.db" in files
    for name, data in files.items():
        assert not holes(data), (name, _where(store))
