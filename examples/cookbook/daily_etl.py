"""Bring the events of each day into a database, a day once: also after a crash, and when several do it at a time.

cflow run examples/cookbook/daily_etl.py api=https://events.example.com first=2026-03-01 last=2026-03-07 --store .cflow
cflow resume --store .cflow
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from cflow import convert, flow, loop
from cflow.stdlib_nodes import data, http, log, sql, time

TABLE: Final = "CREATE TABLE IF NOT EXISTS daily (day TEXT, kind TEXT, events INT, users INT, PRIMARY KEY (day, kind))"
PUT: Final = "INSERT OR REPLACE INTO daily (day, kind, events, users) VALUES (?, ?, ?, ?)"


@dataclass(frozen=True, kw_only=True)
class Event:
    kind: str
    user: str


@flow
def load_day(api: str, day: date, db: str) -> int:
    """Extract, transform and load one day; how many events there were."""
    events = convert(http.get_json.options(retry=3, timeout=30)(f"{api}/events", params={"day": f"{day}"}), list[Event])
    by_kind = data.group(events, "kind")
    rows = [[f"{day}", kind, len(es), len({e.user for e in es})] for kind, es in by_kind.items()]
    sql.transaction(db, [[PUT, row] for row in rows])
    return len(events)


@flow
def daily_etl(api: str, first: date, last: date, db: str = "daily.db") -> dict[str, int]:
    """The days from `first` to `last`. A day that was loaded, by whichever run, is not asked for again."""
    sql.execute(db, TABLE)
    loaded = {}
    day = first
    while loop(day <= last, max=1000):
        loaded[f"{day}"] = load_day.options(once=f"etl:{day}")(api, day, db)
        day = time.add(day, days=1)
    log.info(f"{len(loaded)} days are there")
    return loaded
