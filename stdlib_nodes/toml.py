"""TOML text and files. ``read`` and ``write`` take part in the order of the ``files`` pack.

Read by Python's own tomllib; written by tomli-w, its counterpart (extra ``data``).
"""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

from .. import node, permissions
from ._atomic import write_whole
from ._fields import as_dict
from ._jsontext import simple
from ._libraries import library


@node(pure=True)
def loads(text: str) -> dict[str, Any]:
    """The table that a TOML text stands for.

    ``toml.loads('name = "Ada"\\n[db]\\nport = 5432\\n')`` gives ``{"name": "Ada", "db": {"port": 5432}}``

    Raises ValueError with line and column.
    """
    return _load(text, "the text")


@node(pure=True)
def dumps(value: Any) -> str:
    """The TOML text of a dict or record.

    ``toml.dumps({"name": "Ada", "db": {"port": 5432}})`` gives ``'name = "Ada"\\n\\n[db]\\nport = 5432\\n'``

    Raises TypeError for what has no form in TOML: None above all, which is said there by leaving the key out.
    """
    return str(library("toml", "tomli_w").dumps(_writable(value)))


@node(reads="files")
def read(path: str | Path) -> dict[str, Any]:
    """The table in a TOML file.

    ``config = toml.read("config.toml")``

    Raises OSError, and ValueError with path, line and column.
    """
    try:
        text = permissions().file(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        msg = f"{path} is not TOML: byte {error.start} is not UTF-8 text"
        raise ValueError(msg) from error
    return _load(text, str(path))


@node(writes="files")
def write(path: str | Path, value: Any) -> Path:
    """Put a dict or record into a TOML file, whole or not at all; returns the path.

    ``toml.write("config.toml", config)``
    """
    return write_whole(path, dumps.fn(value).encode())


def _load(text: str, origin: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError as error:
        msg = f"{origin} is nested too deeply"
        raise ValueError(msg) from error
    except ValueError as error:  # not TOML, or a number with more digits than Python reads
        msg = f"{origin} is not TOML: {error}"
        raise ValueError(msg) from error


def _writable(value: Any) -> dict[str, Any]:
    table = simple(as_dict(value), (dt.date, dt.time))
    pending: list[tuple[str, Any]] = [("", table)]
    while pending:
        place, item = pending.pop()
        if item is None:
            msg = f"TOML has no null: leave {place or 'it'} out, or give it a value"
            raise TypeError(msg)
        if isinstance(item, dict):
            for key, inner in item.items():
                if not isinstance(key, str):
                    msg = f"a key in TOML is text, not {key!r}"
                    raise TypeError(msg)
                pending.append((f"{place}.{key}" if place else key, inner))
        elif isinstance(item, list):
            pending += [(f"{place}[{i}]", inner) for i, inner in enumerate(item)]
    return dict(table)
