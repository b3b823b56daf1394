"""Price a file of baskets by rules that are written in JavaScript: a node in another language.

cflow run examples/cookbook/price_baskets.py source=baskets.jsonl target=priced.jsonl
"""

from typing import Any

from price_rules import price

from cflow import batched, collect, flow, parallel
from cflow.stdlib_nodes import jsonl, log


@flow
def priced_one_by_one(baskets: list[dict[str, Any]]) -> list[Any]:
    """The baskets that have a price; the others are in the log."""
    done = collect(price([basket]) for basket in parallel(baskets, limit=4))
    for bad in done.failed:
        log.warning(f"no price: {bad.error}")
    return [found[0] for found in done.ok]


@flow
def price_baskets(source: str, target: str, size: int = 500) -> dict[str, float]:
    """Price `size` baskets a call, as starting a program takes time; where one of them is bad, each by itself."""
    priced = []
    for baskets in batched(jsonl.records(source), size):
        try:
            found = price.options(retry=1)(baskets)
        except ValueError:
            found = priced_one_by_one(baskets)
        priced += found
    jsonl.write(target, priced)
    return {"baskets": len(priced), "total": round(sum([p.total for p in priced]), 2)}
