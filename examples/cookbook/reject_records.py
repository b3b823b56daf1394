"""Check the records of a long CSV file; good ones go on by country, bad ones into a file with the reasons.

cflow run examples/cookbook/reject_records.py source=orders.csv.gz out=orders
"""

from typing import Any, Final

from cflow import batched, flow
from cflow.stdlib_nodes import csv, data, files, json, log, validate

FOLDER: Final[dict[str, Any]] = {
    "required": ["country"],
    "properties": {"country": {"type": "string", "pattern": "^\\w+$"}},
}


@flow
def judged(row: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The record, with what is wrong with it."""
    problems = validate.problems(row, schema)
    return {**row, "reason": "; ".join([f"{p.path}: {p.message}" for p in problems])}


@flow
def reject_records(source: str, schema: str, out: str, size: int = 1000) -> dict[str, int]:
    """Route all records, `size` at a time: each batch has files of its own, so one made again replaces itself.
    A country is the name of a folder, so what is none (`FOLDER`) is refused."""
    rules = {"allOf": [json.read(schema), FOLDER]}
    batch = good = bad = 0
    for rows in batched(csv.records(source), size):
        batch += 1  # noqa: SIM113 - a stream has no enumerate
        typed = [judged(row, rules) for row in rows]
        fine, broken = data.split(typed, "reason", "==", "")
        for country, members in data.group(fine, "country").items():
            folder = files.inside(f"{out}/good", country)
            csv.write(f"{folder}/{batch:05}.csv", data.drop(members, "reason"))
        if broken:
            csv.write(f"{out}/rejected/{batch:05}.csv", broken)
        good += len(fine)
        bad += len(broken)
    if bad > good:
        log.warning(f"{bad} of {good + bad} records are refused: is {schema} the right one?")
    return {"good": good, "bad": bad}
