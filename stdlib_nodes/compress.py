"""Compression: bytes, files, and archives (zip and tar). File nodes take part in the order of the ``files`` pack.

By Python's own zipfile, tarfile, gzip, bz2 and lzma, and by zstandard for ``zstd`` (extra ``data``). Whatever is
unpacked is bounded: what would expand beyond ``limit`` bytes is refused, and so are names and links in an archive that
lead out of its folder.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal, cast

from attrs import frozen

from .. import node, permissions
from ._atomic import Paths, writing
from ._progress import how_far, pieces
from ._streams import PIECE, Source, compressing, hops, opened, source, zstd_compressor
from ._unpack import collect, is_tar, members, tar_suffix, told, unpack as _unpack

Form = Literal["gzip", "bz2", "xz", "zstd"]

LIMIT = 1 << 30
"""The most bytes that come out of compressed ones unless the caller asks for more: 1 GiB."""

_SUFFIX = {"gzip": ".gz", "bz2": ".bz2", "xz": ".xz", "zstd": ".zst"}
_MAX_FILES = 100_000


@frozen(kw_only=True)
class Entry:
    """What an archive says of a file in it; ``kind`` is file, folder, link or device, ``size`` in bytes."""

    name: str
    kind: str
    size: int


@node(pure=True)
def compress(content: bytes | str, form: Form = "gzip", level: int | None = None) -> bytes:
    """The content, compressed. ``level``: how hard to try, as the form counts it.

    ``compress.decompress(compress.compress("abc"))`` gives ``b"abc"``

    Raises ValueError for an unknown form or level.
    """
    raw = content.encode() if isinstance(content, str) else content
    try:
        match form:
            case "gzip":
                return gzip.compress(raw, 6 if level is None else level, mtime=0)
            case "bz2":
                return bz2.compress(raw, 9 if level is None else level)
            case "xz":
                return lzma.compress(raw, preset=level)
            case "zstd":
                return bytes(zstd_compressor(3 if level is None else level).compress(raw))
    except (ValueError, lzma.LZMAError, zlib.error) as error:
        msg = f"{form} has no level {level}: {error}"
        raise ValueError(msg) from error
    raise _unknown(form)


@node(pure=True)
def decompress(content: bytes, form: Form = "gzip", limit: int = LIMIT) -> bytes:
    """The bytes that were compressed, at most ``limit``.

    ``text = compress.decompress(content, "zstd").decode()``

    Raises ValueError for what is damaged, is of another form, or expands beyond ``limit``.
    """
    if form not in _SUFFIX:
        raise _unknown(form)
    with source(io.BytesIO(content), _SUFFIX[form], f"the {form} content", limit, of="content") as file:
        return file.read()


@node(writes="files")
def file(path: str | Path, form: Form = "gzip", target: str | Path | None = None) -> Path:
    """Compress a file, as a stream, to ``target`` (else beside it: ``a.log`` to ``a.log.gz``); returns that path.

    ``compress.file("app.log", "zstd")``

    The file itself stays. Raises OSError.
    """
    if form not in _SUFFIX:
        raise _unknown(form)
    goal = Path(target) if target is not None else Path(f"{path}{_SUFFIX[form]}")
    with open(permissions().file(path), "rb") as raw, writing(goal) as out:
        packed = compressing(out, _SUFFIX[form])
        for data in pieces(raw):
            packed.write(data)
        packed.close()
    return goal


@node(writes="files")
def expand(path: str | Path, target: str | Path | None = None, limit: int = LIMIT) -> Path:
    """Decompress a ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` file, as a stream, to ``target`` (else beside it, without
    that ending); returns that path.

    ``compress.expand("app.log.gz")``

    Raises OSError, and ValueError for what is damaged or expands beyond ``limit`` bytes; nothing is written then.
    """
    if Path(path).suffix not in _SUFFIX.values():
        msg = f"{str(path)!r} ends in none of {', '.join(_SUFFIX.values())}"
        raise ValueError(msg)
    goal = Path(target) if target is not None else Path(path).with_suffix("")
    with opened(path, limit, of="content") as expanded, writing(goal) as out:
        counted = cast(Source, expanded.raw)
        say = how_far(counted.size)
        while data := expanded.read(1 << 18):
            out.write(data)
            say(counted.place() or 0)
    return goal


@node(reads="files")
async def lines(path: str | Path, encoding: str = "utf-8", max_line: int = PIECE) -> AsyncIterator[str]:
    """The lines of a compressed text file as a stream, without their ends, in constant memory.

    ``for line in compress.lines("access.log.gz"): ...``

    Raises OSError, and ValueError for what is damaged, is not in that encoding, or has a longer line.
    """

    def texts(file: io.BufferedReader) -> Any:
        for number, raw in enumerate(file, 1):
            try:
                yield raw.decode(encoding).rstrip("\r\n")
            except (UnicodeDecodeError, LookupError) as error:
                msg = f"line {number} of {str(path)!r} is not {encoding} text"
                raise ValueError(msg) from error

    async with hops(path, texts, max_line) as more:
        while chunk := await more():
            for line in chunk:
                yield line


@node(writes="files")
def pack(target: str | Path, paths: list[str | Path], base: str | Path | None = None) -> Path:
    """Put files and folders into an archive, whole or not at all, its kind by its name: ``.zip``, ``.tar``,
    ``.tar.gz``, ``.tar.bz2``, ``.tar.xz``, ``.tar.zst``. Returns its path.

    ``compress.pack("backup.tar.gz", ["data", "config.toml"])``

    Names in the archive begin at ``base``, else at the folder of each path. Links are left out. Equal files give equal
    archives, but for the time of their last change. Raises OSError, and ValueError for two files of one name.
    """
    goal = Path(target)
    granted = permissions().file
    roots = [granted(path) for path in paths if not Path(path).is_symlink()]
    found = list(collect(roots, None if base is None else granted(base), goal))
    say = how_far(len(found))
    with writing(goal) as out:
        if is_tar(goal):
            packed = compressing(out, tar_suffix(goal))
            with tarfile.open(fileobj=packed, mode="w|") as tar:
                for number, (path, name) in enumerate(found, 1):
                    tar.add(path, name, recursive=False, filter=_without_owner)
                    say(number)
            if packed is not out:
                packed.close()
        else:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
                for number, (path, name) in enumerate(found, 1):
                    archive.write(path, name)
                    say(number)
    return goal


@node(writes="files")
def unpack(path: str | Path, folder: str | Path, limit: int = LIMIT, max_files: int = _MAX_FILES) -> Paths:
    """Unpack a zip or tar archive into a folder that is missing or empty, whole or not at all; the paths of its files.

    ``for path in compress.unpack("upload.zip", "inbox/upload"): ...``

    Raises OSError, and ValueError for what is damaged, for names that lead out of the folder or stand there twice, for
    links and devices, for more than ``limit`` bytes, and for more than ``max_files`` files and folders.
    """
    return _unpack(path, folder, limit, max_files)


@node(reads="files")
def entries(path: str | Path, limit: int = LIMIT, max_files: int = _MAX_FILES) -> list[Entry]:
    """What is in a zip or tar archive, by its own word.

    ``names = [e.name for e in compress.entries("upload.zip")]``
    """
    out: list[Entry] = []
    with told(path):
        for member, _ in members(path, limit):
            if len(out) >= max_files:
                msg = f"{path} holds more than {max_files:,} files and folders"
                raise ValueError(msg)
            out.append(Entry(name=member.name, kind=member.kind, size=member.size))
    return out


def _without_owner(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _unknown(form: str) -> ValueError:
    return ValueError(f"no form {form!r}: the forms are {', '.join(_SUFFIX)}")
