"""Which machine and which Python took a time: times of another one are not comparable."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from attrs import frozen


@frozen
class Machine:
    """``processor``: its name. ``cores``: how many a process may use. ``system``: kernel and architecture. ``python``:
    implementation and version."""

    processor: str
    cores: int
    system: str
    python: str

    def __str__(self) -> str:
        return f"{self.processor}, {self.cores} cores, {self.system}, {self.python}"


def here() -> Machine:
    """This machine and this Python."""
    return Machine(
        _processor(),
        cores(),
        f"{platform.system()} {platform.machine()}",
        f"{platform.python_implementation()} {platform.python_version()}",
    )


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor(info: Path = Path("/proc/cpuinfo")) -> str:
    """The name of the processor; ``platform`` knows it on other systems than Linux only."""
    if sys.platform == "linux":
        try:
            for line in info.read_text(encoding="utf-8").splitlines():
                name, _, value = line.partition(":")
                if name.strip() == "model name":
                    return value.strip()
        except (OSError, ValueError):
            pass
    return platform.processor() or platform.machine() or "unknown"
