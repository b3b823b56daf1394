"""The comparison with other engines: ``./dev peers``, or ``.venv/bin/python benchmarks/peers/run.py``.

Every engine runs in its own environment (:mod:`install`), all of them once in each round, each in a fresh process. The
samples go to ``results.json`` after every round, and the page and its plot are made from them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import install
from engines import ENGINES
from page import page
from plot import svg
from workloads import WORKLOADS

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
LIMIT = 300
"""Seconds that one engine may take in one round."""


def python_of(name: str) -> str | None:
    """The interpreter of an engine; None where it is not installed."""
    environment = ENGINES[name].environment
    if not environment:
        return sys.executable
    found = install.python_of(environment)
    return str(found) if found is not None else None


def child(name: str, python: str, workloads: list[str], seconds: float, samples: int) -> Iterator[dict[str, Any]]:
    """What one process of an engine finds, line by line; after :data:`LIMIT` seconds it is ended."""
    command = [python, str(HERE / "child.py"), name, ",".join(workloads), str(seconds), str(samples)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONWARNINGS": "ignore"}
    log = install.home() / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, start_new_session=True
        ) as process,
    ):

        def end() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the group is its own: a server of the engine ends with it

        timer = threading.Timer(LIMIT, end)
        timer.start()
        assert process.stdout is not None
        ended = False
        try:
            for line in process.stdout:
                found = json.loads(line)
                ended = found["what"] == "end"
                if ended:
                    break
                yield found
        finally:
            timer.cancel()
            end()
        if not ended:
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            yield {"what": "broken", "why": f"its process ended early: {last[0][:200] if last else 'no word'}"}


def take(engine: dict[str, Any], found: dict[str, Any]) -> None:
    """Add what a process has found to what is known of its engine."""
    workloads = engine.setdefault("workloads", {})
    match found["what"]:
        case "engine":
            engine["version"] = found["version"]
            for key in ("importing", "starting"):
                engine.setdefault(key, []).append(found[key])
        case "times":
            entry = workloads.setdefault(found["workload"], {"build": [], "first": [], "times": [], "rounds": []})
            entry.update({key: found[key] for key in ("units", "ideal", "small")})
            entry["build"].append(found["build"])
            entry["first"].append(found["first"])
            entry["times"] += found["times"]
            entry["rounds"].append(statistics.median(found["times"]))
        case "unsupported":
            workloads.setdefault(found["workload"], {})["why"] = found["why"]
        case "failed":
            workloads.setdefault(found["workload"], {})["failed"] = found["why"]
        case "broken":
            engine["why"] = found["why"]


def machine() -> str:
    """The machine in a few words, and how busy it was in the quarter of an hour before."""
    load = f"load average {os.getloadavg()[2]:.0f} when it began"
    return f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} shared cores, {load}"


def compare(chosen: argparse.Namespace) -> dict[str, Any]:
    """All rounds; the document is kept after each."""
    document: dict[str, Any] = {"rounds": 0, "engines": {}}
    if chosen.add:
        document = json.loads(chosen.output.read_text())
    document |= {"when": time.strftime("%Y-%m-%d"), "machine": machine()}
    began = time.monotonic()
    for number in range(chosen.rounds):
        spent = time.monotonic() - began
        if number and spent + spent / number > chosen.minutes * 60:
            print(f"round {number + 1} would not end within {chosen.minutes:g} minutes: left out", file=sys.stderr)
            break
        document["rounds"] += 1
        for name in chosen.engines:
            engine = document["engines"].setdefault(name, {})
            python = python_of(name)
            if python is None:
                engine["why"] = "it could not be installed here"
                continue
            started = time.monotonic()
            for found in child(name, python, chosen.workloads, chosen.seconds, chosen.samples):
                take(engine, found)
            print(f"round {number + 1} {name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        chosen.output.write_text(json.dumps(document, indent=1) + "\n")
    return document


def write(document: dict[str, Any], docs: Path) -> None:
    """The page and its plot."""
    (docs / "comparison.md").write_text(page(document))
    (docs / "img" / "comparison.svg").write_text(svg(document))


def arguments(argv: list[str]) -> argparse.Namespace:
    """What is asked for; the floors and Conductor are always there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    others = [name for name, engine in ENGINES.items() if engine.environment]
    parser.add_argument("--engines", nargs="*", choices=others, default=others, help="default: all of them")
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=3, help="every engine once a round (default: 3)")
    parser.add_argument("--seconds", type=float, default=0.4, help="of samples, a workload and round (default: 0.4)")
    parser.add_argument("--samples", type=int, default=20, help="at most, a workload and round (default: 20)")
    parser.add_argument("--minutes", type=float, default=12, help="begin no round that would end later (default: 12)")
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    parser.add_argument("--add", action="store_true", help="add the rounds to those that --output holds")
    parser.add_argument("--page-only", action="store_true", help="run nothing: make the page from --output")
    parser.add_argument("--no-install", action="store_true", help="what is not installed does not run")
    parser.add_argument("--no-page", action="store_true", help="leave the page alone")
    chosen = parser.parse_args(argv)
    if chosen.rounds < 1:
        parser.error("--rounds: at least one, or there is nothing to write a page of")
    chosen.engines = [name for name, engine in ENGINES.items() if not engine.environment or name in chosen.engines]
    return chosen


def main(argv: list[str]) -> None:
    """Install, compare, write."""
    chosen = arguments(argv)
    if chosen.page_only:
        document = json.loads(chosen.output.read_text())
    else:
        if not chosen.no_install:
            install.main(list(dict.fromkeys(e for n in chosen.engines if (e := ENGINES[n].environment))))
        document = compare(chosen)
    if not chosen.no_page:
        write(document, DOCS)


if __name__ == "__main__":
    main(sys.argv[1:])
