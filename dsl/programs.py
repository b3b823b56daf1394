"""The code of nodes whose code is not in their function: a program, a module, a library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..compiler.beside import beside, program
from ..compiler.hashing import sha256
from .source import source_digest


def code_digest(function: Callable[..., Any], runtime: Mapping[str, Any]) -> str:
    """The digest of a node's code: its function's, and the content of what its declaration names."""
    own = source_digest(function)
    words = [str(runtime[word]) for word in ("module", "library", "signature") if word in runtime]
    paths = [beside(function, word) for word in words]
    if "command" in runtime:
        words += runtime["command"]
        paths += program(function, runtime["command"])
    if not words:
        return own
    made = sha256(own.encode())
    for word, path in zip(words, paths, strict=True):
        made.update(b"\x1f" + word.encode("utf-8", "surrogatepass"))
        if Path(path).is_absolute():
            made.update(_content(path))
    return made.hexdigest()


def _content(path: str) -> bytes:
    from .loader import witness

    try:
        data = Path(path).read_bytes()
    except OSError:  # told when it is called
        witness.read(path, None)
        return b""
    witness.read(path, data)
    return sha256(data).digest()
