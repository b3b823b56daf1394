"""Back a folder up to object storage: each content is stored once, under its checksum, and a manifest names the files.

BUCKET=s3://KEY:SECRET@backups cflow run examples/cookbook/backup_folder.py folder=photos name=monday
BUCKET=... cflow run examples/cookbook/backup_folder.py:restore name=monday folder=restored
"""

from dataclasses import dataclass
from pathlib import Path

from cflow import convert, flow, parallel, secret, transaction
from cflow.stdlib_nodes import crypto, files, json, log, s3

BUCKET = secret("BUCKET")


@dataclass(frozen=True, kw_only=True)
class Stored:
    sha256: str
    size: int


@flow
def stored(path: Path) -> Stored:
    """One file in the store. What was put there by a backup that fails later is taken away again."""
    digest = crypto.hash_file(path)
    size = files.stat(path).size
    there = s3.info.options(retry=3)(BUCKET, f"contents/{digest}")
    if there is None or there.size != size:
        s3.upload.options(retry=3, timeout=3600, undo=lambda _: s3.delete(BUCKET, f"contents/{digest}"))(
            BUCKET, f"contents/{digest}", path
        )
    return Stored(sha256=digest, size=size)


@flow
def backup_folder(folder: str, name: str, limit: int = 4) -> int:
    """How many files the backup has: all, or there is no such backup. One at a time: what a failing backup takes
    away, another might count on."""
    with transaction(timeout=21_600):
        pairs = []
        for path in parallel(files.glob("**/*", folder), limit=limit):
            if files.stat(path).is_folder:
                continue
            found = stored(path)
            pairs.append((f"{path.relative_to(folder)}", found))
        s3.put.options(retry=3)(BUCKET, f"backups/{name}.json", json.dumps(dict(pairs)), type="application/json")
    log.info(f"{len(pairs)} files are in the backup {name}")
    return len(pairs)


@flow
def restore(name: str, folder: str, limit: int = 4) -> int:
    """Bring the files of a backup back; those that are there as they were are left alone."""
    manifest = convert(json.loads(s3.get(BUCKET, f"backups/{name}.json")), dict[str, Stored])
    for path, wanted in parallel(manifest.items(), limit=limit):
        target = files.inside(folder, path, deep=True)
        if not (files.exists(target) and crypto.hash_file(target) == wanted.sha256):
            s3.download.options(retry=3, timeout=3600)(BUCKET, f"contents/{wanted.sha256}", target)
    return len(manifest)
