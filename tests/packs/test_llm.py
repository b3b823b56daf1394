"""The llm pack against a real server on loopback that speaks the protocol of OpenAI, written for these tests."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from hypothesis import given, settings, strategies as st
from modelserver import Server, event, says, serving

import cflow
from cflow import node
from cflow.compiler.permissions import Permissions, under
from cflow.compiler.secrets import SecretText
from cflow.stdlib_nodes import _openai, llm

PRICES = {"small": {"input": 1.0, "output": 10.0}}
SCHEMA = {"type": "object", "properties": {"qty": {"type": "integer"}}, "required": ["qty"]}
STOCK = {"A": 5}


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving() as made:
        yield made


@pytest.fixture
def server(running: Server) -> Server:
    running.answers, running.seen, running.gone = [], [], threading.Event()
    return running


# ---- chat ----------------------------------------------------------------------------------------


def test_chat_in_a_flow_with_a_secret_key(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_KEY", "sk-very-secret")
    server.answers = [says("Bonjour.")]
    module = cflow.loads(
        """
import llm

secret LLM_KEY

flow ask(url: str, text: str) -> llm.Reply:
    return llm.chat(url, "small", text, key=LLM_KEY, system="Be brief.", options={"temperature": 0},
        prices={"small": {"input": 1.0, "output": 10.0}})
"""
    )
    reply = module.ask.run(server.url + "/", "Good morning")
    assert (reply.text, reply.finish, reply.model) == ("Bonjour.", "stop", "small-2026-01")
    assert reply.usage == llm.Usage(input=1000, output=100)
    assert reply.cost == pytest.approx(0.002)
    assert reply.message == {"role": "assistant", "content": "Bonjour."}
    (path, headers, body) = server.seen[0]
    assert (path, headers["authorization"]) == ("/v1/chat/completions", "Bearer sk-very-secret")
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Good morning"}]
    assert body == {"model": "small", "messages": messages, "temperature": 0}


def test_calls_overlap_and_a_busy_server_is_asked_again(server: Server) -> None:
    server.answers = [(429, {"error": "slow down"}), (503, b""), says("yes")]
    module = cflow.loads(
        """
import llm

flow ask(url: str) -> str:
    return llm.chat(url, "small", "?").text with retry=Retry(3, on=llm.BusyError, backoff=1, max=0.01)
