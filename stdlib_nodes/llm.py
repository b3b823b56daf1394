"""Language models behind any OpenAI-compatible server: chat, checked JSON, tools, streams, embeddings. Needs the extra
``data`` for ``structured`` (jsonschema).

Spoken over httpx, as ``http`` does it: the clients of the makers bring loops, retries and proxies of their own, past
which a host's grants would not reach. ``url`` is where ``/chat/completions`` and ``/embeddings`` are, such as
``https://api.openai.com/v1`` or ``http://localhost:11434/v1``; ``key`` is best a ``secret``, and is shown nowhere.

``messages`` is a text, or a list of dicts with ``role`` and ``content``. ``options`` go to the server as they are
(``{"temperature": 0}``). ``prices`` says what a million tokens cost, by model:
``{"small": {"input": 0.15, "output": 0.6}}``; without an entry ``cost`` is None. Calls read the resource ``llm``, so
they overlap; ``with retry=Retry(3, on=llm.BusyError)`` asks again where that may help. A server that says when it has
time (``Retry-After`` with 429 or 503, up to 30 seconds) is asked again then, if the call has that much time.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

from .. import node
from ._asking import CHAT, ask, body_of, free, said_of, server_of
from ._costs import check_prices, cost_of, together, total, usage_of
from ._jsontext import dump, parse
from ._llmwords import Answer, BusyError, Call, Embeddings, LlmError, Part, Reply, Structured, Usage
from ._openai import Embedded
from ._progress import how_far
from ._tools import Tool, tools_of
from .validate import problems as _problems

# Made elsewhere, they belong to the pack as its nodes do.
__all__ = ["Answer", "BusyError", "Call", "Embeddings", "LlmError", "Part", "Reply", "Structured", "Usage"]

_EMBED = "/embeddings"
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)
_PROBLEMS = 8  # told to a model at once


@node(reads="llm", timeout=120.0)
async def chat(
    url: str,
    model: str,
    messages: str | list[dict[str, Any]],
    key: str = "",
    system: str = "",
    tools: list[Any] | None = None,
    options: dict[str, Any] | None = None,
    prices: dict[str, dict[str, float]] | None = None,
) -> Reply:
    """Ask once.

    ``reply = llm.chat(URL, "small", "Say it in French: good morning", key=KEY)``

    ``tools`` are nodes and functions, or descriptions (``{"name": ..., "description": ..., "parameters": schema}``).
    They are not called: ``reply.calls`` says what the model wants, ``llm.result`` makes the message that answers it.
    Raises LlmError (BusyError where asking again may help), TimeoutError, and ValueError for an answer that is none.
    """
    body = body_of(model, said_of(messages, system), options)
    if tools:
        body["tools"] = [tool.wire for tool in tools_of(tools).values()]
    return await ask(url, body, key, prices)


@node(pure=True)
def result(call: Call, value: Any) -> dict[str, Any]:
    """The message that tells a model what its call gave.

    ``messages = [*messages, reply.message, llm.result(call, stock(call.arguments["sku"]))]``
    """
    content = value if isinstance(value, str) else dump(value)
    return {"role": "tool", "tool_call_id": call.id, "content": content}


@node(reads="llm", timeout=300.0)
async def structured(
    url: str,
    model: str,
    messages: str | list[dict[str, Any]],
    schema: dict[str, Any],
    key: str = "",
    system: str = "",
    attempts: int = 3,
    options: dict[str, Any] | None = None,
    prices: dict[str, dict[str, float]] | None = None,
    form: str = "json_schema",
) -> Structured:
    """Ask for a value that fits a JSON Schema; one that does not fit is sent back with what is wrong with it.

    ``mail: Mail = llm.structured(URL, "small", text, SCHEMA, key=KEY).value``

    ``form``: what the server understands: ``json_schema``, ``json_object``, or ``text`` (then, as for ``json_object``,
    the schema is told in words). The value is checked here in any case. Raises ValueError where it does not fit after
    ``attempts`` requests, else as ``chat``.
    """
    if attempts < 1 or form not in ("json_schema", "json_object", "text"):
        msg = f"attempts is at least 1 and form one of json_schema, json_object, text, not {attempts} and {form!r}"
        raise ValueError(msg)
    _problems.fn(None, schema)  # a schema that is none is found before anything is paid for
    if form != "json_schema":
        system = f"{system}\n\nAnswer with JSON alone, by this JSON Schema:\n{dump(schema)}".strip()
    said = said_of(messages, system)
    usage, cost, wrong = Usage(), 0.0 if prices else None, ""
    for asked in range(1, attempts + 1):
        body = body_of(model, said, options)
        if form == "json_schema":
            body["response_format"] = {"type": form, "json_schema": {"name": "value", "schema": schema, "strict": True}}
        elif form == "json_object":
            body["response_format"] = {"type": form}
        reply = await ask(url, body, key, prices)
        usage, cost = together(usage, reply.usage), total(cost, reply.cost)
        value, wrong = _checked(reply, schema)
        if not wrong:
            return Structured(value=value, asked=asked, usage=usage, cost=cost)
        said = [*said, reply.message, {"role": "user", "content": f"That does not fit: {wrong}. Answer again, whole."}]
    msg = f"{model} gave nothing that fits in {attempts} attempts, the last time: {wrong}"
    raise ValueError(msg)


@node(barrier=True, timeout=600.0)
async def agent(
    url: str,
    model: str,
    messages: str | list[dict[str, Any]],
    tools: list[Any],
    key: str = "",
    system: str = "",
    rounds: int = 8,
    most: int = 100,
    options: dict[str, Any] | None = None,
    prices: dict[str, dict[str, float]] | None = None,
) -> Answer:
    """Ask, call the tools that the model wants, tell it what they gave, until it wants none.

    ``answer = llm.agent(URL, "small", "Is A in stock?", TOOLS, key=KEY)``

    ``tools`` are nodes and functions, in a list of a Python module (``TOOLS = [stock, price]``): their signatures and
    docstrings are what the model sees. Arguments that do not fit, and a ValueError or LookupError of a tool, are told
    to the model; any other error is the error of this call. Tools are called one after another, as plain functions,
    without policies of their own; nothing else of the flow overlaps them. In a run on record the whole call is one
    step: where each tool call should be one, write the loop in the flow, with ``chat`` and ``result``.
    Raises ValueError where the model still wants tools after ``rounds`` requests, or more than ``most`` calls in all,
    else as ``chat``.
    """
    if rounds < 1 or most < 1:
        msg = f"rounds and most are at least 1, not {rounds} and {most}"
        raise ValueError(msg)
    offered = tools_of(tools)
    for tool in offered.values():
        if tool.call is None:
            msg = f"an agent cannot call {tool.name!r}, which is only described: give the function"
            raise TypeError(msg)
    wire = [tool.wire for tool in offered.values()]
    said = said_of(messages, system)
    usage, cost = Usage(), 0.0 if prices else None
    say = how_far(rounds)
    for asked in range(1, rounds + 1):
        reply = await ask(url, body_of(model, said, options) | ({"tools": wire} if wire else {}), key, prices)
        usage, cost = together(usage, reply.usage), total(cost, reply.cost)
        said = [*said, reply.message]
        if not reply.calls:
            return Answer(text=reply.text, messages=said, asked=asked, usage=usage, cost=cost)
        most -= len(reply.calls)
        if most < 0:
            msg = f"{model} wants more calls of tools than it may have (most=), after {asked} requests"
            raise ValueError(msg)
        for call in reply.calls:
            said.append(result.fn(call, await _called(offered, call)))
        say(asked)
    msg = f"{model} still wants tools after {rounds} requests"
    raise ValueError(msg)


@node(reads="llm")
async def stream(
    url: str,
    model: str,
    messages: str | list[dict[str, Any]],
    key: str = "",
    system: str = "",
    options: dict[str, Any] | None = None,
    prices: dict[str, dict[str, float]] | None = None,
) -> AsyncIterator[Part]:
    """Ask, and have the reply piece by piece as the model writes it.

    ``for part in llm.stream(URL, "small", question, key=KEY): ...``

    Raises as ``chat``; a stream that breaks off is a BusyError.
    """
    check_prices(prices)
    body = body_of(model, said_of(messages, system), options)
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    finish, counts = "", None
    source = server_of(url, key).events(CHAT, body)
    try:
        async for event in source:
            counts = event.usage or counts
            for choice in event.choices[:1]:
                finish = choice.finish_reason or finish
                if choice.delta.text:
                    yield Part(text=choice.delta.text)
    finally:
        await source.aclose()
    usage = None if counts is None else usage_of(counts)
    yield Part(text="", finish=finish, usage=usage, cost=None if usage is None else cost_of(usage, prices, model))


@node(reads="llm", timeout=300.0)
async def embed(
    url: str,
    model: str,
    texts: list[str],
    key: str = "",
    batch: int = 256,
    options: dict[str, Any] | None = None,
    prices: dict[str, dict[str, float]] | None = None,
) -> Embeddings:
    """The vector of each text; ``batch`` texts go in one request.

    ``vectors = llm.embed(URL, "embed-small", texts, key=KEY).vectors``

    Raises as ``chat``, also where the server gives too few vectors.
    """
    check_prices(prices)
    if batch < 1:
        msg = f"a batch is at least one text, not {batch}"
        raise ValueError(msg)
    server, vectors, usage = server_of(url, key), list[list[float]](), Usage()
    say = how_far(len(texts))
    for start in range(0, len(texts), batch):
        some = texts[start : start + batch]
        body = {"model": model, "input": some, "encoding_format": "float"} | free(options)
        got = await server.ask(_EMBED, body, Embedded)
        by_place = {one.index: one.embedding for one in got.data}
        if sorted(by_place) != list(range(len(some))):
            msg = f"{server.shown}{_EMBED} gave {len(got.data)} vectors for {len(some)} texts"
            raise ValueError(msg)
        vectors += [by_place[i] for i in range(len(some))]
        usage = together(usage, usage_of(got.usage))
        say(len(vectors))
    return Embeddings(vectors=vectors, usage=usage, cost=cost_of(usage, prices, model))


async def _called(offered: dict[str, Tool], call: Call) -> Any:
    """What a tool gives, or what is told to the model in its place."""
    tool = offered.get(call.name)
    if tool is None:
        return {"error": f"there is no tool {call.name!r}, only {', '.join(offered)}"}
    if call.problem:
        return {"error": call.problem}
    try:
        return await tool.run(call.arguments)
    except (ValueError, LookupError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _checked(reply: Reply, schema: dict[str, Any]) -> tuple[Any, str]:
    """The value in a reply, and what is wrong with it."""
    if reply.finish == "length":
        return None, "the answer was cut off at the limit of tokens"
    fenced = _FENCED.fullmatch(reply.text)
    try:
        value = parse(fenced[1] if fenced else reply.text, "the answer")
        found = _problems.fn(value, schema)
    except ValueError as error:
        return None, str(error)
    return value, "; ".join(f"{p.path}: {p.message}" if p.path else p.message for p in found[:_PROBLEMS])
