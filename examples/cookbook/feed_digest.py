"""Read some feeds and write what is new into a digest; what an earlier digest had is left out.

cflow run examples/cookbook/feed_digest.py feeds=feeds.yaml day=2026-03-02 --store .cflow
"""

from datetime import date
from pathlib import Path
from typing import Final

from cflow import Collected, collect, convert, flow, parallel
from cflow.stdlib_nodes import data, files, http, kv, log, rss, text, yaml

KEPT: Final = 180 * 24 * 3600


@flow
def line(entry: rss.Entry) -> str:
    """An entry in Markdown. What a feed says is text and an address there, whatever it looks like."""
    title = text.replace(entry.title, r"([\\`*_\[\]<>!&#|])", r"\\\1")
    link = text.replace(entry.link, r"[\s<>()\\]", "")
    return f"- [{text.join(title.split(), ' ')}]({link})"


@flow
def feed_digest(feeds: str, day: date, out: str = "digests") -> Path:
    """The digest of a day. That of a day which is done again is the same, or has more in it."""
    addresses = convert(yaml.read(feeds), list[str])
    done: Collected[list[rss.Entry]] = collect()
    for feed in parallel(addresses, limit=8):
        page = http.get.options(retry=2, timeout=20)(feed)
        done.append(rss.parse(page.body).entries)
    for bad in done.failed:
        log.warning(f"{bad.item} is left out today: {bad.error}")
    assert done.ok, f"none of the feeds in {feeds} could be read"

    # What a digest of an earlier day had is left out.
    entries = []
    for entry in data.sort(data.dedupe(data.flatten(done.ok), "link"), "title"):
        if kv.get(f"digest:{entry.link}", f"{day}") == f"{day}":
            entries.append(entry)
    items = [line(entry) for entry in entries]
    path = files.write(f"{out}/{day}.md", "\n".join([f"# News of {day}", *items]))
    for entry in entries:
        kv.set(f"digest:{entry.link}", f"{day}", seconds=KEPT)
    return path
