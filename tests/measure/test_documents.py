"""Files of figures: written whole, read back the same, refused with a reason."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from attrs import evolve

from cflow.measure.blocks import Blocks
from cflow.measure.documents import BadDocument, read_document, write_document
from cflow.measure.flows import Figures, NodeTimes
from cflow.measure.machine import Machine, here
from cflow.measure.saved import load, profile_in, save, save_profile
from cflow.measure.tape import Rest, Tape, quickest
from cflow.planner import profile as profiles
from cflow.planner.profile import BadProfile, Profile

PROFILE = Profile(
    "settle", "d1", {"settle/charge": 0.02, "fetch": 1e-6}, {"settle/charge": 3, "fetch": 1}, {"fetch": 1e-6}
)
FIGURES = Figures(
    flow="settle",
    digest="d1",
    mode="real",
    samples=(0.1, 0.2, 0.3),
    yardsticks=(0.001, 0.001, 0.002),
    repeats=2,
    warm_up=5,
    critical=None,
    memory=1234,
    nodes=(NodeTimes("settle/charge", "charge", 3, 0.02, 0.06, 0.0, 1.0),),
    profile=evolve(PROFILE, busy={"settle/charge": 0.0, "fetch": 1e-6}),
    machine=Machine("a processor", 2, "Linux x86_64", "CPython 3.11.0"),
)


def test_figures_come_back_as_they_were(tmp_path: Path) -> None:
    save(tmp_path / "b.json", FIGURES, "abc")
    found = load(tmp_path / "b.json")
    assert (found.figures, found.inputs) == (FIGURES, "abc")
    assert profile_in(tmp_path / "b.json") == FIGURES.profile


def test_profiles_come_back_as_they_were(tmp_path: Path) -> None:
    save_profile(tmp_path / "p.json", PROFILE)
    found = profiles.load(tmp_path / "p.json")
    assert found == evolve(PROFILE, busy={"settle/charge": 0.0, "fetch": 1e-6})
    assert profile_in(tmp_path / "p.json") == found


def test_the_least_of_several_recordings_is_a_whole_recording() -> None:
    first = Tape(overflow=True, rest={"a": Rest(2, 1.0, 0.5)}, blocks=Blocks(Counter(main=3)))
    assert quickest([first, Tape()]) == first


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    write_document(path, "bench", 1, {"a": 1})
    with pytest.raises(TypeError):
        write_document(path, "bench", 1, {"a": object()})
    assert read_document(path, "bench", 1)["a"] == 1
    assert os.listdir(tmp_path) == ["b.json"]
    with pytest.raises(OSError, match="nowhere"):
        write_document(tmp_path / "nowhere" / "b.json", "bench", 1, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no such file"),
        (b"\xff\xfe\x00", "it is not text"),
        (b"{", "broken: it is no JSON .line 1"),
        (b"[" * 100_000, "broken"),
        (b"[1]", "was not written by cflow"),
        (b'{"a": 1}', "was not written by cflow"),
        (b'{"cflow": "profile", "version": 1}', "is a profile file: a bench file is wanted"),
        (b'{"cflow": "bench", "version": 2}', "has the version 2; this cflow reads bench files up to version 1"),
        (b'{"cflow": "bench"}', "has the version None"),
        (b'{"cflow": "bench", "version": 1}', "it has no 'critical'"),
    ],
)
def test_a_file_that_is_something_else_is_refused_with_a_reason(text: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(BadDocument, match=said):
        load(path)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("samples", [], "its times are no times"),
        ("samples", [0.1, -1], "its times are no times"),
        ("samples", "abc", "broken"),
        ("mode", "sideways", "sideways"),
        ("machine", {"processor": "x"}, "broken"),
        ("profile", {}, "its profile"),
        ("nodes", [{"node": "x"}], "broken"),
        ("critical", "soon", "broken"),
    ],
)
def test_a_broken_field_is_named(field: str, value: object, said: str, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    save(path, FIGURES)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, field: value}))
    with pytest.raises(BadDocument, match=said):
        load(path)


@pytest.mark.parametrize(
    "value",
    [
        1,
        {},
        {"cflow": "profile", "version": 2},
        {"cflow": "profile", "version": 1, "nodes": []},
        {"cflow": "profile", "version": 1, "nodes": {"a": {"calls": 1}}},
        {"cflow": "profile", "version": 1, "nodes": {"a": {"calls": 1, "seconds": -1}}},
        {"cflow": "profile", "version": 1, "nodes": {"a": {"calls": 1, "seconds": float("nan")}}},
        {"cflow": "profile", "version": 1, "nodes": {"a": {"calls": 1, "seconds": 1, "busy": 2}}},
    ],
)
def test_a_broken_profile_is_refused(value: object, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(value))
    with pytest.raises(BadProfile, match=r"p\.json is no profile"):
        profiles.load(path)


def test_this_machine_is_itself_and_no_other() -> None:
    assert here() == here() != evolve(here(), python="CPython 2.7")
    assert str(here().cores) in str(here())
