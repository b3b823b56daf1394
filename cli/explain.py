"""``cflow explain``: the plan of a flow, as text or as JSON."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import attrs

from ..engine import Engine, default_engine
from .output import emit
from .profiles import read_profile
from .target import open_flow, report_wrong

if TYPE_CHECKING:
    from ..planner.plan import Step


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0, or 2 where the file is wrong."""
    with report_wrong() as wrong:
        flow = open_flow(arguments.target)
        engine = default_engine()
        if arguments.profile is not None:
            known = read_profile(arguments.profile)
            engine = Engine(profile=known.seconds if known is not None and known.digest == flow.digest else None)
        if arguments.json:
            emit(json.dumps([_step(step) for step in engine.plan(flow).steps], ensure_ascii=False))
        else:
            emit(engine.explain(flow).rstrip("\n"))
    return wrong.code


def _step(step: Step) -> dict[str, Any]:
    """Every field by name; each wait as an object."""
    said = {field.name: getattr(step, field.name) for field in attrs.fields(type(step))}
    for name in ("waits", "late"):
        said[name] = [{"step": on, "why": why} for on, why in said[name]]
    return said
