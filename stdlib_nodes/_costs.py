"""Tokens and what they cost. It knows nothing of nodes."""

from __future__ import annotations

from ._llmwords import Usage
from ._openai import Counts


def usage_of(counts: Counts | None) -> Usage:
    """The tokens that a server has counted; none where it counts none."""
    return Usage() if counts is None else Usage(input=counts.prompt_tokens, output=counts.completion_tokens)


def together(one: Usage, other: Usage) -> Usage:
    """The sum of two."""
    return Usage(input=one.input + other.input, output=one.output + other.output)


def check_prices(prices: dict[str, dict[str, float]] | None) -> None:
    """Before anything is paid for.

    Raises
    ------
    ValueError: a price is of something else than input and output.
    """
    for model, price in (prices or {}).items():
        if other := [name for name in price if name not in ("input", "output")]:
            msg = f"the price of {model!r} is of 'input' and 'output' tokens, not of {other[0]!r}"
            raise ValueError(msg)


def cost_of(usage: Usage, prices: dict[str, dict[str, float]] | None, *models: str) -> float | None:
    """By the first of the names that has a price: servers often answer with a longer one than was asked for."""
    price = next((prices[model] for model in models if model in prices), None) if prices else None
    if price is None:
        return None
    return (usage.input * price.get("input", 0.0) + usage.output * price.get("output", 0.0)) / 1_000_000


def total(cost: float | None, more: float | None) -> float | None:
    """The sum of two costs; None where one is not known."""
    return None if cost is None or more is None else cost + more
