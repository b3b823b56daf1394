"""Mistakes that users made with packs, or that packs made with them."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from cflow import flow
from cflow.cli.main import main
from cflow.stdlib_nodes import crypto, data, http, llm, shell, text

PATTERN = r"(.*?,){25}P"
"""It tries all ways to put 25 commas: https://www.regular-expressions.info/catastrophic.html"""


@flow
def patterns(word: str, seconds: float) -> bool:
    return text.matches(word, PATTERN, seconds=seconds)


@pytest.mark.parametrize(
    "call",
    [
        lambda word: text.matches(word, PATTERN, seconds=0.05),
        lambda word: text.find(word, PATTERN, seconds=0.05),
        lambda word: text.find_all(word, PATTERN, seconds=0.05),
        lambda word: text.replace(word, PATTERN, "", seconds=0.05),
        lambda word: text.split(word, PATTERN, seconds=0.05),
        lambda word: patterns.run(word, 0.05),
    ],
    ids=["matches", "find", "find_all", "replace", "split", "in a flow"],
)
def test_a_pattern_that_takes_for_ever_ends(call: Any) -> None:
    with pytest.raises(TimeoutError, match=r"took longer than 0\.05 s on a text of \d+ characters"):
        call("1,2,3,4,5,6,7,8,9,10,11,12,13" * 30)


def test_limits_are_listed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nodes", "compress.expand"]) == 0
    assert f"limit: int = {1 << 30}" in capsys.readouterr().out


def test_a_measure_is_not_called_like_a_group() -> None:
    with pytest.raises(ValueError, match="a measure is called 'g'"):
        data.summarize([{"g": 1, "v": 2}], "g", g="sum v")


def test_an_empty_key_is_told() -> None:
    with pytest.raises(ValueError, match="is the secret set"):
        crypto.hmac_fits("x", "", "00")


def test_arguments_are_a_list() -> None:
    wrong: Any = "hi"
    with pytest.raises(ValueError, match="args is a list of texts"):
        shell.run("echo", wrong)
    assert shell.run(sys.executable, ["-c", "print('hi')"]).stdout == "hi\n"


def test_prices_are_looked_at_before_anything_is_paid() -> None:
    with pytest.raises(ValueError, match="is of 'input' and 'output' tokens, not of 'in'"):
        llm.chat("http://127.0.0.1:1/v1", "ok", "hi", prices={"ok": {"in": 1.0}})


def test_who_one_is_is_a_token_or_a_name_and_a_password() -> None:
    wrong: Any = {"a": "b"}
    with pytest.raises(ValueError, match="auth is a token, or a name and a password, not a dict"):
        http.get("http://127.0.0.1:1/", client=http.Client(auth=wrong))
