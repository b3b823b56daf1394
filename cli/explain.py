"""``cflow explain``: the plan of a flow, as text or as JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ..engine import Engine, default_engine
from ..planner.explain import explain
from .output import emit, note
from .profiles import times_for
from .target import open_flow, report_wrong

if TYPE_CHECKING:
    from ..planner.plan import Plan, Step


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0, or 2 where the file is wrong."""
    with report_wrong() as wrong:
        flow = open_flow(arguments.target, arguments.allow)
        engine = default_engine()
        if arguments.profile is not None:
            engine = Engine(profile=times_for(arguments.profile, flow))
        plan = engine.plan(flow)
        if arguments.store:
            plan = _with_store(engine, flow, plan, arguments)
        if arguments.json:
            emit(json.dumps(_plan(plan), ensure_ascii=False))
        else:
            emit(explain(plan).rstrip("\n"))
    return wrong.code


def _with_store(engine: Engine, flow: Any, plan: Plan, arguments: argparse.Namespace) -> Plan:
    """The plan, with what the store has of the calls that are kept."""
    from ..compiler.inputs import bind_texts
    from ..engine import read_ambient
    from ..runs.explained import in_store
    from ..store.blobs import Blobs
    from ..store.encoding import Values
    from ..store.place import BLOBS, FILE, open_store
    from .inputs import read_pairs
    from .stores import existing

    compiled = engine.compiled(flow)
    texts = read_pairs(arguments.inputs)
    params = [p for p in compiled.graph.main.params if p.name in texts or not p.required] if texts else []
    inputs = bind_texts(params, texts, {}, compiled.objects.classes, name=compiled.graph.main.name)
    folder = Path(arguments.store)
    with contextlib.ExitStack() as left:
        if not (folder / FILE).is_file():
            note(f"there is no store in {folder} yet: nothing is kept")
            folder = Path(left.enter_context(tempfile.TemporaryDirectory()))
            open_store(folder).close()
        left.enter_context(existing(str(folder)))
        store = open_store(folder, readonly=True)
        left.callback(store.close)
        codec = Values(compiled.objects.classes, blobs=Blobs(folder / BLOBS))
        told = in_store(engine, compiled, store, inputs, read_ambient(compiled.graph), codec, time.time())
    steps = tuple(attrs.evolve(step, kept=(*step.kept, *told.get(step.id, ()))) for step in plan.steps)
    return attrs.evolve(plan, steps=steps)


def _plan(plan: Plan) -> dict[str, Any]:
    """Every field by name; times in seconds."""
    return {
        **attrs.asdict(plan, recurse=False),
        "steps": [_step(step) for step in plan.steps],
        "flows": [{"flow": name, "step": index} for name, index in plan.flows],
        "advice": [
            {
                "node": advice.node,
                "file": advice.span.file,
                "line": advice.span.line,
                "waits": [{"step": step, "on": on} for step, on in advice.waits],
                "saves": advice.saves,
                "text": advice.text,
                "help": advice.help,
            }
            for advice in plan.advice
        ],
    }


def _step(step: Step) -> dict[str, Any]:
    """Every field by name; each wait as an object."""
    said = {field.name: getattr(step, field.name) for field in attrs.fields(type(step))}
    for name in ("waits", "late"):
        said[name] = [{"step": on, "why": why} for on, why in said[name]]
    return said
