"""What generated code calls in recorded runs, in place of what it calls in others."""

from __future__ import annotations

from typing import Any

from .invoke import Tries
from .recorded import recorded
from .recordedblocks import for_each, parallel, race
from .recordedstreams import NodeStream, sought
from .watch import timeout

NAMES: dict[str, Any] = {
    "_recorded": recorded,
    "_Tries": Tries,
    "_node_stream": NodeStream,
    "_sought": sought,
    "_timeout": timeout,
    "_for_each": for_each,
    "_parallel": parallel,
    "_race": race,
}
