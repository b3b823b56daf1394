"""Compare the payments that the bank has with those in the ledger, and put the differences into a spreadsheet.

cflow run examples/cookbook/reconcile.py bank=statement.csv ledger=ledger.db month=2026-02
"""

from typing import Final

from cflow import flow
from cflow.stdlib_nodes import csv, data, log, sql, xlsx

BOOKED: Final = "SELECT reference, amount, booked AS day FROM payment WHERE booked LIKE ? ORDER BY reference"


@flow
def reconcile(bank: str, ledger: str, month: str, out: str = "differences.xlsx") -> dict[str, int]:
    """How many payments differ, and in which way; a row each in a sheet of its own."""
    stated = data.cast(csv.read(bank, separator=";"), {"amount": "float"})
    booked = sql.query(ledger, BOOKED, [f"{month}-%"])
    twice = [row for row in data.summarize(stated, "reference", times="count") if row["times"] > 1]
    found = data.compare(booked, data.dedupe(stated, "reference"), on="reference")
    differing = []
    for change in found.changed:
        differing.append(
            {
                "reference": change.after["reference"],
                "fields": ", ".join(change.fields),
                "ledger": change.before["amount"],
                "bank": change.after["amount"],
            }
        )
    sheets = {"only bank": found.added, "only ledger": found.removed, "differing": differing, "twice": twice}
    xlsx.write(out, sheets)
    counts = {name: len(rows) for name, rows in sheets.items()}
    if any(counts.values()):
        log.warning(f"ledger and bank differ in {month}: see {out}")
    return counts
