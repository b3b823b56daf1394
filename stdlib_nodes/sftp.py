"""Files on other machines, over SFTP: list, read, write, upload, download, move, delete; whole folders, too.

A host is an address, ``sftp://user@host:22`` (or ``ssh://``); logging in and known hosts are as in ``ssh``, and so are
the errors, with ``ssh.SshError``. Paths begin in the folder where the login leads, or with a ``/``; one with ``..`` for
a part is refused, as a name from elsewhere could lead out of the folder it was put behind. Built on asyncssh.

The resource is ``sftp``: reads overlap and wait for writes before them. What is written takes its place whole or not at
all. A program that its host does not trust reaches the hosts and files that it was given.
"""

from __future__ import annotations

import asyncio
import posixpath
import secrets
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from attrs import frozen

from .. import node, permissions
from ._atomic import writing
from ._names import climbs, has_control
from ._progress import how_far, size_of
from ._sshing import apart, connection
from ._trees import here, there

_BLOCK = 4 << 20  # bytes read or written at a time; asyncssh sends them as several requests at once
_MOST = 10_000  # files and folders below one
_SIZE = 64 << 20  # bytes of a file that is read into memory


@frozen(kw_only=True)
class Entry:
    """What stands in a folder there. ``path`` is that of the call with the name; ``kind`` is ``file``, ``folder``,
    ``link`` or ``other``; ``mode`` is what ``write`` takes (``0o640``), None where the host does not say."""

    path: str
    name: str
    kind: str
    size: int
    modified: datetime | None
    mode: int | None


@node(reads="sftp", runs="asyncio")
async def entries(host: str, folder: str = ".", key: str | Path = "", known: str | Path = "") -> list[Entry]:
    """What stands in a folder, by name; links are not followed.

    ``names = [e.name for e in sftp.entries(HOST, "incoming") if e.kind == "file"]``

    A name that would be a path (a host that plays tricks) is an SshError.
    """
    from .ssh import SshError

    async with _files(host, key, known, folder) as files:
        found = await files.readdir(folder)
    made = []
    for one in found:
        name = one.filename
        if name in (".", ".."):
            continue
        if not isinstance(name, str) or not name or "/" in name or "\0" in name:
            msg = f"{folder!r} has an entry that is no name: {name!r}"
            raise SshError(msg)
        made.append(_entry(posixpath.join(folder, name), name, one.attrs))
    return sorted(made, key=lambda entry: entry.name)


@node(reads="sftp", runs="asyncio")
async def info(host: str, path: str, key: str | Path = "", known: str | Path = "") -> Entry | None:
    """What there is at a path, links followed; None: nothing.

    ``there = sftp.info(HOST, "incoming/orders.csv") is not None``
    """
    from asyncssh import SFTPNoSuchFile

    async with _files(host, key, known, path) as files:
        try:
            found = await files.stat(path)
        except SFTPNoSuchFile:
            return None
    return _entry(path, posixpath.basename(path), found)


@node(reads="sftp", runs="asyncio")
async def read(host: str, path: str, key: str | Path = "", known: str | Path = "", max_size: int = _SIZE) -> bytes:
    """The bytes of a file; ``download`` fetches large ones.

    ``orders = csv.parse(sftp.read(HOST, "incoming/orders.csv").decode())``

    Raises SshError, and ValueError for more than ``max_size`` bytes.
    """
    data = bytearray()
    async with _files(host, key, known, path) as files, files.open(path, "rb") as file:
        while len(data) <= max_size and (block := await file.read(min(_BLOCK, max_size + 1 - len(data)))):
            data += block
    if len(data) > max_size:
        msg = f"{path!r} has more than max_size={max_size} bytes: sftp.download fetches it into a file"
        raise ValueError(msg)
    return bytes(data)


@node(writes="sftp", runs="asyncio")
async def write(
    host: str, path: str, data: str | bytes, key: str | Path = "", known: str | Path = "", mode: int | None = None
) -> None:
    """Put a file, in place of what is there, whole or not at all.

    ``sftp.write(HOST, "outgoing/report.json", json.format(report))``

    Its mode is ``mode``; else that of the file which was there, or what the host gives to a new one.
    """
    async with _files(host, key, known, path) as files, _replacing(files, path, mode) as file:
        await file.write(data.encode() if isinstance(data, str) else data)


