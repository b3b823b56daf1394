"""Collecting large values that nothing refers to any more: what was dropped from the cache, or with its run, leaves its
files behind.

Any process may do it at any time beside the others (:mod:`.blobs`): a file that was put within the last hour stays. A
value can be older than that and its reference still not in the store, where a full disk or a lock has held its commit
up for so long; so nothing is collected before the store takes commits, and those who had waited are through.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

from .blobs import Blobs, Swept
from .failures import StoreError
from .port import Store
from .tickets import commit_now
from .writer import LONGEST

EVERY = 3600.0
"""Seconds between two collections of a store, by whichever process."""

MARK = "collected"
"""A file beside the large values; its age tells when they were collected last."""


def due(blobs: Blobs) -> bool:
    """Is it time to collect? Who is told so does it: others are not."""
    mark = blobs.folder / MARK
    now = time.time()
    try:
        if now - mark.stat().st_mtime < EVERY:
            return False
        os.utime(mark, (now, now))
    except FileNotFoundError:
        with suppress(OSError):  # there is no large value yet
            mark.touch()
        return False
    except OSError:
        return False
    return True


def soon(blobs: Blobs) -> None:
    """Something was dropped: the next who asks :func:`due` is told so."""
    with suppress(OSError):
        os.utime(blobs.folder / MARK, (0, 0))


def collect(store: Store, blobs: Blobs, closed: threading.Event | None = None) -> Swept:
    """Remove the files of large values that nothing refers to. Blocks for some seconds, then on the disk.

    Parameters
    ----------
    closed: ends it early.

    Raises
    ------
    StoreError, OSError: the store does not take commits, or its folder cannot be written to.
    """
    commit_now(store, [])
    if (closed or threading.Event()).wait(2 * LONGEST):
        return Swept(0, 0)
    if store.trouble is not None:
        msg = f"nothing is collected while {store.trouble.message}"
        raise StoreError(msg)
    return blobs.sweep(store.used_blobs())


__all__ = ["collect", "due", "soon"]
