"""The names of journal entries, taken apart again (:mod:`..executor.at` makes them)."""

from __future__ import annotations

import re

from attrs import frozen

from ..store.failures import Unknown

_FRAME = re.compile(r"([^:~]*)([:~])")
_NAME = re.compile(r"([^\[#]*)(?:\[(\d+)\])?(?:#(\d+))?")
_LEAF = re.compile(r"([^\[#!=@<|$]*)(?:\[(\d+)\])?(?:([#!=@<|$])(.*))?", re.DOTALL)


@frozen
class Step:
    """One part of the way: inside a flow call, a pass of a loop (``index``, from 0), or the undo of a call.

    ``attempt``: of a flow call, from 1.
    """

    id: str
    index: int | None = None
    attempt: int = 1
    undo: bool = False


@frozen
class Name:
    """What an entry is of: the way there, the operation, and what of it (``mark``, empty for a call's outcome).

    The marks: ``#`` an attempt (``number``), ``@`` a clock, ``!`` it failed and cuts others, ``=`` a decision, ``<``
    an item of a stream, ``|`` a window, ``$`` something remembered (``text``: ``once`` or ``cache``).
    """

    way: tuple[Step, ...]
    id: str
    index: int | None = None
    mark: str = ""
    text: str = ""

    @property
    def number(self) -> int:
        return int(self.text) if self.text.isdigit() else 0


def read_name(key: str) -> Name:
    """The parts of an entry's key."""
    way = []
    end = 0
    for frame in _FRAME.finditer(key):
        found = _NAME.fullmatch(frame[1])
        id, index, attempt = found.groups() if found is not None else (frame[1], None, None)
        way.append(Step(id, None if index is None else int(index), int(attempt or 1), frame[2] == "~"))
        end = frame.end()
    leaf = _LEAF.fullmatch(key[end:])
    if leaf is None:
        return Name(tuple(way), key[end:])
    id, index, mark, text = leaf.groups()
    return Name(tuple(way), id, None if index is None else int(index), mark or "", text or "")


def path_of(key: str) -> str:
    """The call that an entry is of: its key without what follows the operation."""
    end = 0
    for frame in _FRAME.finditer(key):
        end = frame.end()
    leaf = _LEAF.fullmatch(key[end:])
    if leaf is None:
        return key
    id, index, _, _ = leaf.groups()
    return key[:end] + id + (f"[{index}]" if index is not None else "")


def only(found: list[str], name: str, what: str) -> str:
    """The one that a name fits. ``what``: a word for what is looked for.

    Raises
    ------
    Unknown: there is none, or several; the message lists them.
    """
    if len(found) == 1:
        return found[0]
    if not found:
        msg = f"no {what} {name!r} is on record; `cflow show --json` has the key of each step"
        raise Unknown(msg)
    more = f" … ({len(found)})" if len(found) > 8 else ""
    msg = f"{len(found)} {what}s fit {name!r}; say which: {' '.join(found[:8])}{more}"
    raise Unknown(msg)
