"""A process that runs a flow of :mod:`programs` on record, or goes on with what others have left: ``child.py STORE
run FLOW`` or ``child.py STORE resume``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import programs

from cflow import Engine
from cflow.runs.resume import resume


def main() -> None:
    engine = Engine(store=sys.argv[1])
    print("ready", flush=True)
    if sys.argv[2] == "run":
        print(json.dumps(engine.run(getattr(programs, sys.argv[3]))), flush=True)
    else:
        print(json.dumps([(row.id, row.state, row.reason) for row in resume(engine)]), flush=True)


main()
