"""Scrape a table of prices once a day and tell what has changed since the day before.

cflow run examples/cookbook/compare_prices.py url=https://shop.example.com/prices day=2026-03-02
"""

from datetime import date
from pathlib import Path

from cflow import flow
from cflow.stdlib_nodes import data, files, html, http, json, text


@flow
def compare_prices(url: str, day: date, folder: str = "prices") -> Path:
    """Keep the prices of the day, and write what is new, gone and dearer or cheaper; the path of that report.

    A day's files depend on that day and those before, so a day may be done again.
    """
    files.make_folder(folder)
    page = http.get.options(retry=3, timeout=20)(url)
    tables = html.tables(page.text, "table.prices")
    assert tables, f"there is no table of prices at {url} any more"
    prices = data.cast(tables[0], {"price": "float"})
    earlier = [p for p in files.glob("*.json", folder) if p.stem < f"{day}"]
    before = json.read(earlier[-1]) if earlier else []
    found = data.compare(before, prices, on="article")

    lines = [f"# Prices of {day}"]
    lines += [f"- new: {row['article']} for {row['price']:.2f}" for row in found.added]
    lines += [f"- gone: {row['article']}" for row in found.removed]
    for change in found.changed:
        lines.append(f"- {change.after['article']}: {change.before['price']:.2f} -> {change.after['price']:.2f}")
    json.write(f"{folder}/{day}.json", prices)
    return files.write(f"{folder}/{day}.md", text.join(lines, "\n"))
