"""Recording a flow, standing in for its nodes, and its critical path: all to the number, in virtual time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from cflow import Retry, detach, flow, node, parallel, race, sleep
from cflow.measure import flows as bench
from cflow.measure.flows import Bench, Figures, TooLarge, Wanted, node_times
from cflow.measure.machine import Machine
from cflow.measure.standins import Standins
from cflow.measure.subject import Subject, writers
from cflow.measure.tape import OtherWay, Piece, Player, Recorded, Tape, giver, quickest
from cflow.planner.profile import Profile

CALLS: list[str] = []


@node(reads="orders")
async def fetch(n: int) -> list[int]:
    CALLS.append("fetch")
    await trio.lowlevel.checkpoint()
    return list(range(n))


@node(reads="db")
def look(x: int) -> int:
    CALLS.append("look")
    return x


@node(pure=True)
def crunch(x: int) -> int:
    return 2 * x


@node(writes="db")
def put(x: int) -> int:
    CALLS.append("put")
    return x


@node
def undeclared(x: int) -> int:
    return x


@node(writes="log")
def say(text: str) -> None:
    pass


@node(reads="x")
async def numbers(n: int) -> AsyncIterator[int]:
    for i in range(n):
        await trio.lowlevel.checkpoint()
        yield i


@node(reads="x")
def shaky(x: int) -> int:
    CALLS.append("shaky")
    if CALLS.count("shaky") < 2:
        raise OSError(x)
    return x


@flow
def reads(n: int) -> int:
    xs = fetch(n)
    ys = [look(x) for x in parallel(xs, limit=2)]
    return sum(ys)


@flow
def apart() -> int:
    a = look(1)
    b = look(2)
    return crunch(a) + crunch(b)


@flow
def chosen(n: int) -> int:
    if look(n) > 2:
        return crunch(n)
    return look(0)


@flow
def stream() -> int:
    total = 0
    for i in numbers(4):
        total = total + i
    return total


@flow
def tries() -> int:
    return shaky.options(retry=Retry(1, jitter=False))(7)


@flow
def first() -> int:
    return race(fetch_slow(1), fetch_quick(2))


@node(reads="a")
async def fetch_slow(x: int) -> int:
    await trio.sleep(60)
    return x


@node(reads="b")
async def fetch_quick(x: int) -> int:
    await trio.lowlevel.checkpoint()
    return x


@flow
def pauses() -> int:
    sleep("2s")
    return look(1)


@flow
def writing(n: int) -> int:
    for x in fetch(n):
        put(x)
    return n


@flow
def speaking(x: int) -> int:
    say("hello")
    return undeclared(x)


@flow
def only_says() -> None:
    say("hello")


@flow
def sub(x: int) -> int:
    return crunch(look(x))


@flow
def calls_sub() -> int:
    return sub(1) + sub(2)


@pytest.fixture(autouse=True)
def fresh() -> None:
    CALLS.clear()


def recorded(program: Any, profile: Profile | None = None, **inputs: Any) -> tuple[Subject, Tape]:
    subject = Subject(program, inputs, profile)
    return subject, subject.record()


def profiled(waits: dict[str, float], busy: dict[str, float] | None = None) -> Profile:
    """Times that are exact: so many seconds of waiting, so many of computing."""
    busy = busy or {}
    whole = {op: waits.get(op, 0.0) + busy.get(op, 0.0) for op in {*waits, *busy}}
    return Profile("", "", whole, dict.fromkeys(whole, 1), busy)


# ---- recording -------------------------------------------------------------------------------------------


def test_a_recording_knows_operations_as_events_do_and_what_they_gave() -> None:
    _, tape = recorded(reads, n=3)
    assert tape.calls[0].name == "fetch"
    assert sorted(c.give() for c in tape.calls if c.name == "look" and c.give is not None) == [0, 1, 2]
    rows = {row.name: row for row in node_times(tape)}
    assert (rows["look"].calls, rows["fetch"].calls) == (3, 1)
    assert sum(row.share for row in rows.values()) == pytest.approx(1.0)


def test_sub_flows_have_their_path_in_the_id() -> None:
    seen: list[str] = []
    from cflow import Engine

    Engine(sinks=[lambda event: seen.append(event.node)]).run(calls_sub)
    _, tape = recorded(calls_sub)
    assert {c.op for c in tape.calls} == set(seen) - {""}


def test_an_async_node_computes_less_than_it_waits() -> None:
    @node(reads="x")
    async def both() -> None:
        end = time.perf_counter() + 0.002
        while time.perf_counter() < end:
            pass
        await trio.sleep(0.02)

    @flow
    def program() -> None:
        both()

    _, tape = recorded(program)
    (call,) = tape.calls
    assert call.piece.suspended
    assert 0.002 <= call.piece.busy < call.piece.seconds
    assert call.piece.seconds >= 0.02


def test_what_was_given_is_kept_as_it_was() -> None:
    value = [[1], {"a": [2]}, (3,)]
    give = giver(value)
    value.append(4)  # type: ignore[arg-type]
    one = give()
    one[0].append(9)
    one[1]["a"].append(9)
    assert give() == [[1], {"a": [2]}, (3,)]
    assert giver("text")() == "text"
    assert give() is not give()


# ---- stand-ins -------------------------------------------------------------------------------------------


def test_stand_ins_give_what_was_recorded_and_call_no_node() -> None:
    subject, tape = recorded(writing, n=3)
    assert CALLS == ["fetch", "put", "put", "put"]
    subject.stand_in(tape)
    for _ in range(3):
        assert subject.engine.run(writing, n=3) == 3
    assert CALLS == ["fetch", "put", "put", "put"]


def test_a_stand_in_fails_as_often_as_the_node_did() -> None:
    subject, tape = recorded(tries)
    assert [c.name for c in tape.calls] == ["shaky", "shaky"]
    subject.stand_in(tape)
    for _ in range(2):
        assert subject.standins is not None
        subject.standins.player.rewind()
        assert subject.engine.run(tries) == 7
    assert CALLS == ["shaky", "shaky"]


def test_a_stand_in_takes_the_time_it_should() -> None:
    subject, tape = recorded(apart)
    one, two = (call.op for call in tape.calls if call.name == "look")
    subject.profile = profiled({one: 0.02}, {two: 0.01})
    subject.stand_in(tape)
    began = time.perf_counter()
    subject.run()
    assert time.perf_counter() - began >= 0.02  # bounds that no busy machine can break


def test_another_way_than_the_recorded_one_is_told() -> None:
    subject, tape = recorded(chosen, n=1)
    standins = Standins(tape)
    subject.stand_in(tape)
    assert subject.engine.run(chosen, n=1) == 0
    with pytest.raises(OtherWay, match="--repeat-writes"):
        standins.player.find("nothing", (), {})


def test_calls_are_found_by_their_arguments_then_by_their_order() -> None:
    def call(key: Any, value: int) -> Recorded:
        return Recorded("op", "node", "node", key, 0.0, Piece(0.0, 0.0), lambda: value)

    player = Player(Tape([call((1,), 10), call((2,), 20), call((2,), 21), call((list,), 30), call((list,), 31)]))

    def found(*args: Any) -> int:
        give = player.find("node", args, {}).give
        assert give is not None
        return int(give())

    assert [found(2), found(1), found(2), found(2), found(1)] == [20, 10, 21, 21, 10]
    assert [found([5]), found([6]), found([7])] == [30, 31, 31]
    assert found(99) == 10
    player.rewind()
    assert found(2) == 20


def test_the_least_of_each_call_over_several_recordings() -> None:
    def tape(*seconds: float) -> Tape:
        return Tape([Recorded("op", "n", "n", (i % 2,), float(i), Piece(s, 0.0), None) for i, s in enumerate(seconds)])

    merged = quickest([tape(1, 5, 3), tape(2, 2, 2), tape(4, 9)])
    assert [c.piece.seconds for c in merged.calls] == [1, 2, 2]


# ---- critical path ---------------------------------------------------------------------------------------


def path(program: Any, waits: dict[str, float], busy: dict[str, float] | None = None, **inputs: Any) -> float | None:
    """The critical path of a program, its nodes' times given by the *names* of the nodes."""
    subject, tape = recorded(program, **inputs)
    names = {call.op: call.name for call in tape.calls}
    by_op = lambda times: {op: times[name] for op, name in names.items() if name in times}
    subject.profile = profiled(by_op(waits), by_op(busy or {}))
    subject.standins = Standins(tape, subject.profile)
    return subject.critical_path(tape)


