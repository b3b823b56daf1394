"""Move old files into an archive: they are deleted when the archive has been read back and each checksum fits.

cflow run examples/cookbook/archive_old.py folder=reports before=2026-01-01T00:00Z archive=reports-2025.zip
"""

from datetime import datetime
from pathlib import Path

from cflow import flow, parallel, transaction
from cflow.stdlib_nodes import compress, crypto, files, log


@flow
def checksums(paths: list[Path], base: str) -> dict[str, str]:
    """The checksum of each file, by its path within the folder `base`."""
    sums = []
    for path in parallel(paths, limit=8):
        digest = crypto.hash_file(path)
        sums.append((f"{path.relative_to(base)}", digest))
    return dict(sums)


@flow
def archive_old(folder: str, before: datetime, archive: str) -> int:
    """How many files have gone into the archive. Whatever fails, they are where they were, and there is no archive."""
    assert not files.exists(archive), f"{archive} is there already"
    there = [files.stat(path) for path in files.glob("**/*", folder)]
    old = [info.path for info in there if not info.is_folder and info.modified < before]
    if not old:
        log.info(f"nothing in {folder} is older than {before}")
        return 0
    sums = checksums(old, folder)
    trash = f"{archive}.trash"
    with transaction(timeout=3600):
        compress.pack.options(undo=lambda _: files.delete(archive))(archive, old, base=folder)
        for path in old:
            kept = f"{trash}/{path.relative_to(folder)}"
            files.move.options(undo=lambda result: files.move(result, path))(path, kept)  # noqa: B023 - taken at once
        unpacked = compress.unpack.options(undo=lambda _: files.delete(f"{archive}.check"))(archive, f"{archive}.check")
        found = checksums(unpacked, f"{archive}.check")
        lost = [path for path, digest in sums.items() if found.get(path) != digest]
        assert not lost, f"{archive} does not hold {', '.join(lost)} (links are left out)"
    files.delete(f"{archive}.check")
    files.delete(trash)
    return len(old)
