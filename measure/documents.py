"""Files of figures: JSON with a kind and a version, written whole or not at all, refused with a reason where they are
broken or something else.

Knows nothing of what is in them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..whole import write_whole

KIND = "cflow"
VERSION = "version"


class BadDocument(ValueError):
    """A file is not what it should be; the text says which file, and what is wrong with it."""


def write_document(path: Path, kind: str, version: int, content: Mapping[str, Any]) -> None:
    """Write a document; a reader meets the old one or the new one, never half of it.

    Raises
    ------
    OSError: it cannot be written.
    """
    text = json.dumps({KIND: kind, VERSION: version, **content}, indent=1, ensure_ascii=False) + "\n"
    write_whole(path, text.encode())


def read_document(path: Path, kind: str, version: int) -> dict[str, Any]:
    """The content of a document of one kind.

    Raises
    ------
    BadDocument: there is none, it is broken, of another kind, or of a later version.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadDocument(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise BadDocument(f"{path} is no {kind} file: it is not text") from None
    except OSError as error:
        raise BadDocument(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        said = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise BadDocument(f"{path} is broken: it is no JSON ({said})") from None
    if not isinstance(value, dict) or KIND not in value:
        raise BadDocument(f"{path} is no {kind} file: it was not written by cflow")
    if value[KIND] != kind:
        raise BadDocument(f"{path} is a {value[KIND]} file: a {kind} file is wanted")
    found = value.get(VERSION)
    if not isinstance(found, int) or found > version:
        raise BadDocument(f"{path} has the version {found}; this cflow reads {kind} files up to version {version}")
    return value
