"""Sizes as users write them: bytes, or text (``"512MB"``, ``"1.5GiB"``)."""

from __future__ import annotations

import re

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
"""Bytes in one of each unit."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")


def size_in_bytes(value: int | str) -> int:
    """A size in bytes.

    Raises
    ------
    TypeError, ValueError: it is neither a number of bytes nor text like ``"512MB"``, or less than one byte.

    >>> size_in_bytes("1.5KiB")
    1536
    """
    size: object = value
    if isinstance(value, str):
        found = _SIZE.fullmatch(value.strip())
        if found is None or found[2] not in UNITS:
            msg = f"{value!r} is not a size: write it like '512MB' or '1GiB' ({', '.join(UNITS)})"
            raise ValueError(msg)
        size = int(float(found[1]) * UNITS[found[2]])
    if isinstance(size, bool) or not isinstance(size, int):
        msg = f"a size is a number of bytes or text like '512MB', not {value!r}"
        raise TypeError(msg)
    if size < 1:
        msg = f"a size is at least one byte: {value!r}"
        raise ValueError(msg)
    return size
