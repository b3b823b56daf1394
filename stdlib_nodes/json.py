"""JSON text and JSON files. ``read`` and ``write`` take part in the order of the ``files`` pack.

Records (attrs classes, dataclasses), dates, durations, paths, decimals and sets are written in the obvious way; reading
gives plain values, which ``order: Order = json.read("order.json")`` turns into a record.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

from .. import node, permissions
from ._atomic import write_whole
from ._jsontext import dump, parse, simple
from ._libraries import library
from ._streams import PIECE, Source, hops


@node(pure=True)
def loads(text: str | bytes) -> Any:
    """The value that a JSON text stands for.

    ``json.loads('{"id": 7}')`` gives ``{"id": 7}``

    Raises ValueError with line and column.
    """
    return parse(text, "the text")


@node(pure=True)
def dumps(value: Any, indent: int | None = None, sort_keys: bool = False) -> str:
    """The JSON text of a value, in one line or indented.

    ``json.dumps({"id": 7})`` gives ``'{"id": 7}'``

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


@node(reads="files")
async def items(path: str | Path, at: str = "", max_item: int = PIECE) -> AsyncIterator[Any]:
    """The items of one long list in a JSON file as a stream, in constant memory.

    ``for order in json.items("orders.json", at="result.orders"): ...``

    ``at``: the keys that lead to the list, with dots between; "" where the file is the list. ``max_item``: the most
    bytes between two items. ``.gz``, ``.bz2``, ``.xz`` and ``.zst`` are decompressed on the fly. Read by ijson (extra
    ``data``). Raises OSError, and ValueError with the path.
    """
    async with hops(path, lambda file: _items(file, at, str(path)), max_item, of="item") as more:
        while chunk := await more():
            for item in chunk:
                yield item


@node(pure=True)
def query(value: Any, expression: str) -> Any:
    """What a JMESPath expression finds in a value; None where it finds nothing.

    ``json.query({"orders": [{"id": 1, "n": 5}, {"id": 2, "n": 50}]}, "orders[?n > `10`].id")`` gives ``[2]``

    By the library jmespath (extra ``data``). Raises ValueError for an expression that is none, or does not fit.
    """
    jmespath = library("json", "jmespath")
    try:
        return jmespath.search(expression, simple(value))
    except jmespath.exceptions.JMESPathError as error:
        msg = f"the expression {expression!r}: {' '.join(str(error).split())}"
        raise ValueError(msg) from error
    except RecursionError as error:
        msg = f"the expression {expression[:60]!r} is nested too deeply"
        raise ValueError(msg) from error


def _floats(item: Any) -> Any:
    """ijson makes Decimals of fractions, or else refuses whole numbers beyond 64 bits."""
    if isinstance(item, dict):
        return {key: _floats(value) for key, value in item.items()}
    if isinstance(item, list):
        return [_floats(value) for value in item]
    return float(item) if isinstance(item, Decimal) else item


def _items(file: BufferedReader, at: str, origin: str) -> Iterator[Any]:
    ijson = library("json", "ijson")
    source = cast(Source, file.raw)
    try:
        for item in ijson.items(file, f"{at}.item" if at else "item"):
            source.passed()
            yield _floats(item)
    except (ijson.JSONError, UnicodeError) as error:
        msg = f"{origin} is not JSON: {' '.join(str(error).split())}"
        raise ValueError(msg) from error
    except RecursionError as error:
        msg = f"{origin} is nested too deeply"
        raise ValueError(msg) from error
