"""Bounds of the llm pack: servers that have no time, streams and tools without end, questions that are none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import trio
import trio.testing
from modelserver import Server, event, says, serving

from cflow.stdlib_nodes import _openai, llm


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving() as made:
        yield made


@pytest.fixture
def server(running: Server) -> Server:
    running.answers, running.seen, running.gone = [], [], threading.Event()
    return running


def test_a_server_that_says_when_is_asked_again_then(server: Server) -> None:
    server.answers = [(429, b"", ("retry-after", "0")), (503, b"", ("Retry-After", "0")), says("yes")]
    assert llm.chat(server.url, "small", "?").text == "yes"
    server.answers = [(429, b"", ("retry-after", "0")), (200, [event(content="yes"), b"data: [DONE]\n\n"])]
    assert [part.text for part in llm.stream(server.url, "small", "?")] == ["yes", ""]
    assert len(server.seen) == 5


@pytest.mark.parametrize("later", ["31", "nonsense", ""])
def test_a_server_that_wants_too_much_time_is_busy(server: Server, later: str) -> None:
    server.answers = [(429, b"later", ("retry-after", later))]
    with pytest.raises(llm.BusyError, match="answered 429: later"):
        llm.chat(server.url, "small", "?")
    assert len(server.seen) == 1


def test_a_question_that_is_none(server: Server) -> None:
    wrong: Any = ["hi"]
    nothing: list[dict[str, Any]] = []
    with pytest.raises(ValueError, match="messages is empty: there is nothing to answer"):
        llm.chat(server.url, "small", nothing, system="Be brief.")
    for messages in (wrong, [{"role": "user"}, {"content": "x"}]):
        with pytest.raises(ValueError, match=r'message \d is no dict with "role" and "content"'):
            [*llm.stream(server.url, "small", messages)]
    assert not server.seen


def test_a_stream_without_end_ends(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_openai, "MAX_ANSWER", 5_000)
    server.answers = [(200, [event(content="more " * 10)] * 1000)]
    got = []
    with pytest.raises(ValueError, match="the answer is longer than 5,000 bytes"):
        for part in llm.stream(server.url, "small", "?"):
            got.append(part.text)
    assert 0 < len(got) < 50


def stock(sku: str) -> int:
    """How many there are."""
    return len(sku)


def test_an_agent_calls_so_many_tools_and_no_more(server: Server) -> None:
    server.answers = [says(None, *[("stock", '{"sku": "A"}')] * 3)]

    async def ask(rounds: int, most: int) -> llm.Answer:
        return await llm.agent.fn(server.url, "small", "?", [stock], rounds=rounds, most=most)

    with pytest.raises(ValueError, match=r"more calls of tools than it may have \(most=\), after 3 requests"):
        trio.run(ask, 8, 8)
    assert len(server.seen) == 3
    with pytest.raises(ValueError, match="rounds and most are at least 1, not 0 and 8"):
        trio.run(ask, 0, 8)
