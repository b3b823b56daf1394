"""Watch a folder and make CSV of each spreadsheet that is put there; what cannot be read goes aside, with the reason.

cflow run examples/cookbook/convert_sheets.py:watch inbox=inbox out=tables
"""

from pathlib import Path

from cflow import collect, flow, parallel, sleep
from cflow.stdlib_nodes import crypto, csv, files, log, xlsx


@flow
def table_of(path: Path, inbox: str, out: str) -> Path:
    """One spreadsheet. Made again after a crash, it gives the same file in the same place."""
    rows = xlsx.read(path)
    assert rows, "there are no rows in it"
    done = f"{inbox}/done/{path.name}"
    assert not files.exists(done), "a sheet of this name has been converted before"
    table = csv.write(f"{out}/{path.stem}.csv", rows)
    files.move(path, done)
    return table


@flow
def convert_sheets(inbox: str, out: str, limit: int = 4) -> list[Path]:
    """All spreadsheets that are there now; the tables made of them."""
    done = collect(table_of(path, inbox, out) for path in parallel(files.glob("*.xlsx", inbox), limit=limit))
    for bad in done.failed:
        log.warning(f"{bad.item.name} goes aside: {bad.error}")
        # By its content: sheets of one name that are refused one after the other stay side by side.
        aside = f"{inbox}/rejected/{crypto.hash_file(bad.item)[:8]}"
        files.write(f"{aside}/{bad.item.name}.txt", f"{bad.error}\n")
        files.move(bad.item, f"{aside}/{bad.item.name}")
    return done.ok


@flow
def watch(inbox: str, out: str, looks: int = 1_000_000):
    """Look every half minute. Sheets are put there by a rename: half a sheet is one that cannot be read."""
    for _ in range(looks):
        convert_sheets(inbox, out)
        sleep(30)
