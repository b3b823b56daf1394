"""The protocol of OpenAI-compatible servers: a request, its answer, a stream of events. It knows nothing of nodes.

What servers send is read by types (msgspec), bounded in size; whatever does not fit is a ValueError that names the
address. A key never stands in an error, also where the server repeats it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from attrs import field, frozen

from .. import SecretText
from ._calls import answer, json_content, pieces
from ._failures import HttpError
from ._httpwords import Call, Client
from ._llmwords import BusyError, LlmError

MAX_ANSWER = 64 << 20
"""The most bytes of an answer: 10,000 embeddings of 500 numbers are 50 MB."""

MAX_EVENT = 1 << 20
"""The most bytes of one event of a stream; servers send a few words in each."""

_BUSY = frozenset({408, 409, 425, 429, *range(500, 600)})
_SHOWN = 300
_HIDDEN = repr(SecretText(""))
_USERINFO = re.compile(r"//[^/?#]*@")

T = TypeVar("T")


class Function(msgspec.Struct):
    name: str = ""
    arguments: str | dict[str, Any] = ""  # an object where the server is Ollama


class Called(msgspec.Struct):
    function: Function
    id: str | None = None
    index: int = 0


class Message(msgspec.Struct):
    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    tool_calls: list[Called] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(str(part.get("text", "")) for part in self.content)
        return self.content or self.refusal or ""


class Choice(msgspec.Struct):
    message: Message = msgspec.field(default_factory=Message)
    delta: Message = msgspec.field(default_factory=Message)
    finish_reason: str | None = None


class Counts(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Completion(msgspec.Struct):
    """The answer of ``/chat/completions``, and each event of its stream (which fills ``delta``)."""

    choices: list[Choice] = []
    model: str | None = None
    usage: Counts | None = None
    error: Any = None


class Embedding(msgspec.Struct):
    embedding: list[float]
    index: int


class Embedded(msgspec.Struct):
    """The answer of ``/embeddings``."""

    data: list[Embedding]
    usage: Counts | None = None


@frozen
class Server:
    """Where to ask.

    Parameters
    ----------
    url: what the paths of the protocol are below.
    key: sent as a bearer token; "" for none.
    """

    url: str
    key: str = field(repr=False)

    @property
    def shown(self) -> str:
        """The address without name and password."""
        return _USERINFO.sub("//", self.url)

    async def ask(self, path: str, body: Mapping[str, Any], form: type[T]) -> T:
        """Post a request, and read its answer as ``form``.

        Raises
        ------
        LlmError, TimeoutError: no answer, or a refusal.
        ValueError: an address or key that is none, an answer that is too long or of another form.
        """
        content = bytearray()
        async with self._answer(path, body) as parts:
            async for part in parts:
                content += part
                self._check(len(content), path)
        return _read(bytes(content), form, f"the answer of {self.shown}{path}")

    async def events(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[Completion, None]:
        """Post a request, and read the events of its answer as they come. Raises as :meth:`ask`."""
        where = f"an event of {self.shown}{path}"
        parser = EventParser(where)
        size = 0
        async with self._answer(path, body) as parts:
            async for part in parts:
                size += len(part)
                self._check(size, path)
                for data in parser.feed(part):
                    if data == b"[DONE]":
                        return
                    event = _read(data, Completion, where)
                    if event.error is not None:
                        raise BusyError(f"{where} is an error: {self._shown(str(event.error))}", None)
                    yield event
        raise BusyError(f"{self.shown}{path}: the stream broke off", None)

    @asynccontextmanager
    async def _answer(self, path: str, body: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of an answer as it comes, once the server has time for it."""
        content, headers = json_content(body, None)
        call = Call(
            method="POST", url=f"{self.url}{path}", headers=headers, content=content,
            client=Client(auth=self.key or None), harmless=True,
        )  # fmt: skip
        try:
            async with answer(call) as (got, _), pieces(got) as parts:
                if got.status_code >= 400:
                    msg = f"{self.shown}{path} answered {got.status_code}: {self._shown(await _start(parts))}"
                    raise (BusyError if got.status_code in _BUSY else LlmError)(msg, got.status_code)
                yield parts
        except HttpError as error:
            raise (LlmError if error.status else BusyError)(str(error), error.status) from error

    def _check(self, size: int, path: str) -> None:
        if size > MAX_ANSWER:
            msg = f"{self.shown}{path}: the answer is longer than {MAX_ANSWER:,} bytes"
            raise ValueError(msg)

    def _shown(self, text: str) -> str:
        """The first words of an error, without the key, which servers like to repeat."""
        return " ".join((text.replace(self.key, _HIDDEN) if self.key else text).split())[:_SHOWN]


class EventParser:
    """Server-sent events from bytes as they come: the data of each.

    By "Server-sent events", HTML Living Standard, section 9.2.6; fields other than ``data`` are passed over.

    Parameters
    ----------
    where: the stream, for the ValueError that an event beyond ``MAX_EVENT`` is.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._held = 0

    def feed(self, part: bytes) -> list[bytes]:
        found = []
        self._rest += part
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(bytes(line[5:].removeprefix(b" ")))
                self._held += len(line)
                self._check(self._held)
            elif not line and self._data:
                found.append(b"\n".join(self._data))
                self._data, self._held = [], 0
        self._check(len(rest))
        return found

    def _check(self, size: int) -> None:
        if size > MAX_EVENT:
            msg = f"{self._where} is longer than {MAX_EVENT:,} bytes"
            raise ValueError(msg)


def _read(content: bytes, form: type[T], where: str) -> T:
    try:
        return msgspec.json.decode(content, type=form)
    except (msgspec.MsgspecError, UnicodeError) as error:
        msg = f"{where} is not what such a server sends: {error}"
    except RecursionError:
        msg = f"{where} is nested too deeply"
    raise ValueError(msg)


async def _start(parts: AsyncIterator[bytes]) -> str:
    """The beginning of an error's body, which may be as long as it likes."""
    start = b""
    async for part in parts:
        start += part
        if len(start) > 4 * _SHOWN:
            break
    return start[: 4 * _SHOWN].decode("utf-8", "replace")
