"""``once`` in a store: one run does it, whatever breaks off, and all others have its value."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import trio
from engines_kit import Make

from cflow import Engine, context, flow, node, parallel, secret, transaction
from cflow.executor.suspended import Suspended
from cflow.runs.resume import resume
from cflow.store.failures import StoreError
from cflow.store.port import SetRun, TakeRun
from cflow.store.tickets import commit_now

LOG: list[Any] = []
STOP: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()
    STOP.clear()


def store_of(engine: Engine) -> Any:
    assert engine.recorder is not None
    return engine.recorder.store


def state(engine: Engine, number: int = 0) -> str:
    return str(store_of(engine).runs()[number].state)


def _stop_here(what: str) -> None:
    if STOP.get("at") == what:
        STOP.clear()
        context()._run.journal.stop("broken off by a test")


@node(writes="ledger")
async def unbook(text: str) -> None:
    LOG.append(f"-{text.split()[0]}")
    _stop_here(LOG[-1])
    await trio.lowlevel.checkpoint()


@node(writes="ledger", undo=unbook)
async def book(text: str) -> str:
    LOG.append(text)
    STOP["journal"] = context()._run.journal
    _stop_here(text)
    await trio.lowlevel.checkpoint()
    if STOP.get("fails") == text:
        STOP.clear()
        raise ValueError(text)
    return f"{text} {len(LOG)}"


@flow
def once_a_day(day: str) -> str:
    return book.options(once=f"etl:{day}")("fee")


def test_all_runs_and_engines_have_the_one_value(engines: Make) -> None:
    first = engines()
    assert first.run(once_a_day, "mon") == "fee 1"
    assert first.run(once_a_day, "tue") == "fee 2"
    assert first.run(once_a_day, "mon") == "fee 1"
    assert engines().run(once_a_day, "tue") == "fee 2"
    assert LOG == ["fee"] * 2


def test_what_has_failed_is_done_by_the_next_one(engines: Make) -> None:
    engine = engines()
    STOP["fails"] = "fee"
    with pytest.raises(ValueError, match="fee"):
        engine.run(once_a_day, "mon")
    assert engines().run(once_a_day, "mon") == "fee 2"
    assert engine.run(once_a_day, "mon") == "fee 2"


def test_what_a_run_was_broken_off_in_stays_its_own(engines: Make) -> None:
    engine = engines()
    STOP["at"] = "fee"
    with pytest.raises(Suspended):
        engine.run(once_a_day, "mon")
    run = store_of(engine).runs()[0].id
    with pytest.raises(RuntimeError, match=f"{run} has begun what is done once under '.*etl:mon', and is parked"):
        engines().run(once_a_day, "mon")
    resume(engine, run)
    assert store_of(engine).run(run).state == "done"
    assert engines().run(once_a_day, "mon") == "fee 2"
    assert LOG == ["fee"] * 2  # the one that was under way is made again


def test_what_a_cancelled_run_had_begun_is_free(engines: Make) -> None:
    engine = engines()
    STOP["at"] = "fee"
    with pytest.raises(Suspended):
        engine.run(once_a_day, "mon")
    run = store_of(engine).runs()[0].id
    commit_now(store_of(engine), [SetRun(run, "", state="cancelled")])
    assert engines().run(once_a_day, "mon") == "fee 2"


def test_what_is_settled_but_not_recorded_is_not_done_again(engines: Make) -> None:
    def listens(event: Any) -> None:
        if event.what == "done" and event.kind == "node" and "journal" in STOP:
            STOP.pop("journal").stop("broken off by a test")

    engine = engines(sinks=[listens])
    with pytest.raises(Suspended):
        engine.run(once_a_day, "mon")
    row = store_of(engine).runs()[0]
    assert row.state == "parked"
    assert LOG == ["fee"]
    resume(engine, row.id)
    row = store_of(engine).run(row.id)
    assert row.state == "done"
    assert engine.recorder is not None
    assert engine.recorder.codec(engine.compiled(once_a_day), {}).decode(row.result) == "fee 1"
    assert LOG == ["fee"]


@node(writes="ledger")
async def lose() -> None:
    """Somebody else takes the run over, who takes this process for dead."""
    engine = STOP["engine"]
    store = store_of(engine)
    commit_now(store, [TakeRun(context().run, engine.recorder.owner.id, "other")])


@flow
def once_after_it_is_lost() -> str:
    step("first")
    lose()
    try:
        return book.options(once="fee")("fee")
    except Exception:
        return "caught"


def test_who_has_lost_the_run_does_nothing_once(engines: Make) -> None:
    engine = STOP["engine"] = engines()
    with pytest.raises(Suspended, match="belongs to other by now"):
        engine.run(once_after_it_is_lost)
    assert LOG == ["first"]


# ---- transactions -------------------------------------------------------------------------------------------------


@node(writes="ledger")
async def step(what: str) -> str:
    LOG.append(what)
    _stop_here(what)
    if STOP.get("fails") == what:
        STOP.clear()
        raise ValueError(what)
    return what


@flow
def booked(day: str) -> str:
    with transaction():
        b = book.options(once=day)("fee")
        step("inside")
    step("after")
    return b


def test_what_is_undone_was_not_done(engines: Make) -> None:
    engine = engines()
    STOP["fails"] = "inside"
    with pytest.raises(ValueError, match="inside"):
        engine.run(booked, "mon")
    assert LOG == ["fee", "inside", "-fee"]
    assert engines().run(booked, "mon") == "fee 4"
    assert engine.run(booked, "mon") == "fee 4"
    assert LOG.count("fee") == 2


@pytest.mark.parametrize("at", ["fee", "inside", "after"])
def test_a_transaction_that_goes_on_settles_what_it_did(engines: Make, at: str) -> None:
    engine = engines()
    STOP["at"] = at
    with pytest.raises(Suspended):
        engine.run(booked, "mon")
    if at != "after":
        with pytest.raises(RuntimeError, match="is parked"):
            engines().run(booked, "mon")
    run = store_of(engine).runs()[-1].id
    resume(engine, run)
    assert store_of(engine).run(run).state == "done"
    done = LOG.count("fee")
    assert done == (2 if at == "fee" else 1)
    engines().run(booked, "mon")
    assert LOG.count("fee") == done
    assert LOG.count("-fee") == 0


@flow
def booked_in_vain(day: str) -> str:
    with transaction():
        b = book.options(once=day)("fee")
        step("inside")
        raise ValueError("in vain")
    return b


@pytest.mark.parametrize("at", ["inside", "-fee"])
def test_a_transaction_that_goes_on_undoes_what_it_did(engines: Make, at: str) -> None:
    engine = engines()
    STOP["at"] = at
    with pytest.raises(Suspended if at == "inside" else ValueError):
        engine.run(booked_in_vain, "mon")
    assert state(engine) == "parked"
    run = store_of(engine).runs()[-1].id
    resume(engine, run)
    assert store_of(engine).run(run).state == "failed"
    assert LOG.count("-fee") == (2 if at == "-fee" else 1)
    LOG.clear()
    assert engines().run(booked, "mon") == "fee 1"


@flow
def shares_after_it_goes_on(day: str) -> list[str]:
    with transaction():
        a = book.options(once=day)("fee")
        step("inside")
        b = book.options(once=day)("fee")
    c = book.options(once=day)("fee")
    return [a, b, c]


def test_a_run_that_goes_on_knows_what_it_did_itself(engines: Make) -> None:
    engine = engines()
    STOP["at"] = "inside"
    with pytest.raises(Suspended):
        engine.run(shares_after_it_goes_on, "mon")
    run = store_of(engine).runs()[-1].id
    resume(engine, run)
    assert store_of(engine).run(run).state == "done"
    assert LOG.count("fee") == 1


# ---- flows --------------------------------------------------------------------------------------------------------


@flow
def etl(day: str) -> list[str]:
    a = step("extract")
    b = step("transform")
    c = step("load")
    return [a, b, c, day]


@flow
def nightly(day: str) -> list[str]:
    return etl.options(once=f"etl:{day}")(day)


@pytest.mark.parametrize("at", ["extract", "transform", "load"])
def test_a_flow_that_goes_on_is_done_once(engines: Make, at: str) -> None:
    engine = engines()
    STOP["at"] = at
    with pytest.raises(Suspended):
        engine.run(nightly, "mon")
    with pytest.raises(RuntimeError, match="is parked"):
        engines().run(nightly, "mon")
    resume(engine, store_of(engine).runs()[-1].id)
    assert engines().run(nightly, "mon") == ["extract", "transform", "load", "mon"]
    assert sorted(LOG) == sorted(["extract", "transform", "load", at])


# ---- at once ------------------------------------------------------------------------------------------------------


def test_no_run_is_on_disk_before_its_owner(engines: Make) -> None:
    """Else it would be taken for one whose process is gone. The first run's beginning may be written after others'."""
    engine = engines()
    assert engine.recorder is not None
    recorder = engine.recorder
    compiled = engine.compiled(once_a_day)
    begun = [recorder.begin(compiled, "program", {"day": "mon"}, {}) for _ in range(2)]
    commit_now(recorder.store, begun[1].keeper.unit(0, []))
    (row,) = recorder.store.runs()
    assert row.owner in {owner.id for owner in recorder.store.owners()}


@flow
def crowd(n: int) -> list[str]:
    return [once_a_day("mon") for _ in parallel(range(n), limit=n)]


def test_many_at_once_do_it_once(engines: Make) -> None:
    made = [engines() for _ in range(3)]
    found: list[Any] = []
    threads = [threading.Thread(target=lambda e=engine: found.append(e.run(crowd, 5))) for engine in made for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["fee 1"] * 5] * 6
    assert LOG == ["fee"]


MEET = threading.Barrier(2)


@node(writes="ledger", runs="thread")
def meet() -> None:
    """Until both are here."""
    MEET.wait(30)


@flow
def in_an_order(first: str, second: str) -> list[str]:
    with transaction():
        a = book.options(once=first)("a")
        meet()
        b = book.options(once=second)("b")
        return [a, b]


def test_transactions_of_two_processes_that_wait_for_one_another_are_told(engines: Make) -> None:
    """Two engines share nothing but the store, as two processes."""
    answers: list[Any] = []

    def go(engine: Engine, first: str, second: str) -> None:
        try:
            answers.append(engine.run(in_an_order, first, second))
        except RuntimeError as error:
            answers.append(error)

    threads = [threading.Thread(target=go, args=(engines(), *keys)) for keys in (("x", "y"), ("y", "x"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    told = [answer for answer in answers if isinstance(answer, RuntimeError)]
    assert len(answers) == 2
    assert told
    assert "wait for one another" in str(told[0])
    assert LOG.count("a") + LOG.count("b") - LOG.count("-a") - LOG.count("-b") == 2 * (2 - len(told))


# ---- what cannot be stored ----------------------------------------------------------------------------------------


@node(pure=True, runs="loop")
def handle() -> Any:
    LOG.append("made")
    return threading.Lock()


@flow
def opened() -> Any:
    return handle()


@flow
def opens() -> int:
    return len([opened.options(once="handle")()])


def test_what_cannot_be_stored_is_an_error_and_not_done_twice(engines: Make) -> None:
    engine = engines()
    with pytest.raises(StoreError, match="has no stored form"):
        engine.run(opens)
    assert LOG == ["made"]


TOKEN = secret("ONCE_TEST_TOKEN")


@flow
def once_for_a_secret() -> str:
    return book.options(once=TOKEN)("fee")


def test_a_secret_in_a_key_is_not_stored(engines: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONCE_TEST_TOKEN", "sentinel-77291")
    engine = engines()
    assert engine.run(once_for_a_secret) == engines().run(once_for_a_secret) == "fee 1"
    files = [file for file in (tmp_path / "store").rglob("*") if file.is_file()]
    assert len(files) >= 2
    assert not any(b"sentinel-77291" in file.read_bytes() for file in files)
