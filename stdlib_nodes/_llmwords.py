"""What a program gets from a language model, and what goes wrong: values only."""

from __future__ import annotations

from typing import Any

from attrs import frozen


class LlmError(Exception):
    """The server refused, or could not be reached (then ``status`` is None)."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message, status)
        self.status = status

    def __str__(self) -> str:
        return str(self.args[0])


class BusyError(LlmError):
    """The same request may succeed later: too many requests, an error within the server, no connection."""


@frozen(kw_only=True)
class Usage:
    """Tokens, as the server counts them: read and written."""

    input: int = 0
    output: int = 0


@frozen(kw_only=True)
class Call:
    """A tool that the model wants called. ``problem`` says what is wrong with arguments that are no JSON object."""

    id: str
    name: str
    arguments: dict[str, Any]
    problem: str = ""


@frozen(kw_only=True)
class Reply:
    """What a model said: ``message`` is the same as it goes into the next list of messages.

    ``finish`` is the server's word for why it ended: ``stop``, ``length``, ``tool_calls``, ...
    """

    text: str
    calls: list[Call]
    finish: str
    model: str
    usage: Usage
    cost: float | None
    message: dict[str, Any]


@frozen(kw_only=True)
class Structured:
    """A value that fits its schema, after ``asked`` requests, which together used ``usage`` and ``cost``."""

    value: Any
    asked: int
    usage: Usage
    cost: float | None


@frozen(kw_only=True)
class Answer:
    """What an agent said in the end, after ``asked`` requests; ``messages`` is all that was said on the way."""

    text: str
    messages: list[dict[str, Any]]
    asked: int
    usage: Usage
    cost: float | None


@frozen(kw_only=True)
class Part:
    """A piece of a reply. The last one has no text, but ``finish``, and ``usage`` where the server counts."""

    text: str
    finish: str = ""
    usage: Usage | None = None
    cost: float | None = None


@frozen(kw_only=True)
class Embeddings:
    """A vector for each text, in their order."""

    vectors: list[list[float]]
    usage: Usage
    cost: float | None
