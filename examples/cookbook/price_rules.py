"""The node of `price_baskets`: the price rules of the shop, in JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cflow import node


@dataclass(frozen=True, kw_only=True)
class Priced:
    id: int
    goods: float
    discount: float
    total: float


@node(pure=True, runs="command", command=["node", "price_rules.js"], timeout=30)
def price(baskets: list[dict[str, Any]]) -> list[Priced]:  # type: ignore[empty-body]
    """What the baskets cost; ValueError for one that has no price."""
