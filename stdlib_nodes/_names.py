"""Names that strangers chose, where they become names of files, keys or lines of a protocol. It knows no nodes."""

from __future__ import annotations

_LONGEST = 200  # characters of a name of a file


def has_control(text: str) -> bool:
    """Does a text hold what ends or hides a line: control characters, or one half of a pair?"""
    return any(c < " " or "\x7f" <= c <= "\x9f" or c in "\u2028\u2029" or "\ud800" <= c <= "\udfff" for c in text)


def climbs(path: str) -> bool:
    """Does a path have ``.`` or ``..`` for a part, as some reader of it may take it?"""
    return any(part in (".", "..") for part in path.replace("\\", "/").split("/"))


def file_name(written: str, otherwise: str) -> str:
    """A plain name of a file: the last part of what a stranger wrote, without what makes trouble in names."""
    last = written.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(" .")
    head, dot, tail = kept.rpartition(".")
    if len(kept) > _LONGEST:
        kept = f"{head[: _LONGEST - len(tail) - 1]}.{tail}" if dot and len(tail) < 20 else kept[:_LONGEST]
    while len(kept.encode()) > 255:
        kept = kept[1:]
    return kept or otherwise


def shown(address: str) -> str:
    """What may be shown of an address that is none: with a password forgotten or misplaced, no more than this."""
    scheme, colon, rest = address.partition("://")
    host = rest.rpartition("@")[2] if "@" in rest else ""
    return f"{scheme}://...{host}" if colon else "a text without ://"
