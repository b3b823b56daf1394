"""Archives from strangers, unpacked within bounds; shared by nothing but the ``compress`` pack. Knows nothing of nodes.

An archive is unpacked into a folder of its own within the target, and what is in it moves up when all went well.
Only files and folders come out: no links, devices or owners, so there is nothing that could lead elsewhere.
"""

from __future__ import annotations

import errno
import lzma
import os
import re
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, cast

from attrs import frozen

from .. import permissions
from ._streams import opened

_PIECE = 1 << 18
_TAR_ENDINGS = (".tar", ".tgz", ".tbz2", ".txz", ".tzst", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")
_SHORT = {".tgz": ".gz", ".tbz2": ".bz2", ".txz": ".xz", ".tzst": ".zst"}
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]|(^|/)[A-Za-z]:")
"""What parts names, or names drives, on one system or another, and signs that nobody can see."""

_MAX_HEAD = 1 << 20
"""The longest head of a member, in bytes: tarfile reads them whole, and they may claim any length."""

BROKEN = (zipfile.BadZipFile, tarfile.TarError, NotImplementedError, RuntimeError, EOFError, zlib.error, lzma.LZMAError)


@frozen
class Member:
    """A file or folder in an archive. ``kind``: file, folder, or what else it says it is. ``size`` in bytes."""

    name: str
    kind: str
    size: int
    executable: bool


class _Info(tarfile.TarInfo):
    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        content = self.type in (*tarfile.REGULAR_TYPES, tarfile.DIRTYPE)
        if not content and self.size > _MAX_HEAD:
            msg = f"a head of {self.size:,} bytes"
            raise tarfile.TarError(msg)
        return super()._proc_member(archive)  # type: ignore[misc]


def is_tar(path: str | Path) -> bool:
    """By its name."""
    return str(path).lower().endswith(_TAR_ENDINGS)


def tar_suffix(path: str | Path) -> str:
    """The suffix of the compression around a tar file."""
    suffix = Path(path).suffix.lower()
    return _SHORT.get(suffix, suffix)


@contextmanager
def told(path: str | Path) -> Iterator[None]:
    """The libraries' many errors for a damaged archive as one ValueError that names it."""
    try:
        yield
    except (*BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # that: sent to a place before the start
            raise
        msg = f"{path} is no whole archive, or one of a kind that is not read: {error}"
        raise ValueError(msg) from error


def members(path: str | Path, limit: int) -> Iterator[tuple[Member, IO[bytes] | None]]:
    """What is in an archive, each file with its bytes, which are to be read before the next is asked for.

    A tar file is read as a stream, its ``limit`` that of the bytes that come out of its compression.
    """
    if is_tar(path):
        yield from _of_tar(path, limit)
    else:
        yield from _of_zip(path)


def _of_zip(path: str | Path) -> Iterator[tuple[Member, IO[bytes] | None]]:
    with zipfile.ZipFile(permissions().file(path)) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            kind = "folder" if info.is_dir() else "link" if mode & 0o170000 == 0o120000 else "file"
            member = Member(info.filename, kind, info.file_size, bool(mode & 0o100))
            if kind == "file":
                with archive.open(info) as content:
                    yield member, content
            else:
                yield member, None


def _of_tar(path: str | Path, limit: int) -> Iterator[tuple[Member, IO[bytes] | None]]:
    # Heads and padding come on top of the content: half a KiB a file.
    with (
        opened(path, 2 * limit + (1 << 20), of="content", suffix=tar_suffix(path)) as file,
        tarfile.open(fileobj=cast(BinaryIO, file), mode="r|", tarinfo=_Info) as archive,
    ):
        for info in archive:
            member = Member(info.name, _kind(info), info.size, bool(info.mode & 0o100))
            yield member, archive.extractfile(info) if info.isfile() else None


def _kind(info: tarfile.TarInfo) -> str:
    if info.isdir():
        return "folder"
    if info.isfile():
        return "file"
    return "link" if info.issym() or info.islnk() else "device"


def unpack(path: str | Path, folder: str | Path, limit: int, max_files: int) -> list[Path]:
    """The files that were unpacked, in order.

    Raises ValueError for a name that leads elsewhere or stands there twice, for a link or device, for more than
    ``limit`` bytes or ``max_files`` files and folders; FileExistsError where ``folder`` is there and not empty. Nothing
    is left then.
    """
    goal = permissions().file(folder)
    if goal.exists() and (not goal.is_dir() or any(goal.iterdir())):
        msg = f"cannot unpack to {str(folder)!r}: something is there"
        raise FileExistsError(msg)
    new = not goal.exists()
    goal.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(suffix=".part", dir=goal))
    try:
        with told(path):
            names = _unpack_into(work, path, limit, max_files)
        for item in work.iterdir():
            item.rename(goal / item.name)
        work.rmdir()
    except BaseException:
        shutil.rmtree(goal if new else work, ignore_errors=True)
        raise
    return [Path(folder) / name for name in names]


