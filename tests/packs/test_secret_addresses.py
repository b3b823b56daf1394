"""An address that is a secret: its password is hidden, and nothing else of it is, here or anywhere later."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

import cflow
from cflow.compiler import secrets


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    secrets.forget()
    yield
    secrets.forget()


@pytest.mark.parametrize(
    ("address", "call"),
    [
        ("imap+plain://ada:pass%2Fword@127.0.0.1:9", "mail.folders(ADDRESS)"),
        ("smtp+plain://ada:pass%2Fword@127.0.0.1:9", "mail.send(ADDRESS, 'a@b.c', 'a@b.c', 'x')"),
        ("redis://ada:pass%2Fword@127.0.0.1:9/0", "redis.get(ADDRESS, 'x')"),
        ("s3+http://ada:pass%2Fword@127.0.0.1:9/bucket", "s3.get(ADDRESS, 'x')"),
    ],
)
def test_a_secret_address(
    address: str, call: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ADDRESS", address)
    text = f"""
import log, mail, redis, s3

secret ADDRESS

flow ask():
    try:
        {call}
    except Exception as e:
        log.warning(f"{{e}}")

flow tell():
    log.warning("127.0.0.1:9 speaks imap+plain, smtp+plain, redis, s3+http; its bucket is ada's")
    log.warning("pass%2Fword pass/word {address}")
"""
    module = cflow.loads(text)
    module.ask.run()
    module.tell.run()
    why, plain, secret = (r.getMessage() for r in caplog.records if r.levelno == logging.WARNING)
    assert "127.0.0.1:9" in why
    assert "pass" not in why
    assert plain == "127.0.0.1:9 speaks imap+plain, smtp+plain, redis, s3+http; its bucket is ada's"
    assert secret == "<secret> <secret> <secret>"
