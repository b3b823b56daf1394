"""Files and folders: read, write, list, copy, move, delete, watch.

All nodes share the resource ``files``: a read waits for every earlier write of a file, and reads overlap. A node of
your own that touches files declares ``reads="files"`` or ``writes="files"`` to take part in that order.
Text is UTF-8. Paths are relative to the folder the run was started in. A write makes missing folders and is whole or
not at all: after a full disk the old file is still there.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import trio
from attrs import frozen

from .. import node, permissions
from ._atomic import Paths, named, write_whole, writing
from ._names import climbs
from ._progress import how_far, pieces, size_of
from ._watching import Kind, Watcher, states

_CHUNK = 1 << 18  # bytes of lines fetched per hop to a thread: a hop for each line would cost 100 times as much


@frozen(kw_only=True)
class FileInfo:
    """What is known of a file without reading it. ``size`` is in bytes, ``modified`` in UTC."""

    path: Path
    size: int
    modified: dt.datetime
    is_folder: bool


@frozen(kw_only=True)
class Change:
    """What has happened to a file since it was last told of."""

    kind: Kind
    path: Path


@node(pure=True)
def inside(folder: str | Path, name: str, deep: bool = False) -> Path:
    """The path of what has that name in a folder, for names that come from data; nothing is looked at.

    ``files.write(files.inside("release", entry.name), content)``

    With ``deep`` the name may be a path of several parts. Raises ValueError for a name that would lead elsewhere: an
    absolute one, one with ``.`` or ``..`` for a part, an empty one, and, without ``deep``, one with a ``/`` or
    ``\\``. A link in the folder still leads where it does.
    """
    path = Path(name)
    if not name or "\0" in name or climbs(name) or path.drive or path.root or (not deep and {"/", "\\"} & {*name}):
        msg = f"{name!r} is no name of something in {str(folder)!r}"
        raise ValueError(msg)
    return Path(folder, path)


@node(reads="files")
def read(path: str | Path) -> str:
    """The text of a file.

    ``page = files.read("index.html")``

    Raises OSError (which names the path) and ValueError where the file is not UTF-8.
    """
    try:
        return permissions().file(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        msg = f"{str(path)!r} is not UTF-8 text (byte {error.start}): read it with files.read_bytes"
        raise ValueError(msg) from error


@node(reads="files")
def read_bytes(path: str | Path) -> bytes:
    """The bytes of a file.

    ``logo = files.read_bytes("logo.png")``
    """
    return permissions().file(path).read_bytes()


@node(reads="files")
async def lines(path: str | Path) -> AsyncIterator[str]:
    """The lines of a text file as a stream, without their ends, in constant memory.

    ``for line in files.lines("access.log"): ...``

    Raises OSError, and ValueError that names the line which is not UTF-8.
    """
    file = await trio.to_thread.run_sync(open, permissions().file(path), "rb")
    number = 0
    say, done = how_far(size_of(file)), 0
    try:
        while chunk := await trio.to_thread.run_sync(file.readlines, _CHUNK):
            done += sum(map(len, chunk))
            say(done)
            for raw in chunk:
                number += 1
                try:
                    text = raw.decode()
                except UnicodeDecodeError as error:
                    msg = f"line {number} of {str(path)!r} is not UTF-8 text"
                    raise ValueError(msg) from error
                yield text.rstrip("\r\n")
    finally:
        file.close()


@node(writes="files")
def write(path: str | Path, content: str | bytes) -> Path:
    """Put text or bytes at ``path``, whole or not at all; returns the path.

    ``files.write("report.md", text)``

    Raises OSError, which names the path; the old file is then as it was.
    """
    return write_whole(path, content.encode() if isinstance(content, str) else content)


@node(writes="files")
def append(path: str | Path, content: str | bytes) -> Path:
    """Add text or bytes at the end of a file, which is made where it is missing; returns the path.

    ``files.append("visits.log", f"{name}\\n")``
    """
    target = permissions().file(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(target, "ab") as file:
            file.write(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise named(error, path) from error
    return Path(path)


@node(reads="files")
def list(folder: str | Path = ".") -> Paths:
    """What is in a folder, by name, the folder itself before each: ``files.list("inbox")`` gives ``inbox/a.csv``, ...

    Raises OSError where it is no folder.
    """
    return sorted(Path(folder) / path.name for path in permissions().file(folder).iterdir())


@node(reads="files")
def glob(pattern: str, folder: str | Path = ".") -> Paths:
    """The paths under ``folder`` that fit ``pattern``, sorted; ``**`` goes through sub-folders.

    ``for path in files.glob("**/*.csv", "inbox"): ...``

    Raises OSError where ``folder`` is no folder, ValueError for a pattern that is an absolute path.
    """
    root = permissions().file(folder)
    if Path(pattern).anchor:
        msg = f"the pattern {pattern!r} is an absolute path: where to look is folder="
        raise ValueError(msg)
    if os.pardir in Path(pattern).parts:
        permissions().file(root / pattern)
    if not root.is_dir():
        msg = f"no such folder: {str(folder)!r}"
        raise NotADirectoryError(msg)
    return sorted(Path(folder) / path.relative_to(root) for path in root.glob(pattern) if _permitted(path))


@node(reads="files")
async def watch(
    folder: str | Path, pattern: str = "**/*", debounce: float = 1.0, every: float = 1.0, existing: bool = False
) -> AsyncIterator[Change]:
    """The changes of the files under ``folder`` that fit ``pattern``, as a stream without end.

    ``for change in files.watch("inbox", "*.xlsx"): ...``

    The folder is looked at every ``every`` seconds, from when the stream is first asked. A change is told when the file
    has been left alone for ``debounce`` seconds, so what is still being written is not read half. ``existing``: what is
    there already is told first, as created.

    Raises OSError where ``folder`` is no folder, also when it goes away; ValueError for a pattern that leads out.
    """
    if not (debounce >= 0 and every > 0):
        msg = "debounce is 0 or more seconds, and every more than 0"
        raise ValueError(msg)
    watcher = Watcher(lambda: states(permissions().file(folder), pattern), debounce)
    if not existing:
        await trio.to_thread.run_sync(watcher.begin)
    while True:
        for kind, path in await trio.to_thread.run_sync(watcher.changes, trio.current_time()):
            yield Change(kind=kind, path=Path(folder) / path)
        await trio.sleep(every)


@node(writes="files")
def copy(source: str | Path, target: str | Path) -> Path:
    """Copy a file, or a folder with all in it, to the path ``target``, whole or not at all for a file; returns
    ``target``.

    ``files.copy("data.db", "backup/data.db")``

    Raises OSError; a folder is not copied over an existing one.
    """
    origin, goal = permissions().file(source), permissions().file(target)
    if origin.is_dir():
        shutil.copytree(origin, goal, symlinks=True)
    else:
        with origin.open("rb") as file, writing(target) as out:
            for data in pieces(file):
                out.write(data)
        shutil.copymode(origin, goal)
    return Path(target)


@node(writes="files")
def move(source: str | Path, target: str | Path) -> Path:
    """Move a file or folder to the path ``target``, replacing a file that is there; returns ``target``.

    ``files.move("inbox/a.csv", "done/a.csv")``
    """
    origin, goal = permissions().file(source, follow=False), permissions().file(target)
    if goal.is_dir():
        msg = f"cannot move {str(source)!r} to {str(target)!r}: a folder is there"
        raise FileExistsError(msg)
    missing = [above for above in goal.parents if not above.exists()]
    try:
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(origin, goal)
    except BaseException:
        for folder in missing:
            with suppress(OSError):  # somebody else has put something there
                folder.rmdir()
        raise
    return Path(target)


@node(writes="files")
def delete(path: str | Path, missing_ok: bool = False) -> bool:
    """Delete a file, a link, or a folder with all in it; tells whether something was there.

    ``files.delete("old.csv", missing_ok=True)``

    Raises FileNotFoundError where nothing is there, unless ``missing_ok``.
    """
    goal = permissions().file(path, follow=False)
    if not os.path.lexists(goal):
        if missing_ok:
            return False
        msg = f"nothing to delete at {str(path)!r}"
        raise FileNotFoundError(msg)
    if goal.is_dir() and not goal.is_symlink():
        shutil.rmtree(goal)
    else:
        goal.unlink()
    return True


@node(writes="files")
def make_folder(path: str | Path) -> Path:
    """Make a folder and those above it; one that is there is fine. Returns the path.

    ``files.make_folder("out/charts")``
    """
    permissions().file(path).mkdir(parents=True, exist_ok=True)
    return Path(path)


@node(reads="files")
def exists(path: str | Path) -> bool:
    """Is there a file or folder?

    ``if not files.exists("cache.json"): ...``
    """
    return permissions().file(path).exists()


@node(reads="files")
def stat(path: str | Path) -> FileInfo:
    """Size, time of the last change and kind of a file or folder.

    ``if files.stat("data.csv").size > 1_000_000: ...``
    """
    place = permissions().file(path)
    info = place.stat()
    return FileInfo(
        path=Path(path),
        size=info.st_size,
        modified=dt.datetime.fromtimestamp(info.st_mtime, dt.UTC),
        is_folder=place.is_dir(),
    )


def _permitted(path: Path) -> bool:
    """May the program see the path? What a link leads to elsewhere is not told from what is not there."""
    try:
        permissions().file(path)
    except PermissionError:
        return False
    return True
