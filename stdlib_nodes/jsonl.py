"""JSON lines: one JSON value a line, read and written as streams. File nodes take part in the order of the ``files``
pack; paths that end in ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` are compressed on the fly.

Read by msgspec, which Conductor needs anyhow, and where that refuses, by Python's own json.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from .. import node
from ._jsontext import dump, parse_lines
from ._streams import PIECE, append_bytes, hops, opened, writing_packed


@node(pure=True)
def parse(text: str | bytes) -> list[Any]:
    """The values of a text, one a line; empty lines are passed over.

    ``jsonl.parse('{"a": 1}\\n{"a": 2}\\n')`` gives ``[{"a": 1}, {"a": 2}]``

    Raises ValueError that names the line which is not JSON.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return list(parse_lines(raw.split(b"\n"), "the text"))


@node(pure=True)
def format(values: list[Any]) -> str:
    """The text of values, one a line.

    ``jsonl.format([{"a": 1}, {"a": 2}])`` gives ``'{"a": 1}\\n{"a": 2}\\n'``

    Raises TypeError for what JSON cannot say, ValueError for NaN and infinity.
    """
    return b"".join(_lines(values)).decode()


@node(reads="files")
def read(path: str | Path, max_line: int = PIECE) -> list[Any]:
    """The values of a file, all at once; ``records`` streams them. ``max_line``: the longest line, in bytes.

    ``events = jsonl.read("events.jsonl")``
    """
    with opened(path, max_line) as file:
        return list(parse_lines(file, str(path)))


@node(reads="files")
async def records(path: str | Path, max_line: int = PIECE) -> AsyncIterator[Any]:
    """The values of a file as a stream, in constant memory. ``max_line``: the longest line, in bytes.

    ``for event in jsonl.records("events.jsonl.gz"): ...``

    Raises OSError, and ValueError that names the line which is not JSON or is too long.
    """
    async with hops(path, lambda file: parse_lines(file, str(path)), max_line) as more:
        while chunk := await more():
            for value in chunk:
                yield value


@node(writes="files")
def write(path: str | Path, values: list[Any]) -> Path:
    """Put values into a file, one a line, whole or not at all; returns the path.

    ``jsonl.write("events.jsonl", events)``
    """
    with writing_packed(path) as file:
        for line in _lines(values):
            file.write(line)
    return Path(path)


@node(writes="files")
def append(path: str | Path, values: list[Any]) -> Path:
    """Add values at the end of a file, which is made where it is missing; returns the path.

    A stream is written in batches: ``for part in events with batch=1000: jsonl.append("out.jsonl", part)``

    A value that JSON cannot say adds nothing.
    """
    return append_bytes(path, b"".join(_lines(values)))


def _lines(values: list[Any]) -> Iterator[bytes]:
    return (dump(value).encode() + b"\n" for value in values)
