"""Is an owner alive? With processes and clocks that tests make up, and once with real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from cflow.store.owners import HERE, LOOKS, Seen, System, alive, me
from cflow.store.rows import Owner

STAT = "{pid} (a (b) c) {state} 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 {born} 20 21\n"


class Machine:
    """A machine with processes, whose boot and name can change."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        (self.proc / "sys/kernel/random").mkdir(parents=True)
        (self.proc / "self/ns").mkdir(parents=True)
        self.machine = folder / "machine-id"
        self.boots("boot-1")
        self.space("pid:[1]")
        self.machine.write_text("0123456789abcdef\n")
        self.name = "host"
        self.system = System(self.proc, (folder / "none", self.machine), lambda: self.name, self.kill, "linux")
        self.killed: OSError | None = None

    def boots(self, boot: str) -> None:
        (self.proc / "sys/kernel/random/boot_id").write_text(boot + "\n")

    def space(self, name: str) -> None:
        link = self.proc / "self/ns/pid"
        link.unlink(missing_ok=True)
        link.symlink_to(name)

    def process(self, pid: int, born: int, state: str = "S") -> None:
        (self.proc / str(pid)).mkdir(exist_ok=True)
        (self.proc / str(pid) / "stat").write_text(STAT.format(pid=pid, state=state, born=born))

    def kill(self, pid: int, number: int) -> None:
        assert number == 0
        if self.killed is not None:
            raise self.killed

    def owner(self, pid: int = 42, born: int = 777) -> Owner:
        return Owner("o", self.system.host(), self.system.boot(), pid, born)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def looks(machine: Machine, owner: Owner, *times: float, lease: float = 40.0) -> list[bool | None]:
    """What an observer finds at several times."""
    seen: dict[str, Seen] = {}
    return [alive(owner, seen, lease=lease, clock=lambda: now, system=machine.system) for now in times]


def test_the_system_tells_of_processes_here(machine: Machine) -> None:
    owner = machine.owner()
    assert looks(machine, owner, 0.0) == [False]
    machine.process(42, 777)
    assert looks(machine, owner, 0.0, 1e9) == [True, True]  # however long it is silent
    machine.process(42, 778)
    assert looks(machine, owner, 0.0) == [False]  # the pid is used again


@pytest.mark.parametrize(("state", "lives"), [("R", True), ("T", True), ("D", True), ("Z", False), ("X", False)])
def test_a_stopped_process_lives_and_a_zombie_does_not(machine: Machine, state: str, lives: bool) -> None:
    machine.process(42, 777, state)
    assert looks(machine, machine.owner(), 0.0) == [lives]


def test_after_a_boot_all_are_dead(machine: Machine) -> None:
    machine.process(42, 777)
    owner = machine.owner()
    machine.boots("boot-2")
    assert looks(machine, owner, 0.0) == [False]


def test_in_another_container_only_beats_tell(machine: Machine) -> None:
    owner = machine.owner()
    machine.space("pid:[2]")
    assert looks(machine, owner, 0.0) == [None]


@pytest.mark.parametrize("what", ["name", "machine"])
def test_elsewhere_only_beats_tell(machine: Machine, what: str) -> None:
    owner = machine.owner()
    if what == "name":
        machine.name = "another"
    else:
        machine.machine.write_text("fedcba9876543210")
    assert looks(machine, owner, 0.0, 10.0, 20.0, 30.0, 39.9) == [None] * 5
    assert looks(machine, owner, 0.0, 10.0, 20.0, 30.0, 40.0) == [*[None] * 4, False]


def test_a_beat_is_a_sign_of_life(machine: Machine) -> None:
    owner = machine.owner()
    machine.name = "another"
    seen: dict[str, Seen] = {}
    now, found = 0.0, []
    for beat in (1, 2, 2, 3, 3, 3, 3, 3, 3):
        found.append(alive(attrs.evolve(owner, beat=beat), seen, lease=40.0, clock=lambda: now, system=machine.system))
        now += 10.0
    assert found == [None, True, None, True, None, None, None, False, False]
    assert alive(attrs.evolve(owner, beat=4), seen, lease=40.0, clock=lambda: now, system=machine.system) is True


def test_time_in_which_the_observer_stood_still_does_not_count(machine: Machine) -> None:
    owner = machine.owner()
    machine.name = "another"
    assert looks(machine, owner, 0.0, 1000.0, 1001.0, 1002.0) == [None] * 4
    assert looks(machine, owner, *(1000.0 * look for look in range(LOOKS + 1))) == [*[None] * LOOKS, False]


def test_where_the_system_shows_no_processes_a_pid_that_is_gone_is_dead(machine: Machine) -> None:
    (machine.proc / "sys/kernel/random/boot_id").unlink()
    owner = machine.owner()
    assert owner.boot == ""
    machine.killed = ProcessLookupError()
    assert looks(machine, owner, 0.0) == [False]
    for there in (None, PermissionError()):  # it may be another process by now
        machine.killed = there
        assert looks(machine, owner, 0.0, 10.0, 20.0, 30.0, 40.0) == [*[None] * 4, False]


def test_nothing_is_sent_to_a_process_on_windows(machine: Machine) -> None:
    (machine.proc / "sys/kernel/random/boot_id").unlink()
    owner = machine.owner()
    machine.killed = ProcessLookupError()
    machine.system = attrs.evolve(machine.system, platform="win32")
    assert looks(machine, owner, 0.0) == [None]


def test_a_machine_without_a_number_has_its_name(machine: Machine) -> None:
    assert machine.system.host() == "host/0123456789ab"
    machine.machine.unlink()
    assert machine.system.host() == "host"


def test_each_call_is_another_owner() -> None:
    one, two = me(), me()
    assert one.id != two.id
    assert (one.pid, one.host) == (os.getpid(), HERE.host())
    assert attrs.evolve(two, id=one.id) == one


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_real_processes(popen: Callable[..., subprocess.Popen[str]]) -> None:
    seen: dict[str, Seen] = {}
    assert alive(me(), seen) is True
    child = popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = attrs.evolve(me(), pid=child.pid, born=HERE.born(child.pid))
    assert alive(owner, seen) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert alive(owner, seen) is False  # ended, and not asked for yet
    child.communicate()
    assert alive(owner, seen) is False
    assert not seen