"""
    )
    assert module.ask.run(server.url) == "yes"
    assert len(server.seen) == 3
    assert "authorization" not in server.seen[0][1]


@pytest.mark.parametrize(("status", "kind"), [(401, llm.LlmError), (429, llm.BusyError), (500, llm.BusyError)])
def test_a_refusal_never_shows_the_key(server: Server, status: int, kind: type[Exception]) -> None:
    server.answers = [(status, {"error": {"message": "Incorrect API key: sk-123456 " + "x" * 5000}})]
    with pytest.raises(llm.LlmError) as caught:
        llm.chat(server.url, "small", "?", key=SecretText("sk-123456"))
    assert (type(caught.value), caught.value.status) == (kind, status)
    assert "Incorrect API key: <secret>" in str(caught.value)
    assert "sk-123456" not in repr(caught.value.args)
    assert len(str(caught.value)) < 500


def test_a_key_cannot_add_a_header(server: Server) -> None:
    with pytest.raises(ValueError, match="characters that no header can") as caught:
        llm.chat(server.url, "small", "?", key="sk-1\r\nx-admin: 1")
    assert "sk-1" not in str(caught.value)
    assert not server.seen


def test_a_redirect_elsewhere_takes_no_key_along(server: Server) -> None:
    elsewhere = f"http://localhost:{server.server_port}/steal"
    server.answers = [(307, elsewhere.encode()), says("caught")]
    llm.chat(server.url, "small", "?", key="sk-1")
    assert [("authorization" in headers, path) for path, headers, _ in server.seen] == [
        (True, "/v1/chat/completions"),
        (False, "/steal"),
    ]


def test_the_grants_of_a_program_hold(server: Server) -> None:
    server.answers = [(307, f"http://127.0.0.2:{server.server_port}/".encode())]
    module = cflow.loads(
        'import llm\nflow f(url: str) -> str:\n    return llm.chat(url, "m", "?").text\n',
        allow=[f"net:127.0.0.1:{server.server_port}", "net:example.test"],
    )
    with pytest.raises(PermissionError, match=r"127\.0\.0\.2"):
        module.f.run(server.url)
    with pytest.raises(PermissionError, match="169"):
        module.f.run("http://169.254.169.254/v1")
    server.answers = [says("fine")]
    assert module.f.run(server.url) == "fine"
    with under(Permissions.of(["net:other.test"])), pytest.raises(PermissionError):
        [*llm.stream(server.url, "m", "?")]


def test_no_server_and_no_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(llm.BusyError, match=f":{port}/v1/chat/completions") as caught:
        llm.chat(f"http://127.0.0.1:{port}/v1", "m", "?")
    assert caught.value.status is None
    with pytest.raises(llm.BusyError) as caught:
        llm.chat(f"http://me:p4ssw0rd@127.0.0.1:{port}", "m", "?")
    assert "p4ssw0rd" not in str(caught.value)
    with pytest.raises(ValueError, match="not an http or https address"):
        llm.chat("ftp://x", "m", "?")
    with pytest.raises(ValueError, match="'stream' is no option"):
        llm.chat("http://x", "m", "?", options={"stream": True})


ODD = [
    b"",
    b"<html>",
    b"[]",
    b'{"choices": []}',
    b'{"choices": [{"message": 1}]}',
    b'{"choices": [{"message": {"tool_calls": [{"function": 1}]}}]}',
    b'{"choices": [{"message": {"content": "' + b"\xff" + b'"}}]}',
    b'{"error": {"message": "no"}, "choices": [{"message": {"content": "x"}}]}',
    b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_an_answer_that_is_none(server: Server, body: bytes) -> None:
    server.answers = [(200, body)]
    with pytest.raises(ValueError, match="the answer of http"):
        llm.chat(server.url, "small", "?")


def test_answers_and_their_calls_are_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_openai, "MAX_ANSWER", 1000)
    server.answers = [says("x" * 1000)]
    with pytest.raises(ValueError, match="longer than 1,000 bytes"):
        llm.chat(server.url, "small", "?")
    monkeypatch.undo()
    server.answers = [says(None, *[("f", "{}")] * 129)]
    with pytest.raises(ValueError, match="129 calls at once"):
        llm.chat(server.url, "small", "?")


# ---- structured ----------------------------------------------------------------------------------


def test_an_answer_that_does_not_fit_is_asked_for_again(server: Server) -> None:
    server.answers = [says("Sure!"), says('```json\n{"qty": "two"}\n```'), says('{"qty": 2}')]
    got = llm.structured(server.url, "small", "How many?", SCHEMA, prices=PRICES)
    assert (got.value, got.asked, got.usage) == ({"qty": 2}, 3, llm.Usage(input=3000, output=300))
    assert got.cost == pytest.approx(0.006)
    sent = server.seen[-1][2]
    assert sent["response_format"]["json_schema"] == {"name": "value", "schema": SCHEMA, "strict": True}
    assert [m["role"] for m in sent["messages"]] == ["user", "assistant", "user", "assistant", "user"]
    assert "not JSON" in sent["messages"][2]["content"]
    assert "qty: 'two' is not of type 'integer'" in sent["messages"][4]["content"]


def test_it_is_asked_so_often_and_no_more(server: Server) -> None:
    server.answers = [says('{"qty": ', finish="length")]
    with pytest.raises(ValueError, match="nothing that fits in 2 attempts, the last time: the answer was cut off"):
        llm.structured(server.url, "small", "?", SCHEMA, attempts=2, form="json_object")
    assert len(server.seen) == 2
    assert server.seen[0][2]["response_format"] == {"type": "json_object"}
    assert '"qty"' in server.seen[0][2]["messages"][0]["content"]
    for wrong in ({"type": 3}, {"$ref": "http://example.test/x"}):
        with pytest.raises(ValueError, match="schema"):
            llm.structured(server.url, "small", "?", wrong)
    with pytest.raises(ValueError, match="attempts is at least 1"):
        llm.structured(server.url, "small", "?", SCHEMA, attempts=0)
    assert len(server.seen) == 2


# ---- tools ---------------------------------------------------------------------------------------


@attrs.frozen
class Order:
    sku: str
    qty: int = 1


@node(reads="stock")
def stock(sku: str) -> int:
    """How many of an article there are.

    More for people.
    """
    return STOCK[sku]


@node(writes="stock")
async def reserve(orders: list[Order], urgent: bool = False) -> dict[str, Any]:
    """Reserve articles."""
    await trio.lowlevel.checkpoint()
    return {"reserved": sum(order.qty for order in orders), "urgent": urgent}


def broken() -> None:
    raise OSError("the disk is gone")


def test_signatures_are_schemas(server: Server) -> None:
    server.answers = [says(None, ("stock", '{"sku": "A"}'), ("stock", "[1]"), ("stock", {"sku": "B"}))]
    described = {"name": "pay", "parameters": {"type": "object"}}
    reply = llm.chat(server.url, "small", "?", tools=[stock, reserve, described])
    assert [(c.name, c.arguments) for c in reply.calls] == [
        ("stock", {"sku": "A"}),
        ("stock", {}),
        ("stock", {"sku": "B"}),
    ]
    assert reply.calls[1].problem == "its arguments are no JSON object"
    first, second, third = (tool["function"] for tool in server.seen[0][2]["tools"])
    assert first == {
        "name": "stock",
        "description": "How many of an article there are.",
        "parameters": {
            "type": "object",
            "properties": {"sku": {"type": "string"}},
            "required": ["sku"],
            "additionalProperties": False,
        },
    }
    assert second["parameters"]["required"] == ["orders"]
    assert second["parameters"]["properties"]["orders"]["items"] == {"$ref": "#/$defs/Order"}
    assert second["parameters"]["$defs"]["Order"]["required"] == ["sku"]
    assert third == described


def test_an_agent_calls_nodes_until_it_is_done(server: Server) -> None:
    server.answers = [
        says(None, ("stock", '{"sku": "Z"}'), ("stock", '{"sku": 3}'), ("no_such", "{}"), ("stock", "{")),
        says(None, ("stock", '{"sku": "A"}'), ("stock", '{"key": "A"}'), ("stock", "{}")),
        says(None, ("reserve", '{"orders": [{"sku": "A", "qty": 2}]}')),
        says("Done."),
    ]
    answer = llm.agent(server.url, "small", "Reserve two A", [stock, reserve], prices=PRICES)
    assert (answer.text, answer.asked, answer.usage.input) == ("Done.", 4, 4000)
    assert answer.cost == pytest.approx(0.008)
    told = [m["content"] for m in answer.messages if m["role"] == "tool"]
    assert "KeyError: 'Z'" in told[0]
    assert "parameter 'sku': Expected `str`, got `int`" in told[1]
    assert "there is no tool 'no_such', only stock, reserve" in told[2]
    assert "not JSON" in told[3]
    assert told[4] == "5"
    assert "no parameter 'key'" in told[5]
    assert "stock needs sku" in told[6]
    assert json.loads(told[7]) == {"reserved": 2, "urgent": False}
    assert server.seen[-1][2]["messages"] == answer.messages[:-1]
    assert [m["tool_call_id"] for m in answer.messages if m["role"] == "tool"][:4] == ["c0", "c1", "c2", "c3"]


def test_an_agent_is_bounded_and_hides_no_failure(server: Server) -> None:
    server.answers = [says(None, ("stock", '{"sku": "A"}'))]
    with pytest.raises(ValueError, match="still wants tools after 3 requests"):
        llm.agent(server.url, "small", "?", [stock], rounds=3)
    assert len(server.seen) == 3
    server.answers = [says(None, ("broken", "{}"))]
    with pytest.raises(OSError, match="the disk is gone"):
        llm.agent(server.url, "small", "?", [broken])


def test_what_is_no_tool() -> None:
    def stream() -> Iterator[int]:
        yield 1

    def some(*numbers: int) -> int:
        return sum(numbers)

    def odd(call: Callable[[], int]) -> int:
        return call()

    @node(runs="process")
    def away() -> int:
        return 1

    for one, why in [
        (stream, "return a value"),
        (3, "return a value"),
        (some, "must have a name"),
        (odd, "cannot say"),
    ]:
        with pytest.raises(TypeError, match=why):
            llm.agent("http://x", "m", "?", [one])
    with pytest.raises(TypeError, match="runs elsewhere"):
        llm.agent("http://x", "m", "?", [away])
    with pytest.raises(TypeError, match="only described"):
        llm.agent("http://x", "m", "?", [{"name": "f"}])
    with pytest.raises(ValueError, match="two tools are called 'stock'"):
        llm.agent("http://x", "m", "?", [stock, stock])
    with pytest.raises(ValueError, match="no name for a tool"):
        llm.chat("http://x", "m", "?", tools=[{"name": "a b"}])
    with pytest.raises(ValueError, match="a tool is described by"):
        llm.chat("http://x", "m", "?", tools=[{"x": 1}])


TOOLS_FILE = '''
from cflow import flow, node
from cflow.stdlib_nodes import llm


@node(reads="stock")
def stock(sku: str) -> int:
    """How many there are."""
    return {"A": 5}[sku]


TOOLS = [stock]


@flow
def ask(url: str, text: str) -> str:
    return llm.agent(url, "small", text, TOOLS).text
'''

TOOLS_FLOW = """
from "./tools.py" import TOOLS, stock
import llm