def _unpack_into(work: Path, path: str | Path, limit: int, max_files: int) -> list[PurePosixPath]:
    total, names = 0, []
    for count, (member, content) in enumerate(members(path, limit), 1):
        if count > max_files:
            msg = f"{path} holds more than {max_files:,} files and folders"
            raise ValueError(msg)
        name = safe_name(member, path)
        target = work / name
        try:
            (target if content is None else target.parent).mkdir(parents=True, exist_ok=True)
            if content is None:
                continue
            file = open(target, "xb")  # noqa: SIM115  # entered below
        except (FileExistsError, NotADirectoryError) as error:
            msg = f"{path}: {member.name!r} stands there twice, or is a file and a folder"
            raise ValueError(msg) from error
        with file:
            while piece := content.read(_PIECE):
                total += len(piece)
                if total > limit:
                    msg = f"{path} unpacks to more than {limit:,} bytes"
                    raise ValueError(msg)
                file.write(piece)
        if member.executable:
            target.chmod(target.stat().st_mode | 0o111)
        names.append(name)
    return names


def safe_name(member: Member, path: str | Path) -> PurePosixPath:
    """Where a member belongs. Raises ValueError where that is not within the folder, or it is no file or folder."""
    name = PurePosixPath(member.name)
    if member.kind not in ("file", "folder"):
        msg = f"{path}: {member.name!r} is a {member.kind}: only files and folders are unpacked"
        raise ValueError(msg)
    if name.is_absolute() or ".." in name.parts or _FORBIDDEN.search(member.name):
        msg = f"{path}: the name {member.name!r} leads out of the folder, or is none on every system"
        raise ValueError(msg)
    if not name.parts and member.kind == "file":
        msg = f"{path}: a file without a name"
        raise ValueError(msg)
    return name


def collect(paths: list[Path], base: Path | None, target: Path) -> Iterator[tuple[Path, str]]:
    """The files of these files and folders, and the names that they get in an archive: those from ``base`` on, else
    from the folder of each.

    Links are not followed and not taken, nor is the archive itself. Raises FileNotFoundError for a path that is not
    there, ValueError for one that is not below ``base``, or for two files of one name.
    """
    seen: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            msg = f"nothing to pack at {str(path)!r}"
            raise FileNotFoundError(msg)
        root = base if base is not None else path.parent
        for file in sorted(_files(path)):
            if file.resolve() == target.resolve():
                continue
            try:
                name = file.absolute().relative_to(root.absolute()).as_posix()
            except ValueError:
                msg = f"{str(file)!r} is not below {str(base)!r}"
                raise ValueError(msg) from None
            if name in seen:
                msg = f"two files would be called {name!r}: {str(seen[name])!r} and {str(file)!r}; give base="
                raise ValueError(msg)
            seen[name] = file
            yield file, name


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (found for name in names if (found := Path(folder, name)).is_file() and not found.is_symlink())
