"""Addresses with passwords as plain inputs: a run that fails with them prints the addresses without."""

from __future__ import annotations

from pathlib import Path

import pytest

from cflow.cli.main import main
from cflow.compiler.secrets import SecretText, forget, hide_passwords
from cflow.executor.told import said, shown

FLOW = """
from cflow import flow, node

@node(writes="x")
def put(server: str, more: dict[str, list[str]]) -> None:
    raise ValueError(f"{server} is not there")

@flow
def f(server: str) -> str:
    put(server, {"also": [server]})
    return server
"""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("imaps://ada:TOP@h:1", "imaps://ada:<secret>@h:1"),
        ("redis://:TOP@h/0 and ssh://ada:se%3ATOP@h", "redis://:<secret>@h/0 and ssh://ada:<secret>@h"),
        ("s3+http://KEY:TO:P@P@h/b?x=1", "s3+http://KEY:<secret>@h/b?x=1"),
        ("['http://a:TOP@h', 'b:c@d']", "['http://a:<secret>@h', 'b:c@d']"),
        ('{"u":"http://h:80","v":"k:p@q"}', '{"u":"http://h:80","v":"k:p@q"}'),
        ("http://h:80/a:b@c", "http://h:80/a:b@c"),
        ("http://ada@h", "http://ada@h"),
        ("http://h?x=a:b@c http://h#a:b@c", "http://h?x=a:b@c http://h#a:b@c"),
        ("ada:TOP@h", "ada:TOP@h"),
    ],
)
def test_what_is_hidden_of_a_text(text: str, shown: str) -> None:
    assert hide_passwords(text) == shown


def test_an_address_that_is_a_secret_is_one_as_a_whole() -> None:
    address = SecretText("redis://:TOP@inner-host/0")
    try:
        assert said(ValueError(f"no {str.__str__(address)}")) == "no <secret>"
        assert shown({"at": str.__str__(address)}) == "{'at': '<secret>'}"
    finally:
        forget()


def test_failures_and_the_store_show_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.py").write_text(FLOW)
    # So long that what is shown of it ends within the password.
    server = f"imaps://{'ada' * 15}:{'TOP' * 20}@127.0.0.1:1"
    for options in ([], ["--json"], ["--store", "s"]):
        assert main(["run", "p.py", f"server={server}", *options]) == 1
        printed = "".join(capfd.readouterr())
        assert "TOP" not in printed
        assert "<secret>@127.0.0.1:1" in printed
    assert main(["runs", "--store", "s", "--json"]) == 0
    listed = capfd.readouterr().out
    assert "TOP" not in listed
    run = listed.partition('"id": "')[2].partition('"')[0]
    for options in ([], ["--json"]):
        assert main(["show", run, "--store", "s", *options]) == 0
        printed = "".join(capfd.readouterr())
        assert "TOP" not in printed
        assert "imaps://ada" in printed
    assert main(["export", run, "--store", "s"]) == 0
    assert server in capfd.readouterr().out, "what is stored is what was given"
