"""Bodies that are not held in memory: requests from files, forms and streams, answers into files. Knows nothing of
nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import trio

from .. import permissions
from ._aside import aside
from ._atomic import writing
from ._calls import pieces, shown
from ._failures import HttpError
from ._progress import how_far

_BLOCK = 1 << 18  # bytes read from files per hop to a thread,
_SAVED = 1 << 20  # and written


class Blocks(httpx.AsyncByteStream):
    """What a body of httpx gives, its files read in a thread; from the beginning each time that it is sent."""

    def __init__(self, body: Any, files: list[BinaryIO], size: int) -> None:
        self._body, self._files, self._say = body, files, how_far(size)
        self._parts: Iterator[bytes] = iter(())
        self._sent = 0

    # An iterator, for nobody closes a generator that is given up half way.
    def __aiter__(self) -> AsyncIterator[bytes]:
        for file in self._files:
            file.seek(0)
        self._parts, self._sent = iter(self._body), 0
        return self

    async def __anext__(self) -> bytes:
        block = await trio.to_thread.run_sync(self._next)
        if not block:
            raise StopAsyncIteration
        self._sent += len(block)
        self._say(self._sent)
        return block

    def _next(self) -> bytes:
        block = bytearray()
        for part in self._parts:
            block += part
            if len(block) >= _BLOCK:
                break
        return bytes(block)


class Once(httpx.AsyncByteStream):
    """The items of a stream, text as UTF-8. They are gone when they are sent: a second time is an error."""

    def __init__(self, items: AsyncIterator[str] | AsyncIterator[bytes]) -> None:
        self._items: AsyncIterator[str | bytes] = items
        self._begun = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self._begun:
            raise httpx.StreamConsumed
        self._begun = True
        return self

    async def __anext__(self) -> bytes:
        # An empty part would end the body where its parts are marked by their lengths.
        while not (item := await anext(self._items)):
            pass
        return item.encode() if isinstance(item, str) else item


@asynccontextmanager
async def one_file(path: str | Path) -> AsyncIterator[tuple[Blocks, dict[str, str]]]:
    """The content of a file as a body, and the headers that go with it."""
    async with _opened([path]) as (file,):
        yield _blocks(httpx.Request("PUT", "http://none", content=file), [file])


@asynccontextmanager
async def form(
    files: dict[str, str | Path | list[str | Path]], fields: dict[str, Any] | None
) -> AsyncIterator[tuple[Blocks, dict[str, str]]]:
    """A form of files and fields (multipart/form-data) as a body, and the headers that go with it."""
    named = [(name, path) for name, one in files.items() for path in (one if isinstance(one, list) else [one])]
    async with _opened([path for _, path in named]) as opened:
        parts = [(name, (Path(path).name, file)) for (name, path), file in zip(named, opened, strict=True)]
        yield _blocks(httpx.Request("POST", "http://none", data=fields, files=parts), opened)


async def save(got: httpx.Response, path: str | Path, most: int | None) -> None:
    """Put the body of an answer into a file, whole or not at all. Raises HttpError for more than ``most`` bytes."""
    size = int(got.headers.get("content-length", 0)) if "content-encoding" not in got.headers else 0
    say = how_far(size) if size else lambda done: None
    async with aside(writing(path)) as file, pieces(got) as body:
        done, block = 0, bytearray()
        async for part in body:
            block += part
            if most is not None and done + len(block) > most:
                url = shown(got.url)
                msg = f"GET {url}: the answer is over {most} bytes (max_size=)"
                raise HttpError(msg, got.status_code, url)
            if len(block) >= _SAVED:
                await trio.to_thread.run_sync(file.write, bytes(block))
                done += len(block)
                block.clear()
                say(done)
        await trio.to_thread.run_sync(file.write, bytes(block))
        say(size)


def _blocks(made: httpx.Request, files: list[BinaryIO]) -> tuple[Blocks, dict[str, str]]:
    headers = {name: made.headers[name] for name in ("content-type", "content-length") if name in made.headers}
    return Blocks(made.stream, files, int(headers.get("content-length", 0))), headers


@asynccontextmanager
async def _opened(paths: list[str | Path]) -> AsyncIterator[list[BinaryIO]]:
    files: list[BinaryIO] = []
    try:
        for place in [permissions().file(path) for path in paths]:
            files.append(await trio.to_thread.run_sync(_open, place))
        yield files
    finally:
        for file in files:
            file.close()


def _open(place: Path) -> BinaryIO:
    return place.open("rb")
