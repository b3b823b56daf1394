"""``cflow explain``: the plan of a flow, as text or as JSON."""

from __future__ import annotations

import argparse
import json
from typing import Any

from .output import plain
from .target import open_flow, report_wrong


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0, or 2 where the file is wrong."""
    with report_wrong() as wrong:
        flow = open_flow(arguments.target)
        if arguments.json:
            print(json.dumps([_step(step) for step in flow.plan().steps], ensure_ascii=False))
        else:
            print(flow.explain().rstrip("\n"))
    return wrong.code


def _step(step: Any) -> dict[str, Any]:
    return {
        "index": step.index,
        "id": step.id,
        "line": step.line,
        "waits": [{"step": plain(on), "why": why} for on, why in step.waits],
        "placement": plain(step.placement),
        "cost": plain(step.cost),
    }
