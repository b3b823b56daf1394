"""The node of `find_duplicates`."""

from __future__ import annotations

import hashlib

from cflow import node


@node(reads="files", runs="process", memory="200MB")
def fingerprint(path: str) -> str:
    """What a file holds, as a hash; files of one fingerprint are equal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
