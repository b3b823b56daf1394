"""Read some feeds and write what is new into a digest; what an earlier digest had is left out.

cflow run examples/cookbook/feed_digest.py feeds=feeds.yaml day=2026-03-02 --store .cflow
"""

from datetime import date
from pathlib import Path
from typing import Final

from cflow import collect, flow, parallel
from cflow.stdlib_nodes import data, files, http, kv, log, rss, yaml

KEPT: Final = 180 * 24 * 3600


@flow
def unseen(feed: str, day: date) -> list[rss.Entry]:
    """The entries of one feed that no digest of an earlier day has had."""
    page = http.get.options(retry=2, timeout=20)(feed)
    entries = []
    for entry in rss.parse(page.body).entries:
        if kv.get(f"digest:{entry.link}", f"{day}") == f"{day}":
            entries.append(entry)
    return entries


@flow
def feed_digest(feeds: str, day: date, out: str = "digests") -> Path:
    """The digest of a day. That of a day which is done again is the same, or has more in it."""
    done = collect(unseen(feed, day) for feed in parallel(yaml.read(feeds), limit=8))
    for bad in done.failed:
        log.warning(f"{bad.item} is left out today: {bad.error}")

    entries = data.sort(data.dedupe(data.flatten(done.ok), "link"), "title")
    items = [f"- [{entry.title}]({entry.link})" for entry in entries]
    path = files.write(f"{out}/{day}.md", "\n".join([f"# News of {day}", *items]))
    for entry in entries:
        kv.set(f"digest:{entry.link}", f"{day}", seconds=KEPT)
    return path
