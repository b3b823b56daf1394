"""Entries of a journal: what a run recorded of one step."""

from __future__ import annotations

from typing import Any

import msgspec

DONE, FAILED, CUT, ITEM, END, TRY, GIVEN, OWED = range(8)
"""Kinds. ``DONE``: a call gave a value. ``FAILED``: it raised, for good. ``CUT``: something was decided that cuts
others. ``ITEM``, ``END``: an item of a stream, its end. ``TRY``: an attempt failed, and there is another. ``GIVEN``: a
value stands for the call and owes nothing more (its default, what is remembered). ``OWED``: an attempt that may yet be
too late has done its work, so its undo is owed (``data``: what it gave)."""

RESUMED, SINCE = "!resumed#", "!since#"
"""What the keys of entries begin with that no step has made; their number follows. ``RESUMED``: somebody went on with
the run after its process had died (``data``: did a person ask for it?). ``SINCE``: it goes on from a step, so of the
entries before this one only those with a number below ``data`` count."""


class Entry(msgspec.Struct):
    """What is recorded. (A struct: there is one a step, and it is made in a tenth of the time of a class of attrs.)

    ``data``: a value, or an error (of ``FAILED`` and ``TRY``). ``began``: epoch seconds; ``took``:
    seconds. ``attempt``: which one it was of. ``spare``: of a call that writes nothing: it may be made again."""

    key: str
    kind: int
    data: Any = None
    began: float = 0.0
    took: float = 0.0
    attempt: int = 1
    spare: bool = False


class Recorded(msgspec.Struct, gc=False):
    """What was recorded before: its number in the journal, and ``data`` as bytes. (Of a long journal there are a
    million, and the collector, which they cannot concern, need not look at any.)"""

    number: int
    key: str
    kind: int
    data: bytes
    attempt: int = 1
    spare: bool = False
