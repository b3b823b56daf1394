"""``--profile FILE``: what nodes took is kept between runs, decides the order, and is expected by explain."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from cflow.cli.main import main
from cflow.measure import documents
from cflow.planner.profile import load

NODES = """
import trio
from collections.abc import AsyncIterator
from cflow import node

@node(reads="a")
async def slow(x: int) -> int:
    await trio.sleep(0.05)
    return x

@node(reads="b")
async def quick(x: int) -> int:
    return x

@node(reads="c")
async def late(x: int) -> int:
    return x + 1

@node(reads="d", cache="1h")
async def kept(x: int) -> int:
    with open("kept", "a") as file:
        file.write("x")
    return x
"""
PROGRAM = """
from "./nodes_of_profiles.py" import slow, quick, late, kept

flow main(n: int) -> int:
    a = quick(n)
    b = slow(n)
    return a + b

flow items(n: int) -> stream[int]:
    for i in range(n):
        yield slow(i)

flow other(n: int) -> int:
    return late(n)

flow loops(n: int) -> int:
    total = 0
    for i in range(n):
        total = total + slow(i)
    return total

flow apart(n: int) -> int:
    detach loops(1)
    return n

flow cached(n: int) -> int:
    return kept(n)
"""


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nodes_of_profiles.py").write_text(NODES)
    (tmp_path / "p.cflow").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)


def run(capsys: Any, *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_run_keeps_what_its_nodes_took(capsys: Any) -> None:
    assert run(capsys, "run", "p.cflow:main", "n=2", "--json", "--profile", "t.json") == (0, "4\n", "")
    first = load(Path("t.json"))
    assert set(first.seconds) == {"slow", "quick"}
    assert first.seconds["slow"] >= 0.05
    assert run(capsys, "run", "p.cflow:main", "n=2", "--json", "--profile", "t.json")[0] == 0
    assert load(Path("t.json")).digest == first.digest


def test_explain_expects_it(capsys: Any) -> None:
    assert run(capsys, "run", "p.cflow:main", "n=2", "--json", "--profile", "t.json")[0] == 0
    data = json.loads(Path("t.json").read_text())
    data["nodes"]["slow"]["seconds"] = 7.0
    Path("t.json").write_text(json.dumps(data))
    assert "about 7 s" in run(capsys, "explain", "p.cflow:main", "--profile", "t.json")[1]
    assert "about 7 s" not in run(capsys, "explain", "p.cflow:main")[1]


def test_of_a_stream_when_it_has_ended(capsys: Any) -> None:
    assert run(capsys, "run", "p.cflow:items", "n=2", "--json", "--profile", "t.json")[:2] == (0, "0\n1\n")
    assert load(Path("t.json")).calls == {"slow": 2}


def test_what_is_no_profile_is_not_written_over(capsys: Any) -> None:
    Path("t.json").write_text('{"mine": 1}')
    code, out, err = run(capsys, "run", "p.cflow:main", "n=2", "--profile", "t.json")
    assert (code, out) == (2, "")
    assert "t.json" in err
    assert Path("t.json").read_text() == '{"mine": 1}'


def test_where_nothing_can_be_written_is_said_before_the_run(capsys: Any) -> None:
    code, out, err = run(capsys, "run", "p.cflow:cached", "n=2", "--json", "--profile", "nowhere/t.json")
    assert (code, out) == (2, "")
    assert "nowhere/t.json cannot be written: there is no such folder" in err
    words = ("bench", "p.cflow:cached", "n=2", "--save", "nowhere/b.json")
    assert "nowhere/b.json cannot be written" in run(capsys, *words)[2]
    assert not Path("kept").exists()


def test_a_result_is_worth_more_than_a_profile(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(documents, "write_whole", full)
    code, out, err = run(capsys, "run", "p.cflow:main", "n=2", "--json", "--profile", "t.json")
    assert (code, out) == (0, "4\n")
    assert "t.json cannot be written: No space left on device" in err


def test_a_profile_goes_into_a_pipe_too(capsys: Any) -> None:
    os.mkfifo("pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe").read_text()), daemon=True)
    reader.start()
    assert run(capsys, "run", "p.cflow:main", "n=2", "--json", "--profile", "pipe")[:2] == (0, "4\n")
    reader.join(20)
    assert set(json.loads(read[0])["nodes"]) == {"slow", "quick"}


def profile(capsys: Any, flow: str, path: str = "t.json") -> dict[str, Any]:
    """The file after a run."""
    code, _, err = run(capsys, "run", f"p.cflow:{flow}", "n=2", "--json", "--profile", path)
    assert code == 0, err
    found: dict[str, Any] = json.loads(Path(path).read_text())
    return found


def test_a_loop_counts_the_passes_of_the_run(capsys: Any) -> None:
    data = profile(capsys, "loops")
    assert data["nodes"]["slow"]["calls"] == 2
    data["nodes"]["slow"]["seconds"] = 7.0
    Path("t.json").write_text(json.dumps(data))
    said = run(capsys, "explain", "p.cflow:loops", "--profile", "t.json")[1]
    assert "expected to take about 14 s (a loop counts the passes of earlier runs)" in said


def test_the_plan_as_json_has_what_the_text_says_of_the_whole(capsys: Any) -> None:
    data = profile(capsys, "main")
    data["nodes"]["slow"]["seconds"], data["nodes"]["quick"] = 7.0, {"calls": 1, "seconds": 0.5}
    Path("t.json").write_text(json.dumps(data))
    plan = json.loads(run(capsys, "explain", "p.cflow:main", "--json", "--profile", "t.json")[1])
    assert (plan["makespan"], plan["work"], plan["counted"]) == (7.0, 7.5, True)
    assert (plan["untimed"], plan["unmade"], plan["advice"]) == ([], [], [])
    assert [step["cost"] for step in plan["steps"] if step["kind"] == "call"] == [0.5, 7.0]


def test_advice_as_json(capsys: Any) -> None:
    Path("nodes_of_profiles.py").write_text(NODES.replace('@node(reads="a")', "@node"))
    plan = json.loads(run(capsys, "explain", "p.cflow:main", "--json")[1])
    (advice,) = plan["advice"]
    assert (advice["node"], advice["waits"]) == ("slow", [{"step": "slow", "on": "quick"}])
    assert advice["text"] in run(capsys, "explain", "p.cflow:main")[1]
    assert (plan["makespan"], plan["work"], advice["saves"]) == (None, None, None)


# ---- of another program, or of an earlier form of this one -----------------------------------------------


@pytest.mark.parametrize("verb", ["explain", "bench"])
def test_a_profile_that_is_not_there_is_an_error_but_for_run(verb: str, capsys: Any) -> None:
    code, out, err = run(capsys, verb, "p.cflow:other", *(["n=1"] if verb == "bench" else []), "--profile", "t.json")
    assert (code, out) == (2, "")
    assert "t.json: there is no such file" in err


@pytest.mark.parametrize("verb", ["explain", "bench"])
def test_a_profile_of_another_flow_is_refused(verb: str, capsys: Any) -> None:
    profile(capsys, "main")
    code, out, err = run(capsys, verb, "p.cflow:other", *(["n=1"] if verb == "bench" else []), "--profile", "t.json")
    assert (code, out) == (2, "")
    assert "t.json has no time for any node of other: it is of a flow 'main'" in err


def test_times_are_good_for_another_flow_with_the_same_node_but_counts_are_not(capsys: Any) -> None:
    data = profile(capsys, "loops")
    data["nodes"]["slow"]["seconds"] = 7.0
    Path("t.json").write_text(json.dumps(data))
    code, out, err = run(capsys, "explain", "p.cflow:items", "--profile", "t.json")
    assert (code, err.startswith("note: t.json is of the flow 'loops'")) == (0, True)
    assert "expected to take about 7 s (a loop counts one pass)" in out


def test_a_run_that_calls_no_node_has_a_profile_too(capsys: Any) -> None:
    assert run(capsys, "run", "p.cflow:loops", "n=0", "--json", "--profile", "t.json")[0] == 0
    code, _, err = run(capsys, "explain", "p.cflow:loops", "--profile", "t.json")
    assert (code, err) == (0, "")


def test_what_a_run_detaches_is_in_its_profile(capsys: Any) -> None:
    assert profile(capsys, "apart")["nodes"]["slow"]["calls"] == 1


def test_steps_without_a_time_are_named(capsys: Any) -> None:
    data = profile(capsys, "main")
    data["nodes"] = {"slow": {**data["nodes"]["slow"], "seconds": 7.0}}
    Path("t.json").write_text(json.dumps(data))
    code, out, err = run(capsys, "explain", "p.cflow:main", "--profile", "t.json")
    assert (code, err) == (0, "note: t.json has no time for quick\n")
    assert "1 step (quick) has no time, taken as the average of the others, 7 s" in out


def test_an_edit_costs_only_the_times_of_the_nodes_that_it_changes(capsys: Any) -> None:
    data = profile(capsys, "main")
    for node in data["nodes"].values():
        node["seconds"] = 1000.0
    Path("t.json").write_text(json.dumps(data))
    Path("nodes_of_profiles.py").write_text(
        NODES.replace('    return x\n\n@node(reads="c")', '    return x * 1\n\n@node(reads="c")')
    )
    Path("p.cflow").write_text(PROGRAM.replace("return a + b", "return a + b + 1"))
    assert run(capsys, "explain", "p.cflow:main", "--profile", "t.json")[2] == "note: t.json has no time for quick\n"
    after = profile(capsys, "main")["nodes"]
    assert 500 <= after["slow"]["seconds"] < 501, "an old time counts for half"
    assert after["quick"]["seconds"] < 100


def test_where_all_nodes_have_changed_explain_says_so_and_a_run_begins_anew(capsys: Any) -> None:
    profile(capsys, "other")
    Path("nodes_of_profiles.py").write_text(NODES.replace("x + 1", "1 + x"))
    code, _, err = run(capsys, "explain", "p.cflow:other", "--profile", "t.json")
    assert code == 2
    assert "has no time for any node of other: late changed since" in err
    assert set(profile(capsys, "other")["nodes"]) == {"late"}


def test_a_profile_without_codes_is_good_for_the_program_it_is_of(capsys: Any) -> None:
    data = profile(capsys, "other")
    del data["nodes"]["late"]["code"]
    Path("t.json").write_text(json.dumps(data))
    assert run(capsys, "explain", "p.cflow:other", "--profile", "t.json")[0] == 0
    Path("t.json").write_text(json.dumps({**data, "digest": "0"}))
    assert run(capsys, "explain", "p.cflow:other", "--profile", "t.json")[0] == 2


def test_a_run_writes_over_no_profile_but_its_own(capsys: Any) -> None:
    profile(capsys, "main")
    quick = ("--rounds", "1", "--warm-up", "0", "--seconds", "1")
    assert run(capsys, "bench", "p.cflow:other", "n=1", "--save", "b.json", *quick)[0] == 0
    for path, said in (("t.json", "is the profile of the flow 'main'"), ("b.json", "it is a bench file")):
        before = Path(path).read_text()
        code, out, err = run(capsys, "run", "p.cflow:other", "n=2", "--profile", path)
        assert (code, out) == (2, "")
        assert said in err
        assert "it would be written over: name another file" in err
        assert Path(path).read_text() == before


def test_what_is_cached_is_found_with_a_profile_too(capsys: Any) -> None:
    for words in ([], ["--profile", "t.json"]):
        assert run(capsys, "run", "p.cflow:cached", "n=2", "--json", "--store", "s", *words)[:2] == (0, "2\n")
    assert Path("kept").read_text() == "x"