@node(reads="sftp", writes="files", runs="asyncio")
async def download(host: str, path: str, target: str | Path, key: str | Path = "", known: str | Path = "") -> Path:
    """Fetch a file into one here, whole or not at all, in constant memory; returns the path of that.

    ``sftp.download(HOST, "incoming/orders.csv", "orders.csv")``

    Raises SshError, and OSError (which names the path).
    """
    permissions().file(target)
    async with _files(host, key, known, path) as files:
        await _fetch(files, path, target)
    return Path(target)


@node(reads="sftp", writes="files", runs="asyncio")
async def download_folder(
    host: str, path: str, target: str | Path, key: str | Path = "", known: str | Path = "", most: int = _MOST
) -> int:
    """Fetch the files of a folder and of those below it into one here, each whole or not at all; how many files.

    ``sftp.download_folder(HOST, "incoming", "inbox") with timeout=1h``

    Links are left out there, and not written through here. What is here already stays, but for files of the same names.
    Raises SshError, also for a name that would be a path, OSError, and ValueError for more than ``most`` files and
    folders.
    """
    permissions().file(target)
    async with _files(host, key, known, path) as files:
        found = await there(files, path, most)
        seen = _counter(sum(leaf.size for leaf in found))
        await asyncio.to_thread(_make_folder, Path(target), root=True)
        for leaf in found:
            goal = Path(target, leaf.path)
            if leaf.is_folder:
                await asyncio.to_thread(_make_folder, goal)
            else:
                _refuse_link(goal)
                await _fetch(files, posixpath.join(path, leaf.path), goal, seen)
    return sum(not leaf.is_folder for leaf in found)


@node(reads="files", writes="sftp", runs="asyncio")
async def upload(
    host: str, source: str | Path, path: str, key: str | Path = "", known: str | Path = "", mode: int | None = None
) -> int:
    """Put a file of this machine there, whole or not at all, in constant memory; how many bytes.

    ``sftp.upload(HOST, "report.pdf", "outgoing/report.pdf")``

    Its mode is as in ``write``. Raises SshError, OSError.
    """
    opened = permissions().file(source).open
    with await asyncio.to_thread(opened, "rb") as local:
        async with _files(host, key, known, path) as files:
            return await _send(files, local, path, _counter(size_of(local)), mode)


@node(reads="files", writes="sftp", runs="asyncio")
async def upload_folder(
    host: str, source: str | Path, path: str, key: str | Path = "", known: str | Path = "", most: int = _MOST
) -> int:
    """Put the files of a folder and of those below it there, each whole or not at all; how many files.

    ``sftp.upload_folder(HOST, "site", "public") with timeout=1h``

    Links are left out here, and not written through there. What is there already stays, but for files of the same
    names. Raises SshError, OSError, and ValueError for more than ``most`` files and folders.
    """
    root = permissions().file(source)
    found = await asyncio.to_thread(here, root, most)
    seen = _counter(sum(leaf.size for leaf in found))
    async with _files(host, key, known, path, *(posixpath.join(path, leaf.path) for leaf in found)) as files:
        await files.makedirs(path, exist_ok=True)
        for leaf in found:
            goal = posixpath.join(path, leaf.path)
            if await files.islink(goal):
                from .ssh import SshError

                msg = f"{goal!r} is a link there: it may lead elsewhere"
                raise SshError(msg)
            if leaf.is_folder:
                await files.makedirs(goal, exist_ok=True)
            else:
                opened = permissions().file(Path(source, leaf.path)).open
                with await asyncio.to_thread(opened, "rb") as local:
                    await _send(files, local, goal, seen)
    return sum(not leaf.is_folder for leaf in found)


@node(writes="sftp", runs="asyncio")
async def move(host: str, path: str, target: str, key: str | Path = "", known: str | Path = "") -> None:
    """Give a file or folder another path there, in place of a file that has it.

    ``sftp.move(HOST, "incoming/orders.csv", "done/orders.csv")``
    """
    async with _files(host, key, known, path, target) as files:
        await _renamed(files, path, target)


@node(writes="sftp", runs="asyncio")
async def make_folder(host: str, path: str, key: str | Path = "", known: str | Path = "") -> None:
    """Make a folder, and those it is in; one that is there is no error.

    ``sftp.make_folder(HOST, "done/2026")``
    """
    async with _files(host, key, known, path) as files:
        await files.makedirs(path, exist_ok=True)


