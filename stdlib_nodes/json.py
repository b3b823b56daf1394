"""JSON text and JSON files. ``read`` and ``write`` take part in the order of the ``files`` pack.

Records (attrs classes, dataclasses), dates, durations, paths, decimals and sets are written in the obvious way; reading
gives plain values, which ``order: Order = json.read("order.json")`` turns into a record.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import node, permissions
from ._atomic import write_whole
from ._jsontext import dump, parse


@node(pure=True)
def loads(text: str | bytes) -> Any:
    """The value that a JSON text stands for.

    ``page = json.loads(body)``

    Raises ValueError with line and column.
    """
    return parse(text, "the text")


@node(pure=True)
def dumps(value: Any, indent: int | None = None, sort_keys: bool = False) -> str:
    """The JSON text of a value, in one line or indented.

    ``line = json.dumps({"id": 7})``

    Raises TypeError for what JSON cannot say, ValueError for NaN and infinity.
    """
    return dump(value, indent, sort_keys)


@node(reads="files")
def read(path: str | Path) -> Any:
    """The value in a JSON file (UTF-8, UTF-16 or UTF-32).

    ``config = json.read("config.json")``

    Raises OSError, and ValueError with path, line and column.
    """
    return parse(permissions().file(path).read_bytes(), str(path))


@node(writes="files")
def write(path: str | Path, value: Any, indent: int | None = 2, sort_keys: bool = False) -> Path:
    """Put a value into a JSON file, whole or not at all; returns the path.

    ``json.write("totals.json", totals)``
    """
    return write_whole(path, (dump(value, indent, sort_keys) + "\n").encode())