flow ask(url: str, text: str) -> str:
    return llm.agent(url, "small", text, TOOLS).text

flow by_hand(url: str, text: str) -> str:
    messages = [{"role": "user", "content": text}]
    reply = llm.chat(url, "small", messages, tools=TOOLS)
    while reply.calls with max=5:
        messages = messages + [reply.message]
        for call in reply.calls:
            messages = messages + [llm.result(call, stock(call.arguments["sku"]))]
        reply = llm.chat(url, "small", messages, tools=TOOLS)
    return reply.text
"""


def test_nodes_of_a_flow_as_tools_in_both_spellings(server: Server, tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(TOOLS_FILE)
    (tmp_path / "ask.cflow").write_text(TOOLS_FLOW)
    text, python = cflow.load(tmp_path / "ask.cflow"), cflow.load(tmp_path / "tools.py")
    for flow in (text.ask, python.ask, text.by_hand):
        server.seen.clear()
        server.answers = [says(None, ("stock", '{"sku": "A"}')), says("Five.")]
        assert flow.run(server.url, "How many A?") == "Five."
        assert server.seen[1][2]["messages"][-1] == {"role": "tool", "tool_call_id": "c0", "content": "5"}


# ---- streams and embeddings ----------------------------------------------------------------------


def test_a_reply_comes_piece_by_piece(server: Server) -> None:
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    counts = {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2}}
    body = b": hello\r\n\r\n" + event(role="assistant", content="") + event(content="Grü") + event(content="ße")
    body += b"data: %s\n\nevent: x\ndata: %s\n\n" % (json.dumps(last).encode(), json.dumps(counts).encode())
    body += b"data: [DONE]\n\n"
    server.answers = [(200, [body[i : i + 7] for i in range(0, len(body), 7)])]
    module = cflow.loads(
        """
