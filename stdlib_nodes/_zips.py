"""Zip files that are not trusted: how large they really are. Knows nothing of nodes."""

from __future__ import annotations

import copy
import errno
import zipfile
import zlib
from typing import BinaryIO

_RATIO = 1032
"""The most that deflate can expand (https://zlib.net/zlib_tech.html): a smaller file needs no look inside."""

_STORED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


def check_size(file: BinaryIO, size: int, limit: int, origin: str) -> None:
    """Raises ValueError where the members of a zip file of ``size`` bytes hold more than ``limit`` bytes together.

    What the file says of itself is not believed: where it could be more, it is decompressed and counted.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if any(info.compress_type not in _STORED for info in members):
                msg = f"{origin}: compressed by a way that is not used in such files"
                raise ValueError(msg)
            # Members may overlap, so the size of the file bounds each of them, not all together.
            if size * _RATIO * len(members) <= limit:
                return
            total = 0
            for info in members:
                unbound = copy.copy(info)
                unbound.file_size, unbound.CRC = limit + 1, None  # type: ignore[assignment]  # no end but the true one
                with archive.open(unbound) as member:
                    while chunk := member.read(1 << 16):
                        total += len(chunk)
                        if total > limit:
                            msg = f"{origin} unpacks to more than {limit:,} bytes"
                            raise ValueError(msg)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # that: sent before the start
            raise
        msg = f"{origin} is no whole zip file: {error}"
        raise ValueError(msg) from error
    finally:
        file.seek(0)
