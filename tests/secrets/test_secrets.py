"""Secrets: what is made of one is one, and nothing that is shown shows it."""

from __future__ import annotations

import json
import pathlib
import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cflow
from cflow import flow, node
from cflow.compiler.secrets import HIDDEN, SecretText, forget, hide, redact
from cflow.executor.underway import settle

WORD = "s3cr3t-abcdef"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TOKEN", WORD)
    forget()
    yield
    forget()


def flow_of(expression: str) -> Any:
    return cflow.loads(f"secret TOKEN\nflow main() -> Any:\n    return {expression}\n").main


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("TOKEN", WORD),
        ("TOKEN[:4]", WORD[:4]),
        ("TOKEN[::-1]", WORD[::-1]),
        ("TOKEN.upper()", WORD.upper()),
        ("TOKEN + '!'", WORD + "!"),
        ("'Bearer ' + TOKEN", "Bearer " + WORD),
        ("f'Bearer {TOKEN}'", "Bearer " + WORD),
        ("f'{TOKEN:>20}'", f"{WORD:>20}"),
        ("'-'.join(['a', TOKEN])", "a-" + WORD),
        ("'x'.replace('x', TOKEN)", WORD),
        ("TOKEN * 2", WORD * 2),
        ("str(TOKEN)", WORD),
        ("f'{TOKEN!s}'", WORD),
        ("TOKEN.split('-')[0]", "s3cr3t"),
        ("max(['a', TOKEN])", WORD),
    ],
)
def test_what_is_made_of_a_secret_works_and_is_secret(expression: str, text: str) -> None:
    value = flow_of(expression).run()
    assert isinstance(value, SecretText)
    assert value == text
    assert repr(value) == HIDDEN
    assert redact({"key": [value]}) == {"key": [HIDDEN]}


def test_repr_in_text_is_hidden() -> None:
    assert WORD not in flow_of("f'{TOKEN!r}'").run()


def test_text_that_a_node_made_is_hidden_where_it_is_shown() -> None:
    SecretText(WORD)
    assert hide("got " + WORD) == f"got {HIDDEN}"
    assert hide(json.dumps({"key": WORD})) == json.dumps({"key": HIDDEN})
    assert redact(ValueError(WORD)) == HIDDEN


@pytest.mark.parametrize("word", ['pass"word', "it's", "a\\b", "na\u00efve", "two\nlines", "b'o\"th"])
def test_a_secret_is_hidden_however_an_error_or_json_writes_it(word: str) -> None:
    SecretText(word)
    longer = [f"'x' {word}", f'"x" {word}', f"'\"{word}"]
    for value in (word, {word: [word]}, *longer):
        for shown in (repr(value), str(KeyError(value)), repr(word.encode())):
            for line in (shown, json.dumps(shown), json.dumps(shown, ensure_ascii=False)):
                left = hide(line)
                assert HIDDEN in left
                assert word not in left
                assert word.encode("unicode_escape").decode() not in left


def test_what_stands_around_a_secret_is_not_taken_out_of_other_texts() -> None:
    words = flow_of("f'Bearer {TOKEN}'.split(' ')").run()
    assert [type(word) for word in words] == [SecretText, SecretText]
    assert redact(words) == [HIDDEN, HIDDEN]
    assert hide("the Bearer is here") == "the Bearer is here"
    assert hide(f"Bearer {WORD}") == f"Bearer {HIDDEN}"
    part = flow_of("f'Bearer {TOKEN}'[5:12]").run()
    assert part == "r s3cr3"
    assert hide(f"it is {part!s}.".replace("x", "y")) == f"it is {HIDDEN}."


def test_a_short_secret_is_hidden_as_a_value_only() -> None:
    short = SecretText("ab")
    SecretText(WORD)
    assert redact([short, "abba"]) == [HIDDEN, "abba"]
    assert hide("abba") == "abba"


def test_a_secret_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(SecretText(WORD)))
    assert isinstance(again, SecretText)
    assert again == WORD


def test_a_node_can_use_it_wherever_a_text_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", str(tmp_path / WORD))
    text = (
        "import files\nsecret TOKEN\nflow main() -> list[Any]:\n"
        "    files.write(TOKEN + '/a', 'x')\n"
        "    return [files.exists(TOKEN), files.read(TOKEN + '/a'), str(TOKEN)]\n"
    )
    (tmp_path / WORD).mkdir()
    found = cflow.loads(text).main.run()
    assert found[:2] == [True, "x"]
    assert isinstance(found[2], SecretText)
    plain = str(SecretText(WORD))
    assert type(plain) is str
    assert sys.intern(plain) == WORD
    assert pathlib.PurePosixPath("/x", SecretText(WORD), SecretText("a/b")).parts == ("/", "x", WORD, "a", "b")
    assert hide(f"at {plain}") == f"at {HIDDEN}"


def test_log_lines_hide_it(caplog: pytest.LogCaptureFixture) -> None:
    text = 'import log\nsecret TOKEN\nflow main() -> None:\n    log.info(f"tok {TOKEN}", key=TOKEN, part=[TOKEN[:4]])\n'
    with caplog.at_level("INFO", "cflow.flow"):
        cflow.loads(text).main.run()
    (record,) = caplog.records
    assert record.getMessage() == HIDDEN
    assert record.fields == {"key": HIDDEN, "part": [HIDDEN]}  # type: ignore[attr-defined]


def test_a_failure_hides_it() -> None:
    text = "secret TOKEN\nflow main() -> int:\n    return int(TOKEN)\n"
    with pytest.raises(ValueError, match="invalid literal") as caught:
        cflow.loads(text).main.run()
    assert WORD not in hide(str(caught.value))


DETACHED = """
secret TOKEN

flow child(k: str) -> None:
    raise ValueError(f"bad key {k}")

flow parent(k: str) -> None:
    child(k)

flow main() -> None:
    detach parent(TOKEN)
"""


def test_a_detached_run_that_fails_is_told_like_any_and_hides_it(caplog: pytest.LogCaptureFixture) -> None:
    cflow.loads(DETACHED).main.run()
    settle()
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    first, *lines = record.getMessage().splitlines()
    assert re.fullmatch(r"the detached run-\w+ failed: ValueError: bad key <secret>", first)
    assert "  in flow child, <text>:5" in lines
    assert "    on the way parent > child > raise" in lines
    assert record.exc_info is None, "a traceback would show it, and the engine's own lines"


@node(reads="r")
def logs(key: str) -> None:
    cflow.context().log.warning("got %s", key)


def test_what_a_node_logs_hides_it(caplog: pytest.LogCaptureFixture) -> None:
    SecretText(WORD)
    logging_flow.run(WORD)
    (record,) = caplog.records
    assert record.getMessage() == "got <secret>"


@node(reads="r")
def logs_an_error(key: str) -> None:
    try:
        raise ValueError(f"bad {key}")
    except ValueError:
        cflow.context().log.exception("failed")


@flow
def failing_flow(key: str) -> None:
    logs_an_error(key)


def test_the_error_of_a_line_that_a_node_logs_hides_it(caplog: pytest.LogCaptureFixture) -> None:
    SecretText(WORD)
    failing_flow.run(WORD)
    assert WORD not in caplog.text
    assert "ValueError: bad <secret>" in caplog.text


@flow
def logging_flow(key: str) -> None:
    logs(key)


def test_a_program_without_secrets_joins_plainly() -> None:
    assert type(cflow.loads("flow main(n: int) -> str:\n    return f'{n}!'\n").main.run(1)) is str
