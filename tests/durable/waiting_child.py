"""A process that works on flows of :mod:`waiting_programs`: ``waiting_child.py STORE run FLOW``, ``... resume`` or
``... supervise``; the last one goes on until its standard input ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import waiting_programs

from cflow import Engine
from cflow.runs.resume import resume


def main() -> None:
    engine = Engine(store=sys.argv[1])
    print("ready", flush=True)
    if sys.argv[2] == "run":
        print(json.dumps(engine.run(getattr(waiting_programs, sys.argv[3]))), flush=True)
    elif sys.argv[2] == "resume":
        print(json.dumps([(row.id, row.state, row.reason) for row in resume(engine)]), flush=True)
    else:
        with engine.supervise():
            sys.stdin.read()


main()