@pytest.mark.parametrize(
    ("program", "waits", "busy", "inputs", "seconds"),
    [
        # fetch, then four looks, two at once
        (reads, {"fetch": 1.0, "look": 2.0}, {}, {"n": 4}, 1.0 + 2 * 2.0),
        # independent readers overlap where they wait, and queue up where they compute
        (apart, {"look": 3.0}, {}, {}, 3.0),
        (apart, {}, {"look": 3.0}, {}, 6.0),
        (apart, {"look": 3.0}, {"crunch": 1.0}, {}, 5.0),
        # the arm that ran counts, the other does not
        (chosen, {"look": 1.0, "crunch": 10.0}, {}, {"n": 3}, 11.0),
        (chosen, {"look": 1.0}, {}, {"n": 1}, 2.0),
        # writers go one after another; so do the flow's own pauses, and those between attempts
        (writing, {"fetch": 1.0, "put": 2.0}, {}, {"n": 3}, 7.0),
        (pauses, {"look": 1.0}, {}, {}, 3.0),
        (tries, {"shaky": 1.0}, {}, {}, 2.1),
        # sub-flows overlap like steps
        (calls_sub, {"look": 1.0, "crunch": 1.0}, {}, {}, 2.0),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_critical_path(
    program: Any, waits: dict[str, float], busy: dict[str, float], inputs: dict[str, Any], seconds: float
) -> None:
    assert path(program, waits, busy, **inputs) == pytest.approx(seconds, abs=0.01)


def test_a_race_takes_as_long_as_its_winner() -> None:
    assert path(first, {"fetch_quick": 2.0}) == pytest.approx(2.0, abs=0.01)


def test_the_items_of_a_stream_take_their_time() -> None:
    subject, tape = recorded(stream)
    (call,) = tape.calls
    assert (call.name, len(call.items or ())) == ("numbers", 5)  # and its end
    assert subject.critical_path(tape) == pytest.approx(call.piece.seconds, abs=0.001)


def test_the_items_of_a_stream_are_stretched_to_the_time_of_a_profile() -> None:
    subject, tape = recorded(stream)
    (call,) = tape.calls
    subject.profile = profiled({call.op: 6.0}, {call.op: 2.0})
    subject.standins = Standins(tape, subject.profile)
    assert subject.critical_path(tape) == pytest.approx(8.0)
    (row,) = node_times(tape, subject.profile)
    assert (row.total, row.busy, row.share) == (8.0, 2.0, 1.0)


def test_a_tape_that_is_full_has_no_critical_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cflow.measure.tape.MOST", 3)
    subject, tape = recorded(reads, n=5)
    assert tape.overflow
    assert subject.critical_path(tape) is None
    assert {row.name: row.calls for row in node_times(tape)}["fetch"] == 1
    assert sum(row.calls for row in node_times(tape)) == 6
    assert sum(row.share for row in node_times(tape)) == pytest.approx(1.0)


# ---- what is run how often -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "names"),
    [(reads, []), (only_says, []), (pauses, []), (speaking, ["undeclared"]), (writing, ["put"])],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_who_may_write(program: Any, names: list[str]) -> None:
    assert writers(Subject(program, {}).graph) == names


def measured(program: Any, wanted: Wanted, **inputs: Any) -> tuple[Bench, list[str]]:
    said: list[str] = []
    measure = Bench(Subject(program, inputs, wanted.profile), wanted, said.append)
    measure.prepare()
    measure.repeats = 1
    measure.rounds()
    return measure, said


def test_a_flow_that_writes_writes_once() -> None:
    measure, said = measured(writing, Wanted(rounds=3, warm_up=2), n=2)
    assert CALLS.count("put") == 2
    assert (measure.mode, len(measure.samples)) == ("stand-ins", 3)
    assert said == ["put may write: run once for real, then with stand-ins (--repeat-writes runs it each time)"]
    measure.figures()
    assert CALLS.count("put") == 2


@node(reads="db", cache=True)
async def kept(x: int) -> int:
    CALLS.append("kept")
    await trio.sleep(0.05)
    return x


@flow
def keeping(n: int) -> int:
    return kept(n) + look(n)


def test_what_is_kept_is_called_once_and_is_in_no_critical_path() -> None:
    measure, said = measured(keeping, Wanted(rounds=3, warm_up=2), n=2)
    assert CALLS.count("kept") == 2, "once for the recording, once in the engine that is measured"
    assert said == ["results of kept are kept: called in the first run, and found by those that are measured"]
    found = measure.figures()
    assert found.critical is not None
    assert found.critical < 0.04
    assert {row.node: (row.calls, row.total > 0) for row in found.nodes} == {"kept": (0, False), "look": (1, True)}
    assert CALLS.count("kept") == 2


DETACHED: list[str] = []


@node(writes="detached", runs="thread")
def slowly() -> str:
    time.sleep(0.02)
    DETACHED.append("done")
    return "done"


@flow
def beside() -> str:
    return slowly()


@flow
def starts_another() -> None:
    detach(beside())


def test_flows_that_are_detached_are_waited_for() -> None:
    DETACHED.clear()
    subject = Subject(starts_another, {})
    tape = subject.record()
    assert DETACHED == ["done"]
    assert [call.name for call in tape.calls] == ["slowly"]
    assert subject.critical_path(tape) is None
    subject.stand_in(tape)
    subject.run()
    assert DETACHED == ["done"]


def test_unless_it_is_told_to_write_each_time() -> None:
    measure, said = measured(writing, Wanted(rounds=3, warm_up=2, repeat_writes=True), n=2)
    assert (measure.mode, said) == ("real", [])
    assert CALLS.count("put") >= 2 * (1 + 2 + 3)


def test_a_flow_that_reads_runs_for_real() -> None:
    measure, said = measured(reads, Wanted(rounds=2, warm_up=1), n=2)
    assert (measure.mode, said) == ("real", [])
    assert CALLS.count("fetch") >= 4


def test_a_flow_too_large_to_record_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cflow.measure.tape.MOST", 3)
    with pytest.raises(TooLarge, match="too many"):
        measured(writing, Wanted(rounds=1), n=9)
    assert CALLS.count("put") == 9


def test_the_figures_add_up(tmp_path: Path) -> None:
    measure, _ = measured(reads, Wanted(rounds=3, warm_up=0), n=2)
    figures = measure.figures()
    assert figures.warm_up == 1  # one in any case, to know how long a run is
    assert figures.critical is not None
    assert figures.overhead == pytest.approx(figures.time.median - figures.critical)
    assert set(figures.profile.seconds) == {row.node for row in figures.nodes}
    assert figures.memory > 0
    assert figures.digest == reads.digest


# ---- comparing -------------------------------------------------------------------------------------------


def figures_with(seconds: float, pace: float = 1.0) -> Figures:
    """Twenty samples about ``seconds``, on a machine that is ``pace`` times as slow as usual."""
    samples = tuple(seconds * (1 + 0.002 * i) for i in range(-10, 10))
    yardsticks = (0.001 * pace,) * 20
    return Figures("f", "d", "real", samples, yardsticks, 1, 1, None, 0, (), profiled({}), Machine("p", 2, "s", "v"))


@pytest.mark.parametrize(
    ("now", "pace", "verdict"),
    [
        (1.0, 1.0, "no loss"),
        (1.3, 1.0, "loss"),
        (0.7, 1.0, "no loss"),
        (1.1, 1.0, "unclear"),
        # the whole machine is slower: that the flow is too says nothing
        (1.3, 1.3, "unclear"),
        (1.3, 0.9, "loss"),
    ],
)
def test_a_loss_is_clear_only_where_the_machine_does_not_explain_it(now: float, pace: float, verdict: str) -> None:
    then = figures_with(1.0)
    assert bench.compare(figures_with(now, pace), then, 0.1).verdict == verdict


def test_figures_that_are_not_comparable_decide_nothing() -> None:
    then = figures_with(1.0)
    other = evolve(then, machine=evolve(then.machine, processor="another"))
    found = bench.compare(figures_with(5.0), other, 0.1)
    assert (found.verdict, found.foreign) == ("unclear", True)
    found = bench.compare(figures_with(5.0), evolve(then, mode="stand-ins"), 0.1)
    assert (found.verdict, found.foreign) == ("unclear", True)
    found = bench.compare(figures_with(5.0), evolve(then, digest="other"), 0.1)
    assert (found.verdict, found.notes) == ("loss", ("the flow has changed since the baseline",))


def test_measuring_goes_on_until_it_is_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    then = figures_with(1.0)
    measure, _ = measured(apart, Wanted(rounds=2, warm_up=0))
    measure.samples, measure.yardsticks = [1.0, 1.4], [0.001, 0.001]

    def round() -> float:
        measure.samples.append(1.0)
        measure.yardsticks.append(0.001)
        return 1.0

    monkeypatch.setattr(Bench, "round", lambda self: round())
    measure.until_clear(then, 0.1)
    assert 2 < len(measure.samples) <= 2 * bench.PATIENCE
