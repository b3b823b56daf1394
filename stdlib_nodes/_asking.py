"""A request to a language model and the reply to it. It knows nothing of nodes."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ._costs import check_prices, cost_of, usage_of
from ._jsontext import dump, parse
from ._llmwords import Call, Reply
from ._openai import Called, Completion, Server

CHAT = "/chat/completions"
_OURS = ("model", "messages", "tools", "stream", "stream_options", "response_format", "input")
_MAX_CALLS = 128  # in one answer


def server_of(url: str, key: str) -> Server:
    """The server below an address."""
    return Server(url.rstrip("/"), key)


def body_of(model: str, messages: list[dict[str, Any]], options: dict[str, Any] | None) -> dict[str, Any]:
    """The body of a request for a chat. Raises as :func:`free`."""
    return {"model": model, "messages": messages} | free(options)


def free(options: dict[str, Any] | None) -> dict[str, Any]:
    """The options of a caller. Raises ValueError for one that has a parameter of its own."""
    for name in options or {}:
        if name in _OURS:
            msg = f"{name!r} is no option: it has a parameter of its own"
            raise ValueError(msg)
    return options or {}


def said_of(messages: str | list[dict[str, Any]], system: str) -> list[dict[str, Any]]:
    """What is said, as the protocol has it.

    Raises
    ------
    ValueError: there is nothing to answer, or a message is none.
    """
    said = [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)
    if not said:
        msg = "messages is empty: there is nothing to answer"
        raise ValueError(msg)
    for place, one in enumerate(said):
        if not isinstance(one, dict) or not isinstance(one.get("role"), str):
            msg = f'message {place} is no dict with "role" and "content"'
            raise ValueError(msg)
    return [{"role": "system", "content": system}, *said] if system else said


async def ask(url: str, body: dict[str, Any], key: str, prices: dict[str, dict[str, float]] | None) -> Reply:
    """Ask once.

    Raises
    ------
    ValueError: an answer that is none, or too many calls in it; and what :meth:`~._openai.Server.ask` raises.
    """
    check_prices(prices)
    server = server_of(url, key)
    got = await server.ask(CHAT, body, Completion)
    if got.error is not None or not got.choices:
        msg = f"the answer of {server.shown}{CHAT} has no choices"
        raise ValueError(msg)
    choice, model = got.choices[0], got.model or body["model"]
    wanted = choice.message.tool_calls or []
    if len(wanted) > _MAX_CALLS:
        msg = f"{body['model']} wants {len(wanted)} calls at once; at most {_MAX_CALLS} are taken"
        raise ValueError(msg)
    calls = [_call(one, place) for place, one in enumerate(wanted)]
    message: dict[str, Any] = {"role": "assistant", "content": choice.message.text}
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _raw(one)}}
            for call, one in zip(calls, wanted, strict=True)
        ]
    usage = usage_of(got.usage)
    return Reply(
        text=choice.message.text,
        calls=calls,
        finish=choice.finish_reason or "",
        model=model,
        usage=usage,
        cost=cost_of(usage, prices, body["model"], model),
        message=message,
    )


def _call(one: Called, place: int) -> Call:
    call = Call(id=one.id or f"call_{place}", name=one.function.name, arguments={})
    try:
        found = parse(_raw(one) or "{}", "its arguments")
    except ValueError as error:
        return evolve(call, problem=str(error))
    if not isinstance(found, dict):
        return evolve(call, problem="its arguments are no JSON object")
    return evolve(call, arguments=found)


def _raw(one: Called) -> str:
    given = one.function.arguments
    return given if isinstance(given, str) else dump(given)
