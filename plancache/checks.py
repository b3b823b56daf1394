"""The findings about a file, kept: ``cflow check`` of files that have not changed reads nothing else."""

from __future__ import annotations

import marshal
import os

from . import place, stamp

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    from ..compiler.diagnostics import Diagnostic
    from ..dsl.loader.witness import Witness


def find(file: str, advice: bool) -> list[Diagnostic] | None:
    """The findings about a file; None where they are not known, or something has changed.

    Parameters
    ----------
    file: as it was named. advice: also what a declaration would let overlap.
    """
    if place.folder() is None:
        return None
    try:
        payload = place.read(_key(file, advice))
        if payload is None:
            return None
        contents, stats, resolved, found = marshal.loads(payload)
        if not stamp.holds(contents, stats, resolved):
            return None
        if not found:
            return []
        import pickle

        kept: list[Diagnostic] = pickle.loads(found)
    except Exception:  # whatever is wrong with an entry: it is none
        return None
    return kept


def keep(file: str, advice: bool, found: list[Diagnostic], seen: Witness) -> None:
    """Keep the findings, where the files that were read explain them."""
    if seen.failed or place.folder() is None or any(d.id in NOT_IN_THE_TEXT for d in found):
        return
    import pickle

    try:
        payload = marshal.dumps((*depends(seen), pickle.dumps(found) if found else b""), 2)
        place.write(_key(file, advice), payload)
    except Exception:  # what cannot be kept is found again
        return


def _key(file: str, advice: bool) -> bytes:
    return stamp.key("check", file, os.path.expanduser(file), advice)


NOT_IN_THE_TEXT = frozenset(
    {
        "file-not-found",
        "file-not-readable",
        "import-not-found",
        "import-failed",
        "import-refused",
        "import-clash",
        "extra-missing",
    }
)
"""Findings that hang on what is there beside the files that were read ("did you mean")."""


def depends(seen: Witness) -> tuple[dict[str, tuple[int, bytes]], dict[str, object], dict[str, str]]:
    """What a load hangs on: contents, the state of files and folders, where paths led."""
    stats: dict[str, object] = {}
    contents: dict[str, tuple[int, bytes]] = {}
    for path, data in seen.files.items():
        if stamp.installed(path):
            stats[path] = stamp.stat_of(path)
            if stamp.content_of(path) != (len(data), place.digest(data)):  # changed since it was read
                raise OSError(path)
        else:
            contents[path] = len(data), place.digest(data)
    for path in seen.looked:
        if path not in contents:
            stats[path] = stamp.stat_of(path)
    stats.update(stamp.importable(seen.named))
    return contents, stats, seen.resolved
