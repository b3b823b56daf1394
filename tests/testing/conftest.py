"""The nodes and flows that the tests of this folder test."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cflow import engine

SHOP = """
import time
import trio
from cflow import node, flow, transaction, secret, sleep

class CardDeclined(Exception):
    pass

KEY = secret("SHOP_KEY_THAT_IS_NOT_SET")

@node(writes="stock")
async def release(hold: str) -> None:
    raise RuntimeError("no warehouse here")

@node(writes="stock", undo=release)
async def reserve(sku: str, qty: int = 1) -> str:
    raise RuntimeError("no warehouse here")

@node(writes="money")
def charge(card: str, total: float, key: str = "") -> str:
    raise RuntimeError("no bank here")

@node(reads="clock")
async def slow(x: int) -> int:
    await trio.sleep(5)
    return x

@node(reads="disk")
def thread(x: int) -> int:
    time.sleep(0.01)
    return x

@node(reads="disk", runs="thread")
def own_thread(x: int) -> int:
    time.sleep(0.01)
    return x

@node(reads="net")
async def lines():
    yield "a"
    await trio.to_thread.run_sync(time.sleep, 0.01)
    yield "b"

def spoil(xs: list[int]) -> list[int]:
    xs.append(2)
    return xs

CLOSED: list[str] = []

@node(reads="net")
async def polite():
    try:
        yield 1
        yield 2
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(1)
        CLOSED.append("closed")

@node(reads="net", writes="list")
async def closed() -> list[str]:
    return CLOSED[:]

KEPT: list[int] = []

def keep(x: int) -> list[int]:
    KEPT.append(x)
    return KEPT

def many(a, *rest, b=1, **more):
    return a
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with ``shop.py``."""
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


@pytest.fixture
def program(shop: Path) -> Callable[[str], Path]:
    """Writes a ``.cflow`` file beside ``shop.py``."""

    def write(text: str) -> Path:
        path = shop / "orders.cflow"
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture(autouse=True)
def same_engine() -> Iterator[None]:
    """The engine behind ``flow.run`` is put back."""
    before = engine._DEFAULT
    yield
    engine._DEFAULT = before
