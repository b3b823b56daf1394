"""What could be on disk when the power fails: a recorded workload is cut at any point, and what was not synced is lost,
kept or torn.

The model is POSIX read strictly. What a file holds is sure up to its last sync; each later write may be on disk or not,
sector by sector, whatever the order. A name (a new file, a deletion) is sure when its folder was synced, and so is what
lies under it. What a killed process leaves is one of these states: everything it wrote, up to a point.

The recorder is a library that is loaded before all others (powerloss.c).
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field, frozen

OPEN, CREATE, WRITE, TRUNCATE, SYNC, UNLINK, RENAME, MKDIR, CLOSE = range(1, 10)
HEAD = struct.Struct("<IIQQ")
SECTOR = 512


def build_recorder(folder: Path) -> Path | None:
    """The recorder's library; None where it cannot be made."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    library = folder / "powerloss.so"
    source = Path(__file__).with_suffix(".c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", str(library), str(source), "-ldl", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return library


@frozen
class Record:
    """One call. ``data``: what was written, or a path."""

    kind: int
    fd: int
    offset: int
    data: bytes


def record(library: Path, folder: Path, log: Path, command: list[str], **environment: str) -> list[Record]:
    """Run a command and record what it does under a folder."""
    given = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "POWERLOSS_UNDER": str(folder),
        "POWERLOSS_LOG": str(log),
        **environment,
    }
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    raw = log.read_bytes()
    found, at = [], 0
    while at < len(raw):
        kind, fd, offset, length = HEAD.unpack_from(raw, at)
        at += HEAD.size
        found.append(Record(kind, fd, offset, raw[at : at + length]))
        at += length
    return found


@define(eq=False)
class File:
    """A file: what is sure, and what was done since. ``folder``: it is one."""

    folder: bool = False
    sure: bytearray = field(factory=bytearray)
    since: list[tuple[int, int, bytes]] = field(factory=list)

    def sync(self) -> None:
        for change in self.since:
            self.make(self.sure, change)
        self.since.clear()

    @staticmethod
    def make(content: bytearray, change: tuple[int, int, bytes]) -> None:
        kind, offset, data = change
        if kind == TRUNCATE:
            del content[offset:]
            content.extend(bytes(offset - len(content)))
        else:
            content.extend(bytes(max(0, offset - len(content))))
            content[offset : offset + len(data)] = data

    def after_failure(self, choose: random.Random) -> bytearray:
        """One of the contents that could be found."""
        content = bytearray(self.sure)
        mode = choose.choice(["none", "all", "some", "torn"])
        for kind, offset, data in self.since:
            if mode == "all" or (mode == "some" and choose.random() < 0.5):
                self.make(content, (kind, offset, data))
            elif mode == "torn" and kind == WRITE:
                for start in range(0, len(data), SECTOR):
                    if choose.random() < 0.5:
                        self.make(content, (kind, offset + start, data[start : start + SECTOR]))
            elif mode == "torn" and choose.random() < 0.5:
                self.make(content, (kind, offset, data))
        return content


@define(eq=False)
class Disk:
    """Files and names as records go by. ``acknowledged``: what was written to the file ``acks``."""

    root: Path
    fds: dict[int, tuple[Path, File]] = field(factory=dict)
    names: dict[Path, File] = field(factory=dict)
    sure_names: dict[Path, File] = field(factory=dict)
    since: list[tuple[Path, File | None]] = field(factory=list)
    acknowledged: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.names[self.root] = self.sure_names[self.root] = File(folder=True)

    def see(self, item: Record) -> None:
        """Take one call into account."""
        if item.kind in (OPEN, CREATE, MKDIR):
            path = Path(os.fsdecode(item.data))
            if item.kind != OPEN or path not in self.names:
                self._name(path, File(folder=item.kind == MKDIR))
            if item.kind != MKDIR:
                self.fds[item.fd] = (path, self.names[path])
        elif item.kind == UNLINK:
            self._name(Path(os.fsdecode(item.data)), None)
        elif item.kind == RENAME:
            before, after = (Path(os.fsdecode(part)) for part in item.data.split(b"\0"))
            file = self.names[before]
            self._name(before, None)
            self._name(after, file)
        elif item.kind == CLOSE:
            self.fds.pop(item.fd, None)
        else:
            path, file = self.fds[item.fd]
            if item.kind == SYNC:
                self._sync(path, file)
            elif path.name == "acks":
                self.acknowledged += item.data.decode().split()
            else:
                file.since.append((item.kind, item.offset, item.data))

    def _name(self, path: Path, file: File | None) -> None:
        self.since.append((path, file))
        self._set(self.names, path, file)

    @staticmethod
    def _set(names: dict[Path, File], path: Path, file: File | None) -> None:
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file

    def _sync(self, path: Path, file: File) -> None:
        file.sync()
        if file.folder:
            for name, what in self.since:
                if name.parent == path:
                    self._set(self.sure_names, name, what)
            self.since = [change for change in self.since if change[0].parent != path]

    def failed(self, choose: random.Random) -> dict[Path, bytes]:
        """One of the states after a power failure: the files that are found, by their path under the root."""
        names = dict(self.sure_names)
        mode = choose.choice(["none", "all", "some"])
        for name, what in self.since:
            if mode == "all" or (mode == "some" and choose.random() < 0.5):
                self._set(names, name, what)
        return self._tree({name: file.after_failure(choose) for name, file in names.items() if not file.folder}, names)

    def killed(self) -> dict[Path, bytes]:
        """What a process leaves that is killed here: all that it wrote."""
        found = {}
        for name, file in self.names.items():
            if not file.folder:
                content = bytearray(file.sure)
                for change in file.since:
                    File.make(content, change)
                found[name] = content
        return self._tree(found, self.names)

    def _tree(self, found: dict[Path, bytearray], names: dict[Path, File]) -> dict[Path, bytes]:
        """Without what lies in folders that are not there, and the shared memory: nobody reads it after a failure."""
        return {
            path.relative_to(self.root): bytes(content)
            for path, content in found.items()
            if all(place in names for place in path.parents if place.is_relative_to(self.root))
            and not path.name.endswith(("-shm", "acks"))
        }


def replay(records: list[Record], root: Path, points: set[int]) -> Iterator[tuple[int, Disk]]:
    """The disk after each of the points: how many calls were made."""
    disk = Disk(root)
    for number, item in enumerate(records, 1):
        disk.see(item)
        if number in points:
            yield number, disk


def write(state: dict[Path, bytes], folder: Path) -> None:
    """Make a state real, in an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path, content in state.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
