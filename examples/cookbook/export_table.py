"""Export the orders of a PostgreSQL table into a compressed CSV file, as a stream.

DATABASE_URL=postgresql://... cflow run examples/cookbook/export_table.py since=2026-03-01
"""

from datetime import date
from pathlib import Path
from typing import Final

from cflow import batched, flow, secret
from cflow.stdlib_nodes import csv, files, log, sql

DATABASE_URL = secret("DATABASE_URL")
ORDERS: Final = "SELECT id, customer, total, placed FROM orders WHERE placed >= %s ORDER BY id"


@flow(timeout=7200)
def export_table(since: date, target: str = "orders.csv.gz", size: int = 5000) -> int:
    """Export in constant memory; how many orders. Who reads `target` sees the whole export, or still the one before."""
    part = Path(target).with_name(f"part-{Path(target).name}")
    files.delete(part, missing_ok=True)
    count = 0
    try:
        for orders in batched(sql.rows(DATABASE_URL, ORDERS, [since]), size):
            csv.append(part, orders)
            count += len(orders)
        if count:
            files.move(part, target)
        else:
            log.warning(f"there are no orders since {since}: {target} stays as it is")
    finally:
        files.delete(part, missing_ok=True)
    return count
