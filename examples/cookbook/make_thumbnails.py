"""Make a small picture of each photo in a folder, in processes; what is there and up to date is left alone.

cflow run examples/cookbook/make_thumbnails.py folder=photos
"""

from pathlib import Path
from typing import Final

from cflow import Collected, collect, flow, node, parallel
from cflow.stdlib_nodes import files, image, log

KINDS: Final = [".jpg", ".jpeg", ".png", ".webp", ".tiff"]
thumbnail = node(image.thumbnail, runs="process", memory="1GB")


@flow
def make_thumbnails(folder: str, out: str = "thumbnails", width: int = 320, limit: int = 4) -> dict[str, int]:
    """How many were made and how many cannot be. One that crashes its process, or is a bomb, costs itself alone."""
    photos = [path for path in files.glob("**/*", folder) if path.suffix.lower() in KINDS]
    done: Collected[Path] = collect()
    for photo in parallel(photos, limit=limit):
        small = f"{out}/{photo.relative_to(folder)}.webp"
        if files.exists(small):
            before = files.stat(photo)
            after = files.stat(small)
            if after.modified >= before.modified:
                continue
        done.append(thumbnail.options(timeout=60)(photo, small, width, width))
    for bad in done.failed:
        log.warning(f"{bad.error}")
    return {"photos": len(photos), "made": len(done.ok), "failed": len(done.failed)}
