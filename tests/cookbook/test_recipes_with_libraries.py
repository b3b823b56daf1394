"""The recipes around pictures, mail and models: against real servers on loopback, in both spellings."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Load = Callable[[str], Any]


def test_make_thumbnails(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    Path("photos/trip").mkdir(parents=True)
    Image.new("RGB", (800, 400), "red").save("photos/a.jpg")
    Image.new("RGBA", (100, 50), "blue").save("photos/trip/b.PNG")
    Path("photos/broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    Path("photos/notes.txt").write_text("no photo")
    make = load("make_thumbnails").make_thumbnails
    assert make.run("photos", limit=2) == {"photos": 3, "made": 2, "failed": 1}
    sizes = {}
    for path in Path("thumbnails").rglob("*.webp"):
        with Image.open(path) as small:
            sizes[str(path)] = small.size
    assert sizes == {"thumbnails/a.jpg.webp": (320, 160), "thumbnails/trip/b.PNG.webp": (100, 50)}
    (said,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert said.startswith("photos/broken.jpg is no picture of a kind that is read")
    later = Path("thumbnails/a.jpg.webp").stat().st_mtime + 10
    os.utime("photos/a.jpg", (later, later))
    assert make.run("photos") == {"photos": 3, "made": 1, "failed": 1}, "what is up to date is left alone"