import llm

flow tell(url: str) -> list[str]:
    parts = []
    for part in llm.stream(url, "small", "?", prices={"small": {"input": 1.0, "output": 10.0}}):
        parts = parts + [f"{part.text}|{part.finish}|{part.cost}"]
    return parts
"""
    )
    assert module.tell.run(server.url) == ["Grü||None", "ße||None", f"|stop|{3e-5}"]
    assert server.seen[0][2]["stream_options"] == {"include_usage": True}
    server.answers = [(200, [b"data: [DONE]\n\n"])]  # a server that does not count
    assert [*llm.stream(server.url, "small", "?", prices=PRICES)] == [llm.Part(text="", finish="")]


def test_a_stream_that_is_left_lets_the_server_go(server: Server) -> None:
    server.answers = [(200, [event(content="one"), event(content="two"), None])]
    module = cflow.loads(
        """
import llm

flow first(url: str) -> str:
    for part in llm.stream(url, "small", "?"):
        return part.text
    return ""
"""
    )
    assert module.first.run(server.url) == "one"
    assert server.gone.wait(20)


@pytest.mark.parametrize("call", ["llm.chat(url, 'm', '?').text", "tell(url)"])
def test_a_silent_server_is_left_in_time(server: Server, call: str) -> None:
    server.answers = [(200, [event(content="one"), None])]
    module = cflow.loads(
        f"""
