"""``runs="command"`` where the program does not keep to the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cflow import node
from cflow.runtimes.command import LINE
from cflow.runtimes.port import ForeignError, NodeCrashed


def running(code: str, **declared: Any) -> Any:
    def program(x: Any = 1) -> Any: ...

    return node(program, reads="p", runs="command", command=["sh", "-c", code], **declared)


def streaming(code: str) -> Any:
    def program(x: Any = 1) -> Iterator[Any]: ...

    return node(program, reads="p", runs="command", command=["sh", "-c", code])


def test_a_line_without_end_on_standard_error_is_shown_in_parts(capsys: pytest.CaptureFixture[str]) -> None:
    """It took minutes, and as much memory as it was long."""
    assert running(f"head -c {LINE * 8} /dev/zero | tr '\\0' x >&2; echo 1")() == 1
    parts = capsys.readouterr().err.split()
    assert sum(map(len, parts)) == LINE * 8
    assert max(map(len, parts)) < LINE * 2
    with pytest.raises(NodeCrashed) as caught:
        running("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1")()
    assert len(str(caught.value)) + sum(map(len, caught.value.__notes__)) < 3000


@pytest.mark.parametrize("type", ["StopIteration", "StopAsyncIteration", "KeyboardInterrupt", "ExceptionGroup", "eval"])
def test_an_error_of_a_name_that_cannot_be_raised_is_foreign(type: str) -> None:
    code = f"""echo '{{"error": "m", "type": "{type}"}}' >&2; exit 1"""
    for program in (running(code), streaming(code)):
        with pytest.raises(ForeignError, match=f"{type}: m"):
            list(program())


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("""printf '{"a": 1'""", "Expecting ',' delimiter at line 1, column 8"),
        ("echo 1; echo 2", "Extra data"),
        ("head -c 100000 /dev/zero | tr '\\0' '['", "nested too deeply"),
        ("printf '\"\\377\"'", "is not utf-8 text"),
        ("head -c 10000 /dev/zero | tr '\\0' 9", "4300 digits"),
    ],
)
def test_half_a_value_and_garbage_are_told(code: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        running(code)()


def test_a_stream_gives_the_items_before_half_a_one() -> None:
    items = iter(streaming("""echo 0; echo 1; printf '{"a": 1'""")())
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(ValueError, match="Expecting ',' delimiter"):
        next(items)


def test_a_program_need_not_read_nor_keep_its_streams() -> None:
    large = "x" * 3_000_000
    assert running("echo 1")(large) == 1
    assert running("exec <&-; sleep 0.1; echo 1")(large) == 1
    assert list(streaming("echo 1; sleep 0.1; echo 2")(large)) == [1, 2]
    assert running("exec >&- 2>&-; sleep 0.1")(large) is None
    assert running("sleep 1000 & echo 1")() == 1


@pytest.mark.parametrize("code", ["kill -STOP $$", "trap '' TERM; while :; do sleep 1; done"])
def test_one_that_does_not_listen_is_ended(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cflow.runtimes.command.GRACE", 0.1)
    with pytest.raises(TimeoutError):
        running(code, timeout=0.2)()
