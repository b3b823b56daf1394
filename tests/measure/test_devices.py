"""What is saved to a device or a pipe goes into it: it is not replaced by a file."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cflow.measure.documents import write_document
from cflow.measure.saved import save_profile
from cflow.planner.profile import Profile


@pytest.mark.parametrize(
    "save",
    [
        lambda path: write_document(path, "bench", 1, {"x": 1}),
        lambda path: save_profile(path, Profile("f", "digest", {"a": 1.0}, {"a": 1.0})),
    ],
    ids=["document", "profile"],
)
def test_a_pipe_stays_a_pipe(save: Callable[[Path], None], tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    save(pipe)
    reader.join(20)
    assert pipe.is_fifo()
    assert read[0].endswith("}\n")
