"""Keep a table in step with a paged API: each sync asks for what has changed since the last one.

cflow run examples/cookbook/sync_api.py api=https://shop.example.com db=shop.db
"""

from dataclasses import dataclass
from typing import Final

from cflow import convert, flow, loop, secret
from cflow.stdlib_nodes import http, log, sql

API_TOKEN = secret("API_TOKEN")
TABLE: Final = "CREATE TABLE IF NOT EXISTS customer (id INTEGER PRIMARY KEY, name TEXT, changed TEXT)"
UPSERT: Final = "INSERT OR REPLACE INTO customer (id, name, changed) VALUES (?, ?, ?)"


@dataclass(frozen=True, kw_only=True)
class Customer:
    id: int
    name: str
    changed: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """Customers in the order of their last change."""

    items: list[Customer]
    next: str = ""


@flow(timeout=3600)
def sync_api(api: str, db: str) -> int:
    """Fetch the customers that have changed; how many they are.

    Pages come oldest change first and each is kept whole, so a sync that breaks off leaves a table from which the next
    one goes on, and a page that comes twice changes nothing.
    """
    sql.execute(db, TABLE)
    last = sql.query(db, "SELECT coalesce(max(changed), '') AS changed FROM customer")[0]["changed"]
    path = "/customers"
    params = {"since": last}
    count = 0
    while loop(path, max=10_000):
        answer = http.get_json.options(retry=3, timeout=10)(
            f"{api}{path}", params=params, headers={"authorization": f"Bearer {API_TOKEN}"}
        )
        page = convert(answer, Page)
        sql.transaction(db, [[UPSERT, [c.id, c.name, c.changed]] for c in page.items])
        count += len(page.items)
        path = page.next
        params = None  # the next page's address says it all
    log.info(f"{count} customers since {last or 'ever'}")
    return count
