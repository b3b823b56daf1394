"""A crawl: page after page of a catalogue, then each item, from a server that fails now and then. The twin of
`crawl.cflow`: both have one digest.

    cflow run examples/crawl.py limit=16
"""

from dataclasses import dataclass
from typing import Any

from crawl_site import close_site, open_site

from cflow import Collected, collect, convert, flow, loop, parallel
from cflow.stdlib_nodes import chart, csv, data, files, http, log


@dataclass(frozen=True, kw_only=True)
class Listing:
    items: list[int]
    next: str = ""


@dataclass(frozen=True, kw_only=True)
class Item:
    id: int
    name: str
    maker: str
    price: float


@flow
def item_numbers(base: str) -> list[int]:
    """The numbers of all items: each page names the next one."""
    numbers = []
    path = "/items?page=1"
    while loop(path, max=100):
        listing = convert(http.get_json.options(retry=2, timeout=5)(f"{base}{path}"), Listing)
        numbers += listing.items
        path = listing.next
    return numbers


@flow
def crawl(limit: int = 8, out: str = "crawl-out") -> dict[str, Any]:
    """Visit every item, at most `limit` at once, and sum up by maker."""
    base = open_site()
    try:
        numbers = item_numbers(base)
        done: Collected[Item] = collect(max_failed=5)
        for number in parallel(numbers, limit=limit):
            item = convert(http.get_json.options(retry=2, timeout=5)(f"{base}/items/{number}"), Item)
            done.append(item)
    finally:
        close_site(base)

    for bad in done.failed:
        log.warning(f"item {bad.item} is left out: {bad.error}")
    makers = data.summarize(done.ok, "maker", items="count", cheapest="min price", mean="mean price")
    ranked = data.sort(makers, "maker")
    csv.write(f"{out}/items.csv", done.ok)
    files.write(f"{out}/makers.svg", chart.bars(ranked, "maker", "items", title="Items by maker"))
    return {"items": len(done.ok), "gone": [bad.item for bad in done.failed], "makers": ranked}


if __name__ == "__main__":
    print(crawl.run())
