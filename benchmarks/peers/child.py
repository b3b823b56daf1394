"""One engine, once, in its own environment: ``child.py ENGINE WORKLOADS SECONDS SAMPLES``. ``run.py`` starts it.

What it finds it prints as one JSON object a line. Import, start, build, the first run and the samples are timed apart,
and the result of the first and of the last run is compared with the reference.
"""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from engines import ENGINES, Unsupported
from workloads import Workload, make

WARM, WARM_SECONDS = 8, 1.0
"""Runs before the samples, and the seconds after which none of them begins: some engines learn from the first runs."""


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what it gave."""
    began = time.perf_counter()
    value = work()
    return time.perf_counter() - began, value


def sample(
    workload: Workload, build: Callable[[Workload], Any], x: int, seconds: float, samples: int
) -> dict[str, Any]:
    """The figures of one workload.

    Raises
    ------
    AssertionError: a result is wrong.
    """
    gc.collect()
    building, run = timed(lambda: build(workload))
    first, value = timed(lambda: run(x))
    check(workload, x, value)
    until = time.perf_counter() + WARM_SECONDS
    for x in range(x + 1, x + 1 + WARM):
        if time.perf_counter() < until:
            run(x)
    times: list[float] = []
    until = time.perf_counter() + seconds
    while len(times) < samples and (not times or time.perf_counter() < until):
        inputs = range(x + 1, x + 1 + workload.calls)
        spent, value = timed(lambda inputs=inputs: [run(i) for i in inputs][-1])  # type: ignore[misc]
        x = inputs[-1]
        times.append(spent)
    check(workload, x, value)
    return {"build": building, "first": first, "times": times}


def check(workload: Workload, x: int, value: Any) -> None:
    wanted = workload.reference(x)
    if value != wanted:
        msg = f"the result for {x} is {value!r:.60}, not {wanted}"
        raise AssertionError(msg)


def main(name: str, chosen: list[str], seconds: float, samples: int) -> None:
    """Time one engine."""
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # engines print; the lines for run.py go their own way

    def tell(**found: Any) -> None:
        lines.write(json.dumps(found) + "\n")
        lines.flush()

    package = ENGINES[name].package
    module = importlib.import_module(f"engines.{name}")
    importing, _ = timed(lambda: [importlib.import_module(m) for m in module.IMPORTS])
    version = importlib.metadata.version(package) if package else ""
    starting, _ = timed(getattr(module, "start", lambda: None))
    tell(what="engine", importing=importing, starting=starting, version=version)
    x = time.time_ns() % 100_000 * 10  # inputs never seen before: nothing can be answered from a cache
    for number, which in enumerate(chosen):
        workload = make(which, module.SIZES.get(which))
        try:
            found = sample(workload, module.build, x + 10_000 * number, seconds, samples)
        except Unsupported as error:
            tell(what="unsupported", workload=which, why=str(error))
        except Exception as error:
            traceback.print_exc()
            tell(what="failed", workload=which, why=f"{type(error).__name__}: {error}"[:300])
        else:
            units, ideal = workload.units, workload.ideal
            tell(what="times", workload=which, units=units, ideal=ideal, small=workload.small, **found)
    getattr(module, "stop", lambda: None)()
    tell(what="end")
    os._exit(0)  # some engines keep threads that do not end


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), float(sys.argv[3]), int(sys.argv[4]))
