"""Find files that are there twice, whatever they are called: by their size, then by their content.

cflow run examples/cookbook/find_duplicates.py folder=photos
"""

from typing import Any

from fingerprints import fingerprint

from cflow import Collected, collect, flow, parallel
from cflow.stdlib_nodes import csv, data, files, log


@flow
def find_duplicates(folder: str, out: str = "duplicates.csv", limit: int = 4) -> dict[str, int]:
    """Write one row for each spare file. Reading and hashing is done in processes, so it takes all cores."""
    there = [files.stat(path) for path in files.glob("**/*", folder)]
    by_size = data.group([info for info in there if not info.is_folder and info.size > 0], "size")
    likely = data.flatten([infos for infos in by_size.values() if len(infos) > 1])
    done: Collected[dict[str, Any]] = collect()
    for info in parallel(likely, limit=limit):
        content = fingerprint.options(timeout=300)(f"{info.path}")
        done.append({"path": f"{info.path}", "size": info.size, "content": content})
    for bad in done.failed:
        log.warning(f"{bad.item.path} cannot be read: {bad.error}")

    spare = []
    for same in data.group(data.sort(done.ok, "path"), "content").values():
        first, *others = same
        spare += [{"path": other["path"], "same as": first["path"], "size": other["size"]} for other in others]
    csv.write(out, spare, columns=["path", "same as", "size"])
    return {"spare": len(spare), "bytes": sum([row["size"] for row in spare]), "looked into": len(likely)}
