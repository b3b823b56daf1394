"""A report of a day's sales as one HTML page: figures by SQL, a chart, and words in Markdown.

cflow run examples/cookbook/sales_report.py db=shop.db day=2026-03-02
"""

from datetime import date
from pathlib import Path
from typing import Final

from cflow import flow
from cflow.stdlib_nodes import chart, data, files, markdown, sql, text

SALES: Final = "SELECT region, product, total FROM sale WHERE day = ?"
WORDS: Final = """# Sales of {{ day }}

{{ count }} sales, {{ total }} in all ({{ change }} % against the day before).

{{ table }}
{% for region in missing %}
**{{ region }} has sold nothing.**
{% endfor %}"""


@flow
def sales_report(db: str, day: date, out: str = "reports") -> Path:
    """The path of the page. Both days are read at once; the page is written when it is whole."""
    sales = sql.query(db, SALES, [f"{day}"])
    before = sql.query(db, "SELECT sum(total) AS total FROM sale WHERE day = date(?, '-1 day')", [f"{day}"])
    regions = sql.query(db, "SELECT DISTINCT region FROM sale ORDER BY region")
    assert sales, f"there are no sales of {day}: has the import been run?"

    by_region = data.sort(data.summarize(sales, "region", sales="count", total="sum total"), "-total")
    total = sum([row["total"] for row in by_region])
    earlier = before[0]["total"] or total
    words = text.render(
        WORDS,
        {
            "day": day,
            "count": len(sales),
            "total": f"{total:.2f}",
            "change": f"{(total / earlier - 1) * 100:+.0f}",
            "table": text.table(by_region),
            "missing": data.pluck(data.join(regions, by_region, on="region", how="only left"), "region"),
        },
    )
    picture = chart.bars(by_region, "region", "total", title="Sales by region")
    return files.write(f"{out}/{day}.html", f"<!doctype html>\n{markdown.to_html(words)}\n{picture}\n")