import llm

flow tell(url: str) -> str:
    said = ""
    for part in llm.stream(url, "small", "?"):
        said = said + part.text
    return said

flow hurry(url: str) -> str:
    with timeout=300ms:
        return {call}
"""
    )
    with pytest.raises(TimeoutError):
        module.hurry.run(server.url)
    assert server.gone.wait(20)


def test_a_stream_that_goes_wrong(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [
        ([event(content="a")], "broke off", llm.BusyError),
        ([b'data: {"error": {"message": "overloaded, sk-1"}}\n\n'], "overloaded, <secret>", llm.BusyError),
        ([b"data: {\n\n"], "is not what such a server sends", ValueError),
        ([b"x" * 600] * 2, "longer than 1,000 bytes", ValueError),
        ([b"data: " + b"x" * 400 + b"\n"] * 3, "longer than 1,000 bytes", ValueError),
    ]
    monkeypatch.setattr(_openai, "MAX_EVENT", 1000)
    for body, text, kind in cases:
        server.answers = [(200, body)]
        with pytest.raises(kind, match=text):
            [*llm.stream(server.url, "small", "?", key="sk-1")]
    server.answers = [(401, b"no")]
    with pytest.raises(llm.LlmError, match="answered 401: no"):
        [*llm.stream(server.url, "small", "?")]


def vectors(*places: int) -> tuple[int, Any]:
    data = [{"index": i, "embedding": [float(i), 0.5]} for i in places]
    return 200, {"data": data, "usage": {"prompt_tokens": 500, "total_tokens": 500}}


def test_embeddings_come_in_the_order_of_the_texts(server: Server) -> None:
    server.answers = [vectors(1, 0), vectors(0)]
    got = llm.embed(server.url, "small", ["a", "b", "c"], batch=2, prices=PRICES)
    assert got.vectors == [[0.0, 0.5], [1.0, 0.5], [0.0, 0.5]]
    assert (got.usage.input, got.cost) == (1000, pytest.approx(0.001))
    assert [body["input"] for _, _, body in server.seen] == [["a", "b"], ["c"]]
    server.answers = [vectors(0)]
    events: list[Any] = []
    module = cflow.loads("""
import llm

flow f(url: str) -> int:
    return len(llm.embed(url, "small", ["a", "b"], batch=1).vectors)
""")
    cflow.Engine(sinks=[events.append]).run(module.f, server.url)
    assert [event.progress for event in events if event.what == "progress"][-1] == (2, 2)
    for wrong in (vectors(0), vectors(0, 0), vectors(0, 2)):
        server.answers = [wrong]
        with pytest.raises(ValueError, match="vectors for 2 texts"):
            llm.embed(server.url, "small", ["a", "b"])
    with pytest.raises(ValueError, match="at least one text"):
        llm.embed(server.url, "small", ["a"], batch=0)


# ---- any bytes -----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=80) | st.text('data: \r\n{}[]"choiesdlt1', max_size=80).map(str.encode))
def test_any_events_in_any_pieces(clear: Callable[..., None], content: bytes) -> None:
    whole = _openai.EventParser("x").feed(content)
    parser = _openai.EventParser("x")
    assert [one for byte in content for one in parser.feed(bytes([byte]))] == whole
    for form in (_openai.Completion, _openai.Embedded):
        for data in (content, *whole):
            clear(lambda: _openai._read(data, form, "the answer"), "the answer is")
