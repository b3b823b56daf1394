"""Who works on a run, and whether that process is still alive.

A run that is taken from a live process would be executed twice (a zombie), so every doubt counts as alive. On the same
machine the system knows: a process that is not there, or that began at another time, is dead, however long it was
stopped or starved. Elsewhere only its beat tells, and only to somebody who has looked several times while both could
run: time in which this process was stopped, or the machine slept, does not count.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from attrs import define, field, frozen

from .rows import Owner

LEASE = 30.0
"""Seconds without a beat after which an owner elsewhere is taken for dead."""

LOOKS = 4
"""How many looks a lease has at least: a single pause between two of them counts for one part of it."""


@frozen
class System:
    """What the system tells about processes; tests have their own.

    ``proc``: where Linux shows them. ``names``: files that tell which machine this is. ``node``: its name.
    """

    proc: Path = Path("/proc")
    names: tuple[Path, ...] = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
    node: Callable[[], str] = socket.gethostname
    kill: Callable[[int, int], None] = os.kill
    platform: str = sys.platform

    def host(self) -> str:
        """A name of this machine that another one hardly has."""
        for file in self.names:
            if machine := _read(file):
                return f"{self.node()}/{machine[:12]}"
        return self.node()

    def boot(self) -> str:
        """Which boot this is, and in which space pids are counted: containers on one machine have their own.
        Empty where the system does not tell."""
        boot = _read(self.proc / "sys/kernel/random/boot_id")
        try:
            space = os.readlink(self.proc / "self/ns/pid")
        except OSError:
            space = ""
        return f"{boot} {space}" if boot else ""

    def born(self, pid: int) -> int | None:
        """When a process began, in ticks since the boot; None where there is no such process, or it has ended and only
        its parent has not asked yet. Field 22 of /proc/PID/stat, proc(5)."""
        text = _read(self.proc / str(pid) / "stat")
        fields = text.rpartition(")")[2].split()  # the name in front may have blanks and brackets
        return int(fields[19]) if len(fields) > 19 and fields[0] not in "ZXx" else None


HERE = System()


def me(system: System = HERE) -> Owner:
    """This process as an owner; a new one with each call."""
    pid = os.getpid()
    return Owner(secrets.token_hex(8), system.host(), system.boot(), pid, system.born(pid) or 0)


@define
class Seen:
    """What an observer knows of an owner elsewhere: its last beat, when it was looked at, how long it was silent."""

    beat: int
    at: float
    silent: float = field(default=0.0)


def alive(
    owner: Owner,
    seen: dict[str, Seen],
    *,
    lease: float = LEASE,
    clock: Callable[[], float] = time.monotonic,
    system: System = HERE,
) -> bool | None:
    """Is the process alive? None: not known yet, so look again after a while.

    Parameters
    ----------
    owner: as it stands in the store now. seen: what this observer has seen so far, by owner; it is kept up to date.
    lease: the seconds that an owner elsewhere may be silent. clock: seconds in which this process could have run;
    :func:`time.monotonic` stands still while a Linux machine sleeps.
    """
    if owner.host == system.host():
        boot = system.boot()
        if boot and owner.boot == boot and owner.born:
            return system.born(owner.pid) == owner.born
        if boot and owner.boot and owner.boot.split()[0] != boot.split()[0]:
            return False  # the machine was started anew since then
        if not boot and not owner.boot and _gone(owner.pid, system):
            return False
    return _beats(owner, seen, lease, clock())


def _gone(pid: int, system: System) -> bool:
    """Is there surely no process with a pid? One that is there may be another one."""
    if system.platform == "win32":
        return False  # os.kill would end it there
    try:
        system.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _beats(owner: Owner, seen: dict[str, Seen], lease: float, now: float) -> bool | None:
    known = seen.get(owner.id)
    if known is None:
        seen[owner.id] = Seen(owner.beat, now)
        return None
    if known.beat != owner.beat:
        seen[owner.id] = Seen(owner.beat, now)
        return True
    known.silent += min(now - known.at, lease / LOOKS)
    known.at = now
    return False if known.silent >= lease else None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
