"""Load the sales of a day into a DuckDB warehouse, whole or not at all; a sum that is wrong takes everything back.

cflow run examples/cookbook/load_warehouse.py source=sales.csv day=2026-03-02 expected=1234.5
"""

from datetime import date
from typing import Final

from cflow import flow, transaction
from cflow.stdlib_nodes import csv, data, log, sql

STAGE: Final = "CREATE OR REPLACE TABLE stage (day DATE, shop TEXT, total DOUBLE)"
SALES: Final = "CREATE TABLE IF NOT EXISTS sales (day DATE, shop TEXT, total DOUBLE)"
SUMS: Final = "SELECT count(*) AS rows, coalesce(sum(total), 0) AS total FROM stage WHERE day = ?"


@flow
def load_warehouse(source: str, day: date, expected: float, db: str = "sales.duckdb") -> int:
    """Replace what is known of the day by what the file says; how many sales that are.

    Loading a day again leaves each sale there once.
    """
    rows = data.cast(csv.read(source), {"day": "date", "total": "float"})
    sql.execute(db, SALES)
    with transaction(timeout=600):
        sql.execute.options(undo=lambda _: sql.execute(db, "DROP TABLE IF EXISTS stage"))(db, STAGE)
        sql.insert(db, "stage", rows)
        found = sql.query(db, SUMS, [day])[0]
        assert found["rows"] == len(rows), f"{len(rows) - found['rows']} sales are not of {day}"
        assert abs(found["total"] - expected) < 0.005, f"sales of {found['total']} in place of {expected}"
        sql.transaction(
            db,
            [
                ["DELETE FROM sales WHERE day = ?", [day]],
                ["INSERT INTO sales SELECT day, shop, total FROM stage"],
                ["DROP TABLE stage"],
            ],
        )
    log.info(f"{len(rows)} sales of {day} are loaded")
    return len(rows)
