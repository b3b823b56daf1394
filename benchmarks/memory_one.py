"""One line of ``memory.py``, in a process that has imported no more than it needs: what others load first is no cost of
a flow that is measured after them."""

from __future__ import annotations

import gc
import os


def resident() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def highest() -> float:
    """The most so far. (``ru_maxrss`` may be that of the process that started this one.)"""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024 / 1e6


def one(what: str, items: int) -> None:
    """One line, in this process."""
    import cflow  # noqa: F401

    if what in ("waiting", "again"):
        import trio  # noqa: F401
    before = resident()
    flows = __import__("memory_plain" if what == "plain" else "memory_flows")
    if what in ("plain", "waiting", "again"):
        getattr(flows, "plain" if what == "plain" else "waiting").run(1)
        if what == "again":
            before = resident()
            flows.other.run(1)
        gc.collect()
        print(f"{resident() - before:.1f}")
        return
    run = getattr(flows, what).run
    run(10)
    gc.collect()
    before = resident()
    held = run(items)
    print(f"{highest() - before:.1f}")
    del held