@node(writes="sftp", runs="asyncio")
async def delete(host: str, path: str, key: str | Path = "", known: str | Path = "") -> bool:
    """Delete a file, a link (not what it leads to) or an empty folder; was there one?

    ``sftp.delete(HOST, "incoming/orders.csv")``
    """
    from asyncssh import SFTPNoSuchFile

    async with _files(host, key, known, path) as files:
        try:
            attrs = await files.lstat(path)
        except SFTPNoSuchFile:
            return False
        await (files.rmdir if stat.S_ISDIR(attrs.permissions or 0) else files.remove)(path)
    return True


def _counter(total: float) -> Callable[[int], None]:
    """Tells the run of bytes as they come. To be asked for in the node's own task."""
    say, done = how_far(total), 0

    def seen(more: int) -> None:
        nonlocal done
        done += more
        say(done)

    return seen


async def _fetch(files: Any, path: str, target: str | Path, seen: Callable[[int], None] | None = None) -> None:
    async with files.open(path, "rb") as file, apart(writing(target)) as local:
        seen = seen or _counter((await file.stat()).size or 0)
        while block := await file.read(_BLOCK):
            await asyncio.to_thread(local.write, block)
            seen(len(block))


async def _send(files: Any, local: BinaryIO, path: str, seen: Callable[[int], None], mode: int | None = None) -> int:
    done = 0
    async with _replacing(files, path, mode) as file:
        while block := await asyncio.to_thread(local.read, _BLOCK):
            await file.write(block)
            done += len(block)
            seen(len(block))
    return done


def _make_folder(path: Path, *, root: bool = False) -> None:
    if not root:
        _refuse_link(path)
    permissions().file(path).mkdir(parents=True, exist_ok=True)


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        msg = f"{str(path)!r} is a link: what it leads to is not written"
        raise FileExistsError(msg)


@asynccontextmanager
async def _files(host: str, key: str | Path, known: str | Path, *paths: str) -> AsyncIterator[Any]:
    """What speaks SFTP, for calls about these paths."""
    for path in paths:
        if not path or has_control(path) or (climbs(path) and path != "."):
            msg = f"{path!r} is no path for sftp (no control characters, no part . or ..)"
            raise ValueError(msg)
    async with connection(host, key, known) as there, there.start_sftp_client() as files:
        yield files


@asynccontextmanager
async def _replacing(files: Any, path: str, mode: int | None) -> AsyncIterator[Any]:
    """A file that takes the place of ``path`` when the block ends well; else nothing is left of it."""
    from asyncssh import SFTPAttrs, SFTPNoSuchFile

    if mode is None:
        with suppress(SFTPNoSuchFile):
            mode = _mode((await files.stat(path)).permissions)
    # Nobody else reads it before it has its mode.
    attrs = SFTPAttrs() if mode is None else SFTPAttrs(permissions=0o600)
    folder, name = posixpath.split(path)
    temporary = posixpath.join(folder, f".{name[:100]}.{secrets.token_hex(4)}.part")
    try:
        async with files.open(temporary, "wb", attrs) as file:
            yield file
            if mode is not None:
                await file.chmod(mode)
        await _renamed(files, temporary, path)
    except BaseException:
        # Cancelled, there is a moment for it; a connection that is gone leaves it there.
        with suppress(Exception):
            await asyncio.wait_for(asyncio.shield(files.remove(temporary)), 5)
        raise


async def _renamed(files: Any, path: str, target: str) -> None:
    """In place of what is there, in one step where the host can (OpenSSH can)."""
    from asyncssh import SFTPOpUnsupported

    try:
        await files.posix_rename(path, target)
    except SFTPOpUnsupported:
        await files.rename(path, target)


def _mode(permissions: int | None) -> int | None:
    return None if permissions is None else stat.S_IMODE(permissions)


def _entry(path: str, name: str, attrs: Any) -> Entry:
    mode = attrs.permissions or 0
    kinds = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"))
    return Entry(
        path=path,
        name=name,
        kind=next((kind for is_it, kind in kinds if is_it(mode)), "other"),
        size=attrs.size or 0,
        modified=None if attrs.mtime is None else datetime.fromtimestamp(attrs.mtime, UTC),
        mode=_mode(attrs.permissions),
    )
