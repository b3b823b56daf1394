"""Figures of a flow as a file: what ``cflow bench --save`` writes and ``--baseline`` reads."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from ..planner import profile as profiles
from ..planner.profile import BadProfile, Profile, from_data
from .documents import BadDocument, read_document, write_document
from .flows import Figures, NodeTimes
from .machine import Machine

KIND, VERSION = "bench", 1


@frozen
class Saved:
    """A file of figures. ``inputs``: a hash of what the flow was given; ``program``: the name of the file it is in; ""
    where that is not known."""

    figures: Figures
    inputs: str = ""
    program: str = ""


def save(path: Path, figures: Figures, inputs: str = "", program: str = "") -> None:
    """Write a file of figures.

    Raises
    ------
    OSError: it cannot be written.
    """
    write_document(
        path,
        KIND,
        VERSION,
        {
            "flow": figures.flow,
            "digest": figures.digest,
            "inputs": inputs,
            "program": program,
            "machine": attrs.asdict(figures.machine),
            "mode": figures.mode,
            "repeats": figures.repeats,
            "warm_up": figures.warm_up,
            "samples": list(figures.samples),
            "yardsticks": list(figures.yardsticks),
            "critical": figures.critical,
            "memory": figures.memory,
            "nodes": [attrs.asdict(node) for node in figures.nodes],
            "profile": figures.profile.data(),
        },
    )


def save_profile(path: Path, profile: Profile) -> None:
    """Write a profile.

    Raises
    ------
    OSError: it cannot be written.
    """
    write_document(path, profiles.KIND, profiles.VERSION, profile.data())


def load(path: Path) -> Saved:
    """Read a file of figures.

    Raises
    ------
    BadDocument: there is none, or it is broken.
    """
    value = read_document(path, KIND, VERSION)
    try:
        critical = value["critical"]
        figures = Figures(
            flow=str(value["flow"]),
            digest=str(value["digest"]),
            mode=_mode(value["mode"]),
            samples=_seconds(value["samples"]),
            yardsticks=_seconds(value["yardsticks"]),
            repeats=int(value["repeats"]),
            warm_up=int(value["warm_up"]),
            critical=None if critical is None else float(critical),
            memory=int(value["memory"]),
            nodes=tuple(NodeTimes(**node) for node in value["nodes"]),
            profile=from_data(value["profile"]),
            machine=Machine(**value["machine"]),
        )
        return Saved(figures, str(value.get("inputs", "")), str(value.get("program", "")))
    except BadProfile as error:
        raise BadDocument(f"{path} is broken: its profile: {error}") from None
    except KeyError as error:
        raise BadDocument(f"{path} is broken: it has no {error}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise BadDocument(f"{path} is broken: {error}") from None


def profile_in(path: Path) -> Profile:
    """The profile in a file of figures, or a file that is a profile.

    Raises
    ------
    BadDocument: there is none.
    """
    try:
        return load(path).figures.profile
    except BadDocument as first:
        if "is a profile file" not in str(first):
            raise
    try:
        return profiles.load(path)
    except BadProfile as error:
        raise BadDocument(str(error)) from None


def _mode(value: Any) -> Any:
    if value not in ("real", "stand-ins"):
        raise ValueError(f"it knows no way to measure called {value!r}")
    return value


def _seconds(values: Any) -> tuple[float, ...]:
    found = tuple(float(v) for v in values)
    if not found or not all(0 < v < math.inf for v in found):
        raise ValueError("its times are no times")
    return found
